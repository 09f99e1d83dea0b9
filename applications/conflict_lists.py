"""Queries of the conflict pages: what stands, what was taken back, counts by kind. Own conflicts are never in them."""

from django.db.models import Count, QuerySet

from applications.desk import visible
from applications.models import LASTING, Conflict, ConflictKind, ConflictWithdrawal
from programs.models import Cycle
from programs.staff import Desk


def of_cycle(desk: Desk, cycle: Cycle, *, kind: str = "") -> QuerySet[Conflict]:
    """The conflicts of other people with applications of a cycle that this person sees."""
    rows = Conflict.objects.filter(application__in=visible(desk).filter(cycle=cycle)).exclude(user=desk.user)
    if kind:
        rows = rows.filter(kind=kind)
    return rows.select_related("application", "user", "declared_by").order_by(
        "user__name", "user_id", "application_id"
    )


def counts(desk: Desk, cycle: Cycle) -> list[tuple[str, str, int]]:
    """(kind, label, number) of the conflicts of a cycle, the most frequent first. One query."""
    rows = (
        of_cycle(desk, cycle).select_related(None).order_by().values_list("kind").annotate(number=Count("pk"))
    )
    return sorted(
        ((kind, ConflictKind(kind).label, number) for kind, number in rows), key=lambda row: -row[2]
    )


def taken_back(desk: Desk, cycle: Cycle) -> list[ConflictWithdrawal]:
    """The last ones that a manager took back."""
    rows = ConflictWithdrawal.objects.filter(application__in=visible(desk).filter(cycle=cycle))
    return list(
        rows.exclude(user=desk.user)
        .select_related("application", "user", "withdrawn_by")
        .order_by("-withdrawn_at", "-pk")[:20]
    )


def may_go(conflict: Conflict) -> bool:
    """Whether a manager can take it back at all."""
    return conflict.kind not in LASTING
