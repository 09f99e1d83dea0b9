"""Queries of the reports: a year or a cycle of one program in numbers. Sums are made by the database, over what the
reader may see (applications.desk): an application that somebody has a conflict with is not counted for them either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model

from applications import scoring
from applications.cells import amount, lines
from applications.desk import visible
from applications.report_names import TITLES, name_of
from applications.states import State
from portal import audit
from portal.models import User
from programs.models import Cycle, CycleState, Program
from programs.staff import Desk

SMALL = 12  # rows of a breakdown that are drawn; the table has them all


@dataclass(frozen=True)
class Period:
    """What a report is about: a year of evaluations, or one cycle."""

    program: Program
    year: int = 0
    cycle: Cycle | None = None

    @property
    def name(self) -> str:
        return str(self.cycle) if self.cycle else str(self.year)


@dataclass(frozen=True)
class Line:
    """One group of applications. Money in cents, times in days; None where there is nothing to measure."""

    name: str
    applications: int = 0
    awards: int = 0
    declines: int = 0
    withdrawn: int = 0
    asked_cents: int = 0
    awarded_cents: int = 0
    decision_days: float | None = None
    decision_days_most: float | None = None
    post_days: float | None = None
    post_days_most: float | None = None
    key: str = ""

    @property
    def decided(self) -> int:
        return self.awards + self.declines

    @property
    def open(self) -> int:
        return self.applications - self.decided - self.withdrawn

    @property
    def acceptance(self) -> float | None:
        """Awards among what was decided, in percent."""
        return round(100 * self.awards / self.decided, 1) if self.decided else None


@dataclass(frozen=True)
class Load:
    """One reviewer's part. days: median from assignment to the review being in."""

    name: str
    assigned: int
    done: int
    recused: int
    days: float | None
    mean: float | None

    @property
    def share(self) -> float:
        return round(100 * self.done / self.assigned, 1) if self.assigned else 0.0


@dataclass(frozen=True)
class Pace:
    """What came in a week, counted from Monday (UTC)."""

    week: date
    sent: int
    reviews: int
    released: int


@dataclass(frozen=True)
class Agreement:
    """How near two looks at the same application are. difference: mean of highest less lowest total; alpha: scoring.alpha."""

    applications: int
    within_one: float | None
    difference: float | None
    alpha: float | None
    steps: list[tuple[str, int]]


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    period: Period
    total: Line
    cycles: list[Line]
    breakdowns: dict[str, list[Line]]
    pace: list[Pace]
    load: list[Load]
    agreement: Agreement
    titles: dict[str, str] = field(default_factory=lambda: {key: str(title) for key, title in TITLES.items()})


def years(program: Program) -> list[int]:
    """The years in which the program evaluated, or does, newest first."""
    found = Cycle.objects.filter(program=program).exclude(state=CycleState.PLANNED)
    return [day.year for day in found.dates("evaluation_on", "year", order="DESC")]


def of(desk: Desk, period: Period) -> Report:
    """The report of a period for one person. Four queries, at any number of applications."""
    seen = _seen(desk, period)
    if seen is None:
        empty: dict[str, list[Line]] = {key: [] for key in TITLES}
        return Report(period, Line("Total"), [], empty, [], [], Agreement(0, None, None, None, []))
    total, cycles, breakdowns = _lines(seen)
    return Report(period, total, cycles, breakdowns, _pace(seen), _load(seen), _agreement(seen))


Seen = tuple[str, tuple[Any, ...]]


def _seen(desk: Desk, period: Period) -> Seen | None:
    """The statement of the applications that count, to stand in a WITH. None when there can be none."""
    rows = visible(desk).filter(
        program=period.program, amends__isnull=True
    )  # an update is no other application
    if period.cycle:
        rows = rows.filter(cycle=period.cycle)
    else:
        of_year = Cycle.objects.filter(program=period.program, evaluation_on__year=period.year)
        rows = rows.filter(cycle__in=list(of_year.values_list("pk", flat=True)))
    columns = ("pk", "cycle_id", "state", "submitted_at", "requested_cents", *TITLES)
    try:
        statement, parameters = rows.order_by().values_list(*columns).query.sql_with_params()
    except EmptyResultSet:
        return None
    names = "id, cycle_id, state, submitted_at, requested_cents, " + ", ".join(TITLES)
    return f"seen ({names}) AS MATERIALIZED ({statement})", parameters


def _ask(seen: Seen, rest: str) -> list[tuple[Any, ...]]:
    statement, parameters = seen
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {statement}, {rest}", parameters)  # the ORM wrote the first part
        return cursor.fetchall()


_DAYS = "percentile_cont({share}) WITHIN GROUP (ORDER BY extract(epoch FROM {to} - {since}) / 86400)"
_BY_LEVEL = {15: "field", 23: "country", 27: "career_stage", 29: "institution_kind", 30: "cycle"}


