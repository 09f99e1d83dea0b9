"""Twelve posters on a database that is killed, cut off and stopped under them; then SQL of this file's own looks at it."""

import multiprocessing
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.db import connection, connections

from portal.local_services import Servers
from tests.credits import torture
from tests.factories.credits import funded_pool, organization, person
from tests.sizes import sized

POSTERS = 12
SECONDS = sized(make_test=60, nightly=600)

FINDINGS = {
    "entries do not add up to zero": "SELECT sum(amount_cents) FROM ledger_entry HAVING sum(amount_cents) <> 0",
    "a transfer without its two entries": """
        SELECT t.id FROM ledger_transfer t LEFT JOIN ledger_entry e ON e.transfer_id = t.id
        GROUP BY t.id
        HAVING count(e.account_id) <> 2
            OR count(*) FILTER (WHERE e.account_id = t.source_id AND e.amount_cents = -t.amount_cents) <> 1
            OR count(*) FILTER (WHERE e.account_id = t.destination_id AND e.amount_cents = t.amount_cents) <> 1
    """,
    "a balance that is not its history": """
        SELECT a.code FROM ledger_account a LEFT JOIN ledger_entry e ON e.account_id = a.id
        GROUP BY a.id HAVING a.balance_cents <> coalesce(sum(e.amount_cents), 0) OR a.version <> count(e.version)
    """,
    "a gap between versions, or a balance that does not follow": """
        SELECT e.account_id, e.version FROM ledger_entry e LEFT JOIN ledger_entry before
            ON before.account_id = e.account_id AND before.version = e.version - 1
        WHERE e.version < 1 OR (e.version > 1 AND before.version IS NULL)
            OR e.balance_after_cents <> coalesce(before.balance_after_cents, 0) + e.amount_cents
    """,
    "less than nothing": "SELECT code FROM ledger_account WHERE balance_cents < 0 AND kind <> 'source'",
    "two endings of one hold": """
        SELECT s.grant_id FROM ledger_transfer t JOIN ledger_account s ON s.id = t.source_id
        WHERE t.kind IN ('post', 'void') GROUP BY s.grant_id HAVING count(*) > 1
    """,
    "two corrections of one transfer": """
        SELECT reverses_id FROM ledger_transfer WHERE kind = 'reverse' GROUP BY reverses_id HAVING count(*) > 1
    """,
    "a fact told twice": "SELECT key FROM ledger_transfer GROUP BY key HAVING count(*) > 1",
    "a grant that is not where its credit is": """
        SELECT g.id, g.stage FROM credits_grant g
        LEFT JOIN ledger_account r ON r.code = 'reserved:' || g.id
        LEFT JOIN ledger_account t ON t.code = 'in_transit:' || g.id
        WHERE (g.stage = 'reserved') <> (coalesce(r.balance_cents, 0) = g.amount_cents)
            OR (g.stage = 'sent') <> (coalesce(t.balance_cents, 0) = g.amount_cents)
    """,
}


@pytest.fixture
def private_server(tmp_path: Path, transactional_db: None) -> Iterator[Servers]:
    """A durable PostgreSQL of this test's own, with the tables of the test database."""
    with Servers(tmp_path / "servers", durable=True) as servers:
        tools = Path(servers.programs["postgres"]).parent
        settings = connection.settings_dict
        here = f"postgresql://{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}"
        tables = subprocess.run(
            [tools / "pg_dump", "--schema-only", "--no-owner", f"{here}/{settings['NAME']}"],
            check=True,
            capture_output=True,
        ).stdout
        subprocess.run(
            [tools / "psql", "-q", "-v", "ON_ERROR_STOP=1", servers.database_url],
            check=True,
            input=tables,
            stdout=subprocess.DEVNULL,
        )
        yield servers


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_whatever_happens_the_ledger_is_right(private_server: Servers, tmp_path: Path) -> None:
    url = _address(private_server)
    organizations, people = _in_a_fork(_seed, url)
    chaos = Chaos(private_server, url, tmp_path, organizations, people)

    chaos.rage(SECONDS)

    with closing(psycopg2.connect(private_server.database_url)) as database:
        found = {words: _rows(database, query) for words, query in FINDINGS.items()}
        stored = {row[0] for row in _rows(database, "SELECT key FROM ledger_transfer")}
    assert [words for words, rows in found.items() if rows] == []
    acknowledged = _lines(tmp_path, "acknowledged")
    assert [key for key in acknowledged if key not in stored] == []
    assert _lines(tmp_path, "problems") == []
    assert "deadlock detected" not in (private_server.directory / "postgres.log").read_text(errors="replace")
    # What happened must have been enough to find something.
    assert len(acknowledged) > 5 * SECONDS
    assert chaos.killed > SECONDS / 4
    assert chaos.cut > SECONDS / 4
    assert chaos.stopped >= 3


