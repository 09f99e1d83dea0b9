"""A private PostgreSQL and Redis as children of this process, for `make run`, tests, rehearsals and benchmarks.

Servers(folder, durable=False) is the throw-away form. die_with_parent() makes any child process end with the process
that started it. Like portal.local_services this runs before Django and imports nothing of it.
"""

import contextlib
import ctypes
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from portal.local_binaries import (
    POSTGRES_MAJOR,
    CannotProvide,
    data_folder,
    folder_for,
    private_file,
    programs,
    run_as,
    secret_file,
    server_account,
    server_environment,
)

START_SECONDS = 60.0
STOP_SECONDS = 15.0
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum_naptime=10s")
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(signal_number: int = signal.SIGTERM) -> Callable[[], None]:
    """A preexec_fn: the child gets this signal when the thread that started it ends, however it ends (Linux only)."""
    parent = os.getpid()

    def in_child() -> None:
        if _LIBC is not None:
            _LIBC.prctl(1, int(signal_number))  # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os._exit(1)

    return in_child


def free_port() -> int:
    """A free loopback port below the range the kernel hands out to clients."""
    for _ in range(200):
        port = random.randint(20_000, 29_999)
        if port_is_free(port):
            return port
    raise CannotProvide("no free port between 20000 and 29999 on 127.0.0.1")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Servers:
    """One PostgreSQL and one Redis on loopback ports with a password, as children of this process.

    directory: their data folder, made if missing. durable=False switches the disk safety off and removes the data at
    the end. Start it from a thread that lives as long as the servers should: they end with it.
    Raises CannotProvide when a binary is missing, the folder is of another PostgreSQL version, or a server won't start.
    """

    def __init__(self, directory: Path | str, *, durable: bool, ports: tuple[int, int] | None = None) -> None:
        self.directory = Path(directory).resolve()
        self.durable = durable
        self.postgres_port, self.redis_port = ports or (0, 0)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def database_url(self) -> str:
        return f"postgresql://portal:{self.password}@127.0.0.1:{self.postgres_port}/portal"

    @property
    def redis_url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.redis_port}/0"

    def urls(self) -> dict[str, str]:
        """The two variables that point the portal at this pair."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def pids(self) -> dict[str, int]:
        return {name: child.pid for name, child in self._children.items()}

    def dead(self) -> list[str]:
        """Names of the servers that ended by themselves."""
        return [name for name, child in self._children.items() if child.poll() is not None]

    def start(self) -> Self:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.account = server_account(self.directory)
        self.folder = data_folder(self.directory, self.account)
        self.password = secret_file(self.directory / "password", secrets.token_hex(24))
        self.programs = programs(self.account)
        try:
            _keep_trying(self._start_redis)
            self._make_cluster()
            _keep_trying(self._start_postgres)
            self._await("redis", self._redis_answers)
            self._await("postgres", self._postgres_answers)
            _make_database(self.database_url)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop both cleanly, PostgreSQL with a fast shutdown; remove the data of a throw-away pair."""
        polite = {"postgres": signal.SIGINT, "redis": signal.SIGTERM}
        rude = {"postgres": signal.SIGQUIT, "redis": signal.SIGKILL}
        for orders in (polite, rude):
            for name, child in self._children.items():
                if child.poll() is None:
                    child.send_signal(orders[name])
            for child in self._children.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(STOP_SECONDS)
        self._children.clear()
        if not self.durable and hasattr(self, "folder"):
            for name in ("postgres", "redis"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            if self.folder != self.directory:
                shutil.rmtree(self.folder, ignore_errors=True)

    def restart_postgres_at_once(self) -> None:
        """Stop PostgreSQL as a power cut of its own would, without a checkpoint, and start it on the same port."""
        child = self._children["postgres"]
        child.send_signal(signal.SIGQUIT)
        child.wait(STOP_SECONDS)
        _keep_trying(self._start_postgres)
        self._await("postgres", self._postgres_answers)

    def _launch(self, name: str, command: list[str], stop: signal.Signals) -> None:
        log = self.directory / f"{name}.log"
        with open(log, "ab") as out:
            if out.tell() > 5_000_000:
                out.truncate(0)
            self._children[name] = subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=server_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the launcher, not for the servers
                preexec_fn=die_with_parent(stop),  # noqa: PLW1509 - one system call, no lock
                **run_as(self.account),
            )

    def _make_cluster(self) -> None:
        """initdb into a side folder, then rename: an interrupted first start leaves no half cluster."""
        data = self.folder / "postgres"
        if (data / "PG_VERSION").exists():
            found = (data / "PG_VERSION").read_text().strip()
            if found != POSTGRES_MAJOR:
                raise CannotProvide(
                    f"{data} was made by PostgreSQL {found}, this portal runs {POSTGRES_MAJOR}. Move the folder away "
                    "(its data can be read with that version), or set DATABASE_URL and REDIS_URL to other servers."
                )
            _clear_leftover(data / "postmaster.pid", data, signal.SIGINT)
            return
        fresh = self.folder / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        folder_for(fresh, self.account)
        password_file = self.folder / f"initdb-{secrets.token_hex(8)}"
        try:
            private_file(password_file, self.password, self.account)
            command = [self.programs["initdb"], "-D", str(fresh), f"--pwfile={password_file}"]
            command += ["-U", "portal", "-A", "scram-sha-256", "-E", "UTF8", "--no-instructions"]
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            if not self.durable:
                command.append("--no-sync")
            done = subprocess.run(
                command,
                check=False,
                cwd="/",
                env=server_environment(),
                capture_output=True,
                text=True,
                **run_as(self.account),
            )
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode:
            raise CannotProvide(f"initdb failed: {(done.stderr or done.stdout).strip()[-1500:]}")
        fresh.rename(data)

    def _start_postgres(self) -> None:
        if not (self.postgres_port and port_is_free(self.postgres_port)):
            self.postgres_port = free_port()
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", "jit=off"]
        options += [
            "timezone=UTC",
            "log_timezone=UTC",
            "max_wal_size=2GB",
            *(() if self.durable else THROW_AWAY),
        ]
        command = [
            self.programs["postgres"],
            "-D",
            str(self.folder / "postgres"),
            "-p",
            str(self.postgres_port),
        ]
        self._launch(
            "postgres", command + [part for option in options for part in ("-c", option)], signal.SIGINT
        )
        self._await("postgres", self._postgres_is_ready)

    def _start_redis(self) -> None:
        """Redis keeps every write (appendonly) and refuses writes rather than forgetting (noeviction)."""
        folder = self.folder / "redis"
        folder_for(folder, self.account)
        _clear_leftover(folder / "redis.pid", folder, signal.SIGTERM)
        if not (self.redis_port and port_is_free(self.redis_port)):
            self.redis_port = free_port()
        settings = {
            "bind": "127.0.0.1",
            "port": self.redis_port,
            "dir": json.dumps(str(folder)),
            "pidfile": json.dumps(str(folder / "redis.pid")),
            "requirepass": self.password,
            "appendonly": "yes" if self.durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        configuration = folder / "redis.conf"
        configuration.unlink(missing_ok=True)
        private_file(
            configuration, "".join(f"{name} {value}\n" for name, value in settings.items()), self.account
        )
        self._launch("redis", [self.programs["redis"], str(configuration)], signal.SIGTERM)
        self._await("redis", self._redis_answers)

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self._children[name].poll() is not None or time.monotonic() > deadline:
                log = (self.directory / f"{name}.log").read_text(errors="replace")
                raise CannotProvide(f"{name} does not start:\n{log.strip()[-1500:]}")
            time.sleep(0.01)

    def _postgres_is_ready(self) -> bool:
        """postmaster.pid tells before the first connection can, and without noise in the log."""
        with contextlib.suppress(OSError):
            lines = (self.folder / "postgres" / "postmaster.pid").read_text().splitlines()
            return (
                len(lines) > 7
                and lines[0] == str(self._children["postgres"].pid)
                and lines[7].startswith("ready")
            )
        return False

    def _postgres_answers(self) -> bool:
        return postgres_answers(self.database_url.rpartition("/")[0] + "/postgres")

    def _redis_answers(self) -> bool:
        return redis_answers(self.redis_port, self.password)


def postgres_answers(url: str) -> bool:
    """A real connection with the password; SCRAM proves both sides, so a stranger's server does not pass."""
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=3).close()
    except psycopg2.OperationalError:
        return False
    return True


