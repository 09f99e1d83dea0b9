"""Programs, people and applications for tests, made through the operations that make them in life.

The calendar: programs open on BEFORE, the first cut-off is CUT_OFF (Monday 7 December 2026, 00:00 in Los Angeles) and
AFTER lies in the days of review.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

from applications import assignment, batches, intake, screening
from applications.models import Application, Batch
from applications.states import State
from portal.models import User
from portal.roles import Role
from programs import catalogue, form_versions, memberships
from programs.models import (
    AwardMode,
    Criterion,
    CriterionKind,
    Cycle,
    EligibilityRule,
    MessageKind,
    MessageTemplate,
    Program,
    RuleKind,
    RuleOutcome,
)

BEFORE = datetime(2026, 11, 20, 12, tzinfo=UTC)
CUT_OFF = datetime(2026, 12, 7, 8, tzinfo=UTC)
AFTER = datetime(2026, 12, 8, 12, tzinfo=UTC)

ORGANIZATION_ID = "0b0c9a64-7a56-4a39-9f5e-1d2c3b4a5968"
IDENTITY = "Canary Instituto"  # stands in answers that a blind look must not show
FOR_SCREENERS = "Canary hazard text"  # stands in an answer that only screeners read

_numbers = count(1)


SECTIONS: list[dict[str, Any]] = [
    {
        "key": "you",
        "title": "You",
        "lead": "Who asks.",
        "questions": [
            {
                "key": "institution",
                "type": "short_text",
                "label": "Institution",
                "required": True,
                "maps_to": "institution",
                "blind": True,
                "personal": True,
            },
            {"key": "country", "type": "country", "label": "Country", "required": True, "maps_to": "country"},
        ],
    },
    {
        "key": "research",
        "title": "The research",
        "lead": "Write for a colleague from another field.",
        "questions": [
            {
                "key": "title",
                "type": "short_text",
                "label": "Title",
                "required": True,
                "max_chars": 200,
                "maps_to": "title",
            },
            {
                "key": "abstract",
                "type": "long_text",
                "label": "Abstract",
                "required": True,
                "max_words": 250,
                "maps_to": "abstract",
            },
            {
                "key": "field",
                "type": "single_choice",
                "label": "Field",
                "required": True,
                "maps_to": "field",
                "choices": [
                    {"value": "biology", "label": "Biology and life sciences"},
                    {"value": "physics", "label": "Physics"},
                ],
            },
            {
                "key": "hazards",
                "type": "long_text",
                "label": "Hazards",
                "help": "Read by screeners only.",
                "required": False,
                "max_words": 200,
                "audience": "screener",
            },
            {
                "key": "amount",
                "type": "money",
                "label": "Amount",
                "required": True,
                "min": 100_00,
                "max": 20_000_00,
                "maps_to": "amount_cents",
            },
            {
                "key": "months",
                "type": "months",
                "label": "Months",
                "required": True,
                "min": 1,
                "max": 12,
                "maps_to": "months",
            },
            {
                "key": "organization_id",
                "type": "organization_id",
                "label": "Organization ID",
                "required": False,
                "maps_to": "organization_id",
            },
        ],
    },
]


def make_user(email: str = "", *, name: str = "", **fields: Any) -> User:
    """A person who can sign in with the password "correct horse battery staple"."""
    number = next(_numbers)
    return User.objects.create_user(
        email or f"person{number}@place{number}.example.org",
        "correct horse battery staple",
        name=name or f"Person {number}",
        **fields,
    )


def make_superuser() -> User:
    number = next(_numbers)
    return User.objects.create_superuser(f"root{number}@staff.example.org", "correct horse battery staple")


def make_member(
    program: Program, role: Role = Role.REVIEWER, *, user: User | None = None, **fields: Any
) -> User:
    """A person with a role in a program."""
    user = user or make_user(**fields)
    memberships.give(program=program, user=user, role=role, by=None, at=BEFORE)
    return user


def make_program(*, slug: str = "", at: datetime = BEFORE, open_it: bool = True, **fields: Any) -> Program:
    """An open program: a published form, three criteria of 40/30/30 percent, one gate for biology, two rules, letters."""
    number = next(_numbers)
    program = Program.objects.create(
        **{
            "slug": slug or f"program-{number}",
            "name": f"Research Credits {number}",
            "short_code": f"P{number}",
            "summary": "Credits for research that a model helps.",
            "purpose": "Credits for research.",
            "award_mode": AwardMode.CAPPED,
            "award_default_cents": 1_000_00,
            "award_cap_cents": 20_000_00,
            "four_eyes_above_cents": 10_000_00,
            "term_mode": "months",
            "term_months": 6,
            "models_offered": [
                {"slug": "standard", "name": "Standard suite", "limited": False},
                {"slug": "large", "name": "Large model", "limited": False},
            ],
            "provider": "anthropic",
            "organization_id_format": "anthropic-console",
            **fields,
        }
    )
    version = form_versions.draft(program=program, sections=SECTIONS, by=None, at=at)
    form_versions.publish(form_version_id=version.pk, by=None, at=at)
    _rubric(program)
    _rules(program)
    _letters(program)
    if open_it:
        program = catalogue.open_program(program_id=program.pk, by=None, at=at)
    return program


def next_cycle(program: Program) -> Cycle:
    """The cycle that applications sent on BEFORE belong to."""
    return program.cycles.order_by("cut_off_at")[0]


def answers(**changes: Any) -> dict[str, Any]:
    """Complete answers to SECTIONS; each call gives another title, and an abstract that reads like no other."""
    number = next(_numbers)
    return {
        "institution": f"{IDENTITY} {number}",
        "country": "US",
        "title": f"Reading frames of soil archaea, part {number}",
        "abstract": (
            f"Study{number} asks how lake{number * 7} shifts when plot{number * 13} burns and if genes{number * 17} "
            f"drive what site{number * 19} shows after season{number * 23}."
        ),
        "field": "physics",
        "hazards": f"{FOR_SCREENERS} {number}",
        "amount": {"amount_cents": 6_000_00, "currency": "USD"},
        "months": 6,
        **changes,
    }


def make_draft(
    program: Program, *, applicant: User | None = None, at: datetime = BEFORE, **changes: Any
) -> Application:
    return intake.start(program_id=program.pk, answers=answers(**changes), by=applicant or make_user(), at=at)


def make_submitted(
    program: Program, *, applicant: User | None = None, at: datetime = BEFORE, **changes: Any
) -> Application:
    """An application that was sent; keyword arguments replace answers."""
    draft = make_draft(program, applicant=applicant, at=at, **changes)
    return intake.submit(application_id=draft.pk, by=draft.applicant, at=at)


def make_batch(
    program: Program,
    *,
    applications: int = 1,
    at: datetime = CUT_OFF,
    screen: bool = True,
    assign: bool = True,
    submitted: Sequence[Application] = (),
    **changes: Any,
) -> Batch:
    """The batch of the program's first cycle, with new applications beside those already sent, screened and assigned."""
    for _ in range(applications if not submitted else 0):
        make_submitted(program, **changes)
    formed = batches.form(cycle_id=next_cycle(program).pk, at=at)
    assert formed.batch_id is not None
    if screen:
        screening.screen(batch_id=formed.batch_id, at=at)
    if assign:
        assignment.assign(batch_id=formed.batch_id, at=at)
    return Batch.objects.get(pk=formed.batch_id)


