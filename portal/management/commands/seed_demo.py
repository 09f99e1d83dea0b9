"""manage.py seed_demo"""

import json
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from applications.models import Application
from portal import clock
from portal.demo_world import PEOPLE, build
from portal.models import User


class Command(BaseCommand):
    help = (
        "Fill an empty database with the demo world. Does nothing when it is there; refused outside the demo."
    )

    def handle(self, *args: object, **options: object) -> None:
        if not (settings.DEMO and settings.DEBUG):
            raise CommandError("The demo world is for the demo only: set DEMO=true and DEBUG=true.")
        if Application.objects.exists():
            there = User.objects.filter(email__in=[person.email for person in PEOPLE]).count()
            self.stdout.write(
                "The demo world is there." if there else "There are applications; nothing was made."
            )
            return
        started = time.monotonic()
        made = build.build(at=clock.now())
        self.stdout.write(json.dumps({**made, "seconds": round(time.monotonic() - started, 1)}))
