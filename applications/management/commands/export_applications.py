"""Write every application that was sent, as CSV to the standard output: the complete record, for operators on the server.

People's conflicts bind their pages and exports; this one has no person behind it and leaves nothing out.
"""

import csv
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from applications import service_export


class Command(BaseCommand):
    help = "Every application that was sent, as CSV, complete whatever conflicts people have."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cycle", type=int, help="only this cycle (its number)")

    def handle(self, *, cycle: int | None, **options: Any) -> None:
        writer = csv.writer(self.stdout, lineterminator="\n")  # type: ignore[arg-type]
        writer.writerow(service_export.COLUMNS)
        writer.writerows(service_export.rows(cycle_id=cycle))
