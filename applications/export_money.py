"""Exports of money: grants with what is left of them, and the statement of a pool."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from applications.cells import amount
from applications.desk import grants_without_conflict
from applications.export_shapes import Column, Wanted
from credits.models import Entry, Grant, LedgerAccount
from credits.movements import AccountKind
from programs.staff import Desk


def grant_rows(desk: Desk, wanted: Wanted) -> QuerySet[Any]:
    """The grants of a program, without those of conflicts."""
    rows = Grant.objects.filter(program=wanted.program.slug)
    if wanted.cycle_id is not None:
        rows = rows.filter(decision__application__cycle_id=wanted.cycle_id)
    return grants_without_conflict(desk, rows).select_related("organization", "holder")


def grant_columns(desk: Desk, wanted: Wanted) -> list[Column]:
    """Stage, holder, organization, amount, what is left, and the dates of posting."""
    return [
        Column("reference", "Grant", lambda row: row.reference),
        Column("stage", "Stage", lambda row: row.get_stage_display()),
        Column("holder", "Holder", lambda row: row.holder.name),
        Column("email", "E-mail", lambda row: row.holder.email),
        Column("provider", "Provider", lambda row: row.provider),
        Column(
            "organization", "Organization ID", lambda row: row.organization and row.organization.external_id
        ),
        Column("pool", "Pool", lambda row: row.pool),
        Column("amount", "Amount", lambda row: amount(row.amount_cents), True),
        Column("left", "Left", lambda row: amount(row.left_cents), True),
        Column("currency", "Currency", lambda row: row.currency),
        Column("months", "Months", lambda row: row.term_months, True),
        Column("models", "Models", lambda row: row.models),
        Column("created_at", "Made (UTC)", lambda row: row.created_at),
        Column("sent_at", "Sent (UTC)", lambda row: row.sent_at),
        Column("confirmed_at", "Confirmed (UTC)", lambda row: row.confirmed_at),
        Column("starts_on", "Starts", lambda row: row.starts_on),
        Column("expires_on", "Expires", lambda row: row.expires_on),
        Column("failure", "Refused because", lambda row: row.failure),
    ]


def prepare_grants(rows: Sequence[Any]) -> None:
    """What is left of each grant, in cents. One query."""
    granted = LedgerAccount.objects.filter(kind=AccountKind.GRANTED, grant__in=[row.pk for row in rows])
    codes = {f"{AccountKind.GRANTED}:{row.pk}": row.pk for row in rows}
    left = dict(granted.filter(code__in=codes).values_list("grant_id", "balance_cents"))
    for row in rows:
        row.left_cents = left.get(row.pk, 0)


def ledger_rows(desk: Desk, wanted: Wanted) -> QuerySet[Any]:
    """The entries of one pool of the program, in the order of its ledger."""
    return Entry.objects.filter(
        account__code=wanted.pool, account__kind=AccountKind.POOL, account__program=wanted.program.slug
    ).select_related("transfer")


def ledger_columns(desk: Desk, wanted: Wanted) -> list[Column]:
    """Complete for everybody who sees the pool, and so without the names of grants: a gap would tell of a conflict."""
    currency = wanted.program.currency
    return [
        Column("number", "Line", lambda row: row.version, True),
        Column("happened_at", "When (UTC)", lambda row: row.transfer.happened_at),
        Column("movement", "Movement", lambda row: row.transfer.get_kind_display()),
        Column("transfer", "Transfer", lambda row: row.transfer_id, True),
        Column("in", f"In ({currency})", lambda row: amount(max(row.amount_cents, 0) or None), True),
        Column("out", f"Out ({currency})", lambda row: amount(max(-row.amount_cents, 0) or None), True),
        Column("left", f"Left ({currency})", lambda row: amount(row.balance_after_cents), True),
    ]
