"""Separate forms of a program as data: questions, draft and publishing, switching, the file, the readiness list."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from portal.models import AuditEvent
from portal.roles import Role
from programs import catalogue, copies, form_edits, form_versions, preset_files, presets, request_forms
from programs.models import Door, Program
from programs.preset_files import BadPreset
from programs.request_forms import BadRequestForm, NoDraft
from programs.request_models import RequestForm, RequestKind
from tests.factories.applications import BEFORE, make_member, make_program
from tests.factories.requests import SECTIONS, make_request, make_request_form

pytestmark = pytest.mark.django_db


@pytest.fixture
def form():
    return make_request_form(make_program())


@pytest.fixture
def manager(form):
    return make_member(form.program, Role.MANAGER)


def reworded(label):
    def change(sections):
        question = {**form_edits.question_of(sections, "title"), "label": label}
        return form_edits.change_question(sections, key="title", question=question, base="")

    return change


def edited(form, manager, change=None):
    change = change or reworded("Which model?")
    return request_forms.edit(request_form_id=form.pk, change=change, by=manager, at=BEFORE)


# --- Questions


def test_changes_wait_in_a_draft_until_they_are_published(form, manager):
    edited(form, manager)

    form.refresh_from_db()
    assert form.sections == SECTIONS
    assert form.draft[0]["questions"][0]["label"] == "Which model?"
    request_forms.publish(request_form_id=form.pk, by=manager, at=BEFORE)
    form.refresh_from_db()
    assert (form.sections[0]["questions"][0]["label"], form.draft) == ("Which model?", None)
    with pytest.raises(NoDraft):
        request_forms.publish(request_form_id=form.pk, by=manager, at=BEFORE)
    trail = AuditEvent.objects.filter(subject_type="programs.requestform").order_by("pk")
    assert list(trail.values_list("action", flat=True)) == ["request_form.change", "request_form.publish"]


def test_a_draft_can_be_thrown_away_and_begun_again(form, manager):
    edited(form, manager)
    request_forms.discard(request_form_id=form.pk, by=manager, at=BEFORE)
    request_forms.start_draft(request_form_id=form.pk, by=manager, at=BEFORE)
    request_forms.start_draft(request_form_id=form.pk, by=manager, at=BEFORE)

    form.refresh_from_db()
    assert form.draft == form.sections == SECTIONS


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"key": "cv", "type": "file", "label": "File"}, "takes no files"),
        (
            {"key": "sum", "type": "money", "label": "Sum", "maps_to": "amount_cents"},
            "maps_to is one of title",
        ),
        (
            {"key": "s", "type": "short_text", "label": "S", "maps_to": "sensitive"},
            "from a question of type yes_no",
        ),
        ({"key": "x", "type": "riddle", "label": "X"}, "unknown type"),
    ],
)
def test_questions_that_no_request_can_answer_are_not_published(form, manager, question, said):
    bad = [*SECTIONS, {"key": "bad", "title": "Bad", "questions": [question]}]
    edited(form, manager, lambda sections: bad)

    with pytest.raises(BadRequestForm, match=said):
        request_forms.publish(request_form_id=form.pk, by=manager, at=BEFORE)

    form.refresh_from_db()
    assert form.sections == SECTIONS


def test_a_draft_that_cannot_be_stored_is_refused(form, manager):
    with pytest.raises(form_versions.CannotKeep):
        edited(form, manager, reworded("NUL \x00"))


def test_an_application_form_cannot_use_the_names_of_requests():
    from programs import fields

    question = {"key": "s", "type": "yes_no", "label": "S", "maps_to": "sensitive"}

    assert (
        "maps_to is one of title, abstract"
        in fields.problems([{"key": "a", "title": "A", "questions": [question]}])[0]
    )


# --- On and off


def test_a_form_without_questions_stays_off(form):
    empty = make_request_form(form.program, sections=[], is_on=False)

    with pytest.raises(BadRequestForm, match="at least one section"):
        request_forms.switch(request_form_id=empty.pk, on=True, by=None, at=BEFORE)
    with pytest.raises(IntegrityError), transaction.atomic():
        RequestForm.objects.filter(pk=empty.pk).update(is_on=True)


def test_switching_twice_is_one_event(form):
    for _ in range(2):
        request_forms.switch(request_form_id=form.pk, on=False, by=None, at=BEFORE)

    assert AuditEvent.objects.filter(action="request_form.off").count() == 1
    assert list(request_forms.public()) == []


def test_the_readiness_list_names_a_form_that_cannot_be_asked():
    program = make_program(open_it=False)
    form = make_request_form(program, faq_first=True)
    assert request_forms.missing(program) == []
    assert "looks for an answer first" in request_forms.advice(program)[0]

    RequestForm.objects.filter(pk=form.pk).update(outcomes=["granted"])

    assert "“granted” is no outcome" in request_forms.missing(program)[0]
    with pytest.raises(catalogue.CannotOpen, match="granted"):
        catalogue.open_program(program_id=program.pk, by=None, at=BEFORE)


# --- Files


def text_of(program):
    return presets.export_text(program)


def test_a_program_with_request_forms_goes_through_its_file_unchanged():
    program = make_program()
    make_request_form(
        program, kind=RequestKind.URGENT, senders="holders", faq_first=True, outcomes=["answered"]
    )
    make_request_form(program, is_on=False, lead="", policy="", sections=[])
    text = text_of(program)

    done = presets.load(text=text, name="x", by=None, at=BEFORE)

    assert done.changes == []
    assert text_of(program) == text == preset_files.write(preset_files.read(text)[0])
    assert text.count("  - key: form-") == 2


def test_a_copy_has_the_forms_and_not_their_requests(form, manager):
    make_request(form)

    copy = copies.clone(
        program_id=form.program_id, slug="a-copy", name="A copy", short_code="ACO", by=manager, at=BEFORE
    )

    own = copy.request_forms.get()
    assert (own.title, own.sections, own.is_on) == (form.title, form.sections, True)
    assert not own.requests.exists()


def test_a_file_says_what_changes_and_requests_keep_a_form_from_being_removed(form):
    text = text_of(form.program)
    changed = text.replace(f"title: {form.title}", "title: Renamed")
    assert presets.load(text=changed, name="x", by=None, at=BEFORE, dry_run=True).changes == [
        f"request_forms: changed {form.key}"
    ]
    document = preset_files.read(text)[0]
    del document["request_forms"]
    without = preset_files.write(document)
    make_request(form)

    with pytest.raises(presets.CannotLoad, match="in use"):
        presets.load(text=without, name="x", by=None, at=BEFORE)

    assert RequestForm.objects.filter(pk=form.pk).exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: access", "kind: grant", "request_forms.1.kind"),
        ("outcomes: [answered, approved, declined]", "outcomes: [granted]", "“granted” is no outcome"),
        ("type: doi_list", "type: file", "file cannot have|takes no files"),
        ("maps_to: links", "maps_to: amount_cents", "maps_to is one of"),
        ("answer_days: 5", "answer_days: 0", "answer_days"),
        ("is_on: true", "is_on: perhaps", "is true or false"),
        ("senders: anybody", "senders: nobody", "senders"),
    ],
)
def test_a_wrong_file_names_line_and_key(form, old, new, said):
    text = text_of(form.program)
    assert old in text

    with pytest.raises(BadPreset, match=rf"line \d+.*({said})"):
        presets.load(text=text.replace(old, new, 1), name="x", by=None, at=BEFORE)


def test_the_shipped_programs_have_the_forms_of_the_domain():
    for path in presets.shipped():
        presets.load(text=path.read_text(), name=path.name, by=None, at=BEFORE)

    found = {
        program.slug: sorted(program.request_forms.filter(is_on=True).values_list("kind", "senders"))
        for program in Program.objects.all()
    }
    access = RequestForm.objects.get(kind=RequestKind.ACCESS)

    assert found == {
        "external-researcher-access": [("access", "anybody"), ("urgent", "holders")],
        "ai-for-science": [],
        "openai-researcher-access": [("dataset", "holders"), ("general", "anybody"), ("paper", "anybody")],
    }
    assert "standard price" in access.lead
    assert "never leads to credits" in access.policy
    assert RequestForm.objects.get(kind=RequestKind.URGENT).faq_first


# --- Doors and pages


def test_a_door_leads_to_the_form_of_its_key_while_that_is_on(client, form):
    Door.objects.create(
        program=form.program, key=form.key, kind="form", title="The door", text="Through here."
    )
    address = reverse("applications:request_form", args=[form.program.slug, form.key])
    pages = [reverse("programs:directory"), reverse("programs:program", args=[form.program.slug])]

    on = [client.get(page).content.decode() for page in pages]
    request_forms.switch(request_form_id=form.pk, on=False, by=None, at=BEFORE)
    off = [client.get(page).content.decode() for page in pages]

    assert [page.count(address) for page in on] == [1, 1]
    assert [("The door" in page, form.title in page) for page in on] == [(True, False), (False, True)]
    assert all(address not in page and "The door" not in page and form.title not in page for page in off)


def test_the_directory_lists_forms_for_anybody(client, form):
    holders = make_request_form(form.program, senders="holders", title="Only for holders")

    page = client.get(reverse("programs:directory")).content.decode()

    assert form.title in page
    assert holders.title not in page
    assert holders.title in client.get(reverse("programs:program", args=[form.program.slug])).content.decode()


def test_the_front_door_leads_to_the_form_for_retired_models(client):
    for path in presets.shipped():
        presets.load(text=path.read_text(), name=path.name, by=None, at=BEFORE - timedelta(days=1))

    page = client.get(reverse("programs:router"), {"use": "retired"}).content.decode()

    assert "/programs/external-researcher-access/requests/retired-model/" in page
