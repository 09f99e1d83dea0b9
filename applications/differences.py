"""Pure: what changed from one application to the next, answer by answer, with the words that are new or gone."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from applications import presentation
from programs import fields

MOST_WORDS = 2_000
"""Longer answers are compared by sentences: word by word would take seconds and read like noise."""

MOST_PAIRS = 100_000
"""Pairs of equal words in the two texts; ordinary prose of a thousand words has about twenty thousand."""

_SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
Run = tuple[str, str]
"""(kind, text): kind is "" for what stayed, "ins" for what is new, "del" for what is gone."""


@dataclass(frozen=True)
class Change:
    """One answer that differs, as runs of text in reading order."""

    label: str
    runs: list[Run]


@dataclass(frozen=True)
class Side:
    """One of the two applications: the questions it was asked, and its answers."""

    sections: Sequence[Mapping[str, Any]]
    answers: Mapping[str, Any]


def between(
    before: Side,
    after: Side,
    *,
    audiences: Iterable[str] = ("everyone",),
    leave_out: Collection[str] = (),
) -> list[Change]:
    """Every answer that differs, in the order of the later form; then those of questions that are not asked any more.

    audiences: whose questions may be read. leave_out: keys of questions that are not compared. Agreements never are: they
    are given anew each time.
    """
    allowed = frozenset(audiences)
    old, new = _texts(before, allowed, leave_out), _texts(after, allowed, leave_out)
    found = []
    for key, (label, text) in new.items():
        gone = old.get(key, (label, ""))[1]
        if gone != text:
            found.append(Change(label, runs(gone, text)))
    found += [Change(label, [("del", text)]) for key, (label, text) in old.items() if key not in new]
    return found


def runs(before: str, after: str) -> list[Run]:
    """Two texts as one, with what went and what came. Blanks and line ends do not count as a difference."""
    old, new = before.split(), after.split()
    if max(len(old), len(new)) > MOST_WORDS:
        old, new = _sentences(before), _sentences(after)
    found: list[Run] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=_repeats(old, new)).get_opcodes():
        if kind == "equal":
            found.append(("", " ".join(new[c:d])))
            continue
        if b > a:
            found.append(("del", " ".join(old[a:b])))
        if d > c:
            found.append(("ins", " ".join(new[c:d])))
    return found


def _repeats(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether the two repeat each other's words so often that every pair cannot be looked at.

    SequenceMatcher then leaves out what stands everywhere; a page of one word over and over would take minutes.
    """
    there = Counter(new)
    return sum(count * there[word] for word, count in Counter(old).items()) > MOST_PAIRS


def _sentences(text: str) -> list[str]:
    """At most MOST_WORDS of them; what follows is kept together as the last."""
    parts = [" ".join(part.split()) for part in _SENTENCE.split(text) if part.strip()]
    return (
        [*parts[: MOST_WORDS - 1], " ".join(parts[MOST_WORDS - 1 :])] if len(parts) >= MOST_WORDS else parts
    )


def _texts(side: Side, allowed: frozenset[str], leave_out: Collection[str]) -> dict[str, tuple[str, str]]:
    questions = {question["key"]: question for question in fields.questions(side.sections)}
    return {
        item.key: (item.label, " ".join(item.lines))
        for section in presentation.shown(side.sections, side.answers, with_empty=False)
        for item in section.items
        if item.key not in leave_out
        and questions[item.key].get("audience", "everyone") in allowed
        and questions[item.key]["type"] not in ("acknowledgement", "file")
    }
