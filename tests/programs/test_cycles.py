import itertools
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier, Thread

import pytest
from django.db import Error, connection, transaction

from programs import cycles
from programs.models import Cycle, CycleState, ProgramState, ScheduleException
from tests.factories.applications import BEFORE, CUT_OFF, make_program, make_submitted

pytestmark = pytest.mark.django_db


def _days(program) -> list[date]:
    return list(program.cycles.order_by("cut_off_at").values_list("evaluation_on", flat=True))


def test_twelve_months_lie_ahead_on_first_mondays() -> None:
    program = make_program()

    days = _days(program)

    assert days[:3] == [date(2026, 12, 7), date(2027, 1, 4), date(2027, 2, 1)]
    assert len(days) in (12, 13)
    assert all(day.weekday() == 0 and day.day <= 7 for day in days)
    first = program.cycles.get(evaluation_on=days[0])
    assert (first.cut_off_at, first.decided_by_on) == (CUT_OFF, date(2026, 12, 21))


def test_cycles_follow_each_other_without_a_gap() -> None:
    rows = list(make_program().cycles.order_by("cut_off_at"))

    assert all(later.opens_at == earlier.cut_off_at for earlier, later in itertools.pairwise(rows))
    assert rows[0].opens_at == BEFORE


def test_planning_again_adds_only_what_is_missing() -> None:
    program = make_program()
    before = _days(program)

    assert cycles.plan(program_id=program.pk, at=BEFORE) == 0
    assert cycles.plan(program_id=program.pk, at=BEFORE + timedelta(days=62)) == 2
    assert _days(program)[: len(before)] == before


@pytest.mark.django_db(transaction=True)
def test_planning_by_many_at_once_makes_each_cycle_once() -> None:
    program = make_program(open_it=False)
    barrier = Barrier(6)

    def plan() -> None:
        barrier.wait()
        cycles.plan(program_id=program.pk, at=BEFORE)
        connection.close()

    threads = [Thread(target=plan) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(_days(program)) == len(set(_days(program))) >= 12


def test_an_exception_shifts_or_skips_a_day() -> None:
    program = make_program()
    for regular, moved in [(date(2027, 9, 6), date(2027, 9, 7)), (date(2027, 3, 1), None)]:
        ScheduleException.objects.create(
            program=program, regular_on=regular, moved_to_on=moved, reason="Holiday"
        )

    cycles.replan(program_id=program.pk, at=BEFORE)

    days = _days(program)
    assert date(2027, 9, 7) in days
    assert date(2027, 9, 6) not in days
    assert date(2027, 3, 1) not in days
    assert program.cycles.get(evaluation_on=date(2027, 9, 7)).shifted_from_on == date(2027, 9, 6)


def test_replanning_keeps_cycles_that_hold_an_application() -> None:
    program = make_program()
    sent = make_submitted(program)

    cycles.replan(program_id=program.pk, at=BEFORE)

    sent.refresh_from_db()
    assert sent.cycle.evaluation_on == date(2026, 12, 7)
    assert len(_days(program)) == len(set(_days(program)))


def test_the_cut_off_is_the_programs_own_midnight_in_winter_and_summer() -> None:
    program = make_program(time_zone="Europe/Berlin", cut_off_time=time(9))
    rows = {row.evaluation_on: row for row in program.cycles.all()}

    assert rows[date(2026, 12, 7)].cut_off_at == datetime(2026, 12, 7, 8, tzinfo=UTC)
    assert rows[date(2027, 7, 5)].cut_off_at == datetime(2027, 7, 5, 7, tzinfo=UTC)


def test_nothing_is_open_before_the_opening_date() -> None:
    program = make_program(opens_on=date(2026, 12, 1))
    cycle = program.cycles.order_by("cut_off_at").first()

    cycles.turn(at=BEFORE)
    cycle.refresh_from_db()
    assert cycle.state == CycleState.PLANNED
    cycles.turn(at=datetime(2026, 12, 1, 8, tzinfo=UTC))
    cycle.refresh_from_db()
    assert cycle.state == CycleState.OPEN


def test_a_closed_program_is_not_planned_on() -> None:
    program = make_program()
    program.state = ProgramState.CLOSED
    program.save()
    Cycle.objects.all().delete()

    assert cycles.turn(at=BEFORE).planned == 0
    with pytest.raises(cycles.NoCycle):
        cycles.accepting(program, at=BEFORE)


def test_the_database_refuses_a_second_cycle_on_a_day() -> None:
    cycle = make_program().cycles.first()
    cycle.pk = None

    with pytest.raises(Error), transaction.atomic():
        cycle.save(force_insert=True)
