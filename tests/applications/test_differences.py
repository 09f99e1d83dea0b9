"""What changed between two applications, as reviewers read it."""

import time

from applications import differences
from applications.differences import Change, Side
from tests.factories.applications import FOR_SCREENERS, SECTIONS, answers


def between(before: dict, after: dict, **more) -> list[Change]:
    return differences.between(Side(SECTIONS, before), Side(SECTIONS, after), **more)


def test_only_what_differs_is_listed_word_by_word() -> None:
    first = answers(title="Corals of the cold sea", months=6)
    second = first | {"title": "Corals of the warm sea", "months": 9}

    assert between(first, second) == [
        Change("Title", [("", "Corals of the"), ("del", "cold"), ("ins", "warm"), ("", "sea")]),
        Change("Months", [("del", "6"), ("ins", "9"), ("", "months")]),
    ]


def test_a_new_and_a_missing_answer() -> None:
    first = answers(title="One")
    second = {key: value for key, value in first.items() if key != "title"}

    assert between(second, first)[0] == Change("Title", [("ins", "One")])
    assert between(first, second) == [Change("Title", [("del", "One")])]


def test_answers_for_others_stay_out() -> None:
    first = answers()
    second = first | {"hazards": f"{FOR_SCREENERS}, again"}

    assert between(first, second) == []
    assert len(between(first, second, audiences=["everyone", "screener"])) == 1


def test_blanks_are_no_difference() -> None:
    assert differences.runs("one  two\nthree", "one two three") == [("", "one two three")]


def test_both_texts_can_be_read_back_from_the_runs() -> None:
    old = "The model reads every abstract and sorts it. Two people check a tenth."
    new = "The model reads every third abstract. Two people check a fifth of them."

    runs = differences.runs(old, new)

    assert " ".join(text for kind, text in runs if kind != "ins") == old
    assert " ".join(text for kind, text in runs if kind != "del") == new


def test_hostile_lengths_end_in_time() -> None:
    pairs = [
        ("a " * 40_000, "a b " * 20_000),
        ("word " * 1_999, "other word " * 999),
        ("One. " * 9_000, "Two. One. " * 4_500),
        ("x" * 200_000, "y" * 200_000),
        (" ".join(f"w{n % 90}" for n in range(2_000)), " ".join(f"w{n * 7 % 90}" for n in range(2_000))),
        (" ".join(f"w{n}" for n in range(2_000)), " ".join(f"w{n}" for n in reversed(range(2_000)))),
    ]
    for old, new in pairs:
        began = time.perf_counter()
        differences.runs(old, new)
        assert time.perf_counter() - began < 3
