"""Requests through separate forms: send, take, answer, open again, withdraw, and no way to a grant."""

import ast
import uuid
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core import mail
from django.db import DatabaseError, connection, transaction

from applications import notices, request_queue, requests
from applications.models import Conflict, Notice, Request, RequestAnswer
from applications.request_states import MAY_BECOME, RequestState
from applications.requests import CannotAnswer, CannotSend, CannotWithdraw
from credits.models import Entry, Grant, LedgerAccount, Transfer
from portal.models import AuditEvent
from portal.roles import Role
from programs import catalogue, request_forms, staff
from programs.models import FaqEntry, MessageKind, ProgramState
from programs.request_models import RequestForm, RequestKind, RequestSenders
from tests.factories.applications import BEFORE, make_member, make_program, make_user
from tests.factories.requests import make_award, make_request, make_request_form

pytestmark = pytest.mark.django_db

LATER = BEFORE + timedelta(days=2)


def send(form: RequestForm, **more):
    given = {"request_form_id": form.pk, "once": uuid.uuid4(), "answers": {"title": "Older model"}}
    return requests.send(**{**given, "by": make_user(), "at": BEFORE, **more})


@pytest.fixture
def form():
    return make_request_form(make_program())


@pytest.fixture
def manager(form):
    return make_member(form.program, Role.MANAGER)


# --- Sending


def test_a_request_keeps_what_it_was_asked_and_when_it_is_due(form):
    sent = send(
        form,
        answers={
            "title": "Older model",
            "links": ["10.1000/182"],
            "highlight": "yes",
            "sensitive": "no",
            "care": "hidden by its condition",
        },
    )

    RequestForm.objects.filter(pk=form.pk).update(title="Another title", sections=[{"key": "x"}])
    sent.refresh_from_db()
    assert sent.state == RequestState.NEW
    assert sent.reference.startswith(f"{form.program.short_code}-R-2026-11-")
    assert sent.due_at == BEFORE + timedelta(days=5)
    assert (sent.form_title, sent.policy, sent.sections) == (form.title, form.policy, form.sections)
    assert (sent.title, sent.links, sent.may_highlight, sent.sensitive) == (
        "Older model",
        ["10.1000/182"],
        True,
        False,
    )
    assert "care" not in sent.answers
    assert AuditEvent.objects.get(action="request.send").subject_id == str(sent.pk)


def test_the_same_page_sent_twice_is_one_request(form):
    person, once = make_user(), uuid.uuid4()

    first = send(form, by=person, once=once)
    second = send(form, by=person, once=once, answers={"title": "Pressed again"})
    other = send(form, once=once)

    assert second.pk == first.pk != other.pk
    assert Notice.objects.filter(kind=MessageKind.REQUEST_RECEIPT).count() == 2


