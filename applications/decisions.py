"""From a proposal to the release of a whole cycle: propose, approve, undo."""

from datetime import datetime

from django.db import transaction

from applications import awards, conflicts, deferrals, four_eyes, overrides
from applications.models import Application, Decision, DecisionKind, DecisionState, Override
from applications.states import State
from credits.money import format_money
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships, rulebook
from programs.models import TermMode
from programs.rulebook import Rulebook


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
        application = decidable(application_id, by)
        rules = rulebook.for_application(application)
        amount = default_amount_cents(application) if amount_cents is None else amount_cents
        if not amount and application.amends_id is not None:
            return propose_change(
                application_id=application_id, by=by, at=at, granted_models=granted_models, reason=reason
            )
        _refuse_amount(rules, amount, reason)
        _refuse_amendment(application, rules, amount)
        models = _models(rules, granted_models)
        return put(
            application,
            by=by,
            at=at,
            kind=DecisionKind.AWARD,
            amount_cents=amount,
            months=_months(application, rules, months),
            granted_models=models,
            reason=reason,
            overrides=_overrides(application, reason),
        )


def propose_change(
    *,
    application_id: int,
    by: User,
    at: datetime,
    granted_models: list[str] | None = None,
    reason: str = "",
) -> Decision:
    """Put a yes without more credit before release: to an updated application that changes the plan alone.

    Such a decision has no amount and never a grant; the database refuses it for anything but an amendment. The credit of
    the award stays as it is, to the day. granted_models: None takes the standard models. Raises CannotDecide.
    """
    with transaction.atomic():
        application = decidable(application_id, by)
        rules = rulebook.for_application(application)
        if application.amends_id is None:
            raise CannotDecide("Only an updated application of an award is agreed to without credit.")
        _refuse_amendment(application, rules, 0)
        return put(
            application,
            by=by,
            at=at,
            kind=DecisionKind.CHANGE,
            granted_models=_models(rules, granted_models),
            reason=reason,
        )


def propose_decline(*, application_id: int, by: User, at: datetime, reason: str = "") -> Decision:
    """Put a decline before release; a pending decision of the application is replaced. Raises CannotDecide."""
    with transaction.atomic():
        application = decidable(application_id, by)
        return put(application, by=by, at=at, kind=DecisionKind.DECLINE, reason=reason)


def propose_deferral(*, application_id: int, reason: str, by: User, at: datetime) -> Decision:
    """Put a deferral to the next evaluation before release; a pending decision is replaced.

    Raises CannotDecide without a reason, after the decided-by date, or when no later evaluation is planned.
    """
    with transaction.atomic():
        application = decidable(application_id, by)
        if not reason.strip():
            raise CannotDecide("A deferral needs a reason. It is kept with the application, for staff.")
        assert application.cycle is not None
        try:
            deferrals.target(application.cycle, at=at)
        except deferrals.NowhereToDefer as error:
            raise CannotDecide(str(error)) from error
        return put(application, by=by, at=at, kind=DecisionKind.DEFER, reason=reason)


def approve(*, decision_id: int, by: User, at: datetime) -> Decision:
    """Add the second person to a pending award. Raises CannotDecide unless it is somebody else, free of conflicts.

    The database binds the approval to amount, months, models, organization, program and applicant: any of them changed
    takes it away again.
    """
    with transaction.atomic():
        decision = pending(decision_id)
        application = decision.application
        if decision.kind != DecisionKind.AWARD:
            raise CannotDecide("Only an award is approved by a second person.")
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
        decision = pending(decision_id)
        refuse_stranger(by, decision.application)
        decision.state = DecisionState.VOID
        decision.save(update_fields=["state"])
        four_eyes.recount(application=decision.application, at=at)
        audit.record(
            action="decision.undo", subject=decision, by=by, at=at, application=decision.application_id
        )


def default_amount_cents(application: Application, rules: Rulebook | None = None) -> int:
    """The amount a manager most likely means: the fixed amount, else what was asked, at most the cap.

    For an amendment it is what was asked on top of the award; 0 means a change without more credit.

    rules: those of the application's cycle, for callers with many applications of one cycle.
    """
    rules = rules or rulebook.for_application(application)
    if application.amends_id is not None:
        return application.requested_cents or 0
    if rules.is_fixed:
        return rules.award_default_cents or 0
    asked = application.requested_cents or rules.award_default_cents or 0
    return min(asked, rules.award_cap_cents) if rules.award_cap_cents else asked


