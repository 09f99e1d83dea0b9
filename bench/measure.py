"""Time variants against each other and judge the ratio. Pure but for the clock; knows nothing of the portal.

One round runs every variant once, each round in another order, so that a slow minute of the machine hits all of them.
The reference runs twice in every round: what it differs from itself (the control) is what the machine adds.
"""

import gc
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

MOST_CONTROL = 0.10
"""Off by more than this between the reference and itself, a ratio is not judged."""

SERVICE, SQL, REFERENCE, CONTROL = "service", "S", "R", "R'"


def nothing() -> None:
    """For variants that need no reset or no check."""


@dataclass(frozen=True)
class Variant:
    """One way to do the work. Only `run` is timed; it may return its own seconds, such as a median of requests."""

    name: str
    run: Callable[[], float | None]
    reset: Callable[[], None] = nothing
    verify: Callable[[], None] = nothing


@dataclass
class Figure:
    """One line of the table. Times in seconds; `row` is the line of docs/speed.md with the target."""

    row: str
    name: str
    size: int
    service: float
    reference: float
    ratio: float
    low: float
    high: float
    target: float | None
    sql: float | None = None
    control: float | None = None
    half_width: float = 0.0
    verdict: str = ""
    note: str = ""
    facts: dict[str, object] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(asdict(self))


Times = dict[str, list[float]]


def interleave(variants: Sequence[Variant], *, rounds: int, warm: int = 1) -> Times:
    """Run all variants in rotating order; returns seconds by variant name, warm-up left out."""
    times: Times = {variant.name: [] for variant in variants}
    for number in range(-warm, rounds):
        turn = number % len(variants)
        for variant in [*variants[turn:], *variants[:turn]]:
            variant.reset()
            gc.collect()
            begin = time.perf_counter()
            own = variant.run()
            seconds = time.perf_counter() - begin if own is None else own
            variant.verify()
            if number >= 0:
                times[variant.name].append(seconds)
    return times


def compare(
    times: Times,
    *,
    row: str,
    name: str,
    size: int,
    target: float | None,
    reference: str = REFERENCE,
    note: str = "",
    service: str = SERVICE,
    **facts: object,
) -> Figure:
    """Put the service against the reference: ratio of medians, its range over the rounds, control, verdict."""
    ours, theirs = times[service], times[reference]
    pairs = [one / other for one, other in zip(ours, theirs, strict=True)]
    figure = Figure(
        row=row,
        name=name,
        size=size,
        service=statistics.median(ours),
        reference=statistics.median(theirs),
        ratio=statistics.median(ours) / statistics.median(theirs),
        low=min(pairs),
        high=max(pairs),
        target=target,
        sql=statistics.median(times[SQL]) if SQL in times else None,
        note=note,
        facts=facts,
    )
    if CONTROL in times and reference == REFERENCE:
        again = [one / other for one, other in zip(times[CONTROL], theirs, strict=True)]
        figure.control = statistics.median(times[CONTROL]) / statistics.median(theirs)
        figure.half_width = half_width(again)
    figure.verdict = judge(figure)
    return figure


def half_width(ratios: Sequence[float]) -> float:
    """Half the distance between the quartiles: how far a ratio wanders without any reason."""
    if len(ratios) < 2:
        return 0.0
    lower, _, upper = statistics.quantiles(ratios, n=4, method="inclusive")
    return (upper - lower) / 2


def judge(figure: Figure) -> str:
    """met, missed, or why there is no judgement. Missed only when the lower end of the ratio lies above the target."""
    if figure.target is None:
        return "-"
    if figure.control is not None and abs(figure.control - 1) > MOST_CONTROL:
        return "not judged: noise"
    if figure.ratio <= figure.target:
        return "met"
    if figure.ratio * (1 - figure.half_width) <= figure.target:
        return "met within noise"
    return "MISSED"


def limit(*, row: str, name: str, size: int, value: float, most: float, unit: str, note: str = "") -> Figure:
    """A figure with a fixed limit instead of a reference: queries, a spread, milliseconds. Kept as value : limit."""
    return Figure(
        row=row,
        name=f"{name} ({unit})",
        size=size,
        service=value,
        reference=most,
        ratio=value / most if most else float(value > 0),
        low=value,
        high=value,
        target=None,
        verdict="met" if value <= most else "MISSED",
        note=note,
        facts={"unit": unit, "fixed": True},
    )


def table(figures: Sequence[Figure]) -> str:
    """The whole table as text."""
    head = (
        "",
        "figure",
        "size",
        "service",
        "S",
        "R",
        "x S",
        "control",
        "x R",
        "min-max",
        "target",
        "verdict",
    )
    rows = [head]
    for one in figures:
        fixed = one.facts.get("fixed")
        show = _plain if fixed else _seconds
        rows.append(
            (
                one.row,
                one.name,
                f"{one.size:,}",
                show(one.service),
                "" if one.sql is None else show(one.sql),
                "" if fixed else show(one.reference),
                "" if one.sql is None else f"{one.service / one.sql:.2f}",
                "" if one.control is None else f"{one.control:.2f}",
                "" if fixed else f"{one.ratio:.3g}",
                "" if fixed else f"{one.low:.3g}-{one.high:.3g}",
                f"<= {_plain(one.reference) if fixed else one.target}" if one.target or fixed else "",
                one.verdict,
            )
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if place in (0, 1, len(head) - 1) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    notes = [f"{one.row} {one.name}: {one.note}" for one in figures if one.note]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], "", *notes])


def _seconds(value: float) -> str:
    if value < 0.0995:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s"


def _plain(value: float) -> str:
    return f"{value:.4g}"
