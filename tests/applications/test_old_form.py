"""A section that a newer form does not have any more: what was typed into it is kept, and its writer is led on."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from applications import form_change, intake, merging
from applications.models import Application
from portal import clock
from programs import form_versions
from tests.factories.applications import BEFORE, SECTIONS, make_draft, make_program, make_submitted

pytestmark = pytest.mark.django_db

EXTRA = {
    "key": "extra",
    "title": "More",
    "lead": "",
    "questions": [
        {"key": "plan", "type": "long_text", "label": "Plan", "required": False, "max_words": 300},
        {"key": "risk", "type": "short_text", "label": "Risk", "required": False},
    ],
}
RISK = EXTRA["questions"][1]


def publish(program, sections) -> None:
    version = form_versions.draft(program=program, sections=sections, by=None, at=BEFORE)
    form_versions.publish(form_version_id=version.pk, by=None, at=BEFORE)


@pytest.fixture
def draft() -> Application:
    """A draft that was begun with one more section and carried over to a form without it; one of its questions moved."""
    program = make_program()
    publish(program, [*SECTIONS, EXTRA])
    draft = make_draft(program)
    moved = [{**SECTIONS[0], "questions": [*SECTIONS[0]["questions"], RISK]}, *SECTIONS[1:]]
    publish(program, moved)
    assert form_change.carry_over(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    draft.refresh_from_db()
    return draft


def client_of(application: Application) -> Client:
    client = Client()
    client.force_login(application.applicant)
    return client


def send(draft: Application, data: dict[str, str], key: str = "extra"):
    with clock.set_to(BEFORE):
        address = reverse("applications:section", args=[draft.public_id, key])
        return client_of(draft).post(address, {"version": "1", **data}, follow=True)


def test_what_was_typed_is_kept_and_shown_with_what_changed(draft) -> None:
    answer = send(draft, {"plan": "Cores from three lakes", "risk": "None that we know"})

    draft.refresh_from_db()
    assert answer.status_code == 200
    assert "this section is not in it any more" in answer.text
    assert "The form has changed since you began" in answer.text
    assert "Cores from three lakes" in answer.text
    assert draft.set_aside["plan"]["value"] == "Cores from three lakes"
    assert draft.answers["risk"] == "None that we know"


def test_nothing_that_was_written_in_the_new_form_is_put_over(draft) -> None:
    intake.save_answers(
        application_id=draft.pk, changes={"risk": "Newer words"}, version=None, by=draft.applicant, at=BEFORE
    )

    send(draft, {"plan": "", "risk": "Older words"})

    draft.refresh_from_db()
    assert draft.answers["risk"] == "Newer words"
    assert draft.set_aside["risk"]["value"] == "Older words"


def test_when_all_of_it_has_a_place_it_says_so(draft) -> None:
    assert "stands in the new form" in send(draft, {"plan": "", "risk": "Small"}).text


def test_opening_the_old_page_leads_to_the_new_form(draft) -> None:
    with clock.set_to(BEFORE):
        answer = client_of(draft).get(
            reverse("applications:section", args=[draft.public_id, "extra"]), follow=True
        )

    assert answer.status_code == 200
    assert "this section is not in it any more" in answer.text


def test_saving_while_typing_says_to_use_the_button(draft) -> None:
    body = json.dumps({"version": 1, "data": {"plan": ["Cores"]}})
    with clock.set_to(BEFORE):
        answer = client_of(draft).post(
            reverse("applications:autosave", args=[draft.public_id, "extra"]), body, "application/json"
        )

    assert answer.status_code == 409
    assert "Save it with the button" in answer.json()["error"]


def test_a_section_that_never_was_is_nowhere_and_so_is_one_of_a_sent_application(draft) -> None:
    sent = make_submitted(draft.program)

    assert send(draft, {}, key="nothing").status_code == 404
    assert send(sent, {"plan": "x"}).status_code == 404


def test_a_stranger_learns_nothing(draft) -> None:
    other = make_draft(make_program())
    with clock.set_to(BEFORE):
        answer = client_of(other).post(reverse("applications:section", args=[draft.public_id, "extra"]), {})

    assert answer.status_code == 404


# --- A question that its section does not ask any more


@pytest.fixture
def shorter() -> tuple[Application, str]:
    """A draft whose page was drawn with one more question in a section that is still there, and the marks of that page."""
    program = make_program()
    publish(
        program,
        [{**SECTIONS[0], "questions": [*SECTIONS[0]["questions"], EXTRA["questions"][0]]}, SECTIONS[1]],
    )
    draft = make_draft(program, plan="Cores")
    base = json.dumps(merging.marks(draft.form_version.sections[0], draft.answers))
    publish(program, SECTIONS)
    assert form_change.carry_over(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    draft.refresh_from_db()
    return draft, base


def test_words_in_a_question_that_is_gone_are_kept_and_said(shorter) -> None:
    draft, base = shorter
    typed = {"institution": "Lake Institute", "country": "US", "plan": "Cores from three lakes", "base": base}

    answer = send(draft, typed, key="you")

    draft.refresh_from_db()
    assert draft.set_aside["plan"]["value"] == "Cores from three lakes"
    assert draft.answers["institution"] == "Lake Institute"
    assert "What you typed there is kept" in answer.text


def test_saving_while_typing_does_not_pass_over_them(shorter) -> None:
    draft, base = shorter
    address = reverse("applications:autosave", args=[draft.public_id, "you"])

    def save(plan: str):
        data = {"institution": ["Lake Institute"], "country": ["US"], "plan": [plan]}
        with clock.set_to(BEFORE):
            body = json.dumps({"version": 1, "base": base, "data": data})
            return client_of(draft).post(address, body, "application/json")

    assert save("Cores").status_code == 200  # set aside as it was
    refused = save("Cores from three lakes")
    assert refused.status_code == 409
    assert "Save it with the button" in refused.json()["error"]
