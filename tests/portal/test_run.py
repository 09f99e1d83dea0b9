"""`manage.py run`, the whole portal as a person starts it: own servers, own ports, a terminal that gets Ctrl-C."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from portal.local_services import free_port

PROJECT = Path(__file__).resolve().parents[2]
GIVEN_BY_PROVIDE = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "DEBUG",
    "TESTING",
    "SITE_URL",
    "CELERY_KEY_PREFIX",
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("run")]


class Terminal:
    """One `manage.py run` and what it writes."""

    def __init__(self, folder, port, **variables):
        environment = {name: value for name, value in os.environ.items() if name not in GIVEN_BY_PROVIDE}
        self.log = folder.with_name(f"run-{port}.log")
        self.port = port
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run", "--port", str(port)],
                cwd=PROJECT,
                env={**environment, "DEMO": "false", "LOCAL_DIR": str(folder), **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, text, seconds=90):
        deadline = time.monotonic() + seconds
        while text not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.05)

    def get(self, path):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)


@pytest.fixture(scope="module")
def folder():
    """Filled by the first run, found by the others. Not below pytest's own folder, which every run closes to others:
    the servers may have an account of their own.
    """
    with tempfile.TemporaryDirectory(prefix="portal-run-", ignore_cleanup_errors=True) as top:
        Path(top).chmod(0o711)
        yield Path(top) / "local"


@pytest.fixture
def terminal(folder):
    started = []

    def start(**options):
        started.append(Terminal(folder, options.pop("port", None) or free_port(), **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
    with suppress(FileNotFoundError):
        assert _gone(json.loads((folder / "services.json").read_text()).get("pids", {}).values())


def test_first_start_a_crash_and_a_clean_stop_then_a_quick_second_start(folder, terminal):
    first = terminal()
    first.wait_for("Stop ")

    assert first.get("/readyz") == (200, '{"ready": true, "down": []}')
    assert f"http://127.0.0.1:{first.port}/admin/" in first.text()

    beat = _pid_of(first, "celery", "beat")
    os.kill(beat, signal.SIGKILL)
    first.wait_for("beat     | ended with signal SIGKILL; starts again in 1 s")

    services = json.loads((folder / "services.json").read_text())["pids"]
    assert first.stop() == 0, first.text()
    assert "Traceback" not in first.text()
    stops = [
        name for name in re.findall(r"^(\w+) +\| stopping$", first.text(), re.MULTILINE) if name != "beat"
    ]
    assert stops == ["worker", "web"]
    assert _gone([beat, *services.values()])

    begin = time.monotonic()
    second = terminal()
    second.wait_for("Stop ")
    seconds = time.monotonic() - begin
    assert "migrate" not in second.text()
    assert seconds < 15  # about two on an idle machine; the tests share theirs
    assert second.stop() == 0, second.text()


def test_kill_9_takes_everything_down(folder, terminal):
    run = terminal()
    run.wait_for("Stop ")
    children = _children(run.process.pid)
    services = json.loads((folder / "services.json").read_text())["pids"]
    assert len(children) >= 3  # web, worker, beat; the keeper of the servers may be one more

    run.process.kill()

    assert _gone([*children, *services.values()], seconds=60)


def test_a_taken_port_is_said_before_anything_starts(terminal):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        run = terminal(port=other.getsockname()[1])

        assert run.process.wait(120) == 1

    assert "is taken by another program; choose one with --port" in run.text()
    assert "Traceback" not in run.text()


def test_a_second_run_of_the_same_checkout_is_refused(folder, terminal):
    first = terminal()
    first.wait_for("Stop ")
    second = terminal()

    assert second.process.wait(120) == 1
    assert "is running already" in second.text()
    assert first.get("/livez") == (200, "ok\n")
    assert first.stop() == 0


def _children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if path.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _pid_of(terminal, *words):
    for pid in _children(terminal.process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if all(word in command for word in words):
            return pid
    raise AssertionError(f"no process {words}")


def _gone(pids, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
