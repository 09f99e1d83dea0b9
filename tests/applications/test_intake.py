from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications import intake
from applications.models import Application, ApplicationRevision, Notice
from applications.states import State
from programs import catalogue
from programs.models import CycleState, EligibilityRule, MessageKind, ProgramState, RuleKind
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    make_draft,
    make_program,
    make_submitted,
    make_user,
    next_cycle,
)
from tests.factories.evaluation import Evaluation

pytestmark = pytest.mark.django_db


def test_submit_puts_the_application_into_the_next_cycle_with_a_receipt() -> None:
    program = make_program()
    draft = make_draft(
        program, title="Reading frames", organization_id="0B0C9A64-7A56-4A39-9F5E-1D2C3B4A5968"
    )

    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    assert sent.state == State.SUBMITTED
    assert sent.cycle == next_cycle(program)
    assert sent.reference.startswith(f"{program.short_code}-2026-12-")
    assert (sent.title, sent.country, sent.requested_cents, sent.requested_months) == (
        "Reading frames",
        "US",
        6_000_00,
        6,
    )
    assert sent.organization_id_text == "0b0c9a64-7a56-4a39-9f5e-1d2c3b4a5968"
    assert ApplicationRevision.objects.get(application=sent).answers == sent.answers
    assert Notice.objects.get(application=sent).kind == MessageKind.RECEIPT


def test_submitting_twice_is_one_application() -> None:
    draft = make_draft(make_program())

    first = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    again = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE + timedelta(seconds=1))

    assert (again.pk, again.reference, again.submitted_at) == (first.pk, first.reference, first.submitted_at)
    assert Notice.objects.count() == ApplicationRevision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_submits_at_once_are_one_application() -> None:
    draft = make_draft(make_program())
    barrier, references = Barrier(10), []

    def click() -> None:
        barrier.wait()
        references.append(intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE).reference)
        connection.close()

    threads = [Thread(target=click) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(references) == 10
    assert len(set(references)) == 1
    assert Application.objects.count() == Notice.objects.count() == ApplicationRevision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_first_clicks_make_one_draft() -> None:
    program, person = make_program(), make_user()
    barrier, drafts = Barrier(4), []

    def click() -> None:
        barrier.wait()
        drafts.append(intake.start(program_id=program.pk, answers={}, by=person, at=BEFORE).pk)
        connection.close()

    threads = [Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(drafts) == 4
    assert len(set(drafts)) == 1


def test_missing_answers_are_named_and_nothing_is_lost() -> None:
    draft = make_draft(make_program(), title="", abstract="word " * 260)

    with pytest.raises(intake.CannotSubmit, match="2 things to fix") as refusal:
        intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    assert list(refusal.value.problems) == ["title", "abstract"]
    draft.refresh_from_db()
    assert draft.state == State.DRAFT
    assert draft.answers["abstract"] == "word " * 260


@pytest.mark.parametrize(("seconds", "month"), [(-1, 12), (0, 1), (1, 1)])
def test_the_cut_off_decides_the_cycle_to_the_second(seconds: int, month: int) -> None:
    draft = make_draft(make_program())

    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=CUT_OFF + timedelta(seconds=seconds))

    assert sent.cycle.evaluation_on.month == month


def test_a_cycle_whose_batch_is_formed_takes_nothing_more() -> None:
    program = make_program()
    draft = make_draft(program)
    cycle = next_cycle(program)
    type(cycle).objects.filter(pk=cycle.pk).update(state=CycleState.IN_REVIEW)

    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    assert sent.cycle.evaluation_on > cycle.evaluation_on


def test_a_second_application_in_the_same_cycle_is_refused() -> None:
    program, person = make_program(), make_user()
    make_submitted(program, applicant=person)
    second = make_draft(program, applicant=person)

    with pytest.raises(intake.CannotSubmit, match="One person has one application"):
        intake.submit(application_id=second.pk, by=person, at=BEFORE)

    second.refresh_from_db()
    assert second.state == State.DRAFT


def test_a_country_that_is_not_served_is_refused_before_and_after_the_form() -> None:
    program = make_program()

    with pytest.raises(intake.CannotStart, match="not offered in this country"):
        intake.start(program_id=program.pk, answers={"country": "KP"}, by=make_user(), at=BEFORE)

    draft = make_draft(program)
    intake.save_answers(
        application_id=draft.pk, changes={"country": "KP"}, version=0, by=draft.applicant, at=BEFORE
    )
    with pytest.raises(intake.CannotSubmit, match="not offered in this country"):
        intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)


