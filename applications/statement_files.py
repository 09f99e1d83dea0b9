"""Statements and trial balances as CSV: no cell begins a formula, and no number is negative."""

from collections.abc import Iterable

from applications.cells import amount, lines
from credits.statements import Statement
from credits.trial_balance import TrialBalance

HEAD = (
    "account",
    "currency",
    "date_utc",
    "what",
    "grant",
    "movements",
    "in",
    "out",
    "balance",
    "entered_utc",
    "entered_after_period",
)


def statement(found: Iterable[Statement]) -> bytes:
    """Every line between an opening and a closing balance, a block for each currency."""
    rows: list[tuple[object, ...]] = [HEAD]
    for one in found:
        start = (one.name, one.currency)
        rows.append((*start, one.first, "opening balance", "", "", "", "", amount(one.opening_cents)))
        rows += [
            (
                *start,
                row.at,
                row.label,
                row.reference,
                row.number,
                amount(row.in_cents or None),
                amount(row.out_cents or None),
                amount(row.balance_cents),
                row.entered_at,
                row.is_late,
            )
            for row in one.rows
        ]
        if one.is_cut:
            rows.append((*start, "", "more lines than one file holds; choose a shorter period"))
        sums = (amount(one.in_cents), amount(one.out_cents))
        rows.append((*start, one.last, "closing balance", "", "", *sums, amount(one.closing_cents)))
    return lines((*row, *[""] * (len(HEAD) - len(row))) for row in rows)


def trial_balance(found: TrialBalance) -> bytes:
    """A line for each kind of account and currency, and a total whose two sides are equal."""
    rows: list[tuple[object, ...]] = [
        ("at_utc", "accounts_of_kind", "currency", "accounts", "debit", "credit")
    ]
    rows += [
        (
            found.at,
            line.kind.label,
            line.currency,
            line.accounts,
            amount(line.debit_cents),
            amount(line.credit_cents),
        )
        for line in found.lines
    ]
    for currency in found.totals:
        of_it = [line for line in found.lines if line.currency == currency]
        sums = (sum(line.debit_cents for line in of_it), sum(line.credit_cents for line in of_it))
        rows.append((found.at, "Total", currency, sum(line.accounts for line in of_it), *map(amount, sums)))
    return lines(rows)
