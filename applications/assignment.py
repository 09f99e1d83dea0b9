"""Give applications to reviewers and screeners: as a batch, as a proposal first, or one by one when something changes."""

import io
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from applications import conflicts, dealing, notices, workforce
from applications.dealing import Dealt, Reviewer, Subject
from applications.models import (
    Application,
    Assignment,
    AssignmentPlan,
    Batch,
    GateDuty,
    PlanKind,
    PlanState,
    Review,
    ReviewState,
)
from applications.states import State
from portal import audit
from portal.crash_points import crash_here
from portal.database import allow_long_statements
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships
from programs.models import Cycle, CycleState

__all__ = ["Assigned", "CannotPlan", "Reviewer", "Subject", "apply", "assign", "propose", "replace"]

MOST_NAMED = 200
"""Shortfalls that a plan names one by one; all of them are counted."""


class CannotPlan(Refused):
    """There is nothing to plan for this batch, or the plan is over."""


@dataclass(frozen=True)
class Assigned:
    """What one call did: rows written, and applications for which too few reviewers were free of conflicts."""

    assignments: int = 0
    short: tuple[int, ...] = ()
    gates: int = 0


@dataclass
class Drawn:
    """A plan that is not stored: looks as (application, reviewer), gates as (application, screener)."""

    looks: list[tuple[int, int]] = field(default_factory=list)
    gates: list[tuple[int, int]] = field(default_factory=list)
    short: dict[int, tuple[int, str]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)


# --- A whole batch ----------------------------------------------------------------------------------------------------


def assign(*, batch_id: int, at: datetime) -> Assigned:
    """Deal a batch once and queue one letter for each person. A second call changes nothing.

    Demand comes from the rules that the cycle was frozen under (applications.workforce); only people who hold the role
    now are taken. An application with too few gets those there are and is named in the answer and on the batch board.
    """
    with transaction.atomic():
        allow_long_statements()
        batch = _locked(batch_id)
        if batch.assigned_at is not None:
            return Assigned()
        conflicts.sweep(batch=batch, at=at)
        drawn = _draw(batch, at=at, seed=batch.pk)
        plan = AssignmentPlan(
            batch=batch, kind=PlanKind.BATCH, seed=batch.pk, summary=drawn.summary, made_at=at, applied_at=at
        )
        plan.state = PlanState.APPLIED
        plan.save(force_insert=True)
        return _put_into_effect(batch, drawn, by=None, at=at)


@transaction.atomic
def propose(*, batch_id: int, by: User | None, at: datetime) -> AssignmentPlan:
    """Draw a plan for a batch that is not dealt yet and keep it for a manager to look at. Nothing takes effect.

    A second call draws it again in the place of the first. Raises CannotPlan when the batch is dealt.
    """
    allow_long_statements()
    batch = _locked(batch_id)
    if batch.assigned_at is not None:
        raise CannotPlan("This batch is dealt already. Moves between reviewers are proposed as a rebalance.")
    conflicts.sweep(batch=batch, at=at)
    drawn = _draw(batch, at=at, seed=batch.pk)
    return keep_proposal(batch=batch, kind=PlanKind.BATCH, drawn=drawn, by=by, at=at)


def keep_proposal(
    *,
    batch: Batch,
    kind: PlanKind,
    drawn: Drawn,
    by: User | None,
    at: datetime,
    moves: Mapping[tuple[int, int], int] | None = None,
) -> AssignmentPlan:
    """Store a drawn plan in the caller's transaction; a proposal of its kind that waited is set aside.

    moves: (application, new reviewer) -> the reviewer it comes from.
    """
    AssignmentPlan.objects.filter(batch=batch, kind=kind, state=PlanState.PROPOSED).update(
        state=PlanState.VOID
    )
    plan = AssignmentPlan.objects.create(
        batch=batch,
        kind=kind,
        seed=batch.pk,
        looks=[[pk, to, (moves or {}).get((pk, to))] for pk, to in drawn.looks],
        gates=[list(pair) for pair in drawn.gates],
        summary=drawn.summary,
        made_by=by,
        made_at=at,
    )
    audit.record(action="plan.propose", subject=plan, by=by, at=at, kind=kind, looks=len(drawn.looks))
    return plan


