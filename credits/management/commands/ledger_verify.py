"""manage.py ledger_verify: every check of the ledger, as JSON; exit 1 when there is a difference."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from credits import anchors, checks, ledger
from credits.models import LedgerAccount, Transfer
from portal import clock
from portal.models import User


class Command(BaseCommand):
    help = "Check the ledger against itself, the deliveries and an outside anchor. Prints JSON; exit 1 on any difference."

    def add_arguments(self, parser):
        parser.add_argument(
            "--anchor", type=Path, help="file with copies of the chain heads, to compare with"
        )
        parser.add_argument(
            "--write-anchor",
            type=Path,
            nargs="?",
            const=Path(),
            metavar="FILE",
            help="add the chain heads to this file, or to the usual one",
        )
        parser.add_argument(
            "--resume", metavar="EMAIL", help="allow posting again, in the name of this person"
        )

    def handle(self, *, anchor, write_anchor, resume, **options):
        problems = checks.ledger_problems(anchor=anchor)
        heads = anchors.chain_heads()
        result = {
            "ok": not problems,
            "problems": problems,
            "checks": len(checks.CHECKS) + (anchor is not None),
            "transfers": Transfer.objects.count(),
            "accounts": LedgerAccount.objects.count(),
            "digest": anchors.digest(heads),
        }
        if write_anchor is not None and not problems:
            store = anchors.store() if write_anchor == Path() else anchors.FileAnchors(write_anchor)
            anchors.write(store, at=clock.now())
            result["anchor"] = str(store)
        if resume:
            self._resume(resume, problems)
        self.stdout.write(json.dumps(result, indent=2))
        if problems:
            sys.exit(1)

    def _resume(self, email, problems):
        if problems:
            raise CommandError("There are differences; posting stays stopped.")
        person = User.objects.filter(email__iexact=email, is_staff=True, is_active=True).first()
        if person is None:
            raise CommandError(f"No active staff account has the address {email}.")
        ledger.resume_posting(by=person, at=clock.now())