def _lines(seen: Seen) -> tuple[Line, list[Line], dict[str, list[Line]]]:
    """Total, cycles and breakdowns in one statement. Times run from the cut-off to the release, and on to the posting."""
    found = _ask(
        seen,
        f"""
        rows AS (
            SELECT seen.*, decision.kind, decision.amount_cents, decision.released_at, grants.confirmed_at,
                   cycle.cut_off_at, cycle.evaluation_on
              FROM seen
              JOIN programs_cycle cycle ON cycle.id = seen.cycle_id
              LEFT JOIN applications_decision decision
                     ON decision.application_id = seen.id AND decision.state = 'released' AND decision.kind <> 'later'
              LEFT JOIN credits_grant grants ON grants.id = decision.grant_id
        )
        SELECT grouping(field, country, career_stage, institution_kind, evaluation_on) AS level,
               coalesce(field, country, career_stage, institution_kind, evaluation_on::text, ''),
               count(*), count(*) FILTER (WHERE kind = 'award'), count(*) FILTER (WHERE kind = 'decline'),
               count(*) FILTER (WHERE state = '{State.WITHDRAWN.value}' AND kind IS NULL),
               coalesce(sum(requested_cents), 0), coalesce(sum(amount_cents) FILTER (WHERE kind = 'award'), 0),
               {_DAYS.format(share="0.5", to="released_at", since="cut_off_at")},
               {_DAYS.format(share="0.9", to="released_at", since="cut_off_at")},
               {_DAYS.format(share="0.5", to="confirmed_at", since="released_at")},
               {_DAYS.format(share="0.9", to="confirmed_at", since="released_at")}
          FROM rows
         GROUP BY GROUPING SETS
               ((), (field), (country), (career_stage), (institution_kind), (evaluation_on))
        """,  # noqa: S608 - every part is a literal of this module
    )
    total, cycles = Line("Total"), []
    breakdowns: dict[str, list[Line]] = {key: [] for key in TITLES}
    for level, value, *numbers in found:
        key = _BY_LEVEL.get(level, "")
        line = _line(key, value, numbers)
        if not key:
            total = line
        elif key == "cycle":
            cycles.append(line)
        else:
            breakdowns[key].append(line)
    for rows in breakdowns.values():
        rows.sort(key=lambda line: (-line.applications, line.name))
    return total, sorted(cycles, key=lambda line: line.key), breakdowns


def _line(key: str, value: str, numbers: Sequence[Any]) -> Line:
    name = {"": "Total", "cycle": value}.get(key) or name_of(key, value)
    if key == "cycle":
        name = f"{date.fromisoformat(value):%B %Y}"
    applications, awards, declines, withdrawn, asked, awarded, half, most, post, post_most = numbers
    return Line(
        name,
        applications,
        awards,
        declines,
        withdrawn,
        asked_cents=int(asked),
        awarded_cents=int(awarded),
        decision_days=_days(half),
        decision_days_most=_days(most),
        post_days=_days(post),
        post_days_most=_days(post_most),
        key=value,
    )


def _days(value: Any) -> float | None:
    return None if value is None else round(float(value), 1)


def _pace(seen: Seen) -> list[Pace]:
    """Applications sent, reviews handed in and decisions released, by week; weeks in which nothing came are there too."""
    found = _ask(
        seen,
        """
        moments (kind, at) AS (
            SELECT 'sent', submitted_at FROM seen
             UNION ALL
            SELECT 'review', review.submitted_at FROM applications_review review
              JOIN seen ON seen.id = review.application_id WHERE review.state = 'in'
             UNION ALL
            SELECT 'release', decision.released_at FROM applications_decision decision
              JOIN seen ON seen.id = decision.application_id WHERE decision.state = 'released' AND decision.kind <> 'later'
        ), counted AS (
            SELECT date_trunc('week', at AT TIME ZONE 'UTC')::date AS week,
                   count(*) FILTER (WHERE kind = 'sent') AS sent,
                   count(*) FILTER (WHERE kind = 'review') AS reviews,
                   count(*) FILTER (WHERE kind = 'release') AS released
              FROM moments GROUP BY 1
        ), span AS (SELECT min(week) AS first, max(week) AS last FROM counted)
        SELECT day::date, coalesce(sent, 0), coalesce(reviews, 0), coalesce(released, 0)
          FROM span, generate_series(span.first, span.last, interval '7 days') AS day
          LEFT JOIN counted ON counted.week = day::date
         ORDER BY 1
        """,
    )
    return [Pace(*row) for row in found]


