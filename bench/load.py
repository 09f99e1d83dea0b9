"""A small load generator: keep-alive connections, every answer's status checked, p50 and p95."""

import http.client
import json
import os
import re
import secrets
import signal
import statistics
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from bench import servers
from portal.local_services import die_with_parent, free_port

CSRF = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32))


class BadAnswer(AssertionError):
    """A page answered with another status than it should; its time says nothing."""


@dataclass
class Client:
    """One visitor of one server."""

    port: int
    session: str = ""
    timeout: float = 60
    _line: http.client.HTTPConnection | None = field(default=None, repr=False)

    def request(
        self, method: str, path: str, *, body: bytes | None = None, kind: str = ""
    ) -> tuple[int, bytes]:
        headers = {"Cookie": f"csrf={CSRF}; session={self.session}", "X-CSRFToken": CSRF, "Host": "127.0.0.1"}
        if kind:
            headers["Content-Type"] = kind
        for attempt in (1, 2):
            line = self._line = self._line or http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=self.timeout
            )
            try:
                line.request(method, path, body=body, headers=headers)
                answer = line.getresponse()
                content = answer.read()
            except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest):
                line.close()  # the server closed an idle line; ask once more on a new one
                self._line = None
                if attempt == 2:
                    raise
            else:
                self.where = answer.getheader("Location", "")
                return answer.status, content
        raise AssertionError("unreachable")

    def get(self, path: str, *, expect: int = 200) -> bytes:
        return self._checked(expect, "GET", path)

    def post(self, path: str, data: Mapping[str, list[str]], *, expect: int = 200) -> bytes:
        body = urlencode(data, doseq=True).encode()
        return self._checked(expect, "POST", path, body=body, kind="application/x-www-form-urlencoded")

    def post_json(self, path: str, data: object, *, expect: int = 200) -> bytes:
        return self._checked(expect, "POST", path, body=json.dumps(data).encode(), kind="application/json")

    def _checked(self, expect: int, method: str, path: str, **more: object) -> bytes:
        status, content = self.request(method, path, **more)  # type: ignore[arg-type]
        if status != expect:
            text = re.sub(r"<[^>]*>|\s+", " ", content.decode(errors="replace").partition("<main")[2])
            raise BadAnswer(
                f"{method} {path}: {status} {self.where}, not {expect}: {' '.join(text.split())[:1000]}"
            )
        return content


@dataclass
class Meter:
    """Times of one kind of request over all rounds."""

    seconds: list[float] = field(default_factory=list)

    def median_of(self, ask: Callable[[], object], count: int) -> float:
        """Ask so many times; returns the median of this round."""
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            ask()
            times.append(time.perf_counter() - begin)
        self.seconds += times
        return statistics.median(times)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20)[-1] if len(self.seconds) > 1 else 0.0

    def note(self) -> str:
        return f"p50 {statistics.median(self.seconds) * 1000:.1f} ms, p95 {self.p95 * 1000:.1f} ms"


def rate(make: Callable[[], Client], path: str, *, connections: int = 4, seconds: float = 2.0) -> float:
    """Requests a second from several connections at once. Waits at the end until every request was answered."""
    counts, failed = [0] * connections, []

    def visit(place: int) -> None:
        client, end = make(), time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                client.get(path)
                counts[place] += 1
        except (BadAnswer, OSError) as error:
            failed.append(error)

    threads = [threading.Thread(target=visit, args=(place,)) for place in range(connections)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(counts) / (time.monotonic() - begin)


@contextmanager
def website(url: str) -> Iterator[int]:
    """Gunicorn with two workers, as in production, on a loopback port; gives the port."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "portal.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
    ]
    command += ["--threads", "4", "--no-control-socket", "--log-level", "warning"]
    process = subprocess.Popen(
        command,
        cwd=servers.PROJECT,
        env={**os.environ, "DATABASE_URL": url, "CACHE_PREFIX": f"bench{port}"},
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, no lock
    )
    try:
        _await(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.poll() is None:
            process.kill()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            if Client(port, timeout=5).request("GET", "/livez")[0] == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the web server does not start")
