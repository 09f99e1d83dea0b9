"""Queries about first looks without names: who is blind to which applications, and what hides them.

A reviewer is blind where the rules of the cycle ask for it, until the part without names was handed in. Managers and
screeners of the program are not: they need to know whom they deal with.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from applications import blinding, redactions
from applications.blinding import Identity
from applications.models import Application, Attachment, Collaborator, Review, ReviewState
from portal.models import User
from portal.roles import Role
from programs import rulebook
from programs.models import Cycle
from programs.staff import Desk

NOT_BLIND = (Role.MANAGER, Role.SCREENER)

NAMES_SEEN = Q(state=ReviewState.IN) | Q(blind_submitted_at__isnull=False)
"""Reviews whose writer has handed in the part without names."""


def is_blind(desk: Desk, application: Application, mine: Review | None) -> bool:
    """Whether this person reads an application without names now. No query with the rules of the cycle loaded."""
    if desk.everything or desk.holds(*NOT_BLIND, program_id=application.program_id):
        return False
    if mine is not None and (mine.state == ReviewState.IN or mine.blind_submitted_at is not None):
        return False
    return rulebook.for_application(application).blind_first_look


def blind_to(desk: Desk, prefix: str = "") -> Q:
    """The applications that this person reads without names now, as a condition; `prefix` leads to the application."""
    if desk.everything:
        return Q(pk__in=[])
    rules = Q(rules_version__content__blind_first_look=True)
    rules |= Q(rules_version__isnull=True, program__blind_first_look=True)
    # Both parts are EXISTS, which is never NULL: a condition that may be negated must be true or false.
    asked = Exists(Cycle.objects.filter(rules, pk=OuterRef(f"{prefix}cycle_id")))
    seen = Exists(Review.objects.filter(NAMES_SEEN, application=OuterRef(f"{prefix}pk"), reviewer=desk.user))
    whole = desk.program_ids(*NOT_BLIND)
    blind = Q(asked) & ~Q(seen)
    return blind & ~Q(**{f"{prefix}program_id__in": whole}) if whole else blind


def blindness(desk: Desk) -> Case:
    """Whether this person is blind to an application, as a column that is true or false and never a number."""
    return Case(When(blind_to(desk), then=Value(True)), default=Value(False), output_field=BooleanField())


def identity_of(application: Application) -> Identity:
    """What names the people behind one application, whose form version and applicant are loaded. One query."""
    return _identities({application.pk: application})[application.pk]


def _identity(row: Application, people: Iterable[tuple[str, str]], files: Iterable[str]) -> Identity:
    names, phrases = blinding.of_answers(row.form_version.sections, row.answers)
    applicant: User = row.applicant
    known = [(applicant.name, applicant.email), *people]
    phrases += [row.institution, row.organization_id_text]
    return Identity(
        names=tuple(dict.fromkeys(name for name in (*names, *(name for name, _ in known)) if name)),
        phrases=tuple(dict.fromkeys(phrase for phrase in (*phrases, *files) if phrase)),
        addresses=tuple(dict.fromkeys(address for _, address in known if address)),
    )


@dataclass(frozen=True)
class Named:
    """An application as a list may call it."""

    title: str
    field: str
    blind: bool = False


def named(desk: Desk, rows: Iterable[Application]) -> dict[int, Named]:
    """Title and field of applications as this person may read them: one query for reviewers, and one more for those who
    are blind to some.
    """
    rows = list(rows)
    found = {row.pk: Named(row.title or str(row.reference or ""), row.field) for row in rows}
    if desk.everything:
        return found
    whole = set(desk.program_ids(*NOT_BLIND))
    own = [row for row in rows if row.program_id not in whole]
    if all(hasattr(row, "is_blind") for row in own):
        special = own
    else:
        special = _special(desk, [row.pk for row in own])
    blind = {row.pk: row for row in special if row.is_blind}  # type: ignore[attr-defined]
    identities = _identities(blind)
    for row in special:
        title = redactions.title_of(row) or found[row.pk].title
        if row.pk in identities:
            hide = identities[row.pk].hide
            found[row.pk] = Named(hide(title), hide(found[row.pk].field), blind=True)
        else:
            found[row.pk] = Named(title, found[row.pk].field)
    return found


def told(desk: Desk, rows: QuerySet[Application]) -> QuerySet[Application]:
    """Applications with what `named` needs, so that it asks no more: whether this person is blind to each (`is_blind`),
    and the copies by screeners.
    """
    return (
        rows.annotate(is_blind=blindness(desk))
        .annotate(copies=redactions.as_array())
        .select_related("applicant", "form_version")
    )


def _special(desk: Desk, ids: Collection[int]) -> list[Application]:
    """Those among some applications that this person is blind to, or that have a screener's copy."""
    if not ids:
        return []
    return list(
        told(desk, Application.objects.filter(pk__in=ids))
        .filter(Q(is_blind=True) | Q(copies__len__gt=0))
        .only(
            "answers",
            "institution",
            "organization_id_text",
            "applicant__name",
            "applicant__email",
            "form_version__sections",
        )
    )


def _identities(rows: Mapping[int, Application]) -> dict[int, Identity]:
    """What names the people behind some applications. One query, however many."""
    if not rows:
        return {}
    people: dict[int, list[tuple[str, str]]] = defaultdict(list)
    files: dict[int, list[str]] = defaultdict(list)
    for pk, kind, first, name, address in _people_and_files(application_id__in=list(rows)):
        if kind == "file":
            files[pk] += [first, first.rpartition(".")[0]]
        else:
            people[pk] += [(name or "", first), ("", address or "")]
    return {pk: _identity(row, people[pk], files[pk]) for pk, row in rows.items()}


def _people_and_files(**which: Any) -> QuerySet[Any, Any]:
    people = Collaborator.objects.filter(**which).values_list(
        "application_id", Value("person"), "email", "user__name", "user__email"
    )
    files = Attachment.objects.filter(**which).values_list(
        "application_id", Value("file"), "name", Value(""), Value("")
    )
    return people.union(files, all=True)


def titles(desk: Desk, rows: Iterable[Application]) -> dict[int, str]:
    """The titles alone."""
    return {pk: name.title for pk, name in named(desk, rows).items()}


def hidden_checks(desk: Desk, prefix: str = "application__") -> Q:
    """Findings about the person behind an application that this person reads without names, as a condition."""
    return Q(kind__in=blinding.TELLING_CHECKS) & blind_to(desk, prefix)
