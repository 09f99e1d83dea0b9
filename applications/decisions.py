"""From a proposal to the release of a whole cycle: propose, approve, undo."""

from datetime import datetime

from django.db import transaction

from applications import conflicts
from applications.models import Application, Decision, DecisionKind, DecisionState
from applications.states import State
from credits.money import format_money
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships
from programs.models import AwardMode, Program, TermMode


class CannotDecide(Refused):
    """This application cannot get this decision, or not from this person."""


def propose_award(
    *,
    application_id: int,
    by: User,
    at: datetime,
    amount_cents: int | None = None,
    months: int | None = None,
    granted_models: list[str] | None = None,
    reason: str = "",
) -> Decision:
    """Put an award before release; a pending decision of the application is replaced.

    amount_cents: None takes the program's default amount, or what was asked up to the cap. months: None takes the
    program's term. granted_models: None takes the standard models. Raises CannotDecide.
    """
    with transaction.atomic():
        application = _decidable(application_id, by)
        program = application.program
        amount = default_amount_cents(application) if amount_cents is None else amount_cents
        _refuse_amount(program, amount, reason)
        models = standard_models(program) if granted_models is None else granted_models
        unknown = sorted(set(models) - {str(model["slug"]) for model in program.models_offered})
        if unknown:
            raise CannotDecide(f"{program} does not offer {', '.join(unknown)}.")
        return _propose(
            application,
            by=by,
            at=at,
            kind=DecisionKind.AWARD,
            amount_cents=amount,
            months=_months(application, months),
            granted_models=list(models),
            reason=reason,
        )


def propose_decline(*, application_id: int, by: User, at: datetime, reason: str = "") -> Decision:
    """Put a decline before release; a pending decision of the application is replaced. Raises CannotDecide."""
    with transaction.atomic():
        application = _decidable(application_id, by)
        return _propose(application, by=by, at=at, kind=DecisionKind.DECLINE, reason=reason)


def approve(*, decision_id: int, by: User, at: datetime) -> Decision:
    """Add the second person to a pending award. Raises CannotDecide unless it is somebody else, free of conflicts."""
    with transaction.atomic():
        decision = _pending(decision_id)
        application = decision.application
        if not memberships.holds(by, application.program, Role.MANAGER, Role.FINANCE):
            raise CannotDecide("Only a manager or a finance approver of this program approves.")
        if by.pk == decision.proposed_by_id:
            raise CannotDecide("You proposed this award; a second person has to approve it.")
        _refuse_conflict(by, application)
        decision.approved_by, decision.approved_at = by, at
        decision.save(update_fields=["approved_by", "approved_at"])
        audit.record(action="decision.approve", subject=decision, by=by, at=at, application=application.pk)
        return decision


def undo(*, decision_id: int, by: User, at: datetime) -> None:
    """Take back a decision that is not released yet. Raises CannotDecide."""
    with transaction.atomic():
        decision = _pending(decision_id)
        if not memberships.holds(by, decision.application.program, Role.MANAGER):
            raise CannotDecide("Only a manager of this program decides.")
        _refuse_conflict(by, decision.application)
        decision.state = DecisionState.VOID
        decision.save(update_fields=["state"])
        audit.record(
            action="decision.undo", subject=decision, by=by, at=at, application=decision.application_id
        )


def default_amount_cents(application: Application) -> int:
    """The amount a manager most likely means: the fixed amount, else what was asked, at most the cap."""
    program = application.program
    if program.award_mode == AwardMode.FIXED:
        return program.award_default_cents or 0
    asked = application.requested_cents or program.award_default_cents or 0
    return min(asked, program.award_cap_cents) if program.award_cap_cents else asked


def standard_models(program: Program) -> list[str]:
    """Slugs of the models that need no condition."""
    return [str(model["slug"]) for model in program.models_offered if not model.get("limited")]


def _propose(application: Application, *, by: User, at: datetime, **facts: object) -> Decision:
    Decision.objects.filter(application=application, state=DecisionState.PENDING).update(
        state=DecisionState.VOID
    )
    decision = Decision.objects.create(
        application=application,
        proposed_by=by,
        proposed_at=at,
        four_eyes_above_cents=application.program.four_eyes_above_cents,
        **facts,
    )
    audit.record(
        action=f"decision.propose_{decision.kind}",
        subject=decision,
        by=by,
        at=at,
        application=application.pk,
        amount_cents=decision.amount_cents,
    )
    return decision


def _decidable(application_id: int, by: User) -> Application:
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "cycle")
        .get(pk=application_id)
    )
    if not memberships.holds(by, application.program, Role.MANAGER):
        raise CannotDecide("Only a manager of this program decides.")
    _refuse_conflict(by, application)
    if application.state != State.IN_REVIEW:
        raise CannotDecide(f"{application} is {application.get_state_display().lower()}, not in review.")
    return application


def _pending(decision_id: int) -> Decision:
    decision = (
        Decision.objects.select_for_update(of=("self",))
        .select_related("application__program")
        .get(pk=decision_id)
    )
    if decision.state != DecisionState.PENDING:
        raise CannotDecide(
            f"This decision is {decision.get_state_display().lower()}; it can no longer change."
        )
    return decision


def _refuse_conflict(by: User, application: Application) -> None:
    reason = conflicts.reason_against(user=by, application=application)
    if reason:
        raise CannotDecide(reason)


def _refuse_amount(program: Program, amount_cents: int, reason: str) -> None:
    if amount_cents <= 0:
        raise CannotDecide("An award needs an amount above zero.")
    if program.award_cap_cents and amount_cents > program.award_cap_cents:
        cap = format_money(program.award_cap_cents, program.currency)
        raise CannotDecide(f"The cap of {program} is {cap}. Enter at most that.")
    special = program.award_mode == AwardMode.FIXED and amount_cents != program.award_default_cents
    if special and not reason.strip():
        raise CannotDecide(f"{program} gives everyone the same amount. Another amount needs a reason.")


def _months(application: Application, months: int | None) -> int | None:
    program = application.program
    if program.term_mode == TermMode.NONE:
        return months
    longest = program.term_months or 0
    if months is not None:
        if not 1 <= months <= longest:
            raise CannotDecide(f"The term is from 1 to {longest} months.")
        return months
    if program.term_mode == TermMode.MONTHS:
        return longest
    return min(application.requested_months or longest, longest)
