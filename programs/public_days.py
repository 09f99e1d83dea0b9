"""Public holidays, to note beside evaluation days. They move nothing: a person decides whether a day is shifted."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files

from django_countries import countries
from holidays import country_holidays, list_supported_countries


def country_of(time_zone: str) -> str:
    """The two-letter code of the country a zone stands for first; empty for UTC and the like."""
    return _countries().get(time_zone, "")


def noted(*, country: str, time_zone: str, days: Iterable[date]) -> dict[date, str]:
    """Which of these days are holidays, and which. country: empty takes that of the zone."""
    code = country or country_of(time_zone)
    wanted = list(days)
    if not wanted or code not in _supported():
        return {}
    found = country_holidays(code, years=sorted({day.year for day in wanted}), language="en_US")
    return {day: str(found[day]) for day in wanted if day in found}


@cache
def places() -> list[tuple[str, str]]:
    """Every country whose holidays are known: code and name, by name."""
    return sorted(
        ((code, str(countries.name(code)) or code) for code in _supported()), key=lambda pair: pair[1]
    )


@cache
def _supported() -> frozenset[str]:
    return frozenset(code for code in list_supported_countries() if len(code) == 2)


@cache
def _countries() -> dict[str, str]:
    """Time zone -> country, from the table that comes with the zones."""
    found: dict[str, str] = {}
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            code, _, zone = line.split("\t")[:3]
            found.setdefault(zone, code)
    return found
