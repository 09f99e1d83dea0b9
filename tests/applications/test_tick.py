import random
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from applications import intake
from applications.models import Assignment, Batch, BatchEntry
from applications.tick import tick
from credits import ledger
from programs.models import Cycle, CycleState
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    make_draft,
    make_member,
    make_program,
    make_submitted,
)

pytestmark = pytest.mark.django_db


def test_a_tick_over_the_first_monday_does_everything_once() -> None:
    program = make_program()
    make_member(program)
    make_member(program)
    make_submitted(program)

    before = tick(at=CUT_OFF - timedelta(seconds=1))
    first = tick(at=CUT_OFF)
    again = tick(at=CUT_OFF + timedelta(minutes=1))

    assert before.batches == 0
    assert (first.batches, first.applications, first.assignments, first.failed) == (1, 1, 2, [])
    assert (again.batches, again.applications, again.assignments) == (0, 0, 0)
    cycles = Cycle.objects.order_by("cut_off_at")
    assert [cycle.state for cycle in cycles[:3]] == [
        CycleState.IN_REVIEW,
        CycleState.OPEN,
        CycleState.PLANNED,
    ]


def test_a_cycle_closes_after_its_decided_by_date_in_its_zone() -> None:
    make_program()
    tick(at=CUT_OFF)
    cycle = Cycle.objects.order_by("cut_off_at").first()

    tick(at=datetime(2026, 12, 22, 7, 59, tzinfo=UTC))  # still 21 December in Los Angeles
    cycle.refresh_from_db()
    assert cycle.state == CycleState.IN_REVIEW
    tick(at=datetime(2026, 12, 22, 8, 0, tzinfo=UTC))
    cycle.refresh_from_db()
    assert cycle.state == CycleState.CLOSED


@pytest.mark.parametrize(
    "away", [timedelta(hours=1), timedelta(days=1), timedelta(days=30), timedelta(days=100)]
)
def test_a_clock_that_was_away_gives_the_same_batches(away: timedelta) -> None:
    steady, late = make_program(), make_program()
    for program in (steady, late):
        make_submitted(program, at=BEFORE)
        draft = make_draft(program, at=BEFORE)
        intake.submit(application_id=draft.pk, by=draft.applicant, at=CUT_OFF + timedelta(hours=5))

    at = CUT_OFF
    while at < CUT_OFF + away:
        with mock.patch("programs.cycles.PLANNED_FOR", ()):
            tick(at=at) if at == CUT_OFF else None
        at += timedelta(days=10)
    tick(at=CUT_OFF + away)

    def members(program) -> list[tuple[object, int]]:
        batches = Batch.objects.filter(cycle__program=program).order_by("cycle__cut_off_at")
        return [(batch.cycle.evaluation_on, batch.entries.count()) for batch in batches]

    assert members(steady) == members(late)
    assert BatchEntry.objects.count() == (2 if away < timedelta(days=28) else 4)


def test_random_clocks_lose_and_double_nothing() -> None:
    """Ticks at random moments, back and forth, between submits: everybody is in the batch of their own cycle."""
    dice = random.Random(7)
    program = make_program()
    make_member(program)
    moments = sorted(BEFORE + timedelta(minutes=dice.randrange(60 * 24 * 120)) for _ in range(30))
    for moment in moments:
        draft = make_draft(program, at=moment)
        intake.submit(application_id=draft.pk, by=draft.applicant, at=moment)
        tick(at=moment + timedelta(minutes=dice.randrange(-120, 120)))
    tick(at=BEFORE + timedelta(days=200))

    assert BatchEntry.objects.count() == 30
    for entry in BatchEntry.objects.select_related("batch__cycle", "application"):
        assert entry.application.cycle_id == entry.batch.cycle_id
        assert entry.batch.cycle.opens_at <= entry.application.submitted_at < entry.batch.cycle.cut_off_at
    assert Assignment.objects.count() == 30


def test_one_programs_fault_leaves_the_others_going() -> None:
    broken, sound = make_program(), make_program()
    for program in (broken, sound):
        make_submitted(program)
    from applications import batches

    form = batches.form

    def fails_for_one(*, cycle_id: int, at: datetime):
        if Cycle.objects.get(pk=cycle_id).program_id == broken.pk:
            raise RuntimeError("disk full")
        return form(cycle_id=cycle_id, at=at)

    with mock.patch("applications.tick.batches.form", fails_for_one):
        done = tick(at=AFTER)

    assert (done.batches, len(done.failed)) == (1, 1)
    assert tick(at=AFTER).batches == 1


def test_one_steps_fault_leaves_the_steps_behind_it_going(monkeypatch) -> None:
    from applications import claims, declining

    def stopped(*, at: datetime) -> int:
        raise ledger.PostingStopped("Posting is stopped.")

    ran: list[datetime] = []
    monkeypatch.setattr(declining, "lapse_due", stopped)
    monkeypatch.setattr(claims, "queue_answers", lambda *, at: ran.append(at))

    done = tick(at=AFTER)

    assert (done.broken, done.lapsed) == (["lapsed awards"], 0)
    assert ran == [AFTER]
