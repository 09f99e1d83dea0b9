"""Lists in the program editor: a row an entry, with fields for its parts, to add, take out and put in order.

Everything works without a script: empty rows stand below the filled ones, each row has its place as a number and a box
that takes it out. static/js/editor.js adds rows at once and moves them with buttons.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify

from programs.texts import UnstorableText, clean_text

SPARE = 1
MOST = 60


@dataclass(frozen=True)
class Column:
    """One part of an entry. kind: line, text, tick or number."""

    name: str
    label: str
    kind: str = "line"
    required: bool = True
    most: int = 200
    wide: bool = False


class RowsWidget(forms.Widget):
    """Rows of a few inputs. Posts <name>-<row>-<column>, <name>-<row>-place and <name>-<row>-out."""

    template_name = "admin/programs/widgets/rows.html"
    use_fieldset = True

    def __init__(self, columns: Sequence[Column], one: str, attrs: dict[str, Any] | None = None) -> None:
        self.columns, self.one = tuple(columns), one
        super().__init__(attrs)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        listed: list[Mapping[str, Any]] = [row for row in value or () if isinstance(row, Mapping)]
        start = (attrs or {}).get("id") or f"id_{name}"
        context["widget"] |= {
            "one": self.one,
            "rows": [
                {
                    "number": number + 1,
                    "place": f"{name}-{number}-place",
                    "out": f"{name}-{number}-out",
                    "is_new": number >= len(listed),
                    "cells": [
                        {
                            "column": column,
                            "name": f"{name}-{number}-{column.name}",
                            "id": f"{start}-{number}-{column.name}",
                            "value": row.get(column.name, ""),
                        }
                        for column in self.columns
                    ],
                }
                for number, row in enumerate([*listed, *[{}] * SPARE])
            ],
        }
        return context

    def id_for_label(self, id_: str) -> str:
        return ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        names = {column.name: column.kind for column in self.columns}
        found: dict[int, dict[str, Any]] = {}
        pattern = re.compile(rf"{re.escape(name)}-(\d{{1,3}})-({'|'.join(names)}|place|out)")
        for key in data:
            if match := pattern.fullmatch(key):
                found.setdefault(int(match[1]), {})[match[2]] = data.get(key)
        rows = []
        for number, row in sorted(found.items())[: MOST * 2]:
            typed = {
                column: bool(row.get(column)) if kind == "tick" else _lines(row.get(column))
                for column, kind in names.items()
            }
            if row.get("out") or not any(typed.values()):
                continue
            place = str(row.get("place") or "")
            rows.append((int(place) if place.isdecimal() and len(place) < 5 else 9_999, number, typed))
        return [typed for _, _, typed in sorted(rows, key=lambda row: row[:2])]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class RowsField(forms.Field):
    """A list whose entries are typed part by part. Errors name the row and its part; what was typed is kept."""

    columns: tuple[Column, ...] = ()
    one = "entry"
    widget: RowsWidget

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        super().__init__(widget=RowsWidget(self.columns, self.one), **kwargs)

    def to_row(self, entry: Any) -> dict[str, Any]:
        """An entry as it is stored, as a row on the page."""
        return dict(entry)

    def read(self, row: dict[str, Any]) -> Any:
        """A row that is complete, as it is stored. Raises ValidationError."""
        return row

    def entries(self, value: Any) -> Iterator[Any]:
        yield from value if isinstance(value, list) else ()

    def collect(self, entries: list[Any]) -> Any:
        """All entries as they are stored. Raises ValidationError for what does not go together."""
        return entries

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            return [self.to_row(row) for row in value]
        return [self.to_row(entry) for entry in self.entries(value)]

    def clean(self, value: Any) -> Any:
        problems: list[str] = []
        found = []
        for number, row in enumerate(value or [], start=1):
            wrong = list(self._wrong(row, number))
            problems += wrong
            if wrong:
                continue
            try:
                found.append(self.read(dict(row)))
            except ValidationError as error:
                problems += [f"{self.one.capitalize()} {number}: {text}" for text in error.messages]
        if len(found) > MOST:
            problems.append(f"At most {MOST} can be kept.")
        if problems:
            raise ValidationError(problems)
        return self.collect(found)

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled:
            return False
        try:
            return bool(self.clean(data) != (initial if initial is not None else self.collect([])))
        except ValidationError:
            return True

    def _wrong(self, row: Mapping[str, Any], number: int) -> Iterator[str]:
        for column in self.columns:
            value = row.get(column.name)
            where = f"{self.one.capitalize()} {number}, {column.label.lower()}"
            if column.kind == "tick":
                continue
            if column.required and not value:
                yield f"{where}: it is empty."
            elif len(str(value or "")) > column.most:
                yield f"{where}: at most {column.most:,} characters, not {len(str(value)):,}."
            else:
                try:
                    clean_text(str(value or ""))
                except UnstorableText as error:
                    yield f"{where}: {error}"


class SentencesField(RowsField):
    """A list of sentences."""

    columns = (Column("text", "Sentence", most=500, wide=True),)
    one = "sentence"

    def prepare_value(self, value: Any) -> Any:
        return [{"text": row} if isinstance(row, str) else row for row in value or ()]

    def read(self, row: dict[str, Any]) -> Any:
        return row["text"]


class TitledField(RowsField):
    """A list of {title, text}."""

    columns = (Column("title", "Title", most=120), Column("text", "Text", kind="text", most=2_000, wide=True))


class ModelsField(RowsField):
    """The models a program offers; a limited one may carry the condition under which it is given."""

    columns = (
        Column("name", "Name", most=80),
        Column("slug", "Short name", required=False, most=40),
        Column("limited", "Limited", kind="tick"),
        Column("condition", "Condition", kind="text", required=False, most=500, wide=True),
    )
    one = "model"

    def read(self, row: dict[str, Any]) -> Any:
        slug = row["slug"] or slugify(row["name"])[:40]
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", slug):
            raise ValidationError("the short name has small letters, digits, points and dashes.")
        found: dict[str, Any] = {"slug": slug, "name": row["name"], "limited": row["limited"]}
        if row["condition"]:
            if not row["limited"]:
                raise ValidationError("only a limited model has a condition. Tick “Limited”, or empty it.")
            found["condition"] = row["condition"]
        return found

    def collect(self, entries: list[Any]) -> Any:
        slugs = [entry["slug"] for entry in entries]
        if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
            raise ValidationError(f"Two models are called {', '.join(twice)}.")
        return entries


class AnchorsField(RowsField):
    """What a value of a scale means: {"1": text, ...}."""

    columns = (
        Column("value", "Score", kind="number", most=2),
        Column("text", "What it means", kind="line", most=500, wide=True),
    )
    one = "anchor"

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            pairs = sorted(value.items(), key=lambda pair: int(pair[0]) if pair[0].isdecimal() else 0)
            return [{"value": key, "text": text} for key, text in pairs]
        return value or []

    def read(self, row: dict[str, Any]) -> Any:
        if not str(row["value"]).isdecimal() or not 1 <= int(row["value"]) <= 10:
            raise ValidationError("a score is a whole number from 1 to 10.")
        return str(int(row["value"])), row["text"]

    def collect(self, entries: list[Any]) -> Any:
        values = [value for value, _ in entries]
        if len(set(values)) != len(values):
            raise ValidationError("Each score has one meaning.")
        return dict(sorted(entries, key=lambda pair: int(pair[0])))


def _lines(value: Any) -> str:
    return str(value or "").replace("\r\n", "\n").strip()
