"""Queries of the people pages: a person, an organization or an institution over all programs and cycles.

Everything starts from the applications that the reader manages and has no conflict with; who has none of these is not
there at all. Reading a person's page is written into the trail.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat

from applications import desk as desk_queries
from applications import differences
from applications.models import (
    STANDS,
    Application,
    Collaborator,
    Decision,
    DecisionState,
    Link,
    Notice,
    Tie,
    TieKind,
)
from applications.models.intake import ApplicationQuerySet
from applications.ties import institution_names, mark
from credits.models import Grant, LedgerAccount
from credits.movements import AccountKind
from portal import audit
from portal.models import AuditEvent, User
from portal.roles import Role
from programs.staff import Desk

MOST = 50  # applications on a page, the newest first
COMPARED = 5
LETTERS = 30
EVENTS = 40
LINKS = 100


@dataclass(frozen=True)
class Sent:
    """One application with its decision and grant, as far as there are any."""

    application: Application
    decision: Decision | None
    left_cents: int | None = None

    @property
    def grant(self) -> Grant | None:
        return self.decision.grant if self.decision else None


@dataclass(frozen=True)
class Reapplication:
    """What changed from one application to the one that followed it."""

    before: Application
    after: Application
    changes: list[differences.Change]


@dataclass(frozen=True)
class Linked:
    """Another application that shares something with one of these."""

    mine: Application
    other: Application
    why: str


@dataclass(frozen=True)
class Page:
    """What a page of a person, an organization or an institution shows. Sums in cents, by currency."""

    sent: list[Sent]
    more: bool
    reapplications: list[Reapplication] = field(default_factory=list)
    linked: list[Linked] = field(default_factory=list)
    team_of: list[Application] = field(default_factory=list)
    letters: list[Notice] = field(default_factory=list)
    events: list[AuditEvent] = field(default_factory=list)
    grants: list[tuple[Grant, int]] = field(default_factory=list)

    @property
    def awarded(self) -> list[tuple[str, int]]:
        """What was released, by currency."""
        sums: dict[str, int] = {}
        for row in self.sent:
            if row.decision and row.decision.state == DecisionState.RELEASED and row.decision.amount_cents:
                currency = row.application.program.currency
                sums[currency] = sums.get(currency, 0) + row.decision.amount_cents
        return sorted(sums.items())

    @property
    def people(self) -> list[User]:
        """Who sent these applications, each once."""
        return list({row.application.applicant_id: row.application.applicant for row in self.sent}.values())

    @property
    def programs(self) -> int:
        return len({row.application.program_id for row in self.sent})


def seen(desk: Desk) -> ApplicationQuerySet:
    """The applications whose people this person may look up: those they manage, conflicts left out."""
    return desk_queries.decidable(desk)


def person(desk: Desk, pk: int) -> tuple[User, Page] | None:
    """A person over all programs; None where no application of theirs may be seen. Seven queries."""
    shared = Collaborator.objects.filter(user=OuterRef("pk"), ended_at=None).values("application_id")
    who = User.objects.filter(pk=pk).annotate(team_ids=ArraySubquery(shared)).first()
    if who is None:
        return None
    rows = seen(desk).filter(Q(applicant_id=pk) | Q(pk__in=who.team_ids))
    page = _page(desk, rows, whose=pk)
    return (who, page) if page.sent or page.team_of else None


def organization(desk: Desk, external_id: str) -> Page | None:
    """An organization at a provider, by its ID: who applied with it, and the grants it holds."""
    rows = seen(desk).filter(organization_id_text=external_id)
    grants = desk_queries.grants_without_conflict(
        desk, _money(desk).filter(organization__external_id=external_id)
    )
    page = _page(desk, rows, grants=grants)
    return page if page.sent or page.grants else None


def institution(desk: Desk, name: str, ror_id: str = "") -> Page | None:
    """An institution, by its name in any order of words, or by its ROR id: who applied from there."""
    marks = [mark(TieKind.INSTITUTION, known) for known in institution_names(name, ror_id or None)]
    if not marks:
        return None
    tied = Tie.objects.filter(mark__in=marks, kind=TieKind.INSTITUTION)
    page = _page(desk, seen(desk).filter(pk__in=tied.values("application_id")))
    return page if page.sent else None


def note_reading(*, who: User, by: User, at: datetime) -> None:
    """Write into the trail that somebody read a person's page."""
    audit.record(action="person.read", subject=who, by=by, at=at)


def _money(desk: Desk) -> QuerySet[Grant]:
    """Grants of the programs this person manages."""
    rows = Grant.objects.select_related("organization", "holder")
    if desk.everything:
        return rows
    slugs = [program.slug for program in desk.programs.values() if _manages(desk, program.pk)]
    return rows.filter(program__in=slugs)


def _manages(desk: Desk, program_id: int) -> bool:
    return desk.holds(Role.MANAGER, program_id=program_id)


