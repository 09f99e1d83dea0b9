"""The lots of organizations, and how a day of usage is drawn from them. Each confirmed grant is a lot of its own."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from credits import grants
from credits.models import Grant, Organization


@dataclass(slots=True)
class Lot:
    """A confirmed grant with what it holds, in cents of its currency. left_cents goes down while a day is drawn.

    since: from this UTC day on the provider may have had it. posted_at: when it confirmed so. expires_on: the last day
    of use, None without one. starts_on: None while its first use is awaited.
    """

    grant_id: int
    account_id: int
    organization_id: int
    program: str
    currency: str
    since: date
    posted_at: datetime
    expires_on: date | None
    late_usage_days: int
    term_months: int | None
    latest_end_on: date | None
    starts_on: date | None
    left_cents: int
    has_just_started: bool = False

    def is_alive(self, day: date) -> bool:
        """Whether the credit could be used on a day."""
        return self.since <= day and (self.expires_on is None or day <= self.expires_on)

    def is_closed(self, today: date) -> bool:
        """Whether it is too late to report usage of it."""
        return self.expires_on is not None and today > self.closes_on(self.expires_on)

    def use_on(self, day: date, cents: int) -> None:
        """Take cents of a day; the first use starts a clock that waited for it."""
        self.left_cents -= cents
        if self.starts_on is None:
            self.starts_on, self.has_just_started = day, True
            self.expires_on = grants.last_day(
                starts_on=day, term_months=self.term_months, latest_end_on=self.latest_end_on
            )

    def closes_on(self, expires_on: date) -> date:
        return expires_on + timedelta(days=self.late_usage_days)


@dataclass(frozen=True, slots=True)
class Draw:
    """What one lot gives to a day of usage. cents: above zero."""

    lot: Lot
    cents: int


def lock_organizations(ids: Collection[int]) -> set[int]:
    """Lock organizations by id until the end of the transaction; returns those that exist.

    Whoever counts usage or lets credit expire holds this lock, so that the balances of the lots stand still meanwhile.
    It comes after applications and decisions, and before grants and ledger accounts.
    """
    rows = Organization.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return set(rows.values_list("pk", flat=True))


def of_organizations(ids: Collection[int]) -> dict[int, list[Lot]]:
    """The lots of organizations in the order in which usage draws them: earliest end first, then oldest. One query.

    Lots without an end come last. What is frozen is not in left_cents. Source: docs/ledger.md, "Usage".
    """
    found: dict[int, list[Lot]] = {pk: [] for pk in ids}
    with connection.cursor() as cursor:
        cursor.execute(_LOTS, [list(ids)])
        for row in cursor:
            lot = Lot(*row)
            found[lot.organization_id].append(lot)
    return found


def draw(lots: Iterable[Lot], *, day: date, currency: str, cents: int) -> list[Draw]:
    """Pure: take cents of a day from lots in their order, as far as they go; takes them off the lots' left_cents."""
    draws = []
    for lot in lots:
        part = min(cents, lot.left_cents)
        if part > 0 and lot.currency == currency and lot.is_alive(day):
            lot.use_on(day, part)
            cents -= part
            draws.append(Draw(lot, part))
    return draws


def siblings(grant: Grant) -> list[Lot]:
    """All lots of a grant's organization that have something left, in the order in which they are used."""
    if grant.organization_id is None:
        return []
    rows = of_organizations([grant.organization_id])[grant.organization_id]
    return [lot for lot in rows if lot.left_cents > 0 and lot.currency == grant.currency]


_LOTS = """
    SELECT g.id, a.id, g.organization_id, g.program, g.currency,
           (coalesce(g.sent_at, g.confirmed_at) AT TIME ZONE 'UTC')::date, g.confirmed_at, g.expires_on,
           g.late_usage_days, g.term_months, g.latest_end_on, g.starts_on, a.balance_cents
      FROM credits_grant g JOIN ledger_account a ON a.code = 'granted:' || g.id
     WHERE g.organization_id = ANY (%s) AND g.stage = 'confirmed'
     ORDER BY g.organization_id, g.expires_on NULLS LAST, g.created_at, g.id
"""
