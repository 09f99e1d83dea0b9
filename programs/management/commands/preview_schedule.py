"""Show the evaluation days of a rule, as they would be stored."""

import json
import re
from calendar import monthrange
from datetime import date, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.refusals import Refused
from programs import schedule


class Command(BaseCommand):
    help = "Print the evaluation days of a calendar rule: local date, cut-off in UTC, decided-by date, any shift."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rule", required=True, metavar="RRULE", help="such as FREQ=MONTHLY;BYDAY=1MO")
        parser.add_argument("--zone", required=True, help="IANA name, such as America/Los_Angeles")
        parser.add_argument("--time", default="00:00", metavar="HH:MM", help="cut-off on the evaluation day")
        parser.add_argument("--from", dest="first", required=True, metavar="YYYY-MM")
        parser.add_argument("--to", dest="last", required=True, metavar="YYYY-MM")
        parser.add_argument("--decided-by-days", type=int, default=14)
        parser.add_argument(
            "--exception",
            action="append",
            default=[],
            metavar="DAY=DAY",
            help="move one day to another, or leave it out with DAY= (may be repeated)",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = _month(options["first"]), _month(options["last"])
        exceptions = dict(_exception(text) for text in options["exception"])
        if problems := schedule.problems(options["rule"], options["zone"], exceptions):
            raise CommandError(" ".join(problems))
        try:
            moments = schedule.moments(
                rule=options["rule"],
                time_zone=options["zone"],
                time_of_day=time.fromisoformat(options["time"]),
                exceptions=exceptions,
                decided_by_days=options["decided_by_days"],
                after=first - timedelta(days=1),
                until=last.replace(day=monthrange(last.year, last.month)[1]),
            )
        except (Refused, ValueError, OverflowError) as error:
            raise CommandError(str(error)) from error
        rows = [
            {
                "evaluation_on": moment.evaluation_on.isoformat(),
                "cut_off_at": moment.cut_off_at.isoformat().replace("+00:00", "Z"),
                "decided_by_on": moment.decided_by_on.isoformat(),
                "shifted_from": moment.shifted_from.isoformat() if moment.shifted_from else None,
            }
            for moment in moments
        ]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for moment, row in zip(moments, rows, strict=True):
            shifted = f"  moved from {row['shifted_from']}" if row["shifted_from"] else ""
            self.stdout.write(
                f"{moment.evaluation_on:%a} {row['evaluation_on']}  cut-off {row['cut_off_at']}"
                f"  decided by {row['decided_by_on']}{shifted}"
            )


def _month(text: str) -> date:
    try:
        found = date.fromisoformat(f"{text}-01") if re.fullmatch(r"\d{4}-\d{2}", text) else None
    except ValueError:
        found = None
    if found is None or found.year < 1902:
        raise CommandError(f"“{text}” is not a month. Write it like 2026-12.")
    return found


def _exception(text: str) -> tuple[date, date | None]:
    regular, _, moved = text.partition("=")
    try:
        return date.fromisoformat(regular), date.fromisoformat(moved) if moved else None
    except ValueError:
        raise CommandError(f"“{text}” is no exception. Write it like 2026-09-07=2026-09-08.") from None
