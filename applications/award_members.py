"""Who shares the credits of an award: invite by mail, join with the rules of conduct accepted, change the role, end it.

A member sees balance, statement and what is owed, and nothing of the application. Access is asked of the rows at every
request, so an ended place is gone at once. The holder of the award is no member and cannot be removed.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications import award_letters, invitations, links
from applications.emails import canonical
from applications.invitations import CannotInvite, CannotJoin, OtherAddress
from applications.models import GIVES, Application, AwardLetter, AwardMember, Decision, MemberRole
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused

__all__ = ["CannotInvite", "CannotJoin", "OtherAddress"]  # raised here, made in applications.invitations

MOST_PEOPLE = 30  # beside the holder, open invitations included

CONDUCT_VERSION = "2026-11"
CONDUCT = (
    gettext_lazy("I use the credits for the research of this award and for nothing else."),
    gettext_lazy(
        "I share no keys, passwords or sessions of the organization with anybody; whoever needs access gets their own."
    ),
    gettext_lazy("I follow the usage policy of the provider, and report a lost key at once."),
    gettext_lazy("I know that the balance counts for everybody who shares it."),
)
"""What each member accepts. A changed sentence needs another version."""


class CannotChange(Refused):
    """There is no place to change or to end, or not by this person."""


def members(application: Application) -> QuerySet[AwardMember]:
    """Everybody with a place or an open invitation, in the order of the invitations."""
    return application.members.filter(ended_at__isnull=True).select_related("user").order_by("pk")


def place_of(person: User, application: Application) -> AwardMember | None:
    """This person's place; None for the holder and for everybody without."""
    return application.members.filter(user=person, ended_at__isnull=True).first()


def may_manage(person: User, application: Application) -> bool:
    """Whether this person invites and ends members: the holder, and members with that role."""
    if application.applicant_id == person.pk:
        return True
    return application.members.filter(user=person, ended_at__isnull=True, role=MemberRole.MANAGE).exists()


def awards_open_to(person: User) -> QuerySet[Application]:
    """The awards whose members' page this person sees: those they hold, and those shared with them."""
    shared = AwardMember.objects.filter(application=OuterRef("pk"), user=person, ended_at__isnull=True)
    return Application.objects.filter(
        Q(applicant=person) | Exists(shared), state=State.AWARDED, amends__isnull=True
    )


def awards_shared_with(person: User) -> QuerySet[Application]:
    """The awards of others that this person shares."""
    return awards_open_to(person).exclude(applicant=person)


def grants_shared_with(person: User) -> Q:
    """For credits.access: the grants of awards that this person shares, with updates, top-ups, and where a rest went."""
    places = AwardMember.objects.filter(user=person, ended_at__isnull=True).values("application_id")
    given = Decision.objects.filter(
        Q(application_id__in=places) | Q(application__amends_id__in=places), kind__in=GIVES
    ).values("grant_id")
    return Q(pk__in=given) | Q(half_of_id__in=given) | Q(first_id__in=given)


@transaction.atomic
def invite(*, application_id: int, email: str, role: str, by: User, at: datetime) -> AwardMember:
    """Invite one address and queue its letter. Whether the address has an account is not looked at.

    application_id: the award, not an update of it. role: a value of MemberRole; only the holder gives MANAGE.
    Raises CannotInvite.
    """
    application = _locked_award(application_id)
    address = invitations.clean_address(email)
    if not may_manage(by, application):
        raise CannotInvite(_("Only the holder of the award and members who manage it invite."))
    if role not in MemberRole.values:
        raise CannotInvite(_("Choose what the person may do."))
    if role == MemberRole.MANAGE and by.pk != application.applicant_id:
        raise CannotInvite(_("Only the holder of the award lets others manage members."))
    if canonical(address) == canonical(application.applicant.email):
        raise CannotInvite(_("This is the address of the award’s holder."))
    here = members(application)
    if here.filter(email=address).exists():
        raise CannotInvite(_("This address is invited already."))
    if here.count() >= MOST_PEOPLE:
        raise CannotInvite(
            _("At most %(most)s people share the credits of an award.") % {"most": MOST_PEOPLE}
        )
    invitations.refuse_flood(by=by, at=at)
    member = AwardMember.objects.create(
        application=application, email=address, role=role, invited_by=by, invited_at=at
    )
    award_letters.put(
        award_letters.letter(
            kind=AwardLetter.MEMBER_INVITATION,
            application=application,
            key=str(member.pk),
            at=at,
            address=address,
            member=member.pk,
        )
    )
    _note("award.invite", member, by, at, role=role)
    return member


