"""Answers from the section form to the draft, the check at submit, and the columns that rules need."""

import json
import time

import pytest

from applications import answers as answering
from programs import fields, preset_files, presets

RESEARCH = {
    "key": "research",
    "title": "Research",
    "questions": [
        {"key": "intro", "type": "text", "label": "Read this"},
        {
            "key": "title",
            "type": "short_text",
            "label": "Title",
            "required": True,
            "max_chars": 50,
            "maps_to": "title",
        },
        {
            "key": "field",
            "type": "single_choice",
            "label": "Field",
            "required": True,
            "maps_to": "field",
            "other": True,
            "choices": [{"value": "biology", "label": "Biology"}, {"value": "physics", "label": "Physics"}],
        },
        {
            "key": "pathogens",
            "type": "yes_no",
            "label": "Pathogens?",
            "required": True,
            "show_if": {"question": "field", "any_of": ["biology"]},
        },
    ],
}
MONEY = {
    "key": "money",
    "title": "Money",
    "questions": [
        {"key": "amount", "type": "money", "label": "Amount", "required": True, "maps_to": "amount_cents"},
        {"key": "months", "type": "months", "label": "Months", "maps_to": "months"},
        {"key": "links", "type": "doi_list", "label": "Links"},
        {
            "key": "oversight",
            "type": "short_text",
            "label": "Oversight",
            "required": True,
            "show_if": {"question": "pathogens", "any_of": ["yes"]},
        },
    ],
}
SECTIONS = [RESEARCH, MONEY]
GOOD = {"title": "Reefs", "field": "physics", "amount": {"amount_cents": 100_000, "currency": "USD"}}


def test_store_takes_what_was_asked_and_drops_the_rest():
    stored = answering.store(RESEARCH, {"title": "x", "field": None, "evil": "y", "intro": "z"})
    assert stored == {"title": "x", "field": None}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("abc", {"raw": "abc"}),
        ("", None),
        (None, None),
        ([], None),
        ("a\x00\ud800", {"raw": "a\ufffd\ufffd"}),
        ([{"name": "\x00", "role": 5}], {"raw": [{"name": "\ufffd", "role": "5"}]}),
        (float("nan"), {"raw": "nan"}),
        (10**400, {"raw": str(10**400)}),
        (b"x", {"raw": "b'x'"}),
    ],
)
def test_raw_keeps_anything_as_json_that_can_be_stored(value, kept):
    assert answering.raw(value) == kept
    assert "\\u0000" not in json.dumps(kept, allow_nan=False)


def test_initial_shows_answers_as_they_were_typed():
    answers = GOOD | {
        "months": {"raw": "half a year"},
        "links": ["10.1000/a", "https://example.org"],
        "gone": 1,
    }
    assert answering.initial(MONEY, answers) == {
        "amount": "1,000",
        "months": "half a year",
        "links": "10.1000/a\nhttps://example.org",
    }


def test_a_complete_application_has_no_problem():
    assert answering.check(SECTIONS, GOOD) == {}
    assert answering.check_by_section(SECTIONS, GOOD) == {}


def test_an_empty_one_lists_what_is_missing_in_order():
    assert answering.check(SECTIONS, {}) == {
        "title": "Fill this in.",
        "field": "Choose one of the options.",
        "amount": "Write an amount, such as 14,500.",
    }


def test_problems_are_grouped_by_section():
    found = answering.check_by_section(SECTIONS, GOOD | {"field": "biology", "months": {"raw": "x"}})
    assert found == {
        "research": {"pathogens": "Choose yes or no."},
        "money": {"months": "Write a whole number of months, such as 12."},
    }


def test_a_hidden_question_is_neither_required_nor_kept():
    answers = GOOD | {"pathogens": "yes", "oversight": "a board", "field_other": "alchemy", "unknown": 1}
    assert answering.check(SECTIONS, answers) == {}
    assert answering.without_hidden(SECTIONS, answers) == GOOD


def test_what_hangs_on_a_hidden_question_is_hidden_too():
    answers = GOOD | {"pathogens": "yes"}
    assert "oversight" not in answering.check(SECTIONS, answers)
    assert answering.check(SECTIONS, answers | {"field": "biology"}) == {"oversight": "Fill this in."}


def test_an_other_option_wants_its_name():
    assert answering.check(SECTIONS, GOOD | {"field": "other"}) == {"field_other": "Fill this in."}
    kept = answering.without_hidden(SECTIONS, GOOD | {"field": "other", "field_other": "Alchemy"})
    assert (kept["field"], kept["field_other"]) == ("other", "Alchemy")


def test_mapped_gives_the_columns():
    assert answering.mapped(SECTIONS, GOOD | {"months": "6"}) == {
        "title": "Reefs",
        "abstract": "",
        "amount_cents": 100_000,
        "currency": "USD",
        "months": 6,
        "country": "",
        "institution": "",
        "institution_kind": "",
        "field": "physics",
        "career_stage": "",
        "organization_id": "",
        "orcid": "",
        "red_team": None,
        "models": [],
    }


@pytest.mark.parametrize(
    "junk", [None, 5, "x", [], [[]], {"a": 1}, {"raw": {"raw": 1}}, "\x00", 10**400, True]
)
def test_hostile_answers_never_raise(junk):
    answers = {question["key"]: junk for question in fields.questions(SECTIONS)}
    answering.check(SECTIONS, answers)
    answering.without_hidden(SECTIONS, answers)
    answering.mapped(SECTIONS, answers)
    answering.initial(MONEY, answers)


@pytest.mark.parametrize("path", presets.shipped(), ids=lambda path: path.stem)
def test_checking_one_application_takes_less_than_three_milliseconds(path):
    sections = preset_files.read(path.read_text())[0]["form"]["sections"]
    answers = complete(sections)
    assert answering.check(sections, answers) == {}

    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(20):
            answering.check(sections, answers)
        best = min(best, (time.perf_counter() - started) / 20)
    assert best < 0.003


def complete(sections):
    """A good answer to every question, so that long texts and lists are part of the figure."""
    given = {
        "short_text": "A short answer",
        "email": "someone@example.org",
        "url": "https://example.org",
        "integer": 3,
        "months": 6,
        "date": "2026-12-07",
        "yes_no": "yes",
        "country": "DE",
        "orcid": "0000-0002-1825-0097",
        "doi_list": ["10.1000/abc", "https://example.org"],
        "organization_id": "7f3d2c1a-5b4e-4f6a-9c8d-1e2f3a4b5c6d",
        "people": [{"name": "Ada", "role": "lead"}],
        "organization": {"name": "ETH Zurich", "ror_id": "05a28rw58", "country": "CH"},
        "file": ["7f3d2c1a-5b4e-4f6a-9c8d-1e2f3a4b5c6d"],
    }
    answers = {}
    for question in fields.questions(sections):
        kind = question["type"]
        if kind == "long_text":
            answers[question["key"]] = " ".join(["word"] * question["max_words"])
        elif kind == "money":
            answers[question["key"]] = {"amount_cents": 200_000, "currency": "USD"}
        elif kind == "single_choice":
            answers[question["key"]] = question["choices"][0]["value"]
        elif kind == "multiple_choice":
            answers[question["key"]] = [question["choices"][0]["value"]]
        elif kind == "acknowledgement":
            answers[question["key"]] = {"version": question["policy"]["version"], "accepted": True}
        elif kind != "text":
            answers[question["key"]] = given[kind]
    return answers
