"""Queries about first looks without names: who is blind to which applications, and what hides them.

A reviewer is blind where the rules of the cycle ask for it, until the part without names was handed in. Managers and
screeners of the program are not: they need to know whom they deal with.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, Value

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


def blind_ids(desk: Desk, ids: Collection[int]) -> set[int]:
    """Which of some applications this person reads without names. One query, none for those who never are blind."""
    if not ids or desk.everything or not _may_be_blind(desk):
        return set()
    return set(Application.objects.filter(blind_to(desk), pk__in=ids).values_list("pk", flat=True))


def _may_be_blind(desk: Desk) -> bool:
    return bool(set(desk.program_ids()) - set(desk.program_ids(*NOT_BLIND)))


def identities(ids: Iterable[int]) -> dict[int, Identity]:
    """What names the people behind some applications. Three queries, however many."""
    rows = (
        Application.objects.filter(pk__in=list(ids))
        .select_related("applicant", "form_version")
        .only(
            "answers",
            "institution",
            "organization_id_text",
            "applicant__name",
            "applicant__email",
            "form_version__sections",
        )
    )
    found = {row.pk: row for row in rows}
    people: dict[int, list[tuple[str, str]]] = defaultdict(list)
    shared = Collaborator.objects.filter(application_id__in=found)
    for pk, email, name, own in shared.values_list("application_id", "email", "user__name", "user__email"):
        people[pk] += [(name or "", email), ("", own or "")]
    files: dict[int, list[str]] = defaultdict(list)
    attached = Attachment.objects.filter(application_id__in=found)
    for pk, file_name in attached.values_list("application_id", "name"):
        files[pk].append(file_name)
    return {pk: _identity(row, people[pk], files[pk]) for pk, row in found.items()}


def identity_of(application: Application) -> Identity:
    """What names the people behind one application, whose form version and applicant are loaded. One query."""
    people = Collaborator.objects.filter(application=application).values_list(
        Value("person"), "email", "user__name", "user__email"
    )
    files = Attachment.objects.filter(application=application).values_list(
        Value("file"), "name", Value(""), Value("")
    )
    known: list[tuple[str, str]] = []
    names: list[str] = []
    for kind, first, name, address in people.union(files, all=True):
        if kind == "file":
            names.append(first)
        else:
            known += [(name or "", first), ("", address or "")]
    return _identity(application, known, names)


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
    """Title and field of applications as this person may read them. Five queries for those who are blind to some."""
    rows = list(rows)
    found = {row.pk: Named(row.title or str(row.reference or ""), row.field) for row in rows}
    if desk.everything:
        return found
    whole = set(desk.program_ids(*NOT_BLIND))
    own = [row.pk for row in rows if row.program_id not in whole]
    for pk, text in redactions.titles(own).items():
        found[pk] = Named(text, found[pk].field)
    blind = blind_ids(desk, own)
    for pk, identity in identities(blind).items() if blind else ():
        found[pk] = Named(identity.hide(found[pk].title), identity.hide(found[pk].field), blind=True)
    return found


def titles(desk: Desk, rows: Iterable[Application]) -> dict[int, str]:
    """The titles alone."""
    return {pk: name.title for pk, name in named(desk, rows).items()}


def hidden_checks(desk: Desk, prefix: str = "application__") -> Q:
    """Findings about the person behind an application that this person reads without names, as a condition."""
    return Q(kind__in=blinding.TELLING_CHECKS) & blind_to(desk, prefix)
