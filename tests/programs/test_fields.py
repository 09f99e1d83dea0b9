"""Descriptions of forms, and every type of question against a table of good and bad values."""

import json
from datetime import date

import pytest
from django import forms

from programs import fields, texts, values

UUID = "7f3d2c1a-5b4e-4f6a-9c8d-1e2f3a4b5c6d"
CHOICES = [
    {"value": "biology", "label": "Biology", "help": "Living things"},
    {"value": "physics", "label": "Physics"},
]
KNOWN = {"name": "ETH Zurich", "ror_id": "05a28rw58", "country": "CH"}
POLICY = {"slug": "usage", "version": "2", "text": "Be kind."}
EXAMPLES = {
    "short_text": {"max_chars": 20},
    "long_text": {"max_words": 5},
    "email": {},
    "url": {},
    "integer": {"min": 1, "max": 200},
    "money": {"min": 100, "max": 2_000_000},
    "months": {"max": 12},
    "date": {"min": "2026-01-01", "max": "2027-12-31"},
    "yes_no": {},
    "single_choice": {"choices": CHOICES, "other": True},
    "multiple_choice": {"choices": CHOICES, "max": 2},
    "country": {"countries": ["DE", "NO"]},
    "orcid": {},
    "doi_list": {"max": 3},
    "organization_id": {"format": "anthropic-console"},
    "organization": {"max_chars": 60},
    "file": {"max_files": 2},
    "people": {"max": 2},
    "acknowledgement": {"policy": POLICY},
    "text": {},
}


def question(kind, **changed):
    return {"key": "q", "type": kind, "label": "Question"} | EXAMPLES[kind] | changed


def form(*questions, **changed):
    return [{"key": "one", "title": "One", "questions": list(questions)} | changed]


# --- Good values: what is typed -> what is stored --------------------------------------------------------------------------

GOOD = [
    ("short_text", "  Reefs \n and  heat ", "Reefs and heat"),
    ("short_text", "e\u0301tude", "\u00e9tude"),
    ("short_text", "a\u200bb\ufeffc\u00add\x07", "abcd"),
    ("short_text", "\u202egnihton\u202c", "gnihton"),
    (
        "short_text",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    ),
    ("short_text", "👩\u200d🔬", "👩\u200d🔬"),
    ("short_text", 42, "42"),
    ("short_text", "<b>=1+1</b>", "<b>=1+1</b>"),
    ("long_text", "one\r\ntwo\u2028three\r", "one\ntwo\nthree"),
    ("long_text", "one two three four five", "one two three four five"),
    ("email", " Name@EXAMPLE.org ", "Name@example.org"),
    ("url", "example.org/page", "https://example.org/page"),
    ("url", "http://example.org", "http://example.org"),
    ("integer", "12", 12),
    ("integer", 12.0, 12),
    ("integer", "٤٢", 42),
    ("money", "14,500", {"amount_cents": 1_450_000, "currency": "USD"}),
    ("money", "$14,500.00", {"amount_cents": 1_450_000, "currency": "USD"}),
    ("money", "US$ 2", {"amount_cents": 200, "currency": "USD"}),
    ("money", "20 usd", {"amount_cents": 2_000, "currency": "USD"}),
    ("money", 14500, {"amount_cents": 1_450_000, "currency": "USD"}),
    ("money", {"amount_cents": 100, "currency": "USD"}, {"amount_cents": 100, "currency": "USD"}),
    ("months", "6", 6),
    ("date", "2026-12-07", "2026-12-07"),
    ("date", date(2026, 12, 7), "2026-12-07"),
    ("yes_no", "yes", "yes"),
    ("yes_no", "No", "no"),
    ("yes_no", True, "yes"),
    ("single_choice", "biology", "biology"),
    ("single_choice", "BIOLOGY", "biology"),
    ("single_choice", "other", "other"),
    ("multiple_choice", ["physics", "biology", "biology"], ["biology", "physics"]),
    ("multiple_choice", "Physics; Biology", ["biology", "physics"]),
    ("multiple_choice", [""], None),
    ("country", "de", "DE"),
    ("country", "Germany", "DE"),
    ("country", "NO", "NO"),
    ("orcid", "https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097"),
    ("orcid", "000000021825 0097".replace(" ", ""), "0000-0002-1825-0097"),
    ("orcid", "0000-0002-1694-233x", "0000-0002-1694-233X"),
    (
        "doi_list",
        "10.1000/ABC\n\nhttps://doi.org/10.1000/abc,\nexample.org/x",
        ["10.1000/abc", "https://example.org/x"],
    ),
    ("doi_list", ["10.5555/X"], ["10.5555/x"]),
    ("organization_id", f" {UUID.upper()} ", UUID),
    ("organization", " ETH\nZurich ", {"name": "ETH Zurich", "ror_id": None, "country": None}),
    ("organization", KNOWN, KNOWN),
    ("organization", KNOWN | {"ror_id": "https://ror.org/05A28RW58", "country": "ch"}, KNOWN),
    ("file", [UUID, UUID], [UUID]),
    ("people", [{"name": " Ada ", "role": ""}, {"name": "", "role": ""}], [{"name": "Ada", "role": ""}]),
    ("people", "Ada, lead\nBo", [{"name": "Ada", "role": "lead"}, {"name": "Bo", "role": ""}]),
    ("acknowledgement", "on", {"version": "2", "accepted": True}),
    ("acknowledgement", {"version": "2", "accepted": True}, {"version": "2", "accepted": True}),
    ("acknowledgement", False, None),
    ("acknowledgement", {"version": "1", "accepted": False}, None),
    ("text", "anything", None),
]


