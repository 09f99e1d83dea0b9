"""manage.py confirmations_import: what the provider did with the orders, from a CSV."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from credits import delivery
from credits.providers import manual
from portal import clock
from portal.models import User
from portal.refusals import Refused


class Command(BaseCommand):
    help = "Settle deliveries by a CSV with the columns key, status (confirmed or refused), reason, amount. Prints JSON."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who brings the file")

    def handle(self, *, file, by, **options):
        person = User.objects.filter(email__iexact=by, is_staff=True, is_active=True).first()
        if person is None:
            raise CommandError(f"No active staff account has the address {by}.")
        try:
            confirmations = manual.read_confirmations(file.read_bytes())
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except Refused as error:
            raise CommandError(str(error)) from error
        result = delivery.take_confirmations(confirmations=confirmations, by=person, at=clock.now())
        self.stdout.write(
            json.dumps(
                {
                    "confirmed": result.confirmed,
                    "refused": result.refused,
                    "repeated": result.repeated,
                    "problems": [{"line": line, "problem": problem} for line, problem in result.problems],
                }
            )
        )
        if result.problems:
            sys.exit(1)
