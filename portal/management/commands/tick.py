"""manage.py tick"""

import json
from argparse import ArgumentParser
from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from applications.tick import tick
from portal import clock


class Command(BaseCommand):
    help = "Do what is due now: plan and open cycles, form batches, screen, assign. Prints JSON. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--now", metavar="ISO", help="ask for another moment, such as 2026-12-07T08:00:00+00:00"
        )

    def handle(self, *args: object, now: str | None, **options: object) -> None:
        done = tick(at=_moment(now) if now else clock.now())
        self.stdout.write(json.dumps(done.as_json()))
        if done.failed:
            raise CommandError(f"cycles {done.failed} failed; see the log")
        if done.broken:
            raise CommandError(f"failed: {', '.join(done.broken)}; see the log")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--now needs an ISO date and time with its zone, not {text!r}") from None
    if timezone.is_naive(moment):
        raise CommandError("--now needs a zone, such as +00:00")
    return moment
