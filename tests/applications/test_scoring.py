import random
import statistics
from collections import Counter
from decimal import Decimal
from itertools import combinations

import pytest

from applications import scoring
from applications.scoring import Scale
from programs.models import Criterion, CriterionKind


def test_total_weighs_only_what_is_scored() -> None:
    weights = {1: 40, 2: 30, 3: 30}

    assert scoring.weighted_total({1: 4, 2: 5, 3: 3}, weights) == Decimal("4.00")
    assert scoring.weighted_total({1: 4, 2: 5}, weights) == Decimal("4.43")
    assert scoring.weighted_total({}, weights) is None
    assert scoring.weighted_total({9: 5}, weights) is None


def test_summary_of_several_reviews() -> None:
    totals = [Decimal("2.00"), Decimal("4.00"), Decimal("4.50")]

    assert scoring.summary(totals) == {
        "median": Decimal("4.00"),
        "mean": Decimal("3.50"),
        "spread": Decimal("1.08"),
    }
    assert scoring.summary([]) is None


def test_what_lies_outside_the_total_and_gates_have_no_weight() -> None:
    criteria = [
        Criterion(pk=1, weight_percent=60),
        Criterion(pk=2, weight_percent=0, independent=True),
        Criterion(pk=3, kind=CriterionKind.GATE),
    ]

    assert scoring.weights(criteria) == {1: 60}
    assert scoring.weighted_total({1: 4, 2: 1}, scoring.weights(criteria)) == Decimal("4.00")


def test_weight_of_what_does_not_apply_falls_to_the_others() -> None:
    """Weights 40 and 20 are left: 4 and 1 give (160 + 20) / 60."""
    assert scoring.weighted_total({1: 4, 3: 1}, {1: 40, 2: 40, 3: 20}) == Decimal("3.00")


# --- Ranking ------------------------------------------------------------------------------------------------------------


def made_up_reviews(*, seed: int = 7, submissions: int = 490) -> dict[int, list[Decimal]]:
    """Ratings of the shape of a real conference: three reviews as a rule, whole values from 1 to 10, many ties."""
    dice = random.Random(seed)
    found = {}
    for key in range(1, submissions + 1):
        quality = dice.gauss(5.7, 1.1)
        number = dice.choices([1, 2, 3, 4], [1, 2, 92, 5])[0]
        found[key] = [Decimal(min(10, max(1, round(dice.gauss(quality, 1.2))))) for _ in range(number)]
    return found


def places_by_hand(reviews: dict[int, list[Decimal]]) -> dict[int, int]:
    """A second way: whole numbers only, comparing every pair by sums times the other's count, then by medians."""

    def ahead(one: int, two: int) -> bool:
        a, b = reviews[one], reviews[two]
        left, right = sum(a) * len(b), sum(b) * len(a)
        return left > right or (left == right and statistics.median(a) > statistics.median(b))

    return {key: 1 + sum(ahead(other, key) for other in reviews) for key in reviews}


def test_the_ranking_is_the_one_that_pairs_give() -> None:
    reviews = made_up_reviews()

    ranked = scoring.rank(reviews)

    assert {row.key: row.place for row in ranked} == places_by_hand(reviews)
    assert [row.place for row in ranked] == sorted(row.place for row in ranked)
    assert max(Counter(row.place for row in ranked).values()) > 1  # there were ties to get right


def test_a_ranking_does_not_round_before_it_compares() -> None:
    ranked = scoring.rank({1: [Decimal("3.33")] * 2 + [Decimal("3.34")], 2: [Decimal("3.33")] * 3, 3: []})

    assert [(row.key, row.place, row.mean) for row in ranked] == [
        (1, 1, Decimal("3.33")),
        (2, 2, Decimal("3.33")),
    ]


# --- Calibration --------------------------------------------------------------------------------------------------------


def test_two_reviewers_of_other_scales_mean_the_same() -> None:
    generous, strict = Scale(4.0, 0.5, 40), Scale(2.0, 1.0, 40)
    everybody = Scale(3.0, 0.8, 80)

    assert scoring.calibrated(Decimal("4.50"), generous, everybody) == pytest.approx(3.8)
    assert scoring.calibrated(Decimal("3.00"), strict, everybody) == pytest.approx(3.8)


@pytest.mark.parametrize(
    ("own", "expected"),
    [(Scale(4.0, 0.5, 4), 4.5), (Scale(4.0, 0.0, 40), 3.5)],
    ids=["few reviews stay as they are", "one value for all moves by the mean"],
)
def test_what_cannot_be_measured_is_not_stretched(own: Scale, expected: float) -> None:
    assert scoring.calibrated(4.5, own, Scale(3.0, 0.8, 80)) == pytest.approx(expected)


def test_a_scale_is_mean_and_population_deviation() -> None:
    assert scoring.scale_of([Decimal(2), Decimal(4)]) == Scale(3.0, 1.0, 2)
    assert scoring.scale_of([]) is None


# --- Agreement ----------------------------------------------------------------------------------------------------------


def alpha_by_coincidences(units: list[list[int]]) -> float:
    """The textbook's way: a table of coincidences of values, and squared differences between them."""
    table: Counter[tuple[int, int]] = Counter()
    for values in units:
        for one, two in combinations(range(len(values)), 2):
            for pair in ((values[one], values[two]), (values[two], values[one])):
                table[pair] += 1 / (len(values) - 1)
    margins: Counter[int] = Counter()
    for (value, _), weight in table.items():
        margins[value] += weight
    number = sum(margins.values())
    observed = sum(weight * (a - b) ** 2 for (a, b), weight in table.items())
    expected = sum(margins[a] * margins[b] * (a - b) ** 2 for a in margins for b in margins)
    return 1 - (number - 1) * observed / expected


def test_alpha_gives_the_figure_of_the_textbook() -> None:
    """Four observers, twelve units, some missing: the published interval alpha is 0.849."""
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = [[row[place] for row in rows if row[place] is not None] for place in range(12)]

    found = scoring.alpha(scoring.unit(values) for values in units)

    assert found == pytest.approx(0.849, abs=0.0005)
    assert found == pytest.approx(alpha_by_coincidences(units))


@pytest.mark.parametrize("seed", range(5))
def test_alpha_agrees_with_the_coincidences_of_made_up_reviews(seed: int) -> None:
    reviews = [[int(value) for value in row] for row in made_up_reviews(seed=seed, submissions=120).values()]

    assert scoring.alpha(map(scoring.unit, reviews)) == pytest.approx(alpha_by_coincidences(reviews))


def test_alpha_of_all_of_one_mind_of_chance_and_of_nothing() -> None:
    assert scoring.alpha(map(scoring.unit, [[1, 1], [5, 5], [3, 3]])) == 1
    assert scoring.alpha(map(scoring.unit, [[1, 5], [5, 1]])) < 0
    assert scoring.alpha(map(scoring.unit, [[3, 3], [3, 3]])) is None
    assert scoring.alpha(map(scoring.unit, [[4], [2]])) is None
