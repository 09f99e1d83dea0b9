"""Check the ledger, remember what was found, and stop posting when something is wrong (docs/ledger.md, "Checks")."""

import logging
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from credits import checks, ledger
from credits.models import LedgerCheck, Transfer

logger = logging.getLogger(__name__)


def anchor_path() -> Path:
    """The file that keeps copies of the chain heads of this database.

    The database's number is part of the name, so that a scratch database never answers for another one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname, oid FROM pg_database WHERE datname = current_database()")
        name, oid = cursor.fetchone()
    return Path(settings.LOCAL_DIR) / "anchors" / f"{name}-{oid}.jsonl"


def check(*, at: datetime) -> LedgerCheck:
    """Run all checks against the database and its outside anchor, and store the result.

    Without a difference the chain heads are added to the anchor file. With one, posting stops, reading goes on, and the
    log says what a person has to look at.
    """
    path = anchor_path()
    problems = checks.ledger_problems(anchor=path if path.exists() else None)
    anchor = ""
    if problems:
        ledger.stop_posting()
        for problem in problems:
            logger.error("ledger check: %s", problem)
    else:
        anchor = checks.write_anchor(path, at=at)
    return LedgerCheck.objects.create(
        at=at, problems=problems, transfers=Transfer.objects.count(), anchor=anchor
    )