@pytest.mark.parametrize(("kind", "typed", "stored"), GOOD)
def test_a_good_value_is_stored_and_cleans_to_itself(kind, typed, stored):
    asked = question(kind)
    assert values.cleaned(asked, typed) == stored
    assert values.cleaned(asked, stored) == stored
    assert values.cleaned(asked, values.typed(asked, stored)) == stored
    assert values.cleaned(asked, {"raw": typed}) == stored


@pytest.mark.parametrize("kind", values.TYPES)
@pytest.mark.parametrize("nothing", [None, "", []])
def test_nothing_is_no_answer(kind, nothing):
    assert values.cleaned(question(kind), nothing) is None


# --- Bad values: each a sentence -------------------------------------------------------------------------------------------

BAD = [
    ("short_text", "x" * 21, "Shorten this by 1 character. The limit is 20 and you have 21."),
    ("short_text", "nul\x00", "A character after “nul” cannot be stored"),
    ("short_text", "\ud800", "A character at the beginning cannot be stored"),
    ("short_text", "caf\ufffd", "cannot be stored"),
    ("short_text", ["a"], "as text"),
    ("short_text", {"a": 1}, "as text"),
    ("short_text", True, "as text"),
    ("short_text", 10**100, "too large"),
    ("long_text", "a b c d e f", "Shorten this by 1 word. The limit is 5 and you have 6."),
    ("long_text", "a " * 1_046, "Shorten this by 1,041 words. The limit is 5 and you have 1,046."),
    ("long_text", "字" * 101, "Shorten this by 1 character. The limit is 100 and you have 101."),
    ("email", "nobody", "e-mail address"),
    ("email", "a@b", "e-mail address"),
    ("email", "a@example.org\nBcc: b@example.org", "e-mail address"),
    ("email", "a" * 250 + "@example.org", "Shorten this"),
    ("url", "javascript:alert(1)", "web address"),
    ("url", "ftp://example.org", "web address"),
    ("url", "data:text/html,x", "web address"),
    ("url", "http://[", "web address"),
    ("url", "https://exa mple.org", "web address"),
    ("url", "https://example.org/" + "a" * 2_000, "Shorten this"),
    ("integer", "3.5", "whole number"),
    ("integer", "12,5", "whole number"),
    ("integer", "0", "from 1 to 200"),
    ("integer", "-5", "from 1 to 200"),
    ("integer", "9" * 5_000, "from 1 to 200"),
    ("integer", "1e5", "whole number"),
    ("integer", float("nan"), "whole number"),
    ("integer", float("inf"), "whole number"),
    ("integer", "0x10", "whole number"),
    ("integer", 10**100, "too large"),
    ("money", "-5", "amount"),
    ("money", "0", "Ask for at least $1 USD."),
    ("money", "20,000.01", "Ask for at most $20,000 USD."),
    ("money", "9" * 20, "too large"),
    ("money", "9" * 5_000, "amount"),
    ("money", "14.500,00", "amount"),
    ("money", "1,50", "amount"),
    ("money", "NaN", "Write the amount in USD"),
    ("money", "€5", "Write the amount in USD"),
    ("money", "5 EUR", "Write the amount in USD"),
    ("money", "lots", "Write the amount in USD"),
    ("money", {"amount_cents": "5"}, "Write an amount"),
    ("money", {"amount_cents": True}, "Write an amount"),
    ("money", {"amount_cents": 500, "currency": "EUR"}, "Write the amount in USD"),
    ("money", [1], "as text"),
    ("money", float("nan"), "USD"),
    ("months", "0", "number of months from 1 to 12"),
    ("months", "13", "number of months from 1 to 12"),
    ("months", "half", "whole number of months"),
    ("date", "0000-01-01", "year-month-day"),
    ("date", "2026-02-30", "year-month-day"),
    ("date", "07.12.2026", "year-month-day"),
    ("date", "2026-W01-1", "year-month-day"),
    ("date", "9999-12-31", "from 2026-01-01 to 2027-12-31"),
    ("date", "1999-12-31", "from 2026-01-01 to 2027-12-31"),
    ("yes_no", "maybe", "yes or no"),
    ("yes_no", ["yes"], "as text"),
    ("single_choice", "alchemy", "Choose one of the options"),
    ("single_choice", ["biology"], "as text"),
    ("multiple_choice", ["biology", "alchemy"], "Choose from the options"),
    ("multiple_choice", [["biology"]], "as text"),
    ("multiple_choice", {"biology": True}, "as text"),
    ("country", "US", "from the list"),
    ("country", "Atlantis", "from the list"),
    ("country", "x" * 1_000_000, "from the list"),
    ("country", 7, "from the list"),
    ("orcid", "0000-0002-1825-0098", "last digit"),
    ("orcid", "0000", "ORCID iD"),
    ("orcid", "٠٠٠٠-0002-1825-0097", "ORCID iD"),
    ("doi_list", "10.1000/a\nnonsense here", "Line 2: “nonsense here” is neither a DOI nor a web address."),
    ("doi_list", "javascript:alert(1)", "neither a DOI nor a web address"),
    ("doi_list", "a.org\nb.org\nc.org\nd.org", "at most 3 entries; you have 4"),
    ("doi_list", 5, "per line"),
    ("doi_list", [["x"]], "as text"),
    ("doi_list", "10.1000/" + "a" * 3_000, "Shorten this"),
    ("organization_id", "org-12345678", "organization ID"),
    ("organization_id", "00000000-0000-0000-0000-000000000000", "organization ID"),
    ("organization_id", "x" * 1_000_000, "organization ID"),
    ("organization", "x" * 61, "Shorten this by 1 character"),
    ("organization", "nul\x00", "cannot be stored"),
    ("organization", KNOWN | {"ror_id": "05a28rw59"}, "last two digits"),
    ("organization", KNOWN | {"ror_id": {"a": 1}}, "as text"),
    ("file", "../../etc/passwd", "on the page of the form"),
    ("file", [f"{n}{UUID[1:]}" for n in range(3)], "at most 2 files; you have 3"),
    ("people", [{"name": "", "role": "lead"}], "Row 1: add the name."),
    ("people", [{"name": "a"}, {"name": "b"}, {"name": "c"}], "at most 2 people; you have 3"),
    ("people", ["Ada"], "a name and a role"),
    ("people", 5, "a name and a role"),
    ("people", [{"name": ["x"]}], "as text"),
    ("people", [{"name": "x" * 201}], "Row 1: use at most 200 characters"),
    ("people", [{"name": "x\x00"}], "cannot be stored"),
    ("acknowledgement", {"version": "1", "accepted": True}, "has changed since you accepted it"),
]


