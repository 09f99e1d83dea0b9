"""Co-investigators: invite by mail, accept with the invited address, change the right, end the access.

Who may do what is the page's question; here stands what is possible. Access is asked of the rows at every request
(Application.objects.readable_by, editable_by), so an ended one is gone at once.
"""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from applications import links, notices
from applications.emails import canonical, institution_domain
from applications.models import Application, Collaborator, Right
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused

MOST_PEOPLE = 10  # beside the applicant, open invitations included
MOST_A_DAY = 20  # invitations that one person may send in 24 hours, over all applications
OPEN_FOR = timedelta(days=14)


class CannotInvite(Refused):
    """The address cannot be invited; nothing was sent."""


class CannotJoin(Refused):
    """The invitation is over, or does not fit the account."""


class OtherAddress(CannotJoin):
    """The account has not verified the address that was invited."""


class CannotChange(Refused):
    """There is no access to change or to end."""


def people(application: Application) -> QuerySet[Collaborator]:
    """Everybody who has access or an open invitation, in the order of the invitations."""
    return application.collaborators.filter(ended_at__isnull=True).select_related("user").order_by("pk")


def place_of(person: User, application: Application) -> Collaborator | None:
    """This person's access to the application; None for the applicant and for everybody without."""
    return application.collaborators.filter(user=person, ended_at__isnull=True).first()


@transaction.atomic
def invite(*, application_id: int, email: str, right: str, by: User, at: datetime) -> Collaborator:
    """Invite one address and queue its letter. Whether the address has an account is not looked at.

    right: a value of Right. Raises CannotInvite.
    """
    application = (
        Application.objects.select_for_update(of=("self",)).select_related("applicant").get(pk=application_id)
    )
    address = _address(email)
    if application.state == State.WITHDRAWN:
        raise CannotInvite(_("A withdrawn application is shared with nobody."))
    if right not in Right.values:
        raise CannotInvite(_("Choose what the person may do."))
    if canonical(address) == canonical(application.applicant.email):
        raise CannotInvite(_("This is the applicant’s own address."))
    here = people(application)
    if here.filter(email=address).exists():
        raise CannotInvite(_("This address is invited already."))
    if here.count() >= MOST_PEOPLE:
        raise CannotInvite(
            _("An application has at most %(most_people)s people beside the applicant.")
            % {"most_people": MOST_PEOPLE}
        )
    lately = Collaborator.objects.filter(invited_by=by, invited_at__gt=at - timedelta(days=1))
    if lately.count() >= MOST_A_DAY:
        raise CannotInvite(
            _("You have sent %(most_a_day)s invitations today. Please send the others tomorrow.")
            % {"most_a_day": MOST_A_DAY}
        )
    collaborator = Collaborator.objects.create(
        application=application,
        email=address,
        domains=_domains(address),
        right=right,
        invited_by=by,
        invited_at=at,
    )
    notices.queue_invitation(collaborator=collaborator, application=application, at=at)
    audit.record(
        action="application.invite",
        subject=application,
        by=by,
        at=at,
        collaborator=collaborator.pk,
        right=right,
    )
    return collaborator


def by_token(token: str) -> Collaborator | None:
    """The invitation that a link names; None for a link that we did not make."""
    public_id = links.invitation_id(token)
    if public_id is None:
        return None
    return (
        Collaborator.objects.select_related("application__program", "application__applicant", "invited_by")
        .filter(public_id=public_id)
        .first()
    )


def refuse_joining(collaborator: Collaborator, *, person: User, at: datetime) -> None:
    """Raise OtherAddress or CannotJoin with the reason why this person cannot accept; return for one who may."""
    over = _("This invitation is over. Ask the person who sent it for a new one.")
    if collaborator.ended_at is not None or collaborator.application.state == State.WITHDRAWN:
        raise CannotJoin(over)
    verified = EmailAddress.objects.filter(user=person, verified=True, email__iexact=collaborator.email)
    if not verified.exists():
        raise OtherAddress(
            _(
                "This invitation went to another address than %(email)s. Sign in with the address that got the letter, or add that address to your account and confirm it."
            )
            % {"email": person.email}
        )
    if collaborator.user_id not in (None, person.pk):
        raise CannotJoin(_("Another account has accepted this invitation."))
    if collaborator.user_id is None and at > collaborator.invited_at + OPEN_FOR:
        raise CannotJoin(over)
    if collaborator.application.applicant_id == person.pk:
        raise CannotJoin(_("This is your own application."))


def accept(*, collaborator_id: int, by: User, at: datetime) -> Collaborator:
    """Give the invited person access; accepting again changes nothing. Raises OtherAddress or CannotJoin."""
    try:
        with transaction.atomic():
            collaborator = _locked(collaborator_id)
            refuse_joining(collaborator, person=by, at=at)
            if collaborator.user_id == by.pk:
                return collaborator
            collaborator.user, collaborator.accepted_at = by, at
            collaborator.domains = sorted({*collaborator.domains, *_domains(by.email)})
            collaborator.save(update_fields=["user", "accepted_at", "domains"])
            audit.record(
                action="application.join",
                subject=collaborator.application,
                by=by,
                at=at,
                collaborator=collaborator.pk,
            )
            return collaborator
    except IntegrityError as error:
        raise CannotJoin(_("You have access to this application already.")) from error


@transaction.atomic
def change_right(*, collaborator_id: int, right: str, by: User, at: datetime) -> Collaborator:
    """Let somebody edit, or only read, from the next request on. Raises CannotChange."""
    collaborator = _locked(collaborator_id)
    if collaborator.ended_at is not None or right not in Right.values:
        raise CannotChange(_("This access has ended."))
    if collaborator.right != right:
        collaborator.right = right
        collaborator.save(update_fields=["right"])
        audit.record(
            action="application.change_right",
            subject=collaborator.application,
            by=by,
            at=at,
            collaborator=collaborator.pk,
            right=right,
        )
    return collaborator


@transaction.atomic
def end(*, collaborator_id: int, by: User, at: datetime) -> Collaborator:
    """End an access, or take an invitation back; its link dies too. Ending twice changes nothing."""
    collaborator = _locked(collaborator_id)
    if collaborator.ended_at is None:
        collaborator.ended_at, collaborator.ended_by = at, by
        collaborator.save(update_fields=["ended_at", "ended_by"])
        notices.drop_invitation(collaborator=collaborator)
        audit.record(
            action="application.unshare",
            subject=collaborator.application,
            by=by,
            at=at,
            collaborator=collaborator.pk,
        )
    return collaborator


def _address(text: str) -> str:
    """The address in lower case. Raises CannotInvite."""
    address = text.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise CannotInvite(_("Write an e-mail address, such as name@example.org.")) from None
    if len(address) > 254:
        raise CannotInvite(_("This address is too long."))
    return address


def _domains(address: str) -> list[str]:
    domain = institution_domain(address.rpartition("@")[2])
    return [domain] if domain else []


def _locked(collaborator_id: int) -> Collaborator:
    return (
        Collaborator.objects.select_for_update(of=("self",))
        .select_related("application", "invited_by")
        .get(pk=collaborator_id)
    )
