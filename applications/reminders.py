"""Reminders to people whose reviews or gates are open: at half-time, two days before, and when they are overdue.

Once a day everybody who has something to do gets one letter at most, whatever the number of programs and stages; more
than one thing makes it a digest. A letter says what is open at the moment it is sent, and is dropped when nothing is.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from applications import notices
from applications.letter_texts import Lines
from applications.models import Notice, Reminder, ReminderDay, ReminderStage
from programs.models import Cycle, CycleState, MessageKind, Program

FROM_HOUR_UTC = 6
SOON = timedelta(days=2)
OVERDUE_AGAIN = timedelta(days=3)

KIND = {
    ReminderStage.HALF_TIME: MessageKind.REMIND_HALF_TIME,
    ReminderStage.SOON: MessageKind.REMIND_SOON,
    ReminderStage.OVERDUE: MessageKind.REMIND_OVERDUE,
}
SWITCH = {
    ReminderStage.HALF_TIME: "remind_half_time",
    ReminderStage.SOON: "remind_soon",
    ReminderStage.OVERDUE: "remind_overdue",
}

_OPEN = """
    SELECT mine.cycle_id, asked.user_id, sum(asked.open)::int, sum(asked.done)::int
      FROM (
        SELECT application_id, reviewer_id AS user_id, (state = 'to_do')::int AS open, (state = 'done')::int AS done
          FROM applications_assignment WHERE state <> 'recused'
         UNION ALL
        SELECT duty.application_id, duty.screener_id, (answer.id IS NULL)::int, (answer.id IS NOT NULL)::int
          FROM applications_gateduty duty
          LEFT JOIN LATERAL (SELECT id FROM applications_gateresult
                              WHERE application_id = duty.application_id AND expired_at IS NULL LIMIT 1) AS answer ON true
      ) asked
      JOIN applications_application mine ON mine.id = asked.application_id
      JOIN portal_user person ON person.id = asked.user_id AND person.is_active
     WHERE mine.cycle_id = ANY(%(cycles)s) AND (asked.done = 1 OR mine.state = 'in_review')
       AND (%(user)s::bigint IS NULL OR asked.user_id = %(user)s)
       AND EXISTS (SELECT FROM programs_membership member WHERE member.user_id = asked.user_id
                      AND member.program_id = mine.program_id AND member.ended_at IS NULL)
     GROUP BY 1, 2 HAVING sum(asked.open) > 0
"""


@dataclass(frozen=True)
class Open:
    """What one person has to do in one cycle."""

    cycle_id: int
    user_id: int
    left: int
    done: int


def stage(cycle: Cycle, *, at: datetime) -> ReminderStage | None:
    """The stage a cycle in review is at: none in the first half of the time from evaluation to the due date."""
    if at >= cycle.review_due_at:
        return ReminderStage.OVERDUE
    if cycle.review_due_at - at <= SOON:
        return ReminderStage.SOON
    if at >= cycle.cut_off_at + (cycle.review_due_at - cycle.cut_off_at) / 2:
        return ReminderStage.HALF_TIME
    return None


def queue_due(*, at: datetime) -> int:
    """Queue today's reminders once; returns the number of letters. Any number of callers, late or never, is harmless.

    A day that was missed is made up for by the next: the stage counts, not the day on which it began.
    """
    if at.astimezone(UTC).hour < FROM_HOUR_UTC:
        return 0
    today = at.astimezone(UTC).date()
    if ReminderDay.objects.filter(on=today).exists():
        return 0
    with transaction.atomic():
        day, mine = ReminderDay.objects.get_or_create(on=today)
        if not mine:
            return 0
        day.letters = _queue(at=at)
        day.save(update_fields=["letters"])
    return day.letters


def _queue(*, at: datetime) -> int:
    today = at.astimezone(UTC).date()
    stages = {
        cycle.pk: (cycle, now)
        for cycle in Cycle.objects.filter(state=CycleState.IN_REVIEW)
        .select_related("program")
        .order_by("review_due_at")
        if (now := stage(cycle, at=at)) is not None and getattr(cycle.program, SWITCH[now])
    }
    told = _told(list(stages), at=at)
    mine: dict[int, list[Open]] = defaultdict(list)
    for open_ in still_open(list(stages)):
        if (open_.user_id, open_.cycle_id, stages[open_.cycle_id][1]) not in told:
            mine[open_.user_id].append(open_)
    letters, rows = [], []
    for user_id, listed in sorted(mine.items()):
        listed.sort(key=lambda entry: (stages[entry.cycle_id][0].review_due_at, entry.cycle_id))
        cycle, now = stages[listed[0].cycle_id]
        letters.append(
            Notice(
                key=f"reminder:{user_id}:{today:%Y-%m-%d}",
                kind=KIND[now] if len(listed) == 1 else MessageKind.REMIND_DIGEST,
                program=cycle.program,
                recipient_id=user_id,
                values={"cycles": [entry.cycle_id for entry in listed]},
                next_attempt_at=at,
                created_at=at,
            )
        )
        rows += [
            Reminder(user_id=user_id, cycle_id=entry.cycle_id, stage=stages[entry.cycle_id][1], on=today)
            for entry in listed
        ]
    notices.queue_many(letters)
    Reminder.objects.bulk_create(rows, ignore_conflicts=True, batch_size=5_000)
    return len(letters)


def still_open(cycle_ids: list[int], *, user_id: int | None = None) -> list[Open]:
    """Who has reviews or gates to do in some cycles, with how many they have done. People who left are not among them."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"cycles": cycle_ids, "user": user_id})
        return [Open(*row) for row in cursor.fetchall()]


