"""The real processes of a rehearsal: a provider, a Celery worker and, where asked for, the web; their peak memory."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from portal.celery import app
from portal.local_services import die_with_parent, free_port
from portal.rehearsal.world import Clock, World

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 30
LONGEST_SWEEP_SECONDS = 900
RING_SECONDS = 1
QUIET_SECONDS = 2.5  # longer than any call to the provider: then nothing is under way
WORKER_PROCESSES = 2
WEB_PROCESSES = 2


class DidNotStart(Exception):
    """A process of the rehearsal ended or stayed silent; the text holds the end of its log."""


@contextlib.contextmanager
def running(world: World, clock: Clock) -> Iterator[None]:
    """A provider with faults and a worker with two processes, on this process's database and queue."""
    options = world.options
    environment = {**os.environ, **clock.variables(), **_same_database(), "LOCAL_DIR": str(options.folder)}
    port = str(urlsplit(environment["PROVIDER_URL"]).port)
    faults = ["--fault-rate", str(options.fault_rate), "--seed", str(options.seed), "--slow-seconds", "0.1"]
    state = str(options.folder / "provider.jsonl")
    provider = ["-m", "credits.providers.fake", "--port", port, "--state", state, *faults]
    worker = [
        "-m",
        "celery",
        "-A",
        "portal",
        "worker",
        "-P",
        "prefork",
        "-c",
        str(WORKER_PROCESSES),
        "-l",
        "INFO",
    ]
    worker += ["--without-mingle", "--without-gossip", "-n", f"rehearsal-{os.getpid()}@localhost"]
    with (
        _process("provider", provider, environment, options.folder, ready=b"http://"),
        _process("worker", worker, environment, options.folder, ready=b" ready.") as started,
    ):
        try:
            yield
        finally:
            world.memory_bytes["worker"] = peak_memory_bytes(started.pid)


@contextlib.contextmanager
def website(world: World, clock: Clock) -> Iterator[int]:
    """Gunicorn with two processes, as `make run` has it, on this process's database; gives its port."""
    options = world.options
    port = free_port()
    environment = {**os.environ, **clock.variables(), **_same_database(), "LOCAL_DIR": str(options.folder)}
    environment |= {"ALLOWED_HOSTS": "127.0.0.1", "SITE_URL": f"http://127.0.0.1:{port}"}
    web = ["-m", "gunicorn", "portal.rehearsal.web", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    web += ["--workers", str(WEB_PROCESSES), "--threads", "4", "--preload", "--log-level", "info"]
    with _process("web", web, environment, options.folder, ready=b"Booting worker") as started:
        try:
            yield port
        finally:
            world.memory_bytes["web"] = peak_memory_bytes(started.pid)


def sweep(
    clock: Clock,
    task: str,
    *,
    left: Callable[[], int],
    next_due: Callable[[], datetime | None],
    progress: Callable[[int], object],
) -> bool:
    """Ring a task as beat does until nothing is left; whether that was reached. While nothing is due, time moves ahead.

    left: how many rows still wait. next_due: the moment the first of them is due, None when there is none.
    """
    waiting, started = left(), time.monotonic()
    changed, rung = started, started - RING_SECONDS
    while waiting:
        if time.monotonic() - rung >= RING_SECONDS:
            rung = time.monotonic()
            for _ in range(WORKER_PROCESSES):
                app.send_task(task, expires=RING_SECONDS)
        time.sleep(0.1)
        now = left()
        if now != waiting:
            progress(waiting - now)
            waiting, changed = now, time.monotonic()
        due = next_due()
        if due is not None and due > clock.now() and time.monotonic() - changed > QUIET_SECONDS:
            clock.move(due - clock.now() + timedelta(seconds=2))
            changed = time.monotonic()
        if time.monotonic() - started > LONGEST_SWEEP_SECONDS:
            return False
    return True


def provider_totals() -> dict[str, Any]:
    """What the provider says it has given, over HTTP."""
    url = os.environ["PROVIDER_URL"] + "/v1/totals"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - an address of this rehearsal
        read: dict[str, Any] = json.load(answer)
    return read


def peak_memory_bytes(pid: int) -> int:
    """The largest resident size of the process or of one of its children, so far; 0 where /proc is missing."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        pids = [pid, *map(int, children.read_text().split())]
        return max(_high_water_bytes(number) for number in pids)
    return 0


def _high_water_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _same_database() -> dict[str, str]:
    """In a test the database has another name than DATABASE_URL says."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + str(connection.settings_dict["NAME"]))
    return {"DATABASE_URL": url.geturl()}


@contextlib.contextmanager
def _process(
    name: str, command: list[str], environment: Mapping[str, str], folder: Path, *, ready: bytes
) -> Iterator["subprocess.Popen[bytes]"]:
    log = folder / f"{name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one system call, no lock
        )
    try:
        _await(name, process, log, ready)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(name: str, process: "subprocess.Popen[bytes]", log: Path, ready: bytes) -> None:
    deadline = time.monotonic() + START_SECONDS
    while ready not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise DidNotStart(f"the {name} does not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)