@pytest.mark.parametrize(("kind", "typed", "words"), BAD)
def test_a_bad_value_is_explained(kind, typed, words):
    with pytest.raises(values.BadAnswer) as refused:
        values.cleaned(question(kind), typed)
    assert words in str(refused.value)


HOSTILE = [
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\ufffd",
    "\u202e\u2066",
    "\u200b" * 10,
    "\U000e0041",
    "x" * 1_000_000,
    "x " * 500_000,
    "\u0301" * 10_000,
    "=HYPERLINK(1)",
    "<script>alert(1)</script>",
    "{{ 7*7 }} {x} %s %n",
    "'; DROP TABLE x; --",
    "0000-00-00",
    "1" * 100_000,
    "-1e999",
    "../../etc/passwd",
    "\r\nBcc: x@example.org",
    "ﷺ" * 1_000,
    "Ⅷ½²",
    0,
    -1,
    10**400,
    1.5,
    float("nan"),
    float("-inf"),
    True,
    False,
    [],
    {},
    (),
    [None],
    [[]],
    [{}],
    {"raw": None},
    {"raw": {"raw": []}},
    {"amount_cents": None},
    {"amount_cents": 10**400},
    {"accepted": "x"},
    {"name": 1},
    b"bytes",
    object(),
]


def answer_or_refusal(asked, typed):
    try:
        return values.cleaned(asked, typed), ""
    except values.BadAnswer as refused:
        return None, str(refused)


