"""Turn what people wrote, and dates, into words. Pure; the one place that makes HTML from Markdown."""

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import nh3
from django.utils.dateformat import format as date_format
from django.utils.formats import get_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from markdown_it import MarkdownIt

TAGS = {"p", "br", "strong", "em", "a", "ul", "ol", "li", "code", "pre", "blockquote", "h3", "h4", "hr"}
ZONES = {
    "America/Los_Angeles": gettext_noop("Pacific"),
    "America/Denver": gettext_noop("Mountain"),
    "America/Chicago": gettext_noop("Central"),
    "America/New_York": gettext_noop("Eastern"),
    "UTC": "UTC",
}

_markdown = MarkdownIt("commonmark", {"html": False})


@lru_cache(maxsize=512)
def markdown(text: str) -> SafeString:
    """Markdown to HTML: raw HTML in the text stays text, and only a short list of tags and link schemes comes out."""
    html = nh3.clean(
        _markdown.render(text),
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return SafeString(html)


def zone_name(zone: str) -> str:
    """What people call a time zone: "America/Los_Angeles" -> "Pacific", "Europe/Paris" -> "Paris time"."""
    known = ZONES.get(zone)
    return _(known) if known else _("%(city)s time") % {"city": zone.rpartition("/")[2].replace("_", " ")}


def day(value: date) -> str:
    return date_format(value, get_format("DAY"))


def day_long(value: date) -> str:
    return date_format(value, get_format("DAY_LONG"))


def day_plain(value: date) -> str:
    return date_format(value, get_format("DAY_PLAIN"))


def day_short(value: date) -> str:
    return date_format(value, get_format("DAY_SHORT"))


def moment(value: datetime, zone: str = "UTC") -> str:
    """Mon 7 Dec 2026, 00:00 Pacific (08:00 UTC): local first, UTC beside it, with its day where that differs."""
    universal = value.astimezone(UTC)
    if zone == "UTC":
        return f"{day(universal)}, {universal:%H:%M} UTC"
    return f"{day(value.astimezone(ZoneInfo(zone)))}, {local_time(value, zone)} ({utc(value, zone)})"


def local_time(value: datetime, zone: str) -> str:
    """00:00 Pacific"""
    return f"{value.astimezone(ZoneInfo(zone)):%H:%M} {zone_name(zone)}"


def utc(value: datetime, zone: str = "UTC") -> str:
    """08:00 UTC, or "8 Dec, 01:00 UTC" where the day differs from the day in `zone`."""
    universal = value.astimezone(UTC)
    same_day = universal.date() == value.astimezone(ZoneInfo(zone)).date()
    return f"{universal:%H:%M} UTC" if same_day else f"{day_short(universal)}, {universal:%H:%M} UTC"
