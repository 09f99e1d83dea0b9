"""The marks that grants pass on their way: 60, 30 and 7 days before their end, 50, 80 and 95 percent used, the end.

Each mark is kept for good when it is passed, so that a top-up, a correction or a later look tells it no second time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from credits import balances
from credits.models import Grant, GrantWarning, Stage, UsageReport, WarningKind

DAYS = (60, 30, 7)
PERCENT = (50, 80, 95)
URGENCY = (
    (WarningKind.USED, 50),
    (WarningKind.DAYS, 60),
    (WarningKind.USED, 80),
    (WarningKind.DAYS, 30),
    (WarningKind.USED, 95),
    (WarningKind.DAYS, 7),
    (WarningKind.ENDED, 0),
)
"""All marks, the most urgent one last."""
LOOKED_BACK = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Passed:
    """One mark that is told now."""

    grant: Grant
    kind: str
    mark: int


@transaction.atomic
def passed_now(*, at: datetime) -> list[Passed]:
    """Keep every mark that was passed since the last look, and return those to tell: of each kind the last one.

    Of several marks passed at once the others are kept untold. The end is told once late usage is counted and what was
    left has expired. Safe to call from several workers; four statements when nothing is new.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('credits.warnings'))")
    grants = _to_look_at(at)
    known: dict[int, set[tuple[str, int]]] = {}
    for grant_id, kind, mark in GrantWarning.objects.filter(grant__in=grants).values_list(
        "grant_id", "kind", "mark"
    ):
        known.setdefault(grant_id, set()).add((kind, mark))
    held, told, rows = balances.of(grants), [], []
    for grant in grants:
        fresh = _marks(held[grant.pk], at) - known.get(grant.pk, set())
        loud = _loudest(fresh)
        rows += [
            GrantWarning(grant=grant, kind=kind, mark=mark, passed_at=at, is_told=(kind, mark) in loud)
            for kind, mark in sorted(fresh)
        ]
        told += [Passed(grant, kind, mark) for kind, mark in sorted(loud)]
    GrantWarning.objects.bulk_create(rows, batch_size=5_000)
    return told


def _to_look_at(at: datetime) -> list[Grant]:
    """Grants that may have passed a mark: with their end within reach or just over, or with usage told lately."""
    today = at.astimezone(UTC).date()
    confirmed = Grant.objects.filter(stage=Stage.CONFIRMED)
    near = confirmed.filter(
        expires_on__gte=today - timedelta(days=90), expires_on__lte=today + timedelta(DAYS[0])
    )
    reported = UsageReport.objects.filter(at__gt=at - LOOKED_BACK, moved_cents__gt=0)
    used = confirmed.filter(organization__in=reported.order_by().values("usage__organization"))
    return list((near | used).exclude(warnings__kind=WarningKind.ENDED).order_by("pk"))


def _marks(balance: balances.Balance, at: datetime) -> set[tuple[str, int]]:
    """Every mark that lies behind a grant now."""
    grant, today = balance.grant, at.astimezone(UTC).date()
    state = balances.state_of(balance, at=at).key
    if state == "converted" and not balance.left_cents:
        return {(WarningKind.ENDED.value, 0)}
    marks: set[tuple[str, int]] = set()
    if state in ("active", "held", "used_up"):
        marks |= {(WarningKind.USED.value, mark) for mark in PERCENT if balance.used_percent >= mark}
    if state in ("active", "held") and grant.expires_on is not None:
        ahead = (grant.expires_on - today).days
        # A month's credit is not warned on its first day: a mark counts in the second half of a term.
        first = max(day for day in (grant.starts_on, grant.confirmed_at.date()) if day is not None)  # type: ignore[union-attr]
        whole = (grant.expires_on - first).days
        marks |= {(WarningKind.DAYS.value, mark) for mark in DAYS if ahead <= mark <= whole // 2}
    return marks


def _loudest(marks: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Of several marks at once the most urgent one: one letter, not four."""
    if not marks:
        return set()
    return {max(marks, key=URGENCY.index)}
