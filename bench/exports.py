"""S16: what an export takes in memory above an idle process. Each file is made by a process of its own."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from bench import measure, pages_world, verify, world

MOST_MB = 150
FORMATS = ("csv", "xlsx")
CHILD = "BENCH_EXPORT_ROWS"
"""Set for the process that is measured: how many rows its file must have."""


def main() -> None:
    options = world.options(quick=(20_000,), full=(100_000,))
    world.setup()
    size = options.sizes[-1]
    world.timed(f"{size:,} applications", lambda: pages_world.fill(size))
    for file_format in FORMATS:
        print(figure(file_format, size).as_json(), flush=True)


def figure(file_format: str, size: int) -> measure.Figure:
    """Ask for all columns of all applications, and let another process write the file."""
    from applications import exports
    from applications.models import ExportFormat, ExportKind
    from portal import clock
    from portal.models import User

    manager = User.objects.get(email="manager@staff.example.org")
    exports.start(
        kind=ExportKind.APPLICATIONS,
        file_format=ExportFormat(file_format),
        program_id=world.program().pk,
        by=manager,
        at=clock.now() - timedelta(seconds=1),
    )
    rows = world.number("SELECT count(*) FROM applications_application WHERE submitted_at IS NOT NULL")
    done = subprocess.run(
        [sys.executable, "-m", "bench.exports"],
        check=True,
        env={**os.environ, CHILD: str(rows)},
        stdout=subprocess.PIPE,
        text=True,
    )
    found = json.loads(done.stdout)
    return measure.limit(
        row="S16",
        name=f"export: {file_format} of all applications, peak above idle",
        unit="MB",
        size=size,
        value=found["peak_mb"] - found["idle_mb"],
        most=MOST_MB,
        note=f"idle {found['idle_mb']:.0f} MB, file {found['file_mb']:.1f} MB, {rows / found['seconds']:,.0f} rows/s",
    )


def child() -> None:
    """Write what waits; print what the process took before it began, and at most."""
    world.setup()
    from applications import exports
    from applications.models import Export, ExportState
    from portal import clock

    waiting = Export.objects.get(state=ExportState.WAITING)
    idle, begin = _memory("VmRSS"), clock.now()
    exports.run_due(at=begin, seconds=900)
    waiting.refresh_from_db()
    if (waiting.state, waiting.done) != (ExportState.READY, int(os.environ[CHILD])):
        raise verify.Wrong(f"the export is {waiting.state} with {waiting.done} rows: {waiting.problem}")
    print(
        json.dumps(
            {
                "idle_mb": idle,
                "peak_mb": _memory("VmHWM"),
                "file_mb": waiting.size_bytes / 2**20,
                "seconds": (clock.now() - begin).total_seconds(),
            }
        )
    )


def _memory(what: str) -> float:
    """MB of this process, from the kernel: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1024


if __name__ == "__main__":
    if CHILD in os.environ:
        child()
    else:
        main()
