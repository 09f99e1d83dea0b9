"""What every invitation by mail shares: the address, how many a day, how long it is open, and whom its link lets in."""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from applications.models import AwardMember, Collaborator
from portal.models import User
from portal.refusals import Refused

MOST_A_DAY = 20  # invitations that one person may send in 24 hours, over all applications and awards
OPEN_FOR = timedelta(days=14)


class CannotInvite(Refused):
    """The address cannot be invited; nothing was sent."""


class CannotJoin(Refused):
    """The invitation is over, or does not fit the account."""


class OtherAddress(CannotJoin):
    """The account has not verified the address that was invited."""


def clean_address(text: str) -> str:
    """The address in lower case. Raises CannotInvite."""
    address = text.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise CannotInvite(_("Write an e-mail address, such as name@example.org.")) from None
    if len(address) > 254:
        raise CannotInvite(_("This address is too long."))
    return address


def refuse_flood(*, by: User, at: datetime) -> None:
    """Raise CannotInvite for somebody who has sent their share of today."""
    since = at - timedelta(days=1)
    sent = sum(
        rows.filter(invited_by=by, invited_at__gt=since).count()
        for rows in (Collaborator.objects.all(), AwardMember.objects.all())
    )
    if sent >= MOST_A_DAY:
        raise CannotInvite(
            _("You have sent %(most_a_day)s invitations today. Please send the others tomorrow.")
            % {"most_a_day": MOST_A_DAY}
        )


def refuse_other_address(*, invited: str, person: User) -> None:
    """Raise OtherAddress unless this account has verified the address that got the letter."""
    verified = EmailAddress.objects.filter(user=person, verified=True, email__iexact=invited)
    if not verified.exists():
        raise OtherAddress(
            _(
                "This invitation went to another address than %(email)s. Sign in with the address that got the letter, or add that address to your account and confirm it."
            )
            % {"email": person.email}
        )


def refuse_taken(*, taken_by_id: int | None, invited_at: datetime, person: User, at: datetime) -> None:
    """Raise CannotJoin for an invitation that somebody else accepted, or that nobody did in time."""
    if taken_by_id not in (None, person.pk):
        raise CannotJoin(_("Another account has accepted this invitation."))
    if taken_by_id is None and at > invited_at + OPEN_FOR:
        raise CannotJoin(over())


def over() -> str:
    """What an ended invitation says."""
    return _("This invitation is over. Ask the person who sent it for a new one.")
