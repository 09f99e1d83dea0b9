"""What the stages of a rehearsal share: the options, the clock, the people, and what each stage found."""

import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tqdm import tqdm

from applications import imports
from applications.import_files import Record, Table
from portal import clock
from portal.models import User
from portal.rehearsal.visitors import Traffic, Visitor
from programs.models import Cycle, Program


@dataclass(frozen=True)
class Options:
    """What was asked for. limit 0 means every row; fault_rate: share of provider calls that go wrong.

    size: repeat the rows, varied, up to this number; 0 means each once. pages: everybody works at the pages,
    over HTTP. each: how many applications every screener and reviewer handles there, the others by the operations
    behind the pages; 0 means all. managers: two at least, as one needs another.
    """

    program: str
    applications: Path
    folder: Path
    limit: int = 0
    reviewers: int = 24
    seed: int = 1
    fault_rate: float = 0.2
    bars: bool = True
    size: int = 0
    pages: bool = False
    each: int = 0
    screeners: int = 1
    managers: int = 2

    @property
    def staff(self) -> int:
        """How many people work on the program."""
        return self.reviewers + self.screeners + self.managers


@dataclass
class Stage:
    """One line of the report. sum_cents: None where no money is meant."""

    name: str
    unit: str
    count: int = 0
    sum_cents: int | None = None
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Things per second."""
        return self.count / self.seconds if self.seconds else 0.0


@dataclass
class World:
    """One rehearsal while it runs. Stages add to it; promises and report read it."""

    options: Options
    stages: list[Stage] = field(default_factory=list)
    memory_bytes: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    pages: Traffic = field(default_factory=Traffic)
    sessions: dict[int, Visitor] = field(default_factory=dict)  # by user id
    program: Program = field(init=False)
    cycle: Cycle = field(init=False)
    next_cycle: Cycle = field(init=False)
    managers: list[User] = field(default_factory=list)
    screeners: list[User] = field(default_factory=list)
    held: int = 0  # the application that nobody looks at until a release was refused for it
    table: Table = field(init=False)
    late: list[Record] = field(default_factory=list)
    imported: imports.Report = field(default_factory=imports.Report)

    @contextmanager
    def stage(self, name: str, unit: str) -> Iterator[Stage]:
        """Measure one stage and add it to the report."""
        made = Stage(name, unit)
        self.stages.append(made)
        started = time.monotonic()
        yield made
        made.seconds = time.monotonic() - started
        if self.options.bars:
            print(
                f"{name}: {made.count:,} {unit} in {made.seconds:.1f} s {made.facts or ''}", file=sys.stderr
            )

    def keep_traffic(self, stage: Stage, traffic: Traffic) -> None:
        """Tell of a stage's requests in its line, and of each kind of page in the whole."""
        stage.facts |= traffic.facts()
        self.pages.merge(traffic)

    def bar(self, name: str, total: int, unit: str) -> "tqdm[Any]":
        """A progress bar on stderr."""
        return tqdm(
            total=total, unit=unit, desc=f"{name:<11}", file=sys.stderr, disable=not self.options.bars
        )

    def dice_for(self, *names: object) -> random.Random:
        """Chance that depends on the seed and on these names alone, whatever was drawn before."""
        return random.Random(":".join(map(str, (self.options.seed, *names))))

    def note_memory(self) -> None:
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.memory_bytes["rehearsal"] = peak_kb * 1024


class Clock:
    """The rehearsal's time: real time, moved ahead for all its processes when nothing is due."""

    def __init__(self, folder: Path) -> None:
        self.file = Path(os.environ.get("CLOCK_OFFSET_FILE") or folder / "clock-offset")
        self.moved = timedelta()

    def now(self) -> datetime:
        # Without the variable this process runs on real time and its workers on moved time.
        return clock.now() + (timedelta() if "CLOCK_OFFSET_FILE" in os.environ else self.moved)

    def move(self, by: timedelta) -> None:
        self.moved += by
        side = self.file.with_suffix(".new")
        side.write_text(str(int(self.moved.total_seconds())))
        side.replace(self.file)

    def variables(self) -> dict[str, str]:
        return {"CLOCK_OFFSET_FILE": str(self.file)}


def between(start: datetime, end: datetime, share: float) -> datetime:
    """The moment at a share of the way, in whole seconds."""
    moment = start + (end - start) * share
    return moment.astimezone(UTC).replace(microsecond=0)
