"""The provider's list of grants as a CSV that a person brings. Pure reading, a line at a time."""

import csv
from collections.abc import Iterable, Iterator

from credits.money import parse_money
from credits.providers.base import CannotList, Listed
from portal.refusals import Refused

NEEDED = ("key", "organization_id", "amount", "currency")
LONGEST_LINE = 4_000


def read(lines: Iterable[str]) -> Iterator[Listed]:
    """The grants of a CSV with the columns key, organization_id, amount and currency; others are passed over.

    A last line whose key is "total" must hold the sum of the amounts above it. Raises CannotList for the first line
    that cannot be used, by its number: a list with a hole would open wrong cases.
    """
    rows = csv.reader(_checked(lines), strict=True)
    sum_cents, ended = 0, False
    try:
        heading = [cell.strip().lower() for cell in next(rows, [])]
        missing = [name for name in NEEDED if name not in heading]
        if missing:
            raise CannotList(f"The file has no column {' and no column '.join(missing)}.")
        places = [heading.index(name) for name in NEEDED]
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if ended:
                raise CannotList(f"Line {rows.line_num}: something stands below the total.")
            if len(row) <= max(places):
                raise CannotList(f"Line {rows.line_num}: a cell is missing.")
            key, organization, amount, currency = (row[place].strip().removeprefix("'") for place in places)
            cents = _cents(amount, currency, rows.line_num)
            if key.lower() == "total":
                if cents != sum_cents:
                    raise CannotList(
                        f"Line {rows.line_num}: the total does not match the lines above it, whose sum is "
                        f"{sum_cents // 100}.{sum_cents % 100:02d}."
                    )
                ended = True
                continue
            if not key or not organization or len(currency) != 3:
                raise CannotList(f"Line {rows.line_num}: key, organization_id or currency is missing.")
            sum_cents += cents
            yield Listed(key[:200], organization[:80], cents, currency.upper())
    except csv.Error as error:
        raise CannotList(f"Line {rows.line_num}: not a readable CSV: {error}.") from None
    except UnicodeDecodeError:
        raise CannotList("The file is not UTF-8 text.") from None


def _cents(amount: str, currency: str, line: int) -> int:
    try:
        return parse_money(amount, currency.upper() or "USD")
    except Refused as error:
        raise CannotList(f"Line {line}: {error}") from None


def _checked(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if "\0" in line or len(line) > LONGEST_LINE:
            raise CannotList(f"Line {number} is not a line of a CSV.")
        yield line.removeprefix("\ufeff") if number == 1 else line
