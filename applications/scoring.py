"""Pure: from scores to totals."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
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
    """Criterion id -> percent, gates left out."""
    return {
        criterion.pk: criterion.weight_percent
        for criterion in criteria
        if criterion.kind == CriterionKind.SCORE
    }
