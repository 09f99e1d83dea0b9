"""Single changes to a form, and the differences between two of them."""

from copy import deepcopy
from typing import Any

import pytest

from programs import fields, form_edits
from programs.form_differences import differences, for_applicants
from tests.factories.applications import SECTIONS


def keys(sections: Any) -> list[list[str]]:
    return [[question["key"] for question in part["questions"]] for part in sections]


@pytest.fixture(autouse=True)
def _untouched() -> Any:
    """Every function leaves what it was given as it was."""
    before = deepcopy(SECTIONS)
    yield
    assert before == SECTIONS


@pytest.mark.parametrize("kind", form_edits.TYPES)
def test_a_question_of_every_kind_is_added_complete(kind):
    found, key = form_edits.add_question(SECTIONS, section="you", kind=kind, label="Größe of the team?")

    assert key == "groe_of_the_team" or key.startswith("gro")
    assert keys(found)[0] == ["institution", "country", key]
    assert fields.problems(found) == []


def test_keys_are_free_and_safe():
    found, first = form_edits.add_question(SECTIONS, section="you", kind="email", label="Title")
    found, second = form_edits.add_question(found, section="you", kind="email", label="Title")
    found, reserved = form_edits.add_question(found, section="you", kind="email", label="Action")
    found, number = form_edits.add_question(found, section="you", kind="email", label="42 名前")
    found, long = form_edits.add_question(found, section="you", kind="email", label="x" * 300)

    assert (first, second, reserved, number) == ("title_2", "title_3", "action_1", "question")
    assert len(long) <= 40
    assert fields.problems(found) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: form_edits.add_question(SECTIONS, section="you", kind="hologram", label="x"), "kind"),
        (
            lambda: form_edits.add_question(SECTIONS, section="gone", kind="email", label="x"),
            "not in the form",
        ),
        (lambda: form_edits.add_question(SECTIONS, section="you", kind="email", label=" "), "what is asked"),
        (lambda: form_edits.move_question(SECTIONS, key="gone", step=1), "not in the form"),
        (lambda: form_edits.add_section(SECTIONS, title=" "), "title"),
        (
            lambda: form_edits.change_question(SECTIONS, key="title", question={"key": "country"}),
            "Another question",
        ),
        (
            lambda: form_edits.change_question(SECTIONS, key="title", question={"key": "title"}, base="old"),
            "another window",
        ),
        (
            lambda: form_edits.change_section(SECTIONS, key="you", new_key="research", title="x", lead=""),
            "Another section",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, said):
    with pytest.raises(form_edits.CannotEditForm, match=said):
        change()


def test_the_number_of_questions_and_sections_is_limited():
    full = [{"key": "s", "title": "S", "questions": [{"key": f"q{n}", "type": "email"} for n in range(100)]}]
    many = [{"key": f"s{n}", "title": "S", "questions": []} for n in range(20)]

    with pytest.raises(form_edits.CannotEditForm, match="at most 100"):
        form_edits.add_question(full, section="s", kind="email", label="x")
    with pytest.raises(form_edits.CannotEditForm, match="at most 100"):
        form_edits.duplicate_question(full, key="q1")
    with pytest.raises(form_edits.CannotEditForm, match="at most 20"):
        form_edits.add_section(many, title="x")
    with pytest.raises(form_edits.CannotEditForm, match="at most 20"):
        form_edits.duplicate_section(many, key="s1")


def test_questions_move_within_and_over_the_edge_of_a_section():
    down = form_edits.move_question(SECTIONS, key="institution", step=1)
    over = form_edits.move_question(down, key="institution", step=1)
    back = form_edits.move_question(over, key="institution", step=-1)
    top = form_edits.move_question(SECTIONS, key="institution", step=-1)

    assert keys(down)[0] == ["country", "institution"]
    assert keys(over)[0] == ["country"]
    assert keys(over)[1][0] == "institution"
    assert back == down
    assert top == SECTIONS


