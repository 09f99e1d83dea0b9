"""Find programs, their calendar, their questions and doors as the public pages show them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from credits.money import with_code
from portal import day_strip, texts
from programs import translations
from programs.models import (
    AwardMode,
    Cycle,
    CycleState,
    Door,
    DoorKind,
    EligibilityRule,
    FaqEntry,
    Program,
    ProgramState,
    RuleKind,
    TermMode,
)
from programs.request_models import RequestForm
from programs.texts import folded

HIDDEN = (ProgramState.DRAFT, ProgramState.ARCHIVED)
DAYS_AHEAD = 366
MATCH_WORDS = 30
SEARCH_WORDS = 8  # more words than that narrow nothing


@dataclass(frozen=True)
class Clock:
    """Where a program stands in its month: what the day strip and the countdown draw."""

    is_open: bool
    state: str  # the word beside the dot
    tone: str  # "good", "soon" or ""
    today: date  # local
    cycle: Cycle | None  # the evaluation that an application sent now belongs to
    opens_on: date | None  # local day on which a program that is not open yet opens
    days_left: int | None  # until the cut-off, or until it opens
    first: date | None = None
    last: date | None = None
    marks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Card:
    """A program in the directory."""

    program: Program
    clock: Clock
    award: str
    award_note: str
    term: str


def public() -> QuerySet[Program]:
    """The programs that everybody may see; the base of every public page."""
    return Program.objects.exclude(state__in=HIDDEN)


def listed() -> list[Program]:
    """The public programs in the order of the directory, as the reader reads them. One query, one more to translate."""
    return translations.shown_all(list(public().order_by("position", "name")))


def cards(*, at: datetime) -> list[Card]:
    """The directory in its order. Two queries."""
    programs = listed()
    cycles = next_cycles(programs, at=at)
    return [card(program, cycles.get(program.pk), at=at) for program in programs]


def card(program: Program, cycle: Cycle | None, *, at: datetime) -> Card:
    """What a card says; no query."""
    return Card(
        program=program,
        clock=clock_of(program, cycle, at=at),
        award=award_text(program),
        award_note=award_note(program),
        term=term_text(program),
    )


def next_cycles(programs: Iterable[Program], *, at: datetime) -> dict[int, Cycle]:
    """Program id -> the first evaluation whose cut-off lies ahead. One query."""
    found = (
        Cycle.objects.filter(program__in=list(programs), cut_off_at__gt=at)
        .exclude(state=CycleState.CLOSED)
        .order_by("program_id", "cut_off_at")
        .distinct("program_id")
    )
    return {cycle.program_id: cycle for cycle in found}


def next_cycle(program: Program, *, at: datetime) -> Cycle | None:
    """The first evaluation whose cut-off lies ahead."""
    return (
        program.cycles.filter(cut_off_at__gt=at)
        .exclude(state=CycleState.CLOSED)
        .order_by("cut_off_at")
        .first()
    )


def clock_of(program: Program, cycle: Cycle | None, *, at: datetime) -> Clock:
    """Where the program stands at this moment; no query. Days are days in the program's zone."""
    zone = ZoneInfo(program.time_zone)
    today = at.astimezone(zone).date()
    waiting = program.opens_on is not None and program.opens_on > today
    is_open = program.state == ProgramState.OPEN and not waiting
    if waiting and program.opens_on:  # paused and closed programs say when they open, too
        first = today - timedelta(days=24)
        return Clock(
            is_open=False,
            state=_("Opens %(day)s") % {"day": texts.day_short(program.opens_on)},
            tone="soon",
            today=today,
            cycle=cycle,
            opens_on=program.opens_on,
            days_left=(program.opens_on - today).days,
            first=first,
            last=program.opens_on,
            marks=day_strip.marks(first=first, last=program.opens_on, today=today, tall=(program.opens_on,)),
        )
    if not is_open or cycle is None:
        word = _("Open") if is_open else _(program.get_state_display())
        return Clock(is_open, word, "good" if is_open else "", today, cycle, None, None)
    last = cycle.cut_off_at.astimezone(zone).date()
    first = min(last - timedelta(days=35), today)
    return Clock(
        is_open=True,
        state=_("Open"),
        tone="good",
        today=today,
        cycle=cycle,
        opens_on=None,
        days_left=(last - today).days,
        first=first,
        last=last,
        marks=day_strip.marks(first=first, last=last, today=today, tall=(last,)),
    )


def award_text(program: Program) -> str:
    """What an award is worth, in a few words."""
    if program.award_mode == AwardMode.FIXED:
        return with_code(program.award_default_cents, program.currency)
    if program.award_mode == AwardMode.CAPPED:
        return _("Up to %(amount)s") % {"amount": with_code(program.award_cap_cents, program.currency)}
    return _("Set per project")


def award_note(program: Program) -> str:
    """How the amount of an award comes about."""
    return {
        AwardMode.FIXED: _("the same for everyone"),
        AwardMode.CAPPED: _("set per project"),
        AwardMode.UNDISCLOSED: _("may differ from what you ask"),
    }[AwardMode(program.award_mode)]


