"""Pure: checks the description of a form before anything is built from it. Reads hostile JSON, never raises."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django_countries import countries

from credits import organizations
from programs import texts
from programs.values import LARGEST_NUMBER, MOST_FILES, MOST_MEGABYTES, OTHER, TYPES

CHOICE_KEYS = {"value", "label", "help", "condition", "flag"}
AUDIENCES = ("everyone", "screener", "manager")
# What a question may fill, and the types that can: these answers are also columns of an application.
MAPS_TO: dict[str, tuple[str, ...]] = {
    "title": ("short_text",),
    "abstract": ("long_text", "short_text"),
    "amount_cents": ("money",),
    "months": ("months", "integer"),
    "country": ("country",),
    "institution": ("short_text", "organization"),
    "institution_kind": ("single_choice",),
    "field": ("single_choice", "multiple_choice"),
    "career_stage": ("single_choice",),
    "organization_id": ("organization_id",),
    "orcid": ("orcid",),
    "red_team": ("yes_no",),
    "models": ("multiple_choice",),
}
CONDITION_TYPES = ("yes_no", "single_choice", "multiple_choice", "country")

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_VALUE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")
RESERVED = {
    "csrfmiddlewaretoken",
    "action",
    "raw",
    "version",
    "leave",
    "go_on",
}  # names that the pages post themselves
MOST_SECTIONS, MOST_QUESTIONS, MOST_CHOICES = 20, 100, 300
LARGEST_LIMIT = 50_000

_COMMON = {"key", "type", "label", "help", "required", "show_if", "maps_to", "blind", "personal", "audience"}
_LIST = {"choices", "other", "layout"}
_OWN: dict[str, set[str]] = {
    "short_text": {"max_chars", "max_words", "placeholder", "autocomplete"},
    "long_text": {"max_chars", "max_words", "rows", "placeholder"},
    "email": {"placeholder", "autocomplete"},
    "url": {"placeholder", "autocomplete"},
    "integer": {"min", "max", "placeholder"},
    "money": {"min", "max", "currency", "placeholder"},
    "months": {"min", "max", "placeholder"},
    "date": {"min", "max"},
    "single_choice": _LIST,
    "multiple_choice": _LIST | {"max"},
    "country": {"countries", "autocomplete"},
    "orcid": {"placeholder"},
    "doi_list": {"max", "placeholder", "rows"},
    "organization_id": {"format", "placeholder"},
    "organization": {"max_chars", "placeholder", "autocomplete"},
    "file": {"max_files", "max_mb"},
    "people": {"max"},
    "acknowledgement": {"policy"},
}
_TEXTS = {"label": 300, "help": 1000, "placeholder": 100, "autocomplete": 40, "format": 40, "currency": 3}
_FLAGS = ("required", "blind", "personal", "other")


def problems(sections: object, *, maps_to: Mapping[str, tuple[str, ...]] = MAPS_TO) -> list[str]:
    """Say what is wrong with a form description, one sentence each; an empty list means it can be published.

    maps_to: what an answer may fill, with the types that can.
    """
    if not isinstance(sections, list) or not sections:
        return ["A form needs at least one section."]
    if len(sections) > MOST_SECTIONS:
        return [f"A form has at most {MOST_SECTIONS} sections."]
    found: list[str] = []
    seen_sections: set[str] = set()
    earlier: dict[str, Mapping[str, Any]] = {}
    mapped: set[str] = set()
    for number, section in enumerate(sections, 1):
        found += _section_problems(section, number, seen_sections)
        if not isinstance(section, Mapping) or not isinstance(section.get("questions"), list):
            continue
        for question in section["questions"]:
            found += _question_problems(question, number, earlier, mapped, maps_to)
            if isinstance(question, Mapping) and isinstance(question.get("key"), str):
                earlier[question["key"]] = question
    if len(earlier) > MOST_QUESTIONS:
        found.append(f"A form has at most {MOST_QUESTIONS} questions; this one has {len(earlier)}.")
    for key, question in earlier.items():
        if question.get("other") is True and f"{key}_{OTHER}" in earlier:
            found.append(f"Question “{key}_{OTHER}” has the name of the free text of “{key}”.")
        if clash := _condition_keys(question) & set(earlier):
            found.append(f"Question “{clash.pop()}” has the name of a condition of “{key}”.")
        if question.get("type") == "organization" and f"{key}_chosen" in earlier:
            found.append(f"Question “{key}_chosen” has a name that “{key}” needs for itself.")
    return found


def properties(kind: str) -> set[str]:
    """The names that a question of this type may have."""
    return _COMMON | _OWN.get(kind, set())


def _section_problems(section: object, number: int, seen: set[str]) -> Iterator[str]:
    where = f"Section {number}"
    if not isinstance(section, Mapping):
        yield f"{where} is not a section."
        return
    if unknown := _names(set(section) - {"key", "title", "lead", "questions"}):
        yield f"{where} has unknown entries: {unknown}."
    key = section.get("key")
    if not isinstance(key, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", key):
        yield f"{where} needs a key of small letters, digits and dashes."
    elif key in seen:
        yield f"{where} has the key “{key}”, which is taken."
    else:
        seen.add(key)
    yield from _text_problems(section.get("title"), f"{where}: title", 120, required=True)
    yield from _text_problems(section.get("lead"), f"{where}: lead", 500)
    if not isinstance(section.get("questions"), list) or not section["questions"]:
        yield f"{where} needs at least one question."


def _question_problems(
    question: object,
    section: int,
    earlier: Mapping[str, Mapping[str, Any]],
    mapped: set[str],
    maps_to: Mapping[str, tuple[str, ...]],
) -> Iterator[str]:
    if not isinstance(question, Mapping):
        yield f"Section {section} holds something that is not a question."
        return
    key, kind = question.get("key"), question.get("type")
    where = f"Question “{str(key)[:40]}”"
    if not isinstance(key, str) or not _KEY.fullmatch(key) or key in RESERVED:
        yield f"{where} in section {section} needs a key of small letters, digits and underscores."
    elif key in earlier:
        yield f"{where} stands twice."
    if not isinstance(kind, str) or kind not in TYPES:
        yield f"{where} has the unknown type “{str(kind)[:40]}”."
        return
    if unknown := _names(set(question) - _COMMON - _OWN.get(kind, set())):
        yield f"{where} of type {kind} cannot have: {unknown}."
    for name, limit in _TEXTS.items():
        if name == "label" or name in question:
            yield from _text_problems(question.get(name), f"{where}: {name}", limit, required=name == "label")
    for name in _FLAGS:
        if not isinstance(question.get(name, False), bool):
            yield f"{where}: {name} is true or false."
    if question.get("audience", "everyone") not in AUDIENCES:
        yield f"{where}: audience is one of {', '.join(AUDIENCES)}."
    yield from _limit_problems(question, where)
    yield from _type_problems(question, where)
    yield from _condition_problems(question, where, earlier)
    yield from _mapping_problems(question, where, mapped, maps_to)


def _limit_problems(question: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in ("max_words", "max_chars", "rows"):
        limit = question.get(name, 1)
        if not _whole(limit) or not 1 <= limit <= LARGEST_LIMIT:
            yield f"{where}: {name} is a number from 1 to {LARGEST_LIMIT:,}."
    for name, most in (("max_files", MOST_FILES), ("max_mb", MOST_MEGABYTES)):
        limit = question.get(name, 1)
        if not _whole(limit) or not 1 <= limit <= most:
            yield f"{where}: {name} is a number from 1 to {most}."
    low, high = question.get("min"), question.get("max")
    if question["type"] == "date":
        for name, day in (("min", low), ("max", high)):
            try:
                date.fromisoformat(day if day is not None else "2000-01-01")
            except (TypeError, ValueError):
                yield f"{where}: {name} is a date such as 2026-12-07."
        return
    if any(limit is not None and (not _whole(limit) or abs(limit) > LARGEST_NUMBER) for limit in (low, high)):
        yield f"{where}: min and max are whole numbers."
    elif low is not None and high is not None and low > high:
        yield f"{where}: min is above max."
    elif (
        question["type"] in ("multiple_choice", "doi_list", "people")
        and high is not None
        and not 1 <= high <= 100
    ):
        yield f"{where}: max is from 1 to 100."
    elif question["type"] == "money" and low is not None and low < 0:
        yield f"{where}: an amount is never below zero."


def _type_problems(question: Mapping[str, Any], where: str) -> Iterator[str]:
    kind = question["type"]
    if kind in ("single_choice", "multiple_choice"):
        yield from _choice_problems(question.get("choices"), where)
        if question.get("layout", "two") not in ("two", "chips", "one"):
            yield f"{where}: layout is one, two or chips."
    if kind == "country" and "countries" in question:
        listed = question["countries"]
        if not isinstance(listed, list) or not listed:
            yield f"{where}: countries is a list of two-letter codes."
        elif wrong := [
            str(code)[:10] for code in listed if not isinstance(code, str) or code not in countries.countries
        ]:
            yield f"{where}: these are no country codes: {', '.join(wrong[:10])}."
    if kind == "organization_id" and question.get("format", "any") not in organizations.FORMATS:
        yield f"{where}: format is one of {', '.join(organizations.FORMATS)}."
    if kind == "acknowledgement":
        policy = question.get("policy")
        if not isinstance(policy, Mapping) or set(policy) != {"slug", "version", "text"}:
            yield f"{where} needs a policy with slug, version and text."
        else:
            for name, limit in (("slug", 64), ("version", 32), ("text", 20_000)):
                yield from _text_problems(policy[name], f"{where}: policy {name}", limit, required=True)


def _choice_problems(listed: object, where: str) -> Iterator[str]:
    if not isinstance(listed, list) or not listed or len(listed) > MOST_CHOICES:
        yield f"{where} needs from one to {MOST_CHOICES} choices."
        return
    seen: set[str] = set()
    for choice in listed:
        if not isinstance(choice, Mapping) or not {"value", "label"} <= set(choice) <= CHOICE_KEYS:
            yield f"{where}: a choice has a value, a label and perhaps a help text, a condition and a flag."
            continue
        value = choice["value"]
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            yield f"{where}: “{str(value)[:40]}” is no value; use small letters, digits, dots, dashes and underscores."
        elif value in seen:
            yield f"{where}: the value “{value}” stands twice."
        else:
            seen.add(value)
        yield from _text_problems(choice["label"], f"{where}: label of a choice", 200, required=True)
        yield from _text_problems(choice.get("help"), f"{where}: help of a choice", 500)
        yield from _text_problems(choice.get("condition"), f"{where}: condition of a choice", 2000)
        yield from _text_problems(choice.get("flag"), f"{where}: flag of a choice", 300)


def condition_key(question: Mapping[str, Any], value: str) -> str:
    """The key under which the acknowledgement of an option's condition is kept."""
    return f"{question['key']}_agree_{re.sub('[^a-z0-9]', '_', value)}"


