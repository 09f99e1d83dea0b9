"""The editor for those who only read it: lists as lines, amounts with their currency sign, choices by their words."""

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import admin

from credits.money import format_money
from programs.admin.fields import CentsField
from programs.admin.program_form import LanguagesField, ProgramForm
from programs.admin.rows import RowsField
from programs.models import Program

NOTHING = "–"


def lines(field: forms.Field, value: Any, *, currency: str = "USD") -> list[str]:
    """A value of a form field as a reader sees it, a line each; a dash for nothing."""
    return [line for line in _lines(field, value, currency) if line] or [NOTHING]


def _lines(field: forms.Field, value: Any, currency: str) -> Iterator[str]:
    if isinstance(field, RowsField):
        for row in field.prepare_value(value):
            yield _row(field, row)
    elif isinstance(field, CentsField):
        yield format_money(value, currency) if isinstance(value, int) else ""
    elif isinstance(value, bool):
        yield "Yes" if value else "No"
    elif isinstance(field, forms.ChoiceField):
        labels = _labels(field.choices)
        chosen = field.prepare_value(value)
        for each in chosen if isinstance(chosen, list | tuple) else [chosen]:
            yield labels.get(str(each), str(each or ""))
    elif isinstance(shown := field.prepare_value(value), list | tuple):
        yield from map(str, shown)
    else:
        yield "" if shown is None else str(shown)


def _row(field: RowsField, row: dict[str, Any]) -> str:
    said = []
    for column in field.columns:
        value = row.get(column.name)
        if column.kind == "tick":
            said += [column.label.lower()] if value else []
        elif value:
            said.append(str(value))
    return ": ".join(said[:2]) + "".join(f", {rest}" for rest in said[2:])


def _labels(choices: Any) -> dict[str, str]:
    found = {}
    for value, label in choices:
        if isinstance(label, list | tuple):
            found |= {str(one): str(words) for one, words in label}
        else:
            found[str(value)] = str(label)
    return found


def _reader(name: str) -> Callable[[Program], str]:
    field = ProgramForm.base_fields[name]

    @admin.display(description=field.label)
    def read(row: Program) -> str:
        return "\n".join(lines(field, getattr(row, name), currency=row.currency))

    read.__name__ = name
    return read


READERS = {
    name: _reader(name)
    for name, field in ProgramForm.base_fields.items()
    if isinstance(field, RowsField | CentsField | LanguagesField)
}


def fieldsets(of_editor: Any) -> list[Any]:
    """The parts of the editor with a reader in the place of every list and amount."""
    return [
        (title, {**options, "fields": tuple(_read(entry) for entry in options["fields"])})
        for title, options in of_editor
    ]


def _read(entry: Any) -> Any:
    if isinstance(entry, list | tuple):
        return tuple(READERS.get(name, name) for name in entry)
    return READERS.get(entry, entry)
