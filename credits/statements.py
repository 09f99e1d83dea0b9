"""Statements for a period: what an organization, a grant or a pool had, what moved, what it has. Read from the ledger.

Days are days in UTC, by the moment at which a movement happened; what was entered after the period ended is marked,
because an older statement of the same days lacks it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from credits import statement
from credits.models import Grant, LedgerAccount, Organization
from credits.movements import AccountKind, Kind
from portal.refusals import Refused

MOST_ROWS = 20_000


class WrongPeriod(Refused):
    """The first day lies behind the last one, or one of them is no day."""


@dataclass(frozen=True, slots=True)
class Row:
    """One movement, or all movements of a kind on one day (number). Amounts in cents; entered_at: of the latest of them."""

    at: datetime
    label: str
    reference: str
    number: int
    in_cents: int
    out_cents: int
    balance_cents: int
    entered_at: datetime
    is_late: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """One currency of a statement. opening + in - out = closing, always; amounts in cents."""

    name: str
    currency: str
    first: date
    last: date
    opening_cents: int
    in_cents: int
    out_cents: int
    rows: list[Row]
    is_cut: bool = False

    @property
    def closing_cents(self) -> int:
        return self.opening_cents + self.in_cents - self.out_cents


def period(first: str, last: str, *, default: tuple[date, date]) -> tuple[date, date]:
    """The days that a person typed as YYYY-MM-DD; an empty one takes the default's. Raises WrongPeriod."""
    try:
        days = [
            date.fromisoformat(text) if text else day
            for text, day in zip((first, last), default, strict=True)
        ]
    except ValueError:
        raise WrongPeriod(_("Write the days of a period like 2026-12-31.")) from None
    if days[0] > days[1] or days[0].year < 2000 or days[1].year > 2200:
        raise WrongPeriod(_("The first day of a period comes before its last."))
    return days[0], days[1]


def of_grant(grant: Grant, *, first: date, last: date) -> Statement:
    """The usable balance of one grant, a line for each movement. Two queries."""
    accounts = LedgerAccount.objects.filter(grant=grant, kind=AccountKind.GRANTED)
    found = _of(accounts, grant.reference, first, last, daily=False)
    return found[0] if found else Statement(grant.reference, grant.currency, first, last, 0, 0, 0, [])


def of_organization(
    organization: Organization, grants: QuerySet[Grant], *, first: date, last: date
) -> list[Statement]:
    """The usable balances of those of an organization's grants that the reader may see, a statement per currency."""
    of_it = grants.filter(organization=organization).order_by()
    accounts = LedgerAccount.objects.filter(grant__in=of_it, kind=AccountKind.GRANTED)
    return _of(accounts, organization.external_id, first, last, daily=False)


def of_pool(pool: LedgerAccount, *, first: date, last: date) -> Statement:
    """What a pool could still give, a line for each day and kind. It names no grant: a gap would tell of a conflict."""
    accounts = LedgerAccount.objects.filter(pk=pool.pk)
    found = _of(accounts, pool.code, first, last, daily=True)
    return found[0] if found else Statement(pool.code, pool.currency, first, last, 0, 0, 0, [])


def _of(
    accounts: QuerySet[LedgerAccount], name: str, first: date, last: date, *, daily: bool
) -> list[Statement]:
    """A statement for each currency of these accounts. Sums come from PostgreSQL, balances of rows from the sums."""
    ids: dict[str, list[int]] = {}
    for pk, currency in accounts.order_by().values_list("pk", "currency"):
        ids.setdefault(currency, []).append(pk)
    return [_one(ids[currency], name, currency, (first, last), daily) for currency in sorted(ids)]


def _one(ids: list[int], name: str, currency: str, days: tuple[date, date], daily: bool) -> Statement:
    start = datetime.combine(days[0], time(), UTC)
    end = datetime.combine(days[1] + timedelta(days=1), time(), UTC)
    values: dict[str, Any] = {"ids": ids, "start": start, "end": end, "most": MOST_ROWS + 1}
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, values)
        opening, given, taken = cursor.fetchone()
        cursor.execute(_DAILY if daily else _EACH, values)
        found = cursor.fetchall()
    rows, balance = [], opening
    for at, kind, is_way_back, reference, number, in_cents, out_cents, entered_at in found[:MOST_ROWS]:
        balance += in_cents - out_cents
        rows.append(
            Row(
                at=at,
                label=_label(kind, is_way_back, is_pool=daily),
                reference=reference or "",
                number=number,
                in_cents=in_cents,
                out_cents=out_cents,
                balance_cents=balance,
                entered_at=entered_at,
                is_late=entered_at >= end,
            )
        )
    return Statement(name, currency, *days, opening, given, taken, rows, is_cut=len(found) > MOST_ROWS)


def _label(kind: str, is_incoming: bool, *, is_pool: bool) -> str:
    return str(Kind(kind).label) if is_pool else statement.label(kind, is_incoming=is_incoming)


_SUMS = """
    SELECT coalesce(sum(e.amount_cents) FILTER (WHERE t.happened_at < %(start)s), 0)::bigint,
        coalesce(sum(e.amount_cents) FILTER (WHERE t.happened_at >= %(start)s AND e.amount_cents > 0), 0)::bigint,
        coalesce(-sum(e.amount_cents) FILTER (WHERE t.happened_at >= %(start)s AND e.amount_cents < 0), 0)::bigint
    FROM ledger_entry e JOIN ledger_transfer t ON t.id = e.transfer_id
    WHERE e.account_id = ANY (%(ids)s) AND t.happened_at < %(end)s
"""
_EACH = """
    SELECT t.happened_at, t.kind, e.amount_cents > 0, g.reference, 1,
        greatest(e.amount_cents, 0), greatest(-e.amount_cents, 0), t.recorded_at
    FROM ledger_entry e JOIN ledger_transfer t ON t.id = e.transfer_id
    JOIN ledger_account a ON a.id = e.account_id LEFT JOIN credits_grant g ON g.id = a.grant_id
    WHERE e.account_id = ANY (%(ids)s) AND t.happened_at >= %(start)s AND t.happened_at < %(end)s
    ORDER BY t.happened_at, t.id, e.account_id LIMIT %(most)s
"""
_DAILY = """
    SELECT date_trunc('day', t.happened_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', t.kind, e.amount_cents > 0, '',
        count(*), sum(greatest(e.amount_cents, 0))::bigint, sum(greatest(-e.amount_cents, 0))::bigint,
        max(t.recorded_at)
    FROM ledger_entry e JOIN ledger_transfer t ON t.id = e.transfer_id
    WHERE e.account_id = ANY (%(ids)s) AND t.happened_at >= %(start)s AND t.happened_at < %(end)s
    GROUP BY 1, 2, 3 ORDER BY 1, min(t.id) LIMIT %(most)s
"""
