"""The batch board of a cycle: intake, looks, load of its reviewers, flags and how far the scores lie apart."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from applications.boards import CycleHealth, health
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Review,
    ReviewState,
    ScreeningCheck,
)
from applications.states import SENT
from portal.models import User
from programs import rulebook
from programs.models import Cycle, CycleState, RuleKind


@dataclass(frozen=True)
class Day:
    on: date
    number: int


@dataclass(frozen=True)
class ReviewerLoad:
    """One reviewer's part of a cycle."""

    reviewer: User
    done: int
    total: int
    recused: int
    last_at: datetime | None

    @property
    def share(self) -> float:
        return 100 * self.done / self.total if self.total else 0

    @property
    def left(self) -> int:
        return self.total - self.done


@dataclass(frozen=True)
class Board:
    """The batch board of a cycle."""

    health: CycleHealth
    intake: list[Day]
    looks: list[tuple[int, int]]  # looks -> applications, the most first
    reviewers: list[ReviewerLoad]
    flags: list[tuple[str, int]]
    spread: list[tuple[str, int]]
    short: int


def board(cycle: Cycle) -> Board:
    """Intake, coverage, load, flags and agreement of one cycle. About a dozen queries, none per row."""
    state = health([cycle])[0]
    wanted = rulebook.for_cycle(cycle).reviews_wanted
    in_cycle = Application.objects.filter(cycle=cycle, state__in=SENT)
    looks, spread, short = _figures(cycle, wanted)
    return Board(
        health=state,
        intake=_intake(cycle, in_cycle),
        looks=looks,
        reviewers=_reviewers(cycle),
        flags=_flags(cycle),
        spread=spread,
        short=short if cycle.state == CycleState.IN_REVIEW else 0,
    )


SPREADS = ("under 0.5", "0.5", "1", "1.5", "2 or more")


def _figures(cycle: Cycle, wanted: int) -> tuple[list[tuple[int, int]], list[tuple[str, int]], int]:
    """Applications by their looks (more than wanted counts as wanted), by the difference between the highest and lowest
    total of two looks or more, and how many have too few people. One query.
    """
    found: dict[str, dict[int, int]] = {
        "looks": defaultdict(int),
        "spread": defaultdict(int),
        "short": defaultdict(int),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH sent AS MATERIALIZED (
                SELECT id, state FROM applications_application WHERE cycle_id = %(cycle)s AND state = ANY (%(sent)s)
            ), seen AS MATERIALIZED (
                SELECT application_id, count(*) AS looks, count(total) AS scored, max(total) - min(total) AS apart
                  FROM applications_review
                 WHERE state = 'in' AND application_id IN (SELECT id FROM sent) GROUP BY application_id
            ), dealt AS (
                SELECT application_id, count(*) AS people FROM applications_assignment
                 WHERE state <> 'recused' AND application_id IN (SELECT id FROM sent) GROUP BY application_id
            )
            SELECT 'looks', least(coalesce(looks, 0), %(wanted)s)::int, count(*)
              FROM sent LEFT JOIN seen ON seen.application_id = sent.id GROUP BY 2
             UNION ALL
            SELECT 'spread', least(4, floor(apart / 0.5))::int, count(*) FROM seen WHERE scored >= 2 GROUP BY 2
             UNION ALL
            SELECT 'short', 0, count(*) FROM sent LEFT JOIN dealt ON dealt.application_id = sent.id
             WHERE sent.state = 'in_review' AND coalesce(people, 0) < %(wanted)s
            """,
            {"cycle": cycle.pk, "sent": [str(state) for state in SENT], "wanted": wanted},
        )
        for name, key, number in cursor:
            found[name][key] = number
    return (
        [(number, found["looks"][number]) for number in range(wanted, -1, -1)],
        [(name, found["spread"][place]) for place, name in enumerate(SPREADS)],
        found["short"][0],
    )


def _intake(cycle: Cycle, in_cycle: QuerySet[Application]) -> list[Day]:
    """Applications sent per UTC day, over the last 31 days before the cut-off."""
    first = cycle.cut_off_at - timedelta(days=31)
    counts = dict(
        in_cycle.filter(submitted_at__gte=first)
        .order_by()
        .values_list(TruncDate("submitted_at", tzinfo=UTC))
        .annotate(number=Count("pk"))
    )
    days = [(first + timedelta(days=offset)).date() for offset in range(1, 32)]
    return [Day(day, counts.get(day, 0)) for day in days]


def _reviewers(cycle: Cycle) -> list[ReviewerLoad]:
    latest = (
        Review.objects.filter(application__cycle=cycle, state=ReviewState.IN, reviewer=OuterRef("reviewer"))
        .order_by()
        .values("reviewer")
        .annotate(last=Max("submitted_at"))
        .values("last")
    )
    rows = {
        row["reviewer_id"]: row
        for row in Assignment.objects.filter(application__cycle=cycle)
        .order_by()
        .values("reviewer_id")
        .annotate(
            done=Count("pk", filter=Q(state=AssignmentState.DONE)),
            to_do=Count("pk", filter=Q(state=AssignmentState.TO_DO)),
            recused=Count("pk", filter=Q(state=AssignmentState.RECUSED)),
            last=Subquery(latest),
        )
    }
    people = User.objects.in_bulk(list(rows))
    found = [
        ReviewerLoad(people[pk], row["done"], row["done"] + row["to_do"], row["recused"], row["last"])
        for pk, row in rows.items()
    ]
    return sorted(found, key=lambda load: (-load.left, str(load.reviewer)))


def _flags(cycle: Cycle) -> list[tuple[str, int]]:
    rows = (
        ScreeningCheck.objects.filter(application__cycle=cycle)
        .order_by()
        .values_list("kind")
        .annotate(number=Count("pk"))
    )
    return sorted(((RuleKind(kind).label, number) for kind, number in rows), key=lambda row: -row[1])
