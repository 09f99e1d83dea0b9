"""Reminders: who gets which one when, at most one a day, and nothing to people with nothing to do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from applications import notices, reminders, review
from applications.models import (
    Assignment,
    AssignmentState,
    GateDuty,
    GateResult,
    Notice,
    Reminder,
    ReminderDay,
)
from applications.review import Look
from applications.states import State
from applications.tick import tick
from portal.roles import Role
from programs import memberships, preset_files, presets
from programs.models import MessageKind, MessageTemplate
from tests.factories import applications as make
from tests.factories.staff import cast

pytestmark = pytest.mark.django_db

KINDS = [MessageKind.REMIND_HALF_TIME, MessageKind.REMIND_SOON, MessageKind.REMIND_OVERDUE]
DUE = datetime(2026, 12, 14, 8, tzinfo=UTC)
HALF, SOON, LATE = (datetime(2026, 12, day, 12, tzinfo=UTC) for day in (11, 12, 15))
LOOK = Look(scores={"merit": 4, "impact": 4, "feasibility": 4})


@pytest.fixture
def world() -> Iterator[dict[str, Any]]:
    made = cast(applications=2, reviewers=2)
    Notice.objects.all().delete()
    assert abs(made["cycle"].review_due_at - DUE) < timedelta(days=1)
    return made


def queued() -> list[tuple[str, int | None]]:
    return sorted(Notice.objects.filter(kind__startswith="remind").values_list("kind", "recipient_id"))


def done_by(person: Any) -> None:
    for row in Assignment.objects.filter(reviewer=person, state=AssignmentState.TO_DO):
        review.send_in(application_id=row.application_id, look=LOOK, by=person, at=make.AFTER)


def test_each_stage_reminds_once_and_the_first_half_is_quiet(world: dict[str, Any]) -> None:
    moments = [datetime(2026, 12, day, hour, tzinfo=UTC) for day in range(7, 14) for hour in (9, 15, 23)]

    letters = [number for at in moments if (number := reminders.queue_due(at=at))]

    assert letters == [2, 2]
    assert {kind for kind, _ in queued()} == {MessageKind.REMIND_HALF_TIME, MessageKind.REMIND_SOON}


def test_overdue_comes_again_every_few_days_until_it_is_done(world: dict[str, Any]) -> None:
    days = [LATE + timedelta(days=number) for number in range(7)]

    letters = [reminders.queue_due(at=at) for at in days]

    assert letters == [2, 0, 0, 2, 0, 0, 2]
    done_by(world["reviewers"][0])
    done_by(world["reviewers"][1])
    assert reminders.queue_due(at=LATE + timedelta(days=9)) == 0


def test_nobody_is_reminded_of_nothing(world: dict[str, Any]) -> None:
    one, other = world["reviewers"]
    idle, left = make.make_member(world["program"]), other
    done_by(one)
    memberships.end(program=world["program"], user=left, role=Role.REVIEWER, by=None, at=make.AFTER)

    assert reminders.queue_due(at=HALF) == 0
    assert queued() == []
    assert idle.is_active


def test_a_letter_that_waits_is_dropped_when_its_reader_has_finished(world: dict[str, Any]) -> None:
    one, other = world["reviewers"]
    reminders.queue_due(at=HALF)
    done_by(one)

    report = notices.send_due(limit=10, at=HALF)

    assert report.sent == 1
    assert [message.to for message in mail.outbox if "remind" not in message.subject.lower()] == [
        [other.email]
    ]
    assert queued() == [(MessageKind.REMIND_HALF_TIME, other.pk)]
    assert reminders.queue_due(at=HALF + timedelta(hours=3)) == 0


def test_a_letter_says_what_is_open_when_it_is_sent(world: dict[str, Any]) -> None:
    one, _ = world["reviewers"]
    reminders.queue_due(at=HALF)
    row = Assignment.objects.filter(reviewer=one).first()
    assert row is not None
    review.send_in(application_id=row.application_id, look=LOOK, by=one, at=make.AFTER)

    subject, body = notices.render(Notice.objects.get(recipient=one))

    assert subject.startswith("1 applications")
    assert "You have done 1 of 2" in body


def test_two_programs_on_one_day_make_one_digest(world: dict[str, Any]) -> None:
    one, _ = world["reviewers"]
    second = make.make_program()
    memberships.give(program=second, user=one, role=Role.REVIEWER, by=None, at=make.BEFORE)
    make.make_batch(second, applications=3)

    reminders.queue_due(at=HALF)

    mine = Notice.objects.filter(recipient=one, kind__startswith="remind").get()
    subject, body = notices.render(mine)
    assert mine.kind == MessageKind.REMIND_DIGEST
    assert subject == "5 applications wait for you"
    assert body.count("\n- ") == 2
    assert "3 to do" in body
    assert Reminder.objects.filter(user=one).count() == 2


@pytest.mark.parametrize(
    ("switch", "at"), [("remind_half_time", HALF), ("remind_soon", SOON), ("remind_overdue", LATE)]
)
def test_each_program_has_a_switch_for_each_stage(world: dict[str, Any], switch: str, at: datetime) -> None:
    program = world["program"]
    setattr(program, switch, False)
    program.save(update_fields=[switch])

    assert reminders.queue_due(at=at) == 0
    setattr(program, switch, True)
    program.save(update_fields=[switch])
    assert reminders.queue_due(at=at + timedelta(days=1)) == 2


def test_screeners_are_reminded_of_gates() -> None:
    program = make.make_program()
    make.make_member(program)
    screener = make.make_member(program, Role.SCREENER)
    sent = make.make_submitted(program, field="biology")
    make.make_batch(program, submitted=[sent])
    assert GateDuty.objects.get().screener == screener
    reminders.queue_due(at=SOON)
    assert (MessageKind.REMIND_SOON, screener.pk) in queued()

    review.answer_gate(
        application_id=sent.pk, criterion_key="biosecurity", outcome="passed", note="", by=screener, at=SOON
    )

    assert reminders.values(Notice.objects.get(recipient=screener, kind=MessageKind.REMIND_SOON)) is None


def test_a_missed_day_is_made_up_for_and_the_clock_may_ask_as_often_as_it_likes(
    world: dict[str, Any],
) -> None:
    for _ in range(3):
        tick(at=SOON)

    assert len(queued()) == 2
    assert {kind for kind, _ in queued()} == {MessageKind.REMIND_SOON}
    assert ReminderDay.objects.get().letters == 2


def test_the_programs_own_text_is_used_where_there_is_one(world: dict[str, Any]) -> None:
    MessageTemplate.objects.create(
        program=world["program"],
        kind=MessageKind.REMIND_SOON,
        subject="Left: {count}",
        body="{list}\n{due_date}",
    )
    reminders.queue_due(at=SOON)

    subject, body = notices.render(Notice.objects.filter(kind=MessageKind.REMIND_SOON)[0])

    assert subject == "Left: 2"
    assert "2 to do" in body


def test_the_shipped_programs_carry_all_four_texts_with_placeholders_that_exist() -> None:
    for path in presets.shipped():
        text = path.read_text()
        document, _ = preset_files.read(text)
        letters = {letter["kind"]: letter for letter in document["messages"]}
        assert preset_files.write(document) == text
        for kind in (*KINDS, MessageKind.REMIND_DIGEST):
            assert notices.problems(letters[kind]["subject"], letters[kind]["body"]) == []
            assert "{list}" not in letters[kind]["body"] or kind == MessageKind.REMIND_DIGEST


def test_a_gate_whose_answer_expired_is_open_again() -> None:
    world = cast(applications=0)
    screener = make.make_member(world["program"], Role.SCREENER)
    one = make.make_many(world["program"], 1, cycle=world["cycle"], state=State.IN_REVIEW)[0]
    GateDuty.objects.create(application=one, screener=screener, assigned_at=make.AFTER, due_at=DUE)
    gate = world["program"].criteria.get(key="biosecurity")
    answer = GateResult.objects.create(
        application=one, criterion=gate, outcome="passed", decided_by=screener, decided_at=make.AFTER
    )

    def left() -> list[int]:
        return [row.left for row in reminders.still_open([world["cycle"].pk], user_id=screener.pk)]

    assert left() == []
    GateResult.objects.filter(pk=answer.pk).update(expired_at=make.AFTER)
    assert left() == [1]
