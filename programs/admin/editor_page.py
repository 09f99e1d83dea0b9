"""What stands beside the program editor: the map of its fields, what is missing, dates, pools, versions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.text import capfirst

from credits.pools import lines as pool_lines
from portal import texts
from programs import catalogue, public_days, rulebook, schedule, standing, translation_progress
from programs.models import Cycle, CycleState, Program, ProgramVersion, ScheduleException


@dataclass(frozen=True)
class Evaluation:
    """One coming evaluation. regular_on: the day the rule gives for it."""

    on: date
    regular_on: date
    local: str
    cut_off_at: datetime
    holiday: str
    shifted_from: date | None
    reason: str
    stands: bool  # applications were sent to it, so its date cannot move


@dataclass(frozen=True)
class Left:
    """An evaluation that was left out."""

    regular_on: date
    reason: str
    holiday: str


def cycles_at_work(program: Program, *, at: datetime) -> list[Cycle]:
    """The cycles ahead, open or in review, in the order of their cut-offs; `is_used` says whether somebody entered it.

    One query. What their rules say is left out.
    """
    entered = Cycle.objects.filter(pk=OuterRef("pk"), applications__isnull=False)
    rows = program.cycles.filter(
        Q(cut_off_at__gt=at) | Q(state__in=(CycleState.PLANNED, CycleState.OPEN, CycleState.IN_REVIEW))
    )
    rows = rows.annotate(is_used=Exists(entered)).select_related("rules_version")
    return list(rows.defer("rules_version__content").order_by("cut_off_at", "pk"))


def evaluations(
    program: Program, rows: Iterable[Cycle], exceptions: Iterable[ScheduleException], *, at: datetime
) -> list[Evaluation]:
    """The next 12: as stored where cycles exist (rows: cycles_at_work), else as the rule gives them. No query."""
    zone = ZoneInfo(_zone(program))
    reasons = {row.regular_on: row for row in exceptions}
    ahead = [row for row in rows if row.cut_off_at > at]
    found = [(row.evaluation_on, row.cut_off_at, row.shifted_from_on) for row in ahead[:12]]
    used = {row.evaluation_on for row in ahead if row.is_used}  # type: ignore[attr-defined]
    if not found and not schedule.problems(program.schedule_rule, program.time_zone):
        today = at.astimezone(zone).date()
        moments = schedule.moments(
            rule=program.schedule_rule,
            time_zone=program.time_zone,
            time_of_day=program.cut_off_time,
            exceptions={day: row.moved_to_on for day, row in reasons.items()},
            decided_by_days=program.decided_by_days,
            after=today,
            until=today + timedelta(days=372),
        )
        found = [(one.evaluation_on, one.cut_off_at, one.shifted_from) for one in moments[:12]]
    holidays = public_days.noted(
        country=program.holidays_of, time_zone=program.time_zone, days=[day for day, _, _ in found]
    )
    return [
        Evaluation(
            on=day,
            regular_on=shifted or day,
            local=f"{texts.day(local.date())}, {local:%H:%M}",
            cut_off_at=cut,
            holiday=holidays.get(day, ""),
            shifted_from=shifted,
            reason=reasons[shifted].reason if shifted in reasons else "",
            stands=day in used,
        )
        for day, cut, shifted in found
        for local in [cut.astimezone(zone)]
    ]


def left_out(program: Program, exceptions: Iterable[ScheduleException], *, at: datetime) -> list[Left]:
    """The coming days on which no evaluation is held."""
    today = at.astimezone(ZoneInfo(_zone(program))).date()
    rows = [row for row in exceptions if row.moved_to_on is None and row.regular_on >= today]
    holidays = public_days.noted(
        country=program.holidays_of, time_zone=program.time_zone, days=[row.regular_on for row in rows]
    )
    return [
        Left(row.regular_on, row.reason, holidays.get(row.regular_on, ""))
        for row in sorted(rows, key=lambda row: row.regular_on)
    ]


def _zone(program: Program) -> str:
    return "UTC" if schedule.problems(program.schedule_rule, program.time_zone) else program.time_zone


# --- Readiness -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One line of the readiness list; url leads to the field that mends it."""

    tone: str
    text: str
    url: str = ""


