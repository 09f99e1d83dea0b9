"""Pure: cells of CSV and XLSX files that no spreadsheet takes for a formula, and the two kinds of files made of them."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from credits import money

LONGEST_CELL = 32_767  # characters in a cell of XLSX; UTF-16 units, as spreadsheets count
MOST_ROWS = 1_048_575  # of one sheet of XLSX, its head left out
CUT = " […]"

_BEGINS_FORMULA = "=+-@＝＋－＠−﹢﹣﹦﹫\t\r\n\x00|%"
_LOOKED_THROUGH = re.compile(
    r"[\s'\u0000-\u0020\u007f-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*"
)
_NOT_A_CHARACTER = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")

Cell = str | int | Decimal | None


def guard(text: str) -> str:
    """A text that a spreadsheet shows as it is: with an apostrophe in front where it could begin a formula.

    Begins one: = + - @, also full-width and small forms, and tab, carriage return, line feed and NUL; blanks, marks of
    direction and apostrophes before them do not help. Source: OWASP ASVS 5.0, 1.2.10. `bare` takes it back exactly.
    """
    return f"'{text}" if _dangerous(text) else text


def bare(text: str) -> str:
    """The text that `guard` was given."""
    return text[1:] if text.startswith("'") and _dangerous(text[1:]) else text


def _dangerous(text: str) -> bool:
    if text.lstrip("'").startswith(
        ("\t", "\r", "\n", "\x00")
    ):  # apostrophes too, or `bare` would take one of the text's own
        return True
    match = _LOOKED_THROUGH.match(text)
    rest = text[match.end() if match else 0 :]
    return rest[:1] != "" and rest[0] in _BEGINS_FORMULA


def cell(value: Any) -> str:
    """One value as the text of a cell. Numbers are the portal's own and never negative; everything else is guarded."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return str(value) if value >= 0 else guard(str(value))
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        value = "; ".join(str(entry) for entry in value)
    return guard(_cut(_NOT_A_CHARACTER.sub("\ufffd", str(value))))


def _cut(text: str) -> str:
    """At most what a cell holds, less the apostrophe; what was cut is marked."""
    if len(text) * 2 < LONGEST_CELL or len(text.encode("utf-16-le")) // 2 < LONGEST_CELL:
        return text
    room = (LONGEST_CELL - 1 - len(CUT)) * 2
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + CUT


def amount(cents: int | None) -> Decimal | None:
    """Cents as the number of a column of money: 1450050 is 14500.50."""
    return None if cents is None else Decimal(money.plain(cents))


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV by RFC 4180: commas, CRLF, quotes doubled, UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return out.getvalue().encode()


def read(path: Path) -> Iterator[list[str]]:
    """The rows of a file that `lines` made, one at a time; cells stay guarded."""
    csv.field_size_limit(max(csv.field_size_limit(), 4 * LONGEST_CELL))
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file)


def workbook(source: Path, target: Path, *, sheet: str, numbers: Iterable[int]) -> None:
    """Write a CSV file of ours as XLSX, row by row. numbers: places of the columns that hold numbers.

    Every other cell is typed as text, and marked so that it stays text when somebody edits it.
    """
    are_numbers = frozenset(numbers)
    book = xlsxwriter.Workbook(
        str(target),
        {
            "constant_memory": True,
            "tmpdir": str(target.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    page = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", " ", sheet)[:31])
    head = book.add_format({"bold": True, "num_format": "@"})
    text = book.add_format({"num_format": "@", "quote_prefix": True})
    page.freeze_panes(1, 0)
    for place, row in enumerate(read(source)):
        for column, value in enumerate(row):
            if place and column in are_numbers and value:
                page.write_number(place, column, float(value))
            elif value:
                page.write_string(place, column, value, head if place == 0 else text)
    book.close()
