"""manage.py trial_balance: what all accounts of each kind held at an instant; exit 1 when the total is not zero."""

import json
import sys

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from credits import trial_balance
from credits.money import plain
from portal import clock


class Command(BaseCommand):
    help = "Print the trial balance at an instant. Exit 1 when a currency does not add up to zero."

    def add_arguments(self, parser):
        parser.add_argument("--at", metavar="ISO", help="such as 2026-12-31T23:59:59Z; now unless given")
        parser.add_argument("--json", action="store_true", help="print JSON and not a table")

    def handle(self, *, at, **options):
        moment = parse_datetime(at) if at else clock.now()
        if moment is None or moment.tzinfo is None:
            raise CommandError("Give the instant with its zone, such as 2026-12-31T23:59:59Z.")
        found = trial_balance.at_instant(moment)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found), indent=2))
        else:
            for line in found.lines:
                sums = f"{plain(line.debit_cents):>18} {plain(line.credit_cents):>18}"
                self.stdout.write(f"{line.kind.label:<12} {line.currency} {sums}")
            for currency, cents in found.totals.items():
                self.stdout.write(f"{'Total':<12} {currency} {plain(cents):>37}")
        if not found.is_zero:
            sys.exit(1)


def as_json(found):
    return {
        "at": found.at.isoformat(),
        "ok": found.is_zero,
        "lines": [
            {
                "kind": line.kind.value,
                "currency": line.currency,
                "accounts": line.accounts,
                "debit_cents": line.debit_cents,
                "credit_cents": line.credit_cents,
            }
            for line in found.lines
        ],
        "totals": found.totals,
    }
