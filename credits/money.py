"""Pure: whole cents and the text that people read and write. No floats anywhere."""

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

from portal.refusals import Refused

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
MOST_CENTS = 10**15  # ten trillion dollars; anything larger is a typing mistake
_WHOLE = re.compile(r"\d+|\d{1,3}(,\d{3})+")


class NotAnAmount(Refused):
    """The text is not an amount of money."""


def format_money(cents: int, currency: str = "USD", *, always_cents: bool = False) -> str:
    """Write cents for people: 1450000 is "$14,500", 1450050 is "$14,500.50", -100 is "-$1".

    A currency without a symbol here is written as its code: "CHF 20". always_cents: keep ".00", for columns of figures.
    """
    whole, part = divmod(abs(cents), 100)
    symbol = SYMBOLS.get(currency, f"{currency} ")
    decimals = f".{part:02d}" if part or always_cents else ""
    return f"{'-' if cents < 0 else ''}{symbol}{whole:,}{decimals}"


def with_code(cents: int | None, currency: str) -> str:
    """Write cents with symbol and code, "$14,500 USD", where the currency must be plain; empty without an amount."""
    if cents is None:
        return ""
    text = format_money(cents, currency)
    return text if text.lstrip("-").startswith(currency) else f"{text} {currency}"


def plain(cents: int) -> str:
    """Write cents for machines and exports: 1450050 is "14500.50"."""
    whole, part = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{part:02d}"


def parse_money(text: str, currency: str = "USD") -> int:
    """Read an amount that a person typed ("$14,500", "14500.5", "USD 20") and return whole cents, zero or more.

    Raises NotAnAmount with a sentence for that person. Commas group thousands; a comma as the decimal sign is refused
    rather than guessed, because "1,50" and "1,500" would differ by a thousand.
    """
    rest = text.strip().replace("\u00a0", " ")
    for sign in (currency, SYMBOLS.get(currency, "")):
        if sign and rest.upper().startswith(sign):
            rest = rest[len(sign) :].strip()
        elif sign and rest.upper().endswith(sign):
            rest = rest[: -len(sign)].strip()
    if not rest:
        raise NotAnAmount(_("Enter an amount, for example 1,500 or 1500.50."))
    if rest.startswith(("-", "\u2212")):
        raise NotAnAmount(_("Enter an amount of zero or more."))
    whole, point, part = rest.partition(".")
    if not rest.isascii() or not _WHOLE.fullmatch(whole) or (point and not re.fullmatch(r"\d+", part)):
        raise NotAnAmount(_("Enter an amount in digits, for example 1,500 or 1500.50."))
    if len(part) > 2:
        raise NotAnAmount(_("Enter an amount with at most two digits after the point."))
    cents = int(whole.replace(",", "")) * 100 + int(part.ljust(2, "0") or "0")
    if cents > MOST_CENTS:
        raise NotAnAmount(_("This amount is too large."))
    return cents


def split(cents: int, weights: Sequence[int]) -> list[int]:
    """Divide cents in proportion to whole weights; the parts add up to the cents exactly.

    The cents left over by rounding down go to the parts that lost most, the earlier part first.
    Raises ValueError for a negative amount, a negative weight, or weights that are all zero.
    """
    total = sum(weights)
    if cents < 0 or total <= 0 or min(weights) < 0:
        raise ValueError("split needs an amount and weights of zero or more, and one weight above zero")
    parts = [cents * weight // total for weight in weights]
    lost = sorted(range(len(weights)), key=lambda i: -(cents * weights[i] % total))
    for index in lost[: cents - sum(parts)]:
        parts[index] += 1
    return parts
