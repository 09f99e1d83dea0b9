"""Read settings from the environment. A missing or misspelt value stops the start, never a request."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def required(name: str) -> str:
    """Read a variable that has no safe default; stop at start-up when it is missing."""
    try:
        return os.environ[name]
    except KeyError:
        raise ImproperlyConfigured(f"{name} is not set; see .env.example") from None


def text(name: str, *, default: str = "") -> str:
    """Read a variable that may be absent."""
    return os.environ.get(name, default)


def flag(name: str, *, default: bool) -> bool:
    """Read a yes/no variable. Only "true" and "false" are accepted; any other spelling is refused."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f'{name} must be "true" or "false", not {value!r}')
    return value == "true"


def whole_number(name: str, *, default: int, at_least: int = 0) -> int:
    """Read a whole number that is not below `at_least`."""
    value = os.environ.get(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None
    if number < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {number}")
    return number


def names(name: str, *, default: str = "") -> list[str]:
    """Read a comma-separated list; blanks around names are dropped."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def secret(name: str, *, default: str | None = None) -> str:
    """Read a secret from NAME, or from the file that NAME_FILE points to (a mounted secret)."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    if default is not None:
        return os.environ.get(name, default)
    return required(name)
