"""manage.py reconcile: compare our grants with the provider's list; exit 1 when there is a difference."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from credits import provider_lists, reconcile
from credits.models import ReconciliationState
from portal import clock
from portal.refusals import Refused


class Command(BaseCommand):
    help = (
        "Compare with the provider's list, asked for or as a CSV with the columns key, organization_id, amount and "
        "currency. Differences open cases; nothing is changed. Exit 1 on any difference."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--file", type=Path, metavar="CSV", help="the list, when the provider has no address"
        )
        parser.add_argument("--json", action="store_true", help="print JSON and not sentences")

    def handle(self, *, file, **options):
        at = clock.now()
        try:
            run = self._from(file, at) if file else reconcile.ask(by=None, at=at)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except Refused as error:
            raise CommandError(str(error)) from error
        run = reconcile.carry_out(run=run, at=at)
        self._report(run, as_json=options["json"])
        if run.state != ReconciliationState.DONE or run.differences:
            sys.exit(1)

    def _from(self, file, at):
        with file.open(encoding="utf-8", newline="") as lines:
            return reconcile.take_list(theirs=provider_lists.read(lines), name=file.name, by=None, at=at)

    def _report(self, run, *, as_json):
        names = ("listed", "equal", "unsettled", "ours_only", "theirs_only", "differing", "new_cases")
        found = {name: getattr(run, name) for name in names}
        if as_json:
            done = run.state == ReconciliationState.DONE
            self.stdout.write(
                json.dumps(
                    {"ok": done and not run.differences, "run": run.pk, "failure": run.failure, **found}
                )
            )
            return
        if run.failure:
            self.stdout.write(run.failure)
        for name, number in found.items():
            self.stdout.write(f"{name.replace('_', ' '):>12}  {number:,}")
