"""Drafts and a newer form: every answer is kept, and the writer is told."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from applications import form_change, intake
from applications.models import Application
from applications.states import State
from portal import clock
from portal.models import AuditEvent
from programs import form_edits, form_versions
from programs.models import Program
from tests.factories import applications as make

LATER = make.BEFORE + timedelta(days=1)


def sections_with(**questions: dict[str, Any]) -> list[dict[str, Any]]:
    listed = [{"key": key, "label": key, **question} for key, question in questions.items()]
    return [{"key": "one", "title": "One", "questions": listed}]


PAIRS = [
    # stored under, answer, asked as, what stands afterwards (None: set aside)
    ({"type": "short_text"}, "Lakes", {"type": "long_text"}, "Lakes"),
    ({"type": "long_text"}, "x" * 300, {"type": "short_text"}, None),
    ({"type": "short_text", "max_chars": 50}, "x" * 40, {"type": "short_text", "max_chars": 10}, "x" * 40),
    ({"type": "short_text"}, "not an address", {"type": "email"}, None),
    ({"type": "integer"}, 6, {"type": "months"}, 6),
    ({"type": "months"}, 6, {"type": "short_text"}, "6"),
    ({"type": "money", "currency": "USD"}, {"amount_cents": 5000, "currency": "USD"}, {"type": "date"}, None),
    ({"type": "short_text"}, {"raw": "half-typed"}, {"type": "short_text"}, {"raw": "half-typed"}),
    (
        {"type": "single_choice", "choices": [{"value": "a", "label": "A"}]},
        "a",
        {"type": "multiple_choice", "choices": [{"value": "a", "label": "A"}]},
        ["a"],
    ),
    (
        {"type": "multiple_choice", "choices": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]},
        ["a", "b"],
        {"type": "single_choice", "choices": [{"value": "a", "label": "A"}]},
        None,
    ),
    ({"type": "yes_no"}, "yes", {"type": "text"}, None),
    ({"type": "people"}, [{"name": "Ada", "role": ""}], {"type": "short_text"}, None),
    ({"type": "file"}, ["0" * 36], {"type": "short_text"}, None),
]


@pytest.mark.parametrize(("was", "value", "asked", "stands"), PAIRS)
def test_an_answer_goes_along_if_it_reads_as_one_of_the_new_kind(was, value, asked, stands):
    moved = form_change.carried(sections_with(q=was), sections_with(q=asked), {"q": value})

    assert moved.answers.get("q") == stands
    assert (moved.set_aside.get("q", {}).get("value") == value) == (stands is None)


def test_answers_of_removed_questions_and_unknown_ones_are_set_aside_and_nothing_is_invented():
    before, after = sections_with(a={"type": "short_text"}), sections_with(b={"type": "short_text"})

    moved = form_change.carried(before, after, {"a": "kept", "ghost": "too", "c": None})

    assert moved.answers == {}
    assert {key: entry["value"] for key, entry in moved.set_aside.items()} == {"a": "kept", "ghost": "too"}


def publish(program: Program, change: Any) -> None:
    sections = change(deepcopy(form_versions.current(program).sections))
    version = form_versions.draft(program=program, sections=sections, by=None, at=LATER)
    form_versions.publish(form_version_id=version.pk, by=None, at=LATER)


def without_hazards(sections: Any) -> Any:
    sections = form_edits.delete_question(sections, key="hazards")
    return form_edits.add_question(sections, section="you", kind="email", label="Second address")[0]


@pytest.mark.django_db
def test_a_draft_moves_once_and_keeps_what_was_typed():
    program = make.make_program()
    draft = make.make_draft(program)
    publish(program, without_hazards)

    moved = [form_change.carry_over(application_id=draft.pk, by=draft.applicant, at=LATER) for _ in range(2)]

    before = dict(draft.answers)
    draft.refresh_from_db()
    assert moved == [True, False]
    assert draft.form_version.number == 2
    assert draft.carried_from.number == 1
    assert draft.set_aside["hazards"]["value"] == before.pop("hazards")
    assert draft.answers == before
    told = form_change.news(draft)
    assert told.sentences == ["“Hazards” is no longer asked.", "“Second address” is new."]
    assert told.kept[0][0] == "Hazards"
    assert AuditEvent.objects.filter(action="application.carry_over").count() == 1


@pytest.mark.django_db
def test_a_draft_of_an_older_form_is_sent_at_the_second_try():
    program = make.make_program()
    draft = make.make_draft(program)
    publish(program, without_hazards)

    with pytest.raises(intake.CannotSubmit, match="form has changed"):
        intake.submit(application_id=draft.pk, by=draft.applicant, at=LATER)
    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=LATER)

    assert sent.state == State.SUBMITTED
    assert sent.form_version.number == 2
    assert sent.set_aside["hazards"]["label"] == "Hazards"


@pytest.mark.django_db
def test_a_sent_application_stays_with_its_form():
    program = make.make_program()
    sent = make.make_submitted(program)
    publish(program, without_hazards)

    moved = form_change.carry_over(application_id=sent.pk, by=sent.applicant, at=LATER)

    sent.refresh_from_db()
    assert (moved, sent.form_version.number, form_change.news(sent)) == (False, 1, None)


@pytest.mark.django_db
def test_the_pages_tell_and_only_a_press_moves():
    program = make.make_program()
    draft = make.make_draft(program)
    publish(program, without_hazards)
    client = Client()
    client.force_login(draft.applicant, backend="django.contrib.auth.backends.ModelBackend")
    section = reverse("applications:section", args=[draft.public_id, "research"])
    press = reverse("applications:use_new_form", args=[draft.public_id])

    with clock.set_to(LATER):
        told = client.get(section).text
        still = Application.objects.get().form_version.number
        client.post(press)
        after = client.get(section).text
        send = client.get(reverse("applications:review_and_send", args=[draft.public_id])).text

    assert "There is a new form" in told
    assert "“Hazards” is no longer asked." in told
    assert still == 1
    assert Application.objects.get().form_version.number == 2
    assert "Your answers were carried over" in after
    assert make.FOR_SCREENERS in after
    assert "The form has changed since you began" in send


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["go on", "leave"])
def test_a_save_by_button_keeps_what_was_typed_and_moves(name):
    program = make.make_program()
    draft = make.make_draft(program)
    publish(program, without_hazards)
    client = Client()
    client.force_login(draft.applicant, backend="django.contrib.auth.backends.ModelBackend")
    section = reverse("applications:section", args=[draft.public_id, "research"])
    data = {
        "title": "Typed on the old page",
        "hazards": "Also typed there",
        "amount": "6,000",
        "months": "6",
        "field": "physics",
        "abstract": "Short.",
        "version": draft.answers_version,
        **({"leave": "1"} if name == "leave" else {}),
    }

    with clock.set_to(LATER):
        client.post(section, data)

    draft.refresh_from_db()
    assert draft.form_version.number == 2
    assert draft.answers["title"] == "Typed on the old page"
    assert draft.set_aside["hazards"]["value"] == "Also typed there"


@pytest.mark.django_db
def test_autosave_never_changes_the_form_under_a_page():
    program = make.make_program()
    draft = make.make_draft(program)
    publish(program, without_hazards)
    client = Client()
    client.force_login(draft.applicant, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("applications:autosave", args=[draft.public_id, "research"])
    body = {"version": draft.answers_version, "data": {"hazards": ["Typing on"]}}

    with clock.set_to(LATER):
        answer = client.post(url, body, content_type="application/json")

    draft.refresh_from_db()
    assert answer.status_code == 200
    assert (draft.form_version.number, draft.answers["hazards"]) == (1, "Typing on")
