"""The statement of one grant: what came, what went, what is left. Read from the ledger, never from a counter."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits.models import Entry, Grant
from credits.movements import AccountKind, Kind

LABELS = {
    Kind.POST: gettext_lazy("Credits posted, confirmed by the provider"),
    Kind.USE: gettext_lazy("Usage"),
    Kind.EXPIRE: gettext_lazy("Expired"),
    Kind.FREEZE: gettext_lazy("Put on hold"),
    Kind.THAW: gettext_lazy("Released from hold"),
    Kind.MOVE: gettext_lazy("Moved to another organization"),
    Kind.REVERSE: gettext_lazy("Correction"),
}


@dataclass(frozen=True)
class Line:
    """One movement on the balance that the organization can use. Amounts in cents, signed."""

    at: datetime
    kind: str
    label: str
    amount_cents: int
    left_cents: int


@dataclass(frozen=True)
class Statement:
    """Lines newest first, and the sums of the page. All amounts in cents.

    granted: posted or moved here; moved_away: gone to another organization; held: frozen.
    granted = used + expired + held + moved_away + left, always.
    """

    lines: list[Line]
    granted_cents: int
    moved_away_cents: int
    used_cents: int
    expired_cents: int
    held_cents: int
    left_cents: int
    as_of: datetime | None

    @property
    def left_percent(self) -> int:
        return round(100 * self.left_cents / self.granted_cents) if self.granted_cents else 0


def label(kind: str, *, is_incoming: bool) -> str:
    """What a movement on a usable balance is called, in the reader's language."""
    if kind == Kind.MOVE and is_incoming:
        return _("Moved here from another organization")
    return str(LABELS.get(Kind(kind), Kind(kind).label))


def of(grant: Grant) -> Statement:
    """Everything that moved on the grant's usable balance. One query."""
    entries = (
        Entry.objects.filter(account__grant=grant, account__kind=AccountKind.GRANTED)
        .select_related("transfer", "transfer__reverses")
        .order_by("account_id", "version")
    )
    lines: list[Line] = []
    sums = dict.fromkeys(Kind, 0)
    moved_here = 0
    for entry in entries:
        transfer = entry.transfer
        lines.append(
            Line(
                at=transfer.happened_at,
                kind=transfer.kind,
                label=label(transfer.kind, is_incoming=entry.amount_cents > 0),
                amount_cents=entry.amount_cents,
                left_cents=entry.balance_after_cents,
            )
        )
        # A correction takes back what it corrects, so it counts with that kind and its direction.
        counted = transfer.reverses.kind if transfer.reverses else transfer.kind
        sums[Kind(counted)] += entry.amount_cents
        if counted == Kind.MOVE and (entry.amount_cents > 0) != bool(transfer.reverses):
            moved_here += entry.amount_cents
    return Statement(
        lines=lines[::-1],
        granted_cents=sums[Kind.POST] + moved_here,
        moved_away_cents=moved_here - sums[Kind.MOVE],
        used_cents=-sums[Kind.USE],
        expired_cents=-sums[Kind.EXPIRE],
        held_cents=-(sums[Kind.FREEZE] + sums[Kind.THAW]),
        left_cents=lines[-1].left_cents if lines else 0,
        as_of=lines[-1].at if lines else None,
    )
