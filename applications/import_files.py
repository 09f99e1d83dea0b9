"""Pure: read a file of applications, as a form service exports it, and match its columns with the questions of a form.

Nothing here raises on the content of a row: a row that cannot be read carries the reason, and the others go on.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.refusals import Refused
from programs import fields
from programs.texts import as_typed

LONGEST_CELL = 4_000_000  # characters; beyond it the row is refused rather than read
ACCOUNT_FIELDS = ("email", "name", "source_id")

_ACCOUNT_NAMES = {
    "email": {"email", "e-mail", "email address", "e-mail address", "mail", "your email", "your e-mail"},
    "name": {"name", "full name", "your name", "applicant", "applicant name"},
    "source_id": {"source_id", "source id", "id", "response id", "submission id", "row id", "token", "#"},
}
# What form services and their users call the answers that are also columns of an application.
_MAPPED_NAMES = {
    "title": {"title", "project title", "project name", "name of the project"},
    "abstract": {"abstract", "summary", "project summary", "project abstract"},
    "amount_cents": {"amount", "requested amount", "budget", "amount requested", "credits requested"},
    "months": {"months", "duration", "duration in months", "timeline in months"},
    "country": {"country", "country or region", "country_iso2", "country code"},
    "institution": {"institution", "affiliation", "organisation", "organization", "university", "employer"},
    "institution_kind": {"kind of institution", "type of institution", "institution type"},
    "field": {"field", "research field", "discipline", "area of research"},
    "career_stage": {"career stage", "position", "career level"},
    "organization_id": {"organization id", "organisation id", "org id", "console organization id"},
    "orcid": {"orcid", "orcid id"},
    "models": {"models", "models of interest"},
}


class BadFile(Refused):
    """The file as a whole cannot be read."""


class BadMap(Refused):
    """The column map does not fit the file or the form. `problems` lists every reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(problems))


@dataclass(frozen=True)
class Record:
    """One row. `row` is its number as a spreadsheet shows it (CSV, the header is 1) or its line (JSONL)."""

    row: int
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Table:
    """A file that was read: its column names in order, and its rows."""

    columns: list[str]
    records: list[Record]


@dataclass(frozen=True)
class Columns:
    """Which column of the file answers what: question key -> column, account field -> column, and those left over."""

    questions: dict[str, str]
    account: dict[str, str]
    unknown: list[str]


def read(data: bytes, *, format: str, encoding: str = "") -> Table:
    """Read a whole file. format: "csv" or "jsonl"; encoding: "" finds out. Raises BadFile."""
    text = _decoded(data, encoding)
    table = _read_csv(text) if format == "csv" else _read_jsonl(text)
    if not table.records:
        raise BadFile("The file has no rows.")
    return table


def match(
    sections: fields.Sections, columns: Sequence[str], given: Mapping[str, object] | None = None
) -> Columns:
    """Match columns with questions and account fields: by the map that was given, else by key, label or usual name.

    given: file column -> question key, "account.email", "account.name", "account.source_id", or None to leave the
    column out. Raises BadMap with every problem.
    """
    asked = {
        question["key"]: question
        for question in fields.questions(sections)
        if question["type"] not in ("text", "file")
    }
    found = Columns({}, {}, [])
    given = given or {}
    _refuse_bad_map(given, columns, asked)
    for column, target in given.items():
        _put(found, column, target, asked)
    names = _names_of_questions(asked)
    for column in columns:
        if column in given:
            continue
        key = next((key for key in names.get(_folded(column), ()) if key not in found.questions), None)
        account = _account_field(column)
        if key is not None:
            found.questions[key] = column
        if account is not None and account not in found.account:
            found.account[account] = column
        elif key is None:
            found.unknown.append(column)
    if "email" not in found.account:
        by_type = (key for key in found.questions if asked[key]["type"] == "email")
        if (key := next(by_type, None)) is not None:
            found.account["email"] = found.questions[key]
    return found


def unanswered(sections: fields.Sections, columns: Columns) -> list[str]:
    """The labels of required questions, asked of everybody, for which the file has no column."""
    return [
        str(question["label"])
        for question in fields.questions(sections)
        if question.get("required")
        and not question.get("show_if")
        and question["key"] not in columns.questions
    ]


# --- Reading ------------------------------------------------------------------------------------------------------------


def _decoded(data: bytes, encoding: str) -> str:
    """UTF-8 with or without its mark, or UTF-16 with its mark. Anything else has to be named: guessing loses letters."""
    if not encoding:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            encoding = "utf-16"
        elif b"\x00" in data[:4096]:
            raise BadFile("This looks like UTF-16 without its mark. Name it: --encoding utf-16-le.")
        else:
            encoding = "utf-8"
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise BadFile(f"There is no encoding called {encoding}.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadFile(
            f"The file is not {encoding.upper()}: line {line} holds the byte 0x{data[error.start]:02x}. "
            "Save it as UTF-8, or name its encoding, such as --encoding latin-1."
        ) from None


