"""Summaries and papers in numbers: for the reports of staff, and the one that everybody may read."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Q, QuerySet

from applications import obligation_desk, obligations
from applications.models import OWED, Obligation, ObligationState, Paper
from applications.reports import Period
from programs.models import Program
from programs.staff import Desk


@dataclass(frozen=True)
class Figures:
    """What is owed for the awards of one period, and the papers that came of them, each counted once."""

    owed: int = 0
    overdue: int = 0
    to_read: int = 0
    accepted: int = 0
    waived: int = 0
    was_late: int = 0
    papers: int = 0
    to_highlight: int = 0

    @property
    def all(self) -> int:
        return self.owed + self.to_read + self.accepted + self.waived

    @property
    def any(self) -> bool:
        return bool(self.all or self.papers)


def of(desk: Desk, period: Period, *, at: datetime) -> Figures:
    """The figures of a period over what this person may see. Two queries."""
    rows = _in(obligation_desk.visible(desk).filter(application__program=period.program), period)
    found = rows.aggregate(
        owed=Count("pk", filter=Q(state__in=OWED)),
        overdue=Count("pk", filter=obligations.late(at)),
        to_read=Count("pk", filter=Q(state=ObligationState.HANDED_IN)),
        accepted=Count("pk", filter=Q(state=ObligationState.ACCEPTED)),
        waived=Count("pk", filter=Q(state=ObligationState.WAIVED)),
        was_late=Count("pk", filter=Q(late_at__isnull=False)),
    )
    of_awards = Q(awards__cycle=period.cycle)
    if period.cycle is None:
        of_awards = Q(awards__cycle__evaluation_on__year=period.year)
    papers = obligation_desk.papers(desk).filter(of_awards, awards__program=period.program)
    counted = _counted(papers).aggregate(
        papers=Count("links__sha256", distinct=True),
        to_highlight=Count("links__sha256", distinct=True, filter=Q(may_highlight=True, sensitive=False)),
    )
    return Figures(**found, **counted)


def papers_of_year(program: Program, year: int, *, least: int) -> int | None:
    """How many papers were reported in a year, for everybody; None where they stand for fewer people than `least`.

    Sensitive ones are left out.
    """
    first, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    rows = Paper.objects.filter(program=program, sensitive=False, added_at__gte=first, added_at__lt=end)
    found = _counted(rows).aggregate(
        papers=Count("links__sha256", distinct=True), people=Count("holder", distinct=True)
    )
    return found["papers"] if min(found.values()) >= least else None


def _in(rows: QuerySet[Obligation], period: Period) -> QuerySet[Obligation]:
    if period.cycle is not None:
        return rows.filter(application__cycle=period.cycle)
    return rows.filter(application__cycle__evaluation_on__year=period.year)


def _counted(rows: QuerySet[Paper]) -> QuerySet[Paper]:
    """A paper that two holders report under the same first address is one."""
    return rows.filter(links__position=0).order_by()
