"""The rules that a cycle is evaluated by: frozen with its batch, whatever the program says later.

Everything that evaluates, decides or tells about a cycle asks `for_cycle` (or `for_application`) and never reads these
rules from the program. Attributes carry the names of programs.models.Program, so `program.award_cap_cents` becomes
`rules.award_cap_cents`. Before the batch is formed a rulebook shows the program as it stands.

What stays live on purpose: names and texts of the program, letters, and the lists that are asked again on the day
credit is given (applications.eligibility.JUDGED_AGAIN). Source: docs/decisions/0010-rules-kept-with-a-cycle.md.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.models import Field, Max, ProtectedError, QuerySet

from portal.models import User
from programs.models import (
    AwardMode,
    Criterion,
    CriterionKind,
    Cycle,
    DeclineMode,
    EligibilityRule,
    Program,
    ProgramVersion,
)

COLUMNS = (
    "currency",
    "award_mode",
    "award_default_cents",
    "award_cap_cents",
    "four_eyes_above_cents",
    "term_mode",
    "term_months",
    "term_ends_on",
    "term_starts",
    "late_usage_days",
    "acceptance_days",
    "summary_required",
    "summary_due_days",
    "second_half_after_summary",
    "top_ups_allowed",
    "urgent_authority_cents",
    "models_offered",
    "terms",
    "terms_version",
    "provider",
    "organization_id_format",
    "organization_id_when",
    "time_zone",
    "decided_by_days",
    "decline_mode",
    "reviews_wanted",
    "review_days",
    "blind_first_look",
    "reapply_after_on",
    "reapply_wait_days",
)
"""The columns of Program that are rules of an evaluation."""

CRITERION = (
    "key",
    "name",
    "description",
    "kind",
    "weight_percent",
    "scale_max",
    "phase",
    "required",
    "not_applicable",
    "independent",
    "anchors",
    "show_if",
    "position",
)
RULE = ("kind", "outcome", "sentence", "parameters", "as_of", "position")


class HasCycle(Protocol):
    """An application, which programs does not know by name."""

    program: Program
    cycle: Cycle | None


@dataclass(frozen=True)
class Rulebook:
    """The rules of one evaluation. Money in whole cents of `currency`; None where the program states nothing.

    version: the number of the frozen version, None while the program's own rules still speak. form_version: the number
    of the form in use when it was frozen. criteria and rules come in their order as rows that must not be saved; a
    criterion's pk is the one that scores and gate results point at.
    """

    program_id: int
    program_name: str
    version: int | None
    currency: str
    award_mode: str
    award_default_cents: int | None
    award_cap_cents: int | None
    four_eyes_above_cents: int
    term_mode: str
    term_months: int | None
    term_ends_on: date | None
    term_starts: str
    late_usage_days: int
    acceptance_days: int
    summary_required: bool
    summary_due_days: int
    second_half_after_summary: bool
    top_ups_allowed: bool
    urgent_authority_cents: int | None
    models_offered: list[dict[str, Any]]
    terms: str
    terms_version: str
    provider: str
    organization_id_format: str
    organization_id_when: str
    time_zone: str
    decided_by_days: int
    decline_mode: str
    reviews_wanted: int
    review_days: int
    blind_first_look: bool
    reapply_after_on: date | None
    reapply_wait_days: int
    form_version: int | None = None
    frozen: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.program_name

    @cached_property
    def criteria(self) -> list[Criterion]:
        """The rubric in its order, gates among it. One query for rules that are not frozen, none for frozen ones."""
        if self.frozen is None:
            return list(Criterion.objects.filter(program_id=self.program_id).order_by("position", "pk"))
        return [Criterion(**row) for row in self.frozen["criteria"]]

    @property
    def scores(self) -> list[Criterion]:
        return [criterion for criterion in self.criteria if criterion.kind == CriterionKind.SCORE]

    @property
    def gates(self) -> list[Criterion]:
        return [criterion for criterion in self.criteria if criterion.kind == CriterionKind.GATE]

    @cached_property
    def rules(self) -> list[EligibilityRule]:
        """The eligibility rules in their order. One query for rules that are not frozen, none for frozen ones."""
        if self.frozen is None:
            return list(EligibilityRule.objects.filter(program_id=self.program_id).order_by("position", "pk"))
        return [
            EligibilityRule(program_id=self.program_id, **row | {"as_of": _date(row["as_of"])})
            for row in self.frozen["rules"]
        ]

    @property
    def is_quiet(self) -> bool:
        return self.decline_mode == DeclineMode.QUIET

    @property
    def is_fixed(self) -> bool:
        return self.award_mode == AwardMode.FIXED

    @property
    def standard_models(self) -> list[str]:
        """Slugs of the models that need no condition."""
        return [str(model["slug"]) for model in self.models_offered if not model.get("limited")]


def for_cycle(cycle: Cycle) -> Rulebook:
    """The rules of a cycle. No query with program and rules_version loaded; one or two otherwise, once per instance."""
    version = cycle.rules_version
    if version is None:
        return of_program(cycle.program)
    return of_version(version, program_name=cycle.program.name)


def for_cycles(cycle_ids: Iterable[int] | QuerySet[Any, Any]) -> dict[int, Rulebook]:
    """The rules of several cycles by cycle id, for pages with many applications. One query."""
    cycles = Cycle.objects.filter(pk__in=cycle_ids).select_related("program", "rules_version")
    return {cycle.pk: for_cycle(cycle) for cycle in cycles}


def for_application(application: HasCycle) -> Rulebook:
    """The rules an application is evaluated by; those of its program before it has a cycle."""
    if application.cycle is None:
        return of_program(application.program)
    version = application.cycle.rules_version
    if version is None:
        return of_program(application.program)
    return of_version(version, program_name=application.program.name)


def of_program(program: Program) -> Rulebook:
    """The rules as they stand on the program now. No query."""
    values = {column: getattr(program, column) for column in COLUMNS}
    return Rulebook(program_id=program.pk, program_name=program.name, version=None, **values)


def of_version(version: ProgramVersion, *, program_name: str) -> Rulebook:
    """The rules as one version keeps them. No query."""
    values = {column: version.content.get(column, _default(column)) for column in COLUMNS}
    for column in ("reapply_after_on", "term_ends_on"):
        values[column] = _date(values[column])
    return Rulebook(
        program_id=version.program_id,
        program_name=program_name,
        version=version.number,
        form_version=version.content["form_version"],
        frozen=version.content,
        **values,
    )


@transaction.atomic
def keep(*, program_id: int, by: User | None, at: datetime) -> ProgramVersion:
    """Keep the rules as they stand as a version, if they differ from the last one; returns the version that holds.

    Safe with many callers at once. Takes no row lock, so it may stand at any place of the order of locks.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('programs.rulebook'), %s)", [program_id])
    content = content_of(Program.objects.get(pk=program_id))
    digest = hash_of(content)
    last = ProgramVersion.objects.filter(program_id=program_id).order_by("-number").first()
    if last is not None and last.content_sha256 == digest:
        return last
    return ProgramVersion.objects.create(
        program_id=program_id,
        number=last.number + 1 if last else 1,
        content=content,
        content_sha256=digest,
        made_at=at,
        made_by=by,
    )


