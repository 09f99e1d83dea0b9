"""Check the ledger, remember what was found, and stop posting when something is wrong (docs/ledger.md, "Checks")."""

import logging
from datetime import datetime

from credits import anchors, cases, checks, ledger
from credits.models import LedgerCheck, Transfer

logger = logging.getLogger(__name__)


def check(*, at: datetime) -> LedgerCheck:
    """Run all checks against the database and its outside anchors, and store the result.

    Without a difference the chain heads are added to the anchors. With one, posting stops, reading goes on, and the
    log says what a person has to look at. Copies that are gone from the store open a case.
    """
    store = anchors.store()
    missing = anchors.forgotten(store)
    if missing:
        logger.error("%s copies of the chain heads are missing in %s", missing, store)
        words = f"{missing:,} copies of the chain heads that this database remembers are not in {store}."
        cases.open_case(kind="anchor", key=f"anchor:{missing}:{store}", words=words, at=at)
    problems = checks.ledger_problems(anchor=store if _is_begun(store) else None)
    anchor = "" if problems else anchors.write(store, at=at)
    # First the row that pages show: stopping waits for whoever is posting.
    done = LedgerCheck.objects.create(
        at=at, problems=problems, transfers=Transfer.objects.count(), anchor=anchor
    )
    if problems:
        for problem in problems:
            logger.error("ledger check: %s", problem)
        ledger.stop_posting()
    return done


def _is_begun(store: anchors.AnchorStore) -> bool:
    """Whether the store holds anything; a new installation has nothing to compare with yet."""
    try:
        return next(iter(store.lines()), None) is not None
    except FileNotFoundError:
        return False
