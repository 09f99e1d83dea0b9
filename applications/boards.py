"""Queries of the boards: how a cycle stands, who leads its ranking, what a release would do, where the grants are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from applications.desk import pool_balance, visible
from applications.models import (
    STANDING,
    STANDS,
    Application,
    Assignment,
    AssignmentState,
    Decision,
    DecisionKind,
    DecisionState,
    GateResult,
    Review,
    ReviewState,
    second_person_wanted,
)
from applications.models.intake import ApplicationQuerySet
from applications.release import pool_code
from applications.states import SENT, State
from credits.models import LedgerAccount
from portal.models import User
from portal.roles import Role
from programs import rulebook
from programs.models import Criterion, CriterionKind, Cycle, CycleState, Program
from programs.staff import Desk

PAST = (CycleState.IN_REVIEW, CycleState.CLOSED)


# --- Cycles -------------------------------------------------------------------------------------------------------


def cycles(desk: Desk) -> QuerySet[Cycle]:
    """The cycles whose boards this person may open: of the programs they manage."""
    rows = Cycle.objects.select_related("program", "rules_version")
    return rows if desk.everything else rows.filter(program_id__in=desk.program_ids(Role.MANAGER))


def recent_cycles(desk: Desk, *, number: int = 12) -> list[Cycle]:
    """The cycles a board can switch to, newest first: those with a batch, and the one that is open."""
    wanted = Q(state__in=PAST) | Q(state=CycleState.OPEN)
    return list(cycles(desk).filter(wanted).order_by("-evaluation_on", "program_id")[:number])


def with_neighbours(desk: Desk, pk: int, *, number: int = 12) -> list[Cycle]:
    """One cycle, first, and the recent ones a board can switch to, each with rules, line, batch and `pool_cents`.

    Empty when this person may not open the cycle's boards. One query.
    """
    rows = (
        cycles(desk)
        .filter(Q(pk=pk) | Q(state__in=(*PAST, CycleState.OPEN)))
        .select_related("program", "rules_version", "cut_line", "batch")
        .annotate(
            asked=Case(When(pk=pk, then=Value(0)), default=Value(1), output_field=IntegerField()),
            pool_cents=pool_balance(),
        )
    )
    found: list[Any] = list(rows.order_by("asked", "-evaluation_on", "program_id")[: number + 1])
    return found if found and found[0].pk == pk else []


def default_cycle(desk: Desk) -> Cycle | None:
    """The cycle in review with the nearest decided-by date, else the newest one."""
    rows = cycles(desk)
    return (
        rows.filter(state=CycleState.IN_REVIEW).order_by("decided_by_on", "pk").first()
        or rows.filter(state=CycleState.CLOSED).order_by("-evaluation_on").first()
        or rows.order_by("evaluation_on").first()
    )


# --- Gates --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GateOf:
    """A gate as the rules of one cycle have it."""

    cycle_id: int
    criterion: Criterion


def gate_condition(gate: GateOf) -> Q:
    """The applications that have to pass a gate, as a condition on their answers (see review.gates_for)."""
    condition = Q(cycle_id=gate.cycle_id)
    if show_if := gate.criterion.show_if:
        path = f"answers__{show_if['question']}__contains"
        one_of = Q()
        for value in show_if["any_of"]:  # JSON: a text contains itself, and a list its entries
            one_of |= Q(**{path: value})
        condition &= one_of
    return condition


def gate_open(gates: Iterable[GateOf]) -> Q:
    """Applications that still wait for an answer at one of these gates."""
    waiting = Q(pk__in=[])
    for gate in gates:
        answered = GateResult.objects.filter(
            application=OuterRef("pk"), criterion=gate.criterion.pk, expired_at__isnull=True
        )
        waiting |= gate_condition(gate) & ~Q(Exists(answered))
    return waiting


def gates_of(cycles: Iterable[Cycle]) -> list[GateOf]:
    """The gates of some cycles, each with program and rules_version loaded. A query only for rules not frozen yet."""
    found = [(cycle, rulebook.for_cycle(cycle)) for cycle in cycles]
    open_programs = {cycle.program_id for cycle, rules in found if rules.frozen is None}
    live: dict[int | None, list[Criterion]] = defaultdict(list)
    if open_programs:
        gates = Criterion.objects.filter(program_id__in=open_programs, kind=CriterionKind.GATE)
        for gate in gates.order_by("position", "pk"):
            live[gate.program_id].append(gate)
    return [
        GateOf(cycle.pk, gate)
        for cycle, rules in found
        for gate in (live[cycle.program_id] if rules.frozen is None else rules.gates)
    ]


def gates_in_review(program_ids: Iterable[int]) -> list[GateOf]:
    """The gates of every cycle in review of some programs."""
    return gates_of(
        Cycle.objects.filter(program_id__in=list(program_ids), state=CycleState.IN_REVIEW).select_related(
            "program", "rules_version"
        )
    )


def gates_waiting(cycles: Sequence[Cycle]) -> int:
    """How many applications of these cycles in review, each with program and rules, wait at a gate. One query."""
    gates = gates_of(cycles)
    if not gates:
        return 0
    in_review = Application.objects.filter(cycle__in=cycles, state=State.IN_REVIEW)
    return in_review.filter(gate_open(gates)).count()


# --- Health -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CycleHealth:
    """How one cycle stands, for its manager. Sums in cents; pool_cents is what the pool still holds, None without one."""

    cycle: Cycle
    program: Program
    applications: int
    looked: int
    gates_open: int
    awards: int
    awards_cents: int
    declines: int
    deferrals: int
    listed: int  # on the waiting list
    changes: int  # yes without more credit: decided, and no money
    second_person: int
    released: int
    pool_cents: int | None

    @property
    def coverage(self) -> float:
        return round(100 * self.looked / self.applications, 1) if self.applications else 100.0

    @property
    def not_looked(self) -> int:
        return self.applications - self.looked

    @property
    def undecided(self) -> int:
        return self.applications - self.pending - self.listed - self.released

    @property
    def pending(self) -> int:
        return self.awards + self.declines + self.deferrals + self.changes

    @property
    def left_cents(self) -> int | None:
        return None if self.pool_cents is None else self.pool_cents - self.awards_cents


def health(found: Sequence[Cycle]) -> list[CycleHealth]:
    """The health of several cycles, each with its program and rules loaded. Two queries at most, however many cycles."""
    if not found:
        return []
    counts = {row["cycle_id"]: row for row in _counts(found)}
    pools = _pools(found)
    result = []
    for cycle in found:
        row = counts.get(cycle.pk, {})
        result.append(
            CycleHealth(
                cycle=cycle,
                program=cycle.program,
                applications=row.get("applications", 0),
                looked=row.get("looked", 0),
                gates_open=row.get("gates_open", 0),
                awards=row.get("awards", 0),
                awards_cents=row.get("awards_cents") or 0,
                declines=row.get("declines", 0),
                deferrals=row.get("deferrals", 0),
                listed=row.get("listed", 0),
                changes=row.get("changes", 0),
                second_person=row.get("second_person", 0),
                released=row.get("released", 0),
                pool_cents=pools.get(pool_code(cycle)),
            )
        )
    return result


def _pools(found: Sequence[Cycle]) -> dict[str, int | None]:
    """What the pools of some cycles hold, by code; asked only for cycles that do not bring it (with_neighbours)."""
    known = {pool_code(cycle): cycle.pool_cents for cycle in found if hasattr(cycle, "pool_cents")}
    codes = {pool_code(cycle) for cycle in found} - known.keys()
    if codes:
        known |= dict(LedgerAccount.objects.filter(code__in=codes).values_list("code", "balance_cents"))
    return known


def _counts(found: Sequence[Cycle]) -> QuerySet[Any, Any]:
    """One row for each cycle. An application has one standing decision at most, so the join multiplies nothing."""
    seen = Exists(Review.objects.filter(application=OuterRef("pk"), state=ReviewState.IN))
    waiting = gate_open(gates_of(found)) & Q(state=State.IN_REVIEW)
    standing = FilteredRelation(
        "decisions", condition=Q(decisions__state__in=STANDING) & ~Q(decisions__kind=DecisionKind.LATER)
    )
    pending = Q(standing__state=DecisionState.PENDING)
    award = pending & Q(standing__kind=DecisionKind.AWARD)
    return (
        Application.objects.filter(cycle__in=found, state__in=SENT)
        .order_by()
        .annotate(standing=standing)
        .values("cycle_id")
        .annotate(
            applications=Count("pk"),
            looked=Count("pk", filter=Q(seen)),
            gates_open=Count("pk", filter=waiting),
            awards=Count("pk", filter=award),
            awards_cents=Sum("standing__amount_cents", filter=award),
            declines=Count("pk", filter=pending & Q(standing__kind=DecisionKind.DECLINE)),
            deferrals=Count("pk", filter=pending & Q(standing__kind=DecisionKind.DEFER)),
            listed=Count("pk", filter=pending & Q(standing__kind=DecisionKind.WAITLIST)),
            changes=Count("pk", filter=pending & Q(standing__kind=DecisionKind.CHANGE)),
            second_person=Count("pk", filter=second_person_wanted("standing__")),
            released=Count("pk", filter=Q(standing__state=DecisionState.RELEASED)),
        )
    )


# --- Ranking --------------------------------------------------------------------------------------------------------

TABS = ("all", "undecided", "awards", "changes", "declines", "deferrals", "waiting", "second")


def waits_for(user: User) -> QuerySet[Assignment]:
    """The looks this person is asked for and has not handed in."""
    return Assignment.objects.filter(reviewer=user, state=AssignmentState.TO_DO)


def unread(desk: Desk, cycle: Cycle) -> set[int]:
    """The applications of a cycle that wait for this person's own review; no query for somebody who reviews nothing."""
    if not desk.holds(Role.REVIEWER, program_id=cycle.program_id):
        return set()
    rows = waits_for(desk.user).filter(application__cycle=cycle)
    return set(rows.values_list("application_id", flat=True))


