"""Decide many applications in one go: each stands alone, and each refusal is reported."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from applications import decisions, waiting_list
from applications.amounts import ByRule
from applications.models import Application, Decision, DecisionState
from portal.models import User
from programs import rulebook

AT_ONCE = 500
"""Items of one call, so that a request ends in time; the rest is handed back."""

KINDS = ("award", "decline", "defer", "wait", "undo")


@dataclass(frozen=True)
class Refusal:
    reference: str
    title: str
    reason: str
    application_id: int = 0


@dataclass(frozen=True)
class BulkReport:
    """What one call did. `left` are the ids it did not reach."""

    done: int
    refused: list[Refusal] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """What awards by a rule would come to. Cents; above counts those over their limit, whom a second person approves."""

    number: int = 0
    cents: int = 0
    lowest_cents: int = 0
    highest_cents: int = 0
    above: int = 0


def preview(rows: QuerySet[Application], by_rule: ByRule) -> Preview:
    """The amounts that a rule gives these applications, two queries at any size."""
    found = list(rows.order_by().values_list("cycle_id", "requested_cents", "amends_id"))
    rules = rulebook.for_cycles({cycle_id for cycle_id, _, _ in found})
    amounts, above = [], 0
    for cycle_id, asked, amends in found:
        book = rules[cycle_id]
        cents = by_rule.cents(requested_cents=asked, is_update=amends is not None, rules=book)
        amounts.append(cents)
        above += cents > book.four_eyes_above_cents
    if not amounts:
        return Preview()
    return Preview(len(amounts), sum(amounts), min(amounts), max(amounts), above)


def decide(
    *,
    kind: str,
    application_ids: Sequence[int],
    reason: str,
    by: User,
    at: datetime,
    by_rule: ByRule | None = None,
    drawn_at: datetime | None = None,
) -> BulkReport:
    """Propose, defer, put on the waiting list, or undo the pending decision, for each application by itself.

    kind: one of KINDS. by_rule: how awards find their amounts, the default amount when None. drawn_at: when the list was
    looked at; what somebody else decided since then is refused and not replaced. An application that refuses leaves the
    others going. A second call over the same ids proposes the same again, which replaces a pending decision by an equal
    one.
    """
    now, left = list(application_ids[:AT_ONCE]), list(application_ids[AT_ONCE:])
    rows = Application.objects.filter(pk__in=now).select_related("program").defer("answers").in_bulk()
    rules = rulebook.for_cycles({row.cycle_id for row in rows.values() if row.cycle_id is not None})
    newer = _decided_since(now, by, drawn_at)
    done, refused = 0, []
    for pk in now:
        row = rows.get(pk)
        try:
            if pk in newer:
                raise decisions.CannotDecide(newer[pk])
            cents = None
            if kind == "award" and by_rule is not None and row is not None and row.cycle_id is not None:
                cents = by_rule.cents(
                    requested_cents=row.requested_cents,
                    is_update=row.amends_id is not None,
                    rules=rules[row.cycle_id],
                )
            _one(kind, pk, reason=reason, cents=cents, by=by, at=at)
            done += 1
        except decisions.CannotDecide as error:
            refused.append(
                Refusal(row.reference or "" if row else str(pk), row.title if row else "", str(error), pk)
            )
    return BulkReport(done, refused, left)


def _decided_since(ids: Iterable[int], by: User, drawn_at: datetime | None) -> dict[int, str]:
    """What somebody else put on these applications after the list was drawn: application id -> a sentence."""
    if drawn_at is None:
        return {}
    rows = (
        Decision.objects.filter(application_id__in=list(ids), proposed_at__gt=drawn_at)
        .exclude(proposed_by=by)
        .exclude(state=DecisionState.VOID)
        .select_related("proposed_by")
    )
    return {
        row.application_id: f"{row.proposed_by} decided it meanwhile: {row.get_kind_display().lower()}. Look again."
        for row in rows
    }


def _one(kind: str, application_id: int, *, reason: str, cents: int | None, by: User, at: datetime) -> None:
    if kind == "award":
        decisions.propose_award(
            application_id=application_id, amount_cents=cents, by=by, at=at, reason=reason
        )
    elif kind == "decline":
        decisions.propose_decline(application_id=application_id, by=by, at=at, reason=reason)
    elif kind == "defer":
        decisions.propose_deferral(application_id=application_id, by=by, at=at, reason=reason)
    elif kind == "wait":
        waiting_list.add(application_id=application_id, by=by, at=at, reason=reason)
    elif kind == "undo":
        pending = Decision.objects.filter(application_id=application_id, state=DecisionState.PENDING).first()
        if pending is None:
            raise decisions.CannotDecide("It has no pending decision.")
        decisions.undo(decision_id=pending.pk, by=by, at=at)
    else:
        raise ValueError(f"unknown kind {kind}")
