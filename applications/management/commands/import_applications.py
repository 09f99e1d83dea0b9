"""manage.py import_applications"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import yaml
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from applications import import_files, imports
from portal import clock
from portal.refusals import Refused
from programs.models import Program


class Command(BaseCommand):
    help = (
        "Take in applications from a CSV or JSONL file. Good rows are submitted, bad rows are listed and left out; "
        "running it again takes in only what is missing. Exit 1 when a row was refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV file with a header row, or one JSON object a line")
        parser.add_argument("--program", required=True, metavar="SLUG", help="the program that is asked")
        parser.add_argument(
            "--map",
            type=Path,
            metavar="FILE",
            help="YAML or JSON: file column -> question key or account.email",
        )
        parser.add_argument("--format", choices=["csv", "jsonl"], help="unless the file's name tells")
        parser.add_argument(
            "--encoding", default="", help="unless the file is UTF-8, or UTF-16 with its mark"
        )
        parser.add_argument("--at", metavar="ISO", help="submit as of this moment, with its zone (now)")
        parser.add_argument("--receipts", action="store_true", help="send each applicant the receipt")
        parser.add_argument(
            "--make-addresses",
            action="store_true",
            help="invent missing addresses at example.org; for rehearsals",
        )
        parser.add_argument("--dry-run", action="store_true", help="check and report, store nothing")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: object, file: Path, program: str, map: Path | None, **options: object) -> None:
        chosen = _program(program)
        try:
            table = import_files.read(
                _bytes(file), format=_format(file, options["format"]), encoding=str(options["encoding"])
            )
            columns = imports.columns_for(program_id=chosen.pk, table=table, given=_map(map))
            with tqdm(total=len(table.records), unit="row", desc="import", file=sys.stderr) as bar:
                report = imports.take_in(
                    program_id=chosen.pk,
                    table=table,
                    columns=columns,
                    at=_moment(options["at"]),
                    dry_run=bool(options["dry_run"]),
                    receipts=bool(options["receipts"]),
                    make_addresses=bool(options["make_addresses"]),
                    progress=bar.update,
                )
        except Refused as error:
            raise CommandError(str(error)) from error
        found = {
            **asdict(report),
            "dry_run": options["dry_run"],
            "columns": {**columns.questions, **{f"account.{k}": v for k, v in columns.account.items()}},
            "unknown_columns": columns.unknown,
        }
        self.stdout.write(json.dumps(found, ensure_ascii=False) if options["json"] else _as_text(found))
        if report.refused and not options["dry_run"]:
            sys.exit(1)


def _program(slug: str) -> Program:
    program = Program.objects.filter(slug=slug).first()
    if program is None:
        known = ", ".join(Program.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no program {slug!r}. Programs: {known}.")
    return program


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error


def _format(file: Path, given: object) -> str:
    if given:
        return str(given)
    kinds = {
        ".csv": "csv",
        ".tsv": "csv",
        ".txt": "csv",
        ".jsonl": "jsonl",
        ".ndjson": "jsonl",
        ".json": "jsonl",
    }
    try:
        return kinds[file.suffix.lower()]
    except KeyError:
        raise CommandError(f"{file.name}: say what it is with --format csv or --format jsonl.") from None


def _map(file: Path | None) -> Mapping[str, object] | None:
    if file is None:
        return None
    try:
        read = yaml.safe_load(_bytes(file).decode("utf-8"))  # YAML reads JSON too
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} is neither YAML nor JSON: {error}") from error
    if not isinstance(read, dict):
        raise CommandError(f"{file} must map file columns to questions.")
    return {str(column): target for column, target in read.items()}


def _moment(text: object) -> datetime:
    if not text:
        return clock.now()
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise CommandError(f"--at needs an ISO date and time with its zone, not {text!r}.") from None
    if timezone.is_naive(moment):
        raise CommandError("--at needs a zone, such as +00:00.")
    return moment


def _as_text(found: dict[str, object]) -> str:
    did = "would be taken in" if found["dry_run"] else "taken in"
    lines = [f"{found['taken']} {did}, {found['there']} already there, {found['refused']} refused."]
    evaluations = found["evaluations"]
    assert isinstance(evaluations, dict)
    lines += [f"  evaluation of {day}: {count}" for day, count in evaluations.items()]
    if found["unknown_columns"]:
        lines.append(f"Columns left out: {', '.join(map(str, found['unknown_columns']))}")  # type: ignore[call-overload]
    lines += [
        f"Row {problem['row']}{', “' + problem['column'] + '”' if problem['column'] else ''}: {problem['message']}"
        for problem in found["problems"]  # type: ignore[attr-defined]
    ]
    return "\n".join(lines)
