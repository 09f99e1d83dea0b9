"""Pure: what tells who applies, and texts without it.

A form marks the answers that name somebody; this is for the rest: a name, an institution, an address or an ORCID iD
that an applicant wrote into another answer. What no rule can know, a screener takes out by hand (applications.redactions).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from applications import presentation
from applications.emails import institution_domain
from programs import fields
from programs.models import RuleKind

WITHHELD = "[withheld]"

TELLING_CHECKS = frozenset(
    {
        RuleKind.COUNTRY,
        RuleKind.DISPOSABLE_EMAIL,
        RuleKind.ACADEMIC_EMAIL,
        RuleKind.INSTITUTION_KIND,
        RuleKind.DUPLICATE_PERSON,
        RuleKind.SHARED_ORGANIZATION,
        RuleKind.WAITING_TIME,
    }
)
"""Checks that look at the person and not at the project: a blind look knows nothing of them."""

_TELLING_COLUMNS = frozenset({"institution", "orcid", "organization_id"})
_NAMING = frozenset({"short_text", "organization_id", "email", "orcid", "url"})
"""Kinds of questions whose answer is a name or a number that can be looked for in other texts."""

_PARTICLES = frozenset(
    [
        "and",
        "bin",
        "dr",
        "de",
        "del",
        "della",
        "der",
        "den",
        "des",
        "di",
        "do",
        "dos",
        "du",
        "el",
        "for",
        "ibn",
        "la",
        "las",
        "le",
        "los",
        "mac",
        "of",
        "prof",
        "san",
        "the",
        "van",
        "von",
    ]
)
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:]+@[^\s@<>()\[\],;:]+\.\w+")
_ORCID = re.compile(r"\b\d{4}[-–—  ]?\d{4}[-–—  ]?\d{4}[-–—  ]?\d{3}[\dXx]\b")
_LINK = re.compile(r"(?:\b[a-z][a-z0-9+.-]*://|\bwww\.)\S+", re.IGNORECASE)
_SHORTEST_PART = 3


@dataclass(frozen=True)
class Identity:
    """What is known of the people behind an application, as plain words.

    names: of people, whole. phrases: institutions, numbers and other answers that name somebody. addresses: of mail.
    """

    names: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @cached_property
    def _whole(self) -> re.Pattern[str] | None:
        """Names and phrases in any case, and mail domains."""
        words = {*self.names, *self.phrases, *(piece for text in self.phrases for piece in _pieces(text))}
        domains = {address.rpartition("@")[2].lower() for address in self.addresses}
        domains |= {institution_domain(domain) for domain in domains}
        known = {_spaced(word) for word in words if len(_folded(word)[0].strip()) >= _SHORTEST_PART}
        # A mail service that anybody uses says nothing about a person.
        known |= {_spaced(domain) for domain in domains if institution_domain(domain)}
        return _any_of(known)

    @cached_property
    def _parts(self) -> re.Pattern[str] | None:
        """First and last names alone; they count where they are written as names are, with a capital letter."""
        parts = {
            part
            for name in self.names
            for part in re.split(r"[\s.,'’()]+", name)
            if len(part) >= _SHORTEST_PART and part.lower() not in _PARTICLES
        }
        return _any_of({_spaced(part) for part in parts})

    @cached_property
    def _handles(self) -> tuple[str, ...]:
        """What a person is called in links: the local part of an address, a name without blanks."""
        words = {address.rpartition("@")[0] for address in self.addresses} | set(self.names)
        joined = {re.sub(r"[\W_]+", "", _folded(word)[0]) for word in words}
        return tuple(sorted(word for word in joined if len(word) >= 4))

    def hide(self, text: str) -> str:
        """The text with everything that is known to name somebody replaced by a mark."""
        if not text:
            return text
        folded, places = _folded(text)
        found = [match.span() for pattern in (_ADDRESS, _ORCID) for match in pattern.finditer(text)]
        found += [match.span() for match in _LINK.finditer(text) if self._names_somebody(match.group())]
        if self._whole is not None:
            found += [_span(match, places) for match in self._whole.finditer(folded)]
        if self._parts is not None:
            for match in self._parts.finditer(folded):
                start, end = _span(match, places)
                if text[start] == text[start].upper():  # scripts without case count as well
                    found.append((start, end))
        return _without(text, found)

    def _names_somebody(self, link: str) -> bool:
        folded = _folded(link)[0]
        joined = re.sub(r"[\W_]+", "", folded)
        return any(handle in joined for handle in self._handles) or bool(
            self._whole is not None and self._whole.search(folded)
        )


def telling(question: Mapping[str, Any]) -> bool:
    """Whether the answer to a question tells who applies: marked so in the form, or by its nature."""
    return bool(
        question.get("blind")
        or question.get("personal")
        or question.get("maps_to") in _TELLING_COLUMNS
        or question["type"] in ("email", "orcid", "organization", "organization_id", "people")
    )


def of_answers(sections: fields.Sections, answers: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """(names, phrases) in the answers of questions that a form marks as telling who applies."""
    names: list[str] = []
    phrases: list[str] = []
    for question in fields.questions(sections):
        value = answers.get(question["key"])
        if not value or not telling(question):
            continue
        kind = question["type"]
        if kind == "people" and isinstance(value, list):
            names += [str(person.get("name", "")) for person in value if isinstance(person, Mapping)]
        elif kind == "organization" and isinstance(value, Mapping):
            phrases += [str(value.get("name", "")), str(value.get("ror_id") or "")]
        elif kind in _NAMING:
            is_name = "name" in f"{question.get('maps_to', '')} {question.get('autocomplete', '')}"
            (names if is_name else phrases).extend(presentation.lines_of(question, value))
    return [name for name in names if name], [phrase for phrase in phrases if phrase]


def _pieces(phrase: str) -> Iterable[str]:
    """The parts of an institution's name that stand alone: what is in brackets, what stands before a comma."""
    for piece in re.split(r"[,;()\[\]|/]", phrase):
        words = piece.split()
        if len(words) > 1 or (len(words) == 1 and words[0].isupper()):
            yield piece.strip()
            if words[0].lower() == "the":
                yield " ".join(words[1:])


def _spaced(word: str) -> str:
    """A pattern for a word or phrase, whatever stands between its parts."""
    parts = [re.escape(part) for part in re.split(r"[\W_]+", _folded(word)[0]) if part]
    pattern = r"[\W_]{1,3}".join(parts)
    cased = any(letter.upper() != letter.lower() or letter.isdigit() for letter in word)
    return rf"(?<![^\W_]){pattern}(?![^\W_])" if cased else pattern


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """Longest first, so that a whole name goes before its parts."""
    known = sorted((pattern for pattern in patterns if pattern), key=len, reverse=True)
    return re.compile("|".join(known)) if known else None


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """The text without case, accents and invisible letters, and for each letter its place in the text."""
    if text.isascii():
        return text.lower(), range(len(text))
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        for piece in unicodedata.normalize("NFKD", letter).casefold():
            if not unicodedata.combining(piece) and unicodedata.category(piece) != "Cf":
                letters.append(piece)
                places.append(place)
    return "".join(letters), places


def _span(match: re.Match[str], places: Sequence[int]) -> tuple[int, int]:
    return places[match.start()], places[match.end() - 1] + 1


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with overlapping spans replaced by one mark each."""
    out: list[str] = []
    at = 0
    reach = -1
    for start, end in sorted(spans):
        if start < reach:
            reach = max(reach, end)
            at = reach
            continue
        out += [text[at:start], WITHHELD]
        at = reach = end
    return "".join(out) + text[at:]
