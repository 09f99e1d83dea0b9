"""The search box of the staff side: one field for references, words of titles, organization IDs and people.

Each way follows an index (exact, prefix, or words on GIN) and stops after a few rows; nothing reads a big table. What
is found passes the same rules as the pages: own programs, and no application that the reader has a conflict with.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from applications import institutions, looks, people, queue
from applications.desk import visible
from applications.models import Application, Tie, TieKind
from applications.models.intake import ApplicationQuerySet
from applications.ties import institution_names, mark
from portal.models import User
from portal.roles import Role
from programs.staff import Desk

SHOWN = 20
LONGEST = 200
LOOKED_AT = 500  # of a word's rows before all are
SHORTEST_PREFIX = 3  # a shorter beginning of a word is taken as the whole word
_ORGANIZATION = re.compile(
    r"(org-[A-Za-z0-9]{4,64}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,30}|[A-Za-z0-9._:-]*\d[A-Za-z0-9._:-]*)"
)


@dataclass(frozen=True)
class Place:
    """An institution or an organization that has a page. ror_id is empty where there is none."""

    name: str
    ror_id: str = ""


@dataclass(frozen=True)
class Found:
    """What a search found, at most SHOWN of each; `more` says that there may be others."""

    text: str
    applications: list[Application] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    organizations: list[str] = field(default_factory=list)
    institutions: list[Place] = field(default_factory=list)

    @property
    def number(self) -> int:
        return len(self.applications) + len(self.people) + len(self.organizations) + len(self.institutions)

    @property
    def more(self) -> bool:
        return any(len(part) >= SHOWN for part in (self.applications, self.people))


def find(desk: Desk, text: str) -> Found:
    """Look for a text everywhere that this person may look. People and places are for managers."""
    text = " ".join(text.replace("\x00", "").split())[:LONGEST]
    if not text:
        return Found("")
    manages = desk.sees(Role.MANAGER)
    if _is_reference(desk, text):
        return Found(
            text, applications=_applications(desk, visible(desk).filter(reference__startswith=text.upper()))
        )
    if manages and "@" in text:
        return Found(text, people=_people(desk, address=text))
    organizations = _organizations(desk, text) if manages else []
    with _by_index():
        titled, named = _by_title(desk, text), _people(desk, words=text) if manages else []
    return Found(
        text,
        applications=titled,
        people=named,
        organizations=organizations,
        institutions=_institutions(desk, text) if manages and not organizations else [],
    )


@contextmanager
def _by_index() -> Iterator[None]:
    """Keep the planner on the index of words: a few rows wanted of many expected would make it read a table from its
    beginning, by itself or along another index, and a word that stands nowhere would be looked for in every row.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_indexscan = off")
        try:
            yield
        finally:
            if not connection.needs_rollback:
                cursor.execute("RESET enable_seqscan; RESET enable_indexscan")


def _few(anywhere: QuerySet[Any], seen: QuerySet[Any]) -> list[int]:
    """Up to SHOWN ids of rows that match and may be seen. For a word that stands nearly everywhere, the first rows that
    have it are looked at before all of them are; that is nearly always enough.
    """
    first = list(anywhere.values_list("pk", flat=True)[:LOOKED_AT])
    if not first:
        return []
    ids = seen.order_by().values_list("pk", flat=True)
    found = list(ids.filter(pk__in=first)[:SHOWN])
    if len(found) == SHOWN or len(first) < LOOKED_AT:
        return found
    return list(ids[:SHOWN])


def lexemes(text: str) -> str:
    """A text as a query for words: each word by its beginning, short ones whole. Empty where there is no word."""
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()[:8]
    return " & ".join(f"{word}:*" if len(word) >= SHORTEST_PREFIX else word for word in words)


def _is_reference(desk: Desk, text: str) -> bool:
    head = text.upper().partition("-")[0]
    return " " not in text and any(program.short_code == head for program in desk.programs.values())


def _applications(desk: Desk, rows: ApplicationQuerySet) -> list[Application]:
    """A few rows as they come, titled as this person may read them: an order by the database would read all that match."""
    some = list(rows.select_related("program", "cycle").defer("answers", "set_aside")[:SHOWN])
    for pk, title in looks.titles(desk, some).items():
        next(row for row in some if row.pk == pk).title = title
    return sorted(some, key=lambda row: (row.submitted_at is None, row.submitted_at, row.pk), reverse=True)


def _by_title(desk: Desk, text: str) -> list[Application]:
    words = lexemes(text)
    if not words:
        return []
    titles = SearchVector("title", config="simple")
    query = SearchQuery(words, config="simple", search_type="raw")
    anywhere = Application.objects.annotate(title_words=titles).filter(title_words=query).order_by()
    matching = visible(desk).annotate(title_words=titles).filter(title_words=query)
    found = _few(anywhere, queue.without_names(desk, matching, text))
    return _applications(desk, visible(desk).filter(pk__in=found)) if found else []


def _people(desk: Desk, *, address: str = "", words: str = "") -> list[User]:
    """People by their whole address or by words of their name, if one of their applications may be seen."""
    theirs = people.seen(desk).filter(applicant=OuterRef("pk"))
    rows = User.objects.filter(Exists(theirs))
    if address:
        return list(rows.annotate(address=Lower("email")).filter(address=address.lower())[:SHOWN])
    query = lexemes(words)
    if not query:
        return []
    anywhere = User.objects.annotate(name_words=SearchVector("name", config="simple")).filter(
        name_words=SearchQuery(query, config="simple", search_type="raw")
    )
    found = User.objects.filter(pk__in=_few(anywhere.order_by(), anywhere.filter(Exists(theirs))))
    return sorted(found, key=lambda person: (person.name, person.pk))


def _organizations(desk: Desk, text: str) -> list[str]:
    """The organization ID itself, where an application or a grant that may be seen has it."""
    if " " in text or not _ORGANIZATION.fullmatch(text):
        return []
    for known in dict.fromkeys((text, text.lower())):
        if people.seen(desk).filter(organization_id_text=known).exists():
            return [known]
    return []


def _institutions(desk: Desk, text: str) -> list[Place]:
    """Institutions of the list by words and beginnings, others by their whole name; those with an application only."""
    places = [Place(text)] + [Place(row.name, row.ror_id or "") for row in institutions.search(text)]
    marks = {place: _marks(place) for place in places}
    wanted = {number for numbers in marks.values() for number in numbers}
    if not wanted:
        return []
    tied = Tie.objects.filter(mark__in=wanted, kind=TieKind.INSTITUTION).filter(
        Exists(people.seen(desk).filter(pk=OuterRef("application_id")))
    )
    there = set(tied.values_list("mark", flat=True)[:2_000])
    found = [place for place in places if there.intersection(marks[place])]
    named = {frozenset(_marks(Place(place.name))) for place in found if place.ror_id}
    return [place for place in found if place.ror_id or frozenset(marks[place]) not in named]


def _marks(place: Place) -> Sequence[int]:
    return [mark(TieKind.INSTITUTION, name) for name in institution_names(place.name, place.ror_id or None)]
