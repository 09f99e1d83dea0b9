"""Applying once more: one at a time, the waiting time, and the link to the application before."""

from datetime import UTC, date, datetime, timedelta

import pytest

from applications import again, decisions, intake, release, review, standing
from applications.models import Application
from applications.review import Look
from applications.states import State
from portal.roles import Role
from programs.models import EligibilityRule, RuleKind
from tests.factories.applications import (
    AFTER,
    BEFORE,
    answers,
    make_batch,
    make_draft,
    make_member,
    make_program,
    make_submitted,
    make_user,
)

pytestmark = pytest.mark.django_db

END = datetime(2026, 12, 22, 8, tzinfo=UTC)  # the decided-by date is over in Los Angeles


def declined(**fields) -> Application:
    """A quietly declined application of somebody, released on AFTER."""
    program = make_program(**fields)
    reviewers = [make_member(program) for _ in range(2)]
    manager = make_member(program, Role.MANAGER)
    application = make_submitted(program)
    make_batch(program, submitted=[application])
    for reviewer in reviewers:
        look = Look(scores={"merit": 2, "impact": 2, "feasibility": 2})
        review.send_in(application_id=application.pk, look=look, by=reviewer, at=AFTER)
    decisions.propose_decline(application_id=application.pk, by=manager, at=AFTER)
    release.release(cycle_id=application.cycle_id, by=manager, at=AFTER)
    application.refresh_from_db()
    return application


def start(application: Application, at: datetime, **more) -> Application:
    return intake.start(
        program_id=application.program_id, answers=answers(), by=application.applicant, at=at, **more
    )


def test_a_second_application_waits_until_the_first_is_closed() -> None:
    application = declined()
    draft = start(application, AFTER)

    with pytest.raises(intake.CannotSubmit, match="after Mon 21 Dec 2026"):
        intake.submit(application_id=draft.pk, by=draft.applicant, at=END - timedelta(days=1))

    assert intake.submit(application_id=draft.pk, by=draft.applicant, at=END).state == State.SUBMITTED


def test_the_refusal_is_the_same_in_every_silent_state() -> None:
    sentences = set()
    for state in (State.SUBMITTED, State.IN_REVIEW, State.DECLINED, State.DEFERRED):
        application = make_submitted(make_program(name="The same"))
        for step in (State.IN_REVIEW, state) if state != State.SUBMITTED else ():
            Application.objects.filter(pk=application.pk).exclude(state=step).update(state=step)
        draft = start(application, AFTER)
        with pytest.raises(intake.CannotSubmit) as refused:
            intake.submit(application_id=draft.pk, by=draft.applicant, at=AFTER)
        sentences.add(str(refused.value))

    assert len(sentences) == 1


def test_the_waiting_time_blocks_at_the_start_and_names_the_day() -> None:
    application = declined(reapply_wait_days=60)

    with pytest.raises(intake.CannotStart, match="Friday 5 February 2027") as refused:
        start(application, END)

    assert [finding.kind for finding in refused.value.findings] == [RuleKind.WAITING_TIME]
    assert start(application, datetime(2027, 2, 5, 20, tzinfo=UTC)).state == State.DRAFT


def test_the_revision_date_of_a_program_counts_too() -> None:
    application = declined(reapply_after_on=date(2027, 7, 1))

    with pytest.raises(intake.CannotStart, match="Thursday 1 July 2027"):
        start(application, END)


def test_a_draft_from_before_is_checked_when_it_is_sent() -> None:
    application = declined(reapply_wait_days=60)
    draft = start(application, AFTER)

    with pytest.raises(intake.CannotSubmit, match="You may apply again from"):
        intake.submit(application_id=draft.pk, by=draft.applicant, at=END)


def test_a_rule_of_the_program_can_say_it_in_its_own_words_or_only_flag() -> None:
    application = declined(reapply_wait_days=60)
    rule = EligibilityRule.objects.create(
        program=application.program, kind=RuleKind.WAITING_TIME, outcome="block", sentence="Take a breath."
    )

    with pytest.raises(intake.CannotStart, match=r"Take a breath\. You may apply again from"):
        start(application, END)
    EligibilityRule.objects.filter(pk=rule.pk).update(outcome="flag")

    assert start(application, END).state == State.DRAFT


def test_withdrawn_applications_and_other_programs_stand_in_no_way() -> None:
    program, person = make_program(reapply_wait_days=60), make_user()
    sent = make_submitted(program, applicant=person)
    intake.withdraw(application_id=sent.pk, by=person, at=BEFORE)
    make_submitted(make_program(), applicant=person)

    assert again.before(program=program, person=person, at=END) == again.Before()


def test_a_new_draft_remembers_where_it_came_from() -> None:
    application = declined()

    draft = start(application, END, earlier_id=application.pk)

    assert draft.earlier == application
    assert again.earlier_of(draft) == application


def test_somebody_elses_application_is_not_linked() -> None:
    application, stranger = declined(), make_submitted(make_program())

    draft = start(application, END, earlier_id=stranger.pk)

    assert draft.earlier is None


def test_a_draft_that_is_there_is_not_overwritten_by_earlier_answers() -> None:
    application = declined()
    draft = make_draft(application.program, applicant=application.applicant, title="Written today", at=END)

    found = start(application, END, earlier_id=application.pk)

    assert found == draft
    assert found.answers["title"] == "Written today"


def test_without_a_link_the_last_one_sent_is_the_earlier_one() -> None:
    application = declined()
    draft = start(application, END)

    assert again.earlier_of(draft) == application
    assert again.earlier_of(application) is None


def test_standing_and_rule_name_the_same_day() -> None:
    application = declined(reapply_wait_days=60)
    loaded = Application.objects.select_related("program", "cycle__program", "applicant").get(
        pk=application.pk
    )

    past = again.before(program=application.program, person=application.applicant, at=END)

    assert past.wait_until == standing.of(loaded, at=END).apply_again_on
