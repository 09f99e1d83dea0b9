"""Conflicts that people state: declare one, about oneself or about somebody, and take one back with a reason."""

from datetime import datetime

from django.db import transaction

from applications import assignment, conflicts
from applications.models import (
    LASTING,
    Application,
    Conflict,
    ConflictKind,
    ConflictWithdrawal,
)
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships


class CannotDeclare(Refused):
    """There is no reason given, or this person may not speak for that one."""


class CannotWithdraw(Refused):
    """The conflict is over already, follows from who people are, or this person may not take it back."""


@transaction.atomic
def declare(*, application_id: int, user_id: int, reason: str, by: User, at: datetime) -> Conflict:
    """Keep that a person has a conflict with an application, said by themself or by a manager of the program.

    Their work on it goes to somebody else, a review that is in counts no longer, and they see nothing of it from now on. A second declaration returns the
    first; a computed conflict becomes a declared one. Raises CannotDeclare.
    """
    application = (
        Application.objects.select_for_update(of=("self",)).select_related("program").get(pk=application_id)
    )
    if user_id != by.pk and not _manages(by, application):
        raise CannotDeclare(
            "Only a manager of the program who has no conflict declares one for somebody else."
        )
    said = " ".join(reason.split())[:200]
    if not said:
        raise CannotDeclare("Say what the conflict is, in a few words. Managers read it.")
    person = User.objects.get(pk=user_id)
    if not memberships.programs_of(person).filter(pk=application.program_id).exists():
        raise CannotDeclare(f"{person} does not work on {application.program}.")
    conflict, created = Conflict.objects.get_or_create(
        application=application,
        user=person,
        defaults={"kind": ConflictKind.DECLARED, "reason": said, "declared_by": by, "declared_at": at},
    )
    if not created and conflict.kind != ConflictKind.DECLARED:
        conflict.kind, conflict.reason, conflict.declared_by, conflict.declared_at = (
            ConflictKind.DECLARED,
            said,
            by,
            at,
        )
        conflict.save(update_fields=["kind", "reason", "declared_by", "declared_at"])
        created = True
    if created:
        audit.record(
            action="conflict.declare",
            subject=conflict,
            by=by,
            at=at,
            application=application.pk,
            user=user_id,
        )
        _pass_on(application, person, at=at)
    return conflict


@transaction.atomic
def withdraw(*, conflict_id: int, reason: str, by: User, at: datetime) -> ConflictWithdrawal:
    """Take a conflict back. It is kept with the reason, and not computed again; a review that was set aside counts again.
    Raises CannotWithdraw.

    Only a manager of the program does so, and never for themself. What follows from the mail address, from being the
    applicant or from the team cannot be taken back.
    """
    conflict = (
        Conflict.objects.select_for_update(of=("self",))
        .select_related("application__program", "user")
        .filter(pk=conflict_id)
        .first()
    )
    if conflict is None:
        raise CannotWithdraw("This conflict was taken back already.")
    if conflict.user_id == by.pk or not _manages(by, conflict.application):
        raise CannotWithdraw("Another manager of the program takes this back, one who has no conflict.")
    if conflict.kind in LASTING:
        raise CannotWithdraw(f"“{conflict.get_kind_display()}” follows from who people are and stands.")
    said = " ".join(reason.split())[:300]
    if not said:
        raise CannotWithdraw("Say why the conflict is none. It is kept.")
    kinds = {str(entry["kind"]) for entry in conflict.evidence} | {conflict.kind}
    made = [
        ConflictWithdrawal.objects.create(
            application=conflict.application,
            user=conflict.user,
            kind=kind,
            was=conflict.reason,
            reason=said,
            withdrawn_by=by,
            withdrawn_at=at,
        )
        for kind in sorted(kinds)
    ]
    audit.record(
        action="conflict.withdraw",
        subject=conflict,
        by=by,
        at=at,
        application=conflict.application_id,
        user=conflict.user_id,
        kind=conflict.kind,
    )
    conflict.delete()
    conflicts.resume_work(application=conflict.application, user=conflict.user)
    return made[0]


def _manages(by: User, application: Application) -> bool:
    holds = by.is_superuser or memberships.holds(by, application.program, Role.MANAGER)
    return holds and conflicts.reason_against(user=by, application=application) is None


def _pass_on(application: Application, person: User, *, at: datetime) -> None:
    """Close the person's work on the application, set their review aside, and find somebody else for it."""
    missing = conflicts.end_work(application=application, user=person, at=at)
    if missing and application.state == State.IN_REVIEW:
        assignment.replace(application_id=application.pk, at=at)