def redis_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=3) as line:
            line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                part = line.recv(200)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _keep_trying(start: Callable[[], None]) -> None:
    """A port can be taken between the look and the bind: try again, with the other port that start() picks."""
    for attempt in range(3):
        try:
            start()
            return
        except CannotProvide as error:
            if attempt == 2 or "in use" not in str(error):
                raise


def _make_database(url: str) -> None:
    import psycopg2

    with contextlib.closing(psycopg2.connect(url.rpartition("/")[0] + "/postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'portal'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE DATABASE portal")


def _clear_leftover(pid_file: Path, folder: Path, stop: signal.Signals) -> None:
    """Wait for a server that still works in our folder, then stop it; drop the pid file of one that is gone.

    Only a process whose working folder is ours is touched: the number may belong to a stranger by now.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    ours = Path(f"/proc/{pid}/cwd")
    if sys.platform != "linux":
        return  # without /proc PostgreSQL's own check has to do

    def works_here() -> bool:
        with contextlib.suppress(OSError):
            return ours.resolve(strict=True) == folder.resolve()
        return False

    for seconds, order in ((3.0, None), (STOP_SECONDS, stop), (3.0, signal.SIGKILL)):
        if order is not None and works_here():
            os.kill(pid, order)
        deadline = time.monotonic() + seconds
        while works_here() and time.monotonic() < deadline:
            time.sleep(0.02)
    pid_file.unlink(missing_ok=True)
