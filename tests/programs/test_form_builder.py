"""The form builder in the admin: each button, each kind of question, problems at their place, publishing."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal import clock
from portal.roles import Role
from programs import fields, form_edits, form_versions
from programs.models import FormVersion, Program
from tests.factories import applications as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def program() -> Program:
    return make.make_program()


@pytest.fixture
def draft(program: Program) -> FormVersion:
    return form_versions.draft(program=program, sections=make.SECTIONS, by=None, at=make.BEFORE)


@pytest.fixture
def client(program: Program) -> Client:
    return signed_in(make.make_member(program, Role.MANAGER))


def address(name: str, version: FormVersion) -> str:
    return reverse(f"admin:programs_formversion_{name}", args=[version.pk])


def press(client: Client, version: FormVersion, do: str, **data: str) -> Any:
    return client.post(address("edit", version), {"do": do, **data}, follow=True)


def as_posted(client: Client, version: FormVersion, key: str) -> dict[str, str]:
    """The editor of a question as a browser would send it back unchanged."""
    page = client.get(address("change", version), {"question": key})
    editor = page.context["editor"]
    data = {"question": key, "base": page.context["base"]}
    forms = [editor, *((editor.choices.management_form, *editor.choices.forms) if editor.choices else ())]
    for bound in (bound for form in forms for bound in form):
        value = bound.value()
        if value not in (None, False):
            data[bound.html_name] = "on" if value is True else str(value)
    return data


def test_sections_and_questions_come_move_and_go(client, draft):
    press(client, draft, "add:section", title="Your team")
    added = press(client, draft, "add:question", section="your-team", kind="people", label="Who works on it?")
    press(client, draft, "move:up", section="your-team")
    press(client, draft, "move:up", question="country")
    press(client, draft, "duplicate", question="title")
    press(client, draft, "delete", question="months")

    draft.refresh_from_db()
    assert [part["key"] for part in draft.sections] == ["you", "your-team", "research"]
    assert [q["key"] for q in draft.sections[0]["questions"]] == ["country", "institution"]
    keys = [q["key"] for q in draft.sections[2]["questions"]]
    assert keys[:2] == ["title", "title_2"]
    assert "months" not in keys
    assert added.context["here"].key == "who_works_on_it"
    assert fields.problems(draft.sections) == []


@pytest.mark.parametrize("kind", form_edits.TYPES)
def test_a_question_of_every_kind_comes_back_as_it_was(client, draft, kind):
    press(client, draft, "add:question", section="research", kind=kind, label="Something new")
    before = form_edits.question_of(FormVersion.objects.get(pk=draft.pk).sections, "something_new")

    answer = press(client, draft, "save", **as_posted(client, draft, "something_new"))

    assert "The question is saved." in answer.text
    draft.refresh_from_db()
    after = form_edits.question_of(draft.sections, "something_new")
    assert {key: value for key, value in after.items() if value} == {
        key: value for key, value in before.items() if value
    }


@pytest.mark.parametrize(
    "preset", ["ai-for-science", "external-researcher-access", "openai-researcher-access"]
)
def test_saving_any_question_of_a_shipped_form_unchanged_changes_nothing(preset):
    from programs import presets
    from programs.admin.form_builder import question_form

    path = next(path for path in presets.shipped() if path.stem == preset)
    presets.load(text=path.read_text(), name=path.name, by=None, at=make.BEFORE)
    sections = form_versions.current(Program.objects.get(slug=preset)).sections

    for question in fields.questions(sections):
        if "other_of" in question or "option_of" in question:
            continue
        form = question_form(sections, question["key"])
        data = {}
        forms = [form, *((form.choices.management_form, *form.choices.forms) if form.choices else ())]
        for bound in (bound for each in forms for bound in each):
            if bound.value() not in (None, False):
                data[bound.html_name] = "on" if bound.value() is True else str(bound.value())
        again = question_form(sections, question["key"], data)
        assert again.is_valid(), (question["key"], again.errors)
        assert again.to_question() == question


def test_every_property_is_edited(client, draft):
    data = as_posted(client, draft, "field")
    data |= {
        "q-label": "Area",
        "q-key": "area",
        "q-help": "Pick one.",
        "q-personal": "on",
        "q-blind": "on",
        "q-other": "on",
        "q-audience": "manager",
        "q-layout": "chips",
        "choice-0-ORDER": "9",
        "choice-0-condition": "A biosafety plan is attached.",
        "choice-2-label": "Earth & space",
        "choice-2-help": "Geology too",
        "choice-2-flag": "Needs a second look",
    }
    press(client, draft, "save", **data)
    hazards = as_posted(client, draft, "hazards")
    hazards |= {"q-shown_for_question": "area", "q-shown_for_answers": "biology, other", "q-max_words": "50"}
    answer = press(client, draft, "save", **hazards)

    draft.refresh_from_db()
    area = form_edits.question_of(draft.sections, "area")
    assert [choice["value"] for choice in area["choices"]] == ["physics", "earth-space", "biology"]
    assert area["choices"][2]["condition"] == "A biosafety plan is attached."
    assert area["choices"][1] == {
        "value": "earth-space",
        "label": "Earth & space",
        "help": "Geology too",
        "flag": "Needs a second look",
    }
    assert (area["blind"], area["personal"], area["audience"], area["other"]) == (True, True, "manager", True)
    found = form_edits.question_of(draft.sections, "hazards")
    assert found["show_if"] == {"question": "area", "any_of": ["biology", "other"]}
    assert found["max_words"] == 50
    assert fields.problems(draft.sections) == []
    assert "Hazards" in client.get(address("change", draft), {"question": "area"}).text
    assert answer.status_code == 200


def test_money_is_typed_in_units_and_a_policy_is_a_text(client, draft):
    amount = as_posted(client, draft, "amount") | {"q-max": "12,500.50"}
    press(client, draft, "save", **amount)
    press(client, draft, "add:question", section="you", kind="acknowledgement", label="Rules")
    policy = as_posted(client, draft, "rules") | {"q-policy_version": "2026-12", "q-policy_text": "Be kind."}
    press(client, draft, "save", **policy)

    draft.refresh_from_db()
    assert form_edits.question_of(draft.sections, "amount")["max"] == 12_500_50
    assert form_edits.question_of(draft.sections, "rules")["policy"]["text"] == "Be kind."


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("q-key", "Not A Key", "Enter a valid value"),
        ("q-key", "action", "The pages use this word"),
        ("q-key", "country", "Another question has the key"),
        ("q-label", "", "required"),
        ("q-label", "x" * 301, "at most 300"),
        ("q-max_chars", "many", "whole number"),
        ("base", "0" * 16, "another window"),
    ],
)
def test_what_cannot_be_kept_is_said_and_stays_typed(client, draft, field, value, said):
    data = as_posted(client, draft, "title") | {"q-help": "Typed before it was refused.", field: value}

    answer = press(client, draft, "save", **data)

    assert answer.status_code == 422
    assert said in answer.text
    assert "Typed before it was refused." in answer.text
    draft.refresh_from_db()
    assert draft.sections == make.SECTIONS


def test_problems_stand_at_their_question_and_stop_publishing(client, draft):
    data = as_posted(client, draft, "hazards") | {
        "q-shown_for_question": "country",
        "q-shown_for_answers": "Mars",
    }
    press(client, draft, "save", **data)

    page = client.get(address("change", draft), {"question": "hazards"})
    confirm = client.get(address("publish", draft))
    answer = client.post(address("publish", draft), follow=True)

    assert page.context["here_problems"] == ["Question “hazards”: “country” has no answer Mars."]
    assert "It cannot be published yet" in confirm.text
    assert "has no answer Mars" in answer.text
    draft.refresh_from_db()
    assert draft.published_at is None


def test_publishing_says_what_applicants_notice_first(client, program, draft):
    make.make_draft(program)
    press(client, draft, "delete", question="hazards")
    press(client, draft, "add:question", section="you", kind="email", label="Second address")

    confirm = client.get(address("publish", draft))
    compared = client.get(address("differences", draft))
    client.post(address("publish", draft))

    assert "“Hazards” is no longer asked." in confirm.text
    assert "“Second address” is new." in confirm.text
    assert "1 draft is under way" in confirm.text
    assert [change.key for change in compared.context["changes"]] == ["hazards", "second_address"]
    assert form_versions.current(program).pk == draft.pk
    frozen = press(client, draft, "delete", question="title")
    assert "is published" in frozen.text
    assert "title" in str(form_versions.current(program).sections)


def test_the_preview_is_the_public_page_and_keeps_nothing(client, draft):
    press(client, draft, "add:question", section="you", kind="single_choice", label="Broken one")
    broken = as_posted(client, draft, "broken_one")
    broken |= {name: "" for name in broken if name.endswith("-label") and name.startswith("choice")}
    press(client, draft, "save", **broken)
    url = reverse("admin:form_preview", args=[draft.pk])

    page = client.get(url, {"section": "you"})
    checked = client.post(f"{url}?section=research", {"title": "A title"})

    assert 'name="country"' in page.text
    assert "“Broken one”" in page.text
    assert "Fill this in." in checked.text
    assert "css/portal.css" in page.text
    assert program_has_no_applications(draft)


def program_has_no_applications(version: FormVersion) -> bool:
    return not version.program.applications.exists()


def test_nobody_else_builds(program, draft):
    auditor = signed_in(make.make_member(program, Role.AUDITOR))
    stranger = signed_in(make.make_member(make.make_program(), Role.MANAGER))
    reviewer = signed_in(make.make_member(program))

    assert auditor.get(address("change", draft)).status_code == 200
    assert "Publish version" not in auditor.get(address("change", draft)).text
    assert auditor.get(reverse("admin:form_preview", args=[draft.pk])).status_code == 200
    for client in (auditor, stranger, reviewer):
        assert client.post(address("edit", draft), {"do": "delete", "question": "title"}).status_code in (
            403,
            404,
        )
        assert client.post(address("publish", draft)).status_code in (403, 404)
        assert client.get(address("source", draft)).status_code in (403, 404)
    for client in (stranger, reviewer):
        assert client.get(reverse("admin:form_preview", args=[draft.pk])).status_code == 404
        assert client.get(address("differences", draft)).status_code in (403, 404)
    draft.refresh_from_db()
    assert draft.sections == make.SECTIONS


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"do": "explode", "question": "title"},
        {"do": "explode", "section": "you"},
        {"do": "move:sideways", "question": "title"},
        {"do": "delete", "question": "gone"},
        {"do": "delete", "section": "gone"},
        {"do": "save", "question": "gone"},
        {"do": "retype", "question": "title", "kind": "hologram"},
        {"do": "add:question", "section": "you", "kind": "email", "label": "a\x00b"},
        {"do": "add:section", "title": ""},
    ],
)
def test_nonsense_is_refused_with_words(client, draft, data):
    answer = client.post(address("edit", draft), data, follow=True)

    assert answer.status_code in (200, 422)
    draft.refresh_from_db()
    assert len(list(fields.questions(draft.sections))) == len(list(fields.questions(make.SECTIONS)))


def test_a_long_list_of_options_is_edited_as_lines(client, draft):
    def many(sections: Any) -> Any:
        field = form_edits.question_of(sections, "field")
        field["choices"] = [{"value": f"v{n}", "label": f"Option {n}", "flag": "keep"} for n in range(40)]
        return form_edits.change_question(sections, key="field", question=field)

    form_versions.edit(form_version_id=draft.pk, change=many, by=make.make_user(), at=make.AFTER)
    data = as_posted(client, draft, "field")
    data["q-choice_lines"] = "v3 | Third | With help\nOne more"

    press(client, draft, "save", **data)

    draft.refresh_from_db()
    assert form_edits.question_of(draft.sections, "field")["choices"] == [
        {"value": "v3", "label": "Third", "help": "With help", "flag": "keep"},
        {"value": "one-more", "label": "One more"},
    ]
