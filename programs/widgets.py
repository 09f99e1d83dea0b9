"""The controls of the few questions that Django has no widget for."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms

CHOSEN = "_chosen"  # ends the name of the field that holds what was chosen from a list
SPARE_ROWS = 2  # empty rows below the filled ones, so that rows can be added without JavaScript


class Labelled(str):
    """The label of an option with a help text; templates/bootstrap5/layout/radio_checkbox_select.html shows both."""

    __slots__ = ("help",)

    def __new__(cls, label: str, help: str = "") -> "Labelled":
        made = super().__new__(cls, label)
        made.help = help
        return made


class PeopleRows(forms.Widget):
    """Rows of name and role. Posts <name>_<row>_name and <name>_<row>_role; saving gives new empty rows."""

    template_name = "applications/widgets/people.html"
    use_fieldset = True

    def __init__(self, most: int, attrs: dict[str, Any] | None = None) -> None:
        self.most = most
        super().__init__(attrs)

    def rows(self, name: str, value: object) -> list[dict[str, Any]]:
        """The rows to show: what is there, then empty ones, never more than allowed."""
        people = [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
        shown = people + [{}] * min(SPARE_ROWS, max(0, self.most - len(people)))
        return [
            {
                "number": row + 1,
                "prefix": f"{name}_{row}",
                "name": person.get("name", ""),
                "role": person.get("role", ""),
            }
            for row, person in enumerate(shown)
        ]

    def get_context(self, name: str, value: object, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["people"] = self.rows(name, value)
        return context

    def value_from_datadict(self, data: Mapping[str, Any], files: object, name: str) -> list[dict[str, str]]:
        people = []
        for row in range(
            self.most + SPARE_ROWS + 1
        ):  # one more than fits, so that too many is noticed and said
            person = {part: data.get(f"{name}_{row}_{part}", "") for part in ("name", "role")}
            if any(str(text).strip() for text in person.values()):
                people.append(person)
        return people

    def value_omitted_from_data(self, data: Mapping[str, Any], files: object, name: str) -> bool:
        return not any(key.startswith(f"{name}_") for key in data)

    def id_for_label(self, id_: str) -> str:
        return ""


class InstitutionInput(forms.Widget):
    """A line for the name of an institution, and a hidden field with what was chosen from the list below it.

    What was chosen counts only while the line still says the same name: who goes on typing means something else.
    """

    template_name = "applications/widgets/institution.html"

    def get_context(self, name: str, value: object, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        return context | institution_parts(name, value)

    def value_from_datadict(self, data: Mapping[str, Any], files: object, name: str) -> Any:
        typed = data.get(name)
        chosen = data.get(f"{name}{CHOSEN}")
        if isinstance(typed, str) and isinstance(chosen, str) and 0 < len(chosen) < 2000:
            try:
                entry = json.loads(chosen)
            except ValueError:
                return typed
            if isinstance(entry, dict) and str(entry.get("name", "")).strip() == typed.strip():
                return {"name": typed, "ror_id": entry.get("ror_id"), "country": entry.get("country")}
        return typed


def institution_parts(name: str, value: object) -> dict[str, Any]:
    """What the template of an institution shows: name, typed (the text), known (a dict, or None) and chosen (JSON)."""
    entry = value if isinstance(value, Mapping) else {"name": value}
    typed = entry.get("name")
    known = entry if isinstance(typed, str) and isinstance(entry.get("ror_id"), str) else None
    return {
        "name": name,
        "typed": "" if typed is None else str(typed),
        "known": known,
        "chosen": json.dumps(dict(known), ensure_ascii=False) if known else "",
    }
