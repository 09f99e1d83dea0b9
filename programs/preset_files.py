"""Pure: the YAML of a program. Reads hostile text with line numbers, writes one canonical form.

The canonical form is what `export_program` prints and what ships in programs/presets: reading and writing it again gives
the same bytes. Anchors are refused: a small file could otherwise unfold into a huge one.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from typing import Any

import yaml

from portal.refusals import Refused
from programs.texts import UnstorableText, clean_text

Document = dict[str, Any]
Path = tuple[str | int, ...]

FORMAT = 1
LARGEST_FILE = 1_000_000
DEEPEST = 12
WIDTH = 110


class BadPreset(Refused):
    """The text is no program. Names the line and the key."""


# --- What a file may hold: key -> (kind, required). A kind is a checker, a table of keys, or a list of one of those. ------


def _is_text(value: object) -> str | None:
    return None if isinstance(value, str) else "is a text"


def _is_whole(value: object) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "is a whole number"


def _is_flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "is true or false"


def _is_day(value: object) -> str | None:
    return _reads(value, date.fromisoformat, "is a date such as 2026-12-07")


def _is_time(value: object) -> str | None:
    return _reads(value, time.fromisoformat, "is a time such as '00:00', in quotes")


def _reads(value: object, read: Callable[[str], object], refusal: str) -> str | None:
    try:
        read(value) if isinstance(value, str) else int("")
    except ValueError:
        return refusal
    return None


def _is_any(value: object) -> str | None:
    return None


Kind = Any
_TITLED = {"title": (_is_text, True), "text": (_is_text, True)}
KEYS: dict[str, tuple[Kind, bool]] = {
    "preset": (_is_whole, True),
    "slug": (_is_text, True),
    "name": (_is_text, True),
    "short_code": (_is_text, True),
    "state": (_is_text, False),
    "accent": (_is_text, False),
    "position": (_is_whole, False),
    "languages_left_out": ([_is_text], False),
    "summary": (_is_text, True),
    "purpose": (_is_text, True),
    "priority_topics": ([_TITLED], False),
    "process": ([_TITLED], False),
    "never_funded": ([_is_text], False),
    "notices": ([_is_text], False),
    "data_note": (_is_text, False),
    "award": (
        {
            "mode": (_is_text, True),
            "currency": (_is_text, False),
            "default_cents": (_is_whole, False),
            "cap_cents": (_is_whole, False),
            "four_eyes_above_cents": (_is_whole, False),
        },
        True,
    ),
    "term": (
        {
            "mode": (_is_text, True),
            "months": (_is_whole, False),
            "ends_on": (_is_day, False),
            "starts": (_is_text, False),
            "late_usage_days": (_is_whole, False),
        },
        False,
    ),
    "after_award": (
        {
            "acceptance_days": (_is_whole, False),
            "summary_required": (_is_flag, False),
            "summary_due_days": (_is_whole, False),
            "second_half_after_summary": (_is_flag, False),
            "top_ups_allowed": (_is_flag, False),
            "urgent_authority_cents": (_is_whole, False),
        },
        False,
    ),
    "models": (
        [
            {
                "slug": (_is_text, True),
                "name": (_is_text, True),
                "limited": (_is_flag, False),
                "condition": (_is_text, False),
            }
        ],
        False,
    ),
    "provider": (
        {
            "name": (_is_text, True),
            "organization_id_format": (_is_text, True),
            "organization_id_when": (_is_text, False),
        },
        True,
    ),
    "calendar": (
        {
            "rule": (_is_text, True),
            "time_zone": (_is_text, True),
            "cut_off_time": (_is_time, False),
            "holidays_of": (_is_text, False),
            "decided_by_days": (_is_whole, False),
            "opens_on": (_is_day, False),
            "exceptions": (
                [
                    {
                        "regular_on": (_is_day, True),
                        "moved_to_on": (_is_day, False),
                        "reason": (_is_text, True),
                    }
                ],
                False,
            ),
        },
        True,
    ),
    "evaluation": (
        {
            "decline_mode": (_is_text, False),
            "reviews_wanted": (_is_whole, False),
            "review_days": (_is_whole, False),
            "blind_first_look": (_is_flag, False),
            "first_looks": (_is_whole, False),
            "assigns_by_itself": (_is_flag, False),
            "remind_half_time": (_is_flag, False),
            "remind_soon": (_is_flag, False),
            "remind_overdue": (_is_flag, False),
            "reapply_after_on": (_is_day, False),
            "reapply_wait_days": (_is_whole, False),
            "urgent_contact": (_is_text, False),
        },
        False,
    ),
    "criteria": (
        [
            {
                "key": (_is_text, True),
                "name": (_is_text, True),
                "description": (_is_text, True),
                "kind": (_is_text, False),
                "weight_percent": (_is_whole, False),
                "scale_max": (_is_whole, False),
                "phase": (_is_text, False),
                "required": (_is_flag, False),
                "not_applicable": (_is_flag, False),
                "independent": (_is_flag, False),
                "anchors": (_is_any, False),
                "show_if": (_is_any, False),
            }
        ],
        False,
    ),
    "rules": (
        [
            {
                "kind": (_is_text, True),
                "outcome": (_is_text, True),
                "sentence": (_is_text, True),
                "as_of": (_is_day, False),
                "parameters": (_is_any, False),
            }
        ],
        False,
    ),
    "doors": (
        [
            {
                "key": (_is_text, True),
                "kind": (_is_text, True),
                "title": (_is_text, True),
                "text": (_is_text, True),
                "url": (_is_text, False),
            }
        ],
        False,
    ),
    "request_forms": (
        [
            {
                "key": (_is_text, True),
                "kind": (_is_text, True),
                "is_on": (_is_flag, False),
                "title": (_is_text, True),
                "lead": (_is_text, False),
                "senders": (_is_text, False),
                "answer_days": (_is_whole, False),
                "faq_first": (_is_flag, False),
                "policy": (_is_text, False),
                "outcomes": ([_is_text], False),
                "sections": (_is_any, False),
            }
        ],
        False,
    ),
    "faq": ([{"key": (_is_text, True), "question": (_is_text, True), "answer": (_is_text, True)}], False),
    "messages": (
        [
            {
                "kind": (_is_text, True),
                "language": (_is_text, False),
                "subject": (_is_text, True),
                "body": (_is_text, True),
            }
        ],
        False,
    ),
    "translations": (
        [
            {
                "language": (_is_text, True),
                "place": (_is_text, True),
                "original": (_is_text, False),
                "text": (_is_text, True),
            }
        ],
        False,
    ),
    "terms": ({"version": (_is_text, False), "text": (_is_text, False)}, False),
    "form": ({"sections": (_is_any, True)}, False),
}
NAMED_BY = {
    "criteria": "key",
    "rules": "kind",
    "doors": "key",
    "request_forms": "key",
    "faq": "key",
    "messages": "kind",
    "translations": "place",
}
"""Lists whose entries have a name of their own, and the key that holds it."""

# jsonb forgets the order of keys; this is the order in which a form is written.
_FORM_ORDER = [
    "key", "type", "title", "lead", "label", "help", "slug", "version", "value", "condition", "flag",
    "text", "required", "placeholder", "autocomplete", "layout", "min", "max", "currency", "max_words",
    "max_chars", "max_files", "max_mb", "rows", "format", "choices", "other", "countries", "policy",
    "show_if", "question", "any_of", "maps_to", "blind", "personal", "audience", "questions",
]  # fmt: skip


# --- Reading --------------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Reads dates, times, yes and no as text: a form speaks of the answers yes and no, a list of countries of NO."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if not tag.endswith((":timestamp", ":bool", ":merge", ":value"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def read(text: str, *, name: str = "the file") -> tuple[Document, dict[Path, int]]:
    """Read one program. Returns the document and the line of each key, as path -> line.

    name: how messages call the file. Raises BadPreset with the line and the key.
    """
    if len(text) > LARGEST_FILE:
        raise BadPreset(f"{name} is larger than {LARGEST_FILE:,} characters.")
    lines: dict[Path, int] = {}
    try:
        _refuse_tricks(text, name)
        node = yaml.compose(text, Loader=_Loader)
        document = _plain(node, (), lines, name) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise BadPreset(
            f"{name}{where}: this is not YAML: {getattr(error, 'problem', None) or error}."
        ) from None
    if not isinstance(document, dict):
        raise BadPreset(f"{name} holds no program.")
    for path, problem in _problems(document, KEYS, ()):
        raise BadPreset(f"{name}, line {line_of(lines, path)}: {problem}")
    if document["preset"] != FORMAT:
        raise BadPreset(f"{name}, line {line_of(lines, ('preset',))}: preset is {FORMAT}.")
    return document, lines


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of a key, or of the nearest thing around it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _refuse_tricks(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadPreset(f"{name}, line {line}: write it out; anchors (& and *) are not read here.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise BadPreset(f"{name}, line {line}: this is nested too deeply.")


def _plain(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, at = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise BadPreset(f"{name}, line {at}: a key is a word.")
            if key in found:
                raise BadPreset(f"{name}, line {at}: {_dotted((*path, key))} stands twice.")
            lines[(*path, key)] = at
            found[key] = _plain(value_node, (*path, key), lines, name)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry, (*path, index), lines, name) for index, entry in enumerate(node.value)]
    try:
        value = _Loader("").construct_object(node)
        if isinstance(value, str):
            clean_text(value)
    except (ValueError, UnstorableText, yaml.YAMLError):
        raise BadPreset(f"{name}, line {line}: {_dotted(path)} cannot be read.") from None
    if not isinstance(value, (str, int, float, type(None))) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise BadPreset(f"{name}, line {line}: {_dotted(path)} is a text, a number, true or false.")
    return value


def _problems(value: object, kind: Kind, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            yield path, f"{_dotted(path) or 'the file'} holds keys and values."
            return
        for key in value:
            if key not in kind:
                yield (*path, key), f"{_dotted((*path, key))} is not known here; known are {', '.join(kind)}."
        for key, (inner, required) in kind.items():
            if required and value.get(key) in (None, ""):
                yield (*path, key), f"{_dotted((*path, key))} is missing."
            elif value.get(key) is not None:
                yield from _problems(value[key], inner, (*path, key))
    elif isinstance(kind, list):
        if not isinstance(value, list):
            yield path, f"{_dotted(path)} is a list."
            return
        for index, entry in enumerate(value):
            yield from _problems(entry, kind[0], (*path, index))
    elif refusal := kind(value):
        yield path, f"{_dotted(path)} {refusal}."


def _dotted(path: Path) -> str:
    """award.cap_cents, or faq[3].answer counted from one."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(
        "."
    )


