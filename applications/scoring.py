"""Pure: from scores to totals, from totals to a ranking, and how far reviewers agree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import mean, median, pstdev

from programs.models import Criterion, CriterionKind


def weighted_total(values: Mapping[int, int], weights: Mapping[int, int]) -> Decimal | None:
    """The weighted mean of the scores given so far, two places; None when nothing that counts is scored.

    values: criterion id -> score; weights: criterion id -> percent. A criterion without weight does not count.
    """
    weight = sum(weights.get(key, 0) for key in values)
    if not weight:
        return None
    points = Decimal(sum(value * weights.get(key, 0) for key, value in values.items()))
    return (points / weight).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def summary(totals: Iterable[Decimal]) -> dict[str, Decimal] | None:
    """Median, mean and spread (population standard deviation) of several reviews' totals; None without any."""
    numbers = list(totals)
    if not numbers:
        return None
    places = Decimal("0.01")
    return {
        "median": Decimal(median(numbers)).quantize(places),
        "mean": Decimal(mean(numbers)).quantize(places),
        "spread": Decimal(pstdev(numbers)).quantize(places),
    }


def weights(criteria: Iterable[Criterion]) -> dict[int, int]:
    """Criterion id -> percent; gates and criteria outside the total left out."""
    return {
        criterion.pk: criterion.weight_percent
        for criterion in criteria
        if criterion.kind == CriterionKind.SCORE and not criterion.independent
    }


# --- Several reviews of one application --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """One application among others. place: 1 is the best; equals share a place. Totals to two places."""

    key: int
    place: int
    mean: Decimal
    median: Decimal
    spread: Decimal
    looks: int


def rank(totals: Mapping[int, Sequence[Decimal]]) -> list[Standing]:
    """Applications by the mean of their reviews, the best first; ties by median, then by key for a fixed order.

    totals: key -> totals of the reviews that are in. Those without a review are left out. Means are compared exactly and
    not as they are shown, so that rounding makes no ties.
    """
    exact = {key: (_mean(values), Fraction(median(values))) for key, values in totals.items() if values}
    order = sorted(exact, key=lambda key: (-exact[key][0], -exact[key][1], key))
    found: list[Standing] = []
    for number, key in enumerate(order, start=1):
        shares = bool(found) and exact[key] == exact[found[-1].key]
        figures = summary(totals[key])
        assert figures is not None
        found.append(
            Standing(
                key=key,
                place=found[-1].place if shares else number,
                mean=figures["mean"],
                median=figures["median"],
                spread=figures["spread"],
                looks=len(totals[key]),
            )
        )
    return found


# --- One reviewer over many applications -------------------------------------------------------------------------------

FEWEST = 5
"""Fewer reviews say nothing about somebody's scale; their totals are then left as they are."""


@dataclass(frozen=True)
class Scale:
    """How somebody, or everybody, uses the scale: the mean and spread of their totals, and of how many."""

    mean: float
    spread: float
    number: int


def scale_of(totals: Iterable[Decimal]) -> Scale | None:
    """Mean and population standard deviation of totals; None without any."""
    values = [float(total) for total in totals]
    return Scale(mean(values), pstdev(values), len(values)) if values else None


def calibrated(total: Decimal | float, own: Scale, everybody: Scale) -> float:
    """What a total would be if its reviewer used the scale as all do: the same distance from the mean, in spreads.

    A reviewer with few reviews or one value for all keeps what they gave but for their mean, or altogether: there is
    nothing to measure with. It stands beside the total, never in its place.
    """
    value = float(total)
    if own.number < FEWEST:
        return value
    if own.spread == 0 or everybody.spread == 0:
        return value - own.mean + everybody.mean
    return everybody.mean + (value - own.mean) / own.spread * everybody.spread


# --- Agreement ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """What alpha needs of one application with two reviews or more: how many, their sum and the sum of squares."""

    number: int
    total: Fraction
    squares: Fraction


def unit(values: Sequence[Decimal | int]) -> Unit:
    """The totals of one application's reviews as exact sums."""
    exact = [Fraction(value) for value in values]
    return Unit(len(exact), sum(exact, Fraction()), sum((value * value for value in exact), Fraction()))


def alpha(units: Iterable[Unit]) -> float | None:
    """Krippendorff's alpha for interval data: 1 is full agreement, 0 what chance would give, below 0 worse than that.

    Observed disagreement is the mean squared difference between reviews of one application, expected disagreement that
    between any two reviews. Applications with one review say nothing and are left out, so missing reviews do no harm.
    None without two reviews of anything, and where all values are the same. Computed from sums: the squared differences
    of all pairs of n values are n times the sum of squares less the square of the sum.
    Source: Klaus Krippendorff, Content Analysis, chapter on reliability (interval metric).
    """
    pairable = [one for one in units if one.number >= 2]
    number = sum(one.number for one in pairable)
    if not number:
        return None
    observed = sum(
        ((one.number * one.squares - one.total**2) / (one.number - 1) for one in pairable), Fraction()
    )
    total = sum((one.total for one in pairable), Fraction())
    expected = number * sum((one.squares for one in pairable), Fraction()) - total**2
    if not expected:
        return None
    return float(1 - (number - 1) * observed / expected)


def _mean(values: Sequence[Decimal]) -> Fraction:
    return sum((Fraction(value) for value in values), Fraction()) / len(values)
