"""Two people with one page open: the second save is refused with words, and neither loses what was typed.

A form carries a mark of every value it was shown with. When it comes back, values that stand differently in the
database were changed by somebody else. What this person did not touch takes the other's value; what both changed is
said at its field, with what stands now, and a second save decides for this person's.
"""

import json
from hashlib import blake2b
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField

MEANWHILE = (
    "Somebody else saved this meanwhile. What they changed and you did not is shown below as it stands now. "
    "Nothing of yours is lost, and nothing was saved. Look it over and save again."
)


class SeenForm(forms.ModelForm):
    """A model form that notices what changed under it. The row is locked by the page (ProgramAdmin.get_object)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.theirs: set[str] = set()
        self.fields["seen"] = forms.CharField(
            required=False, widget=forms.HiddenInput(), initial=self._marks() if self.instance.pk else ""
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.instance.pk and (seen := self._seen()):
            self._compare(seen, data)
        return data

    def has_changed(self) -> bool:
        return bool(self.changed_data)

    @property
    def changed_data(self) -> list[str]:
        return [name for name in super().changed_data if name != "seen"]

    def __getitem__(self, name: str) -> BoundField:
        """What somebody else changed is shown as it stands, and the mark always is a fresh one."""
        bound = super().__getitem__(name)
        if self.is_bound and (name in self.theirs or (name == "seen" and self.theirs)):
            value = self._marks() if name == "seen" else self.get_initial_for_field(self.fields[name], name)
            shown = self.fields[name].prepare_value(value)
            bound.value = lambda: shown  # type: ignore[method-assign]
        return bound

    # --- marks

    def _marks(self) -> str:
        return json.dumps(
            {
                name: self._mark(name, self.get_initial_for_field(field, name))
                for name, field in self._watched()
            },
            separators=(",", ":"),
        )

    def _watched(self) -> list[tuple[str, forms.Field]]:
        return [
            (name, field)
            for name, field in self.fields.items()
            if name not in ("seen", "DELETE")
            and not field.disabled
            and not isinstance(field, forms.models.InlineForeignKeyField | forms.ModelChoiceField)
        ]

    def _seen(self) -> dict[str, str]:
        try:
            found = json.loads(self.data.get(self.add_prefix("seen"), ""))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _compare(self, seen: dict[str, str], data: dict[str, Any]) -> None:
        moved = False
        for name, field in self._watched():
            stands = self._mark(name, self.get_initial_for_field(field, name))
            if seen.get(name) in (None, stands):
                continue
            mine = self._mark(name, data[name]) if name in data else None
            if mine == stands:
                continue
            moved = True
            self.theirs.add(name) if mine == seen[name] else self.add_error(name, self._both(name))
        if moved:
            self.theirs.add("seen")
            self.add_error(None, ValidationError(MEANWHILE, code="meanwhile"))

    def _both(self, name: str) -> str:
        stands = self.fields[name].prepare_value(self.get_initial_for_field(self.fields[name], name))
        text = str(stands) if isinstance(stands, str | int | bool) else "a list of other entries"
        return f"Somebody else changed this too; it stands as “{text[:200]}”. Save again to put yours in its place."

    @staticmethod
    def _mark(name: str, value: object) -> str:
        if value in (None, "", [], {}):
            value = ""
        if isinstance(value, str):
            value = value.replace("\r\n", "\n").strip()
        text = json.dumps(value, sort_keys=True, default=str)
        return blake2b(f"{name}\0{text}".encode(), digest_size=6).hexdigest()
