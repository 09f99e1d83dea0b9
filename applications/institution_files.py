"""Pure: read a list of institutions, as a ROR dump (JSON, schema 1 or 2, plain or zipped) or as CSV.

Nothing here raises on the content of a row: a row that cannot be read carries the reason, and the others go on.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from applications.institution_words import fold
from portal.refusals import Refused
from programs import ror, values
from programs.texts import UnstorableText, clean_text

LONGEST_NAME = 300
MOST_ALIASES = 40
MOST_DOMAINS = 20
LARGEST_FILE = 2_000_000_000  # bytes, unzipped
NEEDED_COLUMNS = ("name", "country_iso2")


class BadList(Refused):
    """The file as a whole cannot be read."""


@dataclass(frozen=True)
class Row:
    """One institution of a list. `gone`: the source says that it exists no more. With a problem the rest is empty."""

    number: int
    name: str = ""
    country: str = ""
    ror_id: str | None = None
    aliases: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    kind: str = ""
    rank: int = 0
    gone: bool = False
    problem: str = ""

    @property
    def identity(self) -> str:
        """What makes it the same institution in the next list: its ROR id, else country and name."""
        if self.ror_id:
            return f"ror:{self.ror_id}"
        content = f"{self.country}|{fold(self.name)}".encode()
        return f"name:{hashlib.sha256(content).hexdigest()[:40]}"


def read(data: bytes, *, name: str) -> list[Mapping[str, Any]]:
    """The raw rows of a file, CSV or JSON by its content; a zip holds one JSON or CSV file. Raises BadList."""
    if data[:4] == b"PK\x03\x04":
        name, data = _unzipped(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadList(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    if text.lstrip()[:1] in ("[", "{"):
        return _json_rows(text, name)
    return _csv_rows(text, name)


def _unzipped(data: bytes) -> tuple[str, bytes]:
    """The newest schema's JSON of a dump, which holds several files."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [entry for entry in archive.infolist() if entry.filename.endswith((".json", ".csv"))]
            inside.sort(key=lambda entry: (entry.filename.endswith(".json"), "v2" in entry.filename))
            if not inside:
                raise BadList("The zip file holds no JSON or CSV file.")
            if inside[-1].file_size > LARGEST_FILE:
                raise BadList("The file in the zip is too large.")
            return inside[-1].filename, archive.read(inside[-1])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadList(f"The zip file cannot be opened: {error}.") from None


def _json_rows(text: str, name: str) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadList(f"{name} is no JSON: {error}.") from None
    return found if isinstance(found, list) else [found]


def _csv_rows(text: str, name: str) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        missing = [column for column in NEEDED_COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise BadList(f"{name} has no column {' and no column '.join(missing)}.")
        return list(reader)
    except csv.Error as error:
        raise BadList(f"{name}, line {reader.line_num}: {error}.") from None


def rows(raw: Iterable[object]) -> Iterator[Row]:
    """Each raw row as an institution, or with its problem. Numbers count from 1, without a header."""
    for number, entry in enumerate(raw, 1):
        try:
            yield _row(number, entry)
        except (_BadRow, UnstorableText, ror.WrongRorId) as error:
            yield Row(number, problem=str(error))
        except (TypeError, AttributeError, KeyError, IndexError, ValueError):
            yield Row(number, problem="The record is not built as its format says.")


class _BadRow(Refused):
    """One row is left out for this reason."""


def _row(number: int, entry: object) -> Row:
    if not isinstance(entry, Mapping):
        raise _BadRow("This is no record.")
    if "names" in entry:
        return _from_schema_2(number, entry)
    if "id" in entry and "country_iso2" not in entry:
        return _from_schema_1(number, entry)
    return _from_csv(number, entry)


def _from_csv(number: int, entry: Mapping[Any, Any]) -> Row:
    if None in entry or None in entry.values():
        raise _BadRow("The row has more or fewer cells than the header.")
    return _made(
        number,
        name=entry["name"],
        country=entry["country_iso2"],
        ror_id=entry.get("ror_id", ""),
        aliases=_split(entry.get("aliases", "")),
        domains=_split(entry.get("domains", "")),
        kinds=_split(entry.get("types", "")),
    )


def _split(cell: str) -> list[str]:
    return [part for part in cell.split(";") if part.strip()]


def _from_schema_1(number: int, entry: Mapping[str, Any]) -> Row:
    labels = [label["label"] for label in entry.get("labels") or ()]
    return _made(
        number,
        name=entry["name"],
        country=(entry.get("country") or {}).get("country_code", ""),
        ror_id=entry["id"],
        aliases=[*(entry.get("acronyms") or ()), *(entry.get("aliases") or ()), *labels],
        domains=entry.get("domains") or (),
        kinds=entry.get("types") or (),
        gone=entry.get("status") == "withdrawn",
    )


def _from_schema_2(number: int, entry: Mapping[str, Any]) -> Row:
    names = entry["names"]
    shown = [name["value"] for name in names if "ror_display" in (name.get("types") or ())]
    places = entry.get("locations") or ()
    return _made(
        number,
        name=(shown or [name["value"] for name in names])[0],
        country=(places[0].get("geonames_details") or {}).get("country_code", "") if places else "",
        ror_id=entry["id"],
        aliases=[name["value"] for name in names],
        domains=entry.get("domains") or (),
        kinds=entry.get("types") or (),
        gone=entry.get("status") == "withdrawn",
    )


def _made(
    number: int,
    *,
    name: str,
    country: str,
    ror_id: str,
    aliases: Iterable[str],
    domains: Iterable[str],
    kinds: Iterable[str],
    gone: bool = False,
) -> Row:
    shown = clean_text(_is_text(name), one_line=True)
    if not shown or not fold(shown):
        raise _BadRow("The row has no name.")
    if len(shown) > LONGEST_NAME:
        raise _BadRow(f"The name has more than {LONGEST_NAME} characters.")
    code = _is_text(country or "").strip().upper()
    if code and not values.is_country(code):
        raise _BadRow(f"“{code[:20]}” is no country code.")
    types = [clean_text(_is_text(kind), one_line=True).lower() for kind in kinds]
    others = (clean_text(_is_text(alias), one_line=True)[:LONGEST_NAME] for alias in aliases)
    return Row(
        number=number,
        name=shown,
        country=code,
        ror_id=ror.clean(ror_id) if _is_text(ror_id or "").strip() else None,
        aliases=tuple(dict.fromkeys(alias for alias in others if alias and alias != shown))[:MOST_ALIASES],
        domains=tuple(_domain(domain) for domain in list(domains)[:MOST_DOMAINS]),
        kind=types[0][:40] if types else "",
        rank=2 * ("education" in types) + ("funder" in types),
        gone=gone,
    )


def _is_text(value: object) -> str:
    if not isinstance(value, str):
        raise _BadRow("A name, code or domain is not a text.")
    return value


def _domain(text: object) -> str:
    domain = clean_text(_is_text(text), one_line=True).lower()
    if len(domain) > 253 or " " in domain:
        raise _BadRow(f"“{domain[:40]}” is no domain.")
    return domain
