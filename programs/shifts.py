"""Move one evaluation day, or leave it out, with the reason. The rule itself stays."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import cycles, schedule
from programs.models import Program, ScheduleException


class CannotShift(Refused):
    """This day cannot move, or not to there. The message says why."""


@transaction.atomic
def shift(
    *, program_id: int, regular_on: date, moved_to_on: date | None, reason: str, by: User, at: datetime
) -> ScheduleException:
    """Move the evaluation that the rule gives for `regular_on`, or leave it out (None); a day moved before moves anew.

    Days are in the program's zone. Cycles ahead that nobody uses are planned again. Raises CannotShift for a day that
    has passed, that the rule does not give, that is taken, or whose cycle people have entered already.
    """
    program = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    reason = " ".join(reason.split())[:200]
    if not reason:
        raise CannotShift("Give a reason. It is shown beside the date.")
    today = at.astimezone(ZoneInfo(program.time_zone)).date()
    for day in (regular_on, moved_to_on):
        if day is not None and day < today:
            raise CannotShift(f"{day:%-d %B %Y} has passed. Only days that lie ahead can be moved.")
    others = dict(
        program.schedule_exceptions.exclude(regular_on=regular_on).values_list("regular_on", "moved_to_on")
    )
    ahead = {day: to for day, to in others.items() if day >= today} | {regular_on: moved_to_on}
    if problems := schedule.problems(program.schedule_rule, program.time_zone, ahead):
        raise CannotShift(" ".join(problems))
    _refuse_used(program, regular_on)
    row, _ = ScheduleException.objects.update_or_create(
        program=program, regular_on=regular_on, defaults={"moved_to_on": moved_to_on, "reason": reason}
    )
    _follow(program, by=by, at=at, regular_on=regular_on, moved_to_on=moved_to_on)
    return row


@transaction.atomic
def put_back(*, program_id: int, regular_on: date, by: User, at: datetime) -> None:
    """Let an evaluation fall where the rule puts it. A day that was not moved changes nothing. Raises CannotShift."""
    program = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    found = program.schedule_exceptions.filter(regular_on=regular_on)
    if not found.exists():
        return
    if regular_on < at.astimezone(ZoneInfo(program.time_zone)).date():
        raise CannotShift(f"{regular_on:%-d %B %Y} has passed. Only days that lie ahead can be moved.")
    _refuse_used(program, regular_on)
    found.delete()
    _follow(program, by=by, at=at, regular_on=regular_on, moved_to_on=regular_on)


def _refuse_used(program: Program, regular_on: date) -> None:
    """An evaluation that somebody sent an application to stands: its date is on their receipt."""
    stands = program.cycles.filter(applications__isnull=False)
    if stands.filter(evaluation_on=regular_on, shifted_from_on=None).exists() or (
        stands.filter(shifted_from_on=regular_on).exists()
    ):
        raise CannotShift(
            f"Applications were sent to the evaluation of {regular_on:%-d %B %Y}; its date is on their receipts."
        )


def _follow(program: Program, *, by: User, at: datetime, regular_on: date, moved_to_on: date | None) -> None:
    if program.state in cycles.PLANNED_FOR:
        cycles.replan(program_id=program.pk, at=at)
    audit.record(
        action="program.shift",
        subject=program,
        by=by,
        at=at,
        regular_on=regular_on.isoformat(),
        moved_to_on=moved_to_on.isoformat() if moved_to_on else None,
    )
