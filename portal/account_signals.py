"""What django-allauth tells us about accounts. Connected once, when the app is ready."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, password_reset
from django.dispatch import receiver

from portal import clock, recovery
from portal.models import User


@receiver(password_reset)
def on_password_reset(user: User, **_more: Any) -> None:
    """Somebody who reads the mailbox has set a new password."""
    recovery.note(user=user, how="password_reset", at=clock.now())


@receiver(email_changed)
def on_email_changed(user: User, from_email_address: EmailAddress | None, **_more: Any) -> None:
    """Letters and codes of the account go to another address from now on. The first address is no change."""
    if from_email_address is not None:
        recovery.note(user=user, how="address_change", at=clock.now())
