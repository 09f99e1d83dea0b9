"""The yearly figures that a program shows to everybody: made once for each finished year, small numbers hidden."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from applications import obligation_figures, small_numbers
from applications.models import FiguresPage, YearFigures
from applications.report_names import name_of
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs.models import Cycle, CycleState, Program

K = 5
"""No number that is shown stands for fewer people than this, and none that is hidden can be computed back."""

BREAKDOWNS = ("field", "country", "career_stage", "institution_kind")


class CannotShow(Refused):
    """The figures of this program cannot be switched on or off by this person."""


Counts = Mapping[str, Sequence[tuple[str, int, int]]]
"""Breakdown -> groups as (stored value, applications, awards)."""


def shown(program: Program) -> list[YearFigures]:
    """The editions that everybody may read, newest first; empty while the program shows none. One query."""
    rows = YearFigures.objects.filter(program=program, program__figures_page__is_on=True)
    return list(rows.order_by("-year"))


def is_on(program_id: int) -> bool:
    """Whether the program shows its figures."""
    return FiguresPage.objects.filter(program_id=program_id, is_on=True).exists()


@transaction.atomic
def switch(*, program_id: int, on: bool, by: User, at: datetime) -> FiguresPage:
    """Show the figures of finished years to everybody, or stop. Repeating it changes nothing."""
    Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    page, _ = FiguresPage.objects.get_or_create(
        program_id=program_id, defaults={"is_on": False, "changed_by": by, "changed_at": at}
    )
    if page.is_on != on:
        page.is_on, page.changed_by, page.changed_at = on, by, at
        page.save(update_fields=["is_on", "changed_by", "changed_at"])
        audit.record(action="figures.switch", subject=page, by=by, at=at, on=on, program=program_id)
    if on:
        _make_missing(page.program, at=at)
    return page


def make_due(*, at: datetime) -> int:
    """Make the edition of every year that is over, for the programs that show figures; returns how many."""
    programs = Program.objects.filter(figures_page__is_on=True).order_by("pk")
    return sum(_make_missing(program, at=at) for program in programs)


def finished_years(program: Program, *, at: datetime) -> list[int]:
    """Years that are over and whose evaluations are all closed past their decided-by day: nothing in them can change."""
    today = at.astimezone(ZoneInfo(program.time_zone)).date()
    years: dict[int, bool] = {}
    for evaluation_on, state, decided_by_on in Cycle.objects.filter(
        program=program, evaluation_on__lt=date(today.year, 1, 1)
    ).values_list("evaluation_on", "state", "decided_by_on"):
        over = state == CycleState.CLOSED and decided_by_on < today
        years[evaluation_on.year] = years.get(evaluation_on.year, True) and over
    return sorted(year for year, over in years.items() if over)


def _make_missing(program: Program, *, at: datetime) -> int:
    there = set(YearFigures.objects.filter(program=program).values_list("year", flat=True))
    missing = [year for year in finished_years(program, at=at) if year not in there]
    return sum(keep(program=program, year=year, at=at, **_counted(program, year)) for year in missing)


def keep(
    *,
    program: Program,
    year: int,
    counts: Counts,
    applications: int,
    awards: int,
    awarded_cents: int,
    median_days: int | None,
    at: datetime,
    papers: int | None = None,
) -> bool:
    """Store the edition of a year with small numbers hidden. False when there is one: an edition never changes."""
    content = edition(
        counts=counts,
        applications=applications,
        awards=awards,
        awarded_cents=awarded_cents,
        median_days=median_days,
        currency=program.currency,
        papers=papers,
    )
    _, created = YearFigures.objects.get_or_create(
        program=program, year=year, defaults={"content": content, "made_at": at}
    )
    return created


def edition(
    *,
    counts: Counts,
    applications: int,
    awards: int,
    awarded_cents: int,
    median_days: int | None,
    currency: str,
    papers: int | None = None,
) -> dict[str, Any]:
    """What is told of a year: {"k", "currency", "totals", "tables"}; null where a number is hidden.

    papers: reported in it, already None where that says too much (obligation_figures.papers_of_year).
    """
    if applications < K:
        return {"k": K, "currency": currency, "totals": None, "tables": []}
    known = small_numbers.told(applications, awards, k=K) is not None
    return {
        "k": K,
        "currency": currency,
        "totals": {
            "applications": applications,
            "awards": awards if known else None,
            "awarded_cents": awarded_cents if known else None,
            "median_days": median_days,
            "papers": papers,
        },
        "tables": [
            {
                "key": key,
                "rows": [
                    asdict(row)
                    for row in small_numbers.hide(
                        [(name_of(key, value), total, won) for value, total, won in counts.get(key, ())], k=K
                    )
                ],
            }
            for key in BREAKDOWNS
        ],
    }


def _counted(program: Program, year: int) -> dict[str, Any]:
    """What stands in the batches of a year: entries are never taken out, so a later withdrawal changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [program.pk, year])
        found = cursor.fetchall()
    counts: dict[str, list[tuple[str, int, int]]] = {}
    result: dict[str, Any] = {}
    for level, value, applications, awards, cents, days in found:
        if level:
            counts.setdefault(level, []).append((value, applications, awards))
        else:
            result = {
                "applications": applications,
                "awards": awards,
                "awarded_cents": int(cents or 0),
                "median_days": None if days is None else round(days),
            }
    papers = obligation_figures.papers_of_year(program, year, least=K)
    return {"counts": counts, "papers": papers, **result}


_COUNTS = """
    WITH entries AS (
        SELECT DISTINCT ON (entry.application_id)
               application.field, application.country, application.career_stage, application.institution_kind,
               decision.kind = 'award' AS won, decision.amount_cents, cycle.cut_off_at, decision.released_at
          FROM applications_batchentry entry
          JOIN applications_batch batch ON batch.id = entry.batch_id
          JOIN programs_cycle cycle ON cycle.id = batch.cycle_id
          JOIN applications_application application ON application.id = entry.application_id
          LEFT JOIN applications_decision decision
                 ON decision.application_id = application.id AND decision.state = 'released'
                AND decision.kind <> 'later'
         WHERE cycle.program_id = %s AND extract(year FROM cycle.evaluation_on) = %s
           AND application.cycle_id = cycle.id AND application.amends_id IS NULL
         ORDER BY entry.application_id
    )
    SELECT CASE grouping(field, country, career_stage, institution_kind)
             WHEN 7 THEN 'field' WHEN 11 THEN 'country' WHEN 13 THEN 'career_stage'
             WHEN 14 THEN 'institution_kind' ELSE '' END,
           coalesce(field, country, career_stage, institution_kind, ''),
           count(*), count(*) FILTER (WHERE won), sum(amount_cents) FILTER (WHERE won),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM released_at - cut_off_at) / 86400)
      FROM entries
     GROUP BY GROUPING SETS ((), (field), (country), (career_stage), (institution_kind))
"""


def standing(program_id: int) -> tuple[bool, list[int]]:
    """Whether a program shows its figures, and the years of which there is an edition, newest first. One query."""
    rows = Program.objects.filter(pk=program_id).values_list("figures_page__is_on", "year_figures__year")
    found = list(rows)
    return any(on for on, _ in found), sorted({year for _, year in found if year}, reverse=True)