@transaction.atomic
def apply(*, plan_id: int, by: User, at: datetime) -> Assigned:
    """Let a proposal take effect; a second call changes nothing and says what the first one did.

    What changed since it was drawn wins: applications that left review, people who left the role, conflicts, recusals
    and reviews that were begun are passed over. Raises CannotPlan for a proposal that was set aside.
    """
    allow_long_statements()
    found = AssignmentPlan.objects.values_list("batch_id", flat=True).get(pk=plan_id)
    batch = _locked(found)
    plan = AssignmentPlan.objects.select_for_update(of=("self",)).get(pk=plan_id)
    if plan.state == PlanState.APPLIED:
        return Assigned(assignments=int(plan.summary.get("applied", 0)))
    if plan.state == PlanState.VOID:
        raise CannotPlan("This proposal was set aside. Look at the newest one.")
    if plan.kind == PlanKind.BATCH and batch.assigned_at is not None:
        raise CannotPlan("This batch is dealt already.")
    conflicts.sweep(batch=batch, at=at)
    standing = _still_standing(batch.cycle, plan)
    moved = _give_up(plan, standing)
    looks = [(pk, to) for pk, to, before in standing if before is None or (pk, before) in moved]
    people = {user.pk for user in workforce.of(batch.cycle, Role.SCREENER, at=at).people.values()}
    barred = workforce.barred(batch.cycle, conflicts.people_of(batch.cycle_id))
    gates = [(pk, to) for pk, to in plan.gates if to in people and (pk, to) not in barred]
    drawn = Drawn(
        looks, gates, dict.fromkeys((int(row[0]) for row in plan.summary.get("short", ())), (1, ""))
    )
    first = plan.kind == PlanKind.BATCH
    done = _put_into_effect(batch, drawn, by=by, at=at, first=first, event=f"plan:{plan.pk}")
    plan.state, plan.applied_at, plan.applied_by = PlanState.APPLIED, at, by
    plan.summary = {**plan.summary, "applied": done.assignments}
    plan.save(update_fields=["state", "applied_at", "applied_by", "summary"])
    return done


@transaction.atomic
def set_aside(*, plan_id: int, by: User | None, at: datetime) -> None:
    """Let a proposal lapse. A second call, or one for a plan in effect, changes nothing."""
    plan = AssignmentPlan.objects.select_for_update(of=("self",)).get(pk=plan_id)
    if plan.state == PlanState.PROPOSED:
        plan.state = PlanState.VOID
        plan.save(update_fields=["state"])
        audit.record(action="plan.set_aside", subject=plan, by=by, at=at)


# --- One by one -------------------------------------------------------------------------------------------------------


@transaction.atomic
def replace(*, application_id: int, at: datetime) -> Assignment | None:
    """Find another reviewer after a recusal, and tell them; None when nobody is free of conflicts. Least loaded first.

    Like what fills up, one letter a day for each person: it says to look at the queue.
    """
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("cycle__program", "cycle__rules_version")
        .get(pk=application_id)
    )
    cycle = application.cycle
    assert cycle is not None
    conflicts.compute(cycle_id=cycle.pk, application_id=application.pk, at=at)
    force = workforce.of(cycle, Role.REVIEWER, at=at)
    had = {(application.pk, pk) for pk in application.assignments.values_list("reviewer_id", flat=True)}
    one = Application.objects.filter(pk=application.pk)
    dealt = dealing.deal(
        workforce.subjects(one, cycle, with_topics=force.has_tags),
        force.reviewers,
        wanted=1,
        barred=had | workforce.barred(cycle, force.people.values(), application_id=application.pk),
        load=force.load,
        seed=application.pk,
    )
    if not dealt.pairs:
        return None
    made = Assignment.objects.create(
        application=application, reviewer_id=dealt.pairs[0][1], assigned_at=at, due_at=cycle.review_due_at
    )
    _queue_letters(dealt.pairs, cycle, at, event=f"{at:%Y-%m-%d}")
    return made


@transaction.atomic
def fill_up(*, cycle_id: int, at: datetime, application_ids: Collection[int] | None = None) -> Assigned:
    """Give out the looks and gates of a dealt batch that are wanted by now and asked of nobody, with a letter each.

    Second looks after a first one that is no clear decline, and gaps that conflicts and people who left have made.
    """
    cycle = Cycle.objects.select_related("program", "rules_version").get(pk=cycle_id)
    batch = Batch.objects.select_for_update(of=("self",)).get(cycle=cycle)
    if batch.assigned_at is None or cycle.state != CycleState.IN_REVIEW:
        return Assigned()
    batch.cycle = cycle
    wanted = workforce.missing_looks(cycle, application_ids=application_ids)
    drawn = Drawn()
    if wanted:
        force = workforce.of(cycle, Role.REVIEWER, at=at)
        rows = Application.objects.filter(pk__in=wanted).order_by("pk")
        had = set(
            Assignment.objects.filter(application__in=wanted).values_list("application_id", "reviewer_id")
        )
        dealt = dealing.deal(
            workforce.subjects(rows, cycle, with_topics=force.has_tags, wanted=wanted),
            force.reviewers,
            wanted=0,
            barred=had | workforce.barred(cycle, force.people.values()),
            load=force.load,
            seed=batch.pk,
        )
        drawn.looks, drawn.short = dealt.pairs, dealt.short
    drawn.gates = _gates(cycle, at=at, seed=batch.pk, application_ids=application_ids).pairs
    event = f"{at:%Y-%m-%d}" if application_ids is None else f"late-{min(application_ids, default=0)}"
    if not drawn.looks and not drawn.gates:
        return Assigned(short=tuple(sorted(drawn.short)))
    return _put_into_effect(batch, drawn, by=None, at=at, first=False, event=event)