def freeze(*, cycle: Cycle, at: datetime) -> ProgramVersion:
    """Tie a cycle to the rules as they stand, for good; the cycle's row is locked by the caller.

    A cycle that has its version keeps it. The database refuses another one later.
    """
    if cycle.rules_version is not None:
        return cycle.rules_version
    cycle.rules_version = keep(program_id=cycle.program_id, by=None, at=at)
    cycle.save(update_fields=["rules_version"])
    return cycle.rules_version


def retire(criterion: Criterion) -> None:
    """Take a criterion out of the rubric; one that a score, a gate or a frozen version names stays for those."""
    if criterion.program_id is None:
        return
    with transaction.atomic():
        named = ProgramVersion.objects.filter(
            program_id=criterion.program_id, content__criteria__contains=[{"id": criterion.pk}]
        )
        if not named.exists():
            with suppress(ProtectedError), transaction.atomic():
                criterion.delete()
                return
        criterion.left_id, criterion.program_id = criterion.program_id, None
        criterion.save(update_fields=["left", "program"])


def content_of(program: Program) -> dict[str, Any]:
    """The rules of a program as plain data: its columns, the rubric, the eligibility rules, the form in use."""
    current = program.form_versions.filter(published_at__isnull=False).aggregate(number=Max("number"))
    content: dict[str, Any] = {column: _plain(getattr(program, column)) for column in COLUMNS}
    content["form_version"] = current["number"]
    content["criteria"] = [
        {"id": row.pk} | {column: _plain(getattr(row, column)) for column in CRITERION}
        for row in program.criteria.order_by("position", "pk")
    ]
    content["rules"] = [
        {column: _plain(getattr(row, column)) for column in RULE}
        for row in program.rules.order_by("position", "pk")
    ]
    return content


def hash_of(content: Mapping[str, Any]) -> str:
    """SHA-256 over canonical JSON: sorted keys, no spaces."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _default(column: str) -> Any:
    """What a rule says that is younger than the version."""
    found = Program._meta.get_field(column)
    assert isinstance(found, Field)
    return found.get_default()


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
