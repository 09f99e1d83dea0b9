"""Let the demo world happen: every step is an operation of the product, at the moment when it would have been done."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from applications import intake, tick
from applications.models import Application
from credits import funding, ledger
from portal.demo_world import (
    after_awards,
    asking,
    calendar,
    figures,
    following,
    outcomes,
    people,
    sharing,
    stories,
    with_providers,
)
from portal.demo_world.calendar import Calendar, share
from portal.demo_world.projects import CHECKS, HOW, OUTCOMES, WHY
from portal.demo_world.stories import SAME_ORGANIZATION, Fate, Story
from portal.models import User
from portal.samples import answers as samples
from portal.samples.sentences import FIRST_NAMES, INVENTED_PLACES, LAST_NAMES
from portal.samples.slots import filled
from programs import catalogue, form_versions, presets
from programs.models import AwardMode, Cycle, FormVersion, Program, ProgramState

PROGRAMS = ("external-researcher-access", "ai-for-science", "openai-researcher-access")
POOL_CENTS = {
    "external-researcher-access": 60_000_00,
    "ai-for-science": 400_000_00,
    "openai-researcher-access": 150_000_00,
}
ASKED_CENTS = {"ai-for-science": (3_000_00, 19_500_00), "openai-researcher-access": (400_00, 9_000_00)}
UNLIKELY = {"career_stage": frozenset({"independent", "outside"})}  # everybody here works at some institution
COUNTRIES = ("AR", "BR", "CA", "CL", "DE", "ES", "FR", "GB", "GH", "ID", "IN", "IT", "JP", "KE", "MX", "NL", "NO", "NZ", "PL", "US", "ZA")  # fmt: skip
KINDS = {
    "university": "University of {place}",
    "institute": "{place} Institute for Advanced Study",
    "nonprofit": "{place} Research Trust",
    "hospital": "{place} Teaching Hospital",
}


@dataclass
class Telling:
    """One program of the demo world while it is told: its applications by the place of their story."""

    program: Program
    version: FormVersion
    calendar: Calendar
    applications: dict[int, Application]


def build(*, at: datetime) -> dict[str, int]:
    """Make the demo world as it stands at a moment; returns how much of what was made. The database has no applications.

    Raises ValueError when it has, and the refusals of any operation, which would be a mistake in a story.
    """
    if Application.objects.exists():
        raise ValueError("there are applications already")
    _quick(True)
    _load_programs(at)
    programs = [Program.objects.get(slug=slug) for slug in PROGRAMS]
    tellings = []
    for program in programs:
        laid = calendar.lay(program, at)
        version = form_versions.current(program)
        assert version is not None
        tellings.append(Telling(program, version, laid, {}))
    begins_at = min(telling.calendar.opens_at for telling in tellings)
    persons = people.make(programs, begins_at)
    for telling in tellings:
        _fund(telling, persons)
    for name in ("older", "newer", "under_way", "open"):
        for telling in tellings:
            _send_all(telling, name, persons, at)
        _tick_over([getattr(telling.calendar, name) for telling in tellings], at)
        if name == "under_way":
            _refresh_statistics()
        for telling in tellings:
            if name in ("older", "newer"):
                outcomes.finish(telling, name, persons, at)
            elif name == "under_way":
                outcomes.review_under_way(telling, persons, at)
    sharing.share_some(persons, at)
    asking.ask(persons, at)
    _ask_for_funding(tellings[0], persons, at)
    after_awards.follow(tellings, persons, at)
    with_providers.tell(tellings, persons, at)
    figures.tell(persons, at)
    following.tell(persons, at)
    tick.tick(at=at)
    _quick(False)
    return {
        "programs": len(programs),
        "people": User.objects.count(),
        "applications": Application.objects.count(),
    }


def _load_programs(at: datetime) -> None:
    for path in presets.shipped():
        if not Program.objects.filter(slug=path.stem).exists():
            presets.load(text=path.read_text(encoding="utf-8"), name=path.name, by=None, at=at)
    # The grantees of the demo owe something too, and one of its awards has lapsed by now.
    Program.objects.filter(slug="ai-for-science").update(summary_required=True, acceptance_days=14)
    for program in Program.objects.filter(slug__in=PROGRAMS).exclude(state=ProgramState.OPEN):
        catalogue.open_program(program_id=program.pk, by=None, at=at)


def _fund(telling: Telling, persons: dict[str, User]) -> None:
    """Two people fund the pool of each year in which an evaluation lies."""
    laid, slug = telling.calendar, telling.program.slug
    cycles = (laid.older, laid.newer, laid.under_way, laid.open)
    for year in sorted({cycle.evaluation_on.year for cycle in cycles}):
        with transaction.atomic():
            ledger.fund(
                program=slug,
                period=str(year),
                amount_cents=POOL_CENTS[slug],
                made_by=persons["manager"],
                approved_by=persons["finance"],
                key=f"fund:{slug}:{year}:budget",
                at=laid.opens_at + timedelta(hours=2),
            )


def _ask_for_funding(telling: Telling, persons: dict[str, User], at: datetime) -> None:
    """One wish for more credit waits for the finance approver."""
    funding.ask(
        program=telling.program.slug,
        period=str(at.year),
        currency=telling.program.currency,
        amount_cents=40_000_00,
        reason="More strong applications than last year; the pool would be empty before the last evaluation.",
        by=persons["manager"],
        at=at - timedelta(days=2),
    )


def _send_all(telling: Telling, cycle_name: str, persons: dict[str, User], now: datetime) -> None:
    cycle: Cycle = getattr(telling.calendar, cycle_name)
    until = min(cycle.cut_off_at, now) - timedelta(minutes=1)
    wanted = [story for story in stories.of(telling.program.slug) if story.cycle == cycle_name]
    for number, story in enumerate(wanted):
        at = share(cycle.opens_at, until, (number + 1) / (len(wanted) + 1))
        telling.applications[story.place] = _send(telling, story, persons, at)


def _send(telling: Telling, story: Story, persons: dict[str, User], at: datetime) -> Application:
    """One application as a person would make it: begin, fill in section by section, send."""
    program, sections = telling.program, telling.version.sections
    applicant = _applicant(telling, story, persons)
    answers = samples.cleaned(sections, _answers(telling, story, applicant))
    first = [question["key"] for question in sections[0]["questions"]]
    begun = {key: value for key, value in answers.items() if key in first}
    draft = intake.start(program_id=program.pk, answers=begun, by=applicant, at=at - timedelta(hours=20))
    if story.fate == Fate.DRAFT:
        asked = [question for section in sections[1:] for question in section["questions"]]
        title = next(place for place, question in enumerate(asked) if question.get("maps_to") == "title")
        some = {question["key"]: answers.get(question["key"]) for question in asked[: title + 2]}
        intake.save_answers(application_id=draft.pk, changes=some, version=None, by=applicant, at=at)
        return draft
    intake.save_answers(
        application_id=draft.pk, changes=answers, version=None, by=applicant, at=at - timedelta(minutes=10)
    )
    sent = intake.submit(application_id=draft.pk, by=applicant, at=at)
    if story.fate == Fate.WITHDRAWN:
        intake.withdraw(application_id=sent.pk, by=applicant, at=at + timedelta(hours=5))
        sent.refresh_from_db()
    return sent


def _applicant(telling: Telling, story: Story, persons: dict[str, User]) -> User:
    if story.person:
        return persons[story.person]
    if story.again is not None:
        return telling.applications[story.again].applicant
    number = PROGRAMS.index(telling.program.slug) * 40 + story.place
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    last = LAST_NAMES[(number * 7 + 3) % len(LAST_NAMES)]
    return people.account(f"{first}.{last}@{_domain(story)}".lower(), f"{first} {last}")


def _place(story: Story) -> str:
    return INVENTED_PLACES[(story.place * 5 + len(story.project.title)) % len(INVENTED_PLACES)]


def _domain(story: Story) -> str:
    return _place(story).lower().replace(" ", "-") + ".example.org"


def _answers(telling: Telling, story: Story, applicant: User) -> dict[str, object]:
    """Everything the form asks. A retelling of another story changes little; a second try changes the plan."""
    slug = telling.program.slug
    dice = random.Random(f"{slug}:{story.project.title}:{'second' if story.again is not None else ''}")
    own = random.Random(f"{slug}:{story.place}")
    telling_it = random.Random(f"{slug}:text:{story.place if story.like is None else story.like}")
    kind = own.choice(list(KINDS))
    abstract = _abstract(story, dice)
    if story.like is not None:
        kept = abstract.rpartition(". ")[0]
        abstract = f"{kept}. {filled(own.choice(OUTCOMES), own)}"
    field = story.project.field
    areas = any(
        question.get("maps_to") == "field" and question["type"] == "multiple_choice"
        for section in telling.version.sections
        for question in section["questions"]
    )
    asks_abstract = any(
        question["key"] == "abstract"
        for section in telling.version.sections
        for question in section["questions"]
    )
    first, _, last = applicant.name.partition(" ")
    known: dict[str, object] = {
        "title": story.project.title,
        "abstract": abstract,
        "description": _description("" if asks_abstract else abstract, dice),
        "field": [field] if areas else field,
        "institution": KINDS[kind].format(place=_place(story)),
        "institution_kind": kind,
        "country": own.choice(COUNTRIES),
        "full_name": applicant.name,
        "first_name": first,
        "last_name": last,
        "email": applicant.email,
        "orcid": None,
        "months": own.choice((2, 3, 4, 6)),
        "organization_id": _organization_id(telling, story),
        "limited_models": None,
        "red_team": "no",
        "knows_staff": "no",
        **_amount(telling.program, story, own),
    }
    return samples.fill(telling.version.sections, known=known, dice=telling_it, refused=UNLIKELY)


def _abstract(story: Story, dice: random.Random) -> str:
    parts = (dice.choice(WHY), *dice.sample(HOW, 2), dice.choice(CHECKS), dice.choice(OUTCOMES))
    return " ".join((story.project.question, *(filled(part, dice) for part in parts)))


def _description(abstract: str, dice: random.Random) -> str:
    middle = samples.paragraph("description", dice, sentences=5)
    end = " ".join(
        filled(part, dice) for part in (*dice.sample(HOW, 2), *dice.sample(CHECKS, 2), dice.choice(OUTCOMES))
    )
    parts = (abstract, middle, samples.paragraph("why_model", dice, sentences=3), end)
    return "\n\n".join(part for part in parts if part)


def _amount(program: Program, story: Story, dice: random.Random) -> dict[str, object]:
    """What is asked for: the fixed award or a special case, else an amount that fits the program."""
    if program.award_mode == AwardMode.FIXED:
        special = story.fate == Fate.TO_APPROVE
        return {"standard_award": "no" if special else "yes", "amount": "3,500" if special else None}
    low, high = ASKED_CENTS[program.slug]
    cents = high if story.fate == Fate.TO_APPROVE else dice.randrange(low, high, 250_00)
    return {"amount": money_text(cents), "least": None}


def money_text(cents: int) -> str:
    """Whole dollars as one types them."""
    return f"{cents // 100:,}"


def _organization_id(telling: Telling, story: Story) -> str | None:
    """Most name their organization; those who have not accepted yet do not."""
    if story.fate in (Fate.NOT_ACCEPTED, Fate.REFUSED, Fate.ON_ITS_WAY, Fate.DRAFT):
        return None
    place = SAME_ORGANIZATION.get(story.place, story.place)
    dice = random.Random(f"organization:{telling.program.slug}:{place}")
    return samples.organization_id(telling.program.organization_id_format, dice)


def _tick_over(cycles: list[Cycle], now: datetime) -> None:
    """What beat would have done while the cut-off passed; letters that were due by then are sent."""
    at = max(cycle.cut_off_at for cycle in cycles) + timedelta(minutes=2)
    tick.tick(at=min(at, now))


def _quick(on: bool) -> None:
    """Do not wait for the disk at each commit: a demo world that a power cut took can be made again."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET synchronous_commit TO {'off' if on else 'DEFAULT'}")


def _refresh_statistics() -> None:
    """The planner knows nothing of rows made a second ago; in life autovacuum tells it."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
