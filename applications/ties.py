"""Facts of an application as numbers, so that the same fact elsewhere is found by an index and not by reading answers.

A mark is the beginning of a SHA-256 over kind and cleaned text. It says nothing by itself about a person, and it goes
with the application when that is erased.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from applications.emails import canonical
from applications.institution_words import words
from applications.models import Application, Tie, TieKind
from programs import fields

Mark = tuple[TieKind, int]

MOST_PEOPLE = 60
MOST_WORDS_OF_NAMES = 300
_SAYS_NOTHING = frozenset(
    [
        "the",
        "of",
        "and",
        "at",
        "for",
        "in",
        "de",
        "la",
        "le",
        "les",
        "des",
        "du",
        "der",
        "die",
        "das",
        "den",
        "und",
        "für",
        "fur",
        "di",
        "del",
        "y",
        "e",
        "et",
    ]
)
_TITLES = frozenset(
    ["dr", "prof", "professor", "mr", "mrs", "ms", "mx", "phd", "md", "msc", "bsc", "sir", "dame"]
)
_PHONE = re.compile(r"(?:^|_)(?:tele)?phone(?:_|$)|(?:^|_)mobile(?:_|$)")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def mark(kind: TieKind, text: str) -> int:
    """The number of a fact; equal facts have equal numbers on every machine."""
    digest = hashlib.sha256(f"{kind}:{text}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def institution_names(name: str, ror_id: str | None) -> list[str]:
    """How an institution is known: by its ROR id, and by the words of its name in any order, small words left out."""
    found = [f"ror:{ror_id}"] if ror_id else []
    kept = sorted(word for word in words(name) if word not in _SAYS_NOTHING)
    return [*found, f"name:{' '.join(kept)}"] if kept else found


def person_names(name: str) -> list[str]:
    """How a person's name may stand elsewhere: all words, and the first with the last; titles and order say nothing."""
    known = [word for word in words(name) if word not in _TITLES and len(word) > 1]
    if len(known) < 2:
        return []
    return list(dict.fromkeys([" ".join(sorted(known)), " ".join(sorted((known[0], known[-1])))]))


def named_in(text: str) -> list[str]:
    """Every pair and triple of neighbouring words of a text as a name, and every mail address in it."""
    known = [
        word for word in _words_in_order(text)[:MOST_WORDS_OF_NAMES] if word not in _TITLES and len(word) > 1
    ]
    pairs = [" ".join(sorted(pair)) for pair in pairwise(known)]
    triples = [" ".join(sorted(triple)) for triple in zip(known, known[1:], known[2:], strict=False)]
    return list(dict.fromkeys([*pairs, *triples, *(canonical(address) for address in _MAIL.findall(text))]))


def of(application: Application) -> set[Mark]:
    """The marks of an application with its form version and applicant loaded. No query."""
    found: set[Mark] = set()
    institutions: list[str] = []
    people = [application.applicant.name]

    def add(kind: TieKind, texts: Iterable[str]) -> None:
        found.update((kind, mark(kind, text)) for text in texts if text)

    for question in fields.questions(application.form_version.sections):
        answer = application.answers.get(question["key"])
        if not answer:
            continue
        if (
            question.get("audience") == "manager"
        ):  # what only managers read is where people name whom they know
            add(TieKind.NAMED, _named(question, answer))
        elif question.get("maps_to") == "institution":
            institutions = _institution(answer)
        elif question["type"] == "orcid":
            add(TieKind.ORCID, [str(answer)])
        elif question["type"] == "doi_list" and isinstance(answer, list):
            add(TieKind.WORK, [str(entry).lower() for entry in answer])
        elif question["type"] == "people" and isinstance(answer, list):
            team = [str(person.get("name", "")) for person in answer if isinstance(person, Mapping)]
            people += team
            add(TieKind.NAMED, (name for person in team[:MOST_PEOPLE] for name in person_names(person)))
        elif _PHONE.search(question["key"]):
            add(
                TieKind.PHONE,
                [digits] if len(digits := re.sub(r"\D", "", str(answer)).lstrip("0")) >= 7 else [],
            )
    add(TieKind.INSTITUTION, institutions)
    names = [name for person in people[:MOST_PEOPLE] for name in person_names(person)]
    add(TieKind.LAB, (f"{institution}|{name}" for institution in institutions for name in names))
    return found


def rows(applications: Iterable[Application]) -> list[Tie]:
    """The marks of many applications as rows that are not stored yet."""
    return [
        Tie(application=application, kind=kind, mark=number)
        for application in applications
        for kind, number in sorted(of(application))
    ]


def keep(application: Application, *, fresh: bool) -> None:
    """Store the marks of an application in the caller's transaction, in the place of those of an earlier revision."""
    if not fresh:
        Tie.objects.filter(application=application).delete()
    Tie.objects.bulk_create(rows([application]))


def _institution(answer: Any) -> list[str]:
    given = answer if isinstance(answer, Mapping) else {"name": answer}
    return institution_names(str(given.get("name") or ""), given.get("ror_id"))


def _named(question: fields.Question, answer: Any) -> list[str]:
    if question["type"] == "people" and isinstance(answer, list):
        entries = [person for person in answer if isinstance(person, Mapping)]
        names = [name for entry in entries for name in person_names(str(entry.get("name", "")))]
        return names + [name for entry in entries for name in named_in(str(entry.get("role", "")))]
    if question["type"] in ("long_text", "short_text", "email"):
        return named_in(str(answer))
    return []


def _words_in_order(text: str) -> list[str]:
    """Like institution_words.words, with repeats kept, so that neighbours stay neighbours."""
    return [word for part in text.split() for word in words(part)]
