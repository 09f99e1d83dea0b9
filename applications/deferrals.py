"""Deferred applications: they go into a later evaluation once the decided-by date of their own is over.

Until that date the applicant sees what every undecided applicant sees; so the application keeps its cycle, and the move
is a step of its own. Earlier reviews stay with the application, readable and counted; other people are asked to look
again. Source: docs/decisions/0013-deferral-after-the-date.md.
"""

from datetime import datetime

from django.db import transaction

from applications.models import Application, Batch, BatchEntry, Decision, DecisionKind, DecisionState
from applications.states import State
from portal import audit
from portal.refusals import Refused
from programs import cycles
from programs.models import Cycle, CycleState


class NowhereToDefer(Refused):
    """No evaluation is planned behind the decided-by date, or that date is over."""


def target(cycle: Cycle, *, at: datetime) -> Cycle:
    """The evaluation a deferral of this cycle leads to: the first whose cut-off lies behind its decided-by date.

    The cycle comes with its program. Raises NowhereToDefer.
    """
    if cycles.decided_by_passed(cycle, at):
        raise NowhereToDefer(
            "The decided-by date is over: applicants have read that they were not selected. Decline instead."
        )
    found = _after(cycle).first()
    if found is None:
        raise NowhereToDefer(f"No later evaluation of {cycle.program} is planned to defer to.")
    return found


def carry_over(*, at: datetime) -> int:
    """Move deferred applications whose decided-by date is over into their next evaluation; returns how many.

    Found by what is missing and each in its own transaction, so a tick that died is finished by the next. When the
    evaluation that was meant is under way already, or holds another application of the person, the one after it is taken.
    """
    due = (
        Decision.objects.filter(
            kind=DecisionKind.DEFER,
            state=DecisionState.RELEASED,
            application__state=State.DEFERRED,
            application__cycle__decided_by_on__lte=at.date(),
        )
        .select_related("application__cycle__program")
        .order_by("pk")
    )
    return sum(
        _carry(decision.pk, at)
        for decision in due
        if decision.application.cycle and cycles.decided_by_passed(decision.application.cycle, at)
    )


def _carry(decision_id: int, at: datetime) -> bool:
    with transaction.atomic():
        found = Decision.objects.only("application_id").get(pk=decision_id)
        application = (
            Application.objects.select_for_update(of=("self",), no_key=True)
            .select_related("cycle__program")
            .get(pk=found.application_id)
        )
        decision = Decision.objects.select_for_update(of=("self",), no_key=True).get(pk=decision_id)
        if application.state != State.DEFERRED or decision.state != DecisionState.RELEASED:
            return False
        assert application.cycle is not None
        goes_to = _free(application)
        if goes_to is None:  # none is planned yet; the planning of the next tick may change that
            return False
        came_from = application.cycle
        BatchEntry.objects.filter(application=application, deferred=False).update(deferred=True)
        application.came_from, application.cycle = came_from, goes_to
        application.save(update_fields=["came_from", "cycle"])
        decision.state, decision.to_cycle = DecisionState.CARRIED, goes_to
        decision.save(update_fields=["state", "to_cycle"])
        audit.record(
            action="application.carry_over",
            subject=application,
            by=None,
            at=at,
            from_cycle=came_from.pk,
            to_cycle=goes_to.pk,
        )
        return True


def _free(application: Application) -> Cycle | None:
    assert application.cycle is not None
    taken = Application.objects.filter(applicant_id=application.applicant_id, submitted_at__isnull=False)
    taken = taken.exclude(state=State.WITHDRAWN).exclude(pk=application.pk)
    return (
        _after(application.cycle)
        .filter(state__in=(CycleState.PLANNED, CycleState.OPEN))
        .exclude(pk__in=taken.values("cycle_id"))
        .exclude(pk__in=Batch.objects.values("cycle_id"))
        .first()
    )


def _after(cycle: Cycle):  # type: ignore[no-untyped-def]
    return Cycle.objects.filter(
        program_id=cycle.program_id, cut_off_at__gte=cycles.end_of_decided_by(cycle)
    ).order_by("cut_off_at", "pk")
