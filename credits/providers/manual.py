"""Orders carried by people: a CSV of what to grant goes out, a CSV of what was granted comes back.

Pure reading and writing; credits.delivery decides what a row does.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from credits.money import parse_money, plain
from credits.providers.base import Answer, CannotList, Listed, Order, Outcome
from portal.refusals import Refused

COLUMNS = (
    *("key", "reference", "program", "organization_id", "amount", "currency", "models", "term_months"),
    "latest_end_on",
)
LARGEST_FILE_BYTES = 20 * 1024 * 1024
STATUSES = ("confirmed", "refused")


class UnreadableFile(Refused):
    """The file is not a CSV with the columns that are needed."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One line of the file that comes back. line counts from 1 and includes the heading; amount_cents: None if not given."""

    line: int
    key: str
    status: str
    reason: str
    amount_cents: int | None
    problem: str = ""


class ManualProvider:
    """The "manual" adapter: it has nobody to call."""

    automatic = False

    def grant(self, order: Order) -> Answer:
        return Answer(Outcome.UNKNOWN, "carried by people")

    def lookup(self, order: Order) -> Answer:
        return Answer(Outcome.UNKNOWN, "carried by people")

    def reverse(self, order: Order) -> Answer:
        return Answer(Outcome.UNKNOWN, "carried by people")

    def list_grants(self) -> Iterator[Listed]:
        """Raises CannotList: people bring the list as a file, see credits.provider_lists."""
        raise CannotList("With the manual provider the list comes as a CSV file.")


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before the signs that start one."""
    return f"'{text}" if text[:1] and text[0] in "=+-@\t\r\n\0|＝＋－＠" else text


def write_orders(orders: Iterable[Order]) -> str:
    """The CSV to hand over: one line per order, amounts with a point and two digits, models joined by blanks."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for order in orders:
        row = [
            order.key,
            order.reference,
            order.program,
            order.organization,
            plain(order.amount_cents),
            order.currency,
            " ".join(order.models),
            "" if order.term_months is None else str(order.term_months),
            "" if order.latest_end_on is None else order.latest_end_on.isoformat(),
        ]
        writer.writerow([safe_cell(cell) for cell in row])
    return out.getvalue()


def read_confirmations(data: bytes) -> list[Confirmation]:
    """Read the CSV that comes back. Needed columns: key, status (confirmed or refused); optional: reason, amount.

    A last line with the key "total" holds the sum of the confirmed amounts; with a wrong one the whole file is refused.
    Raises UnreadableFile for the file as a whole; a bad line comes back with its problem and does not stop the others.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise UnreadableFile("The file is larger than 20 MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("The file is not UTF-8 text.") from None
    if "\0" in text:
        raise UnreadableFile("The file holds NUL characters, so it is not a CSV.")
    try:
        rows = csv.DictReader(io.StringIO(text), strict=True)
        missing = {"key", "status"} - set(rows.fieldnames or ())
        if missing:
            raise UnreadableFile(f"The file has no column {' and no column '.join(sorted(missing))}.")
        found = [_confirmation(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise UnreadableFile(f"The file is not a readable CSV: {error}.") from None
    return _without_total(found)


def _without_total(found: list[Confirmation]) -> list[Confirmation]:
    """The lines above a total that matches them; as they are when there is none. Raises UnreadableFile."""
    totals = [row for row in found if row.key.lower() == "total"]
    if not totals:
        return found
    last, lines = found[-1], found[:-1]
    if len(totals) > 1 or last is not totals[0]:
        raise UnreadableFile(f"Line {totals[0].line}: something stands below the total.")
    bare = next((row for row in lines if row.status == "confirmed" and row.amount_cents is None), None)
    if bare is not None:
        raise UnreadableFile(f"Line {bare.line} has no amount, so the total cannot be checked.")
    sum_cents = sum(row.amount_cents or 0 for row in lines if row.status == "confirmed")
    if last.amount_cents != sum_cents:
        raise UnreadableFile(
            f"Line {last.line}: the total does not match the confirmed lines, whose sum is {plain(sum_cents)}. "
            "Nothing was taken."
        )
    return lines


def _confirmation(line: int, row: dict[str, str | None]) -> Confirmation:
    def cell(name: str) -> str:
        return (row.get(name) or "").strip().removeprefix("'")

    key, status, reason = cell("key"), cell("status").lower(), cell("reason")[:300]
    problem, amount_cents = "", None
    if not key:
        problem = "The key is empty."
    elif status not in STATUSES:
        problem = f"The status is “{status[:20]}”; it must be confirmed or refused."
    elif status == "refused" and not reason:
        problem = "A refused grant needs a reason."
    if cell("amount"):
        try:
            amount_cents = parse_money(cell("amount"))
        except Refused as error:
            problem = problem or str(error)
    return Confirmation(line, key, status, reason, amount_cents, problem)
