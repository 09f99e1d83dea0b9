"""Usage from a CSV: organization_id, day, amount, currency, and at most one line with the total of all amounts.

A file whose total is wrong is refused whole, because nobody can say which line is missing. A bad line is named and does
not stop the others; nor do two lines for one day of an organization, of which none is counted.
"""

import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from credits import usage
from credits.models import Organization, UsageSource
from credits.money import format_money, parse_money
from portal.database import with_retries
from portal.models import User
from portal.refusals import Refused

COLUMNS = ("organization_id", "day", "amount", "currency")
TOTAL = "total"
LARGEST_FILE_BYTES = 20_000_000
MOST_LINES = 200_000
AT_ONCE = 2_000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class UnreadableFile(Refused):
    """The file as a whole cannot be taken, so nothing of it was."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file. amount_cents: whole cents; problem: why it cannot be taken, or empty."""

    number: int
    external_id: str
    day: date | None
    amount_cents: int
    currency: str
    problem: str = ""


@dataclass
class Imported:
    """What a file did. counted: lines that changed a day; repeated: lines that were known; cents in all currencies.

    uncovered: lines that credit did not cover in full, each with a case; problems: (line, what is wrong with it).
    """

    counted: int = 0
    repeated: int = 0
    uncovered: int = 0
    moved_cents: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    dry_run: bool = False


def take(
    *,
    data: bytes,
    by: User,
    at: datetime,
    dry_run: bool = False,
    programs: Collection[str] | None = None,
) -> Imported:
    """Count the usage of a whole file. Repeating a file changes nothing.

    programs: slugs; then only organizations with credit of one of them may be named. dry_run: say what would happen.
    Raises UnreadableFile for the file as a whole, before anything is counted, and ledger.PostingStopped.
    """
    lines = read(data)
    done = Imported(dry_run=dry_run)
    name = hashlib.sha256(data).hexdigest()[:16]
    named = {line.external_id for line in lines}
    known = _organizations({*named, *map(str.lower, named)}, programs)
    good: list[tuple[int, usage.Figure]] = []
    for line in lines:
        found = known.get(line.external_id) or known.get(line.external_id.lower(), [])
        problem = line.problem or (
            "No organization with this ID has credit here."
            if not found
            else "Several providers have an organization with this ID. Enter its usage by hand."
            if len(found) > 1
            else ""
        )
        if problem or line.day is None:
            done.problems.append((line.number, problem))
            continue
        key = f"file:{name}:{line.number}"
        good.append((line.number, usage.Figure(found[0], line.day, line.amount_cents, line.currency, key)))
    good = _told_once(good, done)
    # Whole organizations at a time, in the order in which they are locked.
    good.sort(key=lambda pair: (pair[1].organization_id, pair[1].day))
    for part in _parts(good):
        _count(part, done, by=by, at=at)
    done.problems.sort()
    return done


def _count(part: list[tuple[int, usage.Figure]], done: Imported, *, by: User, at: datetime) -> None:
    figures = [figure for _, figure in part]
    work = partial(
        usage.record_many, figures=figures, source=UsageSource.FILE, by=by, at=at, dry_run=done.dry_run
    )
    outcomes = with_retries(work)  # the account of a program's use is shared with every other file
    for (number, figure), outcome in zip(part, outcomes, strict=True):
        if outcome.refusal is not None:
            done.problems.append((number, str(outcome.refusal)))
        elif not outcome.is_new:
            done.repeated += 1
        else:
            done.counted += 1
            done.moved_cents += outcome.moved_cents
            if outcome.uncovered_cents:
                done.uncovered += 1
                missing = format_money(outcome.uncovered_cents, figure.currency)
                done.problems.append((number, f"{missing} is not covered by credit. It stands as a case."))


def _told_once(good: list[tuple[int, usage.Figure]], done: Imported) -> list[tuple[int, usage.Figure]]:
    """Without days that several lines tell: nobody can say whether these add up, or which one is right."""
    lines: dict[str, list[int]] = {}
    for number, figure in good:
        lines.setdefault(figure.name, []).append(number)
    for number, figure in good:
        if others := ", ".join(str(other) for other in lines[figure.name][:5] if other != number):
            problem = f"The same day of this organization stands in line {others} too."
            done.problems.append((number, f"{problem} Put the whole day in one line."))
    return [pair for pair in good if len(lines[pair[1].name]) == 1]


