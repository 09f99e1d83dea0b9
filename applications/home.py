"""The first page of the staff side: what waits, what is new, which dates lie ahead, what stands still."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from applications import boards, looks
from applications.desk import (
    Load,
    cycles_in_review,
    failed_grants,
    loads,
    next_to_review,
    parked_letters,
    second_person_wanted,
)
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Decision,
    DecisionKind,
    DecisionState,
)
from credits.models import LedgerCheck
from portal.roles import Role
from programs.models import Cycle, CycleState
from programs.staff import Desk


@dataclass(frozen=True)
class Change:
    """Something new since yesterday."""

    icon: str
    text: str
    where: str
    at: datetime


@dataclass(frozen=True)
class DateAhead:
    on: date
    text: str
    where: str


@dataclass(frozen=True)
class Trouble:
    """Something that stands still until a person looks: letters, deliveries, the ledger."""

    text: str
    note: str
    url_name: str
    count: int


@dataclass(frozen=True)
class Home:
    """The first page of the staff side."""

    loads: list[Load]
    first: Load | None
    next: Application | None
    next_title: str
    pace: int
    due_in_days: int | None
    changes: list[Change]
    dates: list[DateAhead]
    health: list[boards.CycleHealth]
    approvals: list[Decision]
    troubles: list[Trouble]
    screening: bool
    gates_waiting: int


def home(desk: Desk, *, at: datetime) -> Home:
    """Everything the desk shows, for whatever roles the person holds."""
    mine = loads(desk) if desk.holds(Role.REVIEWER) else []
    first = next((load for load in mine if load.to_do), None)
    days = (first.cycle.review_due_at - at).days if first else None
    onward = next_to_review(desk) if first else None
    manages = desk.sees(Role.MANAGER)
    health = boards.health(list(cycles_in_review(desk)[:6])) if manages else []
    return Home(
        loads=mine,
        first=first,
        next=onward,
        next_title=looks.titles(desk, [onward])[onward.pk] if onward else "",
        pace=-(-first.to_do // max(1, days or 0)) if first else 0,
        due_in_days=days,
        changes=changes(desk, since=at - timedelta(days=1)),
        dates=dates_ahead(desk, mine, at=at),
        health=health,
        approvals=list(second_person_wanted(desk)[:5]) if desk.sees(Role.MANAGER, Role.FINANCE) else [],
        troubles=troubles(desk),
        screening=desk.holds(Role.SCREENER),
        gates_waiting=boards.gates_waiting(desk.program_ids(Role.SCREENER))
        if desk.holds(Role.SCREENER)
        else 0,
    )


def changes(desk: Desk, *, since: datetime) -> list[Change]:
    """What is new for this person: assignments, and releases in the programs they manage."""
    found = []
    fresh = (
        Assignment.objects.filter(
            reviewer=desk.user,
            assigned_at__gte=since,
            application__program_id__in=desk.program_ids(Role.REVIEWER),
        )
        .exclude(state=AssignmentState.RECUSED)
        .values("application__cycle__evaluation_on", "application__program_id", "assigned_at")
        .annotate(number=Count("pk"))
        .order_by("-assigned_at")[:5]
    )
    if desk.holds(Role.REVIEWER):
        for row in fresh:
            number = row["number"]
            found.append(
                Change(
                    icon="inbox",
                    text=f"{number} application{'' if number == 1 else 's'} came to you",
                    where=f"{desk.programs[row['application__program_id']]}, {row['application__cycle__evaluation_on']:%B %Y}",
                    at=row["assigned_at"],
                )
            )
    if desk.holds(Role.MANAGER):
        released = (
            Decision.objects.filter(
                state=DecisionState.RELEASED,
                released_at__gte=since,
                application__program_id__in=desk.program_ids(Role.MANAGER),
            )
            .values("application__program_id", "released_at")
            .annotate(
                awards=Count("pk", filter=Q(kind=DecisionKind.AWARD)),
                declines=Count("pk", filter=Q(kind=DecisionKind.DECLINE)),
            )
            .order_by("-released_at")[:5]
        )
        found += [
            Change(
                icon="send",
                text=f"Released: {row['awards']:,} awards, {row['declines']:,} declines",
                where=str(desk.programs[row["application__program_id"]]),
                at=row["released_at"] or since,
            )
            for row in released
        ]
    return sorted(found, key=lambda change: change.at, reverse=True)[:8]


def dates_ahead(desk: Desk, mine: Iterable[Load], *, at: datetime) -> list[DateAhead]:
    """My review due dates, and the decided-by dates and cut-offs of the programs I manage."""
    found = []
    for load in mine:
        if load.to_do:
            due = load.cycle.review_due_at.astimezone(ZoneInfo(load.program.time_zone))
            found.append(DateAhead(due.date(), "Your reviews are due", f"{load.program}, {due:%H:%M %Z}"))
    if desk.sees(Role.MANAGER):
        cycles = Cycle.objects.filter(
            decided_by_on__gte=at.date(), state__in=(CycleState.IN_REVIEW, CycleState.OPEN)
        ).select_related("program")
        if not desk.everything:
            cycles = cycles.filter(program_id__in=desk.program_ids(Role.MANAGER))
        for cycle in cycles.order_by("decided_by_on")[:6]:
            if cycle.state == CycleState.IN_REVIEW:
                found.append(
                    DateAhead(cycle.decided_by_on, "Decided-by date", f"{cycle.program}, end of day")
                )
            else:
                cut = cycle.cut_off_at.astimezone(ZoneInfo(cycle.program.time_zone))
                found.append(DateAhead(cut.date(), f"Cut-off of {cycle}", f"{cycle.program}, {cut:%H:%M %Z}"))
    return sorted((row for row in found if row.on >= at.date()), key=lambda row: row.on)[:6]


def troubles(desk: Desk) -> list[Trouble]:
    """Parked letters and refused deliveries in this person's programs, and differences in the ledger."""
    found = []
    if desk.sees(Role.MANAGER, Role.OPERATOR):
        parked = parked_letters(desk).count()
        if parked:
            text = f"{parked:,} letter{'' if parked == 1 else 's'} could not be sent"
            found.append(
                Trouble(text, "Look at the reason, then let them go again.", "admin:letters_parked", parked)
            )
    if desk.sees(Role.MANAGER, Role.FINANCE, Role.OPERATOR):
        failed = failed_grants(desk).count()
        if failed:
            text = f"{failed:,} grant{'' if failed == 1 else 's'} did not reach the provider"
            found.append(Trouble(text, "The credit is back in the pool.", "admin:grants_board", failed))
    if desk.sees(Role.MANAGER, Role.FINANCE, Role.OPERATOR, Role.AUDITOR):
        last = LedgerCheck.objects.order_by("-at").first()
        if last is not None and last.problems:
            number = len(last.problems)
            text = f"The ledger check found {number:,} difference{'' if number == 1 else 's'}"
            found.append(
                Trouble(text, str(last.problems[0])[:200], "admin:credits_ledgercheck_changelist", number)
            )
    return found
