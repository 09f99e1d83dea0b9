"""Institutions: find them while somebody types, settle what was typed, and take in lists of them."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django_countries import countries

from applications.institution_files import Row
from applications.institution_words import (
    SHORTEST_FUZZY,
    distance,
    fold,
    in_latin,
    lookup_keys,
    searchable,
    typo_keys,
    words,
)
from applications.models import Institution, InstitutionWord
from programs import fields

SHOWN = 8
FEW = 3  # with fewer exact finds than this, typing errors are looked for as well
MOST_TYPED_WORDS = 8
LONGEST_QUERY = 120
MOST_SIMILAR = 12
CHUNK = 5_000


# --- Finding ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """One institution of the list under the line. `also`: another name of it that fits what was typed better."""

    name: str
    ror_id: str | None
    country: str
    country_name: str
    also: str = ""


def search(text: str, *, limit: int = SHOWN) -> list[Found]:
    """The institutions whose words begin like the typed ones, the best first; at most `limit`.

    Knows other names, domains, acronyms, Cyrillic and Greek in Latin letters. Where little is found, words that are one
    or two typing errors away count too. One to three queries, each on an index. Two letters are the least.
    """
    typed = words(text[:LONGEST_QUERY])[:MOST_TYPED_WORDS]
    if sum(map(len, typed)) < 2:
        return []
    folded = fold(text[:LONGEST_QUERY])
    choices = [sorted({word, in_latin(word)}) for word in typed]
    found = _matching([[f"{_quoted(word)}:*" for word in words] for words in choices], typed, folded, limit)
    if len(found) < FEW:
        similar = _similar([word for word in typed if len(word) >= 4])
        if similar:
            wider = [
                [f"{_quoted(word)}:*" for word in words]
                + [_quoted(other) for other in similar.get(words[0], ())]
                for words in choices
            ]
            known = {row.pk for row in found}
            found += [row for row in _matching(wider, typed, folded, limit) if row.pk not in known]
    return [_found(row, typed) for row in found[:limit]]


_MATCHING = """
    SELECT id, name, ror_id, country, aliases
    FROM applications_institution
    WHERE array_to_tsvector(words) @@ %s::tsquery
    ORDER BY
        8 * (words @> %s::varchar[])::int + 2 * rank + (folded_name LIKE %s)::int DESC,
        length(folded_name), id
    LIMIT %s
"""


def _matching(
    alternatives: Sequence[Sequence[str]], typed: Sequence[str], folded: str, limit: int
) -> list[Institution]:
    """Institutions that have each word in one of its spellings.

    First those with whole words, then places of learning and funders, then names that begin like what was typed, short ones first.
    """
    query = " & ".join(f"({' | '.join(spellings)})" for spellings in alternatives)
    whole = [word for word in typed if len(word) > 1]
    start = f"{folded}%" if len(typed) > 1 else ""
    return list(Institution.objects.raw(_MATCHING, [query, whole, start, limit]))


def _quoted(word: str) -> str:
    """A word of letters and digits as a lexeme of a text-search query."""
    return "'" + word.replace("\\", "").replace("'", "") + "'"


def _similar(typed: Sequence[str]) -> dict[str, list[str]]:
    """For each typed word the known words that are one typing error away, or two from seven letters on."""
    keys = {word: lookup_keys(word) for word in typed}
    wanted = sorted({key for found in keys.values() for key in found})
    if not wanted:
        return {}
    candidates = list(InstitutionWord.objects.filter(keys__overlap=wanted).values_list("word", "keys"))
    similar: dict[str, list[str]] = {}
    for word in typed:
        shared = set(keys[word])
        allowed = 2 if len(word) >= 7 else 1
        near = [
            (errors, abs(len(other) - len(word)), other)
            for other, other_keys in candidates
            if shared.intersection(other_keys) and (errors := distance(word, other)) <= allowed
        ]
        similar[word] = [other for _, _, other in sorted(near)[:MOST_SIMILAR]]
    return similar


def _found(row: Institution, typed: Sequence[str]) -> Found:
    return Found(
        name=row.name,
        ror_id=row.ror_id,
        country=row.country,
        country_name=country_name(row.country),
        also=_other_name(row, typed),
    )


def _other_name(row: Institution, typed: Sequence[str]) -> str:
    """The alias that explains why a row is in the list, when its name alone does not."""

    def hits(name: str) -> int:
        have = words(name)
        return sum(any(word.startswith(part) for word in have) for part in typed)

    best = max(row.aliases, key=hits, default="")
    return best if best and hits(best) > hits(row.name) else ""


def country_name(code: str) -> str:
    """The name of a country; Kosovo has no code of the standard, only one that everybody uses."""
    return "Kosovo" if code == "XK" else str(countries.name(code) or "")


# --- Settling what was typed ------------------------------------------------------------------------------------------------


def settled(sections: fields.Sections, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Answers with their institutions held against the table: at most one query, none without such an answer.

    An id stays only with a name of its institution. A name that exactly one institution has gets its id, so that people
    who typed it without the list are found alike. Names of nobody stay as they are.
    """
    kinds = {question["key"]: question["type"] for question in fields.questions(sections)}
    given = {
        key: answer
        for key, answer in changes.items()
        if kinds.get(key) == "organization" and isinstance(answer, Mapping) and answer.get("name")
    }
    if not given:
        return dict(changes)
    return {**changes, **_settle(given)}


