"""Plan, open and close the monthly evaluations. The database decides what is due; the clock only asks."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from portal.refusals import Refused
from programs import schedule
from programs.models import Cycle, CycleState, Program, ProgramState

MONTHS_AHEAD = 12
PLANNED_FOR = (ProgramState.OPEN, ProgramState.PAUSED)


class NoCycle(Refused):
    """No evaluation lies ahead."""


@dataclass(frozen=True)
class Changes:
    """How many cycles one call planned, opened or closed."""

    planned: int = 0
    opened: int = 0
    closed: int = 0


def plan(*, program_id: int, at: datetime, months_ahead: int = MONTHS_AHEAD) -> int:
    """Make the cycles of the coming months that are not there yet; returns how many.

    Starts after the last cycle that exists, so that a clock that was away for a month plans the same cycles as one
    that never stopped. Safe to run by many at once: the program row is the lock.
    """
    with transaction.atomic():
        program = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
        last = program.cycles.order_by("-evaluation_on").first()
        exceptions = dict(program.schedule_exceptions.values_list("regular_on", "moved_to_on"))
        cycles = _missing(program, last, exceptions, at=at, months_ahead=months_ahead)
        return len(Cycle.objects.bulk_create(cycles))


def _missing(
    program: Program,
    last: Cycle | None,
    exceptions: dict[date, date | None],
    *,
    at: datetime,
    months_ahead: int,
) -> list[Cycle]:
    """Pure: the cycles of the coming months after the last one that exists, not stored yet."""
    local_today = at.astimezone(ZoneInfo(program.time_zone)).date()
    moments = schedule.moments(
        rule=program.schedule_rule,
        time_zone=program.time_zone,
        time_of_day=program.cut_off_time,
        exceptions=exceptions,
        decided_by_days=program.decided_by_days,
        after=last.evaluation_on if last else local_today,
        until=local_today + timedelta(days=31 * months_ahead),
    )
    opens_at = last.cut_off_at if last else _first_opening(program, at)
    cycles = []
    for moment in moments:
        if moment.cut_off_at <= opens_at:
            continue
        cycles.append(
            Cycle(
                program=program,
                evaluation_on=moment.evaluation_on,
                shifted_from_on=moment.shifted_from,
                opens_at=opens_at,
                cut_off_at=moment.cut_off_at,
                decided_by_on=moment.decided_by_on,
                review_due_at=moment.cut_off_at + timedelta(days=program.review_days),
            )
        )
        opens_at = moment.cut_off_at
    return cycles


def _to_plan(*, at: datetime) -> list[int]:
    """The programs that lack a cycle. Three queries and no lock, so that the minutes with nothing to plan cost little."""
    programs = (
        Program.objects.filter(state__in=PLANNED_FOR).order_by("pk").prefetch_related("schedule_exceptions")
    )
    last = {
        cycle.program_id: cycle
        for cycle in Cycle.objects.filter(program__state__in=PLANNED_FOR)
        .order_by("program_id", "-evaluation_on")
        .distinct("program_id")
    }
    return [
        program.pk
        for program in programs
        if _missing(
            program,
            last.get(program.pk),
            {one.regular_on: one.moved_to_on for one in program.schedule_exceptions.all()},
            at=at,
            months_ahead=MONTHS_AHEAD,
        )
    ]


def replan(*, program_id: int, at: datetime) -> int:
    """Plan again after the rule or its exceptions changed. Cycles that are open or hold an application stand."""
    with transaction.atomic():
        Program.objects.select_for_update(of=("self",)).get(pk=program_id)
        Cycle.objects.filter(
            program_id=program_id, state=CycleState.PLANNED, cut_off_at__gt=at, applications__isnull=True
        ).delete()
        return plan(program_id=program_id, at=at)


def turn(*, at: datetime) -> Changes:
    """Plan ahead, open the cycles whose time has come, and close those whose decided-by date has passed.

    Idempotent; any number of callers at once. A cycle leaves OPEN only through applications.batches.form.
    """
    planned = sum(plan(program_id=pk, at=at) for pk in _to_plan(at=at))
    opened = Cycle.objects.filter(state=CycleState.PLANNED, opens_at__lte=at).update(state=CycleState.OPEN)
    closed = 0
    for cycle in Cycle.objects.filter(state=CycleState.IN_REVIEW, decided_by_on__lt=at.date()).select_related(
        "program"
    ):
        if decided_by_passed(cycle, at):
            closed += Cycle.objects.filter(pk=cycle.pk, state=CycleState.IN_REVIEW).update(
                state=CycleState.CLOSED, closed_at=at
            )
    return Changes(planned=planned, opened=opened, closed=closed)


def due_for_batch(*, at: datetime) -> list[int]:
    """The cycles whose cut-off has passed and that have no batch yet, oldest first."""
    return list(
        Cycle.objects.filter(state__in=(CycleState.PLANNED, CycleState.OPEN), cut_off_at__lte=at)
        .order_by("cut_off_at", "pk")
        .values_list("pk", flat=True)
    )


def accepting(program: Program, *, at: datetime) -> Cycle:
    """The cycle that an application sent at this moment belongs to. Raises NoCycle when none is planned."""
    cycle = (
        program.cycles.filter(state__in=(CycleState.PLANNED, CycleState.OPEN), cut_off_at__gt=at)
        .order_by("cut_off_at")
        .first()
    )
    if cycle is None:
        raise NoCycle(
            _("No evaluation of %(program)s is planned yet. Your draft is kept; please come back.")
            % {"program": program}
        )
    return cycle


def decided_by_passed(cycle: Cycle, at: datetime) -> bool:
    """Whether the decided-by date is over in the program's zone."""
    return at.astimezone(ZoneInfo(cycle.program.time_zone)).date() > cycle.decided_by_on


def end_of_decided_by(cycle: Cycle) -> datetime:
    """The first instant after the decided-by date in the program's zone."""
    return _midnight(cycle.decided_by_on + timedelta(days=1), cycle.program.time_zone)


def opening(program: Program) -> datetime:
    """The instant from which applications are taken. Needs `opens_on`."""
    if program.opens_on is None:
        raise ValueError(f"{program} has no opening date")
    return _midnight(program.opens_on, program.time_zone)


def _first_opening(program: Program, at: datetime) -> datetime:
    return at if program.opens_on is None else max(at, opening(program))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