def _parts(
    good: list[tuple[int, usage.Figure]],
) -> Iterator[list[tuple[int, usage.Figure]]]:
    """Parts of a few thousand lines that never split an organization."""
    part: list[tuple[int, usage.Figure]] = []
    for pair in good:
        if len(part) >= AT_ONCE and part[-1][1].organization_id != pair[1].organization_id:
            yield part
            part = []
        part.append(pair)
    if part:
        yield part


def read(data: bytes) -> list[Line]:
    """Read the file; lines come in its order, a bad one with its problem. Raises UnreadableFile."""
    rows = _rows(data)
    lines: list[Line] = []
    totals: list[tuple[int, int, str]] = []
    sums: dict[str, int] = {}
    for number, row in rows:
        cells = {name: (row.get(name) or "").strip().removeprefix("'") for name in COLUMNS}
        if not any(cells.values()):
            continue
        currency = cells["currency"].upper()
        if cells["organization_id"].lower() == TOTAL:
            totals.append((number, _amount(cells["amount"], number), currency))
            continue
        line = _line(number, cells, currency)
        lines.append(line)
        sums[currency] = sums.get(currency, 0) + line.amount_cents
        if len(lines) > MOST_LINES:
            raise UnreadableFile(f"The file has more than {MOST_LINES:,} lines. Split it.")
    if not lines:
        raise UnreadableFile("The file has no line of usage.")
    _check_totals(totals, sums)
    return lines


def _check_totals(totals: list[tuple[int, int, str]], sums: dict[str, int]) -> None:
    for number, told, currency in totals:
        if currency not in sums and (currency or len(sums) > 1):
            raise UnreadableFile(f"Line {number}: a total in {currency or 'no currency'} fits no line.")
        unit = currency or next(iter(sums))
        if told != sums[unit]:
            raise UnreadableFile(
                f"Line {number} says a total of {format_money(told, unit, always_cents=True)}; the lines add up to "
                f"{format_money(sums[unit], unit, always_cents=True)}. Nothing was taken."
            )


def _line(number: int, cells: dict[str, str], currency: str) -> Line:
    day, cents, problem = None, 0, ""
    try:
        day = date.fromisoformat(cells["day"]) if _DAY.fullmatch(cells["day"]) else None
    except ValueError:
        day = None
    if day is None:
        problem = f"“{cells['day'][:20]}” is not a day such as 2026-12-07."
    try:
        cents = parse_money(cells["amount"], currency or "USD")
    except Refused as error:
        problem = problem or str(error)
    if not problem and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        problem = "A currency has three letters, such as USD."
    if not problem and not cells["organization_id"]:
        problem = "The organization ID is empty."
    return Line(number, cells["organization_id"], day, cents, currency, problem)


def _amount(text: str, number: int) -> int:
    try:
        return parse_money(text)
    except Refused as error:
        raise UnreadableFile(f"Line {number}: the total is not an amount. {error}") from None


def _rows(data: bytes) -> Iterator[tuple[int, dict[str, str | None]]]:
    if len(data) > LARGEST_FILE_BYTES:
        raise UnreadableFile("The file is larger than 20 MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("The file is not UTF-8 text.") from None
    if "\0" in text:
        raise UnreadableFile("The file holds NUL characters, so it is not a CSV.")
    rows = csv.DictReader(io.StringIO(text), strict=True)
    try:
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise UnreadableFile(f"The file has no column {' and no column '.join(missing)}.")
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise UnreadableFile(f"The file is not a readable CSV: {error}.") from None


def _organizations(external_ids: Collection[str], programs: Collection[str] | None) -> dict[str, list[int]]:
    """The ids of organizations with credit by the ID that their provider gave them."""
    rows = Organization.objects.filter(external_id__in=external_ids, grants__isnull=False)
    if programs is not None:
        rows = rows.filter(grants__program__in=programs)
    found: dict[str, list[int]] = {}
    for pk, external_id in rows.values_list("pk", "external_id").distinct():
        found.setdefault(external_id, []).append(pk)
    return found
