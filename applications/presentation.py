"""Pure: answers as people read them, section by section. The preview, the receipt and print use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_countries import countries

from credits.money import with_code
from programs import fields, values


@dataclass(frozen=True)
class Shown:
    """One question with its answer. `lines` is empty where nothing was answered; `files` are attachments, if given."""

    key: str
    label: str
    lines: list[str] = field(default_factory=list)
    long: bool = False
    mono: bool = False
    problem: str = ""
    files: Sequence[Any] = ()


@dataclass(frozen=True)
class ShownSection:
    key: str
    title: str
    items: list[Shown]
    problems: int = 0


def shown(
    sections: Sequence[Mapping[str, Any]],
    answers: Mapping[str, Any],
    *,
    problems: Mapping[str, str] | None = None,
    with_empty: bool = True,
    files: Mapping[str, Sequence[Any]] | None = None,
) -> list[ShownSection]:
    """Every question that was asked with its answer; questions hidden by their condition are left out.

    problems: question key -> what still stops a submit. with_empty=False leaves out what was not answered.
    files: question key -> the attachments to name (applications.attachments.by_question).
    """
    asked = {question["key"] for question in fields.visible_questions(sections, answers)}
    problems = problems or {}
    result = []
    for section in sections:
        items = []
        for question in fields.expanded(section):
            if question["key"] not in asked or question["type"] == "text":
                continue
            attached = (files or {}).get(question["key"], ())
            lines = [f"{file.name} ({file.what})" for file in attached] or lines_of(
                question, answers.get(question["key"])
            )
            if lines or with_empty or question["key"] in problems:
                items.append(
                    Shown(
                        key=question["key"],
                        label=question["label"],
                        lines=lines,
                        long=question["type"] == "long_text",
                        mono=question["type"] in ("organization_id", "orcid"),
                        problem=problems.get(question["key"], ""),
                        files=attached,
                    )
                )
        count = sum(1 for item in items if item.problem)
        result.append(ShownSection(section["key"], section["title"], items, count))
    return result


def lines_of(question: Mapping[str, Any], value: Any) -> list[str]:
    """One answer as lines of text; a half-typed one as it was typed."""
    if value is None or value in ("", []):
        return []
    if isinstance(value, Mapping) and set(value) == {"raw"}:
        raw = value["raw"]
        if isinstance(raw, Mapping):
            return [str(raw.get("name", ""))]
        return [str(entry) for entry in raw] if isinstance(raw, list) else [str(raw)]
    kind = question["type"]
    if kind == "organization" and isinstance(value, Mapping):
        return [_institution(value)]
    if kind == "file":
        return [ngettext("%(number)s file", "%(number)s files", len(value)) % {"number": len(value)}]
    if kind == "money":
        return [with_code(value["amount_cents"], value["currency"])]
    if kind == "yes_no":
        return [{"yes": _("Yes"), "no": _("No")}.get(value, str(value))]
    if kind == "country":
        return [str(countries.name(value) or value)]
    if kind == "months":
        return [_months(value)]
    if kind == "people":
        return [
            f"{person['name']}, {person['role']}" if person.get("role") else person["name"]
            for person in value
        ]
    if kind == "acknowledgement":
        if not value.get("accepted"):
            return []
        return (
            [_("Agreed")]
            if question.get("option_of")
            else [_("Agreed (version %(version)s)") % {"version": value["version"]}]
        )
    labels = (
        {choice["value"]: choice["label"] for choice in values.choices(question)}
        if "choices" in question
        else {}
    )
    if isinstance(value, list):
        return [labels.get(entry, str(entry)) for entry in value]
    return [labels.get(value, str(value))]


def _months(value: Any) -> str:
    """A stored number of months in words; what is no number, as it is."""
    number = value if isinstance(value, int) else 0
    return ngettext("%(number)s month", "%(number)s months", number) % {"number": value}


def _institution(answer: Mapping[str, Any]) -> str:
    """The name as given, and the ROR id that tells it from others of the same name."""
    return f"{answer['name']} (ROR {answer['ror_id']})" if answer.get("ror_id") else str(answer["name"])


def title(sections: Sequence[Mapping[str, Any]], answers: Mapping[str, Any]) -> str:
    """The title that a draft has so far; empty when there is none yet."""
    for question in fields.questions(sections):
        if question.get("maps_to") == "title":
            return " ".join(lines_of(question, answers.get(question["key"])))
    return ""