@pytest.mark.parametrize(
    ("answers", "key"),
    [
        ({}, "title"),
        ({"title": "x" * 151}, "title"),
        ({"title": "A", "links": ["nonsense"]}, "links"),
        ({"title": "A", "sensitive": "yes"}, "care"),
        ({"title": {"raw": "\ufffd"}}, "title"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_kept(form, answers, key):
    with pytest.raises(CannotSend) as refused:
        send(form, answers=answers)

    assert list(refused.value.problems) == [key]
    assert not Request.objects.exists()
    assert not Notice.objects.exists()


def test_a_form_that_is_off_or_of_a_hidden_program_takes_nothing(form):
    request_forms.switch(request_form_id=form.pk, on=False, by=None, at=BEFORE)
    with pytest.raises(CannotSend, match="closed now"):
        send(form)

    request_forms.switch(request_form_id=form.pk, on=True, by=None, at=BEFORE)
    catalogue.close_program(program_id=form.program_id, state=ProgramState.CLOSED, by=None, at=BEFORE)
    assert send(form)
    catalogue.close_program(program_id=form.program_id, state=ProgramState.ARCHIVED, by=None, at=BEFORE)
    with pytest.raises(CannotSend, match="closed now"):
        send(form)


def test_a_form_for_holders_takes_only_their_own_awards_of_the_program(form):
    RequestForm.objects.filter(pk=form.pk).update(senders=RequestSenders.HOLDERS)
    award, elsewhere = make_award(form.program), make_award(make_program())
    another = make_award(form.program)

    with pytest.raises(CannotSend, match="people with an award"):
        send(form)
    with pytest.raises(CannotSend, match="people with an award"):
        send(form, by=elsewhere.applicant, application_id=elsewhere.pk)
    with pytest.raises(CannotSend, match="Choose the award"):
        send(form, by=award.applicant)
    with pytest.raises(CannotSend, match="your own awards"):
        send(form, by=award.applicant, application_id=another.pk)
    assert send(form, by=award.applicant, application_id=award.pk).application == award


def test_a_form_that_looks_first_wants_a_look_and_a_no(form):
    RequestForm.objects.filter(pk=form.pk).update(faq_first=True)
    FaqEntry.objects.create(
        program=form.program, key="out", question="My credits ran out. What now?", answer="Top up."
    )
    FaqEntry.objects.create(
        program=make_program(), key="far", question="Did credits ran out elsewhere?", answer="No."
    )

    with pytest.raises(CannotSend, match="Look for an answer first"):
        send(form)
    with pytest.raises(CannotSend, match="none of them covers"):
        send(form, words="credits ran out")
    sent = send(form, words="  credits  ran out\x00 ", none_answers=True)
    nothing_fits = send(form, words="zebra")

    assert (sent.faq_shown, nothing_fits.faq_shown) == (["out"], [])
    assert sent.looked_for.startswith("credits ran out")


def test_one_person_sends_five_a_day(form):
    person = make_user()
    for _ in range(5):
        send(form, by=person)

    with pytest.raises(CannotSend, match="several of these today"):
        send(form, by=person)

    assert send(form, by=person, at=BEFORE + timedelta(hours=25))
    assert send(form)


def test_open_requests_of_one_person_are_bounded(form):
    person = make_user()
    for day in range(10):
        send(form, by=person, at=BEFORE + timedelta(days=day))

    with pytest.raises(CannotSend, match="wait for an answer"):
        send(form, by=person, at=BEFORE + timedelta(days=20))


@pytest.mark.parametrize(
    ("kind", "told"), [(RequestKind.URGENT, 1), (RequestKind.GENERAL, 1), (RequestKind.PAPER, 0)]
)
def test_the_mailbox_of_the_program_hears_of_what_is_urgent(kind, told):
    program = make_program(urgent_contact="urgent@example.org")
    sent = send(make_request_form(program, kind=kind))

    notices.send_due(limit=9, at=BEFORE)

    alerts = [letter for letter in mail.outbox if letter.to == ["urgent@example.org"]]
    assert len(alerts) == told
    if told:
        assert sent.reference in alerts[0].subject
        assert f"/admin/applications/request/{sent.pk}/change/" in alerts[0].body


def test_the_receipt_names_the_reference_and_the_day(form):
    sent = send(form)

    notices.send_due(limit=9, at=BEFORE)

    letter = mail.outbox[0]
    assert letter.to == [sent.applicant.email]
    assert sent.reference in letter.subject
    assert "Wednesday 25 November 2026" in letter.body
    assert f"/requests/{sent.public_id}/" in letter.body


# --- Answering


def test_a_manager_takes_answers_and_the_letter_keeps_its_paragraphs(form, manager):
    sent = send(form)

    requests.take(request_id=sent.pk, by=manager, at=LATER)
    given = requests.answer(
        request_id=sent.pk,
        outcome="approved",
        text="Yes.\n\nIt is open to you.",
        conditions="Only for the study {reference}.",
        until_on=date(2027, 5, 31),
        by=manager,
        at=LATER,
    )
    notices.send_due(limit=9, at=LATER)

    sent.refresh_from_db()
    assert (sent.state, sent.decided_at, sent.taken_by) == (RequestState.APPROVED, LATER, manager)
    assert given.number == 1
    letter = mail.outbox[-1]
    assert letter.subject == f"Your request {sent.reference}: approved"
    assert "Yes.\n\nIt is open to you.\n\nConditions:\nOnly for the study {reference}." in letter.body
    assert "until Monday 31 May 2027" in letter.body
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-3:] == ["request.send", "request.take", "request.answer"]


def test_answering_at_once_takes_it(form, manager):
    sent = send(form)

    requests.answer(request_id=sent.pk, outcome="answered", text="Here.", by=manager, at=LATER)

    sent.refresh_from_db()
    assert (sent.state, sent.taken_by) == (RequestState.ANSWERED, manager)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"outcome": "granted"}, "does not offer"),
        ({"text": " "}, "Write the answer"),
        ({"text": "x" * 6001}, "at most 6,000"),
        ({"text": "half \ud800"}, "cannot be stored"),
        ({"conditions": "None"}, "belong to an approval"),
        ({"until_on": date(2027, 1, 1)}, "belong to an approval"),
        ({"outcome": "approved", "until_on": date(2020, 1, 1)}, "has passed"),
    ],
)
def test_answers_that_make_no_sense_are_refused(form, manager, more, said):
    sent = send(form)

    with pytest.raises(CannotAnswer, match=said):
        requests.answer(
            **{"request_id": sent.pk, "outcome": "answered", "text": "A", "by": manager, "at": LATER, **more}
        )

    assert not RequestAnswer.objects.exists()