@pytest.mark.parametrize("kind", values.TYPES)
def test_hostile_values_never_raise_anything_else(kind):
    asked = question(kind)
    for typed in HOSTILE:
        stored, refusal = answer_or_refusal(asked, typed)
        assert len(refusal) < 400
        assert texts.as_typed(refusal) == refusal
        assert "\\u0000" not in json.dumps(stored, allow_nan=False)
        values.typed(asked, typed)


# --- Django fields ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in values.TYPES if kind != "text"])
def test_every_type_makes_a_field_that_renders(kind):
    field = fields.form_field(question(kind, required=True, help="Help"))

    class Form(forms.Form):
        q = field

    assert field.label == "Question"
    assert 'name="q' in str(Form()["q"])
    with pytest.raises(forms.ValidationError) as refused:
        field.clean(None)
    assert refused.value.messages == [values.missing(question(kind))]
    with pytest.raises(forms.ValidationError):
        field.clean("\x00")


def test_a_shown_text_has_no_field():
    assert fields.form_field(question("text")) is None


def test_counters_and_options_reach_the_widget():
    assert fields.form_field(question("long_text")).widget.attrs["data-counter-words"] == 5
    assert fields.form_field(question("short_text")).widget.attrs["data-counter-chars"] == 20
    countries = fields.form_field(question("country")).widget.choices
    assert [(code, str(label)) for code, label in countries] == [
        ("", "Choose"),
        ("DE", "Germany"),
        ("NO", "Norway"),
    ]
    options = fields.form_field(question("single_choice")).widget.choices
    assert [(value, label, getattr(label, "help", "")) for value, label in options] == [
        ("biology", "Biology", "Living things"),
        ("physics", "Physics", ""),
        ("other", "Other", ""),
    ]


def test_all_countries_without_a_list():
    unlisted = {name: value for name, value in question("country").items() if name != "countries"}
    assert len(fields.form_field(unlisted).widget.choices) > 240
    assert values.cleaned(unlisted, "US") == "US"


# --- Conditions and walking ------------------------------------------------------------------------------------------------

FIELD = question("single_choice", key="field")
PATHOGENS = question("yes_no", key="pathogens", show_if={"question": "field", "any_of": ["biology"]})
WHICH = question("short_text", key="which", show_if={"question": "pathogens", "any_of": ["yes"]})


@pytest.mark.parametrize(
    ("answers", "keys"),
    [
        ({}, ["field"]),
        ({"field": "physics"}, ["field"]),
        ({"field": "biology"}, ["field", "pathogens"]),
        ({"field": "other"}, ["field", "field_other"]),
        ({"field": "biology", "pathogens": "yes"}, ["field", "pathogens", "which"]),
        ({"field": "physics", "pathogens": "yes"}, ["field"]),
        ({"field": {"raw": "x"}}, ["field"]),
    ],
)
def test_questions_follow_their_conditions(answers, keys):
    sections = form(FIELD, PATHOGENS, WHICH)
    assert [asked["key"] for asked in fields.visible_questions(sections, answers)] == keys


def test_a_condition_on_several_answers():
    asked = {"show_if": {"question": "areas", "any_of": ["misuse", "other"]}}
    assert fields.visible(asked, {"areas": ["fairness", "misuse"]})
    assert not fields.visible(asked, {"areas": ["fairness"]})
    assert fields.visible({"show_if": {}}, {})


# --- Checking a description ------------------------------------------------------------------------------------------------


def test_one_question_of_every_type_is_sound():
    every = [question(kind, key=f"q_{kind}") for kind in values.TYPES]
    assert fields.problems(form(*every)) == []


