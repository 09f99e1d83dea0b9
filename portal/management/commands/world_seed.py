"""manage.py world_seed"""

import json
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from applications.models import Application
from portal import clock
from portal.demo_world.world_seed import make_world


class Command(BaseCommand):
    help = "Fill an empty database with people in every role and marked texts; prints what was made as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--seed", type=int, required=True, metavar="N", help="another number, other people"
        )
        parser.add_argument(
            "--size", type=int, default=4, metavar="N", help="applications in each program (4)"
        )

    def handle(self, *args: object, seed: int, size: int, **options: object) -> None:
        if not (settings.TESTING or settings.DEBUG):
            raise CommandError(
                "A seeded world is for tests and the demo only: set TESTING=true or DEBUG=true."
            )
        if Application.objects.exists():
            raise CommandError("There are applications already; seed an empty database.")
        if not 1 <= size <= 1_000:
            raise CommandError("--size is from 1 to 1000.")
        with transaction.atomic():
            made = make_world(seed=seed, size=size, at=clock.now())
        self.stdout.write(json.dumps(made, indent=2))
