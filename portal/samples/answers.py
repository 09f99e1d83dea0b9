"""Fill a form as a person might: what is known goes in as it is, the rest is made up from a seed.

The result is raw, as it would stand in a file; applications.imports or a section form checks it like anybody's.
"""

import random
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from portal.samples.sentences import FIRST_NAMES, INVENTED_PLACES, LAST_NAMES, SENTENCES
from portal.samples.slots import filled
from programs import fields, values
from programs.fields import Question, Sections
from programs.texts import word_count

ORCID = "0000-0002-1825-0097"  # ORCID's own example of a person who does not exist
SHARE_OF_OPTIONAL = 0.6  # how many of the questions that may stay empty get an answer
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def fill(
    sections: Sections,
    *,
    known: Mapping[str, Any],
    dice: random.Random,
    refused: Mapping[str, frozenset[str]] | None = None,
) -> dict[str, Any]:
    """Answers to every question that is asked: question key -> raw value.

    known: by question key or by what a question maps to; None leaves a question empty. refused: by `maps_to`, choices
    that no rule of the program lets through. A known text that is longer than its limit is cut at a sentence.
    """
    answers: dict[str, Any] = {}
    refused = refused or {}
    for question in fields.questions(sections):
        if question["type"] in ("text", "file") or not fields.visible(question, answers):
            continue
        key, mapped = question["key"], question.get("maps_to", "")
        name = key if key in known else mapped if mapped in known else None
        if name is not None:
            value = _cut(question, known[name])
        elif question.get("required") or dice.random() < SHARE_OF_OPTIONAL:
            value = _make(question, dice, refused.get(mapped, frozenset()))
        else:
            value = None
        if value is not None:
            answers[key] = value
    return answers


def cleaned(sections: Sections, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Raw values as the answers that a section form would store. Raises values.BadAnswer for one that it would refuse."""
    asked = {question["key"]: question for question in fields.questions(sections)}
    return {key: values.cleaned(asked[key], value) for key, value in raw.items()}


def leading_sentences(text: str, *, words: int) -> str:
    """As many whole sentences from the start as fit into a number of words; at least a part of the first."""
    kept: list[str] = []
    left = words
    for sentence in _SENTENCE_END.split(text.strip()):
        count = word_count(sentence)
        if count > left:
            break
        kept.append(sentence)
        left -= count
    return " ".join(kept) if kept else " ".join(text.split()[:words])


def paragraph(topic: str, dice: random.Random, *, sentences: int) -> str:
    """A few different sentences about what a question asks."""
    pool = SENTENCES.get(topic) or SENTENCES[""]
    places = sorted(
        dice.sample(range(len(pool)), min(sentences, len(pool)))
    )  # sentences that build on others come later
    chosen = [pool[place] for place in places]
    return " ".join(filled(sentence, dice) for sentence in chosen)


def organization_id(form: str, dice: random.Random) -> str:
    """An organization ID in the form of a provider (credits.organizations)."""
    if form == "openai":
        return "org-" + "".join(
            dice.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=24)
        )
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def person(dice: random.Random) -> str:
    return f"{dice.choice(FIRST_NAMES)} {dice.choice(LAST_NAMES)}"


def _cut(question: Question, value: Any) -> Any:
    if not isinstance(value, str) or question["type"] not in ("short_text", "long_text", "organization"):
        return value
    if (limit := question.get("max_words")) and word_count(value) > limit:
        value = leading_sentences(value, words=limit)
    longest = values.char_limit(question)
    return value if len(value) <= longest else value[: longest - 1].rsplit(" ", 1)[0] + "…"


def _make(question: Question, dice: random.Random, refused: frozenset[str]) -> Any:
    return _MAKERS[question["type"]](question, dice, refused)


def _short_text(question: Question, dice: random.Random, _: frozenset[str]) -> str:
    if question.get("other_of"):
        return "A field between two others"
    named = {"given-name": FIRST_NAMES, "family-name": LAST_NAMES}.get(question.get("autocomplete", ""))
    if named:
        return dice.choice(named)
    if question.get("autocomplete") == "name":
        return person(dice)
    return _cut(question, paragraph(question["key"], dice, sentences=1))


def _long_text(question: Question, dice: random.Random, _: frozenset[str]) -> str:
    return _cut(question, paragraph(question["key"], dice, sentences=dice.randint(2, 4)))


def _money(question: Question, dice: random.Random, _: frozenset[str]) -> str:
    """Mostly modest amounts in whole hundreds, now and then the most that one may ask."""
    low, high = question.get("min", 100_00), min(question.get("max", 20_000_00), 40_000_00)
    cents = high if dice.random() < 0.1 else int(low + (high - low) * dice.betavariate(2, 3))
    return str(max(low, cents // 100_00 * 100_00) / 100)


def _number(question: Question, dice: random.Random, _: frozenset[str]) -> str:
    low = question.get("min", 1)
    return str(dice.randint(low, max(low, min(question.get("max", 12), 12))))


def _single_choice(question: Question, dice: random.Random, refused: frozenset[str]) -> str:
    listed = [choice["value"] for choice in question["choices"]]
    return dice.choice(
        [value for value in listed if value not in refused and value != values.OTHER] or listed
    )


def _multiple_choice(question: Question, dice: random.Random, _: frozenset[str]) -> list[str]:
    listed = [choice["value"] for choice in question["choices"] if choice["value"] != values.OTHER]
    return dice.sample(listed, min(len(listed), question.get("max", 2), dice.randint(1, 2)))


def _people(question: Question, dice: random.Random, _: frozenset[str]) -> list[dict[str, str]]:
    roles = ("subject", "methods", "data", "supervision")
    return [{"name": person(dice), "role": dice.choice(roles)} for _ in range(dice.randint(1, 3))]


_MAKERS: dict[str, Callable[[Question, random.Random, frozenset[str]], Any]] = {
    "short_text": _short_text,
    "long_text": _long_text,
    "email": lambda _question, dice, _: f"colleague{dice.randint(1, 999)}@example.org",
    "url": lambda _question, dice, _: f"https://example.org/projects/{dice.randint(100, 999)}",
    "integer": _number,
    "months": _number,
    "money": _money,
    "date": lambda question, _dice, _: question.get("min", "2026-01-15"),
    "yes_no": lambda _question, dice, _: "yes" if dice.random() < 0.15 else "no",
    "single_choice": _single_choice,
    "multiple_choice": _multiple_choice,
    "country": lambda question, dice, _: dice.choice(
        question.get("countries", ["CA", "DE", "KE", "NZ", "US"])
    ),
    "orcid": lambda _question, _dice, _: ORCID,
    "doi_list": lambda _question, dice, _: [f"10.5555/sample.{dice.randint(1000, 9999)}" for _ in range(2)],
    "organization_id": lambda question, dice, _: organization_id(question.get("format", "any"), dice),
    "organization": lambda _question, dice, _: f"University of {dice.choice(INVENTED_PLACES)}",
    "people": _people,
    "acknowledgement": lambda _question, _dice, _: "yes",
}
