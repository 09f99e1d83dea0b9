"""What a program has and what it lacks, read with the program or in one query: for its opening and for its editor."""

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from portal.roles import Role
from programs.models import (
    Criterion,
    CriterionKind,
    Cycle,
    CycleState,
    FaqEntry,
    FormVersion,
    Membership,
    MessageTemplate,
    Program,
)
from programs.request_models import RequestForm


@dataclass(frozen=True)
class Standing:
    """The facts behind the readiness list.

    sections: of the form in use, which is version form_number. weights: of the scores, in percent, in their order.
    roles: those held now by active people, one entry a person. ahead: cycles planned or open. request_forms: those that
    are on, in their order, as rows that must not be saved.
    """

    form_number: int | None
    sections: list[dict[str, Any]]
    draft_id: int | None
    weights: list[int]
    has_gates: bool
    letters: frozenset[str]
    roles: list[str]
    has_questions: bool
    ahead: int
    request_forms: list[RequestForm]

    def people(self, role: Role) -> int:
        """How many active people hold a role."""
        return self.roles.count(role)


def with_standing(rows: QuerySet[Program]) -> QuerySet[Program]:
    """Programs that bring their facts along, so that `of` asks nothing more."""
    mine = OuterRef("pk")
    published = FormVersion.objects.filter(program=mine, published_at__isnull=False).order_by("-number")
    draft = FormVersion.objects.filter(program=mine, published_at=None).order_by("-number")
    criteria = Criterion.objects.filter(program=mine).order_by("position", "pk")
    people = Membership.objects.filter(program=mine, ended_at=None, user__is_active=True)
    forms = RequestForm.objects.filter(program=mine, is_on=True).order_by("position", "pk")
    ahead = Cycle.objects.filter(program=mine, state__in=(CycleState.PLANNED, CycleState.OPEN))
    return rows.annotate(
        standing_form=Subquery(published.values("number")[:1]),
        standing_sections=Subquery(published.values("sections")[:1]),
        standing_draft=Subquery(draft.values("pk")[:1]),
        standing_criteria=ArraySubquery(
            criteria.values(row=JSONObject(kind="kind", weight="weight_percent"))
        ),
        standing_letters=ArraySubquery(MessageTemplate.objects.filter(program=mine).values("kind")),
        standing_roles=ArraySubquery(people.values("role")),
        standing_questions=Exists(FaqEntry.objects.filter(program=mine)),
        standing_ahead=ArraySubquery(ahead.values("pk")),
        standing_forms=ArraySubquery(
            forms.values(
                row=JSONObject(title="title", sections="sections", outcomes="outcomes", faq_first="faq_first")
            )
        ),
    )


def of(program: Program) -> Standing:
    """The facts of one program. One query, none for a program from `with_standing`."""
    if "standing_roles" not in program.__dict__:
        program = with_standing(Program.objects.filter(pk=program.pk)).get()
    facts: Any = program
    criteria = facts.standing_criteria
    return Standing(
        form_number=facts.standing_form,
        sections=facts.standing_sections or [],
        draft_id=facts.standing_draft,
        weights=[row["weight"] for row in criteria if row["kind"] == CriterionKind.SCORE],
        has_gates=any(row["kind"] == CriterionKind.GATE for row in criteria),
        letters=frozenset(facts.standing_letters),
        roles=list(facts.standing_roles),
        has_questions=facts.standing_questions,
        ahead=len(facts.standing_ahead),
        request_forms=[RequestForm(**row) for row in facts.standing_forms],
    )
