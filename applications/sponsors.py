"""Employees who answer for work that a usage policy would stop, such as red-teaming: internal approval by two people.

The sponsor asks, a manager of the program approves, and the organization gets a label. From the asking on the sponsor has
a conflict with every application of the applicant. Source: docs/security.md, "Sponsored work".
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from applications import declarations
from applications.conflicts import reason_against
from applications.models import Application, Conflict, Sponsorship, SponsorState
from credits import enforcement, organizations
from credits.models import EnforcementKind
from portal import audit, limits
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships, staff
from programs.models import Program
from programs.staff import Desk

DECIDES = (Role.MANAGER,)
READS = (Role.MANAGER, Role.AUDITOR)
MOST_A_DAY = 20
NOBODY = "Nobody with this mail address applies here."


class CannotSponsor(Refused):
    """It cannot be asked for or decided like this. The message says why."""


def ask(
    *, program_id: int, email: str, organization_id: str, reason: str, by: User, at: datetime
) -> Sponsorship:
    """Ask, as an employee with a role in the program, that an applicant's work at an organization is approved.

    email: the applicant's account. organization_id: in the form of the program's provider. The same again is one wish.
    The sponsor sees nothing of the applicant's applications from now on. Raises CannotSponsor,
    organizations.WrongOrganizationId and limits.TooOften.
    """
    limits.count("sponsor", by.pk, most=MOST_A_DAY, seconds=24 * 3600)
    program = Program.objects.get(pk=program_id)
    if not memberships.programs_of(by).filter(pk=program.pk).exists():
        raise CannotSponsor("Only somebody who works on the program sponsors work in it.")
    words = _line(reason)
    if not words:
        raise CannotSponsor(
            "Say what the work is and why it needs this. The person who approves it reads it."
        )
    applicant = User.objects.filter(email__iexact=email.strip(), applications__isnull=False).first()
    if applicant is None:
        raise CannotSponsor(NOBODY)
    if applicant.pk == by.pk:
        raise CannotSponsor("Nobody sponsors their own work.")
    with transaction.atomic():
        organization = organizations.get_or_register(
            provider=program.provider,
            external_id=organization_id,
            format=program.organization_id_format,
            at=at,
        )
        standing = Sponsorship.objects.filter(
            sponsor=by,
            applicant=applicant,
            organization=organization,
            state__in=[SponsorState.ASKED, SponsorState.APPROVED],
        ).first()
        if standing is not None:
            return standing
        try:
            with transaction.atomic():
                made = Sponsorship.objects.create(
                    program=program,
                    applicant=applicant,
                    organization=organization,
                    reason=words,
                    sponsor=by,
                    asked_at=at,
                )
        except IntegrityError as error:
            raise CannotSponsor("This is being asked for at this moment. Look at the list.") from error
        audit.record(action="sponsor.ask", subject=made, by=by, at=at, organization=organization.pk)
        _step_back(made, at)
        return made


@transaction.atomic
def approve(*, sponsorship_id: int, by: User, at: datetime) -> Sponsorship:
    """The second person's yes: the organization gets its label. Approving again changes nothing."""
    row = _locked(sponsorship_id)
    if row.state == SponsorState.APPROVED and row.decided_by_id == by.pk:
        return row
    _may_decide(row, by)
    row.label = enforcement.impose(
        organization_id=row.organization_id,
        kind=EnforcementKind.LABEL,
        reason=f"Sponsored work (no. {row.pk}): {row.reason}"[:300],
        by=by,
        at=at,
    )
    return _decide(row, SponsorState.APPROVED, by=by, at=at)


@transaction.atomic
def refuse(*, sponsorship_id: int, answer: str, by: User, at: datetime) -> Sponsorship:
    """The second person's no, with a reason. Refusing again changes nothing."""
    row = _locked(sponsorship_id)
    if row.state == SponsorState.REFUSED and row.decided_by_id == by.pk:
        return row
    _may_decide(row, by)
    row.answer = _line(answer)
    if not row.answer:
        raise CannotSponsor("Give a reason. The sponsor reads it.")
    return _decide(row, SponsorState.REFUSED, by=by, at=at)


@transaction.atomic
def take_back(*, sponsorship_id: int, by: User, at: datetime) -> Sponsorship:
    """The sponsor withdraws it while it waits; the conflict with later applications goes, recorded ones stay."""
    row = _locked(sponsorship_id)
    if row.sponsor_id != by.pk:
        raise CannotSponsor("Only the sponsor takes it back.")
    if row.state == SponsorState.TAKEN_BACK:
        return row
    if row.state != SponsorState.ASKED:
        raise CannotSponsor(f"This is decided: {row.get_state_display().lower()}.")
    return _decide(row, SponsorState.TAKEN_BACK, by=by, at=at)


