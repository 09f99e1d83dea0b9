"""Real PostgreSQL and Redis without an installation: one pair for all commands of a checkout.

provide() is called by manage.py when DATABASE_URL is unset. The first command starts a keeper, a small process of its
own that holds both servers; every command holds a shared lock while it lives, and the keeper stops the servers when
the last one is gone. The kernel drops the lock of a killed process, so nothing is left behind.

Everything runs before Django is loaded and imports nothing of it. Nothing here is meant for production.
"""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from portal.local_binaries import CannotProvide, private_file, secret_file
from portal.local_servers import (
    Servers,
    die_with_parent,
    free_port,
    port_is_free,
    postgres_answers,
    redis_answers,
)

__all__ = [
    "CannotProvide",
    "Servers",
    "die_with_parent",
    "free_port",
    "port_is_free",
    "provide",
    "secret_file",
]

PROJECT = Path(__file__).resolve().parent.parent
# The keeper needs two modules of this package but not the package's own start, which loads Celery.
KEEPER = """
import sys, types
from pathlib import Path
portal = sys.modules["portal"] = types.ModuleType("portal")
portal.__path__ = [sys.argv[1] + "/portal"]
from portal import local_services
sys.exit(local_services.keep(Path(sys.argv[2])))
"""
_held: list[IO[str]] = []  # locks of this process; closing them tells the keeper that we are gone


def provide() -> None:
    """Point this process at the local pair, starting it when nobody has; ends the process with a message if it cannot.

    Sets DATABASE_URL and REDIS_URL, and where unset SECRET_KEY, DEBUG, DEMO, SITE_URL and LOCAL_DIR.
    """
    folder = Path(os.environ.get("LOCAL_DIR") or PROJECT / ".local").resolve()
    try:
        urls = _join(folder)
    except (CannotProvide, PermissionError) as error:
        raise SystemExit(f"Local services: {error}") from None
    os.environ.update(urls)
    defaults = {
        "SECRET_KEY": secret_file(folder / "secret_key", secrets.token_urlsafe(48)),
        "DEBUG": "true",
        "DEMO": "true",
        "SITE_URL": "http://127.0.0.1:8000",
        "LOCAL_DIR": str(folder),
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def _join(folder: Path) -> dict[str, str]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("mail", "files"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    users = open(folder / "users.lock", "a")  # noqa: SIM115 - held as long as the process lives
    fcntl.flock(users, fcntl.LOCK_SH)  # waits while a keeper is just stopping
    _held.append(users)
    with _locked(folder / "start.lock"):
        urls = _running(folder)
        return urls or _start_keeper(folder)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _state(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / "services.json").read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _running(folder: Path) -> dict[str, str] | None:
    """The addresses of the running pair, proven by their processes and by a real connection; None if there is none."""
    state = _state(folder)
    try:
        for pid in state["pids"].values():
            os.kill(pid, 0)
        password = (folder / "password").read_text().strip()
        alive = postgres_answers(state["DATABASE_URL"]) and redis_answers(state["ports"][1], password)
    except PermissionError:
        raise
    except (KeyError, TypeError, AttributeError, OSError):
        return None
    return {name: state[name] for name in ("DATABASE_URL", "REDIS_URL")} if alive else None


def _start_keeper(folder: Path) -> dict[str, str]:
    with open(folder / "keeper.log", "a") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-c", KEEPER, str(PROJECT), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd="/",
            text=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout:
        answer = keeper.stdout.read()
    urls = _running(folder) if answer == "ready\n" else None
    if urls is None:
        raise CannotProvide(answer.strip() or f"the keeper of the servers ended; see {folder / 'keeper.log'}")
    keeper.returncode = 0  # it outlives us on purpose: no warning about a child still running
    return urls


def keep(folder: Path) -> int:
    """The keeper: hold both servers until nobody uses them any more, a server dies, or SIGTERM comes."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stopping.append(number))
    with _locked(folder / "keeper.lock"), open(folder / "users.lock", "a") as users:
        ports = _state(folder).get("ports") or [0, 0]
        servers = Servers(folder, durable=True, ports=(int(ports[0]), int(ports[1])))
        try:
            servers.start()
        except CannotProvide as error:
            print(error, flush=True)
            return 1
        state = {"ports": [servers.postgres_port, servers.redis_port]}
        _write_state(folder, {**state, **servers.urls(), "pids": {**servers.pids(), "keeper": os.getpid()}})
        print("ready", flush=True)
        _close_stdout()
        while not stopping and not servers.dead() and not _nobody_left(users):
            time.sleep(0.1)
        for name in servers.dead():
            print(f"{name} ended by itself; see its log", file=sys.stderr, flush=True)
        _write_state(folder, state)
        servers.stop()
    return 0


def _nobody_left(users: IO[str]) -> bool:
    """True when the last user is gone; from then on newcomers wait at the lock until we have stopped."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close_stdout() -> None:
    """The starter reads our output to its end; from here on there is nothing more to say."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    side = folder / "services.json.new"
    side.unlink(missing_ok=True)
    private_file(side, json.dumps(state, indent=2) + "\n", None)
    side.rename(folder / "services.json")
