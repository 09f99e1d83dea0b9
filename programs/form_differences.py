"""Pure: what is different between two versions of a form, by question and property, and what applicants notice of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from programs import form_edits

Sections = Sequence[Mapping[str, Any]]

WORDS = {
    "any_of": "shown for",
    "audience": "read by",
    "autocomplete": "autocomplete",
    "blind": "withheld in the first look",
    "choices": "options",
    "countries": "countries",
    "currency": "currency",
    "format": "format",
    "help": "help",
    "label": "question",
    "layout": "layout",
    "lead": "lead",
    "maps_to": "fills",
    "max": "at most",
    "max_chars": "characters at most",
    "max_files": "files at most",
    "max_mb": "megabytes at most",
    "max_words": "words at most",
    "min": "at least",
    "other": "free “other”",
    "personal": "personal data",
    "placeholder": "placeholder",
    "policy": "policy",
    "required": "required",
    "rows": "lines of the box",
    "section": "section",
    "show_if": "condition",
    "title": "title",
    "type": "kind",
}
UNSEEN = {"audience", "blind", "personal", "maps_to", "autocomplete", "rows", "layout", "placeholder"}
"""Properties that change nothing for somebody who fills the form in."""


@dataclass(frozen=True)
class Property:
    """One property of a question: its name in words, and both values in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One section or question that was added, removed, moved or changed."""

    what: str  # "section" or "question"
    kind: str  # "added", "removed", "changed" or "moved"
    key: str
    label: str
    properties: list[Property] = field(default_factory=list)
    for_applicants: str = ""


def differences(before: Sections, after: Sections) -> list[Change]:
    """Every change from one version to the other: removed ones first, then in the order of the new form."""
    old_parts, new_parts = form_edits.readable(list(before)), form_edits.readable(list(after))
    found = _sections(old_parts, new_parts)
    old, new = _placed(old_parts), _placed(new_parts)
    found += [_removed(key, old[key][1]) for key in old if key not in new]
    moved = _moved(list(old), list(new))
    for key, (part, question) in new.items():
        if key not in old:
            found.append(_added(key, question))
            continue
        listed = _properties(old[key][1], question)
        if old[key][0]["key"] != part["key"]:
            listed.append(Property(WORDS["section"], _titled(old[key][0]), _titled(part)))
        if listed:
            changed = {
                name
                for name in {*old[key][1], *question}
                if old[key][1].get(name) != question.get(name) and name not in UNSEEN
            }
            found.append(
                Change(
                    "question",
                    "changed",
                    key,
                    _label(question),
                    listed,
                    _noticed(old[key][1], question, changed),
                )
            )
        elif key in moved:
            found.append(Change("question", "moved", key, _label(question), for_applicants=""))
    return found


def for_applicants(changes: Sequence[Change]) -> list[str]:
    """What somebody with a draft notices, a sentence each; empty when they notice nothing."""
    return [change.for_applicants for change in changes if change.for_applicants]


def number(changes: Sequence[Change]) -> str:
    """How many, in words: "no changes", "1 change", "3 changes"."""
    return "no changes" if not changes else f"{len(changes)} change{'' if len(changes) == 1 else 's'}"


# --- Parts ----------------------------------------------------------------------------------------------------------------


def _sections(old: Sections, new: Sections) -> list[Change]:
    before, after = (
        {str(part["key"]): form_edits.section_frame(part) for part in parts} for parts in (old, new)
    )
    found = [
        Change("section", "removed", key, str(frame.get("title", key)))
        for key, frame in before.items()
        if key not in after
    ]
    for key, frame in after.items():
        label = str(frame.get("title", key))
        if key not in before:
            found.append(Change("section", "added", key, label))
        elif listed := _properties(before[key], frame):
            found.append(Change("section", "changed", key, label, listed))
    common = [key for key in before if key in after]
    moved = _moved(common, [key for key in after if key in before])
    found += [
        Change("section", "moved", key, str(after[key].get("title", key)))
        for key in sorted(moved)
        if before[key] == after[key]
    ]
    return found


def _placed(parts: Sections) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return {str(question["key"]): (part, question) for part in parts for question in part["questions"]}


def _titled(part: Mapping[str, Any]) -> str:
    return str(part.get("title") or part["key"])


def _moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The fewest keys whose move explains the other order: those outside the longest run that kept its order."""
    place = {key: at for at, key in enumerate(before)}
    common = [key for key in after if key in place]
    runs: list[list[str]] = []
    for key in common:
        fitting = [run for run in runs if place[run[-1]] < place[key]]
        longest: list[str] = max(fitting, key=len, default=[])
        runs.append([*longest, key])
    kept: list[str] = max(runs, key=len, default=[])
    return set(common) - set(kept)


