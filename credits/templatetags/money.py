"""{{ grant.amount_cents|money }} or {{ grant.amount_cents|money:grant.currency }}."""

from django import template

from credits.money import format_money

register = template.Library()


@register.filter
def money(cents: int | None, currency: str = "USD") -> str:
    """Whole cents as people read them; nothing for an absent amount."""
    return "" if cents is None or cents == "" else format_money(int(cents), currency)