def _load(seen: Seen) -> list[Load]:
    found = _ask(
        seen,
        """
        work AS (
            SELECT assignment.reviewer_id, assignment.state, assignment.assigned_at,
                   review.submitted_at, review.total
              FROM applications_assignment assignment
              JOIN seen ON seen.id = assignment.application_id
              LEFT JOIN applications_review review ON review.application_id = assignment.application_id
                    AND review.reviewer_id = assignment.reviewer_id AND review.state = 'in'
        )
        SELECT coalesce(nullif(person.name, ''), person.email), count(*) FILTER (WHERE work.state <> 'recused'),
               count(*) FILTER (WHERE work.submitted_at IS NOT NULL AND work.state <> 'recused'),
               count(*) FILTER (WHERE work.state = 'recused'),
               percentile_cont(0.5) WITHIN GROUP
                   (ORDER BY extract(epoch FROM work.submitted_at - work.assigned_at) / 86400),
               avg(work.total)
          FROM work JOIN portal_user person ON person.id = work.reviewer_id
         GROUP BY person.id, 1 ORDER BY 2 DESC, 1
        """,
    )
    return [
        Load(name, assigned, done, recused, _days(days), None if mean is None else round(float(mean), 2))
        for name, assigned, done, recused, days, mean in found
    ]


def _agreement(seen: Seen) -> Agreement:
    """Equal outcomes are counted by the database, so a hundred thousand applications are a few thousand rows."""
    steps = ("under 0.5", "0.5", "1", "1.5", "2 or more")
    found = _ask(
        seen,
        """
        looks AS (
            SELECT count(*) AS number, sum(review.total) AS total, sum(review.total * review.total) AS squares,
                   max(review.total) - min(review.total) AS difference
              FROM applications_review review JOIN seen ON seen.id = review.application_id
             WHERE review.state = 'in' AND review.total IS NOT NULL
             GROUP BY review.application_id HAVING count(*) >= 2
        )
        SELECT number, total, squares, difference, count(*) FROM looks GROUP BY 1, 2, 3, 4
        """,
    )
    counts = dict.fromkeys(range(len(steps)), 0)
    difference, near = 0.0, 0
    units: list[scoring.Unit] = []
    for number, total, squares, apart, times in found:
        counts[min(len(steps) - 1, int(apart / Decimal("0.5")))] += times
        difference += float(apart) * times
        near += times if apart <= 1 else 0
        units += [scoring.Unit(number, Fraction(total), Fraction(squares))] * times
    looked = sum(counts.values())
    if not looked:
        return Agreement(0, None, None, None, [])
    return Agreement(
        looked,
        round(100 * near / looked, 1),
        round(difference / looked, 2),
        scoring.alpha(units),
        [(name, counts[place]) for place, name in enumerate(steps)],
    )


# --- Tables as CSV ------------------------------------------------------------------------------------------------------

TABLES = ("cycles", *TITLES, "pace", "load", "agreement")


def as_csv(report: Report, table: str) -> bytes:
    """One table of a report as CSV. Raises KeyError for a table that there is not."""
    currency = report.period.program.currency
    if table == "pace":
        rows: list[list[Any]] = [["Week from", "Sent", "Reviews in", "Released"]]
        rows += [[row.week, row.sent, row.reviews, row.released] for row in report.pace]
    elif table == "load":
        rows = [["Reviewer", "Assigned", "In", "Recused", "Days (median)", "Mean total"]]
        rows += [
            [row.name, row.assigned, row.done, row.recused, _text(row.days), _text(row.mean)]
            for row in report.load
        ]
    elif table == "agreement":
        rows = [["Highest less lowest total", "Applications"], *map(list, report.agreement.steps)]
    else:
        listed = report.cycles if table == "cycles" else report.breakdowns[table]
        rows = [
            [
                "Cycle" if table == "cycles" else report.titles[table],
                "Applications",
                "Awards",
                "Declines",
                "Withdrawn",
                "Acceptance (%)",
                f"Asked ({currency})",
                f"Awarded ({currency})",
                "Days to decision (median)",
                "Days to decision (9 of 10)",
                "Days to posting (median)",
                "Days to posting (9 of 10)",
            ]
        ]
        rows += [_cells(line) for line in [*listed, report.total]]
    return lines(rows)


def _cells(line: Line) -> list[Any]:
    return [
        line.name,
        line.applications,
        line.awards,
        line.declines,
        line.withdrawn,
        _text(line.acceptance),
        amount(line.asked_cents),
        amount(line.awarded_cents),
        *(
            _text(days)
            for days in (line.decision_days, line.decision_days_most, line.post_days, line.post_days_most)
        ),
    ]


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def note_download(*, report: Report, table: str, by: User, at: datetime) -> None:
    """Write into the trail that somebody took a table away."""
    subject: Model = report.period.cycle or report.period.program
    audit.record(
        action="report.download", subject=subject, by=by, at=at, table=table, period=report.period.name
    )
