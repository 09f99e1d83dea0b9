"""Pure: two windows, or two people, in one form.

A page remembers a mark of each answer it was drawn with. At a save, an answer whose mark is still the page's own was not
touched there and is left as it stands; one that was touched is taken, unless somebody else changed the same answer to
something different meanwhile. So a save can never silently replace an answer that its author has not seen.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from programs import fields


@dataclass(frozen=True)
class Merge:
    """`changes`: the answers that this save touched. `clashes`: those of them that others changed differently."""

    changes: dict[str, Any] = field(default_factory=dict)
    clashes: list[str] = field(default_factory=list)


def mark(value: object) -> str:
    """A short word for the content of one answer; empty where there is none."""
    if value is None:
        return ""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return blake2b(text.encode(), digest_size=6).hexdigest()


def marks(section: fields.Section, answers: Mapping[str, Any]) -> dict[str, str]:
    """What the page of one section remembers: question key -> mark of its answer, for all its questions."""
    return {
        question["key"]: mark(answers.get(question["key"]))
        for question in fields.expanded(section)
        if question["type"] != "text"
    }


def merge(*, current: Mapping[str, Any], changes: Mapping[str, Any], base: Mapping[str, str]) -> Merge:
    """Lay one page's answers over the ones that stand. base: the marks that the page was drawn with."""
    touched = {key: value for key, value in changes.items() if mark(value) != base.get(key, "")}
    clashes = [
        key
        for key, value in touched.items()
        if mark(current.get(key)) not in (base.get(key, ""), mark(value))
    ]
    return Merge(touched, clashes)


def after(base: Mapping[str, str] | None, changes: Mapping[str, Any]) -> dict[str, str] | None:
    """What a page remembers once its answers were taken: the marks of those it sent, which it shows."""
    if base is None:
        return None
    touched = {key: mark(value) for key, value in changes.items() if mark(value) != base.get(key, "")}
    return {**base, **touched}


def marks_from(text: object) -> dict[str, str]:
    """Read the marks that a page sent back. What is no such thing counts as a page that remembers nothing."""
    if isinstance(text, str):
        try:
            text = json.loads(text)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(text, Mapping):
        return {}
    return {str(key): value for key, value in text.items() if isinstance(value, str)}
