"""Servers and settings for one rehearsal: nothing of the installation's own data is touched or read."""

import base64
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
from psycopg2 import sql

from portal.local_services import CannotProvide, Servers, die_with_parent, free_port

PROJECT = Path(__file__).resolve().parents[2]
PROVIDER_TIMEOUT_SECONDS = 1
NOT_INHERITED = ("EMAIL_HOST", "CLOCK_AT", "CRASH_AT", "SECRET_KEY_FILE", "SITE_URL", "SECURE_SSL_REDIRECT")


def run(options: dict[str, object]) -> int:
    """Rehearse in a process of its own, on servers of its own; returns its exit code."""
    with (
        _folder() as folder,
        servers(folder) as urls,
        subprocess.Popen(
            [sys.executable, "-m", "portal.rehearsal", json.dumps({**options, "folder": str(folder)})],
            cwd=PROJECT,
            env=environment(folder, urls),
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, no lock
        ) as process,
    ):
        return process.wait()


def environment(folder: Path, urls: dict[str, str]) -> dict[str, str]:
    """The variables of every process of a rehearsal."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return {
        **kept,
        **urls,
        **provider_settings(),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DEBUG": "false",
        "DEMO": "false",
        "TESTING": "true",  # lets the rehearsal move its own clock
        "LOCAL_DIR": str(folder / "local"),
        "CLOCK_OFFSET_FILE": str(folder / "clock-offset"),
        "DB_STATEMENT_TIMEOUT_SECONDS": "300",
        "DB_LOCK_TIMEOUT_SECONDS": "30",
        "DB_IDLE_TIMEOUT_SECONDS": "300",
        "PYTHONUNBUFFERED": "1",
    }


def provider_settings() -> dict[str, str]:
    """Where the provider of this rehearsal will listen, and the key that signs the calls."""
    return {
        "PROVIDER_ADAPTER": "http",
        "PROVIDER_URL": f"http://127.0.0.1:{free_port()}",
        "PROVIDER_SIGNING_KEYS": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "PROVIDER_TIMEOUT_SECONDS": str(PROVIDER_TIMEOUT_SECONDS),
    }


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """A private PostgreSQL and Redis with the durable settings; without their binaries, a database of its own on the
    configured server.
    """
    pair = Servers(folder / "servers", durable=True)
    try:
        pair.start()
    except CannotProvide as error:
        print(
            f"No private servers ({error}); using a scratch database on the configured one.", file=sys.stderr
        )
        with _scratch_database(os.environ["DATABASE_URL"]) as url:
            prefix = f"rehearsal-{secrets.token_hex(4)}"
            yield {"DATABASE_URL": url, "CELERY_KEY_PREFIX": f"{prefix}:", "CACHE_PREFIX": prefix}
        return
    try:
        yield pair.urls()
    finally:
        pair.durable = False  # so that stopping also removes the data
        pair.stop()


@contextlib.contextmanager
def _scratch_database(url: str) -> Iterator[str]:
    name = f"rehearsal_{secrets.token_hex(6)}"
    base, _, query = url.partition("?")
    scratch = f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    _on_server(url, "CREATE DATABASE {}", name)
    try:
        yield scratch
    finally:
        _on_server(url, "DROP DATABASE {} WITH (FORCE)", name)


def _on_server(url: str, statement: str, name: str) -> None:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="portal-rehearsal-"))
    folder.chmod(0o711)  # PostgreSQL runs as another account when we are root, and must get through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
