"""Co-investigators: invite by mail, accept with the invited address, change the right, end the access.

Who may do what is the page's question; here stands what is possible. Access is asked of the rows at every request
(Application.objects.readable_by, editable_by), so an ended one is gone at once.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from applications import invitations, links, notices
from applications.emails import canonical, institution_domain
from applications.invitations import CannotInvite, CannotJoin, OtherAddress, clean_address
from applications.models import Application, Collaborator, Right
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused

__all__ = ["CannotInvite", "CannotJoin", "OtherAddress"]  # raised here, made in applications.invitations

MOST_PEOPLE = 10  # beside the applicant, open invitations included


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
    address = clean_address(email)
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
    invitations.refuse_flood(by=by, at=at)
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
    if collaborator.ended_at is not None or collaborator.application.state == State.WITHDRAWN:
        raise CannotJoin(invitations.over())
    invitations.refuse_other_address(invited=collaborator.email, person=person)
    invitations.refuse_taken(
        taken_by_id=collaborator.user_id, invited_at=collaborator.invited_at, person=person, at=at
    )
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


def _domains(address: str) -> list[str]:
    domain = institution_domain(address.rpartition("@")[2])
    return [domain] if domain else []


def _locked(collaborator_id: int) -> Collaborator:
    return (
        Collaborator.objects.select_for_update(of=("self",))
        .select_related("application", "invited_by")
        .get(pk=collaborator_id)
    )
