"""Pure: geometry of the small SVG charts. Colours are in css/admin.css; nothing here knows a query."""

from collections.abc import Sequence
from dataclasses import dataclass

from applications.boards import CycleHealth


@dataclass(frozen=True)
class Column:
    """One column of a chart, in user units; `mark` is the label under it, empty for most."""

    x: float
    y: float
    width: float
    height: float
    value: int
    label: str
    mark: str
    middle: float


def columns(
    values: Sequence[int],
    labels: Sequence[str],
    *,
    width: float = 620,
    height: float = 120,
    marks: int = 6,
    top: float | None = None,
) -> list[Column]:
    """Columns over a common baseline; about `marks` of them carry a label. top: the value of the full height."""
    top = top or max([*values, 1])
    step = width / max(1, len(values))
    gap = min(12.0, step * 0.2)
    every = max(1, len(values) // marks)
    return [
        Column(
            x=round(place * step + gap / 2, 1),
            y=round(height - height * value / top, 1),
            width=round(step - gap, 1),
            height=round(height * value / top, 1),
            value=value,
            label=label,
            mark=label if place % every == 0 else "",
            middle=round(place * step + step / 2, 1),
        )
        for place, (value, label) in enumerate(zip(values, labels, strict=True))
    ]


@dataclass(frozen=True)
class Paced:
    """Columns of what was done each day, and the height of the line of what is needed; no line when nothing is."""

    columns: list[Column]
    line: float | None


def paced(
    days: Sequence[tuple[str, int]], needed: float | None, *, width: float = 300, height: float = 84
) -> Paced:
    """Both to one scale, so that a column which reaches the line was enough for its day. days: label and number."""
    top = max([1.0, needed or 0.0, *(number for _, number in days)])
    bars = columns(
        [number for _, number in days],
        [label for label, _ in days],
        width=width,
        height=height,
        marks=3,
        top=top,
    )
    return Paced(bars, None if needed is None else round(height - height * needed / top, 1))


@dataclass(frozen=True)
class Share:
    x: float
    width: float
    number: int
    name: str
    css: str


def split(looks: Sequence[tuple[int, int]]) -> list[Share]:
    """One bar cut into shares: full looks, fewer, none."""
    total = sum(number for _, number in looks) or 1
    most = max((count for count, _ in looks), default=0)
    found, x = [], 0.0
    for count, number in looks:
        width = round(100 * number / total, 2)
        css = "s3" if count == 0 else "s1" if count == most else "s2"
        name = "No look yet" if count == 0 else f"{count} look{'' if count == 1 else 's'}"
        found.append(Share(round(x, 2), width, number, name, css))
        x += width
    return found


@dataclass(frozen=True)
class PoolBar:
    """The pool of a cycle: what is planned now against what it holds, in percent of what it holds."""

    plan: float
    short: bool


def pool(health: CycleHealth) -> PoolBar | None:
    if health.pool_cents is None:
        return None
    whole = max(health.pool_cents, health.awards_cents, 1)
    return PoolBar(
        plan=round(100 * health.awards_cents / whole, 1), short=health.awards_cents > health.pool_cents
    )


def share(number: int, whole: int) -> float:
    """A part in percent of a whole, one place; 0 of nothing."""
    return round(100 * number / whole, 1) if whole else 0.0
