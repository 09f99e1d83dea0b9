"""Queries of the grants board: how far each grant is on its way to the provider, and which ones need a hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import (
    Aggregate,
    Count,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Concat

from applications.desk import grants_without_conflict
from applications.models import HeldAcceptance
from credits.models import FREEZES, Delivery, Enforcement, Grant, LedgerAccount
from credits.models.grant import DeliveryState, Stage
from credits.movements import AccountKind
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
    red: timedelta | None = None

    @property
    def age(self) -> timedelta | None:
        return self.at - self.oldest_at if self.oldest_at else None

    @property
    def share(self) -> float:
        if self.age is None or self.alarm is None:
            return 0
        return 100 * self.age / (self.red or self.alarm)

    @property
    def tone(self) -> str:
        if self.alarm is None or not self.number:
            return ""
        return tone_of(self.age, self.alarm, self.red)

    @property
    def alarm_days(self) -> int:
        return self.alarm.days if self.alarm else 0

    @property
    def red_days(self) -> int:
        return self.red.days if self.red else 0


def tone_of(age: timedelta | None, alarm: timedelta, red: timedelta | None) -> str:
    """Amber from the alarm on and red from the red day on; without a red day amber at 70 % of the alarm, red at it."""
    if age is None:
        return ""
    late, near = (red, alarm) if red else (alarm, alarm * 0.7)
    return "danger" if age >= late else "warning" if age >= near else ""


ALARM = {
    "acceptance": timedelta(days=30),
    "reserved": timedelta(days=2),
    "sent": timedelta(days=14),
    "failed": timedelta(days=1),
}
"""Source: docs/architecture.md, "Posting": credits typically arrive within two weeks, staff look before the third."""
RED = {"sent": timedelta(days=21)}
"""From here on a grantee is told that a person looks into it (credits.posting.OVERDUE_DAYS)."""


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
            red=RED.get(key),
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
    """Confirmed grants that end within SOON and have credit left, as `left_cents`; the nearest first."""
    left = LedgerAccount.objects.filter(
        code=Concat(Value("granted:"), Cast(OuterRef("pk"), TextField()), output_field=TextField())
    )
    soon = rows.filter(stage=Stage.CONFIRMED, expires_on__gte=at.date(), expires_on__lte=(at + SOON).date())
    found = soon.annotate(left_cents=Subquery(left.values("balance_cents"))).filter(left_cents__gt=0)
    return list(found.order_by("expires_on", "pk")[:20])


@dataclass(frozen=True)
class Try:
    """A delivery without an outcome that was tried: how often, since when, and when again."""

    delivery: Delivery
    age: timedelta
    tone: str


def retries(rows: QuerySet[Grant], *, at: datetime) -> list[Try]:
    """Deliveries that were sent or tried and have no outcome, the oldest first; with their grants and organizations."""
    waiting = Delivery.objects.filter(
        grant__in=rows.order_by(), state__in=(DeliveryState.SENT, DeliveryState.UNKNOWN)
    )
    found = waiting.select_related("grant__organization").order_by("sent_at", "pk")[:30]
    return [
        Try(row, at - row.sent_at, tone_of(at - row.sent_at, ALARM["sent"], RED["sent"]))
        for row in found
        if row.sent_at is not None
    ]


@dataclass(frozen=True)
class Hold:
    """An enforcement that stands, and what it freezes of the grants that the reader sees, in cents by currency."""

    enforcement: Enforcement
    frozen: dict[str, int]


def holds(rows: QuerySet[Grant]) -> list[Hold]:
    """Holds, suspensions and labels of the organizations of these grants, the newest first. Two queries."""
    mine = rows.order_by().values("organization_id")
    standing = list(
        Enforcement.objects.filter(lifted_at__isnull=True, organization__in=mine)
        .select_related("organization", "imposed_by")
        .order_by("-happened_at", "-pk")[:30]
    )
    frozen = (
        LedgerAccount.objects.filter(
            kind=AccountKind.FROZEN,
            balance_cents__gt=0,
            grant__in=rows.order_by(),
            grant__organization__in=[row.organization_id for row in standing],
        )
        .order_by()
        .values_list("grant__organization_id", "currency")
        .annotate(cents=Sum("balance_cents"))
    )
    sums: dict[int, dict[str, int]] = {}
    for organization_id, currency, cents in frozen if standing else ():
        sums.setdefault(organization_id, {})[currency] = cents
    return [Hold(row, sums.get(row.organization_id, {}) if row.kind in FREEZES else {}) for row in standing]


def money_slugs(desk: Desk) -> list[str]:
    """The programs whose money this person sees, by slug."""
    return [
        program.slug
        for program in desk.programs.values()
        if desk.everything or desk.holds(*staff.SEES_MONEY, program_id=program.pk)
    ]


def pools_seen(desk: Desk) -> QuerySet[LedgerAccount]:
    """The pool accounts of the programs whose money this person sees, the newest first."""
    return LedgerAccount.objects.filter(kind="pool", program__in=money_slugs(desk)).order_by(F("code").desc())


def pools(desk: Desk) -> list[PoolRow]:
    """The pools of the programs whose money this person sees, at most twelve."""
    rows = pools_seen(desk)[:12]
    return [PoolRow(row.pk, row.code, row.program, row.balance_cents, row.currency) for row in rows]


def since(grant: Grant) -> datetime:
    """The moment at which a grant came into its stage."""
    if grant.stage == Stage.SENT and grant.sent_at:
        return grant.sent_at
    return grant.ended_at or grant.created_at


def urgency(grant: Grant, *, at: datetime) -> str:
    """The tone of a grant that needs a hand: amber, or red once it is refused or very late."""
    if grant.stage == Stage.SENT:
        return tone_of(at - since(grant), ALARM["sent"], RED["sent"])
    return "danger" if grant.stage == Stage.FAILED else "warning"


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
