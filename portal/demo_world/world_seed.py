"""A small world for tests from outside: people in every role and a different mark in every text they may not all see.

The same seed gives the same people, marks and answers. Public ids and references are drawn by the product as always,
so they differ; the answer names them.
"""

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any

from applications import collaborators, decisions, intake, review, tick
from applications.models import Application, Conflict, Right
from portal.demo_world import people
from portal.demo_world.calendar import lay, share
from portal.models import User
from portal.roles import Role
from portal.samples import answers as samples
from programs import form_versions, memberships, presets
from programs.models import CriterionKind, Program

OWN, OTHER = "ai-for-science", "external-researcher-access"
ROLES = (
    "owner",
    "other_same_program",
    "other_program",
    "co_applicant",
    "ex_co_applicant",
    "reviewer_assigned",
    "reviewer_unassigned",
    "reviewer_conflicted",
    "reviewer_other_program",
    "screener",
    "manager",
    "manager_other_program",
    "auditor",
    "disabled_staff",
)
"""Roles of people with an account. The co-applicant may edit the owner's application; the former one might once."""
_STAFF = {
    "reviewer_assigned": (OWN, Role.REVIEWER),
    "reviewer_conflicted": (OWN, Role.REVIEWER),
    "reviewer_other_program": (OTHER, Role.REVIEWER),
    "screener": (OWN, Role.SCREENER),
    "manager": (OWN, Role.MANAGER),
    "manager_other_program": (OTHER, Role.MANAGER),
    "auditor": (OWN, Role.AUDITOR),
    "disabled_staff": (OWN, Role.REVIEWER),
}


class _Marks:
    """Unique words, the same for the same seed, and the list of where they stand."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.listed: list[dict[str, str]] = []

    def new(self, kind: str, name: str) -> str:
        digest = hashlib.sha256(f"{self.seed}:{kind}:{name}".encode()).hexdigest()[:10]
        mark = f"CANARY-{self.seed}-{digest}"
        self.listed.append({"kind": kind, "of": name, "canary": mark})
        return mark


def make_world(*, seed: int, size: int, at: datetime) -> dict[str, Any]:
    """Two programs, `size` applications in each, one of them with every role around it; returns what was made."""
    marks = _Marks(seed)
    programs = {slug: _program(slug, at) for slug in (OWN, OTHER)}
    cycles = {slug: lay(program, at).under_way for slug, program in programs.items()}
    began = min(cycle.opens_at for cycle in cycles.values())
    users = {
        name: people.account(f"{name.replace('_', '-')}-{seed}@example.org", marks.new("user", name))
        for name in ROLES
    }
    for name, (slug, role) in _STAFF.items():
        memberships.give(program=programs[slug], user=users[name], role=role, by=None, at=began)
    users["disabled_staff"].is_active = False
    users["disabled_staff"].save(update_fields=["is_active"])
    sent: dict[str, list[Application]] = {OWN: [], OTHER: []}
    for slug, program in programs.items():
        first = ["owner", "other_same_program"] if slug == OWN else ["other_program"]
        for number in range(max(size, len(first))):
            name = first[number] if number < len(first) else f"applicant-{number}"
            person = users.get(name) or people.account(
                f"{slug}-{name}-{seed}@example.org", marks.new("user", f"{slug}-{name}")
            )
            moment = share(cycles[slug].opens_at, cycles[slug].cut_off_at, (number + 1) / (size + 3))
            sent[slug].append(_send(program, person, marks, f"{slug}:{number}", moment))
    _share(sent[OWN][0], users, cycles[OWN].cut_off_at - timedelta(hours=2))
    _conflict(sent[OWN][0], users, cycles[OWN].cut_off_at - timedelta(hours=1))
    tick.tick(at=max(cycle.cut_off_at for cycle in cycles.values()) + timedelta(minutes=1))
    # Given only now, so that nothing was assigned to this reviewer.
    memberships.give(
        program=programs[OWN], user=users["reviewer_unassigned"], role=Role.REVIEWER, by=None, at=at
    )
    _look_and_decide(sent[OWN][0], users, marks, at)
    return {
        "seed": seed,
        "programs": {"own": OWN, "other": OTHER},
        "roles": {"anonymous": None, **{name: user.email for name, user in users.items()}},
        "application": sent[OWN][0].reference,
        "applications": [
            {"reference": application.reference, "public_id": str(application.public_id), "program": slug}
            for slug, listed in sent.items()
            for application in listed
        ],
        "users": [{"role": name, "email": user.email, "id": user.pk} for name, user in users.items()],
        "objects": marks.listed,
    }


def _program(slug: str, at: datetime) -> Program:
    path = presets.SHIPPED / f"{slug}.yaml"
    presets.load(text=path.read_text(encoding="utf-8"), name=path.name, by=None, at=at)
    return Program.objects.get(slug=slug)


def _send(program: Program, person: User, marks: _Marks, name: str, at: datetime) -> Application:
    """An application with a mark of its own in every text that somebody writes."""
    version = form_versions.current(program)
    assert version is not None
    dice = random.Random(f"{marks.seed}:{name}")
    texts = ("title", "abstract", "description", "misuse", "pathogens_what", "oversight")
    known: dict[str, object] = {
        "country": "DE",
        "institution_kind": "university",
        "standard_award": "yes",
        "pathogens": "yes",
        "organization_id": samples.organization_id(program.organization_id_format, dice),
        "full_name": person.name,
        **{text: marks.new(text, name) for text in texts},
    }
    answers = samples.cleaned(version.sections, samples.fill(version.sections, known=known, dice=dice))
    draft = intake.start(program_id=program.pk, answers={}, by=person, at=at)
    intake.save_answers(application_id=draft.pk, changes=answers, version=None, by=person, at=at)
    return intake.submit(application_id=draft.pk, by=person, at=at)


def _share(application: Application, users: dict[str, User], at: datetime) -> None:
    """Let both co-applicants in, and one of them out again."""
    for name in ("co_applicant", "ex_co_applicant"):
        place = collaborators.invite(
            application_id=application.pk,
            email=users[name].email,
            right=Right.EDIT,
            by=application.applicant,
            at=at,
        )
        collaborators.accept(collaborator_id=place.pk, by=users[name], at=at)
    collaborators.end(collaborator_id=place.pk, by=application.applicant, at=at)


def _conflict(application: Application, users: dict[str, User], at: datetime) -> None:
    Conflict.objects.create(
        application=application,
        user=users["reviewer_conflicted"],
        reason="They wrote a paper together.",
        declared_by=users["manager"],
        declared_at=at,
    )


def _look_and_decide(application: Application, users: dict[str, User], marks: _Marks, at: datetime) -> None:
    criteria = application.program.criteria.filter(kind=CriterionKind.SCORE)
    review.send_in(
        application_id=application.pk,
        look=review.Look(scores={c.key: 4 for c in criteria}, note=marks.new("review note", "owner")),
        by=users["reviewer_assigned"],
        at=at,
    )
    for gate in review.gates_for(application):
        review.answer_gate(
            application_id=application.pk,
            criterion_key=gate.key,
            outcome="passed",  # type: ignore[arg-type]
            note=marks.new("gate note", gate.key),
            by=users["screener"],
            at=at,
        )
    decisions.propose_award(
        application_id=application.pk,
        by=users["manager"],
        at=at,
        reason=marks.new("decision reason", "owner"),
    )