def _added(key: str, question: Mapping[str, Any]) -> Change:
    said = {"question": _label(question)}
    text = _("“%(question)s” is new.") % said
    if question.get("type") == "text":
        text = _("A text is new: “%(question)s”.") % said
    elif question.get("required"):
        text = _("“%(question)s” is new and has to be answered.") % said
    return Change("question", "added", key, _label(question), for_applicants=text)


def _removed(key: str, question: Mapping[str, Any]) -> Change:
    said = (
        ""
        if question.get("type") == "text"
        else _("“%(question)s” is no longer asked.") % {"question": _label(question)}
    )
    return Change("question", "removed", key, _label(question), for_applicants=said)


def _properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Property]:
    names = [
        name
        for name in [*old, *(name for name in new if name not in old)]
        if name not in ("key", "questions")
    ]
    return [
        Property(WORDS.get(name, name), _value(old, name), _value(new, name))
        for name in names
        if old.get(name) != new.get(name) and (old.get(name) or new.get(name))
    ]


def _noticed(old: Mapping[str, Any], new: Mapping[str, Any], changed: set[str]) -> str:
    label = f"“{_label(new)}”"
    if "type" in changed:
        return _("%(label)s is asked in another way; it may have to be answered anew.") % {"label": label}
    if "policy" in changed:
        return _("%(label)s has a new text and has to be accepted again.") % {"label": label}
    if new.get("required") and not old.get("required"):
        return _("%(label)s has to be answered now.") % {"label": label}
    if gone := _values(old) - _values(new):
        return _("%(label)s has fewer options: %(gone)s cannot be chosen any more.") % {
            "label": label,
            "gone": len(gone),
        }
    tighter = [
        name
        for name in ("max_words", "max_chars", "max", "max_files", "max_mb")
        if _is_number(new.get(name)) and (not _is_number(old.get(name)) or new[name] < old[name])
    ]
    if tighter or (_is_number(new.get("min")) and new["min"] > (old.get("min") or 0)):
        return _("%(label)s has tighter limits.") % {"label": label}
    if "show_if" in changed:
        return _("%(label)s is asked under another condition.") % {"label": label}
    return (
        _("%(label)s reads differently.") % {"label": label}
        if changed & {"label", "help", "choices", "other"}
        else ""
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _values(question: Mapping[str, Any]) -> set[str]:
    listed = question.get("choices")
    return {str(choice.get("value")) for choice in listed or () if isinstance(choice, Mapping)}


def _label(question: Mapping[str, Any]) -> str:
    return str(question.get("label") or question.get("key"))[:120]


def _value(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "choices" and isinstance(value, list):
        return ", ".join(_choice(choice) for choice in value)
    if name == "show_if" and isinstance(value, Mapping):
        return f"{value.get('question')} is {' or '.join(map(str, value.get('any_of') or []))}"
    if name == "policy" and isinstance(value, Mapping):
        return f"version {value.get('version')}: {value.get('text')}"
    if holder.get("type") == "money" and name in ("min", "max") and _is_number(value):
        return f"{value / 100:,.2f}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _choice(choice: object) -> str:
    if not isinstance(choice, Mapping):
        return str(choice)
    notes = [str(choice[name]) for name in ("help", "condition", "flag") if choice.get(name)]
    said = f" ({'; '.join(notes)})" if notes else ""
    return f"{choice.get('label')}{said}"
