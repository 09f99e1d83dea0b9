"""The trial balance: what all accounts of each kind held at any instant, by when movements were entered. Total zero."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from credits.movements import AccountKind
from portal.database import allow_long_statements


@dataclass(frozen=True, slots=True)
class Line:
    """All accounts of one kind and currency. debit: what they are below zero in sum, credit: above; in cents."""

    kind: AccountKind
    currency: str
    accounts: int
    debit_cents: int
    credit_cents: int

    @property
    def balance_cents(self) -> int:
        return self.credit_cents - self.debit_cents


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every kind of account at one instant, in the order in which credit moves."""

    at: datetime
    lines: list[Line]

    @property
    def totals(self) -> dict[str, int]:
        """What all lines of a currency add up to, in cents. Anything but zero means that the ledger is broken."""
        found: dict[str, int] = {}
        for line in self.lines:
            found[line.currency] = found.get(line.currency, 0) + line.balance_cents
        return found

    @property
    def is_zero(self) -> bool:
        return not any(self.totals.values())


def at_instant(at: datetime) -> TrialBalance:
    """The sums by everything that was entered up to and including this instant, read in one statement.

    A movement counts from when the database wrote it down, whenever it happened, so the answer about a past instant
    does not change: only what was being written at that very moment, and not committed yet, may still join it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        allow_long_statements()
        cursor.execute(_SUMS, [at])
        rows = cursor.fetchall()
    order = list(AccountKind)
    lines = [
        Line(AccountKind(kind), currency, accounts, max(-cents, 0), max(cents, 0))
        for kind, currency, accounts, cents in rows
    ]
    return TrialBalance(at, sorted(lines, key=lambda line: (line.currency, order.index(line.kind))))


_SUMS = """
    SELECT a.kind, a.currency, count(*), sum(moved.cents)::bigint
    FROM (
        SELECT e.account_id, sum(e.amount_cents) AS cents
        FROM ledger_entry e JOIN ledger_transfer t ON t.id = e.transfer_id
        WHERE t.recorded_at <= %s GROUP BY e.account_id
    ) moved JOIN ledger_account a ON a.id = moved.account_id
    GROUP BY a.kind, a.currency
"""