def _settle(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    ids = [answer["ror_id"] for answer in given.values() if answer.get("ror_id")]
    names = [fold(str(answer["name"])) for answer in given.values()]
    rows = list(Institution.objects.filter(Q(ror_id__in=ids) | Q(folded_name__in=names)))
    result = {}
    for key, answer in given.items():
        typed = fold(str(answer["name"]))
        chosen = [row for row in rows if row.ror_id and row.ror_id == answer.get("ror_id")]
        same = [row for row in rows if row.folded_name == typed and row.ror_id]
        fits = [row for row in chosen if typed in {fold(name) for name in (row.name, *row.aliases)}]
        row = fits[0] if fits else same[0] if len(same) == 1 else None
        result[key] = {
            "name": answer["name"],
            "ror_id": row.ror_id if row else None,
            "country": (row.country or None) if row else None,
        }
    return result


# --- Taking in a list -------------------------------------------------------------------------------------------------------


@dataclass
class Imported:
    """What a list changed. problems: (row number, what is wrong) of rows that were left out."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def take_in(rows: Iterable[Row], *, only_new: bool = False) -> Imported:
    """Add and change institutions so that they are as the rows say, chunk by chunk; safe to run again.

    only_new leaves what is there alone. Rows with a problem are reported and left out. Of two rows for one institution the last counts. Nothing is removed
    but what a row says is gone.
    """
    report = Imported()
    chunk: dict[str, Row] = {}
    for row in rows:
        if row.problem:
            report.problems.append((row.number, row.problem))
            continue
        chunk[row.identity] = row
        if len(chunk) >= CHUNK:
            _take_in_chunk(chunk, report, only_new)
            chunk = {}
    if chunk:
        _take_in_chunk(chunk, report, only_new)
    return report


_STAGE = """
    CREATE TEMPORARY TABLE staged (
        identity varchar, ror_id varchar, name varchar, country varchar, aliases varchar[], domains varchar[],
        kind varchar, rank smallint, folded_name varchar, words varchar[]
    ) ON COMMIT DROP
"""
_MERGE = """
    INSERT INTO applications_institution AS there
        (identity, ror_id, name, country, aliases, domains, kind, rank, folded_name, words)
    SELECT identity, ror_id, name, country, aliases, domains, kind, rank, folded_name, words FROM staged
    ON CONFLICT (identity) DO UPDATE SET
        ror_id = excluded.ror_id, name = excluded.name, country = excluded.country, aliases = excluded.aliases,
        domains = excluded.domains, kind = excluded.kind, rank = excluded.rank,
        folded_name = excluded.folded_name, words = excluded.words
    WHERE NOT %s AND (there.name, there.country, there.aliases, there.domains, there.kind, there.rank, there.folded_name, there.words)
        IS DISTINCT FROM (excluded.name, excluded.country, excluded.aliases, excluded.domains, excluded.kind,
            excluded.rank, excluded.folded_name, excluded.words)
    RETURNING xmax = 0
"""  # xmax is 0 in a row that nobody has changed: one that was added just now
_NEW_WORDS = """
    SELECT DISTINCT word FROM staged, unnest(words) AS word
    WHERE length(word) >= %s AND NOT EXISTS (SELECT FROM applications_institutionword AS w WHERE w.word = word.word)
"""


@transaction.atomic
def _take_in_chunk(chunk: Mapping[str, Row], report: Imported, only_new: bool) -> None:
    gone = [identity for identity, row in chunk.items() if row.gone]
    report.removed += Institution.objects.filter(identity__in=gone).delete()[0] if gone else 0
    wanted = [(identity, row) for identity, row in chunk.items() if not row.gone]
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        _copy(cursor, "staged", (_columns(identity, row) for identity, row in wanted))
        cursor.execute(_MERGE, [only_new])
        is_new = [row[0] for row in cursor.fetchall()]
        report.added += sum(is_new)
        report.changed += len(is_new) - sum(is_new)
        report.unchanged += len(wanted) - len(is_new)
        if is_new:
            cursor.execute(_NEW_WORDS, [SHORTEST_FUZZY])
            _add_words(cursor, sorted(word for (word,) in cursor.fetchall()))
        cursor.execute("DROP TABLE staged")


def _columns(identity: str, row: Row) -> tuple[str | None, ...]:
    return (
        identity,
        row.ror_id,
        row.name,
        row.country,
        _array(row.aliases),
        _array(row.domains),
        row.kind,
        str(row.rank),
        fold(row.name)[:300],
        _array(searchable((row.name, *row.aliases), row.domains)),
    )


def _add_words(cursor: Any, new: Sequence[str]) -> None:
    """Make new words findable. One that no institution has any more does no harm: it leads nowhere."""
    cursor.execute("CREATE TEMPORARY TABLE staged_words (word varchar, keys varchar[]) ON COMMIT DROP")
    _copy(cursor, "staged_words", ((word, _array(typo_keys(word))) for word in new))
    cursor.execute(
        "INSERT INTO applications_institutionword (word, keys) SELECT word, keys FROM staged_words "
        "ON CONFLICT (word) DO NOTHING"
    )
    cursor.execute("DROP TABLE staged_words")


def _copy(cursor: Any, table: str, lines: Iterable[Sequence[str | None]]) -> None:
    """Send rows with COPY, several times as fast as INSERT."""
    text = "".join(
        "\t".join(r"\N" if cell is None else _escaped(cell) for cell in line) + "\n" for line in lines
    )
    cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(text))


def _array(entries: Iterable[str]) -> str:
    """The text form of an array of texts."""
    quoted = (entry.replace("\\", "\\\\").replace('"', '\\"') for entry in entries)
    return "{" + ",".join(f'"{entry}"' for entry in quoted) + "}"


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def refresh_statistics() -> None:
    """Tell the planner about a list that was just taken in."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE applications_institution, applications_institutionword")