def term_text(program: Program) -> str:
    """How long an award can be used, in a few words."""
    if program.term_mode == TermMode.NONE and program.term_ends_on:
        return _("Until %(day)s") % {"day": texts.day_long(program.term_ends_on)}
    if program.term_mode == TermMode.NONE:
        return _("None stated")
    months = ngettext("%(number)s month", "%(number)s months", program.term_months or 0) % {
        "number": program.term_months
    }
    return months if program.term_mode == TermMode.MONTHS else _("At most %(months)s") % {"months": months}


def program_page(slug: str) -> Program:
    """One public program with everything its page shows, in few queries. Raises Program.DoesNotExist."""
    found: Any = (
        public()
        .prefetch_related(
            Prefetch("criteria", to_attr="rubric"),
            Prefetch(
                "doors",
                queryset=Door.objects.exclude(kind=DoorKind.FORM, url="").order_by("position", "pk"),
                to_attr="other_doors",
            ),
            "schedule_exceptions",
        )
        .get(slug=slug)
    )
    found = translations.shown(found)
    found.rubric = translations.shown_rows(found.rubric, "criteria")
    found.other_doors = translations.shown_rows(found.other_doors, "doors")
    return found


def evaluations(program: Program, *, at: datetime) -> list[Cycle]:
    """The evaluations of this calendar year and of the twelve months ahead, in order."""
    today = at.astimezone(ZoneInfo(program.time_zone)).date()
    return list(
        program.cycles.filter(
            evaluation_on__gte=date(today.year, 1, 1), evaluation_on__lte=today + timedelta(days=DAYS_AHEAD)
        ).order_by("evaluation_on")
    )


def faq(*, q: str = "", program: Program | None = None) -> list[FaqEntry]:
    """Questions of one public program or of all; every word of q must occur in the question or its answer, as read."""
    found = (
        FaqEntry.objects.filter(program=program) if program else FaqEntry.objects.filter(program__in=public())
    )
    rows = found.select_related("program").order_by("program__position", "program__name", "position", "pk")
    words = folded(q.replace("\x00", " ")).split()[:SEARCH_WORDS]
    entries = translations.shown_rows(rows, "faq")
    return [
        entry
        for entry in entries
        if all(word in folded(f"{entry.question}\n{entry.answer}") for word in words)
    ]


def faq_matches(text: str, *, most: int = 5, program: Program | None = None) -> list[FaqEntry]:
    """The questions of public programs, or of one, nearest to what somebody asks in their own words, the best first.

    PostgreSQL's English dictionary drops the small words and the endings; one common word is enough to be found, and
    the question counts more than its answer.
    """
    words = dict.fromkeys(re.findall(r"[^\W_]{2,}", text.lower())[:MATCH_WORDS])
    if not words:
        return []
    if translations.is_foreign():
        return _matches_as_read(list(words), most, program)
    query = reduce(or_, (SearchQuery(word, config="english") for word in words))
    vector = SearchVector("question", weight="A", config="english") + SearchVector(
        "answer", weight="C", config="english"
    )
    found = (
        FaqEntry.objects.filter(program__in=[program] if program else public())
        .annotate(rank=SearchRank(vector, query))
        .filter(rank__gt=0)
        .select_related("program")
    )
    return list(found.order_by("-rank", "program__position", "position", "pk")[:most])


def _matches_as_read(words: list[str], most: int, program: Program | None) -> list[FaqEntry]:
    """The same among translated questions: words of four letters and more, by their beginnings."""
    beginnings = [folded(word)[:5] for word in words if len(word) > 3]
    ranked: list[tuple[int, int, FaqEntry]] = []
    for entry in faq(program=program):
        question, answer = folded(entry.question), folded(entry.answer)
        rank = sum(4 * (start in question) + (start in answer) for start in beginnings)
        if rank:
            ranked.append((-rank, len(ranked), entry))
    return [entry for *_order, entry in sorted(ranked)[:most]]


def open_doors(found: QuerySet[Door]) -> QuerySet[Door]:
    """Leave out the doors to request forms that are off. A door with an address of its own needs no form."""
    form_on = RequestForm.objects.filter(program=OuterRef("program"), key=OuterRef("key"), is_on=True)
    return found.annotate(leads_to_form=Exists(form_on)).exclude(
        kind=DoorKind.FORM, url="", leads_to_form=False
    )


def doors(*, keys: Iterable[str] = ()) -> list[Door]:
    """Doors of public programs other than programs, each key once; `keys` picks those whose key starts so."""
    found = (
        open_doors(Door.objects.filter(program__in=public()))
        .exclude(kind="program")
        .select_related("program")
    )
    wanted = Q()
    for key in keys:
        wanted |= Q(key__startswith=key)
    by_key: dict[str, Door] = {}
    for door in found.filter(wanted).order_by(F("position"), "program__position", "pk"):
        by_key.setdefault(door.key, door)
    return translations.shown_rows(by_key.values(), "doors")


def country_rule(program: Program) -> EligibilityRule | None:
    """The program's rule about countries, if it has one."""
    return program.rules.filter(kind=RuleKind.COUNTRY).first()
