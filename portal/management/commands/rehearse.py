"""manage.py rehearse"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from portal.rehearsal import scratch
from programs import presets


class Command(BaseCommand):
    help = (
        "Play one whole evaluation of a shipped program in a scratch database, from the import of a file to posted "
        "credits, with a real worker and a real provider. Exit 1 when a promise was broken."
    )
    requires_system_checks: list[str] = []  # nothing of this installation is used

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--program", required=True, metavar="SLUG", help="a program that ships with the portal"
        )
        parser.add_argument(
            "--applications", required=True, type=Path, metavar="FILE", help="texts, JSONL or CSV"
        )
        parser.add_argument("--limit", type=int, default=0, metavar="N", help="take only the first N rows")
        parser.add_argument("--reviewers", type=int, default=24, metavar="N", help="simulated reviewers (24)")
        parser.add_argument("--screeners", type=int, default=1, metavar="N", help="simulated screeners (1)")
        parser.add_argument("--managers", type=int, default=2, metavar="N", help="simulated managers (2)")
        parser.add_argument(
            "--seed", type=int, default=1, metavar="N", help="another number, another month (1)"
        )
        parser.add_argument(
            "--fault-rate",
            type=float,
            default=0.2,
            metavar="SHARE",
            help="provider calls that go wrong (0.2)",
        )
        parser.add_argument(
            "--size", type=int, default=0, metavar="N", help="repeat the rows, varied, up to N applications"
        )
        parser.add_argument(
            "--pages",
            action="store_true",
            help="screeners, reviewers, managers and the first grantees work at the real pages, over HTTP",
        )
        parser.add_argument(
            "--each",
            type=int,
            default=0,
            metavar="N",
            help="at the pages every screener and reviewer handles N, the others by the operations behind them (all)",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: object, program: str, applications: Path, **options: object) -> None:
        known = [path.stem for path in presets.shipped()]
        if program not in known:
            raise CommandError(f"There is no shipped program {program!r}. Shipped are: {', '.join(known)}.")
        if not applications.is_file():
            raise CommandError(f"{applications} is not a file.")
        for name, least, most in (
            ("limit", 0, 10**6),
            ("size", 0, 10**6),
            ("each", 0, 10**6),
            ("reviewers", 3, 1000),
            ("screeners", 1, 100),
            ("managers", 2, 100),
            ("fault_rate", 0.0, 0.9),
        ):
            if not least <= float(str(options[name])) <= most:
                raise CommandError(f"--{name.replace('_', '-')} is from {least} to {most}.")
        names = (
            "limit",
            "size",
            "reviewers",
            "screeners",
            "managers",
            "seed",
            "fault_rate",
            "pages",
            "each",
            "json",
        )
        code = scratch.run(
            {
                "program": program,
                "applications": str(applications.resolve()),
                **{name: options[name] for name in names},
            }
        )
        if code:
            sys.exit(code)
