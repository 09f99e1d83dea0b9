"""Find what applications have in common, across cycles and programs: texts, organization IDs, files, mailboxes, labs.

Set-based and incremental: a batch is compared with itself and with everything that was ever sent. What is found is a link
for people to look at; nobody is rejected by a machine. Applications of one person are never linked with each other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, islice

from django.db import connection

from applications import similarity
from applications.models import Batch, Link, LinkFinding, LinkKind, TextSketch

READ_ALL_UP_TO = 4
"""Up to so many times the size of a batch, reading all sketches beats one look into the index for each band."""
MOST_IN_A_BUCKET = 40
"""A passage that more texts have in common is boilerplate: it is named, and its texts are not compared by it."""
MOST_COMPARED = 20_000  # pairs whose signatures are fetched at once, so that memory stays flat

# Bands that nobody shares are most of them; they are counted away before any list is made.
_BUCKETS_OF_ALL = """
    WITH lying AS MATERIALIZED (
        SELECT sketch.application_id, entry.application_id AS member, band
          FROM applications_textsketch sketch
          LEFT JOIN applications_batchentry entry
            ON entry.application_id = sketch.application_id AND entry.batch_id = %(batch)s
         CROSS JOIN unnest(sketch.bands) AS band
    ), shared AS MATERIALIZED (
        SELECT band FROM lying GROUP BY band HAVING count(*) > 1 AND count(member) > 0
    )
    SELECT (array_agg(application_id))[1:%(most)s], (array_agg(member))[1:%(most)s], count(*)
      FROM lying JOIN shared USING (band) GROUP BY band
"""
_BUCKETS_LOOKED_UP = """
    WITH mine AS MATERIALIZED (
        SELECT band, array_agg(sketch.application_id) AS ids
          FROM applications_batchentry entry
          JOIN applications_textsketch sketch ON sketch.application_id = entry.application_id
         CROSS JOIN unnest(sketch.bands) AS band
         WHERE entry.batch_id = %(batch)s {only}
         GROUP BY band
    )
    SELECT met.ids, mine.ids[1:%(most)s], cardinality(met.ids)
      FROM mine CROSS JOIN LATERAL (
        SELECT array_agg(application_id) AS ids FROM (
            SELECT other.application_id FROM applications_textsketch other
             WHERE other.bands @> ARRAY[mine.band] LIMIT %(most)s + 1) few
      ) met
     WHERE cardinality(met.ids) > 1
"""
# similarity.alike in SQL: a pair that has little in common, as most have, never leaves the database.
_FACTS = """
    SELECT mine.id, other.id, bins.equal::float8 / cardinality(here.signature), mine.program_id = other.program_id,
           EXISTS (SELECT FROM applications_batchentry entry WHERE entry.application_id = other.id AND entry.batch_id = %s)
      FROM unnest(%s::bigint[], %s::bigint[]) AS pair (one, other)
      JOIN applications_application mine ON mine.id = pair.one
      JOIN applications_application other ON other.id = pair.other AND other.applicant_id <> mine.applicant_id
       AND other.submitted_at IS NOT NULL AND other.state <> 'withdrawn'
      JOIN applications_textsketch here ON here.application_id = mine.id
      JOIN applications_textsketch there ON there.application_id = other.id
       AND cardinality(there.signature) = cardinality(here.signature)
     CROSS JOIN LATERAL (
        SELECT count(*) AS equal FROM unnest(here.signature, there.signature) AS bin (x, y) WHERE x = y
     ) bins
     WHERE bins.equal >= %s * cardinality(here.signature)
"""

# Everybody who has a value is linked with the first who had it: as many links as applications, whatever their number.
_SHARED = """
    WITH mine AS MATERIALIZED (
        SELECT DISTINCT {value} AS value FROM applications_batchentry entry {join} WHERE entry.batch_id = %(batch)s
           {only} AND {given}
    ), has AS MATERIALIZED (
        SELECT DISTINCT {value} AS value, sent.id, sent.applicant_id
          FROM mine {lookup}
         WHERE sent.submitted_at IS NOT NULL AND sent.state <> 'withdrawn' AND {given}
    ), first AS (
        SELECT DISTINCT ON (value) value, id, applicant_id FROM has ORDER BY value, id
    )
    INSERT INTO applications_link (one_id, other_id, kind, found_at)
    SELECT first.id, has.id, %(kind)s, %(at)s
      FROM first JOIN has USING (value)
     WHERE has.id > first.id AND has.applicant_id <> first.applicant_id
    ON CONFLICT (one_id, other_id, kind) DO NOTHING
