from decimal import Decimal

from applications import scoring


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
