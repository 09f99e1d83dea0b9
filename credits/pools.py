"""The pools of programs, a line for each period: where every cent that was funded is now. Read only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection

SOON_DAYS = 60


@dataclass(frozen=True)
class PoolLine:
    """One pool. All in cents of its currency.

    left is what can still be given; reserved, in_transit and posted follow the grants that it pays for, posted being
    everything the provider confirmed; used and expired are parts of posted, frozen is held back by enforcement, and
    expiring is unused credit whose last day lies within SOON_DAYS. burned is what the whole program used, by month
    ("2027-04-01"), when it was asked for.
    """

    code: str
    program: str
    period: str
    currency: str
    left_cents: int
    funded_cents: int
    reserved_cents: int
    in_transit_cents: int
    posted_cents: int
    used_cents: int
    expired_cents: int
    frozen_cents: int
    expiring_cents: int
    grants: int
    pk: int = 0
    burned: dict[str, int] = field(default_factory=dict)

    @property
    def usable_cents(self) -> int:
        """What organizations still hold and may use."""
        return self.posted_cents - self.used_cents - self.expired_cents - self.frozen_cents


def lines(*, programs: Sequence[str], today: date, burned_since: date | None = None) -> list[PoolLine]:
    """The pools of some programs (slugs), the newest period first. One query, whatever the number of grants.

    burned_since: also say what each program used in every month since this day, up to the end of today.
    """
    values: dict[str, Any] = {
        "programs": list(programs),
        "today": today,
        "soon": today + timedelta(days=SOON_DAYS),
        "since": burned_since and datetime.combine(burned_since, time(), UTC),
        "until": datetime.combine(today + timedelta(days=1), time(), UTC),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LINES, values)
        return [_line(*row) for row in cursor]


def _line(code: str, program: str, *rest: Any) -> PoolLine:
    values = [*rest[:-1], json.loads(rest[-1])]
    return PoolLine(code, program, code.rpartition(":")[2], *values)


# Used and expired are read from the entries of the grants' own accounts, which the primary key finds; a correction of
# one of them counts against it.
_LINES = """
    WITH pools AS MATERIALIZED (
        SELECT id, code, program, currency, balance_cents FROM ledger_account
         WHERE kind = 'pool' AND program = ANY (%(programs)s)
    ), funded AS (
        SELECT e.account_id, sum(e.amount_cents) AS cents
          FROM pools JOIN ledger_entry e ON e.account_id = pools.id
          JOIN ledger_transfer t ON t.id = e.transfer_id
          LEFT JOIN ledger_transfer r ON r.id = t.reverses_id
         WHERE t.kind = 'fund' OR r.kind = 'fund'
         GROUP BY e.account_id
    ), staged AS (
        SELECT g.pool, count(*) FILTER (WHERE g.stage IN ('reserved', 'sent', 'confirmed')) AS number,
               sum(g.amount_cents) FILTER (WHERE g.stage = 'reserved') AS reserved,
               sum(g.amount_cents) FILTER (WHERE g.stage = 'sent') AS in_transit,
               sum(g.amount_cents) FILTER (WHERE g.stage = 'confirmed') AS posted
          FROM credits_grant g
         WHERE g.pool IN (SELECT code FROM pools) AND g.moved_from_id IS NULL  -- the first lot has the whole amount
         GROUP BY g.pool
    ), held AS (
        SELECT g.pool, a.id, a.kind, a.balance_cents, g.expires_on
          FROM credits_grant g JOIN ledger_account a ON a.grant_id = g.id
         WHERE g.stage = 'confirmed' AND g.pool IN (SELECT code FROM pools) AND a.kind IN ('granted', 'frozen')
    ), balances AS (
        SELECT pool, sum(balance_cents) FILTER (WHERE kind = 'frozen') AS frozen,
               sum(balance_cents) FILTER (
                   WHERE kind = 'granted' AND expires_on BETWEEN %(today)s AND %(soon)s) AS expiring
          FROM held GROUP BY pool
    ), spent AS (
        SELECT held.pool, -sum(e.amount_cents) FILTER (WHERE 'use' IN (t.kind, r.kind)) AS used,
               -sum(e.amount_cents) FILTER (WHERE 'expire' IN (t.kind, r.kind)) AS expired
          FROM held JOIN ledger_entry e ON e.account_id = held.id
          JOIN ledger_transfer t ON t.id = e.transfer_id
          LEFT JOIN ledger_transfer r ON r.id = t.reverses_id
         WHERE t.kind IN ('use', 'expire', 'reverse') GROUP BY held.pool
    )
    , burned AS (
        SELECT months.program, months.currency, jsonb_object_agg(months.month, months.cents) AS months FROM (
            SELECT a.program, a.currency,
                   to_char(date_trunc('month', t.happened_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS month,
                   -- a correction comes back out of the account, so it counts against its own month
                   sum(e.amount_cents) AS cents
              FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
              JOIN ledger_transfer t ON t.id = e.transfer_id
             WHERE %(since)s::timestamptz IS NOT NULL AND a.kind = 'consumed' AND a.program = ANY (%(programs)s)
               AND t.happened_at >= %(since)s AND t.happened_at < %(until)s
             GROUP BY 1, 2, 3
        ) months GROUP BY 1, 2
    )
    SELECT pools.code, pools.program, pools.currency, pools.balance_cents, coalesce(funded.cents, 0)::bigint,
           coalesce(staged.reserved, 0)::bigint, coalesce(staged.in_transit, 0)::bigint,
           coalesce(staged.posted, 0)::bigint, coalesce(spent.used, 0)::bigint, coalesce(spent.expired, 0)::bigint,
           coalesce(balances.frozen, 0)::bigint, coalesce(balances.expiring, 0)::bigint, coalesce(staged.number, 0),
           pools.id, coalesce(burned.months, '{}')::text
      FROM pools
      LEFT JOIN funded ON funded.account_id = pools.id
      LEFT JOIN staged ON staged.pool = pools.code
      LEFT JOIN balances ON balances.pool = pools.code
      LEFT JOIN spent ON spent.pool = pools.code
      LEFT JOIN burned ON burned.program = pools.program AND burned.currency = pools.currency
     ORDER BY pools.program, pools.code DESC
"""