"""


@dataclass(frozen=True)
class Alike:
    """Two texts: `one` in the batch, share of equal bins from 0 to 1."""

    one: int
    other: int
    share: float
    same_program: bool


def in_batch(batch: Batch, *, at: datetime, application_id: int | None = None) -> list[Alike]:
    """Pairs of texts that read alike, the first of each in the batch; keeps their links. Both sides inside give two pairs.

    application_id: only what this one has in common with others. Passages in too many texts are kept as findings.
    """
    alike, crowded = [], Counter[int]()
    for ones, others in _candidates(batch, application_id, crowded):
        with connection.cursor() as cursor:
            cursor.execute(_FACTS, [batch.pk, ones, others, similarity.KIN])
            for one, other, share, same_program, both in cursor:
                alike.append(Alike(one, other, share, same_program))
                if both and application_id is None:
                    alike.append(Alike(other, one, share, same_program))
    shares = {(min(pair.one, pair.other), max(pair.one, pair.other)): pair.share for pair in alike}
    Link.objects.bulk_create(
        [
            Link(
                one_id=one, other_id=other, kind=LinkKind.TEXT, share_percent=round(100 * share), found_at=at
            )
            for (one, other), share in sorted(shares.items())
        ],
        ignore_conflicts=True,
        batch_size=5_000,
    )
    if crowded and application_id is None:
        _name(batch, crowded, at=at)
    return alike


def link_shared(batch: Batch, *, at: datetime, application_id: int | None = None) -> int:
    """Link what shares an organization ID, a mailbox, a file, a telephone number or a lab. One statement for each."""
    made = 0
    only = "AND entry.application_id = %(only)s" if application_id is not None else ""
    for kind, parts in _parts().items():
        with connection.cursor() as cursor:
            cursor.execute(
                _SHARED.format(only=only, **parts),
                {"batch": batch.pk, "kind": kind.value, "at": at, "only": application_id},
            )
            made += cursor.rowcount
    return made


def _parts() -> dict[LinkKind, dict[str, str]]:
    sent = "JOIN applications_application sent ON sent.id = entry.application_id"

    def column(name: str) -> dict[str, str]:
        return {
            "value": f"sent.{name}",
            "join": sent,
            "lookup": f"JOIN applications_application sent ON sent.{name} = mine.value",
            "given": f"sent.{name} <> ''",
        }

    def tie(kind: str) -> dict[str, str]:
        join = (
            f"JOIN applications_tie tie ON tie.application_id = entry.application_id AND tie.kind = '{kind}'"
        )
        lookup = (
            f"JOIN applications_tie tie ON tie.mark = mine.value AND tie.kind = '{kind}'"
            " JOIN applications_application sent ON sent.id = tie.application_id"
        )
        return {"value": "tie.mark", "join": join, "lookup": lookup, "given": "true"}

    file = "file.sha256"
    return {
        LinkKind.ORGANIZATION_ID: column("organization_id_text"),
        LinkKind.MAILBOX: column("email_key"),
        LinkKind.FILE: {
            "value": file,
            "join": "JOIN applications_attachment file ON file.application_id = entry.application_id",
            "lookup": "JOIN applications_attachment file ON file.sha256 = mine.value"
            " JOIN applications_application sent ON sent.id = file.application_id",
            "given": "file.state <> 'refused'",
        },
        LinkKind.PHONE: tie("phone"),
        LinkKind.LAB: tie("lab"),
    }


def _candidates(
    batch: Batch, application_id: int | None, crowded: Counter[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """Pairs that share a band, each once, its first in the batch, some at a time; `crowded` counts what is left out."""
    seen: set[tuple[int, int]] = set()
    pairs = (
        pair for pair in _pairs(_buckets(batch, application_id), application_id, crowded) if pair not in seen
    )
    while some := list(islice(pairs, MOST_COMPARED)):
        fresh = sorted(set(some) - seen)
        seen.update(fresh)
        yield [one for one, _ in fresh], [other for _, other in fresh]


def _pairs(
    buckets: Iterable[tuple[list[int], list[int | None], int]], only: int | None, crowded: Counter[int]
) -> Iterator[tuple[int, int]]:
    for ids, members, number in buckets:
        if number > MOST_IN_A_BUCKET:
            crowded[ids[0]] = max(crowded[ids[0]], number)
            continue
        mine = {only} if only is not None else {pk for pk in members if pk is not None}
        for one, other in combinations(sorted(ids), 2):
            if one in mine:
                yield one, other
            elif other in mine:
                yield other, one


def _buckets(batch: Batch, application_id: int | None) -> Sequence[tuple[list[int], list[int | None], int]]:
    """Bands with the applications that share them: (ids, those of them in the batch, how many).

    A batch that is a good part of all sketches is grouped together with all of them; a small one asks the index for
    each of its bands, which costs the same however many old sketches there are.
    """
    all_of_them = (
        application_id is None and TextSketch.objects.count() <= READ_ALL_UP_TO * batch.applications_count
    )
    only = "AND entry.application_id = %(only)s" if application_id is not None else ""
    statement = _BUCKETS_OF_ALL if all_of_them else _BUCKETS_LOOKED_UP.format(only=only)
    with connection.cursor() as cursor:
        # The planner knows nothing yet of a batch that was formed a moment ago, so it is told which way to go.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET LOCAL enable_nestloop = off" if all_of_them else "SET LOCAL enable_seqscan = off")
        cursor.execute(statement, {"batch": batch.pk, "most": MOST_IN_A_BUCKET + 1, "only": application_id})
        found = cursor.fetchall()
        for name in ("work_mem", "enable_nestloop", "enable_seqscan"):
            cursor.execute(f"SET LOCAL {name} TO DEFAULT")
    return found


def _name(batch: Batch, crowded: Counter[int], *, at: datetime) -> None:
    """Keep the passages that were left out: the widest for each text they were met in first, a few of them."""
    LinkFinding.objects.bulk_create(
        LinkFinding(batch=batch, kind=LinkKind.TEXT, number=number, example_id=pk, found_at=at)
        for pk, number in crowded.most_common(10)
    )
