"""Names of applications for people: AIS-2026-12-004217.

The number is drawn, not counted: a count would tell applicants how many others there are (docs/security.md).
"""

import secrets
from datetime import date

NUMBERS = 1_000_000


def draw(short_code: str, evaluation_on: date) -> str:
    """A reference for an application of one cycle. Unique with the caller's unique index; draw again when taken."""
    return f"{short_code}-{evaluation_on:%Y-%m}-{secrets.randbelow(NUMBERS):06d}"


def draw_many(short_code: str, evaluation_on: date, count: int, *, taken: set[str]) -> list[str]:
    """`count` different references that are not in `taken`. Raises ValueError when the month is too full to draw."""
    if len(taken) + count > NUMBERS // 2:
        raise ValueError(f"more than {NUMBERS // 2} applications in one month")
    drawn: set[str] = set()
    while len(drawn) < count:
        reference = draw(short_code, evaluation_on)
        if reference not in taken:
            drawn.add(reference)
    return list(drawn)
