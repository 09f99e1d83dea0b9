"""manage.py usage_import: what organizations used, from a CSV."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from credits import usage_files
from portal import clock
from portal.models import User
from portal.refusals import Refused


class Command(BaseCommand):
    help = (
        "Count usage by a CSV with the columns organization_id, day (2026-12-07), amount, currency. A line whose "
        "organization_id is “total” must match the sum of the amounts. Prints JSON; exit 1 when a line was refused."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who brings the file")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, count nothing")

    def handle(self, *, file, by, dry_run, **options):
        person = User.objects.filter(email__iexact=by, is_staff=True, is_active=True).first()
        if person is None:
            raise CommandError(f"No active staff account has the address {by}.")
        try:
            result = usage_files.take(data=file.read_bytes(), by=person, at=clock.now(), dry_run=dry_run)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(
                {
                    "counted": result.counted,
                    "repeated": result.repeated,
                    "uncovered": result.uncovered,
                    "moved_cents": result.moved_cents,
                    "dry_run": result.dry_run,
                    "problems": [{"line": line, "problem": problem} for line, problem in result.problems],
                }
            )
        )
        if result.problems:
            sys.exit(1)
