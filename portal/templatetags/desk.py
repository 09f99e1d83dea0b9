"""The small drawings of the staff side. Geometry is in SVG attributes, colour in css/admin.css: no inline style."""

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from credits.money import format_money
from portal import audit_words
from portal.admin_base import COUNTED_UP_TO
from portal.models import AuditEvent

register = template.Library()


@register.simple_tag
def icon(name: str, css: str = "i") -> SafeString:
    """One drawing of static/img/desk.svg, 16 px, in the colour of the text around it."""
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css,
        static("img/desk.svg"),
        name,
    )


@register.inclusion_tag("admin/components/bar.html")
def bar(share: float, label: str, tone: str = "", more: float = 0) -> dict[str, Any]:
    """A horizontal bar; share and more (a lighter second part, counted from the left) in percent."""
    return {"share": _percent(share), "more": _percent(more), "label": label, "tone": tone}


@register.inclusion_tag("admin/components/ring.html")
def ring(done: int, total: int, label: str, size: str = "") -> dict[str, Any]:
    share = round(100 * done / total, 1) if total else 0
    return {"share": share, "label": label, "size": size, "done": done, "total": total}


@register.filter
def capped(number: int) -> str:
    """1284 -> "1,284"; more than we count for a list -> "10,000+"."""
    return f"{COUNTED_UP_TO:,}+" if number > COUNTED_UP_TO else f"{number:,}"


@register.filter
def ago(moment: datetime, now: datetime) -> str:
    """How long since: "5 min", "3 h", "2 days"."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3600} h"
    return f"{seconds // 86_400} days"


@register.filter
def short_money(cents: int | None, currency: str) -> str:
    """$14,500, where the currency stands beside it or in the head of the column."""
    return "" if cents is None else format_money(cents, currency)


@register.filter
def in_words(event: AuditEvent, currency: str = "") -> str:
    """What somebody did, by the trail: "Proposed an award of $14,500". Without a currency amounts are bare figures."""

    def money(cents: int) -> str:
        return format_money(cents, currency) if currency else audit_words.figure(cents)

    return capfirst(audit_words.words_of(event.action, event.details, money=money))


def _percent(share: float) -> float:
    return round(min(100.0, max(0.0, float(share or 0))), 1)
