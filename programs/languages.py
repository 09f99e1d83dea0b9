"""Pure: the languages that a program is offered in beside the one it is written in."""

from collections.abc import Iterable

from django.conf import settings
from django.core.exceptions import ValidationError

ORIGINAL = "en"


def others() -> dict[str, str]:
    """Every language of the site but the original, by code, each by its own name."""
    return {code: name for code, name in settings.LANGUAGES if code != ORIGINAL}


def offered(left_out: Iterable[str]) -> list[str]:
    """The codes that remain when a program leaves some out."""
    out = set(left_out)
    return [code for code in others() if code not in out]


def check_left_out(codes: object) -> None:
    """Raises ValidationError for anything but a list of languages that the site has."""
    if not isinstance(codes, list):
        raise ValidationError("A list of languages is needed.")
    if unknown := [str(code) for code in codes if code not in others()]:
        raise ValidationError(
            f"{unknown[0][:20]} is no language of this site; known are {', '.join(others())}."
        )