def ranking(cycle: Cycle, desk: Desk, *, tab: str = "all") -> ApplicationQuerySet:
    """The applications of a cycle, best mean first, with `mean`, `looks`, `lowest` and `highest` of the reviews in.

    Those without a score come last; ties fall by id. The viewer's conflicts are left out. What still waits for the
    viewer's own review has `awaits_me` and no figures but its looks: nobody learns from a board what the others gave.
    """
    rows = visible(desk).filter(cycle=cycle, state__in=SENT)
    pending = Decision.objects.filter(application=OuterRef("pk"), state=DecisionState.PENDING)
    if tab == "undecided":
        rows = rows.filter(~Exists(pending), state=State.IN_REVIEW)
    elif tab == "awards":
        rows = rows.filter(Exists(pending.filter(kind=DecisionKind.AWARD)))
    elif tab == "changes":
        rows = rows.filter(Exists(pending.filter(kind=DecisionKind.CHANGE)))
    elif tab == "declines":
        rows = rows.filter(Exists(pending.filter(kind=DecisionKind.DECLINE)))
    elif tab == "deferrals":
        rows = rows.filter(Exists(pending.filter(kind=DecisionKind.DEFER)))
    elif tab == "waiting":
        rows = rows.filter(Exists(pending.filter(kind=DecisionKind.WAITLIST)))
    elif tab == "second":
        rows = rows.filter(Exists(pending.filter(second_person_wanted())))
    review_in = Q(reviews__state=ReviewState.IN)
    mine = waits_for(desk.user).values("application_id")
    told = review_in & ~Q(pk__in=mine)
    return rows.annotate(
        mean=Avg("reviews__total", filter=told),
        looks=Count("reviews", filter=review_in),
        clear_declines=Count("reviews", filter=told & Q(reviews__clear_decline=True)),
        lowest=Min("reviews__total", filter=told),
        highest=Max("reviews__total", filter=told),
        awaits_me=Case(When(pk__in=mine, then=Value(True)), default=Value(False)),
    ).order_by(F("mean").desc(nulls_last=True), "pk")


