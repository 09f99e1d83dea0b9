"""What members of staff say about themselves: tags, place of work, publications, whom they cannot judge, limits, days away."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction
from idutils import is_doi, is_orcid, normalize_doi, normalize_orcid

from applications.models import Absence, ReviewerLimit, ReviewerProfile
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import memberships, ror
from programs.models import Cycle, Program

MOST_ENTRIES = 200
MOST_ABSENCES = 30


class BadProfile(Refused):
    """Something in a profile cannot be read. `problems` maps field names to what to do."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems.values()))


@dataclass(frozen=True)
class Entered:
    """A profile as somebody entered it: lists of lines; days as pairs of first and last day."""

    tags: Sequence[str] = ()
    institution: str = ""
    ror_id: str = ""
    orcid: str = ""
    coauthor_orcids: Sequence[str] = ()
    works: Sequence[str] = ()
    avoided_emails: Sequence[str] = ()
    avoided_institutions: Sequence[str] = ()
    absences: Sequence[tuple[date, date]] = field(default_factory=tuple)


@transaction.atomic
def save_profile(*, user: User, entered: Entered, by: User, at: datetime) -> ReviewerProfile:
    """Keep a profile as entered, whole, in the place of what was there. Raises BadProfile and then changes nothing.

    Conflicts that follow from it are computed with the next tick. Source: docs/architecture.md, "Dealing".
    """
    problems: dict[str, str] = {}
    orcids = _cleaned(entered.coauthor_orcids, "coauthor_orcids", _ORCID, problems)
    works = _cleaned(entered.works, "works", _DOI, problems)
    own = _cleaned([entered.orcid], "orcid", _ORCID, problems)
    ror_id = ""
    if entered.ror_id.strip():
        try:
            ror_id = ror.clean(entered.ror_id[:60])
        except ror.WrongRorId as error:
            problems["ror_id"] = str(error)
    emails = _lines(entered.avoided_emails, 254)
    if wrong := next((text for text in emails if text.count("@") != 1 or " " in text), None):
        problems["avoided_emails"] = f"“{wrong}” is no mail address."
    if any(end < begin for begin, end in entered.absences):
        problems["absences"] = "A last day lies before its first."
    if len(entered.absences) > MOST_ABSENCES:
        problems["absences"] = f"At most {MOST_ABSENCES} times away are kept."
    if problems:
        raise BadProfile(problems)
    profile, _ = ReviewerProfile.objects.update_or_create(
        user=user,
        defaults={
            "tags": sorted({text.lower() for text in _lines(entered.tags, 60)}),
            "institution": " ".join(entered.institution.split())[:200],
            "ror_id": ror_id,
            "orcid": own[0] if own else "",
            "coauthor_orcids": orcids,
            "works": works,
            "avoided_emails": [text.lower() for text in emails],
            "avoided_institutions": _lines(entered.avoided_institutions, 200),
            "saved_at": at,
        },
    )
    Absence.objects.filter(user=user).delete()
    Absence.objects.bulk_create(
        Absence(user=user, from_on=begin, until_on=end) for begin, end in sorted(set(entered.absences))
    )
    audit.record(action="profile.save", subject=profile, by=by, at=at, absences=len(entered.absences))
    return profile


@transaction.atomic
def set_limit(
    *, user: User, program: Program, cycle: Cycle | None, most: int | None, by: User, at: datetime
) -> ReviewerLimit | None:
    """Keep the most applications a person takes in one cycle, or in each cycle of a program; None takes the limit off.

    Raises BadProfile for somebody without a role in the program and for a number below zero.
    """
    if most is not None and most < 0:
        raise BadProfile({"most": "A limit is zero or more."})
    if not memberships.programs_of(user).filter(pk=program.pk).exists():
        raise BadProfile({"most": f"{user} does not work on {program}."})
    limits = ReviewerLimit.objects.filter(user=user, program=program, cycle=cycle)
    limit = None
    if most is None:
        limits.delete()
    else:
        limit, _ = ReviewerLimit.objects.update_or_create(
            user=user, program=program, cycle=cycle, defaults={"most": most}
        )
    audit.record(action="limit.set", subject=program, by=by, at=at, user=user.pk, most=most)
    return limit


def _lines(texts: Iterable[str], longest: int) -> list[str]:
    cleaned = (" ".join(text.split())[:longest] for text in texts)
    return list(dict.fromkeys(text for text in cleaned if text))[:MOST_ENTRIES]


@dataclass(frozen=True)
class _Spelling:
    """How an identifier is recognised, brought into one spelling, and called."""

    is_one: Callable[[str], bool]
    normal: Callable[[str], str]
    what: str


_ORCID = _Spelling(is_orcid, normalize_orcid, "an ORCID iD")
_DOI = _Spelling(is_doi, lambda text: normalize_doi(text).lower(), "a DOI")


def _cleaned(texts: Iterable[str], name: str, spelling: _Spelling, problems: dict[str, str]) -> list[str]:
    """Identifiers in one spelling; the first that is none becomes a problem of the field."""
    found = []
    for text in _lines(texts, 300):
        if not spelling.is_one(text):
            problems[name] = f"“{text[:60]}” is not {spelling.what}."
            return []
        found.append(spelling.normal(text))
    return list(dict.fromkeys(found))
