"""An application full of canaries: each identity field holds one, and the texts repeat them all."""

from dataclasses import dataclass
from typing import Any

from applications import collaborators, intake
from applications.models import Application, Right
from portal.models import User
from portal.roles import Role
from programs.models import Criterion, EligibilityRule, Phase, Program, RuleKind, RuleOutcome
from tests.factories import applications as make
from tests.factories.files import ask, make_attachment

CANARIES = {
    "name": "Zebuline Quorvash",
    "account": "Quentorix Zambeld",
    "institution": "Vexborough Polytechnic",
    "mail": "zq.canary@vexborough.example.org",
    "domain": "vexborough.example.org",
    "orcid": "0000-0002-1694-233X",
    "member": "Ombrelle Tsvetkonn",
    "helper": "helper.canary@wimbledane.example.org",
    "helper_domain": "wimbledane.example.org",
    "organization": "7f0c9a64-7a56-4a39-9f5e-1d2c3b4a5777",
    "file": "quorvash-plan-canary",
    "link": "https://pages.example.net/zebuline-quorvash",
}

_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"key": "name", "type": "short_text", "label": "Name", "autocomplete": "name", "blind": True},
    {"key": "orcid", "type": "orcid", "label": "ORCID iD", "blind": True, "maps_to": "orcid"},
    {"key": "team", "type": "people", "label": "Team", "max": 5, "blind": True},
    {"key": "mail", "type": "email", "label": "Mail", "blind": True},
    {"key": "files", "type": "file", "label": "Attachments", "max_files": 3, "max_mb": 2},
)


@dataclass
class Hidden:
    """A program with a blind first look, and one application that gives itself away wherever it can."""

    program: Program
    application: Application
    twin: Application
    reviewer: User
    other: User
    manager: User
    screener: User


def hidden() -> Hidden:
    program = make.make_program(blind_first_look=True)
    Criterion.objects.filter(program=program, key="merit").update(phase=Phase.NAMED)
    for kind in (RuleKind.DUPLICATE_PERSON, RuleKind.SHARED_ORGANIZATION, RuleKind.ACADEMIC_EMAIL):
        EligibilityRule.objects.create(
            program=program, kind=kind, outcome=RuleOutcome.FLAG, sentence="Look at it.", position=5
        )
    ask(program, *_QUESTIONS)
    people = [make.make_member(program) for _ in range(2)]
    manager, screener = (make.make_member(program, role) for role in (Role.MANAGER, Role.SCREENER))
    applicant = make.make_user(CANARIES["mail"], name=CANARIES["account"])
    words = " ".join(CANARIES.values())
    same = "the same words about soil and lakes in both texts so that they read alike, " * 8
    draft = make.make_draft(
        program,
        applicant=applicant,
        institution=CANARIES["institution"],
        title=f"Soil of {CANARIES['institution']} by {CANARIES['name']}",
        abstract=f"We, {words}, ask again. {same}",
        name=CANARIES["name"],
        orcid=CANARIES["orcid"],
        mail=CANARIES["mail"],
        team=[{"name": CANARIES["member"], "role": "Statistician"}],
        organization_id=CANARIES["organization"],
    )
    make_attachment(draft, name=f"{CANARIES['file']}.png")
    collaborators.invite(
        application_id=draft.pk, email=CANARIES["helper"], right=Right.VIEW, by=applicant, at=make.BEFORE
    )
    twin = make.make_submitted(
        program,
        abstract=f"We ask again. {same}",
        organization_id=CANARIES["organization"],
        title="Another soil",
    )
    sent = intake.submit(application_id=draft.pk, by=applicant, at=make.BEFORE)
    make.make_batch(program, submitted=[sent, twin])
    for row in (sent, twin):
        row.refresh_from_db()
    return Hidden(program, sent, twin, people[0], people[1], manager, screener)