def test_only_managers_of_the_program_without_a_conflict_work_on_it(form, manager):
    award = make_award(form.program)
    sent = send(form, by=award.applicant, application_id=award.pk)
    others = [
        make_user(),
        make_member(make_program(), Role.MANAGER),
        make_member(form.program, Role.SCREENER),
        make_member(form.program, Role.MANAGER, user=award.applicant),
    ]
    Conflict.objects.create(application=award, user=manager, reason="Friends.", declared_at=BEFORE)

    for person in [*others, manager]:
        with pytest.raises(CannotAnswer):
            requests.take(request_id=sent.pk, by=person, at=LATER)

    assert Request.objects.get().state == RequestState.NEW


def test_one_person_works_on_it_until_it_is_put_back(form, manager):
    sent, second = send(form), make_member(form.program, Role.MANAGER)
    requests.take(request_id=sent.pk, by=manager, at=LATER)
    requests.take(request_id=sent.pk, by=manager, at=LATER)

    for act in (
        lambda: requests.take(request_id=sent.pk, by=second, at=LATER),
        lambda: requests.answer(request_id=sent.pk, outcome="answered", text="A", by=second, at=LATER),
    ):
        with pytest.raises(CannotAnswer, match="works on it"):
            act()
    requests.put_back(request_id=sent.pk, by=second, at=LATER)
    requests.put_back(request_id=sent.pk, by=second, at=LATER)

    assert requests.take(request_id=sent.pk, by=second, at=LATER).taken_by == second
    assert AuditEvent.objects.filter(action="request.put_back").count() == 1


def test_an_answered_request_is_opened_again_and_keeps_its_first_answer(form, manager):
    sent = send(form)
    with pytest.raises(CannotAnswer, match="nothing to open again"):
        requests.reopen(request_id=sent.pk, by=manager, at=LATER)
    requests.answer(request_id=sent.pk, outcome="declined", text="No.", by=manager, at=LATER)
    with pytest.raises(CannotAnswer, match="declined already"):
        requests.answer(request_id=sent.pk, outcome="answered", text="Twice.", by=manager, at=LATER)

    requests.reopen(request_id=sent.pk, by=manager, at=LATER)
    requests.answer(request_id=sent.pk, outcome="approved", text="Yes after all.", by=manager, at=LATER)
    notices.send_due(limit=9, at=LATER)

    assert [reply.text for reply in sent.replies.order_by("number")] == ["No.", "Yes after all."]
    assert [letter.subject.rpartition(" ")[2] for letter in mail.outbox[1:]] == ["declined", "approved"]


def test_the_sender_takes_it_back_until_it_is_answered(form, manager):
    sent = send(form)
    with pytest.raises(CannotWithdraw):
        requests.withdraw(request_id=sent.pk, by=manager, at=LATER)
    requests.take(request_id=sent.pk, by=manager, at=LATER)

    requests.withdraw(request_id=sent.pk, by=sent.applicant, at=LATER)
    requests.withdraw(request_id=sent.pk, by=sent.applicant, at=LATER + timedelta(days=1))
    with pytest.raises(CannotAnswer, match="withdrawn already"):
        requests.answer(request_id=sent.pk, outcome="answered", text="A", by=manager, at=LATER)
    answered = send(form)
    requests.answer(request_id=answered.pk, outcome="answered", text="A", by=manager, at=LATER)
    with pytest.raises(CannotWithdraw, match="answered already"):
        requests.withdraw(request_id=answered.pk, by=answered.applicant, at=LATER)

    assert Request.objects.get(pk=sent.pk).withdrawn_at == LATER


# --- Who sees what


