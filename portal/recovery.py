"""When an account was last taken back by mail, and how long after that nothing valuable is handed out on its word.

Whoever can read somebody's mailbox can reset the password, or move the account to an address of their own. The owner then
has three days to notice before an organization ID is given or changed. Source: docs/security.md, "After a recovery".
"""

from datetime import datetime, timedelta

from portal import audit
from portal.models import User

HOLD = timedelta(hours=72)


def note(*, user: User, how: str, at: datetime) -> None:
    """Record that an account was recovered now. how: "password_reset" or "address_change"."""
    User.objects.filter(pk=user.pk).update(recovered_at=at)
    user.recovered_at = at
    audit.record(action="account.recover", subject=user, by=user, at=at, how=how)


def hold_until(user: User, *, at: datetime) -> datetime | None:
    """Until when nothing is handed out on the word of this account; None for one that was not recovered lately.

    No query: reads the row at hand.
    """
    until = user.recovered_at + HOLD if user.recovered_at else None
    return until if until is not None and until > at else None