PROBLEMS = [
    (question("short_text", key="Bad Key"), "small letters, digits and underscores"),
    (question("short_text", key="version"), "small letters, digits and underscores"),
    (question("short_text", key=7), "small letters, digits and underscores"),
    (question("short_text", label=""), "label is missing"),
    (question("short_text", label="x" * 301), "more than 300 characters"),
    (question("short_text", label="\x00"), "cannot be stored"),
    (question("short_text", required="yes"), "required is true or false"),
    (question("short_text", max_chars=0), "from 1 to 50,000"),
    (question("short_text", max_chars=True), "from 1 to 50,000"),
    (question("short_text", colour="red"), "cannot have: colour"),
    (question("short_text", audience="world"), "audience is one of"),
    (question("short_text", maps_to="amount_cents"), "amount_cents comes from a question of type money"),
    (question("short_text", maps_to=["title"]), "maps_to is one of"),
    (question("short_text", show_if={"question": "later", "any_of": ["x"]}), "an earlier question"),
    (question("short_text", show_if="x"), "names a question and any_of"),
    (question("short_text", show_if={"question": "field", "any_of": ["alchemy"]}), "has no answer alchemy"),
    (question("short_text", show_if={"question": "field", "any_of": []}), "at least one answer"),
    (question("short_text", show_if={"question": ["field"], "any_of": []}), "an earlier question"),
    (question("integer", min=5, max=1), "min is above max"),
    (question("integer", max=10**30), "whole numbers"),
    (question("money", min=-1), "never below zero"),
    (question("date", min="yesterday"), "min is a date"),
    (question("date", max=5), "max is a date"),
    (question("people", max=0), "from 1 to 100"),
    (question("file", max_files=6), "max_files is a number from 1 to 5"),
    (question("file", maps_to="institution"), "comes from a question of type short_text or organization"),
    (question("single_choice", choices=[]), "choices"),
    (question("single_choice", choices=[{"value": "a"}]), "a value, a label"),
    (question("single_choice", choices=[{"value": "a", "label": "A"}] * 2), "stands twice"),
    (question("single_choice", choices=[{"value": "A B", "label": "A"}]), "is no value"),
    (question("single_choice", choices=[{"value": ["a"], "label": "A"}]), "is no value"),
    (question("single_choice", choices="abc"), "choices"),
    (question("single_choice", layout="diagonal"), "layout is one"),
    (question("country", countries=["DE", "QQ"]), "no country codes: QQ"),
    (question("country", countries=[[]]), "no country codes"),
    (question("organization_id", format="moon"), "format is one of"),
    (question("acknowledgement", policy={"slug": "x"}), "slug, version and text"),
    ({"key": "q", "type": "telepathy", "label": "x"}, "unknown type"),
    ({"key": "q", "type": [], "label": "x"}, "unknown type"),
    ("question", "not a question"),
    (None, "not a question"),
]


@pytest.mark.parametrize(("asked", "words"), PROBLEMS)
def test_a_wrong_question_is_explained(asked, words):
    found = fields.problems(form(FIELD, asked))
    assert words in " ".join(found)


def test_wrong_sections_are_explained():
    good = question("short_text")
    assert fields.problems([]) == ["A form needs at least one section."]
    assert fields.problems("x") == ["A form needs at least one section."]
    assert fields.problems([7]) == ["Section 1 is not a section."]
    assert "key of small letters" in fields.problems(form(good, key="A!"))[0]
    assert "title is missing" in fields.problems(form(good, title=""))[0]
    assert "at least one question" in fields.problems(form())[0]
    assert "unknown entries: intro" in fields.problems(form(good, intro="x"))[0]
    assert "which is taken" in fields.problems(form(good) + form(question("short_text", key="r")))[0]
    assert "stands twice" in " ".join(fields.problems(form(good, good)))
    taken = form(question("organization"), question("short_text", key="q_chosen"))
    assert "that “q” needs for itself" in fields.problems(taken)[0]
    mapped = [question("short_text", key=key, maps_to="title") for key in "ab"]
    assert "another question maps to title" in fields.problems(form(*mapped))[0]
    assert (
        "name of the free text" in fields.problems(form(FIELD, question("short_text", key="field_other")))[0]
    )
    assert (
        "at most 100 questions"
        in fields.problems(form(*[question("url", key=f"q{n}") for n in range(101)]))[0]
    )


def test_hostile_descriptions_never_raise():
    for junk in HOSTILE:
        fields.problems(junk)
        fields.problems([junk])
        fields.problems(form(junk))
        for name in (
            "key",
            "type",
            "label",
            "help",
            "choices",
            "show_if",
            "policy",
            "min",
            "max",
            "maps_to",
            "countries",
        ):
            for kind in ("single_choice", "money", "date", "country", "acknowledgement", "people"):
                fields.problems(form(FIELD, question(kind) | {name: junk}))


# --- Texts -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("  one\ttwo\n\nthree ", 3), ("a\u00a0b", 2), ("well-known fact", 2), ("字字字", 1)],
)
def test_words_are_runs_between_blanks(text, count):
    assert texts.word_count(text) == count


def test_as_typed_keeps_what_can_be_kept():
    assert texts.as_typed("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    assert len(texts.as_typed("x" * 2_000_000)) == 1_000_000