def values(notice: Notice) -> dict[str, object] | None:
    """What the placeholders of a reminder stand for now; None when nothing is open any more."""
    cycles = {
        cycle.pk: cycle
        for cycle in Cycle.objects.filter(
            pk__in=notice.values["cycles"], state=CycleState.IN_REVIEW
        ).select_related("program")
    }
    open_ = still_open(list(cycles), user_id=notice.recipient_id) if cycles else []
    if not open_:
        return None
    open_.sort(key=lambda entry: (cycles[entry.cycle_id].review_due_at, entry.cycle_id))
    first = cycles[open_[0].cycle_id]
    left, done = sum(entry.left for entry in open_), sum(entry.done for entry in open_)
    lines = [
        f"- {cycles[entry.cycle_id].program}, {cycles[entry.cycle_id]}: {entry.left:,} to do, due"
        f" {_day(cycles[entry.cycle_id].review_due_at, cycles[entry.cycle_id].program)}"
        for entry in open_
    ]
    return {
        "count": left,
        "done": done,
        "total": left + done,
        "due_date": _day(first.review_due_at, first.program),
        "decided_by_date": f"{first.decided_by_on:%A %-d %B %Y}",
        "list": Lines("\n".join(lines)),
    }


def _told(cycle_ids: list[int], *, at: datetime) -> set[tuple[int, int, str]]:
    """(person, cycle, stage) that were reminded already: once of each stage, when overdue again every few days."""
    since = (at.astimezone(UTC) - OVERDUE_AGAIN).date()
    return {
        (user, cycle, said)
        for user, cycle, said, on in Reminder.objects.filter(cycle__in=cycle_ids).values_list(
            "user_id", "cycle_id", "stage", "on"
        )
        if said != ReminderStage.OVERDUE or on > since
    }


def _day(moment: datetime, program: Program) -> str:
    return f"{moment.astimezone(ZoneInfo(program.time_zone)):%A %-d %B %Y}"


BUILT_IN = {
    MessageKind.REMIND_HALF_TIME: (
        "{count} applications for {program} are still with you",
        (
            "Dear {name},\n\nhalf of the time is over. You have done {done} of {total} for {program}; {count} are due"
            " {due_date}.\n\n{link}\n"
        ),
    ),
    MessageKind.REMIND_SOON: (
        "Due soon: {count} applications for {program}",
        "Dear {name},\n\n{count} applications for {program} are due {due_date}.\n\n{link}\n",
    ),
    MessageKind.REMIND_OVERDUE: (
        "Overdue: {count} applications for {program}",
        (
            "Dear {name},\n\n{count} applications for {program} were due {due_date}. If you cannot finish them, tell the"
            " program manager.\n\n{link}\n"
        ),
    ),
    MessageKind.REMIND_DIGEST: (
        "{count} applications wait for you",
        "Dear {name},\n\nthis waits for you:\n\n{list}\n\n{link}\n",
    ),
}
"""The reminders of a program that has not written its own."""
