"""Pure: stored values of a breakdown as people read them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from programs import fields

NOT_STATED = "Not stated"
TITLES = {
    "field": _("Field"),
    "country": _("Country"),
    "career_stage": _("Career stage"),
    "institution_kind": _("Kind of institution"),
}


def name_of(key: str, value: str) -> str:
    """One value of a breakdown: "life-sciences" -> "Life sciences", "DE" -> "Germany", "" -> "Not stated"."""
    if not value:
        return NOT_STATED
    if key == "country":
        return str(countries.name(value) or value)
    return value.replace("-", " ").replace("_", " ").capitalize()


def in_words_of_today(
    key: str, sections: Sequence[Mapping[str, Any]], say: Callable[[str], str]
) -> dict[str, str]:
    """Names that name_of gave and that were kept -> what a reader reads: countries in the active language, the rest as
    the options of the question that fills the column are worded today. A name without a match is not in the answer.
    """
    if key == "country":
        with translation.override("en"):
            kept = {code: str(name) for code, name in countries}
        return {name: str(countries.name(code)) for code, name in kept.items()}
    return {
        name_of(key, choice["value"]): say(choice["label"])
        for question in fields.questions(sections)
        if question.get("maps_to") == key
        for choice in question.get("choices", ())
    }
