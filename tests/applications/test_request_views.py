"""The public pages of requests: form, receipt, withdrawing, the list of one's own."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from applications import requests
from applications.models import Request
from portal import clock
from portal.roles import Role
from programs.models import FaqEntry
from programs.request_models import RequestForm
from tests.factories.applications import BEFORE, make_member, make_program, make_user
from tests.factories.requests import make_award, make_request, make_request_form

pytestmark = pytest.mark.django_db


@pytest.fixture
def form():
    return make_request_form(make_program())


def address(form) -> str:
    return reverse("applications:request_form", args=[form.program.slug, form.key])


def signed_in(person=None) -> Client:
    client = Client()
    client.force_login(person or make_user())
    return client


def post(client, form, *, at=BEFORE, **data):
    with clock.set_to(at):
        page = client.get(address(form))
        given = {
            "page-once": page.context["once"] or "",
            "page-mark": page.context["mark"],
            "title": "Model 7",
        }
        return client.post(address(form), {**given, **data})


def get(client, page, **query):
    with clock.set_to(BEFORE):
        return client.get(page, query)


# --- The form


def test_a_stranger_reads_what_it_is_for_and_signs_in_to_send(client, form):
    page = get(client, address(form))

    assert form.title in page.content.decode()
    assert f"?next=/programs/{form.program.slug}/requests/{form.key}/" in page.content.decode()
    assert 'name="title"' not in page.content.decode()
    assert client.post(address(form), {"title": "A"}).status_code == 302
    assert not Request.objects.exists()


@pytest.mark.parametrize("hide", ["off", "archived"])
def test_a_form_that_is_off_is_not_there(client, form, hide):
    if hide == "off":
        RequestForm.objects.filter(pk=form.pk).update(is_on=False)
    else:
        type(form.program).objects.filter(pk=form.program_id).update(state="archived")

    assert get(client, address(form)).status_code == 404
    assert signed_in().post(address(form)).status_code == 404


def test_a_request_is_sent_once_and_its_receipt_says_what_comes_next(form):
    client = signed_in()
    with clock.set_to(BEFORE):
        page = client.get(address(form))
    data = {"page-once": page.context["once"], "page-mark": page.context["mark"], "title": "Model 7"}
    data["links"] = "https://doi.org/10.1000/182"

    with clock.set_to(BEFORE):
        answers = [client.post(address(form), data) for _ in range(2)]
    sent = Request.objects.get()
    receipt = get(client, reverse("applications:request", args=[sent.public_id])).content.decode()

    assert [answer.url for answer in answers] == [f"/requests/{sent.public_id}/"] * 2
    assert sent.links == ["10.1000/182"]
    assert sent.reference in receipt
    assert "You usually hear by Wednesday 25 November 2026" in receipt
    assert "Model 7" in receipt


def test_errors_name_the_field_and_nothing_typed_is_lost(form):
    client = signed_in()

    answer = post(
        client,
        form,
        title="",
        links="not a link",
        sensitive="yes",
        text="<b>kept</b> as \u202etyped\x00",
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#id_title"' in page
    assert 'href="#id_care"' in page
    assert "not a link" in page
    assert "&lt;b&gt;kept&lt;/b&gt;" in page
    assert 'value="yes"' in page
    assert not Request.objects.exists()


@pytest.mark.parametrize("bad", ["x", "", "\x00", "0" * 400])
def test_a_broken_token_is_no_way_to_break_the_page(form, bad):
    answer = post(signed_in(), form, **{"page-once": bad})

    assert answer.status_code == 302
    assert Request.objects.count() == 1


def test_questions_that_changed_meanwhile_are_shown_again_with_what_was_typed(form):
    answer = post(signed_in(), form, **{"page-mark": "another"}, text="My words.")

    assert answer.status_code == 409
    assert "questions were changed" in answer.content.decode()
    assert "My words." in answer.content.decode()
    assert not Request.objects.exists()


def test_a_form_for_holders_says_so_and_asks_which_award(form):
    RequestForm.objects.filter(pk=form.pk).update(senders="holders")
    award = make_award(form.program)
    later = form.program.cycles.order_by("cut_off_at")[1]
    second = make_award(form.program, applicant=award.applicant, cycle=later)
    holder = signed_in(award.applicant)

    assert "for people with an award" in get(signed_in(), address(form)).content.decode()
    page = get(holder, address(form), award=str(second.public_id)).content.decode()
    assert f'value="{second.public_id}" selected' in page
    assert post(holder, form).status_code == 422
    assert post(holder, form, **{"the-award": str(make_award(make_program()).public_id)}).status_code == 422
    assert post(holder, form, **{"the-award": str(award.public_id)}).status_code == 302
    assert Request.objects.get().application == award


def test_an_urgent_form_shows_answers_before_it_takes_a_request(form):
    RequestForm.objects.filter(pk=form.pk).update(faq_first=True)
    FaqEntry.objects.create(
        program=form.program, key="out", question="My credits ran out. What now?", answer="Ask."
    )
    client = signed_in()

    first = get(client, address(form)).content.decode()
    looked = get(client, address(form), q="credits ran out").content.decode()
    unsaid = post(client, form, **{"look-for": "credits ran out"})
    unlooked = post(client, form)
    said = post(client, form, **{"look-for": "credits ran out", "none-fits": "on"})

    assert 'name="title"' not in first
    assert "My credits ran out. What now?" in looked
    assert 'name="title"' in looked
    assert unsaid.status_code == unlooked.status_code == 422
    assert 'href="#id_none-fits"' in unsaid.content.decode()
    assert said.status_code == 302
    assert Request.objects.get().faq_shown == ["out"]


def test_a_flood_is_refused_with_what_was_typed(form):
    person = make_user()
    for _ in range(5):
        make_request(form, by=person)

    answer = post(signed_in(person), form, title="Number six")

    assert answer.status_code == 422
    assert "several of these today" in answer.content.decode()
    assert "Number six" in answer.content.decode()


# --- Afterwards


def test_the_page_shows_each_answer_and_the_list_each_request(form):
    manager = make_member(form.program, Role.MANAGER)
    sent = make_request(form)
    late, withdrawn = make_request(form, by=sent.applicant), make_request(form, by=sent.applicant)
    requests.answer(request_id=sent.pk, outcome="declined", text="No.", by=manager, at=BEFORE)
    requests.reopen(request_id=sent.pk, by=manager, at=BEFORE)
    requests.answer(
        request_id=sent.pk, outcome="approved", text="Yes.", conditions="One study.", by=manager, at=BEFORE
    )
    requests.withdraw(request_id=withdrawn.pk, by=sent.applicant, at=BEFORE)
    client = signed_in(sent.applicant)

    page = get(client, reverse("applications:request", args=[sent.public_id])).content.decode()
    with clock.set_to(BEFORE + timedelta(days=9)):
        waiting = client.get(reverse("applications:request", args=[late.public_id])).content.decode()
        listed = client.get(reverse("applications:mine")).content.decode()

    assert page.index("Yes.") < page.index("No.")
    assert "One study." in page
    assert manager.email not in page
    assert "we are late" in waiting
    for row in (sent, late, withdrawn):
        assert row.reference in listed


def test_withdrawing_asks_once_and_ends_with_the_answer(form):
    sent = make_request(form)
    client = signed_in(sent.applicant)
    page = reverse("applications:withdraw_request", args=[sent.public_id])

    assert get(client, page).status_code == 200
    with clock.set_to(BEFORE):
        client.post(page)

    sent.refresh_from_db()
    assert sent.state == "withdrawn"
    assert get(client, page).status_code == 302
    assert (
        "Withdrawn on" in get(client, reverse("applications:request", args=[sent.public_id])).content.decode()
    )


def test_nobody_else_finds_a_request(form):
    sent = make_request(form)
    manager = make_member(form.program, Role.MANAGER)

    for person in (make_user(), manager):
        for name in ("request", "withdraw_request"):
            page = reverse(f"applications:{name}", args=[sent.public_id])
            assert signed_in(person).get(page).status_code == 404
            assert signed_in(person).post(page).status_code in (404, 405)
    assert signed_in().get(f"/requests/{uuid.uuid4()}/").status_code == 404


def test_the_pages_need_few_queries(form, django_assert_max_num_queries):
    person = make_award(form.program).applicant
    for _ in range(4):
        sent = make_request(form, by=person)
    RequestForm.objects.filter(pk=form.pk).update(faq_first=True)
    client = signed_in(person)

    for page in (
        f"{address(form)}?q=credits",
        reverse("applications:request", args=[sent.public_id]),
        reverse("applications:mine"),
        reverse("programs:program", args=[form.program.slug]),
        reverse("programs:directory"),
    ):
        with django_assert_max_num_queries(15):
            assert client.get(page).status_code == 200
