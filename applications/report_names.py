"""Pure: stored values of a breakdown as people read them."""

from django.utils.translation import gettext_lazy as _
from django_countries import countries

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
