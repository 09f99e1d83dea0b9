"""What holders see of their grants: granted, used, left, day by day, and where each grant is in its life."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from django.db import connection
from django.utils.translation import gettext as _

from credits import expiry, forecast
from credits.models import Grant, Stage
from portal import texts


@dataclass(frozen=True, slots=True)
class State:
    """Where a confirmed grant is in its life. key: active, held, used_up, closing, converted, moved or taken_back."""

    key: str
    word: str
    tone: str
    line: str = ""


@dataclass
class Balance:
    """One grant in cents. granted: posted or moved here; moved_away: gone to another organization.

    used_on: what was used by UTC day; moved_on: every change of what is left, by UTC day.
    """

    grant: Grant
    granted_cents: int = 0
    used_cents: int = 0
    left_cents: int = 0
    frozen_cents: int = 0
    expired_cents: int = 0
    moved_away_cents: int = 0
    used_on: dict[date, int] = field(default_factory=dict)
    moved_on: dict[date, int] = field(default_factory=dict)

    @property
    def used_percent(self) -> int:
        """Whole percent of what was granted, rounded down, so that 95 is never said too early."""
        return 100 * self.used_cents // self.granted_cents if self.granted_cents else 0


def of(grants: Sequence[Grant]) -> dict[int, Balance]:
    """The balances of grants by their id. Two queries, whatever their number."""
    found = {grant.pk: Balance(grant) for grant in grants}
    if not found:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, [list(found)])
        for grant_id, kind, is_outgoing, day, cents in cursor:
            _add(found[grant_id], kind, is_outgoing, day, cents)
        cursor.execute(_FROZEN, [list(found)])
        for grant_id, cents in cursor:
            found[grant_id].frozen_cents = cents
    return found


def _add(balance: Balance, kind: str, is_outgoing: bool, day: date, cents: int) -> None:
    balance.left_cents += cents
    balance.moved_on[day] = balance.moved_on.get(day, 0) + cents
    if kind == "post" or (kind == "move" and not is_outgoing):
        balance.granted_cents += cents
    elif kind == "move":
        balance.moved_away_cents -= cents
    elif kind == "use":
        balance.used_cents -= cents
        balance.used_on[day] = balance.used_on.get(day, 0) - cents
    elif kind == "expire":
        balance.expired_cents -= cents


def state_of(balance: Balance, *, at: datetime) -> State:
    """Where a confirmed grant is in its life at a moment. No query."""
    grant, today = balance.grant, at.astimezone(UTC).date()
    if balance.moved_away_cents and not balance.left_cents:
        return State("moved", _("Moved to another organization"), "")
    closes_on = expiry.closes_on(grant)
    if closes_on is not None and grant.expires_on is not None and today > grant.expires_on:
        if today <= closes_on and balance.left_cents:
            return State(
                "closing",
                _("Ended"),
                "warn",
                _("Usage of the term still counts when it is reported by %(day)s.")
                % {"day": texts.day_long(closes_on)},
            )
        return State(
            "converted",
            _("Converted to a standard account"),
            "",
            _("The term is over. The organization goes on as a standard account and pays for what it uses."),
        )
    if balance.left_cents:
        return State("active", _("Active"), "good")
    if balance.frozen_cents:
        return State("held", _("On hold"), "warn", _("What is left cannot be used at present."))
    if not balance.granted_cents:
        return State(
            "taken_back", _("Credits taken back"), "warn", _("The posting of these credits was corrected.")
        )
    return State(
        "used_up",
        _("Used up"),
        "",
        _("From here on the organization goes on as a standard account and pays for what it uses."),
    )


def outlook(balances: Sequence[Balance], *, at: datetime) -> forecast.Forecast:
    """The forecast of some lots of one organization; those that hold nothing give only their past use. No query."""
    used: dict[date, int] = {}
    for balance in balances:
        for day, cents in balance.used_on.items():
            used[day] = used.get(day, 0) + cents
    held = [
        forecast.Held(
            balance.grant.pk,
            balance.left_cents,
            balance.grant.starts_on or balance.grant.confirmed_at.date(),
            balance.grant.expires_on,
        )
        for balance in sorted(balances, key=draw_order)
        if balance.grant.confirmed_at is not None
    ]
    if not any(lot.left_cents > 0 for lot in held):
        return forecast.UNKNOWN
    return forecast.of_lots(held, used, today=at.astimezone(UTC).date())


def draw_order(balance: Balance) -> tuple[date, datetime, int]:
    """Earliest end first, then oldest; what has no end comes last. The same order as in credits.lots."""
    grant = balance.grant
    return grant.expires_on or date.max, grant.created_at, grant.pk


def of_organization(grant: Grant, readable: Sequence[Grant]) -> list[Balance]:
    """The confirmed grants of one organization and currency among those that somebody may read, in their draw order."""
    rows = [
        other
        for other in readable
        if other.organization_id == grant.organization_id
        and other.currency == grant.currency
        and other.stage == Stage.CONFIRMED
    ]
    return sorted(of(rows).values(), key=draw_order)


# A correction counts as what it takes back, in its direction and on its day: the right figure is drawn on that day too.
_MOVED = """
    SELECT a.grant_id, coalesce(r.kind, t.kind), (e.amount_cents < 0) <> (t.reverses_id IS NOT NULL),
           (coalesce(r.happened_at, t.happened_at) AT TIME ZONE 'UTC')::date, sum(e.amount_cents)::bigint
      FROM unnest(%s::bigint[]) AS wanted (id)
      JOIN ledger_account a ON a.code = 'granted:' || wanted.id
      JOIN ledger_entry e ON e.account_id = a.id
      JOIN ledger_transfer t ON t.id = e.transfer_id
      LEFT JOIN ledger_transfer r ON r.id = t.reverses_id
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 4
"""
_FROZEN = """
    SELECT a.grant_id, a.balance_cents FROM unnest(%s::bigint[]) AS wanted (id)
      JOIN ledger_account a ON a.code = 'frozen:' || wanted.id
"""
