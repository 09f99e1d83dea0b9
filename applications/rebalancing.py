"""Move open work between reviewers when somebody stepped back, fell behind or goes away: first a proposal, then apply.

Reviews that were begun stay where they are. What nobody was asked yet is given out with the same plan.
"""

from collections import Counter, defaultdict
from dataclasses import replace as changed
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from applications import assignment, conflicts, dealing, workforce
from applications.dealing import NO_LIMIT, Dealt
from applications.models import (
    Application,
    Assignment,
    AssignmentPlan,
    AssignmentState,
    Batch,
    PlanKind,
    Review,
)
from applications.states import State
from portal.models import User
from portal.roles import Role
from programs.models import CycleState

Pair = tuple[int, int]


@transaction.atomic
def propose(*, batch_id: int, by: User | None, at: datetime, relieve: tuple[int, ...] = ()) -> AssignmentPlan:
    """Draw moves that even out what is open in a dealt batch, and keep them for a manager to look at.

    People who are away, or who left the role, give up everything they have not begun; so do those of `relieve` (ids), who
    are late or asked for it. Then the load is evened out, and gaps are filled. Raises assignment.CannotPlan.
    """
    batch = (
        Batch.objects.select_for_update(of=("self",))
        .select_related("cycle__program", "cycle__rules_version")
        .get(pk=batch_id)
    )
    cycle = batch.cycle
    if batch.assigned_at is None or cycle.state != CycleState.IN_REVIEW:
        raise assignment.CannotPlan("Only a batch that is dealt and in review can be rebalanced.")
    conflicts.sweep(batch=batch, at=at)
    force = workforce.of(cycle, Role.REVIEWER, at=at)
    barred = workforce.barred(cycle, force.people.values())
    movable, fixed = _open_work(cycle.pk)
    load = Counter(force.load)
    load.subtract(Counter(reviewer for _, reviewer in movable))
    held = Counter(reviewer for _, reviewer in fixed)
    reviewers = [
        changed(reviewer, room=_room(reviewer.pk, force, held, relieve)) for reviewer in force.reviewers
    ]
    placed: dict[int, set[int]] = defaultdict(set)
    for pk, reviewer in movable:
        placed[pk].add(reviewer)
    waiting = Counter(pk for pk, _ in movable) + Counter(workforce.missing_looks(cycle))
    rows = Application.objects.filter(pk__in=list(waiting)).order_by("pk")
    given_back = Assignment.objects.filter(application__in=rows, state=AssignmentState.RECUSED)
    dealt = dealing.deal(
        workforce.subjects(rows, cycle, with_topics=force.has_tags, wanted=waiting),
        reviewers,
        wanted=0,
        barred=barred | fixed | set(given_back.values_list("application_id", "reviewer_id")),
        load=load,
        seed=batch.pk,
        placed=placed,
    )
    moves, new = _changes(movable, dealt)
    drawn = assignment.Drawn(looks=[*moves, *new], short=dealt.short)
    summary = assignment.summarize(Dealt(drawn.looks, dealt.short), Dealt(), force)
    summary |= {"moves": len(moves), "new": len(new), "after": _after(force, movable, moves, new)}
    drawn.summary = summary
    return assignment.keep_proposal(
        batch=batch, kind=PlanKind.REBALANCE, drawn=drawn, by=by, at=at, moves=moves
    )


def _room(pk: int, force: workforce.Workforce, held: Counter[int], relieve: tuple[int, ...]) -> int:
    if pk in force.absent or pk in relieve:
        return 0
    return max(0, force.limits[pk] - held[pk]) if pk in force.limits else NO_LIMIT


def _open_work(cycle_id: int) -> tuple[set[Pair], set[Pair]]:
    """Pairs of (application, reviewer) that may move, and those that stay: begun, done, or of a decided application."""
    begun = Review.objects.filter(application=OuterRef("application"), reviewer=OuterRef("reviewer"))
    rows = Assignment.objects.filter(application__cycle=cycle_id).exclude(state=AssignmentState.RECUSED)
    movable: set[Pair] = set()
    fixed: set[Pair] = set()
    for application, reviewer, state, of_application, is_begun in rows.annotate(
        begun=Exists(begun)
    ).values_list("application_id", "reviewer_id", "state", "application__state", "begun"):
        free = state == AssignmentState.TO_DO and of_application == State.IN_REVIEW and not is_begun
        (movable if free else fixed).add((application, reviewer))
    return movable, fixed


def _changes(movable: set[Pair], dealt: Dealt) -> tuple[dict[Pair, int], list[Pair]]:
    """What is different: (application, new reviewer) -> the one who gives it up, and looks that nobody had."""
    leaving: dict[int, list[int]] = defaultdict(list)
    for application, reviewer in sorted(movable - set(dealt.pairs)):
        leaving[application].append(reviewer)
    moves: dict[Pair, int] = {}
    new: list[Pair] = []
    for application, reviewer in sorted(set(dealt.pairs) - movable):
        if leaving[application]:
            moves[application, reviewer] = leaving[application].pop()
        else:
            new.append((application, reviewer))
    return moves, new


def _after(
    force: workforce.Workforce, movable: set[Pair], moves: dict[Pair, int], new: list[Pair]
) -> dict[str, int]:
    after = Counter(force.load)
    after.subtract(Counter(moves.values()))
    after.update(Counter(reviewer for _, reviewer in moves))
    after.update(Counter(reviewer for _, reviewer in new))
    return {str(pk): after[pk] for pk in force.people}
