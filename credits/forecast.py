"""Pure: when credit runs out at the pace of the last weeks, and what of it would be left at its end.

The pace is a straight line through the last WINDOW_DAYS days. Lots are used one after the other, in the order of
credits.lots; each one ends when it is used up or when its last day is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WINDOW_DAYS = 28
LEAST_DAYS = 7  # of history
LEAST_DAYS_USED = 3
FARTHEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Held:
    """One lot for a forecast, in cents. since: its first day; expires_on: its last one, None without an end."""

    grant_id: int
    left_cents: int
    since: date
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of one lot. runs_out_on: the day on which it is used up; None when its end comes first or never.

    unused_cents: what would be left at its end.
    """

    grant_id: int
    begins_on: date
    runs_out_on: date | None
    unused_cents: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """is_known: False when there was not enough use to tell. used_cents: within the last `days` days."""

    is_known: bool
    used_cents: int = 0
    days: int = 0
    outlooks: tuple[Outlook, ...] = ()

    @property
    def daily_cents(self) -> int:
        """The pace, in whole cents a day."""
        return round(self.used_cents / self.days) if self.days else 0

    def of(self, grant_id: int) -> Outlook | None:
        """What becomes of one grant; None when nothing of it is left or nothing can be told."""
        return next((one for one in self.outlooks if one.grant_id == grant_id), None)

    @property
    def runs_out_on(self) -> date | None:
        """The day on which the last of the lots is used up; None when something is left at an end, or never ends."""
        if not self.outlooks or any(one.runs_out_on is None for one in self.outlooks):
            return None
        return self.outlooks[-1].runs_out_on


UNKNOWN = Forecast(is_known=False)


def of_lots(lots: Sequence[Held], used_by_day: Mapping[date, int], *, today: date) -> Forecast:
    """Tell when lots run out. lots: in the order in which they are used; used_by_day: cents of all of them by UTC day.

    today is left out of the pace, because its usage is not complete. Not enough use: fewer than LEAST_DAYS days of
    history, or use on fewer than LEAST_DAYS_USED days of the window.
    """
    if not lots:
        return UNKNOWN
    first = max(min(lot.since for lot in lots), today - timedelta(days=WINDOW_DAYS))
    days = (today - first).days
    window = {day: cents for day, cents in used_by_day.items() if first <= day < today and cents > 0}
    used = sum(window.values())
    if days < LEAST_DAYS or len(window) < LEAST_DAYS_USED:
        return UNKNOWN
    outlooks, passed, start = (
        [],
        0,
        today,
    )  # passed: parts of a day that the lots before took, as cents * days
    for lot in lots:
        if lot.left_cents <= 0:
            continue
        # In units of one day's pace: cents * days / used, kept whole by not dividing before the end.
        needed = lot.left_cents * days
        begins_on = start + timedelta(days=min(passed // used, FARTHEST_DAYS))
        until = None if lot.expires_on is None else ((lot.expires_on - start).days + 1) * used - passed
        if until is not None and until < needed:
            taken = max(until, 0)
            outlooks.append(Outlook(lot.grant_id, begins_on, None, lot.left_cents - taken // days))
            passed += taken
        else:
            passed += needed
            out = start + timedelta(days=min((passed - 1) // used, FARTHEST_DAYS))
            outlooks.append(Outlook(lot.grant_id, begins_on, out, 0))
    return Forecast(True, used, days, tuple(outlooks))
