"""Private, durable servers for the bench and one database for each part, copied from an empty one that is migrated."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from portal.local_services import Servers

PROJECT = Path(__file__).resolve().parent.parent
EMPTY = "bench_empty"
"""Names begin with bench_, because the ledger allows TRUNCATE in such databases alone (credits/migrations)."""

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "bench.settings",
    "SECRET_KEY": "only-for-the-bench-" + "0" * 40,
    "DEBUG": "false",
    "DEMO": "false",
    "TESTING": "false",
    "ALLOWED_HOSTS": "127.0.0.1,testserver",
    "DB_STATEMENT_TIMEOUT_SECONDS": "180",
    "DB_LOCK_TIMEOUT_SECONDS": "60",
    "DB_IDLE_TIMEOUT_SECONDS": "600",
    "LOG_LEVEL": "WARNING",
}
NOT_INHERITED = ("PROVIDER_ADAPTER", "PROVIDER_URL", "EMAIL_HOST", "SITE_URL", "CLOCK_AT", "CACHE_PREFIX")


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Start PostgreSQL (fsync on) and Redis, prepare the empty database; gives the environment of the parts."""
    with Servers(folder, durable=True) as servers:
        # The parts vacuum between rounds; a worker that does it within a round would be a matter of luck.
        _run(servers.database_url, "ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()")
        yield prepared({**os.environ, **servers.urls(), "LOCAL_DIR": str(folder / "local")})


def prepared(environment: dict[str, str], *, empty: str = EMPTY) -> dict[str, str]:
    """Migrate an empty database on a running server and load the programs; returns the environment of the parts.

    empty: its name. Two runs on one server at the same time need two.
    """
    environment = {
        name: value for name, value in environment.items() if name not in NOT_INHERITED
    } | ENVIRONMENT
    environment["DATABASE_URL"] = create(empty, environment["DATABASE_URL"])
    for arguments in (["migrate", "--verbosity", "0"], ["load_presets"]):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            check=True,
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
    return environment


def url_of(name: str, beside: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(beside)._replace(path=f"/{name}").geturl()


def create(name: str, beside: str, *, template: str = "template0") -> str:
    """Make a database anew, as a copy of another one; returns its address."""
    if not re.fullmatch(r"bench_[a-z0-9_]+", name):
        raise ValueError(f"{name} is no name for a database of the bench")
    drop(name, beside)
    _run(url_of("postgres", beside), f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return url_of(name, beside)


def drop(name: str, beside: str) -> None:
    _run(url_of("postgres", beside), f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _run(url: str, *statements: str) -> None:
    """Statements that no transaction may hold."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
