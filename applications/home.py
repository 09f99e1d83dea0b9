"""The first page of the staff side: what waits, what is new, which dates lie ahead, what stands still."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, DateField, Exists, F, Q, QuerySet, Value

from applications import boards, looks
from applications.attention import Calls
from applications.desk import (
    Load,
    cycles_at_work,
    loads,
    next_to_review,
    second_person_wanted,
)
from applications.models import (
    STANDS,
    Application,
    Assignment,
    AssignmentState,
    Decision,
    DecisionKind,
    DecisionState,
)
from credits.models import ChainHead, LedgerCheck
from portal.roles import Role
from programs.models import Cycle, CycleState, Program
from programs.staff import SEES_MONEY, Desk

CHECK_IS_OLD = timedelta(hours=3)


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


def home(desk: Desk, *, at: datetime, calls: Calls, mine: Sequence[Mapping[str, int]]) -> Home:
    """Everything the desk shows, for whatever roles the person holds. calls: attention.of; mine: desk.load_rows."""
    cycles = cycles_at_work(desk)
    return _home(desk, loads(desk, mine, cycles), cycles, calls, at)


def _home(desk: Desk, mine: list[Load], cycles: list[Cycle], calls: Calls, at: datetime) -> Home:
    in_review = [cycle for cycle in cycles if cycle.state == CycleState.IN_REVIEW]
    managed = in_review if desk.everything else _of(in_review, desk.program_ids(Role.MANAGER))
    first = next((load for load in mine if load.to_do), None)
    days = (first.cycle.review_due_at - at).days if first else None
    onward = next_to_review(desk) if first else None
    manages = desk.sees(Role.MANAGER)
    screens = desk.holds(Role.SCREENER)
    return Home(
        loads=mine,
        first=first,
        next=onward,
        next_title=looks.titles(desk, [onward])[onward.pk] if onward else "",
        pace=-(-first.to_do // max(1, days or 0)) if first else 0,
        due_in_days=days,
        changes=changes(desk, since=at - timedelta(days=1)),
        dates=dates_ahead(desk, mine, cycles, at=at),
        health=boards.health(managed[:6]) if manages else [],
        approvals=list(second_person_wanted(desk)[:5]) if desk.sees(Role.MANAGER, Role.FINANCE) else [],
        troubles=troubles(desk, calls, at=at),
        screening=screens,
        gates_waiting=boards.gates_waiting(_of(in_review, desk.program_ids(Role.SCREENER))) if screens else 0,
    )


def _of(cycles: Iterable[Cycle], program_ids: Sequence[int]) -> list[Cycle]:
    return [cycle for cycle in cycles if cycle.program_id in program_ids]


def changes(desk: Desk, *, since: datetime) -> list[Change]:
    """What is new for this person: assignments, and releases in the programs they manage. One query."""
    parts: list[QuerySet[Any, Any]] = []
    if desk.holds(Role.REVIEWER):
        parts.append(_fresh(desk, since))
    if desk.holds(Role.MANAGER):
        parts.append(_released(desk, since))
    if not parts:
        return []
    first, *others = parts
    rows = first.union(*others, all=True) if others else first
    found = [_change(desk.programs[row["application__program_id"]], row) for row in rows]
    return sorted(found, key=lambda change: change.at, reverse=True)[:8]


def _fresh(desk: Desk, since: datetime) -> QuerySet[Any, Any]:
    mine = Assignment.objects.filter(
        reviewer=desk.user,
        assigned_at__gte=since,
        application__program_id__in=desk.program_ids(Role.REVIEWER),
    ).exclude(state=AssignmentState.RECUSED)
    return (
        mine.order_by()
        .annotate(what=Value("assigned"), day=F("application__cycle__evaluation_on"), at=F("assigned_at"))
        .values("what", "application__program_id", "day", "at")
        .annotate(number=Count("pk"), changes=Value(0), declines=Value(0))
        .order_by("-at")[:5]
    )


def _released(desk: Desk, since: datetime) -> QuerySet[Any, Any]:
    """A yes without more credit is counted apart: it is decided, and no money moves."""
    out = Decision.objects.filter(
        STANDS,
        state=DecisionState.RELEASED,
        released_at__gte=since,
        application__program_id__in=desk.program_ids(Role.MANAGER),
    )
    return (
        out.order_by()
        .annotate(what=Value("released"), day=Value(None, output_field=DateField()), at=F("released_at"))
        .values("what", "application__program_id", "day", "at")
        .annotate(
            number=Count("pk", filter=Q(kind=DecisionKind.AWARD)),
            changes=Count("pk", filter=Q(kind=DecisionKind.CHANGE)),
            declines=Count("pk", filter=Q(kind=DecisionKind.DECLINE)),
        )
        .order_by("-at")[:5]
    )


def _change(program: Program, row: Mapping[str, Any]) -> Change:
    number, changes = row["number"], row["changes"]
    if row["what"] == "assigned":
        text = f"{number} application{'' if number == 1 else 's'} came to you"
        return Change("inbox", text, f"{program}, {row['day']:%B %Y}", row["at"])
    without = f", {changes:,} change{'' if changes == 1 else 's'} without credit" if changes else ""
    text = f"Released: {number:,} awards{without}, {row['declines']:,} declines"
    return Change("send", text, str(program), row["at"])


def dates_ahead(
    desk: Desk, mine: Iterable[Load], cycles: Iterable[Cycle], *, at: datetime
) -> list[DateAhead]:
    """My review due dates, and the decided-by dates and cut-offs of the programs I manage. No query."""
    found = []
    for load in mine:
        if load.to_do:
            due = load.cycle.review_due_at.astimezone(ZoneInfo(load.program.time_zone))
            found.append(DateAhead(due.date(), "Your reviews are due", f"{load.program}, {due:%H:%M %Z}"))
    if desk.sees(Role.MANAGER):
        managed = cycles if desk.everything else _of(cycles, desk.program_ids(Role.MANAGER))
        for cycle in [cycle for cycle in managed if cycle.decided_by_on >= at.date()][:6]:
            if cycle.state == CycleState.IN_REVIEW:
                found.append(
                    DateAhead(cycle.decided_by_on, "Decided-by date", f"{cycle.program}, end of day")
                )
            else:
                cut = cycle.cut_off_at.astimezone(ZoneInfo(cycle.program.time_zone))
                found.append(DateAhead(cut.date(), f"Cut-off of {cycle}", f"{cycle.program}, {cut:%H:%M %Z}"))
    return sorted((row for row in found if row.on >= at.date()), key=lambda row: row.on)[:6]


def troubles(desk: Desk, calls: Calls, *, at: datetime) -> list[Trouble]:
    """Parked letters and refused deliveries in this person's programs, and the ledger: differences, or no check of late.

    One query.
    """
    found = []
    if desk.sees(Role.MANAGER, Role.OPERATOR) and (parked := calls.parked):
        text = f"{parked:,} letter{'' if parked == 1 else 's'} could not be sent"
        found.append(
            Trouble(text, "Look at the reason, then let them go again.", "admin:letters_parked", parked)
        )
    if desk.sees(Role.MANAGER, Role.FINANCE, Role.OPERATOR) and (failed := calls.failed):
        text = f"{failed:,} grant{'' if failed == 1 else 's'} did not reach the provider"
        found.append(Trouble(text, "The credit is back in the pool.", "admin:grants_board", failed))
    if desk.sees(*SEES_MONEY) and (cases := calls.cases):
        text = f"{cases:,} case{' about money waits' if cases == 1 else 's about money wait'} for a person"
        found.append(
            Trouble(text, "Look, act, then settle it with a reason.", "admin:credits_case_changelist", cases)
        )
    if desk.sees(Role.MANAGER, Role.FINANCE, Role.OPERATOR, Role.AUDITOR):
        stopped = Exists(ChainHead.objects.filter(frozen=True))
        last = LedgerCheck.objects.annotate(is_stopped=stopped).order_by("-at").first()
        if last is not None and last.problems:
            number = len(last.problems)
            text = f"The ledger check found {number:,} difference{'' if number == 1 else 's'}"
            found.append(
                Trouble(text, str(last.problems[0])[:200], "admin:credits_ledgercheck_changelist", number)
            )
        elif last is not None and last.is_stopped:
            note = "An earlier check found a difference. Once it is understood: manage.py ledger_verify --resume EMAIL"
            found.append(Trouble("Posting is stopped", note, "admin:credits_ledgercheck_changelist", 1))
        if last is not None and last.at < at - CHECK_IS_OLD:
            text = f"The ledger was last checked on {last.at:%Y-%m-%d at %H:%M} UTC"
            note = "It should be every hour: look whether worker and beat run, and at the log of the worker."
            found.append(Trouble(text, note, "admin:credits_ledgercheck_changelist", 1))
    return found
