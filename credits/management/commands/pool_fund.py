"""manage.py pool_fund: put credit into the pool of a program and period, asked by one person, approved by another."""

import json

from django.core.management.base import BaseCommand, CommandError

from credits import ledger, queries
from credits.money import parse_money
from portal import clock
from portal.database import with_retries
from portal.models import User
from portal.refusals import Refused


class Command(BaseCommand):
    help = "Add credit to a program's pool. Two staff accounts are needed. The same --key adds nothing twice."

    def add_arguments(self, parser):
        parser.add_argument("--program", required=True, help="slug of the program")
        parser.add_argument("--period", required=True, help="such as 2026")
        parser.add_argument("--amount", required=True, help='such as "250,000" or 1500.50')
        parser.add_argument("--currency", default="USD")
        parser.add_argument("--made-by", required=True, metavar="EMAIL")
        parser.add_argument("--approved-by", required=True, metavar="EMAIL")
        parser.add_argument(
            "--key", default="first", help="names this funding within the period; repeating it adds nothing"
        )

    def handle(self, *, program, period, amount, currency, made_by, approved_by, key, **options):
        if key.startswith("request-"):
            raise CommandError(
                "Keys that begin with request- belong to the requests of the page. Use another."
            )
        try:
            cents = parse_money(amount, currency)
            transfer = with_retries(
                lambda: ledger.fund(
                    program=program,
                    period=period,
                    amount_cents=cents,
                    currency=currency,
                    made_by=self._staff(made_by),
                    approved_by=self._staff(approved_by),
                    key=f"fund:{program}:{period}:{key}",
                    at=clock.now(),
                )
            )
        except (Refused, ledger.CannotPost) as error:
            raise CommandError(str(error)) from error
        code = ledger.pool_code(program, period)
        result = {"transfer": transfer.pk, "pool": code, "balance_cents": queries.pool_balance(code)}
        self.stdout.write(json.dumps(result))

    def _staff(self, email):
        person = User.objects.filter(email__iexact=email, is_staff=True, is_active=True).first()
        if person is None:
            raise CommandError(f"No active staff account has the address {email}.")
        return person
