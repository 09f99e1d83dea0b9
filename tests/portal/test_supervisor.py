"""The supervisor, with small programs of our own."""

import io
import os
import signal
import sys
import time

import pytest

from portal.supervisor import Program, Supervisor

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"
WITH_A_CHILD = (
    "import subprocess, time; c = subprocess.Popen(['sleep', '60']); print(c.pid, flush=True); time.sleep(60)"
)
TALKS = "import time; print('one\\ntwo', flush=True); time.sleep(60)"
ORDER = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def supervisor(out):
    with Supervisor(environment=dict(os.environ), out=out) as supervisor:
        yield supervisor


def program(name, code, **options):
    return Program(name, [sys.executable, "-c", code], **options)


def said(supervisor, out, text, seconds=10):
    return supervisor.wait_for(lambda: text in out.getvalue(), seconds=seconds)


def test_every_line_carries_the_name_of_who_speaks(supervisor, out):
    supervisor.start(program("web", TALKS))

    assert said(supervisor, out, "two")
    assert out.getvalue().splitlines() == ["web      | one", "web      | two"]


def test_a_program_that_ends_is_started_again(supervisor, out):
    supervisor.start(program("worker", "print('hello'); raise SystemExit(3)"))

    assert said(supervisor, out, "ended with exit code 3; starts again in 1 s")
    first = supervisor.programs[0].process.pid
    assert supervisor.wait_for(lambda: supervisor.programs[0].process.pid != first, seconds=5)


def test_pauses_grow_and_waiting_gives_up_after_three_failures(supervisor, out, monkeypatch):
    monkeypatch.setattr("portal.supervisor.LONGEST_PAUSE_SECONDS", 0.1)
    supervisor.start(program("web", "raise SystemExit(1)"))

    assert supervisor.wait_for(lambda: False, seconds=20) is False
    assert supervisor.programs[0].failures == 3


def test_a_killed_program_is_named_by_its_signal(supervisor, out):
    supervisor.start(program("beat", TALKS))
    said(supervisor, out, "one")

    os.kill(supervisor.programs[0].process.pid, signal.SIGKILL)

    assert said(supervisor, out, "ended with signal SIGKILL")


def test_the_last_started_stops_first(supervisor, out):
    supervisor.start(program("first", ORDER))
    supervisor.start(program("second", ORDER))
    supervisor.wait_for(lambda: out.getvalue().count("up") == 2, seconds=10)

    supervisor.stop()

    stops = [line.split(" ")[0] for line in out.getvalue().splitlines() if "stopping" in line]
    assert stops == ["second", "first"]


def test_a_stubborn_program_is_killed_after_its_time(supervisor, out):
    supervisor.start(program("web", STUBBORN, stop_seconds=0.3))
    said(supervisor, out, "here")
    process = supervisor.programs[0].process

    supervisor.stop()

    assert process.returncode == -signal.SIGKILL
    assert "does not stop; killed" in out.getvalue()


def test_children_of_a_program_end_with_it(supervisor, out):
    supervisor.start(program("web", WITH_A_CHILD))
    supervisor.wait_for(lambda: out.getvalue().endswith("\n"), seconds=10)
    child = int(out.getvalue().split("|")[1])

    supervisor.stop()

    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(child)


def test_watching_ends_with_a_signal(supervisor, out):
    supervisor.start(
        program("web", f"import os, signal, time; os.kill({os.getpid()}, signal.SIGTERM); time.sleep(60)")
    )

    supervisor.watch()

    assert supervisor.signals == [signal.SIGTERM]


def test_a_stop_signal_that_the_shell_ignored_is_heard(out):
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)  # as for every "command &" of a script
    try:
        with Supervisor(environment=dict(os.environ), out=out) as supervisor:
            supervisor.start(program("worker", TALKS, stop_signal=signal.SIGQUIT, stop_seconds=5))
            said(supervisor, out, "two")
            process = supervisor.programs[0].process
    finally:
        signal.signal(signal.SIGQUIT, before)

    assert process.returncode == -signal.SIGQUIT


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
