"""Decide many applications in one go: each stands alone, and each refusal is reported."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from applications import decisions
from applications.models import Application, Decision, DecisionState
from portal.models import User

AT_ONCE = 500
"""Items of one call, so that a request ends in time; the rest is handed back."""


@dataclass(frozen=True)
class Refusal:
    reference: str
    title: str
    reason: str


@dataclass(frozen=True)
class BulkReport:
    """What one call did. `left` are the ids it did not reach."""

    done: int
    refused: list[Refusal] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


def decide(*, kind: str, application_ids: Sequence[int], reason: str, by: User, at: datetime) -> BulkReport:
    """Propose the default award, propose a decline, or undo the pending decision, for each application by itself.

    kind: "award", "decline" or "undo". An application that refuses leaves the others going. A second call over the
    same ids proposes the same again, which replaces a pending decision by an equal one.
    """
    now, left = list(application_ids[:AT_ONCE]), list(application_ids[AT_ONCE:])
    rows = Application.objects.filter(pk__in=now).defer("answers").in_bulk()
    done, refused = 0, []
    for pk in now:
        try:
            _one(kind, pk, reason, by, at)
            done += 1
        except decisions.CannotDecide as error:
            row = rows.get(pk)
            refused.append(
                Refusal(row.reference or "" if row else str(pk), row.title if row else "", str(error))
            )
    return BulkReport(done, refused, left)


def _one(kind: str, application_id: int, reason: str, by: User, at: datetime) -> None:
    if kind == "award":
        decisions.propose_award(application_id=application_id, by=by, at=at, reason=reason)
    elif kind == "decline":
        decisions.propose_decline(application_id=application_id, by=by, at=at, reason=reason)
    elif kind == "undo":
        pending = Decision.objects.filter(application_id=application_id, state=DecisionState.PENDING).first()
        if pending is None:
            raise decisions.CannotDecide("It has no pending decision.")
        decisions.undo(decision_id=pending.pk, by=by, at=at)
    else:
        raise ValueError(f"unknown kind {kind}")
