"""Real processes on the test database: Celery workers and management commands."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import connection

from portal.local_services import die_with_parent

PROJECT = Path(__file__).resolve().parent.parent


def environment(**more: str) -> dict[str, str]:
    """The variables of this test run, with DATABASE_URL pointing at the test database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + str(connection.settings_dict["NAME"]))
    return {**os.environ, "DATABASE_URL": url.geturl(), "PYTHONUNBUFFERED": "1", **more}


def manage(*arguments: str, timeout: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one management command to its end in a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False,
        cwd=PROJECT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def start(command: Sequence[str], log: Path, **more: str) -> subprocess.Popen[bytes]:
    """Start Python with these arguments in its own process group; it ends with the test run at the latest."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=PROJECT,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no lock
        )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """kill -9 the process and all its children, as a power cut would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@contextmanager
def worker(
    log: Path, *, pool: str = "solo", concurrency: int = 1, visibility_seconds: int = 60, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker on the test database, ready for tasks; its queue is empty at the start.

    visibility_seconds: after this long an unfinished task of a killed worker is given out again.
    """
    empty_queue()
    begin = log.stat().st_size if log.exists() else 0
    arguments = ["--without-mingle", "--without-gossip", "--without-heartbeat", "-l", "INFO"]
    command = ["-m", "celery", "-A", "portal", "worker", "-P", pool, "-c", str(concurrency), *arguments]
    command += ["-n", f"test-{os.getpid()}-{time.monotonic_ns()}@localhost"]
    process = start(command, log, CELERY_VISIBILITY_SECONDS=str(visibility_seconds), **more)
    try:
        _wait_for(b" ready.", process, log, begin)
        yield process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"the worker does not stop:\n{_end_of(log)}") from None
    finally:
        kill_group(process)


def _wait_for(sign: bytes, process: subprocess.Popen[bytes], log: Path, begin: int) -> None:
    deadline = time.monotonic() + 30
    while sign not in log.read_bytes()[begin:]:
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the process does not get ready:\n{_end_of(log)}")
        time.sleep(0.05)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def empty_queue() -> None:
    """Drop what earlier tests left on this run's queue."""
    drop_keys(os.environ["CELERY_KEY_PREFIX"])


def drop_keys(prefix: str) -> None:
    """Delete our keys only: FLUSHDB would take the other test processes' keys along."""
    with redis.Redis.from_url(settings.REDIS_URL) as store:
        keys = list(store.scan_iter(f"{prefix}*", count=1000))
        if keys:
            store.delete(*keys)