class Chaos:
    """Twelve posters, and everything that is done to them."""

    def __init__(
        self, servers: Servers, url: dict[str, Any], folder: Path, organizations: list[int], people: list[int]
    ) -> None:
        self.servers, self.url, self.folder = servers, url, folder
        self.organizations, self.people = organizations, people
        self.random = random.Random(1)
        self.seed = self.killed = self.cut = self.stopped = 0

    def rage(self, seconds: float) -> None:
        """Kill a poster twice a second, cut a connection twice a second, stop the database every 15 seconds."""
        begun = time.monotonic()
        self.until = begun + seconds
        posters = [self._poster() for _ in range(POSTERS)]
        next_stop = begun + seconds / 5
        while time.monotonic() < self.until:
            time.sleep(0.25)
            if time.monotonic() > next_stop:
                next_stop += max(seconds / 5, 12)
                self.servers.restart_postgres_at_once()
                self.stopped += 1
            victim = self.random.randrange(POSTERS)
            posters[victim].kill()
            posters[victim].join()
            self.killed += 1
            posters[victim] = self._poster()
            self._cut_a_connection()
        for poster in posters:
            poster.join(60)
            assert poster.exitcode == 0

    def _poster(self) -> Any:
        self.seed += 1
        connections.close_all()  # a socket shared with a child that closes it would be closed here too
        process = multiprocessing.get_context("fork").Process(
            target=_post, args=(self.seed, self.url, self.folder, self.organizations, self.people, self.until)
        )
        process.start()
        return process

    def _cut_a_connection(self) -> None:
        with closing(psycopg2.connect(self.servers.database_url)) as database:
            database.autocommit = True
            self.cut += len(
                _rows(
                    database,
                    "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = 'portal'"
                    " AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) one",
                )
            )


def _post(
    seed: int, url: dict[str, Any], folder: Path, organizations: list[int], people: list[int], until: float
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torture.point_at(url)
    torture.Poster(seed, folder, organizations, people).run(until=until)


def _seed() -> tuple[list[int], list[int]]:
    people = [person().pk for _ in range(6)]
    organizations = [organization().pk for _ in range(20)]
    for period in torture.PERIODS:
        funded_pool(50_000_00, period=period)
    return organizations, people


def _in_a_fork(work: Any, url: dict[str, Any]) -> Any:
    """Run work on the other server without moving this process there."""
    answer, inside = multiprocessing.get_context("fork").Pipe(duplex=False)

    def run() -> None:
        torture.point_at(url)
        inside.send(work())

    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    assert answer.poll(60), "no answer from the fork"
    result = answer.recv()
    process.join()
    return result


def _address(servers: Servers) -> dict[str, Any]:
    url = urlsplit(servers.database_url)
    return {
        "HOST": url.hostname,
        "PORT": url.port,
        "NAME": url.path[1:],
        "USER": url.username,
        "PASSWORD": url.password,
    }


def _rows(database: Any, query: str) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _lines(folder: Path, name: str) -> list[str]:
    """Every line of the files of this name; a last line that a kill cut short was not acknowledged."""
    texts = [path.read_text() for path in folder.glob(f"{name}-*")]
    return [line for text in texts for line in text[: text.rfind("\n") + 1].splitlines()]
