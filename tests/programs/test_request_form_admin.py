"""Separate forms in the admin: settings, the builder, publishing, on and off."""

import pytest
from django.test import Client
from django.urls import reverse

from portal.roles import Role
from programs.request_models import RequestForm
from tests.factories.applications import make_member, make_program
from tests.factories.requests import SECTIONS, make_request, make_request_form

pytestmark = pytest.mark.django_db

LIST = "/admin/programs/requestform/"


@pytest.fixture
def form():
    return make_request_form(make_program())


@pytest.fixture
def client(form):
    client = Client()
    client.force_login(make_member(form.program, Role.MANAGER))
    return client


def page(form, name="change", *more) -> str:
    return reverse(f"admin:programs_requestform_{name}", args=[form.pk, *more])


def press(client, form, **data):
    return client.post(page(form, "edit"), data)


def test_a_manager_makes_a_form_asks_something_and_switches_it_on(client, form):
    settings = {
        "program": form.program_id,
        "key": "lab-visit",
        "kind": "general",
        "position": "3",
        "title": "A visit",
        "lead": "For a day.",
        "senders": "anybody",
        "answer_days": "7",
        "outcomes": ["approved", "declined"],
        "policy": "",
    }
    made = client.post(f"{LIST}add/", settings)
    row = RequestForm.objects.get(key="lab-visit")
    assert made.url == page(row, "questions")
    client.post(page(row, "step", "on"))
    press(client, row, do="add:section", title="The visit")
    section = RequestForm.objects.get(pk=row.pk).draft[0]["key"]
    press(client, row, do="add:question", section=section, kind="short_text", label="Why?")
    row.refresh_from_db()
    assert (row.is_on, row.sections) == (False, [])
    client.post(page(row, "step", "publish"))
    client.post(page(row, "step", "on"))

    row.refresh_from_db()
    assert (row.is_on, row.draft, row.outcomes) == (True, None, ["approved", "declined"])
    assert row.sections[0]["questions"][0]["label"] == "Why?"
    assert Client().get(f"/programs/{form.program.slug}/requests/lab-visit/").status_code == 200


def test_the_builder_shows_problems_and_a_refused_question_keeps_what_was_typed(client, form):
    built = client.get(page(form, "questions"), {"question": "links"}).content.decode()
    press(client, form, do="add:question", section="more", kind="file", label="A file")
    waiting = client.get(page(form, "questions")).content.decode()
    refused = press(
        client,
        form,
        do="save",
        question="text",
        **{"q-label": "", "q-key": "Bad Key", "q-audience": "everyone"},
    )

    assert '<option value="links" selected>' in built
    assert "takes no files" in waiting
    assert refused.status_code == 422
    assert "Bad Key" in refused.content.decode()
    assert client.post(page(form, "step", "publish")).url == page(form, "questions")
    client.post(page(form, "step", "discard"))
    form.refresh_from_db()
    assert (form.draft, form.sections) == (None, SECTIONS)


def test_a_preview_shows_the_changed_questions_and_keeps_nothing(client, form):
    press(client, form, do="add:question", section="matter", kind="short_text", label="Brand new")
    preview = reverse("admin:request_form_preview", args=[form.pk])

    shown = client.get(preview).content.decode()
    checked = client.post(preview, {"title": ""})
    fine = client.post(preview, {"title": "A", "brand_new": "B"}).content.decode()

    assert "Brand new" in shown
    assert "One thing to fix" in checked.content.decode()
    assert "would be taken" in fine
    assert not form.requests.exists()


def test_who_may(client, form):
    other = make_request_form(make_program())
    auditor = Client()
    auditor.force_login(make_member(form.program, Role.AUDITOR))
    reviewer = Client()
    reviewer.force_login(make_member(form.program))

    assert client.get(page(other, "questions")).status_code == 404
    assert client.post(page(other, "step", "off")).status_code == 404
    assert client.get(reverse("admin:request_form_preview", args=[other.pk])).status_code == 404
    assert auditor.get(page(form)).status_code == 200
    assert auditor.get(page(form, "questions")).status_code == 404
    assert auditor.post(page(form, "step", "off")).status_code == 404
    assert reviewer.get(LIST).status_code == 403
    assert client.get(page(form, "step", "off")).status_code == 404
    assert client.post(page(form, "step", "explode")).status_code == 404
    form.refresh_from_db()
    assert form.is_on


def test_settings_are_saved_and_the_key_stands(client, form):
    make_request(form)
    data = {
        "kind": form.kind,
        "key": "another",
        "position": "0",
        "title": "New title",
        "lead": form.lead,
        "senders": form.senders,
        "answer_days": "0",
        "outcomes": [],
        "policy": form.policy,
    }

    refused = client.post(page(form), data)
    saved = client.post(page(form), data | {"answer_days": "9", "outcomes": ["answered"]})

    key = form.key
    form.refresh_from_db()
    assert refused.status_code == 200
    assert "Name at least one way" in refused.content.decode()
    assert saved.status_code == 302
    assert (form.key, form.title, form.answer_days, form.outcomes) == (key, "New title", 9, ["answered"])
    assert form.requests.get().form_title != "New title"


def test_the_list_shows_the_forms_of_ones_programs(client, form):
    other = make_request_form(make_program(), title="Somebody else's")

    listed = client.get(LIST).content.decode()

    assert form.title in listed
    assert other.title not in listed
