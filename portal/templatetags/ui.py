"""Small words of the templates: icons, dates with their zone, money with its currency."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from credits.money import format_money, plain, with_code
from portal import texts

register = template.Library()

register.filter("zone_name", texts.zone_name)
register.filter("markdown", texts.markdown)


@register.simple_tag
def icon(name: str) -> SafeString:
    """One drawing of static/img/icons.svg, 16 px, in the colour of the text around it."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("img/icons.svg"), name
    )


@register.filter
def outline(drawing: str) -> dict[str, str]:
    """View box and path of an SVG of one path, to draw it in a page whose policy takes no images from data."""
    found = {name: re.search(rf'\b{name}="([^"]*)"', drawing) for name in ("viewBox", "d")}
    return {name: match[1] if match else "" for name, match in found.items()}


@register.filter
def day(value: date | None) -> str:
    return texts.day(value) if value else ""


@register.filter
def day_long(value: date | None) -> str:
    return texts.day_long(value) if value else ""


@register.filter
def day_short(value: date | None) -> str:
    return texts.day_short(value) if value else ""


@register.filter
def moment(value: datetime | None, zone: str = "UTC") -> str:
    return texts.moment(value, zone) if value else ""


@register.filter
def local_time(value: datetime, zone: str) -> str:
    return texts.local_time(value, zone)


@register.filter
def utc(value: datetime, zone: str = "UTC") -> str:
    return texts.utc(value, zone)


@register.filter
def initials(name: str) -> str:
    """Two letters for the round mark beside a person's name."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    picked = words[:1] + (words[-1:] if len(words) > 1 and "@" not in name else [])
    return "".join(word[0] for word in picked).upper()


@register.filter
def local_day_short(value: datetime, zone: str) -> str:
    """The day of a moment where the program lives: 7 Dec."""
    return texts.day_short(value.astimezone(ZoneInfo(zone)).date())


@register.filter
def get(values: dict[object, object], key: object) -> object:
    """One value of a dict by a key that the template knows."""
    return values.get(key)


@register.filter
def money(cents: int | None, currency: str) -> str:
    """$6,000 USD"""
    return with_code(cents, currency)


@register.filter
def amount(cents: int, currency: str) -> str:
    """$4,587.14, for places that name the currency beside it."""
    return format_money(cents, currency, always_cents=True)


@register.filter
def figures(cents: int) -> str:
    """4,587.14, for a column whose head names the currency."""
    return f"{'−' if cents < 0 else ''}{abs(cents) // 100:,}.{plain(abs(cents))[-2:]}"