def test_the_queue_is_scoped_and_sensitive_requests_stay_with_managers_and_screeners(form):
    program = form.program
    people = {role: make_member(program, role) for role in Role}
    plain = make_request(form)
    secret = make_request(form, sensitive="yes", care="A hole that is open.")
    own = make_request(form, by=people[Role.MANAGER])
    award = make_award(program)
    linked = make_request(form, by=award.applicant, application=award)
    Conflict.objects.create(
        application=award, user=people[Role.SCREENER], reason="Friends.", declared_at=BEFORE
    )
    make_request(make_request_form(make_program()))

    seen = {role: set(request_queue.visible(staff.desk_of(person))) for role, person in people.items()}

    assert seen == {
        Role.MANAGER: {plain, secret, linked},
        Role.SCREENER: {plain, secret, own},
        Role.AUDITOR: {plain, own, linked},
        Role.REVIEWER: set(),
        Role.FINANCE: set(),
        Role.OPERATOR: set(),
    }
    late = BEFORE + timedelta(days=6)
    assert request_queue.waiting(staff.desk_of(people[Role.MANAGER]), at=late) == {"open": 3, "late": 3}
    assert request_queue.waiting(staff.desk_of(people[Role.AUDITOR]), at=late) == {"open": 0, "late": 0}


# --- What the database refuses


@pytest.mark.parametrize("before", list(RequestState))
def test_every_state_has_its_row_of_transitions(before):
    assert set(MAY_BECOME[before]) <= set(RequestState)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "approved"},
        {"state": "in_work"},
        {"state": "withdrawn"},
        {"state": "lost"},
        {"answers": {}},
        {"sections": []},
        {"sent_at": LATER},
        {"reference": "X"},
        {"taken_at": LATER},
        {"decided_at": LATER},
    ],
)
def test_no_query_steps_outside_the_rules(form, change):
    sent = send(form)

    with pytest.raises(DatabaseError), transaction.atomic():
        Request.objects.filter(pk=sent.pk).update(**change)


def test_a_withdrawn_request_stays_withdrawn_and_nothing_is_deleted(form, manager):
    sent, answered = send(form), send(form)
    requests.withdraw(request_id=sent.pk, by=sent.applicant, at=LATER)
    given = requests.answer(request_id=answered.pk, outcome="answered", text="A", by=manager, at=LATER)

    for act in (
        lambda: Request.objects.filter(pk=sent.pk).update(state="new", withdrawn_at=None),
        lambda: Request.objects.filter(pk=sent.pk).delete(),
        lambda: RequestAnswer.objects.filter(pk=given.pk).update(text="B"),
        lambda: RequestAnswer.objects.filter(pk=given.pk).delete(),
        lambda: RequestAnswer.objects.create(
            request=answered,
            number=2,
            outcome="declined",
            text="No.",
            conditions="If only.",
            answered_by=manager,
            answered_at=LATER,
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


# --- No way to a grant


def test_no_table_of_credits_and_no_decision_refers_to_a_request():
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conrelid::regclass::text FROM pg_constraint
            WHERE contype = 'f' AND confrelid IN ('applications_request'::regclass, 'applications_requestanswer'::regclass)
            """
        )
        referring = {name for (name,) in cursor.fetchall()}

    # Of these only credit that is decided later leads to a grant; a trigger lets it name urgent requests alone
    # (tests/applications/test_later_credit.py).
    assert referring == {"applications_requestanswer", "applications_paper", "applications_latercredit"}


def test_a_request_refers_to_nothing_that_holds_credit():
    related = {
        field.related_model._meta.label
        for model in (Request, RequestAnswer, RequestForm)
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete
    }
    named = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_app_config("credits").get_models()
        for field in model._meta.get_fields()
        if field.is_relation and field.related_model in (Request, RequestAnswer, RequestForm)
    ]

    assert related == {
        "applications.Application",
        "applications.Request",
        "portal.User",
        "programs.Program",
        "programs.RequestForm",
    }
    assert named == []


def test_the_operations_import_nothing_of_credits_and_no_decision():
    source = Path(requests.__file__).read_text()
    names = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in [getattr(node, "module", "") or "", *(alias.name for alias in node.names)]
    }

    assert not [name for name in names if name.split(".")[0] in ("credits", "decisions", "release", "topups")]


@pytest.mark.parametrize("outcome", ["answered", "approved", "declined"])
def test_answering_moves_no_credit(form, manager, outcome):
    award = make_award(form.program)
    sent = send(form, by=award.applicant, application_id=award.pk)
    tables = (Transfer, Entry, Grant, LedgerAccount)
    before = [model.objects.count() for model in tables]

    requests.answer(request_id=sent.pk, outcome=outcome, text="A", by=manager, at=LATER)

    assert [model.objects.count() for model in tables] == before
