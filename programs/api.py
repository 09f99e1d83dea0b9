"""The API's public part: programs, their evaluations and the questions of their forms. It only reads."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from ninja import Path, Router, Schema
from pydantic import Field

from portal import clock
from portal.api_shapes import OPEN_READS, ErrorOut, missing
from programs import fields, form_versions, queries, values
from programs.models import AwardMode, Cycle, Program

router = Router(tags=["Programs"])

Slug = Annotated[
    str,
    Path(
        max_length=64,
        pattern="^[-a-zA-Z0-9_]+$",
        description="The program's name in addresses.",
        examples=["ai-for-science"],
    ),
]


class CycleOut(Schema):
    """One evaluation. An application sent before `cut_off_at` is in it and is decided by the end of `decided_by_on`."""

    evaluation_on: date = Field(description="The day in the program's time zone.")
    shifted_from_on: date | None = Field(description="The regular day, where the evaluation was moved.")
    opens_at: datetime = Field(description="UTC.")
    cut_off_at: datetime = Field(description="UTC.")
    decided_by_on: date = Field(
        description="The last day, in the program's time zone, on which you may hear."
    )


class ModelOut(Schema):
    slug: str
    name: str
    limited: bool
    condition: str


class ProgramOut(Schema):
    slug: str
    name: str
    summary: str
    state: Literal["open", "paused", "closed"]
    takes_applications: bool = Field(description="Now, at this moment.")
    opens_on: date | None
    award: str = Field(description="In words; amounts in the program's currency.")
    award_most_cents: int | None = Field(description="Whole cents; null where the amount is not announced.")
    currency: str
    term: str
    time_zone: str = Field(description="IANA name.")
    decided_by_days: int
    next_cycle: CycleOut | None = Field(description="The evaluation of an application that is sent now.")
    page: str


class ProgramDetailOut(ProgramOut):
    purpose: str = Field(description="Markdown.")
    priority_topics: list[dict[str, str]]
    never_funded: list[str]
    models: list[ModelOut]


class ProgramsOut(Schema):
    programs: list[ProgramOut]


class CyclesOut(Schema):
    time_zone: str
    cycles: list[CycleOut]


class ChoiceOut(Schema):
    value: str
    label: str
    help: str | None = None
    condition: str | None = Field(None, description="What those who choose it have to accept.")


class ConditionOut(Schema):
    question: str
    any_of: list[str]


class PolicyOut(Schema):
    slug: str
    version: str
    text: str


class QuestionOut(Schema):
    """One question. What is absent does not apply; docs/forms.md says what an answer of each type looks like."""

    key: str
    type: str
    label: str
    required: bool
    help: str | None = None
    show_if: ConditionOut | None = Field(None, description="Asked only with one of these answers before it.")
    choices: list[ChoiceOut] | None = None
    max_words: int | None = None
    max_chars: int | None = None
    min: int | date | None = Field(None, description="Cents for money.")
    max: int | date | None = Field(None, description="Cents for money, entries for lists.")
    currency: str | None = None
    countries: list[str] | None = None
    format: str | None = None
    max_files: int | None = None
    max_mb: int | None = None
    policy: PolicyOut | None = Field(None, description="Accept it with its version.")


class SectionOut(Schema):
    key: str
    title: str
    lead: str | None = None
    questions: list[QuestionOut]


class FormOut(Schema):
    version: int
    sections: list[SectionOut]


@router.get(
    "/programs",
    response={200: ProgramsOut, frozenset({422, 429}): ErrorOut},
    url_name="programs",
    operation_id="listPrograms",
    summary="All programs",
)
def list_programs(request: HttpRequest) -> dict[str, Any]:
    """In the order of the directory."""
    return {"programs": [_program(card) for card in queries.cards(at=clock.now())]}


@router.get(
    "/programs/{slug:slug}",
    response={200: ProgramDetailOut, OPEN_READS: ErrorOut},
    url_name="program",
    operation_id="readProgram",
    summary="One program",
)
def read_program(request: HttpRequest, slug: Slug) -> dict[str, Any]:
    program = _public(slug)
    now = clock.now()
    card = queries.card(program, queries.next_cycle(program, at=now), at=now)
    return _program(card) | {
        "purpose": program.purpose,
        "priority_topics": [
            {"title": str(topic.get("title", "")), "text": str(topic.get("text", ""))}
            for topic in program.priority_topics
        ],
        "never_funded": program.never_funded,
        "models": [
            {
                "slug": model["slug"],
                "name": model["name"],
                "limited": bool(model.get("limited")),
                "condition": model.get("condition") or "",
            }
            for model in program.models_offered
        ],
    }


@router.get(
    "/programs/{slug:slug}/cycles",
    response={200: CyclesOut, OPEN_READS: ErrorOut},
    url_name="cycles",
    operation_id="listCycles",
    summary="The evaluations of a program",
)
def list_cycles(request: HttpRequest, slug: Slug) -> dict[str, Any]:
    """Those of this calendar year and of the twelve months ahead, in order."""
    program = _public(slug)
    found = queries.evaluations(program, at=clock.now())
    return {"time_zone": program.time_zone, "cycles": [cycle(one) for one in found]}


@router.get(
    "/programs/{slug:slug}/form",
    response={200: FormOut, OPEN_READS: ErrorOut},
    url_name="form",
    operation_id="readForm",
    summary="The questions of a program",
    exclude_none=True,
)
def read_form(request: HttpRequest, slug: Slug) -> dict[str, Any]:
    """The form that a new draft uses. 404 for a program that has none yet."""
    version = form_versions.current(_public(slug))
    if version is None:
        raise missing()
    return {
        "version": version.number,
        "sections": [
            {
                "key": section["key"],
                "title": section["title"],
                "lead": section.get("lead"),
                "questions": [_question(question) for question in fields.expanded(section)],
            }
            for section in version.sections
        ],
    }


def cycle(found: Cycle) -> dict[str, Any]:
    """An evaluation as everybody may know it: its days, and nothing of how far its people are."""
    return {
        name: getattr(found, name)
        for name in ("evaluation_on", "shifted_from_on", "opens_at", "cut_off_at", "decided_by_on")
    }


def _public(slug: str) -> Program:
    program = queries.public().filter(slug=slug).first()
    if program is None:
        raise missing()
    return program


def _program(card: queries.Card) -> dict[str, Any]:
    program = card.program
    most = {
        AwardMode.FIXED: program.award_default_cents,
        AwardMode.CAPPED: program.award_cap_cents,
        AwardMode.UNDISCLOSED: None,
    }
    return {
        "slug": program.slug,
        "name": program.name,
        "summary": program.summary,
        "state": program.state,
        "takes_applications": card.clock.is_open,
        "opens_on": program.opens_on,
        "award": card.award,
        "award_most_cents": most[AwardMode(program.award_mode)],
        "currency": program.currency,
        "term": card.term,
        "time_zone": program.time_zone,
        "decided_by_days": program.decided_by_days,
        "next_cycle": cycle(card.clock.cycle) if card.clock.cycle else None,
        "page": settings.SITE_URL + reverse("programs:program", args=[program.slug]),
    }


def _question(question: Mapping[str, Any]) -> dict[str, Any]:
    """What an applicant sees of a question. Who reads the answer, and what it is used for, stays inside."""
    told = {
        name: question[name] for name in QuestionOut.model_fields if name in question and name != "choices"
    }
    told["required"] = bool(question.get("required"))
    if "choices" in question:
        told["choices"] = [
            {name: choice[name] for name in ChoiceOut.model_fields if choice.get(name)}
            for choice in values.choices(question)
        ]
    return told
