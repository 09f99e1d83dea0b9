"""The waiting list of a cycle: pending, in an order, never released. Its end is a manager's word."""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, QuerySet, Sum

from applications import decisions, release
from applications.models import Decision, DecisionKind, DecisionState
from credits.models import LedgerAccount
from credits.money import format_money
from portal import audit
from portal.models import User
from programs.models import Cycle


def of(cycle: Cycle) -> QuerySet[Decision]:
    """Who waits in a cycle, in order."""
    return (
        Decision.objects.filter(
            application__cycle=cycle, kind=DecisionKind.WAITLIST, state=DecisionState.PENDING
        )
        .select_related("application")
        .defer("application__answers")
        .order_by("place", "pk")
    )


@transaction.atomic
def add(*, application_id: int, by: User, at: datetime, reason: str = "") -> Decision:
    """Put an application at the end of the list; a pending decision of it is replaced. Raises CannotDecide."""
    application = decisions.decidable(application_id, by)
    assert application.cycle is not None
    _lock(application.cycle)
    last = of(application.cycle).aggregate(last=Max("place"))["last"] or 0
    return decisions.put(application, by=by, at=at, kind=DecisionKind.WAITLIST, place=last + 1, reason=reason)


@transaction.atomic
def move(*, decision_id: int, up: bool, by: User, at: datetime) -> None:
    """Change places with the neighbour above or below; at the end of the list nothing happens. Raises CannotDecide."""
    decision = decisions.pending(decision_id)
    decisions.refuse_stranger(by, decision.application)
    assert decision.application.cycle is not None
    _lock(decision.application.cycle)
    listed = list(of(decision.application.cycle).select_for_update(of=("self",)))
    index = next((place for place, row in enumerate(listed) if row.pk == decision_id), None)
    if index is None:
        raise decisions.CannotDecide("It is not on the waiting list any more.")
    other = index - 1 if up else index + 1
    if not 0 <= other < len(listed):
        return
    listed[index], listed[other] = listed[other], listed[index]
    for place, row in enumerate(listed, start=1):
        row.place = place
    Decision.objects.bulk_update(listed, ["place"])
    audit.record(
        action="waiting_list.move",
        subject=decision,
        by=by,
        at=at,
        application=decision.application_id,
        place=other + 1,
    )


@transaction.atomic
def promote(
    *, decision_id: int, by: User, at: datetime, amount_cents: int | None = None, reason: str = ""
) -> Decision:
    """Propose the award of one who waits, if the pool still has it. Raises CannotDecide, in words, if not.

    What the pool has: its balance less the awards of the cycle that are pending already. Cents; None takes the default.
    """
    waiting = decisions.pending(decision_id)
    if waiting.kind != DecisionKind.WAITLIST:
        raise decisions.CannotDecide("It is not on the waiting list any more.")
    cycle = waiting.application.cycle
    assert cycle is not None
    _lock(cycle)
    left = left_cents(cycle)
    award = decisions.propose_award(
        application_id=waiting.application_id, by=by, at=at, amount_cents=amount_cents, reason=reason
    )
    if (award.amount_cents or 0) > left:
        currency = waiting.application.program.currency
        raise decisions.CannotDecide(
            f"The pool has {format_money(max(left, 0), currency)} left besides the pending awards, and this one needs "
            f"{format_money(award.amount_cents or 0, currency)}."
        )
    return award


def left_cents(cycle: Cycle) -> int:
    """What the pool of a cycle holds, less the cycle's pending awards; 0 for a pool nobody funded."""
    balance = LedgerAccount.objects.filter(code=release.pool_code(cycle)).values_list(
        "balance_cents", flat=True
    )
    planned = Decision.objects.filter(
        application__cycle=cycle, kind=DecisionKind.AWARD, state=DecisionState.PENDING
    ).aggregate(cents=Sum("amount_cents"))["cents"]
    return (balance.first() or 0) - (planned or 0)


def _lock(cycle: Cycle) -> None:
    """One change of a list at a time. Behind the application, as it is this list's own lock and guards nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('applications.waiting_list'), %s)", [cycle.pk])