def make_many(
    program: Program, number: int, *, cycle: Cycle | None = None, state: State = State.SUBMITTED
) -> list[Application]:
    """Many applications in one statement, without letters, revisions or sketches: for counts and speed."""
    cycle = cycle or next_cycle(program)
    version = form_versions.current(program)
    people = User.objects.bulk_create(
        User(email=f"many{next(_numbers)}@many.example.org", name="Somebody") for _ in range(number)
    )
    return Application.objects.bulk_create(
        [
            Application(
                program=program,
                form_version=version,
                applicant=person,
                cycle=cycle,
                reference=f"{program.short_code}-{cycle.evaluation_on:%Y-%m}-{next(_numbers):06d}",
                state=state,
                answers=answers(title=f"Study {place}"),
                title=f"Study {place}",
                field="physics",
                country="US",
                requested_cents=6_000_00,
                requested_months=6,
                email_domain="many.example.org",
                email_key=person.email,
                created_at=BEFORE,
                saved_at=BEFORE,
                submitted_at=BEFORE,
            )
            for place, person in enumerate(people)
        ],
        batch_size=1_000,
    )


def _rubric(program: Program) -> None:
    for position, (key, weight) in enumerate([("merit", 40), ("impact", 30), ("feasibility", 30)]):
        Criterion.objects.create(
            program=program,
            key=key,
            name=key.capitalize(),
            description=f"How much {key}?",
            weight_percent=weight,
            anchors={"1": "None to see", "3": "Some", "5": "Hard to improve"},
            position=position,
        )
    Criterion.objects.create(
        program=program,
        key="biosecurity",
        name="Biosecurity",
        description="Could results lower a barrier to harm?",
        kind=CriterionKind.GATE,
        show_if={"question": "field", "any_of": ["biology"]},
        position=9,
    )


def _rules(program: Program) -> None:
    EligibilityRule.objects.create(
        program=program,
        kind=RuleKind.COUNTRY,
        outcome=RuleOutcome.BLOCK,
        sentence="The service is not offered in this country.",
        parameters={"refused": ["KP"]},
    )
    EligibilityRule.objects.create(
        program=program,
        kind=RuleKind.NEAR_DUPLICATE,
        outcome=RuleOutcome.FLAG,
        sentence="Another application says nearly the same.",
        position=1,
    )


def _letters(program: Program) -> None:
    for kind in (
        MessageKind.RECEIPT,
        MessageKind.WITHDRAWN,
        MessageKind.ASSIGNMENT,
        MessageKind.AWARD,
        MessageKind.POSTED,
        MessageKind.TOLD_DECLINE,
    ):
        MessageTemplate.objects.create(
            program=program,
            kind=kind,
            subject=f"{kind.label.split(',')[0]} {{reference}}",
            body="Dear {name},\n\nthis is about {title} ({program}).\n\n{link}\n",
        )