def by_token(token: str) -> AwardMember | None:
    """The place that a link names; None for a link that we did not make."""
    public_id = links.member_id(token)
    if public_id is None:
        return None
    rows = AwardMember.objects.select_related("application__program", "application__applicant", "invited_by")
    return rows.filter(public_id=public_id).first()


def refuse_joining(member: AwardMember, *, person: User, at: datetime) -> None:
    """Raise OtherAddress or CannotJoin with the reason why this person cannot join; return for one who may."""
    if member.ended_at is not None:
        raise CannotJoin(invitations.over())
    invitations.refuse_other_address(invited=member.email, person=person)
    invitations.refuse_taken(taken_by_id=member.user_id, invited_at=member.invited_at, person=person, at=at)
    if member.application.applicant_id == person.pk:
        raise CannotJoin(_("You hold this award yourself."))


def join(*, member_id: int, conduct: bool, by: User, at: datetime) -> AwardMember:
    """Give the invited person their place; the version of the rules of conduct is kept. Joining again changes nothing.

    conduct: whether the rules were accepted. Raises OtherAddress or CannotJoin.
    """
    try:
        with transaction.atomic():
            member = _locked(member_id)
            refuse_joining(member, person=by, at=at)
            if member.user_id == by.pk:
                return member
            if not conduct:
                raise CannotJoin(_("Accept the rules of conduct first."))
            member.user, member.accepted_at, member.conduct_version = by, at, CONDUCT_VERSION
            member.save(update_fields=["user", "accepted_at", "conduct_version"])
            _note("award.join", member, by, at, conduct=CONDUCT_VERSION)
            return member
    except IntegrityError as error:
        raise CannotJoin(_("You share these credits already.")) from error


@transaction.atomic
def change_role(*, member_id: int, role: str, by: User, at: datetime) -> AwardMember:
    """Let a member manage others, or look only; from the next request on. Only the holder does. Raises CannotChange."""
    member = _locked(member_id)
    if by.pk != member.application.applicant_id:
        raise CannotChange(_("Only the holder of the award changes what members may do."))
    if member.ended_at is not None or role not in MemberRole.values:
        raise CannotChange(_("This place has ended."))
    if member.role != role:
        member.role = role
        member.save(update_fields=["role"])
        _note("award.change_role", member, by, at, role=role)
    return member


@transaction.atomic
def end(*, member_id: int, by: User, at: datetime) -> AwardMember:
    """End a place, one's own or as somebody who manages, or take an invitation back; its link dies too.

    A member who manages does not end the place of another who does. Ending twice changes nothing. Raises CannotChange.
    """
    member = _locked(member_id)
    award = member.application
    mine, holds = member.user_id == by.pk, award.applicant_id == by.pk
    if not (mine or holds or (may_manage(by, award) and member.role == MemberRole.VIEW)):
        raise CannotChange(_("Only the holder of the award ends this place."))
    if member.ended_at is None:
        member.ended_at, member.ended_by = at, by
        member.save(update_fields=["ended_at", "ended_by"])
        award_letters.drop(kind=AwardLetter.MEMBER_INVITATION, key=str(member.pk))
        _note("award.leave" if mine else "award.unshare", member, by, at)
    return member


def _note(action: str, member: AwardMember, by: User, at: datetime, **details: object) -> None:
    audit.record(action=action, subject=member, by=by, at=at, application=member.application_id, **details)


def _locked_award(application_id: int) -> Application:
    application = (
        Application.objects.select_for_update(of=("self",), no_key=True)
        .select_related("applicant")
        .get(pk=application_id)
    )
    if application.state != State.AWARDED or application.amends_id is not None:
        raise CannotInvite(_("There is no award whose credits could be shared."))
    return application


def _locked(member_id: int) -> AwardMember:
    return (
        AwardMember.objects.select_for_update(of=("self",))
        .select_related("application", "invited_by")
        .get(pk=member_id)
    )