def to_fill_up() -> list[int]:
    """The cycles in review whose programs deal second looks later and by themselves, and where a first look came in."""
    seen = Review.objects.filter(
        application__cycle=OuterRef("pk"), application__state=State.IN_REVIEW, state=ReviewState.IN
    )
    staged = Cycle.objects.filter(
        Exists(seen),
        state=CycleState.IN_REVIEW,
        program__first_looks__isnull=False,
        program__assigns_by_itself=True,
        batch__assigned_at__isnull=False,
    )
    return list(staged.order_by("pk").values_list("pk", flat=True))


# --- Drawing ----------------------------------------------------------------------------------------------------------


def balance(
    subjects: Iterable[Subject],
    reviewers: Iterable[Reviewer],
    *,
    wanted: int,
    barred: set[tuple[int, int]],
    load: Mapping[int, int],
    seed: int,
) -> tuple[list[tuple[int, int]], list[int]]:
    """Pure: pairs of (application, reviewer) and the applications that got fewer than wanted (applications.dealing)."""
    dealt = dealing.deal(subjects, reviewers, wanted=wanted, barred=barred, load=load, seed=seed)
    return dealt.pairs, sorted(dealt.short)


def _draw(batch: Batch, *, at: datetime, seed: int) -> Drawn:
    cycle = batch.cycle
    force = workforce.of(cycle, Role.REVIEWER, at=at)
    dealt = dealing.deal(
        workforce.batch_subjects(cycle, with_topics=force.has_tags),
        force.reviewers,
        wanted=workforce.first_looks(cycle),
        barred=workforce.barred(cycle, force.people.values()) | _looked_before(cycle),
        load=force.load,
        seed=seed,
    )
    gates = _gates(cycle, at=at, seed=seed)
    return Drawn(dealt.pairs, gates.pairs, dealt.short, summarize(dealt, gates, force))


def _looked_before(cycle: Cycle) -> set[tuple[int, int]]:
    """Who looked at the applications that an earlier evaluation deferred: this one asks other people."""
    carried = Assignment.objects.filter(application__cycle=cycle, application__came_from__isnull=False)
    return set(carried.values_list("application_id", "reviewer_id"))


def _gates(cycle: Cycle, *, at: datetime, seed: int, application_ids: Collection[int] | None = None) -> Dealt:
    """One screener for each application that waits at a gate."""
    waiting = list(workforce.gated(cycle, application_ids=application_ids))
    if not waiting:
        return Dealt()
    force = workforce.of(cycle, Role.SCREENER, at=at)
    if not force.people:
        return Dealt(short={subject.pk: (1, dealing.NOBODY) for subject in waiting})
    barred = workforce.barred(cycle, force.people.values())
    return dealing.deal(waiting, force.reviewers, wanted=1, barred=barred, load=force.load, seed=seed)


def summarize(dealt: Dealt, gates: Dealt, force: workforce.Workforce) -> dict[str, Any]:
    """What a plan says about itself: counts for each person, shortfalls by reason, and who is away or at a limit."""
    looks = Counter(pk for _, pk in dealt.pairs)
    reasons = Counter(reason for _, reason in dealt.short.values())
    gate_reasons = Counter(reason for _, reason in gates.short.values())
    return {
        "looks": len(dealt.pairs),
        "gates": len(gates.pairs),
        "reviewers": {str(pk): looks.get(pk, 0) for pk in force.people},
        "before": {str(pk): force.load.get(pk, 0) for pk in force.people},
        "limits": {str(pk): most for pk, most in force.limits.items()},
        "away": {str(pk): last.isoformat() for pk, last in force.absent.items()},
        "screeners": {str(pk): number for pk, number in Counter(pk for _, pk in gates.pairs).items()},
        "short_count": len(dealt.short),
        "short_reasons": dict(reasons),
        "short": [
            [pk, missing, reason] for pk, (missing, reason) in sorted(dealt.short.items())[:MOST_NAMED]
        ],
        "gates_short": len(gates.short),
        "gates_short_reasons": dict(gate_reasons),
    }


