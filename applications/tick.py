"""One question to the database: what is due? Beat asks it every minute; asking late, twice or not at all is harmless."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TypeVar

from applications import (
    assignment,
    batches,
    claims,
    conflicts,
    credit_letters,
    declining,
    deferrals,
    exports,
    file_sweep,
    obligations,
    public_figures,
    reminders,
    screening,
)
from applications.models import Batch
from credits import expiry, ledger
from programs import cycles

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class Ticked:
    """What one tick did. `failed` names the cycles that met an error, `broken` the steps; the next tick tries them again."""

    planned: int = 0
    opened: int = 0
    closed: int = 0
    batches: int = 0
    applications: int = 0
    findings: dict[str, int] = field(default_factory=dict)
    assignments: int = 0
    short: int = 0
    proposals: int = 0
    reminders: int = 0
    accept_reminders: int = 0
    lapsed: int = 0
    expired: int = 0
    warnings: int = 0
    obligations: dict[str, int] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def tick(*, at: datetime) -> Ticked:
    """Plan, open, close, form batches, screen, assign, follow up and remind: whatever is due at this moment.

    Each step is its own transaction and finds its own work by what is missing, so a tick that died half-way is
    finished by the next. One cycle's error leaves the others going, and one step's error the steps behind it: what
    waits for the ledger, say, must not hold up letters.
    """
    changes = cycles.turn(at=at)
    done = Ticked(planned=changes.planned, opened=changes.opened, closed=changes.closed)
    _step(done, "deferrals", lambda: deferrals.carry_over(at=at))
    for cycle_id in cycles.due_for_batch(at=at):
        try:
            formed = batches.form(cycle_id=cycle_id, at=at)
        except Exception:  # one cycle's fault must not stop the other programs; the row stays due
            logger.exception("the batch of cycle %s could not be formed", cycle_id)
            done.failed.append(cycle_id)
            continue
        done.batches += formed.created
        done.applications += formed.moved
    waiting = Batch.objects.filter(assigned_at=None).select_related("cycle__program")
    for batch in waiting.order_by("formed_at", "pk"):
        try:
            _look_through(batch, done, at)
        except Exception:  # as above
            logger.exception("batch %s could not be screened or assigned", batch.pk)
            done.failed.append(batch.cycle_id)
    _step(done, "second looks", lambda: _follow_up(done, at))
    done.reminders = _step(done, "reminders", lambda: reminders.queue_due(at=at)) or 0
    done.obligations = _step(done, "obligations", lambda: obligations.follow(at=at).as_json()) or {}
    _step(done, "end of credit", lambda: _end_credit(done, at))
    done.lapsed = _step(done, "lapsed awards", lambda: declining.lapse_due(at=at)) or 0
    done.accept_reminders = _step(done, "reminders to accept", lambda: declining.remind_due(at=at)) or 0
    _step(done, "answers to claims", lambda: claims.queue_answers(at=at))
    _step(done, "old exports", lambda: exports.remove_old(at=at))
    _step(done, "yearly figures", lambda: public_figures.make_due(at=at))
    _step(done, "files", file_sweep.daily)
    return done


def _step(done: Ticked, name: str, act: Callable[[], T]) -> T | None:
    """Do one step; a fault is named and left to the next tick."""
    try:
        return act()
    except Exception:  # as for the cycles: a fault must not stop what has nothing to do with it
        logger.exception("the step “%s” of a tick failed", name)
        done.broken.append(name)
        return None


def _end_credit(done: Ticked, at: datetime) -> None:
    """Let ended credit expire and tell grantees of the marks that their credit passed. Waits while posting is stopped."""
    try:
        done.expired = expiry.expire(at=at).lots
    except (ledger.PostingStopped, ledger.NotEnoughCredit) as error:
        logger.error("credit that has ended could not expire: %s", error)
    done.warnings = credit_letters.queue_due(at=at)


def _look_through(batch: Batch, done: Ticked, at: datetime) -> None:
    for kind, count in screening.screen(batch_id=batch.pk, at=at).items():
        done.findings[kind] = done.findings.get(kind, 0) + count
    if not batch.cycle.program.assigns_by_itself:
        if not batch.plans.exists():
            assignment.propose(batch_id=batch.pk, by=None, at=at)
            done.proposals += 1
        return
    assigned = assignment.assign(batch_id=batch.pk, at=at)
    done.assignments += assigned.assignments
    done.short += len(assigned.short)


def _follow_up(done: Ticked, at: datetime) -> None:
    """Conflicts of people who came or changed, the gaps these leave, and second looks that a first one calls for."""
    due = set(assignment.to_fill_up())
    for batch in conflicts.due_again():
        if conflicts.sweep(batch=batch, at=at) and batch.cycle.program.assigns_by_itself:
            due.add(batch.cycle_id)
    for cycle_id in sorted(due):
        try:
            filled = assignment.fill_up(cycle_id=cycle_id, at=at)
        except Exception:  # one cycle's fault must not stop the others; the next tick asks again
            logger.exception("cycle %s could not be filled up", cycle_id)
            done.failed.append(cycle_id)
            continue
        done.assignments += filled.assignments
