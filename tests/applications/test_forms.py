"""Section forms: nothing typed is lost, problems are said at the question, and the page is right without JavaScript."""

import html
import json

import pytest
from django.http import QueryDict
from django.template import Context, Template

from applications import answers as answering
from applications.forms import section_form
from programs import preset_files, presets
from tests.applications.test_answers import GOOD, MONEY, RESEARCH, complete

PAGE = Template("{% load crispy_forms_tags %}{% crispy form %}")
PEOPLE = {
    "key": "people",
    "title": "People",
    "questions": [
        {"key": "team", "type": "people", "label": "Team", "required": True, "max": 3},
        {
            "key": "topics",
            "type": "multiple_choice",
            "label": "Topics",
            "layout": "chips",
            "choices": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}],
        },
        {
            "key": "text",
            "type": "long_text",
            "label": "Text",
            "help": "Say it.",
            "max_words": 5,
            "required": True,
        },
        {
            "key": "country",
            "type": "country",
            "label": "Country",
            "required": True,
            "countries": ["DE", "FR"],
        },
        {
            "key": "policy",
            "type": "acknowledgement",
            "label": "Policy",
            "required": True,
            "policy": {"slug": "p", "version": "2026-11", "text": "Be <kind>."},
        },
    ],
}


def page(section, **options):
    return PAGE.render(Context({"form": section_form(section, **({"answers": {}} | options))}))


def saved(section, data, *, answers=None, strict=False):
    form = section_form(section, answers=answers or {}, data=data, strict=strict)
    valid = form.is_valid()
    return valid, answering.store(section, form.cleaned_data), form


def test_a_good_section_is_valid_and_stored_as_json():
    valid, stored, _ = saved(
        RESEARCH, {"title": " Reefs ", "field": "biology", "pathogens": "no"}, strict=True
    )
    assert valid
    assert stored == {"title": "Reefs", "field": "biology", "field_other": None, "pathogens": "no"}


def test_missing_answers_count_only_when_asked_strictly():
    assert saved(RESEARCH, {})[0] is True
    valid, stored, form = saved(RESEARCH, {}, strict=True)
    assert valid is False
    assert form.errors == {"title": ["Fill this in."], "field": ["Choose one of the options."]}
    assert stored == {"title": None, "field": None, "field_other": None, "pathogens": None}


@pytest.mark.parametrize("strict", [True, False])
def test_what_cannot_be_an_answer_is_kept_as_typed_and_shown_again(strict):
    data = {"title": "x" * 51, "field": "physics"}
    valid, stored, form = saved(RESEARCH, data, strict=strict)

    assert valid is False
    assert form.errors == {"title": ["Shorten this by 1 character. The limit is 50 and you have 51."]}
    assert stored["title"] == {"raw": "x" * 51}
    assert answering.check([RESEARCH], stored) == {"title": form.errors["title"][0]}
    again = page(RESEARCH, answers=stored)
    assert "x" * 51 in again
    assert form.errors["title"][0] in again


def test_a_character_that_cannot_be_stored_costs_only_itself():
    valid, stored, form = saved(RESEARCH, {"title": "Re\x00efs", "field": "physics"})
    assert valid is False
    assert stored["title"] == {"raw": "Re\ufffdefs"}
    assert "Re\ufffdefs" in PAGE.render(Context({"form": form}))
    assert "title" in answering.check([RESEARCH], stored)


def test_a_megabyte_is_kept_in_the_draft():
    text = "word " * 200_000
    valid, stored, _ = saved(PEOPLE, {"text": text})
    assert valid is False
    assert stored["text"] == {"raw": text}


def test_a_question_hidden_by_its_condition_is_not_reported_but_kept():
    valid, stored, _ = saved(
        RESEARCH, {"title": "Reefs", "field": "physics", "pathogens": "maybe"}, strict=True
    )
    assert valid
    assert stored["pathogens"] == {"raw": "maybe"}
    assert answering.without_hidden([RESEARCH], stored) == {"title": "Reefs", "field": "physics"}


def test_a_condition_on_another_section_is_settled_by_the_server():
    hidden = section_form(MONEY, answers=GOOD)
    shown = section_form(MONEY, answers=GOOD | {"field": "biology", "pathogens": "yes"})
    assert ("oversight" in hidden.fields, "oversight" in shown.fields) == (False, True)
    _, stored, _ = saved(MONEY, {"amount": "5", "oversight": "x"}, answers=GOOD)
    assert "oversight" not in stored


def test_unknown_names_are_dropped():
    _, stored, _ = saved(RESEARCH, {"title": "Reefs", "state": "awarded", "csrfmiddlewaretoken": "x"})
    assert set(stored) == {"title", "field", "field_other", "pathogens"}


@pytest.mark.parametrize(
    "data", [QueryDict("topics=a&topics=b&text=x"), {"topics": ["a", "b"], "text": "x"}], ids=["form", "json"]
)
def test_posted_forms_and_json_are_read_alike(data):
    _, stored, _ = saved(PEOPLE, data)
    assert (stored["topics"], stored["text"]) == (["a", "b"], "x")


@pytest.mark.parametrize("junk", [5, None, True, [], {}, [[]], {"a": {}}, 1.5, "\ud800"])
def test_hostile_json_never_raises(junk):
    names = ["team", "team_0_name", "topics", "text", "country", "policy"]
    _, stored, form = saved(PEOPLE, dict.fromkeys(names, junk), strict=True)
    PAGE.render(Context({"form": form})).encode()
    assert "\ud800" not in repr(stored)


# --- Pages -------------------------------------------------------------------------------------------------------------------


