"""The batch board of a cycle: intake, looks, pace and load of its reviewers, flags, groups, reminders, agreement."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, OuterRef, Q, Subquery

from applications import calibration, groups
from applications.boards import CycleHealth, health
from applications.models import Assignment, AssignmentState, ReminderStage, Review, ReviewState
from applications.states import SENT
from portal.models import User
from programs import rulebook
from programs.models import Cycle, CycleState, RuleKind
from programs.staff import Desk

INTAKE_DAYS = 31
PACE_DAYS = 14
LATELY_DAYS = 7


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
class Pace:
    """Reviews handed in per UTC day, newest last, against what is needed a day until they are due.

    lately: the mean of the last seven of these days. needed: None once they are due, or when nothing is left.
    """

    days: list[Day]
    left: int
    lately: float
    needed: float | None
    is_overdue: bool

    @property
    def is_slow(self) -> bool:
        return self.is_overdue or (self.needed is not None and self.lately < self.needed)


@dataclass(frozen=True)
class Board:
    """The batch board of a cycle. alpha: Krippendorff's, over the totals (scoring.alpha)."""

    health: CycleHealth
    intake: list[Day]
    looks: list[tuple[int, int]]  # looks -> applications, the most first
    reviewers: list[ReviewerLoad]
    flags: list[tuple[str, int]]
    spread: list[tuple[str, int]]
    short: int
    pace: Pace
    alpha: float | None
    alike: groups.Counted
    reminders: list[tuple[str, int]]


def board(desk: Desk, cycle: Cycle, *, at: datetime) -> Board:
    """Everything the board shows of one cycle, groups as far as this person sees them. Seven queries at any size."""
    state = health([cycle])[0]
    wanted = rulebook.for_cycle(cycle).reviews_wanted
    found = _figures(cycle, wanted)
    reviewers = _reviewers(cycle)
    return Board(
        health=state,
        intake=_days(found["intake"], last=cycle.cut_off_at.date(), number=INTAKE_DAYS),
        looks=[(number, found["looks"].get(str(number), 0)) for number in range(wanted, -1, -1)],
        reviewers=reviewers,
        flags=_named(found["flag"], {str(kind): kind.label for kind in RuleKind}),
        spread=[(name, found["spread"].get(str(place), 0)) for place, name in enumerate(SPREADS)],
        short=found["short"].get("", 0) if cycle.state == CycleState.IN_REVIEW else 0,
        pace=_pace(cycle, found["done"], sum(load.left for load in reviewers), at),
        alpha=calibration.agreement(cycle),
        alike=groups.counted(desk, cycle),
        reminders=[(stage.label, found["reminder"].get(str(stage), 0)) for stage in ReminderStage],
    )


SPREADS = ("under 0.5", "0.5", "1", "1.5", "2 or more")


def _figures(cycle: Cycle, wanted: int) -> dict[str, dict[str, int]]:
    """Counts by name and key, in one query.

    looks: applications by their looks (more than wanted counts as wanted); spread: by the difference between the highest
    and lowest total of two looks or more, as a place in SPREADS; short: those with too few people; intake and done:
    applications and reviews per UTC day; flag: automatic findings by kind; reminder: letters by stage.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH sent AS MATERIALIZED (
                SELECT id, state, (submitted_at AT TIME ZONE 'UTC')::date AS day FROM applications_application
                 WHERE cycle_id = %(cycle)s AND state = ANY (%(sent)s)
            ), given AS MATERIALIZED (
                SELECT application_id, total, (submitted_at AT TIME ZONE 'UTC')::date AS day FROM applications_review
                 WHERE state = 'in' AND application_id IN (SELECT id FROM sent)
            ), seen AS MATERIALIZED (
                SELECT application_id, count(*) AS looks, count(total) AS scored, max(total) - min(total) AS apart
                  FROM given GROUP BY application_id
            ), dealt AS (
                SELECT application_id, count(*) AS people FROM applications_assignment
                 WHERE state <> 'recused' AND application_id IN (SELECT id FROM sent) GROUP BY application_id
            )
            SELECT 'looks', least(coalesce(looks, 0), %(wanted)s)::text, count(*)
              FROM sent LEFT JOIN seen ON seen.application_id = sent.id GROUP BY 2
             UNION ALL
            SELECT 'spread', least(4, floor(apart / 0.5))::int::text, count(*) FROM seen WHERE scored >= 2 GROUP BY 2
             UNION ALL
            SELECT 'short', '', count(*) FROM sent LEFT JOIN dealt ON dealt.application_id = sent.id
             WHERE sent.state = 'in_review' AND coalesce(people, 0) < %(wanted)s
             UNION ALL
            SELECT 'intake', day::text, count(*) FROM sent GROUP BY 2
             UNION ALL
            SELECT 'done', day::text, count(*) FROM given GROUP BY 2
             UNION ALL
            SELECT 'flag', flag.kind, count(*) FROM applications_screeningcheck flag
              JOIN applications_application a ON a.id = flag.application_id WHERE a.cycle_id = %(cycle)s GROUP BY 2
             UNION ALL
            SELECT 'reminder', stage, count(*) FROM applications_reminder WHERE cycle_id = %(cycle)s GROUP BY 2
            """,
            {"cycle": cycle.pk, "sent": [str(state) for state in SENT], "wanted": wanted},
        )
        for name, key, number in cursor:
            found[name][key] = number
    return found


def _days(counts: Mapping[str, int], *, last: date, number: int) -> list[Day]:
    """So many days up to `last`, with what was counted on each."""
    days = [last - timedelta(days=back) for back in range(number - 1, -1, -1)]
    return [Day(day, counts.get(day.isoformat(), 0)) for day in days]


def _pace(cycle: Cycle, done: Mapping[str, int], left: int, at: datetime) -> Pace:
    last = min(at, max(cycle.review_due_at, cycle.cut_off_at)) if left == 0 else at
    days = _days(done, last=last.astimezone(UTC).date(), number=PACE_DAYS)
    begun = max(1, min(LATELY_DAYS, (at - cycle.cut_off_at).days + 1))
    seconds = (cycle.review_due_at - at).total_seconds()
    return Pace(
        days=days,
        left=left,
        lately=round(sum(day.number for day in days[-begun:]) / begun, 1),
        needed=round(left / max(1.0, seconds / 86_400), 1) if left and seconds > 0 else None,
        is_overdue=bool(left) and seconds <= 0,
    )


def _named(counts: Mapping[str, int], labels: Mapping[str, str]) -> list[tuple[str, int]]:
    rows = [(str(labels.get(key, key)), number) for key, number in counts.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


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
        .values("reviewer_id", "reviewer__name", "reviewer__email")
        .annotate(
            done=Count("pk", filter=Q(state=AssignmentState.DONE)),
            to_do=Count("pk", filter=Q(state=AssignmentState.TO_DO)),
            recused=Count("pk", filter=Q(state=AssignmentState.RECUSED)),
            last=Subquery(latest),
        )
    }
    found = [
        ReviewerLoad(
            User(pk=pk, name=row["reviewer__name"], email=row["reviewer__email"]),
            row["done"],
            row["done"] + row["to_do"],
            row["recused"],
            row["last"],
        )
        for pk, row in rows.items()
    ]
    return sorted(found, key=lambda load: (-load.left, str(load.reviewer)))
