"""Fill the list of institutions from a ROR dump or a CSV file."""

import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from applications import institution_files, institutions

SHIPPED = Path(institutions.__file__).parent / "data" / "institutions.csv"
MOST_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Add and update the institutions that applicants can choose from. FILE is a ROR dump (JSON of schema 1 or 2, or "
        "the zip it comes in) or CSV with the columns name, country_iso2 and perhaps domains, ror_id, types, aliases. "
        "Safe to run again: only what differs is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the list to read")
        parser.add_argument(
            "--shipped", action="store_true", help="add the short list that comes with the portal"
        )
        parser.add_argument("--no-progress", action="store_true", help="show no progress bar")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = SHIPPED if options["shipped"] else options["file"]
        if path is None or (options["shipped"] and options["file"]):
            raise CommandError("Name one file, or say --shipped.")
        started = time.monotonic()
        try:
            raw = institution_files.read(path.read_bytes(), name=path.name)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        except institution_files.BadList as error:
            raise CommandError(str(error)) from error
        hidden = options["no_progress"] or not sys.stderr.isatty()
        bar = tqdm(raw, unit=" rows", file=sys.stderr, disable=hidden)
        report = institutions.take_in(institution_files.rows(bar), only_new=options["shipped"])
        if report.added or report.changed:
            institutions.refresh_statistics()
        self._say(report, time.monotonic() - started)

    def _say(self, report: institutions.Imported, seconds: float) -> None:
        for number, problem in report.problems[:MOST_SHOWN]:
            self.stderr.write(f"row {number}: {problem}")
        if len(report.problems) > MOST_SHOWN:
            self.stderr.write(f"and {len(report.problems) - MOST_SHOWN:,} more rows with problems")
        self.stdout.write(
            f"{report.added:,} added, {report.changed:,} changed, {report.unchanged:,} unchanged, "
            f"{report.removed:,} removed, {len(report.problems):,} refused in {seconds:.1f} s"
        )
