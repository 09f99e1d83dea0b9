"""Find obligations and papers for staff: what a person may see of them, and what waits."""

from datetime import datetime

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from applications import desk as desk_queries
from applications import obligations
from applications.models import Application, Obligation, ObligationState, Paper
from portal.roles import Role
from programs.staff import Desk

READS = (Role.MANAGER, Role.SCREENER, Role.AUDITOR)
READS_SENSITIVE = (Role.MANAGER, Role.SCREENER)
"""Who reads a paper that its holder marked as sensitive; others see that there is one."""


def visible(desk: Desk) -> QuerySet[Obligation]:
    """Every obligation this person may see: those of their programs, without their own and those of a conflict."""
    rows = Obligation.objects.all()
    if not desk.everything:
        rows = rows.filter(application__program_id__in=desk.program_ids(Role.MANAGER, Role.AUDITOR))
    free = desk_queries.without_conflict(desk, Application.objects.filter(pk=OuterRef("application_id")))
    return rows.filter(Exists(free))


def judged_by(desk: Desk) -> QuerySet[Obligation]:
    """The obligations that this person may accept, return or waive."""
    rows = visible(desk)
    return (
        rows if desk.everything else rows.filter(application__program_id__in=desk.program_ids(Role.MANAGER))
    )


def waiting(desk: Desk, *, at: datetime) -> dict[str, int]:
    """Summaries that wait to be read, and those that are overdue. One query."""
    return judged_by(desk).aggregate(
        to_read=Count("pk", filter=Q(state=ObligationState.HANDED_IN)),
        late=Count("pk", filter=obligations.late(at)),
    )


def papers(desk: Desk) -> QuerySet[Paper]:
    """Every paper of this person's programs, sensitive ones too: what of them they read, `reads` says.

    Left out are their own, and papers of an award that they have a conflict with.
    """
    rows = Paper.objects.exclude(holder=desk.user)
    if not desk.everything:
        mine = desk.program_ids(*READS)
        of_award = Application.objects.filter(papers=OuterRef("pk"), program_id__in=mine)
        rows = rows.filter(Q(program_id__in=mine) | Exists(of_award))
    free = desk_queries.without_conflict(desk, Application.objects.filter(pk=OuterRef("pk")))
    tied = Application.objects.filter(~Exists(free), papers=OuterRef("pk"))
    return rows.filter(~Exists(tied))


def read_by(desk: Desk) -> Q:
    """The papers that this person reads; of the others only that they are there is shown."""
    if desk.everything:
        return Q()
    return Q(sensitive=False) | Q(program_id__in=desk.program_ids(*READS_SENSITIVE))


def is_read(desk: Desk) -> Case:
    """The same as a column."""
    if desk.everything:
        return Case(default=Value(True))
    return Case(When(read_by(desk), then=Value(True)), default=Value(False))