@transaction.atomic
def end(*, sponsorship_id: int, reason: str, by: User, at: datetime) -> Sponsorship:
    """Take the label off again: the sponsor, or a manager of the program. The conflict stays. Repeating changes nothing."""
    row = _locked(sponsorship_id)
    if row.state == SponsorState.ENDED:
        return row
    if row.state != SponsorState.APPROVED or row.label is None:
        raise CannotSponsor("There is nothing to end.")
    if by.pk != row.sponsor_id and not memberships.holds(by, row.program, *DECIDES):
        raise CannotSponsor("The sponsor or a manager of the program ends it.")
    words = _line(reason)
    if not words:
        raise CannotSponsor("Say why it ends. It is kept.")
    if row.label.lifted_at is None:
        enforcement.lift(enforcement_id=row.label.pk, reason=words, by=by, at=at)
    row.state, row.ended_by, row.ended_at = SponsorState.ENDED, by, at
    row.save(update_fields=["state", "ended_by", "ended_at"])
    audit.record(action="sponsor.end", subject=row, by=by, at=at, organization=row.organization_id)
    return row


def seen(desk: Desk) -> QuerySet[Sponsorship]:
    """What this person asked for, and what was asked in the programs they manage or audit; waiting ones first.

    Without those about an applicant with whose application they have a conflict of another kind.
    """
    rows = Sponsorship.objects.select_related("program", "applicant", "organization", "sponsor", "decided_by")
    waits = Case(When(state=SponsorState.ASKED, then=Value(0)), default=Value(1), output_field=IntegerField())
    mine = Q(sponsor=desk.user)
    tied = Conflict.objects.filter(user=desk.user).values("application__applicant")
    if desk.everything:
        found = rows.filter(mine | ~Q(applicant__in=tied))
    else:
        found = rows.filter(mine | Q(program__in=desk.program_ids(*READS)) & ~Q(applicant__in=tied))
    return found.exclude(applicant=desk.user).order_by(waits, "-pk")


def may_decide(desk: Desk, row: Sponsorship) -> bool:
    """Whether this person may say yes or no to it now."""
    return (
        row.state == SponsorState.ASKED
        and desk.user.pk not in (row.sponsor_id, row.applicant_id)
        and desk.holds(*DECIDES, program_id=row.program_id)
    )


def programs_to_ask_in(desk: Desk) -> list[Program]:
    """The programs in which this person holds a role."""
    return sorted((desk.programs[pk] for pk in desk.program_ids()), key=lambda program: program.name)


def _step_back(row: Sponsorship, at: datetime) -> None:
    """The sponsor's conflict with what the applicant has sent to programs that the sponsor works on.

    Later applications get theirs when conflicts are computed, and are not shown to the sponsor before that.
    """
    programs = staff.desk_of(row.sponsor).program_ids()
    sent = Application.objects.filter(
        applicant=row.applicant_id, program__in=programs, submitted_at__isnull=False
    )
    for application in sent.order_by("pk"):
        declarations.declare(
            application_id=application.pk,
            user_id=row.sponsor_id,
            reason="Sponsors the applicant.",
            by=row.sponsor,
            at=at,
        )


def _may_decide(row: Sponsorship, by: User) -> None:
    if row.state != SponsorState.ASKED:
        raise CannotSponsor(f"This is decided: {row.get_state_display().lower()}.")
    if by.pk in (row.sponsor_id, row.applicant_id):
        raise CannotSponsor("Another person than the sponsor decides this.")
    if not memberships.holds(by, row.program, *DECIDES):
        raise CannotSponsor("Only a manager of the program decides this.")
    for application in Application.objects.filter(applicant=row.applicant_id, program=row.program_id):
        if reason := reason_against(user=by, application=application):
            raise CannotSponsor(reason)


def _locked(sponsorship_id: int) -> Sponsorship:
    rows = Sponsorship.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("program", "label", "sponsor").get(pk=sponsorship_id)


def _decide(row: Sponsorship, state: SponsorState, *, by: User, at: datetime) -> Sponsorship:
    row.state, row.decided_by, row.decided_at = state, by, at
    row.save(update_fields=["state", "decided_by", "decided_at", "answer", "label"])
    audit.record(action=f"sponsor.{state.value}", subject=row, by=by, at=at, organization=row.organization_id)
    return row


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:300]
