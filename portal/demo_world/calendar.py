"""When things happen in the demo world: the evaluations are laid around the present day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from programs import cycles, schedule
from programs.models import Cycle, Program, ScheduleException

LONGEST_UNDER_WAY = timedelta(days=9)
REASON = "The review panel meets later this month."


@dataclass(frozen=True)
class Calendar:
    """The evaluations of one program: two are over, one is under review, one takes applications."""

    older: Cycle
    newer: Cycle
    under_way: Cycle
    open: Cycle

    @property
    def opens_at(self) -> datetime:
        return self.older.opens_at


def lay(program: Program, at: datetime) -> Calendar:
    """Plan the program's evaluations from three months ago on, so that one is under review at `at`.

    When the last one is longer ago than a review takes, it is moved to a later Monday by an exception of the schedule.
    Cycles without applications are planned anew; the program must not have others.
    """
    passed = _last_passed(program, at)
    last = passed.shifted_from or passed.evaluation_on
    if at - passed.cut_off_at > LONGEST_UNDER_WAY:
        ScheduleException.objects.update_or_create(
            program=program,
            regular_on=last,
            defaults={"moved_to_on": _latest_monday(program, at), "reason": REASON},
        )
    Cycle.objects.filter(program=program, applications__isnull=True, batch__isnull=True).delete()
    # Five weeks before the older of two monthly evaluations, whatever the months' lengths.
    cycles.plan(program_id=program.pk, at=_start(program, last))
    cycles.plan(program_id=program.pk, at=at)
    past = list(program.cycles.filter(cut_off_at__lte=at).order_by("-cut_off_at")[:3])
    ahead = program.cycles.filter(cut_off_at__gt=at).earliest("cut_off_at")
    return Calendar(older=past[2], newer=past[1], under_way=past[0], open=ahead)


def share(start: datetime, end: datetime, part: float) -> datetime:
    """The moment at a part of the way from start to end, to the second."""
    return (start + (end - start) * part).replace(microsecond=0)


def _moments(program: Program, after: date, until: date) -> list[schedule.Moment]:
    """The regular evaluations, exceptions of the shipped calendar included."""
    return schedule.moments(
        rule=program.schedule_rule,
        time_zone=program.time_zone,
        time_of_day=program.cut_off_time,
        exceptions={
            exception.regular_on: exception.moved_to_on
            for exception in program.schedule_exceptions.exclude(reason=REASON)
        },
        decided_by_days=program.decided_by_days,
        after=after,
        until=until,
    )


def _last_passed(program: Program, at: datetime) -> schedule.Moment:
    """The last evaluation whose cut-off has passed."""
    today = _local_day(program, at)
    moments = _moments(program, today - timedelta(days=70), today + timedelta(days=1))
    return [moment for moment in moments if moment.cut_off_at <= at][-1]


def _start(program: Program, last: date) -> datetime:
    """A month before the third evaluation from the end: there the demo world begins."""
    before = [
        moment
        for moment in _moments(program, last - timedelta(days=100), last)
        if moment.evaluation_on < last
    ]
    return before[-2].cut_off_at - timedelta(days=26)


def _latest_monday(program: Program, at: datetime) -> date:
    """Three to nine days ago: some reviews are in, others are not."""
    day = _local_day(program, at) - timedelta(days=3)
    return day - timedelta(days=day.weekday())


def _local_day(program: Program, at: datetime) -> date:
    return at.astimezone(ZoneInfo(program.time_zone)).date()
