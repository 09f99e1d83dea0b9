"""Run the bench: private servers, one part after another, one table of ratios, one JSON line for each figure.

python -m bench [--quick] [--check] [--rounds N] [--out FILE] [--only PART]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench import measure, servers

PARTS = ("batch", "ledger", "release", "pages", "exports")


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="portal-bench-"))
    folder.chmod(0o711)
    figures: list[measure.Figure] = []
    failed: list[str] = []
    try:
        with servers.running(folder / "servers") as environment:
            for name in options.only or PARTS:
                print(f"{name} ...", file=sys.stderr, flush=True)
                if not _measured(name, environment, figures, options):
                    failed.append(name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(measure.table(figures))
    print(f"{'quick' if options.quick else 'full'} run, {time.monotonic() - begin:.0f} s")
    if options.out:
        with options.out.open("a") as out:
            out.writelines(one.as_json() + "\n" for one in figures)
    for name in failed:
        print(f"{name} did not finish: its check failed, see above", file=sys.stderr)
    missed = [one for one in figures if one.verdict == "MISSED"]
    return 1 if failed or (options.check and missed) else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the portal as ratios.")
    parser.add_argument("--quick", action="store_true", help="small sizes, below three minutes")
    parser.add_argument("--rounds", type=int, help="fewer rounds than 5 to 7, for a first look")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--out", type=Path, metavar="FILE", help="add one JSON line for each figure to FILE")
    parser.add_argument(
        "--only", action="append", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    return parser.parse_args(arguments)


def _measured(
    name: str, environment: dict[str, str], figures: list[measure.Figure], options: argparse.Namespace
) -> bool:
    given = ["--quick"] if options.quick else []
    given += ["--rounds", str(options.rounds)] if options.rounds else []
    done = part(name, environment, *given)
    figures += [
        measure.Figure(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")
    ]
    return done.returncode == 0


def part(name: str, environment: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    """Each part is a process of its own on a database of its own, so that none inherits memory or plans."""
    beside = environment["DATABASE_URL"]
    url = servers.create(f"bench_{name}", beside, template=urlsplit(beside).path.strip("/"))
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *options],
        check=False,
        cwd=servers.PROJECT,
        env={**environment, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
    )
    servers.drop(f"bench_{name}", beside)
    return done
