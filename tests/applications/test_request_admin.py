"""The staff's queues of requests: list, page, answer, export; who sees and who may."""

import csv
import io
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from applications import desk, notices, requests
from applications.models import Conflict, Notice, Request, RequestAnswer
from portal import clock
from portal.roles import Role
from programs.models import MessageKind, MessageTemplate
from programs.staff import desk_of
from tests.factories.applications import BEFORE, make_member, make_program, make_superuser
from tests.factories.requests import make_award, make_request, make_request_form

pytestmark = pytest.mark.django_db

LIST = "admin:applications_request_changelist"
LATE = BEFORE + timedelta(days=6)


@pytest.fixture
def form():
    return make_request_form(make_program())


@pytest.fixture
def manager(form):
    return make_member(form.program, Role.MANAGER)


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def get(client, page, at=BEFORE, **query):
    with clock.set_to(at):
        return client.get(page, query)


def act(client, row, *, at=BEFORE, **data):
    with clock.set_to(at):
        return client.post(reverse("admin:applications_request_act", args=[row.pk]), data)


def page_of(row) -> str:
    return reverse("admin:applications_request_change", args=[row.pk])


def rows_of(answer) -> set[Request]:
    return set(answer.context["cl"].result_list)


# --- The list


def test_each_form_has_its_queue_with_what_waits_first(form, manager):
    other = make_request_form(form.program)
    old, taken, done = make_request(form), make_request(form), make_request(form)
    elsewhere = make_request(other)
    requests.take(request_id=taken.pk, by=manager, at=BEFORE)
    requests.answer(request_id=done.pk, outcome="answered", text="A", by=manager, at=BEFORE)
    make_request(make_request_form(make_program()))
    client = signed_in(manager)

    page = get(client, reverse(LIST), at=LATE)

    assert rows_of(page) == {old, taken, elsewhere}
    assert page.content.decode().count('<span class="label is-danger">late</span>') == 3
    assert rows_of(get(client, reverse(LIST), form=form.pk)) == {old, taken}
    assert rows_of(get(client, reverse(LIST), **{"is": "mine"})) == {taken}
    assert rows_of(get(client, reverse(LIST), **{"is": "answered"})) == {done}
    assert rows_of(get(client, reverse(LIST), **{"is": "late"})) == set()
    assert rows_of(get(client, reverse(LIST), **{"is": "all"})) == {old, taken, done, elsewhere}
    assert rows_of(get(client, reverse(LIST), q=old.reference.lower())) == {old}
    assert rows_of(get(client, reverse(LIST), q=old.applicant.email.upper())) == {old}
    for odd in ({"form": "x"}, {"form": "9" * 30}, {"is": "nonsense"}):
        assert rows_of(get(client, reverse(LIST), **odd)) == set()


def test_the_navigation_counts_what_waits(form, manager):
    make_request(form)
    client = signed_in(manager)

    assert "Requests" in get(client, reverse("admin:index")).content.decode()
    assert "1" in get(client, reverse("admin:index")).content.decode().split("Requests")[1][:120]
    assert (
        "is-danger" in get(client, reverse("admin:index"), at=LATE).content.decode().split("Requests")[1][:60]
    )
    reviewer = make_member(form.program)
    assert reverse(LIST) not in get(signed_in(reviewer), reverse("admin:index")).content.decode()


def test_roles_see_what_is_theirs(form):
    plain = make_request(form)
    secret = make_request(form, sensitive="yes", care="A hole.")
    seen = {}
    for role in Role:
        client = signed_in(make_member(form.program, role))
        seen[role] = [client.get(page_of(row)).status_code for row in (plain, secret)]

    assert seen == {
        Role.MANAGER: [200, 200],
        Role.SCREENER: [200, 200],
        Role.AUDITOR: [200, 404],
        Role.REVIEWER: [404, 404],
        Role.FINANCE: [404, 404],
        Role.OPERATOR: [404, 404],
    }
    stranger = make_member(make_program(), Role.MANAGER)
    assert signed_in(stranger).get(page_of(plain)).status_code == 404
    assert signed_in(make_superuser()).get(page_of(secret)).status_code == 200


def test_only_managers_act_and_a_conflict_hides_the_request(form, manager):
    award = make_award(form.program)
    row = make_request(form, by=award.applicant, application=award)
    for role in (Role.SCREENER, Role.AUDITOR):
        client = signed_in(make_member(form.program, role))
        assert act(client, row, do="take").status_code == 404
        assert "Send the answer" not in client.get(page_of(row)).content.decode()
    assert act(signed_in(make_superuser()), row, do="take").status_code == 404
    Conflict.objects.create(application=award, user=manager, reason="Friends.", declared_at=BEFORE)

    client = signed_in(manager)
    assert client.get(page_of(row)).status_code == 404
    assert act(client, row, do="take").status_code == 404
    assert rows_of(get(client, reverse(LIST))) == set()


def test_answers_for_screeners_only_stay_away_from_auditors(form):
    care = form.sections[1]["questions"][0]
    form.sections[1]["questions"][0] = {**care, "show_if": {"question": "highlight", "any_of": ["yes"]}}
    form.save()
    row = make_request(form, highlight="yes", care="The door is open.")

    def page(role):
        return signed_in(make_member(form.program, role)).get(page_of(row)).content.decode()

    assert "The door is open." in page(Role.SCREENER)
    assert "The door is open." not in page(Role.AUDITOR)


# --- One request