def test_a_throw_away_address_is_flagged_not_refused() -> None:
    program = make_program()
    EligibilityRule.objects.create(
        program=program, kind=RuleKind.DISPOSABLE_EMAIL, outcome="flag", sentence="A throw-away address."
    )

    assert make_submitted(program, applicant=make_user("x@mailinator.com")).state == State.SUBMITTED


def test_a_closed_program_keeps_the_draft() -> None:
    program = make_program()
    draft = make_draft(program)
    catalogue.close_program(program_id=program.pk, state=ProgramState.CLOSED, by=None, at=BEFORE)

    with pytest.raises(intake.CannotSubmit, match="does not take applications now"):
        intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    with pytest.raises(intake.CannotStart):
        intake.start(program_id=program.pk, answers={}, by=make_user(), at=BEFORE)

    assert Application.objects.get().state == State.DRAFT


def test_a_stale_tab_is_told_and_overwrites_nothing() -> None:
    draft = make_draft(make_program())
    by = draft.applicant
    version = intake.save_answers(
        application_id=draft.pk, changes={"title": "Mine"}, version=0, by=by, at=BEFORE
    )

    with pytest.raises(intake.StaleTab, match="another window") as refusal:
        intake.save_answers(application_id=draft.pk, changes={"title": "Old"}, version=0, by=by, at=BEFORE)

    assert version == refusal.value.current_version == 1
    draft.refresh_from_db()
    assert draft.answers["title"] == "Mine"


def test_a_sent_application_can_be_edited_until_the_cut_off() -> None:
    sent = make_submitted(make_program())
    by = sent.applicant

    intake.save_answers(
        application_id=sent.pk, changes={"title": "Better"}, version=sent.answers_version, by=by, at=BEFORE
    )
    with pytest.raises(intake.CannotSubmit):
        intake.save_answers(application_id=sent.pk, changes={"title": ""}, version=None, by=by, at=BEFORE)
    with pytest.raises(intake.CannotEdit, match="cut-off has passed"):
        intake.save_answers(
            application_id=sent.pk, changes={"title": "Late"}, version=None, by=by, at=CUT_OFF
        )

    sent.refresh_from_db()
    assert sent.title == "Better"
    assert [revision.answers["title"] for revision in sent.revisions.order_by("number")][-1] == "Better"
    assert sent.revisions.count() == 2


def test_withdraw_ends_an_application_and_frees_the_cycle() -> None:
    program = make_program()
    sent = make_submitted(program)

    intake.withdraw(application_id=sent.pk, by=sent.applicant, at=BEFORE)
    intake.withdraw(application_id=sent.pk, by=sent.applicant, at=BEFORE)

    sent.refresh_from_db()
    assert sent.state == State.WITHDRAWN
    assert make_submitted(program, applicant=sent.applicant).state == State.SUBMITTED


def test_references_do_not_count() -> None:
    program = make_program()

    numbers = [int(make_submitted(program).reference.rsplit("-", 1)[1]) for _ in range(8)]

    assert numbers != sorted(numbers) or max(numbers) - min(numbers) > 100


END = datetime(2026, 12, 22, 8, tzinfo=UTC)  # the decided-by date is over


@pytest.mark.parametrize("told", [True, False])
def test_what_an_applicant_was_told_is_not_taken_back(told: bool) -> None:
    """Else the waiting time would end with it, and after the date the answer would tell undecided from declined."""
    world = Evaluation(**({"decline_mode": "told"} if told else {}))
    world.to_review()
    if told:
        world.decline()
        world.release()
    at = AFTER if told else END

    with pytest.raises(intake.CannotWithdraw):
        intake.withdraw(application_id=world.application.pk, by=world.application.applicant, at=at)

    world.application.refresh_from_db()
    assert world.application.state == (State.DECLINED if told else State.IN_REVIEW)


def test_an_edit_of_a_sent_application_locks_its_cycle_first() -> None:
    """As forming the batch does: in two orders an edit at the cut-off and the batch would wait for each other."""
    sent = make_submitted(make_program())

    with CaptureQueriesContext(connection) as queries:
        intake.save_answers(
            application_id=sent.pk, changes={"title": "Later"}, version=None, by=sent.applicant, at=BEFORE
        )

    locks = [query["sql"] for query in queries if " FOR " in query["sql"]]
    assert "programs_cycle" in locks[0]
    assert "FOR SHARE" in locks[0]
    assert "applications_application" in locks[1]
