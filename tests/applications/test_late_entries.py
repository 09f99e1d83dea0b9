"""Late entries: who gets in after the cut-off, with what, and what becomes of the batch."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from applications import intake, late_entries, references
from applications.models import Application, Batch, LateEntry, Notice
from applications.states import State
from portal import clock
from portal.models import AuditEvent
from portal.roles import Role
from programs.models import MessageKind, Program
from tests.factories import applications as make
from tests.factories.evaluation import Evaluation

pytestmark = pytest.mark.django_db

SOON = make.AFTER + timedelta(days=2)


@pytest.fixture
def program() -> Program:
    program = make.make_program()
    for _ in range(3):
        make.make_member(program)
    return program


@pytest.fixture
def batch(program: Program) -> Batch:
    return make.make_batch(program, applications=2)


@pytest.fixture
def manager(program: Program) -> Any:
    return make.make_member(program, Role.MANAGER)


def code_for(batch: Batch, by: Any, **changes: Any) -> tuple[LateEntry, str]:
    given = {"reason": "The site was down.", "expires_at": SOON, "uses_allowed": 1} | changes
    return late_entries.issue(cycle_id=batch.cycle_id, by=by, at=make.AFTER, **given)


def send(draft: Application, code: str, at: Any = make.AFTER) -> Application:
    return late_entries.send(application_id=draft.pk, code=code, by=draft.applicant, at=at)


def test_a_code_lets_one_application_into_the_batch_and_the_manifest_stays(program, batch, manager):
    entry, code = code_for(batch, manager)
    draft = make.make_draft(program, at=make.AFTER)
    before = (batch.applications_count, batch.manifest_sha256)

    sent = send(draft, code.lower().replace("-", " "))
    again = send(draft, code)

    batch.refresh_from_db()
    place = sent.batch_entries.get()
    assert sent.pk == again.pk
    assert (sent.state, sent.cycle_id) == (State.IN_REVIEW, batch.cycle_id)
    assert (place.late, place.late_entry, place.position) == (True, entry, 3)
    assert (batch.applications_count, batch.manifest_sha256) == before
    assert sent.assignments.count() == program.reviews_wanted
    entry.refresh_from_db()
    assert entry.uses == 1
    assert code not in entry.code_hash
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"late_entry.issue", "late_entry.use"}


def test_a_taken_reference_is_drawn_again(program, batch, manager, monkeypatch):
    _, code = code_for(batch, manager)
    taken = Application.objects.filter(cycle=batch.cycle).first().reference
    free = f"{program.short_code}-2026-12-777777"
    drawn = iter([taken, taken, free])
    monkeypatch.setattr(references, "draw", lambda *_: next(drawn))

    sent = send(make.make_draft(program, at=make.AFTER), code)

    assert (sent.reference, sent.state) == (free, State.IN_REVIEW)
    assert LateEntry.objects.get().uses == 1


def test_when_every_reference_is_taken_nothing_is_sent(program, batch, manager, monkeypatch):
    _, code = code_for(batch, manager)
    taken = Application.objects.filter(cycle=batch.cycle).first().reference
    monkeypatch.setattr(references, "draw", lambda *_: taken)
    draft = make.make_draft(program, at=make.AFTER)

    with pytest.raises(intake.CannotSubmit, match="could not number"):
        send(draft, code)

    draft.refresh_from_db()
    assert (draft.state, draft.cycle_id) == (State.DRAFT, None)
    assert LateEntry.objects.get().uses == 0


def test_the_reviewers_of_a_late_application_get_their_letter(program, batch, manager):
    _, code = code_for(batch, manager)
    before = set(Notice.objects.values_list("pk", flat=True))

    sent = send(make.make_draft(program, at=make.AFTER), code)
    send(sent, code)

    letters = Notice.objects.exclude(pk__in=before).filter(kind=MessageKind.ASSIGNMENT)
    assert sorted(letters.values_list("recipient_id", flat=True)) == sorted(
        sent.assignments.values_list("reviewer_id", flat=True)
    )
    assert {letter.values["count"] for letter in letters} == {1}


def test_a_late_application_is_screened_like_the_others(program, batch, manager):
    _, code = code_for(batch, manager)
    twin = Application.objects.filter(cycle=batch.cycle).first()
    draft = make.make_draft(program, at=make.AFTER, abstract=twin.answers["abstract"])

    sent = send(draft, code)

    assert list(sent.checks.values_list("kind", flat=True)) == ["near_duplicate"]
    assert sent.checks.get().details["applications"][0]["application"] == twin.pk


def test_rules_that_block_and_missing_answers_stop_it_as_in_time(program, batch, manager):
    _, code = code_for(batch, manager, uses_allowed=2)
    incomplete = make.make_draft(program, at=make.AFTER, title="")
    blocked = make.make_draft(program, at=make.AFTER)
    Application.objects.filter(pk=blocked.pk).update(answers=blocked.answers | {"country": "KP"})

    for draft in (incomplete, blocked):
        with pytest.raises(intake.CannotSubmit):
            send(draft, code)

    assert LateEntry.objects.get().uses == 0
    assert set(Application.objects.filter(batch_entries__late=True)) == set()


def test_a_code_is_for_its_program_its_time_and_its_number(program, batch, manager):
    entry, code = code_for(batch, manager)
    foreign = make.make_draft(make.make_program(at=make.AFTER), at=make.AFTER)
    first, second = (make.make_draft(program, at=make.AFTER) for _ in range(2))

    for draft, typed, at in (
        (foreign, code, make.AFTER),
        (first, "WRONG-CODE", make.AFTER),
        (first, "", make.AFTER),
        (first, code, SOON),
    ):
        with pytest.raises(late_entries.CannotEnterLate, match="does not work"):
            send(draft, typed, at)
    send(first, code)
    with pytest.raises(late_entries.CannotEnterLate):
        send(second, code)
    late_entries.end(late_entry_id=entry.pk, by=manager, at=make.AFTER)

    assert LateEntry.objects.get().uses == 1


def test_an_ended_code_opens_nothing(program, batch, manager):
    entry, code = code_for(batch, manager)
    late_entries.end(late_entry_id=entry.pk, by=manager, at=make.AFTER)

    with pytest.raises(late_entries.CannotEnterLate):
        send(make.make_draft(program, at=make.AFTER), code)


def test_one_person_has_one_application_at_a_time(program, batch, manager):
    _, code = code_for(batch, manager)
    sent = Application.objects.filter(cycle=batch.cycle).first()
    draft = make.make_draft(program, applicant=sent.applicant, at=make.AFTER)

    with pytest.raises(intake.CannotSubmit, match="one application"):
        send(draft, code)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": "  "}, "Give a reason"),
        ({"expires_at": make.AFTER}, "a moment ahead"),
        ({"expires_at": make.AFTER + timedelta(days=400)}, "a moment ahead"),
        ({"uses_allowed": 0}, "one to"),
        ({"uses_allowed": 51}, "one to"),
    ],
)
def test_limits_that_make_no_sense_are_refused(batch, manager, changes, said):
    with pytest.raises(late_entries.CannotIssue, match=said):
        code_for(batch, manager, **changes)


def test_there_is_no_code_before_the_batch(program, manager):
    with pytest.raises(late_entries.CannotIssue, match="no batch"):
        late_entries.issue(
            cycle_id=make.next_cycle(program).pk,
            reason="x",
            expires_at=SOON,
            uses_allowed=1,
            by=manager,
            at=make.BEFORE,
        )


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_pages_give_a_code_once_and_take_it(program, batch, manager):
    draft = make.make_draft(program, at=make.AFTER)
    desk, writer = signed_in(manager), signed_in(draft.applicant)
    url = reverse("admin:late_issue", args=[batch.cycle_id])
    send_url = reverse("applications:send_late", args=[draft.public_id])

    with clock.set_to(make.AFTER):
        page = desk.post(url, {"reason": "Hospital", "uses": "1", "days": "2"}, follow=True).text
        code = page.split("The code is ")[1][:14]
        form = writer.get(reverse("applications:review_and_send", args=[draft.public_id])).text
        wrong = writer.post(send_url, {"code": "nonsense"}, follow=True).text
        writer.post(send_url, {"code": code})
        board = desk.get(reverse("admin:batch_board_of", args=[batch.cycle_id])).text
        bad = desk.post(url, {"reason": "", "uses": "many", "days": "2"}, follow=True).text

    draft.refresh_from_db()
    assert "I have a code for a late entry" in form
    assert "does not work" in wrong
    assert draft.state == State.IN_REVIEW
    assert code not in board
    assert "Hospital" in board
    assert draft.reference in board
    assert "Reason: This field is required." in bad


def test_only_its_managers_give_codes(batch):
    stranger = signed_in(make.make_member(make.make_program(), Role.MANAGER))
    reviewer = signed_in(make.make_member(batch.cycle.program))
    data = {"reason": "x", "uses": "1", "days": "2"}

    for client in (stranger, reviewer):
        answer = client.post(reverse("admin:late_issue", args=[batch.cycle_id]), data)
        assert answer.status_code in (403, 404)
    assert not LateEntry.objects.exists()


def test_somebody_awarded_in_this_evaluation_is_refused_in_words():
    world = Evaluation()
    world.to_review()
    world.fund()
    world.award()
    world.release()
    draft = make.make_draft(world.program, applicant=world.application.applicant, at=make.AFTER)
    _, code = code_for(Batch.objects.get(cycle=world.application.cycle), world.manager)

    with pytest.raises(intake.CannotSubmit, match="already have an application in this evaluation"):
        send(draft, code)

    draft.refresh_from_db()
    assert draft.state == State.DRAFT