# --- Writing --------------------------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Quotes what any YAML reader could take for something else, and keeps lists readable."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


def _list(dumper: _Dumper, value: list[Any]) -> yaml.Node:
    short = all(isinstance(entry, str) and len(entry) <= 24 and " " not in entry for entry in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=short)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
_Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def write(document: Mapping[str, Any]) -> str:
    """Write a program in its canonical form: known keys in order, empty ones left out, a blank line between parts."""
    ordered = _ordered(document, KEYS)
    blocks = [_dump({key: value}) for key, value in ordered.items()]
    text = ""
    for block, (key, value) in zip(blocks, ordered.items(), strict=True):
        spaced = isinstance(value, (dict, list)) or key in ("summary",) or "\n" in str(value)
        text += ("\n" if spaced and text else "") + block
    return text


def _dump(value: object) -> str:
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False
    )


def tidy(document: Mapping[str, Any]) -> Document:
    """Bring a document into the shape in which two of them can be compared."""
    return _ordered(document, KEYS)


def _ordered(value: Any, kind: Kind) -> Any:
    if isinstance(kind, dict):
        return {
            key: _ordered(value[key], inner)
            for key, (inner, required) in kind.items()
            if key in value and (required or value[key] not in (None, "", [], {}))
        }
    if isinstance(kind, list):
        return [_ordered(entry, kind[0]) for entry in value]
    return _ordered_freely(value) if kind is _is_any else value


def _ordered_freely(value: Any) -> Any:
    if isinstance(value, Mapping):
        place = {key: index for index, key in enumerate(_FORM_ORDER)}
        keys = sorted(value, key=lambda key: (place.get(key, len(place)), key))
        return {key: _ordered_freely(value[key]) for key in keys}
    return [_ordered_freely(entry) for entry in value] if isinstance(value, list) else value