def test_sections_move_are_copied_and_go():
    with_condition = form_edits.change_question(
        SECTIONS,
        key="hazards",
        question={
            **form_edits.question_of(SECTIONS, "hazards"),
            "show_if": {"question": "field", "any_of": ["biology"]},
        },
    )
    moved = form_edits.move_section(SECTIONS, key="research", step=-1)
    copied = form_edits.duplicate_section(with_condition, key="research")
    left = form_edits.delete_section(SECTIONS, key="you")

    assert [part["key"] for part in moved] == ["research", "you"]
    assert form_edits.move_section(moved, key="research", step=-1) == moved
    assert fields.problems(copied) == []
    assert form_edits.question_of(copied, "hazards_2")["show_if"]["question"] == "field_2"
    assert [part["key"] for part in left] == ["research"]


def test_a_renamed_question_takes_its_conditions_along():
    sections = form_edits.change_question(
        SECTIONS,
        key="hazards",
        question={
            **form_edits.question_of(SECTIONS, "hazards"),
            "show_if": {"question": "field", "any_of": ["biology"]},
        },
    )
    renamed = {**form_edits.question_of(sections, "field"), "key": "area"}

    found = form_edits.change_question(
        sections,
        key="field",
        question=renamed,
        base=form_edits.mark(form_edits.question_of(sections, "field")),
    )

    assert form_edits.question_of(found, "hazards")["show_if"]["question"] == "area"
    assert fields.problems(found) == []


@pytest.mark.parametrize("kind", form_edits.TYPES)
@pytest.mark.parametrize("key", ["title", "field", "amount", "country"])
def test_another_kind_keeps_what_it_can(kind, key):
    found = form_edits.retype_question(SECTIONS, key=key, kind=kind)

    assert fields.problems(found) == []
    assert form_edits.question_of(found, key)["label"] == form_edits.question_of(SECTIONS, key)["label"]


def test_problems_stand_where_they_are_mended():
    sections = form_edits.delete_question(SECTIONS, key="institution")
    sections = form_edits.delete_question(sections, key="country")
    sections, key = form_edits.add_question(sections, section="research", kind="single_choice", label="Kind")
    sections = form_edits.change_question(sections, key=key, question={"key": key, "type": "single_choice"})

    found = form_edits.problems_at(fields.problems(sections), sections)

    assert set(found) == {"section:you", f"question:{key}"}
    assert form_edits.problems_at(["A form needs at least one section."], []) == {
        "form": ["A form needs at least one section."]
    }


@pytest.mark.parametrize("broken", [None, {}, [1], [{"key": "x"}], [{"key": "x", "questions": [1, {}]}]])
def test_a_broken_description_can_still_be_listed(broken):
    assert form_edits.readable(broken) in ([], [{"key": "x", "questions": []}])


def test_differences_name_each_property_and_what_applicants_notice():
    after = form_edits.delete_question(SECTIONS, key="months")
    after, _ = form_edits.add_question(after, section="you", kind="email", label="Address")
    title = {**form_edits.question_of(after, "title"), "max_chars": 100, "blind": True}
    after = form_edits.change_question(after, key="title", question=title)
    field = form_edits.question_of(after, "field")
    field["choices"] = field["choices"][:1]
    after = form_edits.change_question(after, key="field", question=field)
    after = form_edits.move_question(after, key="organization_id", step=-1)
    after = form_edits.change_section(after, key="you", new_key="you", title="About you", lead="Who asks.")

    found = {(change.kind, change.key): change for change in differences(SECTIONS, after)}

    moved = {key for kind, key in found if kind == "moved"}
    assert moved in ({"amount"}, {"organization_id"})  # two that change places: naming one of them says it
    assert {pair for pair in found if pair[0] != "moved"} == {
        ("changed", "you"),
        ("removed", "months"),
        ("added", "address"),
        ("changed", "title"),
        ("changed", "field"),
    }
    assert [(row.name, row.before, row.after) for row in found["changed", "title"].properties] == [
        ("characters at most", "200", "100"),
        ("withheld in the first look", "nothing", "yes"),
    ]
    said = for_applicants(list(found.values()))
    assert "“Months” is no longer asked." in said
    assert "“Address” is new." in said
    assert "“Title” has tighter limits." in said
    assert "“Field” has fewer options: 1 cannot be chosen any more." in said


def test_nothing_differs_from_itself():
    assert differences(SECTIONS, deepcopy(SECTIONS)) == []
    assert for_applicants([]) == []
