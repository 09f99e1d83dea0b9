"""Form fields for the settings of a program: money in units, lists a line each, instead of cents and JSON."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from credits import money


class CentsField(forms.CharField):
    """Whole cents in the database, units of the currency on the page: "20,000" or "1500.50"."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(max_length=20, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return money.plain(value).removesuffix(".00") if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return money.parse_money(text)
        except money.NotAnAmount as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return str(self.prepare_value(initial) or "") != str(data or "")


class LinesField(forms.CharField):
    """A list of sentences, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["help_text"] = kwargs.get("help_text") or "One a line."
        super().__init__(widget=forms.Textarea(attrs={"rows": 4}), required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(str(line) for line in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[Any]:
        return [self.read(line.strip()) for line in (super().clean(value) or "").splitlines() if line.strip()]

    def read(self, line: str) -> Any:
        return line

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != (initial or []))
        except ValidationError:
            return True


class TitledLinesField(LinesField):
    """A list of {title, text}, one a line: the title, a bar, the text."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(
                f"{entry.get('title', '')} | {' '.join(entry.get('text', '').split())}" for entry in value
            )
        return value

    def read(self, line: str) -> dict[str, str]:
        title, bar, text = line.partition("|")
        if not bar or not title.strip() or not text.strip():
            raise ValidationError(f"Write “Title | text” in each line. This one is not: {line[:80]}")
        return {"title": title.strip(), "text": text.strip()}


class ModelsField(LinesField):
    """The models a program offers, one a line: slug | name, and for a limited one | the condition."""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(
            " | ".join(
                [
                    entry["slug"],
                    entry["name"],
                    *([entry.get("condition") or "limited"] if entry.get("limited") else []),
                ]
            )
            for entry in value
        )

    def read(self, line: str) -> dict[str, Any]:
        parts = [part.strip() for part in line.split("|")]
        if len(parts) not in (2, 3) or not all(parts):
            raise ValidationError(
                f"Write “slug | name” or “slug | name | condition”. This one is not: {line[:80]}"
            )
        found: dict[str, Any] = {"slug": parts[0], "name": parts[1], "limited": len(parts) == 3}
        if len(parts) == 3:
            found["condition"] = parts[2]
        return found


class AnchorsField(LinesField):
    """What a value of a scale means, one a line: the value, a bar, the text."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(
                f"{key} | {text}" for key, text in sorted(value.items(), key=lambda pair: int(pair[0]))
            )
        return value

    def clean(self, value: Any) -> dict[str, str]:  # type: ignore[override]
        return dict(super().clean(value))

    def read(self, line: str) -> tuple[str, str]:
        number, bar, text = (part.strip() for part in line.partition("|"))
        if not bar or not number.isdecimal() or not text:
            raise ValidationError(f"Write “3 | what a 3 means” in each line. This one is not: {line[:80]}")
        return number, text

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.clean(data) != (initial or {})
        except ValidationError:
            return True