def checks(program: Program) -> list[Check]:
    """What is there, what is missing, and what will be missed later."""
    found = [Check("success", text) for text in _there(program)]
    found += [Check("danger", gap.text, _address(program, gap.where)) for gap in catalogue.gaps(program)]
    found += [
        Check("warning", gap.text, _address(program, gap.where)) for gap in catalogue.later_gaps(program)
    ]
    return found + [_translated(program, row) for row in _progress(program)]


def _progress(program: Program) -> Iterable[translation_progress.Progress]:
    return translation_progress.of(program, standing.of(program).sections)


def _translated(program: Program, row: translation_progress.Progress) -> Check:
    if row.done == row.total:
        return Check("success", f"{row.name}: every text is translated")
    text = f"{row.name}: {row.done} of {row.total} texts are translated; the others are read in English."
    return Check("warning", text, reverse("admin:programs_program_texts", args=[program.pk, row.language]))


def _there(program: Program) -> Iterable[str]:
    facts = standing.of(program)
    if facts.form_number:
        yield f"Form version {facts.form_number} is published"
    if sum(facts.weights) == 100:
        yield f"Weights add up: {' + '.join(map(str, facts.weights))}"
    if not schedule.problems(program.schedule_rule, program.time_zone):
        ahead = f"; {facts.ahead} evaluations ahead" if facts.ahead else ""
        yield f"The calendar can be read{ahead}"


def _address(program: Program, where: str) -> str:
    """Where a gap is mended: a field of this page (#…), or a list of its own."""
    lists = {
        "form": "admin:programs_formversion_changelist",
        "letters": "admin:programs_messagetemplate_changelist",
        "request-forms": "admin:programs_requestform_changelist",
        "people": "admin:programs_membership_changelist",
    }
    return f"{reverse(lists[where])}?program={program.pk}" if where in lists else f"#{where}"


# --- Map -------------------------------------------------------------------------------------------------------------


def page_map(form: Any, fieldsets: Iterable[tuple[str | None, Any]], inlines: Iterable[Any]) -> list[Any]:
    """Every section of the page with its fields: [(title, anchor, [(label, anchor)])]."""
    found: list[Any] = []
    for number, (title, options) in enumerate(fieldsets):
        names = [
            name
            for entry in options["fields"]
            for name in (entry if isinstance(entry, list | tuple) else [entry])
        ]
        fields = [(capfirst(form[name].label), form[name].auto_id) for name in names if name in form.fields]
        found.append((title, f"fieldset-0-{number}-heading", fields if len(fields) > 1 else []))
    found += [(inline.opts.verbose_name_plural, f"{inline.formset.prefix}-group", []) for inline in inlines]
    return found


# --- Pools and versions ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PoolLine:
    """The pool of one period and the coming evaluations that draw from it."""

    period: str
    funded_cents: int
    left_cents: int
    evaluations: int
    is_there: bool


def pools(program: Program, coming: list[Evaluation], *, at: datetime) -> list[PoolLine]:
    """A rolling list: every period that has a pool, this year and each year a coming evaluation falls in."""
    there = {pool.period: pool for pool in pool_lines(programs=[program.slug], today=at.date())}
    drawn = [str(row.on.year) for row in coming]
    years = sorted({*there, *drawn, str(at.year)})
    return [
        PoolLine(
            period=year,
            funded_cents=there[year].funded_cents if year in there else 0,
            left_cents=there[year].left_cents if year in there else 0,
            evaluations=drawn.count(year),
            is_there=year in there,
        )
        for year in years
    ]


@dataclass(frozen=True)
class Kept:
    """Which evaluations under way keep which version, and from which one on a change counts."""

    version: ProgramVersion
    cycles: list[Cycle]


def kept(rows: Iterable[Cycle]) -> list[Kept]:
    """The versions that evaluations in review are held to. rows: cycles_at_work."""
    found: dict[int, Kept] = {}
    for cycle in rows:
        version = cycle.rules_version
        if version is not None and cycle.state == CycleState.IN_REVIEW:
            found.setdefault(version.pk, Kept(version, [])).cycles.append(cycle)
    return list(found.values())


def applies_from(rows: Iterable[Cycle]) -> Cycle | None:
    """The first evaluation that a change of the rules counts for. rows: cycles_at_work."""
    return next((row for row in rows if row.state in (CycleState.PLANNED, CycleState.OPEN)), None)


def differs(program: Program, version: ProgramVersion) -> bool:
    """Whether the program's rules are others than those of a version."""
    return rulebook.hash_of(rulebook.content_of(program)) != version.content_sha256
