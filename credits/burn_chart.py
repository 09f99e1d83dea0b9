"""Pure: the drawing of a grant's balance over time. Colours are in css/portal.css; the table beside it says the same."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from credits.balances import Balance
from credits.forecast import Outlook

WIDTH, HEIGHT = 640, 200
MOST_ROWS = 14


@dataclass(frozen=True)
class Tick:
    """A mark on an axis. at: user units; the text is what stands beside it."""

    at: float
    day: date | None = None
    cents: int = 0
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """Lines as SVG point lists, in user units of WIDTH by HEIGHT. rows: (day, cents left), for the table."""

    line: str
    area: str
    outlook: str
    today_x: float
    end_x: float | None
    end_anchor: str
    days: list[Tick]
    amounts: list[Tick]
    rows: list[tuple[date, int]]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class _Scale:
    """From days and cents to user units."""

    first: date
    last: date
    top: int

    def x(self, day: date) -> float:
        return round(WIDTH * (day - self.first).days / (self.last - self.first).days, 1)

    def y(self, cents: int) -> float:
        return round(HEIGHT - HEIGHT * max(cents, 0) / self.top, 1)


def of(balance: Balance, outlook: Outlook | None, *, at: datetime) -> Chart | None:
    """The balance by day from the confirmation to today, its end, and the forecast. None before the confirmation."""
    if balance.grant.confirmed_at is None or not balance.moved_on:
        return None
    today, expires_on = at.astimezone(UTC).date(), balance.grant.expires_on
    first = min(*balance.moved_on, balance.grant.confirmed_at.astimezone(UTC).date())
    shown = min(today, _until(balance, expires_on, today))
    last = max(shown, first + timedelta(days=14))
    if expires_on is not None and expires_on <= today + timedelta(days=730):
        last = max(last, expires_on)
    elif outlook is not None and outlook.runs_out_on is not None:
        last = max(last, min(outlook.runs_out_on, today + timedelta(days=365)))
    points = _by_day(balance, first, shown)
    top = max(balance.granted_cents, *(cents for _, cents in points), 1)

    scale = _Scale(first, last, top)
    x, y = scale.x, scale.y
    line = _steps([(x(day), y(cents)) for day, cents in points])
    now_x = x(shown)
    end_x = x(expires_on) if expires_on is not None and expires_on <= last else None
    return Chart(
        line=line,
        area=f"0,{HEIGHT} {line} {now_x},{HEIGHT}",
        outlook=_outlook(points[-1][1], outlook, expires_on, shown, scale) if shown == today else "",
        today_x=now_x,
        end_x=end_x,
        end_anchor="end" if end_x is not None and end_x > WIDTH * 0.6 else "start",
        days=[
            Tick(x(day), day=day, anchor=anchor)
            for day, anchor in ((first, "start"), (first + (last - first) / 2, "middle"), (last, "end"))
        ],
        amounts=[Tick(y(cents), cents=cents) for cents in (top, top // 2, 0)],
        rows=_rows(points),
    )


def _until(balance: Balance, expires_on: date | None, today: date) -> date:
    """Nothing moves any more after the end: the drawing stops there, or with the last movement."""
    return today if expires_on is None else max(expires_on, *balance.moved_on)


def _by_day(balance: Balance, first: date, last: date) -> list[tuple[date, int]]:
    """What is left at the end of each day on which it changed, with the first day and the last one."""
    left, points = 0, []
    for day in sorted({first, last, *balance.moved_on}):
        left += balance.moved_on.get(day, 0)
        points.append((day, left))
    return [point for point in points if point[0] <= last]


def _steps(points: list[tuple[float, float]]) -> str:
    """The line stays level until the day on which the balance changes."""
    steps = [points[0]]
    for x, y in points[1:]:
        steps += [(x, steps[-1][1]), (x, y)]
    return " ".join(f"{x},{y}" for x, y in steps)


def _outlook(
    left_cents: int, outlook: Outlook | None, expires_on: date | None, today: date, scale: _Scale
) -> str:
    """The way on from today: level until the lot's turn comes, then down at the pace of the last weeks."""
    if outlook is None or left_cents <= 0:
        return ""
    day, cents = (outlook.runs_out_on, 0) if outlook.runs_out_on else (expires_on, outlook.unused_cents)
    if day is None:
        return ""
    begins_on = min(outlook.begins_on, scale.last)
    if day > scale.last:  # the drawing ends before: go as far along the way as it reaches
        share = (scale.last - begins_on).days / max((day - outlook.begins_on).days, 1)
        day, cents = scale.last, round(left_cents - (left_cents - cents) * share)
    points = ((today, left_cents), (begins_on, left_cents), (day, cents))
    return " ".join(f"{scale.x(when)},{scale.y(much)}" for when, much in points)


def _rows(points: list[tuple[date, int]]) -> list[tuple[date, int]]:
    """At most MOST_ROWS of them, evenly, the first and the last among them, the latest first."""
    every = -(-len(points) // MOST_ROWS)
    rows = points[::-1][::every]
    return rows if rows[-1] == points[0] else [*rows, points[0]]