def _read_csv(text: str) -> Table:
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        rows = _csv_rows(text)
        header = next(rows, None)
        if header is None or isinstance(header, str) or not any(header):
            raise BadFile("The file has no header row.")
        columns = _column_names(header)
        return Table(columns, list(_csv_records(columns, rows)))
    finally:
        csv.field_size_limit(limit)


def _csv_rows(text: str) -> Iterator[list[str] | str]:
    """Rows, or a sentence for a row that cannot be read. Blank rows are kept, so that the numbers stay right."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    # newline="" leaves line ends to the csv module, which keeps those inside quotes.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _csv_problem(str(error))


def _csv_problem(error: str) -> str:
    if "field larger" in error:
        return f"A cell is longer than {LONGEST_CELL:,} characters."
    if "unexpected end" in error:
        return "A quoted cell is never closed; everything after it was read as one cell."
    if "expected after" in error:
        return "A quote stands inside a cell. Write it twice, and put quotes around the cell."
    return "This row cannot be read as CSV."


def _csv_records(columns: list[str], rows: Iterable[list[str] | str]) -> Iterator[Record]:
    for number, row in enumerate(rows, 2):
        if isinstance(row, str):
            yield Record(number, problem=row)
        elif not any(cell.strip() for cell in row):
            continue
        elif len(row) != len(columns):
            yield Record(number, problem=f"The row has {len(row)} cells; the header has {len(columns)}.")
        else:
            yield Record(number, dict(zip(columns, row, strict=True)))


def _column_names(header: Iterable[str]) -> list[str]:
    """Names as shown, each once: two columns of one name get a number, an empty one is called by its place."""
    names: list[str] = []
    for place, name in enumerate(header, 1):
        bare = " ".join(as_typed(name).split()) or f"column {place}"
        shown, count = bare, 1
        while shown in names:
            count += 1
            shown = f"{bare} ({count})"
        names.append(shown)
    return names


def _read_jsonl(text: str) -> Table:
    """One object a line. Lines end at a line feed only: texts may hold U+2028 and its kin."""
    records = [
        _json_record(number, line)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip(" \t\r\ufeff")
    ]
    columns = dict.fromkeys(name for record in records for name in record.values)
    return Table(list(columns), records)


def _json_record(number: int, line: str) -> Record:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Record(number, problem="The line is not JSON.")
    if not isinstance(row, dict):
        return Record(number, problem="The line is not an object with names and values.")
    return Record(number, {as_typed(name): value for name, value in row.items()})


# --- Matching -----------------------------------------------------------------------------------------------------------


def _refuse_bad_map(given: Mapping[str, object], columns: Sequence[str], asked: Mapping[str, Any]) -> None:
    problems = []
    seen: set[object] = set()
    for column, target in given.items():
        if column not in columns:
            problems.append(f"The file has no column “{as_typed(str(column))[:80]}”.")
        if target is None:
            continue
        account = str(target).removeprefix("account.")
        known = target in asked or account in ACCOUNT_FIELDS
        if not isinstance(target, str) or not known:
            problems.append(
                f"“{as_typed(str(target))[:80]}” is neither a question of the form nor an account field."
            )
        elif target in seen:
            problems.append(f"“{target}” is given by two columns.")
        seen.add(str(target))
    if problems:
        raise BadMap(problems)


def _put(found: Columns, column: str, target: object, asked: Mapping[str, Any]) -> None:
    if target is None:
        return
    name = str(target)
    if name in asked:
        found.questions[name] = column
    else:
        found.account[name.removeprefix("account.")] = column


def _names_of_questions(asked: Mapping[str, Any]) -> dict[str, list[str]]:
    """Folded name -> question keys, keys before labels before usual names."""
    names: dict[str, list[str]] = {}

    def add(name: str, key: str) -> None:
        keys = names.setdefault(_folded(name), [])
        if key not in keys:
            keys.append(key)

    for key in asked:
        add(key, key)
    for key, question in asked.items():
        add(str(question["label"]), key)
    for key, question in asked.items():
        maps_to = str(question.get("maps_to", ""))
        for name in sorted({maps_to, *_MAPPED_NAMES.get(maps_to, ())} - {""}):
            add(name, key)
    return names


def _account_field(column: str) -> str | None:
    folded = _folded(column).removeprefix("account.")
    return next((name for name, names in _ACCOUNT_NAMES.items() if folded in names), None)


def _folded(name: str) -> str:
    """Case, blanks, and the stars and colons that form services put behind a label do not matter."""
    return re.sub(r"[\s*:?]+$", "", " ".join(name.split()).casefold())
