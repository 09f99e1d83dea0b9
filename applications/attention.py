"""What calls for work on the staff side: counts for the sidebar and the first page, asked once for each request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Value

from applications import case_desk, later_queue, obligation_desk, request_queue
from applications import desk as desk_queries
from applications.models import ObligationState
from credits import funding
from credits.models import FundingRequest, FundingState
from portal.roles import Role
from programs.staff import SEES_MONEY, Desk


@dataclass(frozen=True)
class Calls:
    """How many of each wait for this person; 0 also for what is not theirs to see."""

    to_do: int = 0  # reviews, in cycles in review
    second: int = 0  # awards for a second person
    funding: int = 0  # credit that somebody else asks for a pool
    cases: int = 0  # facts about money that nobody has settled
    later: int = 0  # credit between evaluations that this person could decide
    failed: int = 0  # grants that the provider refused
    parked: int = 0  # letters given up after too many tries
    open: int = 0  # requests that this person could answer
    late: int = 0  # of those, past their date
    summaries: int = 0  # handed in and not read yet


def of(desk: Desk, *, at: datetime) -> Calls:
    """Every count of one person, in one query."""
    parts: list[QuerySet[Any, tuple[str, int]]] = []
    if desk.holds(Role.REVIEWER):
        parts.append(_counted(desk_queries.to_do(desk), "to_do"))
    if desk.sees(Role.MANAGER, Role.FINANCE):
        parts.append(_counted(desk_queries.second_person_wanted(desk).select_related(None), "second"))
        parts.append(_counted(_funding_wanted(desk), "funding"))
    if desk.sees(*SEES_MONEY):
        parts.append(_counted(desk_queries.failed_grants(desk), "failed"))
        parts.append(_counted(case_desk.waiting(desk), "cases"))
        parts.append(_counted(later_queue.waiting(desk), "later"))
    if desk.sees(Role.MANAGER, Role.OPERATOR):
        parts.append(_counted(desk_queries.parked_letters(desk), "parked"))
    if desk.sees(Role.MANAGER):
        to_read = obligation_desk.judged_by(desk).filter(state=ObligationState.HANDED_IN)
        parts.append(_counted(to_read, "summaries"))
    if desk.sees(*request_queue.READS):
        requests = request_queue.answerable(desk)
        parts += [_counted(requests, "open"), _counted(requests.filter(Q(due_at__lt=at)), "late")]
    if not parts:
        return Calls()
    first, *others = parts
    return Calls(**dict(first.union(*others, all=True) if others else first))


def _funding_wanted(desk: Desk) -> QuerySet[FundingRequest]:
    """Requests for credit that this person may approve: those of others."""
    slugs = [desk.programs[pk].slug for pk in desk.program_ids(Role.MANAGER, Role.FINANCE)]
    rows = funding.requests(None if desk.everything else slugs)
    return rows.filter(state=FundingState.ASKED).exclude(asked_by=desk.user).select_related(None)


def _counted(rows: QuerySet[Any], name: str) -> QuerySet[Any, tuple[str, int]]:
    named = rows.order_by().annotate(call=Value(name)).values("call")
    return named.annotate(number=Count("pk")).values_list("call", "number")