def test_a_text_question_is_labelled_described_and_counted():
    drawn = page(PEOPLE, answers={"text": "one two three four five"})
    assert '<label for="id_text" class="form-label requiredField">' in drawn
    assert '<div id="id_text_helptext" class="form-text">Say it.</div>' in drawn
    assert 'data-counter-words="5"' in drawn
    assert 'aria-describedby="id_text_helptext id_text_count"' in drawn
    assert '<span class="counter near" id="id_text_count">5 of 5 words</span>' in drawn


def test_an_error_stands_at_its_question():
    drawn = page(PEOPLE, data={"text": "a b c d e f"}, strict=False)
    assert '<div id="div_id_text" class="mb-3 has-error">' in drawn
    assert 'aria-invalid="true"' in drawn
    assert "Shorten this by 1 word. The limit is 5 and you have 6." in drawn
    assert 'aria-describedby="id_text_helptext id_text_error id_text_count"' in drawn
    assert "counter over" in drawn


def test_the_summary_links_to_the_first_control():
    form = section_form(PEOPLE, answers={}, data={}, strict=True)
    form.is_valid()
    assert [(problem["key"], problem["anchor"]) for problem in form.problems()] == [
        ("team", "id_team_0_name"),
        ("text", "id_text"),
        ("country", "id_country"),
        ("policy", "id_policy"),
    ]
    drawn = PAGE.render(Context({"form": form}))
    assert all(f'id="{problem["anchor"]}"' in drawn for problem in form.problems())
    radios = section_form(RESEARCH, answers={}, data={}, strict=True).problems()
    assert radios[1]["anchor"] == "id_field_0"


def test_a_saved_draft_reports_only_when_asked():
    assert section_form(RESEARCH, answers={}).problems() == []
    assert [problem["key"] for problem in section_form(RESEARCH, answers={}, report=True).problems()] == [
        "title",
        "field",
    ]
    unreadable = section_form(RESEARCH, answers={"title": {"raw": "x" * 60}})
    assert [problem["key"] for problem in unreadable.problems()] == ["title"]


def test_conditions_reach_the_browser():
    drawn = page(RESEARCH)
    assert 'data-show-if-question="field" data-show-if-any-of="[&quot;biology&quot;]"' in drawn
    assert 'id="div_id_field_other"' in drawn


def test_what_people_type_is_escaped():
    evil = '"><script>alert(1)</script>'
    data = {"title": evil, "field": evil, "pathogens": evil}
    for drawn in (page(RESEARCH, data=data), page(RESEARCH, answers=data)):
        assert "<script" not in drawn
        assert html.escape(evil) in drawn
    people = page(PEOPLE, data={"team_0_name": evil, "text": evil, "country": evil})
    assert "<script" not in people
    assert people.count(html.escape(evil)) >= 3
    assert "Be &lt;kind&gt;." in people


def test_people_rows_grow_by_two_up_to_the_most():
    def names(team):
        return page(PEOPLE, answers={"team": team}).count('_name" id="id_team_')

    one = {"name": "Ada", "role": "lead"}
    assert [names([]), names([one]), names([one] * 2), names([one] * 3)] == [2, 3, 3, 3]


def test_too_many_people_are_noticed():
    data = {f"team_{row}_name": "x" for row in range(6)}
    valid, stored, form = saved(PEOPLE, data)
    assert not valid
    assert form.errors["team"] == ["List at most 3 people; you have 6."]
    assert len(stored["team"]["raw"]) == 6


def test_a_country_that_left_the_list_stays_visible():
    drawn = page(PEOPLE, answers={"country": "US"})
    assert '<option value="US" selected>US</option>' in drawn
    assert '<option value="DE" selected>Germany</option>' in page(PEOPLE, answers={"country": "DE"})


def test_a_policy_shows_its_text_and_version():
    drawn = page(PEOPLE, answers={"policy": {"version": "2026-11", "accepted": True}})
    assert "Version 2026-11" in drawn
    assert 'name="policy" id="id_policy" checked' in drawn
    older = page(PEOPLE, answers={"policy": {"version": "2025-01", "accepted": True}})
    assert 'id="id_policy" checked' not in older


@pytest.mark.parametrize("path", presets.shipped(), ids=lambda path: path.stem)
def test_every_shipped_section_draws_and_takes_its_own_answers(path):
    sections = preset_files.read(path.read_text())[0]["form"]["sections"]
    answers = complete(sections)
    for section in sections:
        drawn = page(section, answers=answers)
        assert " style=" not in drawn
        shown = section_form(section, answers=answers)
        data = {}
        for name in shown.fields:
            value = shown[name].value()
            if shown.fields[name].question["type"] == "file":
                continue
            if shown.fields[name].question["type"] == "organization":
                data |= {name: value["name"], f"{name}_chosen": json.dumps(value)}
                continue
            if name in ("team", "knows_staff_who", "investigators_who"):
                data |= {
                    f"{name}_{row}_{part}": person[part]
                    for row, person in enumerate(value)
                    for part in person
                }
            elif value is not None:
                data[name] = "on" if value is True else value
        valid, stored, form = saved(section, data, answers=answers, strict=True)
        assert valid, form.errors
        assert {key: value for key, value in stored.items() if value is not None} == {
            key: answers[key] for key in stored if key in answers and stored[key] is not None
        }


def test_ids_on_a_page_are_unique():
    import re

    for path in presets.shipped():
        for section in preset_files.read(path.read_text())[0]["form"]["sections"]:
            ids = re.findall(r' id="([^"]+)"', page(section, data={}, strict=True))
            assert len(ids) == len(set(ids))