def _with_names(rows: ApplicationQuerySet) -> ApplicationQuerySet:
    return rows.select_related("program", "cycle", "applicant").defer("answers", "set_aside")


def _page(
    desk: Desk,
    rows: ApplicationQuerySet,
    *,
    grants: QuerySet[Grant] | None = None,
    whose: int | None = None,
) -> Page:
    newest = list(_with_names(rows).order_by("-submitted_at", "-pk")[: MOST + 1])
    listed = [row for row in newest[:MOST] if whose is None or row.applicant_id == whose]
    ids = [row.pk for row in listed]
    decisions = {
        decision.application_id: decision
        for decision in Decision.objects.filter(STANDS, application_id__in=ids)
        .select_related("grant__organization")
        .annotate(left_cents=Subquery(_left_of("grant_id")))
    }
    held = (
        list(grants.annotate(left_cents=Subquery(_left_of("pk"))).order_by("-pk")[:MOST])
        if grants is not None
        else []
    )
    return Page(
        sent=[
            Sent(row, decision := decisions.get(row.pk), decision.left_cents if decision else None)
            for row in listed
        ],
        more=len(newest) > MOST,
        reapplications=_reapplications(listed) if whose is not None else [],
        linked=_linked(desk, listed),
        team_of=[row for row in newest[:MOST] if row.pk not in ids],
        letters=_letters(desk, ids),
        events=_events(listed, decisions.values()),
        grants=[(grant, grant.left_cents or 0) for grant in held],
    )


def _left_of(grant: str) -> QuerySet[LedgerAccount, int]:
    """What a grant still holds, in cents, as a subquery: its account is found by its code."""
    code = Concat(
        Value(f"{AccountKind.GRANTED}:"), Cast(OuterRef(grant), TextField()), output_field=TextField()
    )
    return LedgerAccount.objects.filter(code=code).values_list("balance_cents", flat=True)


def _reapplications(listed: Sequence[Application]) -> list[Reapplication]:
    """The newest few applications that started from another of these, with what changed. Restricted answers stay out."""
    by_id = {row.pk: row for row in listed}
    pairs = [(row.earlier_id, row.pk) for row in listed if row.earlier_id in by_id][:COMPARED]
    wanted = {pk for pair in pairs for pk in pair}
    whole = Application.objects.filter(pk__in=wanted).select_related("form_version") if wanted else ()
    sides = {row.pk: differences.Side(row.form_version.sections, row.answers) for row in whole}
    return [
        Reapplication(
            by_id[before],
            by_id[after],
            differences.between(sides[before], sides[after], audiences=("everyone", "manager")),
        )
        for before, after in pairs
    ]


def _linked(desk: Desk, listed: Sequence[Application]) -> list[Linked]:
    """What these share with applications outside the list; those that may not be seen are not counted either."""
    mine = {row.pk: row for row in listed}
    if not mine:
        return []
    allowed = [Exists(seen(desk).filter(pk=OuterRef(side))) for side in ("one_id", "other_id")]
    links = (
        Link.objects.filter(Q(one__in=mine) | Q(other__in=mine), *allowed)
        .select_related("one__applicant", "other__applicant")
        .defer("one__answers", "other__answers", "one__set_aside", "other__set_aside")
        .order_by("-pk")[:LINKS]
    )
    found = []
    for link in links:
        here, there = (link.one, link.other) if link.one_id in mine else (link.other, link.one)
        if there.pk not in mine:
            share = f", {link.share_percent} %" if link.share_percent else ""
            found.append(Linked(mine[here.pk], there, f"{link.get_kind_display()}{share}"))
    return found


def _letters(desk: Desk, ids: Sequence[int]) -> list[Notice]:
    """Letters about these applications, receipts and awards; those to reviewers are no letters to the person."""
    rows = desk_queries.letters(desk).filter(application_id__in=ids).exclude(kind="assignment")
    return list(rows.select_related("recipient").order_by("-pk")[:LETTERS])


def _events(listed: Sequence[Application], decisions: Collection[Decision]) -> list[AuditEvent]:
    """The trail of these applications and of their decisions, newest first, each event with its `currency`."""
    if not listed:
        return []
    currencies = {("applications.application", str(row.pk)): row.program.currency for row in listed}
    by_id = {row.pk: row.program.currency for row in listed}
    currencies |= {("applications.decision", str(row.pk)): by_id[row.application_id] for row in decisions}
    of_each: dict[str, list[str]] = {}
    for kind, pk in currencies:
        of_each.setdefault(kind, []).append(pk)
    wanted = Q()
    for kind, pks in of_each.items():
        wanted |= Q(subject_type=kind, subject_id__in=pks)
    rows = list(AuditEvent.objects.filter(wanted).select_related("actor").order_by("-pk")[:EVENTS])
    for row in rows:
        row.currency = currencies[row.subject_type, row.subject_id]  # type: ignore[attr-defined]
    return rows
