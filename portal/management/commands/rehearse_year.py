"""manage.py rehearse_year"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from portal.rehearsal import scratch


class Command(BaseCommand):
    help = (
        "Play a year of all shipped programs in a scratch database: intake, batch, reviews, release, delivery through "
        "faults, usage, holds and ends of credit. Exit 1 when a promise was broken at the end of a month."
    )
    requires_system_checks: list[str] = []  # nothing of this installation is used

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--applications", required=True, type=Path, metavar="FILE", help="texts, JSONL or CSV"
        )
        parser.add_argument("--months", type=int, default=12, metavar="N", help="months to play (12)")
        parser.add_argument(
            "--size", type=int, default=1_000, metavar="N", help="applications per program and month (1,000)"
        )
        parser.add_argument(
            "--reviewers", type=int, default=24, metavar="N", help="reviewers per program (24)"
        )
        parser.add_argument(
            "--seed", type=int, default=1, metavar="N", help="another number, another year (1)"
        )
        parser.add_argument(
            "--fault-rate",
            type=float,
            default=0.3,
            metavar="SHARE",
            help="provider calls that go wrong (0.3)",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: object, applications: Path, **options: object) -> None:
        if not applications.is_file():
            raise CommandError(f"{applications} is not a file.")
        for name, least, most in (
            ("months", 1, 36),
            ("size", 3, 10**5),
            ("reviewers", 3, 1000),
            ("fault_rate", 0.0, 0.9),
        ):
            if not least <= float(str(options[name])) <= most:
                raise CommandError(f"--{name.replace('_', '-')} is from {least} to {most}.")
        names = ("months", "size", "reviewers", "seed", "fault_rate", "json")
        code = scratch.run(
            {"applications": str(applications.resolve()), **{name: options[name] for name in names}}
        )
        if code:
            sys.exit(code)