def _condition_keys(question: Mapping[str, Any]) -> set[str]:
    listed = question.get("choices")
    if not isinstance(listed, list):
        return set()
    return {
        condition_key(question, str(choice.get("value", "")))
        for choice in listed
        if isinstance(choice, Mapping) and choice.get("condition")
    }


def _condition_problems(
    question: Mapping[str, Any], where: str, earlier: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    if "show_if" not in question:
        return
    condition = question["show_if"]
    if not isinstance(condition, Mapping) or set(condition) != {"question", "any_of"}:
        yield f"{where}: show_if names a question and any_of its answers."
        return
    asked = earlier.get(condition["question"]) if isinstance(condition["question"], str) else None
    if asked is None:
        yield f"{where}: show_if must name an earlier question."
    elif asked.get("type") not in CONDITION_TYPES:
        yield f"{where}: show_if must name a question with choices."
    elif not isinstance(condition["any_of"], list) or not condition["any_of"]:
        yield f"{where}: any_of lists at least one answer."
    elif wrong := [str(value)[:40] for value in condition["any_of"] if not _is_answer(asked, value)]:
        yield f"{where}: “{condition['question']}” has no answer {', '.join(wrong[:5])}."


def _is_answer(question: Mapping[str, Any], value: object) -> bool:
    if not isinstance(value, str):
        return False
    if question["type"] == "yes_no":
        return value in ("yes", "no")
    if question["type"] == "country":
        return value in countries.countries
    if value == OTHER and question.get("other") is True:
        return True
    listed = question.get("choices")
    return isinstance(listed, list) and any(
        isinstance(choice, Mapping) and choice.get("value") == value for choice in listed
    )


def _mapping_problems(
    question: Mapping[str, Any], where: str, mapped: set[str], known: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    if "maps_to" not in question:
        return
    name = question["maps_to"]
    if not isinstance(name, str) or name not in known:
        yield f"{where}: maps_to is one of {', '.join(known)}."
    elif question["type"] not in known[name]:
        yield f"{where}: {name} comes from a question of type {' or '.join(known[name])}."
    elif name in mapped:
        yield f"{where}: another question maps to {name} already."
    else:
        mapped.add(name)


def _text_problems(text: object, what: str, limit: int, *, required: bool = False) -> Iterator[str]:
    if text is None or text == "":
        if required:
            yield f"{what} is missing."
    elif not isinstance(text, str):
        yield f"{what} is a text."
    elif len(text) > limit:
        yield f"{what} has more than {limit:,} characters."
    else:
        try:
            texts.clean_text(text)
        except texts.UnstorableText:
            yield f"{what} holds a character that cannot be stored."


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(names: set[Any]) -> str:
    return ", ".join(sorted(str(name)[:40] for name in names))