def put(application: Application, *, by: User, at: datetime, **facts: object) -> Decision:
    """Make the pending decision of a locked application, in place of the one before. The caller has checked it."""
    Decision.objects.filter(application=application, state=DecisionState.PENDING).update(
        state=DecisionState.VOID
    )
    decision = Decision.objects.create(
        application=application,
        proposed_by=by,
        proposed_at=at,
        four_eyes_above_cents=four_eyes.limit_cents(
            rulebook.for_application(application), application.program
        ),
        **facts,
    )
    four_eyes.recount(application=application, at=at)
    decision.refresh_from_db(fields=["counted_cents"])
    audit.record(
        action=f"decision.propose_{decision.kind}",
        subject=decision,
        by=by,
        at=at,
        application=application.pk,
        amount_cents=decision.amount_cents,
        **({"overrides": decision.overrides} if decision.overrides else {}),
    )
    return decision


def decidable(application_id: int, by: User) -> Application:
    """The application, locked, with program, cycle and rules, if this person may decide it now. Raises CannotDecide."""
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "cycle__rules_version", "cycle__program")
        .get(pk=application_id)
    )
    refuse_stranger(by, application)
    if application.state != State.IN_REVIEW:
        raise CannotDecide(f"{application} is {application.get_state_display().lower()}, not in review.")
    return application


def pending(decision_id: int) -> Decision:
    """A pending decision, locked, with its application and program. Raises CannotDecide once it is not pending."""
    decision = (
        Decision.objects.select_for_update(of=("self",))
        .select_related("application__program", "application__cycle__program")
        .get(pk=decision_id)
    )
    if decision.state != DecisionState.PENDING:
        raise CannotDecide(
            f"This decision is {decision.get_state_display().lower()}; it can no longer change."
        )
    return decision


def refuse_stranger(by: User, application: Application) -> None:
    """Raises CannotDecide unless this person manages the program and has no conflict with the application."""
    if not memberships.holds(by, application.program, Role.MANAGER):
        raise CannotDecide("Only a manager of this program decides.")
    _refuse_conflict(by, application)


def _refuse_conflict(by: User, application: Application) -> None:
    reason = conflicts.reason_against(user=by, application=application)
    if reason:
        raise CannotDecide(reason)


def _overrides(application: Application, reason: str) -> str:
    """What this award goes against, as stored. Raises CannotDecide when it goes against something without a reason."""
    assert application.cycle_id is not None
    found = overrides.wanted(cycle_id=application.cycle_id, application_ids=[application.pk])
    against = found.get(application.pk, [])
    if against and not reason.strip():
        words = " and ".join(Override(value).label for value in against)
        raise CannotDecide(f"This award is {words}. Give the reason; a second person has to approve it.")
    return ",".join(against)


def _models(rules: Rulebook, wanted: list[str] | None) -> list[str]:
    models = rules.standard_models if wanted is None else list(wanted)
    unknown = sorted(set(models) - {str(model["slug"]) for model in rules.models_offered})
    if unknown:
        raise CannotDecide(f"{rules} does not offer {', '.join(unknown)}.")
    return models


def _refuse_amendment(application: Application, rules: Rulebook, amount_cents: int) -> None:
    if reason := awards.why_not_agreed(application, rules, amount_cents=amount_cents):
        raise CannotDecide(reason)


def _refuse_amount(rules: Rulebook, amount_cents: int, reason: str) -> None:
    if amount_cents <= 0:
        raise CannotDecide("An award needs an amount above zero.")
    if rules.award_cap_cents and amount_cents > rules.award_cap_cents:
        cap = format_money(rules.award_cap_cents, rules.currency)
        raise CannotDecide(f"The cap of {rules} is {cap}. Enter at most that.")
    special = rules.is_fixed and amount_cents != rules.award_default_cents
    if special and not reason.strip():
        raise CannotDecide(f"{rules} gives everyone the same amount. Another amount needs a reason.")


def _months(application: Application, rules: Rulebook, months: int | None) -> int | None:
    if rules.term_mode == TermMode.NONE:
        return months
    longest = rules.term_months or 0
    if months is not None:
        if not 1 <= months <= longest:
            raise CannotDecide(f"The term is from 1 to {longest} months.")
        return months
    if rules.term_mode == TermMode.MONTHS:
        return longest
    return min(application.requested_months or longest, longest)
