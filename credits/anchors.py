"""Copies of the chain heads outside the database: what whoever owns the database cannot rewrite with it.

ANCHOR_STORE in the settings names a class with the two methods of AnchorStore; the one that ships appends to a file.
Keep what it writes where nobody who administers the database can change it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from credits.models import LedgerCheck


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one chain. hash: hexadecimal."""

    chain: int
    sequence: int
    hash: str


class AnchorStore(Protocol):
    """A place for lines of text that are added and never changed. Made without arguments."""

    def append(self, line: str) -> None:
        """Keep one more line."""
        ...

    def lines(self) -> Iterator[str]:
        """All lines, the oldest first. Raises FileNotFoundError when nothing was ever kept."""
        ...

    def __str__(self) -> str:
        """Where the lines are, for people."""
        ...


class FileAnchors:
    """Lines in a file; without a path in LOCAL_DIR/anchors/, named after the database and its number, so that a scratch
    database never answers for another one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _usual_path()

    def append(self, line: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def lines(self) -> Iterator[str]:
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\n")

    def __str__(self) -> str:
        return str(self.path)


def store() -> AnchorStore:
    """The store that the settings name."""
    made: AnchorStore = import_string(settings.ANCHOR_STORE)()
    return made


def chain_heads() -> list[Head]:
    """The end of every chain that has a block."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT chain, sequence, encode(hash, 'hex') FROM ledger_chain_head WHERE sequence > 0 ORDER BY chain"
        )
        return [Head(*row) for row in cursor.fetchall()]


def digest(heads: Iterable[Head]) -> str:
    """One hexadecimal fingerprint of all heads, short enough to print or to read out."""
    text = ",".join(f"{head.chain}:{head.sequence}:{head.hash}" for head in heads)
    return hashlib.sha256(text.encode()).hexdigest()


def write(to: AnchorStore, *, at: datetime) -> str:
    """Keep a copy of all chain heads, and a fingerprint of the accounts they speak of; returns the heads' digest."""
    heads = chain_heads()
    line = {
        "at": at.isoformat(),
        "digest": digest(heads),
        "heads": [asdict(head) for head in heads],
        "accounts": _accounts(heads),
    }
    to.append(json.dumps(line))
    return str(line["digest"])


def problems(of: AnchorStore) -> list[str]:
    """A sentence for each copied head that is not in its chain any more, and for accounts that were changed since."""
    try:
        copies = list(_copies(of))
    except FileNotFoundError:
        return [f"the anchor file {Path(str(of)).name} does not exist"]
    except _Unreadable as error:
        return [str(error)]
    wanted = {(head.chain, head.sequence): head.hash for heads, _ in copies for head in heads}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT w.chain, w.sequence FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS w (chain, sequence, hash)
            LEFT JOIN ledger_block b ON b.id = w.sequence * 16 + w.chain
            WHERE encode(b.hash, 'hex') IS DISTINCT FROM w.hash ORDER BY 1, 2 LIMIT 20
            """,
            [[chain for chain, _ in wanted], [sequence for _, sequence in wanted], list(wanted.values())],
        )
        found = [
            f"the anchor names block {chain}/{sequence}, which is missing or changed"
            for chain, sequence in cursor.fetchall()
        ]
    if copies and copies[-1][1] and not found and copies[-1][1] != _accounts(copies[-1][0]):
        found.append("an account is no longer what it was when the anchor was written")
    return found


def forgotten(by: AnchorStore) -> int:
    """How many copies this database remembers to have written that are not in the store."""
    try:
        kept = {json.loads(line)["digest"] for line in by.lines()}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        kept = set()
    written = LedgerCheck.objects.exclude(anchor="").order_by().values_list("anchor", flat=True).distinct()
    return sum(mark not in kept for mark in written.iterator())


class _Unreadable(Exception):
    pass


def _copies(of: AnchorStore) -> Iterator[tuple[list[Head], str]]:
    for number, line in enumerate(of.lines(), start=1):
        try:
            copy: dict[str, Any] = json.loads(line)
            heads = [
                Head(int(head["chain"]), int(head["sequence"]), str(head["hash"])) for head in copy["heads"]
            ]
            accounts = str(copy.get("accounts", ""))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise _Unreadable(f"line {number} of the anchor file cannot be read") from None
        if digest(heads) != copy.get("digest"):
            raise _Unreadable(f"line {number} of the anchor file was changed")
        yield heads, accounts


def _accounts(heads: Iterable[Head]) -> str:
    """A fingerprint of what never changes of the accounts that the blocks up to these heads moved credit on."""
    heads = list(heads)
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, [[head.chain for head in heads], [head.sequence for head in heads]])
        return str(cursor.fetchone()[0] or "")


def _usual_path() -> Path:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname, oid FROM pg_database WHERE datname = current_database()")
        name, oid = cursor.fetchone()
    return Path(settings.LOCAL_DIR) / "anchors" / f"{name}-{oid}.jsonl"


# The heads say which blocks, the blocks which transfers, the transfers which accounts: the same set at any later time.
_ACCOUNTS = """
    WITH covered AS (
        SELECT b.* FROM ledger_block b
        JOIN unnest(%s::int[], %s::bigint[]) AS h (chain, sequence) ON h.chain = b.chain AND b.sequence <= h.sequence
    ), moved AS (
        SELECT t.source_id, t.destination_id FROM covered b JOIN ledger_transfer t
            ON b.members IS NULL AND t.id BETWEEN b.first_transfer AND b.last_transfer
        UNION ALL
        SELECT t.source_id, t.destination_id FROM covered b JOIN ledger_transfer t ON t.id = ANY (b.members)
    )
    SELECT encode(sha256(convert_to(string_agg(
        concat_ws('|', a.id, a.code, a.kind, a.program, coalesce(a.grant_id, 0), a.currency, a.may_overdraw), E'\\n' ORDER BY a.id
    ), 'UTF8')), 'hex')
    FROM ledger_account a WHERE a.id IN (SELECT source_id FROM moved UNION SELECT destination_id FROM moved)
"""