@dataclass
class Ranked:
    """One row of the ranking with its decision that stands, if any."""

    place: int
    application: Application
    decision: Decision | None
    gate_open: bool
    clear_declines: int

    @property
    def spread(self) -> Decimal | None:
        row = self.application
        if row.highest is None or row.looks < 2:  # type: ignore[attr-defined]
            return None
        return row.highest - row.lowest  # type: ignore[attr-defined]


def ranked(
    page: Sequence[Application], cycle: Cycle, *, first_place: int = 1, with_gates: bool = True
) -> list[Ranked]:
    """Decisions, clear declines and, if wanted, open gates of one page of the ranking: two queries at most."""
    ids = [application.pk for application in page]
    decisions = {
        decision.application_id: decision
        for decision in Decision.objects.filter(STANDS, application_id__in=ids)
    }
    gates = gates_of([cycle]) if with_gates else []
    waiting = set(
        Application.objects.filter(gate_open(gates), pk__in=ids).values_list("pk", flat=True) if gates else ()
    )
    return [
        Ranked(
            place,
            application,
            decisions.get(application.pk),
            application.pk in waiting,
            application.clear_declines,  # type: ignore[attr-defined]
        )
        for place, application in enumerate(page, start=first_place)
    ]


def pending_by_period(program: Program) -> dict[str, int]:
    """Pending awards of a program in cents, by the period of the pool that would pay for them. One query."""
    rows = (
        Decision.objects.filter(
            application__program=program, kind=DecisionKind.AWARD, state=DecisionState.PENDING
        )
        .order_by()
        .values_list("application__cycle__evaluation_on__year")
        .annotate(cents=Sum("amount_cents"))
    )
    return {str(year): cents for year, cents in rows}


@dataclass(frozen=True)
class Waits:
    """What is still open in a cycle: applications in review, those without a decision, the waiting list, the pool."""

    in_review: int
    undecided: int
    listed: int
    pool_cents: int | None


def waits(cycle: Cycle) -> Waits:
    """How much of a cycle waits, in one query, or two for a cycle that does not bring its pool."""
    pending = Decision.objects.filter(application=OuterRef("pk"), state=DecisionState.PENDING)
    counts = Application.objects.filter(cycle=cycle, state=State.IN_REVIEW).aggregate(
        in_review=Count("pk"),
        undecided=Count("pk", filter=~Q(Exists(pending))),
        listed=Count("pk", filter=Q(Exists(pending.filter(kind=DecisionKind.WAITLIST)))),
    )
    return Waits(**counts, pool_cents=_pools([cycle]).get(pool_code(cycle)))
