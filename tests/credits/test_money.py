import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from credits.money import NotAnAmount, format_money, parse_money, plain, split


@pytest.mark.parametrize(
    "cents, currency, text",
    [
        (0, "USD", "$0"),
        (1_450_000, "USD", "$14,500"),
        (1_450_050, "USD", "$14,500.50"),
        (5, "USD", "$0.05"),
        (-100, "USD", "-$1"),
        (-101, "EUR", "-€1.01"),
        (2_000, "CHF", "CHF 20"),
    ],
)
def test_format_money(cents, currency, text):
    assert format_money(cents, currency) == text


def test_figures_in_a_column_keep_their_cents():
    assert format_money(1_450_000, always_cents=True) == "$14,500.00"


@pytest.mark.parametrize(
    "text, cents",
    [
        ("14500", 1_450_000),
        ("14,500", 1_450_000),
        ("$14,500", 1_450_000),
        (" USD 20 ", 2_000),
        ("20 usd", 2_000),
        ("14500.5", 1_450_050),
        ("0.05", 5),
        ("1,000,000.00", 100_000_000),
    ],
)
def test_parse_money(text, cents):
    assert parse_money(text) == cents


@pytest.mark.parametrize(
    "text", ["", " ", "$", "abc", "-5", "1,50", "1.505", "1e3", "NaN", "٣", ".", ",5", "12,34,567", "9" * 20]
)
def test_parse_money_refuses(text):
    with pytest.raises(NotAnAmount):
        parse_money(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_what_is_written_reads_back(cents):
    assert parse_money(format_money(cents)) == cents
    assert parse_money(plain(cents)) == cents


@given(
    st.integers(min_value=0, max_value=10**12),
    st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=9),
)
def test_split_loses_no_cent(cents, weights):
    if sum(weights) == 0:
        with pytest.raises(ValueError, match="weight above zero"):
            split(cents, weights)
        return
    parts = split(cents, weights)
    assert sum(parts) == cents
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - cents * weight) < sum(weights)


def test_money_filter():
    template = Template("{% load money %}{{ cents|money }} {{ cents|money:'EUR' }} {{ nothing|money }}|")
    assert template.render(Context({"cents": 123_456, "nothing": None})) == "$1,234.56 €1,234.56 |"