def test_take_preview_answer_and_open_again(form, manager):
    MessageTemplate.objects.create(
        program=form.program,
        kind=MessageKind.REQUEST_ANSWER,
        subject="About {reference}",
        body="Dear {name},\n\n{answer}\n\n{link}",
    )
    row, client = make_request(form), signed_in(manager)

    act(client, row, do="take")
    given = {
        "outcome": "approved",
        "text": "Yes.\n\nAs of today.",
        "conditions": "Cite it.",
        "until_on": "2027-01-31",
    }
    preview = act(client, row, do="preview", **given).content.decode()
    assert not RequestAnswer.objects.exists()
    sent = act(client, row, do="answer", **given)
    notices.send_due(limit=5, at=BEFORE)
    act(client, row, do="reopen")

    row.refresh_from_db()
    assert f"About {row.reference}" in preview
    assert "Yes.\n\nAs of today.\n\nConditions:\nCite it." in preview
    assert sent.url == page_of(row)
    assert mail.outbox[-1].body in preview.replace("&amp;", "&")
    assert row.state == "in_work"
    assert "As of today." in get(client, page_of(row)).content.decode()


def test_a_refused_answer_keeps_what_was_typed(form, manager):
    row, client = make_request(form), signed_in(manager)

    empty = act(client, row, do="answer", text="", conditions="If it rains")
    odd = act(client, row, do="answer", outcome="declined", text="No", conditions="If it rains")
    late = act(client, row, do="answer", outcome="approved", text="Y", until_on="2020-01-01")

    assert [answer.status_code for answer in (empty, odd, late)] == [422, 422, 422]
    assert "Write the answer" in empty.content.decode()
    assert "If it rains" in odd.content.decode()
    assert "belong to an approval" in odd.content.decode()
    assert not RequestAnswer.objects.exists()


def test_a_form_offers_its_outcomes_only(manager, form):
    form.outcomes = ["answered"]
    form.save()
    row, client = make_request(form), signed_in(manager)

    page = get(client, page_of(row)).content.decode()

    assert 'name="conditions"' not in page
    assert act(client, row, do="answer", outcome="approved", text="Y").status_code == 422
    assert act(client, row, do="answer", outcome="answered", text="Y").status_code == 302


def test_somebody_elses_work_is_refused_with_words(form, manager):
    row = make_request(form)
    requests.take(request_id=row.pk, by=make_member(form.program, Role.MANAGER, name="Bo"), at=BEFORE)
    client = signed_in(manager)

    answer = act(client, row, do="answer", outcome="answered", text="A")
    act(client, row, do="put_back")

    row.refresh_from_db()
    assert "works on it" in answer.content.decode()
    assert (row.state, row.taken_by) == ("new", None)


@pytest.mark.parametrize("do", ["", "grant", "delete"])
def test_unknown_buttons_do_nothing(form, manager, do):
    row, client = make_request(form), signed_in(manager)

    assert act(client, row, do=do).status_code == 404
    assert client.get(reverse("admin:applications_request_act", args=[row.pk])).status_code == 404
    assert client.get("/admin/applications/request/99999999999999999999/change/").status_code == 404
    assert client.get("/admin/applications/request/add/").status_code == 403


# --- The file


def test_the_export_is_safe_for_spreadsheets_and_follows_the_filters(form, manager):
    make_request(form, title='=HYPERLINK("x")', text="+1\nsecond", links=["10.1000/182"])
    other = make_request(make_request_form(form.program), title="@sum")
    client = signed_in(manager)

    def rows(**query):
        answer = get(client, reverse("admin:applications_request_export"), **query)
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    one, both = rows(form=form.pk), rows()

    assert [row["title"] for row in one] == ['\'=HYPERLINK("x")']
    assert (one[0]["Text"], one[0]["links"]) == ("'+1\nsecond", "10.1000/182")
    assert {row["reference"] for row in both} == set(Request.objects.values_list("reference", flat=True))
    assert "Text" not in both[0]
    assert rows(**{"is": "withdrawn"}) == []
    assert signed_in(make_member(form.program)).get(
        reverse("admin:applications_request_export")
    ).status_code in (403, 404)
    assert other.reference in {row["reference"] for row in both}


def test_the_pages_need_few_queries(form, manager, django_assert_max_num_queries):
    for _ in range(6):
        row = make_request(form)
    client = signed_in(manager)

    for page in (reverse(LIST), page_of(row), reverse("admin:applications_request_export")):
        with django_assert_max_num_queries(16):
            assert client.get(page).status_code == 200


def test_a_conflict_hides_its_letters_and_holds_for_superusers_too(form, manager):
    award = make_award(form.program)
    row = make_request(form, by=award.applicant, application=award)
    root = make_superuser()
    letters = Notice.objects.filter(values__request=row.pk)
    for person in (manager, root):
        assert set(letters) <= set(desk.letters(desk_of(person)))
        Conflict.objects.create(application=award, user=person, reason="Friends.", declared_at=BEFORE)

        assert signed_in(person).get(page_of(row)).status_code == 404
        assert not set(letters) & set(desk.letters(desk_of(person)))


def test_a_column_in_the_address_is_no_filter(form):
    """The number of rows would tell an auditor what stands in an answer that only screeners read."""
    make_request(form, sensitive="no", text="Nothing", highlight="yes")
    auditor = signed_in(make_member(form.program, Role.AUDITOR))

    assert get(auditor, reverse(LIST), **{"is": "all"}).status_code == 200
    for column in ("answers__text__icontains", "title__startswith", "applicant"):
        assert get(auditor, reverse(LIST), **{column: "Noth"}).status_code in (302, 400)
