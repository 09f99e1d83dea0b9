"""What django-allauth tells us about accounts: its own signals, the only way in which it says so."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, password_reset

from portal import clock, recovery
from portal.models import User


def on_password_reset(user: User, **_more: Any) -> None:
    """Somebody who reads the mailbox has set a new password."""
    recovery.note(user=user, how="password_reset", at=clock.now())


def on_email_changed(user: User, from_email_address: EmailAddress | None, **_more: Any) -> None:
    """Letters and codes of the account go to another address from now on. The first address is no change."""
    if from_email_address is not None:
        recovery.note(user=user, how="address_change", at=clock.now())


def connect() -> None:
    """Listen; called once, when the app is ready. A second call changes nothing."""
    password_reset.connect(on_password_reset, dispatch_uid="portal.recovery")
    email_changed.connect(on_email_changed, dispatch_uid="portal.recovery")
