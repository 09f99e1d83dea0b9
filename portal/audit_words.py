"""What the trail says in plain words: an action and its details become what stands after the name of whoever did it.

The names of actions belong to the apps. Each app has a module `audit_words` that calls `know` for its own; all of them are
imported when Django starts (portal.apps). The trail itself keeps the names, and auditors search by them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import TextChoices

Shown = Mapping[str, str] | Callable[[Any], str]
Money = Callable[[int], str]

_PART = re.compile(r"\[([^\]]*)\]")
_DETAIL = re.compile(r"\{(\w+)(?:\|([\w ]+))?\}")


@dataclass(frozen=True)
class Said:
    """The words of one action, such as "proposed an award[ of {amount_cents}]".

    A part in brackets is left out when one of its details is not there, is nothing (0, false) or has no words.
    {days|day} counts: "1 day", "2 days". `shown` turns the code of a detail into words. A detail whose name ends with
    _cents is money.
    """

    text: str
    shown: Mapping[str, Shown]

    @property
    def details(self) -> set[str]:
        """The names of the details that it shows."""
        return {name for name, _ in _DETAIL.findall(self.text)}

    def words(self, details: Mapping[str, Any], money: Money) -> str:
        def filled(text: str, *, optional: bool) -> str:
            wanted = _DETAIL.findall(text)
            if optional and not all(details.get(name) for name, _ in wanted):
                return ""
            values = [self._shown(name, noun, details, money) for name, noun in wanted]
            return _DETAIL.sub(lambda _: values.pop(0), text) if all(values) or not optional else ""

        parts = _PART.split(self.text)  # every second one stood in brackets
        return "".join(filled(text, optional=number % 2 == 1) for number, text in enumerate(parts))

    def _shown(self, name: str, noun: str, details: Mapping[str, Any], money: Money) -> str:
        if name not in details:
            return ""
        value, show = details[name], self.shown.get(name)
        if isinstance(show, Mapping):
            return show.get(value, str(value))
        if show is not None:
            return str(show(value))
        if isinstance(value, int) and name.endswith("_cents"):
            return money(value)
        if isinstance(value, int) and noun:
            return f"{value:,} {noun}{'' if value == 1 else 's'}"
        return "" if value is None else str(value)


_KNOWN: dict[str, Said] = {}


def know(words: Mapping[str, str | Said]) -> None:
    """Add the words of an app's actions. Raises ValueError for an action that has words already."""
    for action, text in words.items():
        if action in _KNOWN:
            raise ValueError(f"{action} has words already: {_KNOWN[action].text}")
        _KNOWN[action] = text if isinstance(text, Said) else Said(text, {})


def said(text: str, **shown: Shown) -> Said:
    """Words with details that are codes: said("answered the request[: {outcome}]", outcome=labels(RequestOutcome))."""
    return Said(text, shown)


def labels(choices: type[TextChoices]) -> dict[str, str]:
    """The labels of codes, to stand within a sentence."""
    return {str(value): lowered(str(label)) for value, label in choices.choices}


def known() -> Mapping[str, Said]:
    """Every action that has words."""
    return _KNOWN


def figure(cents: int) -> str:
    """Cents without a currency, where none is known: 1450000 is "14,500"."""
    whole, part = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}{f'.{part:02d}' if part else ''}"


def words_of(action: str, details: Mapping[str, Any] | None = None, *, money: Money = figure) -> str:
    """What somebody did, to be read after their name. An action that has no words, such as one of an older version,
    reads as its parts: "thread.write_twice" is "thread: write twice".
    """
    found = _KNOWN.get(action)
    words = found.words(details or {}, money) if found else ""
    return words or action.replace(".", ": ").replace("_", " ")


def matching(text: str) -> list[str]:
    """The actions whose words contain this text, whatever their details are."""
    wanted = " ".join(text.lower().split())
    return [action for action in _KNOWN if wanted in words_of(action).lower()] if wanted else []


def lowered(label: str) -> str:
    """A label in the middle of a sentence: "Below the line" is "below the line", "CSV" stays."""
    return label[:1].lower() + label[1:] if label[1:2].islower() or label[1:2] == " " else label


def on_day(iso: str) -> str:
    """The day 2026-12-01 is "1 December 2026"."""
    day = date.fromisoformat(iso)
    return f"{day.day} {day:%B %Y}"


know(
    {
        "account.recover": said(
            "recovered the account[ with {how}]",
            how={"password_reset": "a new password", "address_change": "a new address"},
        ),
        "token.make": said(
            "made an API token[ that may {scope}][, for {days|day}]",
            scope={"read": "read", "write": "read and write"},
        ),
        "token.revoke": "revoked an API token",
    }
)
