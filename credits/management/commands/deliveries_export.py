"""manage.py deliveries_export: the orders to carry to the provider, as CSV."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from credits import delivery, providers
from credits.providers import manual
from portal import clock
from portal.models import User
from portal.refusals import Refused


class Command(BaseCommand):
    help = (
        "Put ready grants on their way and write the waiting orders as CSV. They count as sent from then on."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "file", type=Path, help="where to write the CSV; an existing file is not overwritten"
        )
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who carries the file")
        parser.add_argument(
            "--again", action="store_true", help="also orders handed over before and not settled"
        )

    def handle(self, *, file, by, again, **options):
        person = User.objects.filter(email__iexact=by, is_staff=True, is_active=True).first()
        if person is None:
            raise CommandError(f"No active staff account has the address {by}.")
        if providers.get().automatic:
            raise CommandError(
                "This provider is called by machine. Whoever carried the orders too would have it give twice."
            )
        now = clock.now()
        try:
            delivery.dispatch(at=now)
        except Refused as error:
            raise CommandError(str(error)) from error
        try:
            out = file.open("x", encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        with out:
            orders = delivery.hand_over(by=person, at=now, again=again)
            out.write(manual.write_orders(orders))
        self.stdout.write(f"{len(orders)} orders written to {file}")
