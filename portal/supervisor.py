"""Keep a handful of processes running in one terminal: `manage.py run`.

Every program gets its own process group, one prefixed log, a restart with growing pauses, and a stop in reverse order.
Everything happens in the main thread: on Linux the programs end with the thread that started them.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, TextIO

from portal.local_servers import die_with_parent

COLOURS = ("36", "32", "33", "35", "34", "31")
STEADY_SECONDS = 60.0  # a program that ran this long starts again with the shortest pause
LONGEST_PAUSE_SECONDS = 30.0
# A caught signal is at its default in the programs, an ignored one stays ignored: a shell that starts us in the
# background ignores SIGQUIT, and a worker that is still starting would not hear its stop signal.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


@dataclass
class Program:
    """One command to keep running. stop_seconds: how long it may take to end before it is killed."""

    name: str
    command: Sequence[str]
    stop_seconds: float = 20.0
    stop_signal: int = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float | None = None
    rest: bytes = field(default=b"", repr=False)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Programs in the order they start; they stop in reverse."""

    def __init__(self, *, environment: Mapping[str, str], out: TextIO = sys.stdout) -> None:
        self.environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self.programs: list[Program] = []
        self.out = out
        self.signals: list[int] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "Supervisor":
        self._before = {number: signal.signal(number, self._note_signal) for number in STOPS}
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._selector.close()

    def start(self, program: Program) -> None:
        """Add a program and start it."""
        self.programs.append(program)
        self._launch(program)

    def say(self, text: str, *, name: str = "run") -> None:
        """One line for the terminal, with the name of who speaks."""
        width = max([len("provider"), *(len(program.name) for program in self.programs)])
        prefix = f"{name:<{width}} |"
        if self.out.isatty():
            names = [program.name for program in self.programs]
            colour = COLOURS[names.index(name) % len(COLOURS)] if name in names else "1"
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        print(prefix, text, file=self.out, flush=True)

    def wait_for(self, ready: Callable[[], bool], *, seconds: float) -> bool:
        """Pump logs until ready() is true; False after the time is up, on a signal, or when a program gives up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if (
                self.signals
                or time.monotonic() > deadline
                or any(program.failures >= 3 for program in self.programs)
            ):
                return False
            self.step(0.02)
        return True

    def watch(self) -> None:
        """Keep everything running until one of STOPS."""
        while not self.signals:
            self.step(0.2)

    def step(self, seconds: float) -> None:
        """Pass on what the programs say for at most this long, then start again what has ended."""
        for key, _ in self._selector.select(seconds):
            self._read(key.data)
        for program in self.programs:
            if (
                program.restart_at is None
                and program.process is not None
                and program.process.poll() is not None
            ):
                self._plan_restart(program)
            if program.restart_at is not None and time.monotonic() >= program.restart_at:
                self._launch(program)

    def stop(self) -> None:
        """End the programs one by one, last started first: its stop signal, patience, then SIGKILL for the whole group.

        A second Ctrl-C ends the patience.
        """
        heard = len(self.signals)
        for program in reversed(self.programs):
            program.restart_at = None
            if program.running:
                self.say("stopping", name=program.name)
                self._signal(program, program.stop_signal)
                deadline = time.monotonic() + program.stop_seconds
                while program.running and time.monotonic() < deadline and len(self.signals) <= max(heard, 1):
                    self._pump(0.05)
                if program.running:
                    self.say("does not stop; killed", name=program.name)
            self._signal_group(program, signal.SIGKILL)
            if program.process is not None:
                program.process.wait()
        self._pump(0)
        self.programs.clear()

    def _pump(self, seconds: float) -> None:
        if not self._selector.get_map():
            time.sleep(seconds)
        for key, _ in self._selector.select(seconds):
            self._read(key.data)

    def _launch(self, program: Program) -> None:
        program.restart_at = None
        program.started_at = time.monotonic()
        program.process = subprocess.Popen(
            program.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one system call, no lock
        )
        assert program.process.stdout is not None
        os.set_blocking(program.process.stdout.fileno(), False)
        self._selector.register(program.process.stdout, selectors.EVENT_READ, program)

    def _plan_restart(self, program: Program) -> None:
        assert program.process is not None
        ran = time.monotonic() - program.started_at
        program.failures = 1 if ran > STEADY_SECONDS else program.failures + 1
        pause = min(2.0 ** (program.failures - 1), LONGEST_PAUSE_SECONDS)
        program.restart_at = time.monotonic() + pause
        self._signal_group(program, signal.SIGKILL)  # what it may have left in its group
        self.say(f"ended with {_reason(program.process)}; starts again in {pause:.0f} s", name=program.name)

    def _read(self, program: Program) -> None:
        """Whole lines only, so that two programs never share one."""
        assert program.process is not None
        pipe: IO[bytes] | None = program.process.stdout
        assert pipe is not None
        chunk = pipe.read(65536)
        if chunk is None:
            return
        if not chunk:
            self._selector.unregister(pipe)
            pipe.close()
        *lines, program.rest = (program.rest + chunk).split(b"\n")
        if not chunk and program.rest:
            lines, program.rest = [*lines, program.rest], b""
        for line in lines:
            self.say(line.decode(errors="replace").rstrip(), name=program.name)

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self.signals.append(number)

    def _signal(self, program: Program, number: int) -> None:
        if program.process is not None and program.process.poll() is None:
            program.process.send_signal(number)

    def _signal_group(self, program: Program, number: int) -> None:
        if program.process is not None:
            try:
                os.killpg(program.process.pid, number)
            except (ProcessLookupError, PermissionError):
                return


def _reason(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