# --- Writing ----------------------------------------------------------------------------------------------------------


def _locked(batch_id: int) -> Batch:
    return (
        Batch.objects.select_for_update(of=("self",))
        .select_related("cycle__program", "cycle__rules_version")
        .get(pk=batch_id)
    )


def _put_into_effect(
    batch: Batch, drawn: Drawn, *, by: User | None, at: datetime, first: bool = True, event: str = ""
) -> Assigned:
    due = batch.cycle.review_due_at
    _write(drawn.looks, at=at, due_at=due)
    _write_gates(drawn.gates, at=at, due_at=due)
    _queue_letters(drawn.looks, batch.cycle, at, event=event)
    if first:
        batch.assigned_at = at
        batch.save(update_fields=["assigned_at"])
    audit.record(
        action="batch.assign",
        subject=batch,
        by=by,
        at=at,
        assignments=len(drawn.looks),
        gates=len(drawn.gates),
        short=len(drawn.short),
    )
    crash_here("assign.before_commit")
    return Assigned(len(drawn.looks), tuple(sorted(drawn.short)), len(drawn.gates))


def _still_standing(cycle: Cycle, plan: AssignmentPlan) -> list[tuple[int, int, int | None]]:
    """The looks of a plan that may take effect now."""
    wanted = [(int(pk), int(to), None if before is None else int(before)) for pk, to, before in plan.looks]
    force = conflicts.people_of(cycle.pk)
    barred = workforce.barred(cycle, force)
    members = set(memberships.people_in(cycle.program, Role.REVIEWER).values_list("pk", flat=True))
    open_ = set(
        Application.objects.filter(cycle=cycle, state=State.IN_REVIEW, pk__in={pk for pk, _, _ in wanted})
        .order_by()
        .values_list("pk", flat=True)
    )
    had = set(
        Assignment.objects.filter(application__cycle=cycle).values_list("application_id", "reviewer_id")
    )
    return [
        (pk, to, before)
        for pk, to, before in wanted
        if pk in open_ and to in members and (pk, to) not in barred and (pk, to) not in had
    ]


def _give_up(plan: AssignmentPlan, standing: Sequence[tuple[int, int, int | None]]) -> set[tuple[int, int]]:
    """Take away what moves to somebody else, where no review was begun. One statement; returns what was taken."""
    leaving = [(pk, before) for pk, _, before in standing if before is not None]
    if not leaving:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM applications_assignment asked
             USING unnest(%s::bigint[], %s::bigint[]) AS leaving (application_id, reviewer_id)
             WHERE asked.application_id = leaving.application_id AND asked.reviewer_id = leaving.reviewer_id
               AND asked.state = 'to_do'
               AND NOT EXISTS (SELECT FROM applications_review begun WHERE begun.application_id = asked.application_id
                                  AND begun.reviewer_id = asked.reviewer_id)
            RETURNING asked.application_id, asked.reviewer_id
            """,
            [[pk for pk, _ in leaving], [before for _, before in leaving]],
        )
        return set(cursor.fetchall())


def _write(pairs: Sequence[tuple[int, int]], *, at: datetime, due_at: datetime) -> None:
    """COPY is several times faster than INSERT for the tens of thousands of rows of a busy month."""
    moment, due = at.isoformat(), due_at.isoformat()
    lines = io.StringIO(
        "".join(f"{application}\t{reviewer}\tto_do\t{moment}\t{due}\n" for application, reviewer in pairs)
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY applications_assignment (application_id, reviewer_id, state, assigned_at, due_at) FROM STDIN",
            lines,
        )


def _write_gates(pairs: Sequence[tuple[int, int]], *, at: datetime, due_at: datetime) -> None:
    if pairs:
        GateDuty.objects.bulk_create(
            [
                GateDuty(application_id=pk, screener_id=screener, assigned_at=at, due_at=due_at)
                for pk, screener in pairs
            ],
            ignore_conflicts=True,
            batch_size=5_000,
        )


def _queue_letters(pairs: Iterable[tuple[int, int]], cycle: Cycle, at: datetime, *, event: str) -> None:
    counts = Counter(reviewer for _, reviewer in pairs)
    people = User.objects.in_bulk(list(counts))
    notices.queue_many(
        notices.assignment_letter(
            program=cycle.program,
            cycle_id=cycle.pk,
            reviewer=people[pk],
            count=count,
            at=at,
            due=cycle.review_due_at,
            event=event,
        )
        for pk, count in counts.items()
    )
