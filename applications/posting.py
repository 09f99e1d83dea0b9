"""Queries of the grants board: how far each grant is on its way to the provider, and which ones need a hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Aggregate, Count, F, Min, Q, QuerySet, Sum

from applications.desk import grants_without_conflict
from applications.models import HeldAcceptance
from credits.models import Grant, LedgerAccount
from credits.models.grant import DeliveryState, Stage
from programs import staff
from programs.staff import Desk

SOON = timedelta(days=30)


@dataclass(frozen=True)
class StageRow:
    """One stage of posting: how many, how much in cents, since when the oldest waits, and when that is too long."""

    key: str
    name: str
    number: int
    cents: int
    oldest_at: datetime | None
    alarm: timedelta | None
    at: datetime

    @property
    def age(self) -> timedelta | None:
        return self.at - self.oldest_at if self.oldest_at else None

    @property
    def share(self) -> float:
        if self.age is None or self.alarm is None:
            return 0
        return 100 * self.age / self.alarm

    @property
    def tone(self) -> str:
        if self.alarm is None or not self.number:
            return ""
        return "danger" if self.share >= 100 else "warning" if self.share >= 70 else ""

    @property
    def alarm_days(self) -> int:
        return self.alarm.days if self.alarm else 0


ALARM = {
    "acceptance": timedelta(days=30),
    "reserved": timedelta(days=2),
    "sent": timedelta(days=14),
    "failed": timedelta(days=1),
}
"""Source: docs/architecture.md, "Posting": credits typically arrive within two weeks, staff look before the third."""


@dataclass(frozen=True)
class PoolRow:
    """What one pool still holds, in cents."""

    pk: int
    code: str
    program: str
    balance_cents: int
    currency: str


def grants(desk: Desk) -> QuerySet[Grant]:
    """The grants of the programs whose money this person sees, without those of applications they have a conflict with."""
    rows = Grant.objects.all()
    if not desk.everything:
        rows = rows.filter(program__in=[desk.programs[pk].slug for pk in desk.program_ids(*staff.SEES_MONEY)])
    return grants_without_conflict(desk, rows)


def in_stage(rows: QuerySet[Grant], key: str) -> QuerySet[Grant]:
    """The grants of one column of the board."""
    return {
        "acceptance": rows.filter(stage=Stage.RESERVED, organization=None, waits_for=""),
        "reserved": rows.filter(stage=Stage.RESERVED, organization__isnull=False),
        "sent": rows.filter(stage=Stage.SENT),
        "confirmed": rows.filter(stage=Stage.CONFIRMED, moved_from=None),
        "failed": rows.filter(stage=Stage.FAILED),
    }.get(key, rows)


def stages(rows: QuerySet[Grant], *, at: datetime) -> list[StageRow]:
    """The columns of the board, in one query."""
    waits = Q(stage=Stage.RESERVED)
    parts = {
        "acceptance": ("Waits for acceptance", waits & Q(organization=None, waits_for=""), "created_at"),
        "reserved": ("Reserved", waits & Q(organization__isnull=False), "created_at"),
        "sent": ("Sent to the provider", Q(stage=Stage.SENT), "sent_at"),
        "confirmed": ("Confirmed", Q(stage=Stage.CONFIRMED, moved_from=None), None),
        "failed": ("Refused", Q(stage=Stage.FAILED), "ended_at"),
    }
    wanted: dict[str, Aggregate] = {}
    for key, (_, condition, since) in parts.items():
        wanted[f"{key}_n"] = Count("pk", filter=condition)
        wanted[f"{key}_cents"] = Sum("amount_cents", filter=condition)
        if since:
            wanted[f"{key}_oldest"] = Min(since, filter=condition)
    found = rows.aggregate(**wanted)
    return [
        StageRow(
            key=key,
            name=name,
            number=found[f"{key}_n"],
            cents=found[f"{key}_cents"] or 0,
            oldest_at=found.get(f"{key}_oldest"),
            alarm=ALARM.get(key),
            at=at,
        )
        for key, (name, _, _) in parts.items()
    ]


def needs_a_hand(rows: QuerySet[Grant], *, at: datetime) -> list[Grant]:
    """Refused grants, and those that wait longer than their alarm; the oldest first."""
    late = (
        Q(stage=Stage.FAILED, ended_at__gte=at - timedelta(days=90))
        | Q(stage=Stage.SENT, sent_at__lt=at - ALARM["sent"])
        | Q(stage=Stage.SENT, delivery__state=DeliveryState.UNKNOWN, delivery__attempts__gte=3)
        | Q(
            stage=Stage.RESERVED,
            organization=None,
            waits_for="",
            created_at__lt=at - ALARM["acceptance"],
        )
        | Q(stage=Stage.RESERVED, organization__isnull=False, created_at__lt=at - ALARM["reserved"])
    )
    return list(
        rows.filter(late)
        .select_related("organization", "delivery", "decision__application", "decision__held")
        .order_by("created_at", "pk")[:50]
    )


def expiring(rows: QuerySet[Grant], *, at: datetime) -> list[Grant]:
    """Confirmed grants that end within SOON, the nearest first."""
    return list(
        rows.filter(
            stage=Stage.CONFIRMED, expires_on__gte=at.date(), expires_on__lte=(at + SOON).date()
        ).order_by("expires_on", "pk")[:20]
    )


def pools_seen(desk: Desk) -> QuerySet[LedgerAccount]:
    """The pool accounts of the programs whose money this person sees, the newest first."""
    slugs = [
        program.slug
        for program in desk.programs.values()
        if desk.everything or desk.holds(*staff.SEES_MONEY, program_id=program.pk)
    ]
    return LedgerAccount.objects.filter(kind="pool", program__in=slugs).order_by(F("code").desc())


def pools(desk: Desk) -> list[PoolRow]:
    """The pools of the programs whose money this person sees, at most twelve."""
    rows = pools_seen(desk)[:12]
    return [PoolRow(row.pk, row.code, row.program, row.balance_cents, row.currency) for row in rows]


def why(grant: Grant) -> str:
    """In words: what keeps a grant from its organization."""
    delivery = getattr(grant, "delivery", None)
    if grant.stage == Stage.FAILED:
        return grant.failure or "The provider refused it."
    if grant.stage == Stage.RESERVED and grant.waits_for:
        return "It is the second half of an award and waits for the summary."
    if grant.stage == Stage.RESERVED and grant.organization_id is None and is_held(grant):
        return "It was accepted; a second person looks at it first."
    if grant.stage == Stage.RESERVED and grant.organization_id is None:
        return "The holder has not accepted the terms and named an organization."
    if grant.stage == Stage.RESERVED:
        return "It waits to be sent."
    if delivery is None:
        return "It was sent."
    tries = f"{delivery.attempts} {'try' if delivery.attempts == 1 else 'tries'}"
    return f"{delivery.last_error or 'No answer from the provider yet.'} ({tries})"


def page(rows: QuerySet[Grant], *, start: int, size: int) -> Sequence[Grant]:
    """Some grants of a column, newest first, with what a row names."""
    return list(rows.select_related("organization", "holder").order_by("-pk")[start : start + size])


def is_held(grant: Grant) -> bool:
    """Whether it was accepted and waits for a second person. No query with decision__held loaded."""
    return getattr(getattr(grant, "decision", None), "held", None) is not None


def held(desk: Desk) -> list[HeldAcceptance]:
    """Accepted awards that wait for a second person, the oldest first, of the programs whose money this person sees."""
    rows = HeldAcceptance.objects.filter(
        approved_by__isnull=True, decision__grant__stage=Stage.RESERVED, decision__grant__in=grants(desk)
    )
    wanted = ("organization", "named_by", "decision__grant", "decision__application__program")
    return list(rows.select_related(*wanted).order_by("named_at", "pk")[:50])
