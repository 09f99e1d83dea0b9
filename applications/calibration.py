"""Queries about the reviews of a cycle as a whole: how each reviewer uses the scale, how far they agree, and the ranking
by calibrated totals beside the raw one. Set-based: a cycle has ten thousand reviews.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import connection

from applications import scoring
from applications.scoring import Scale, Unit
from portal.models import User
from programs.models import Cycle

# The ids of the cycle are found once and reviews are read once, by a list of ids: right after a batch is formed the planner
# knows nothing of it, and a join may then ask one table for all of its rows for each row of the other.
_IN = """
    SELECT review.application_id, review.reviewer_id, review.total
      FROM applications_review review
     WHERE review.application_id = ANY (ARRAY(SELECT id FROM applications_application WHERE cycle_id = %(cycle)s))
       AND review.state = 'in' AND review.total IS NOT NULL
"""


@dataclass(frozen=True)
class ReviewerScale:
    """One reviewer's use of the scale beside everybody's. offset: how much above the mean of all."""

    reviewer: User
    scale: Scale
    offset: float


@dataclass(frozen=True)
class Placed:
    """One application by raw and by calibrated mean. Places start at 1; equals share one. Spread: population deviation."""

    application_id: int
    reference: str
    title: str
    looks: int
    mean: Decimal
    median: Decimal
    spread: Decimal
    place: int
    calibrated: float
    calibrated_place: int

    @property
    def moved(self) -> int:
        """Places up (positive) or down by calibration."""
        return self.place - self.calibrated_place


def agreement(cycle: Cycle) -> float | None:
    """Krippendorff's alpha over the totals of a cycle (scoring.alpha). One query."""
    rows = _rows(
        f"""
        SELECT count(*), sum(total), sum(total * total) FROM ({_IN}) given
         GROUP BY application_id HAVING count(*) >= 2
        """,  # noqa: S608 - a constant
        cycle,
    )
    return scoring.alpha(Unit(number, Fraction(total), Fraction(squares)) for number, total, squares in rows)


def everybody(cycle: Cycle) -> Scale | None:
    """The scale as all reviewers of a cycle used it. One query."""
    rows = _rows(f"SELECT avg(total), stddev_pop(total), count(*) FROM ({_IN}) given", cycle)  # noqa: S608
    mean, spread, number = next(iter(rows))
    return Scale(float(mean), float(spread), number) if number else None


def reviewers(cycle: Cycle) -> list[ReviewerScale]:
    """Each reviewer's own mean and spread, the most generous first. Three queries."""
    overall = everybody(cycle)
    if overall is None:
        return []
    rows = list(
        _rows(
            f"""
            SELECT reviewer_id, avg(total), stddev_pop(total), count(*) FROM ({_IN}) given GROUP BY reviewer_id
            """,  # noqa: S608
            cycle,
        )
    )
    people = User.objects.in_bulk([row[0] for row in rows])
    found = [
        ReviewerScale(people[pk], Scale(float(mean), float(spread), number), float(mean) - overall.mean)
        for pk, mean, spread, number in rows
    ]
    return sorted(found, key=lambda row: (-row.scale.mean, row.reviewer.pk))


def placed(cycle: Cycle, *, allowed: Iterable[int], first: int = 0, number: int = 50) -> list[Placed]:
    """A page of the ranking by raw mean, each row with its calibrated mean and place. One query.

    allowed: ids of the applications that this reader sees; places count among those alone. The formula of the calibrated
    total is scoring.calibrated, in SQL.
    """
    rows = _rows(
        f"""
        WITH whole AS MATERIALIZED (
            SELECT application_id, total, count(*) OVER own AS own_number,
                   (avg(total) OVER own)::float8 AS own_mean, (stddev_pop(total) OVER own)::float8 AS own_spread,
                   (avg(total) OVER ())::float8 AS mean, (stddev_pop(total) OVER ())::float8 AS spread
              FROM ({_IN}) given WINDOW own AS (PARTITION BY reviewer_id)
        ), figures AS (
            SELECT application_id, count(*) AS looks, avg(total) AS mean,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY total) AS median, stddev_pop(total) AS spread,
                   avg(CASE WHEN own_number < %(fewest)s THEN total::float8
                            WHEN own_spread = 0 OR spread = 0 THEN total - own_mean + mean
                            ELSE mean + (total - own_mean) / own_spread * spread
                       END) AS calibrated
              FROM whole WHERE application_id = ANY (%(allowed)s::bigint[])
             GROUP BY application_id
        ), places AS (
            SELECT *, rank() OVER (ORDER BY mean DESC, median DESC) AS place,
                   rank() OVER (ORDER BY round(calibrated::numeric, 9) DESC) AS calibrated_place
              FROM figures
        ), page AS MATERIALIZED (
            SELECT * FROM places ORDER BY mean DESC, median DESC, application_id LIMIT %(number)s OFFSET %(first)s
        )
        SELECT page.application_id, application.reference, application.title, looks, round(mean, 2),
               round(median::numeric, 2), round(spread, 2), place, calibrated, calibrated_place
          FROM page CROSS JOIN LATERAL (
            SELECT reference, title FROM applications_application WHERE id = page.application_id OFFSET 0
          ) application
         ORDER BY mean DESC, median DESC, page.application_id
        """,  # noqa: S608
        cycle,
        allowed=list(allowed),
        fewest=scoring.FEWEST,
        number=number,
        first=first,
    )
    return [Placed(*row) for row in rows]


def _rows(statement: str, cycle: Cycle, **parameters: Any) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"cycle": cycle.pk, **parameters})
        yield from cursor.fetchall()
