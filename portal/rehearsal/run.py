"""One rehearsal from the first stage to the verdict, on the database that the settings name."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from django.core.management import call_command

from portal.refusals import Refused
from portal.rehearsal import deciding, opening, processes, promises, report, reviewing, visitors
from portal.rehearsal.world import Clock, Options, World

DECIDING: tuple[Callable[[World, Clock], None], ...] = (
    deciding.fill_pool,
    deciding.decide_all,
    deciding.approve_large,
    deciding.release_all,
    deciding.accept_all,
    deciding.deliver_all,
    deciding.send_letters,
)


def play(options: Options) -> World:
    """Play the month; what each stage found stands in the world that comes back."""
    world = World(options)
    clock = Clock(options.folder)
    with world.stage("migrate", "databases") as stage:
        call_command("migrate", verbosity=0, interactive=False)
        stage.count = 1
    opening.load_program(world, clock)
    opening.read_rows(world)
    opening.gather_staff(world)
    opening.take_in(world)
    opening.form_batch(world)
    if options.pages:
        reviewing.gates_and_reviews(world, clock)
    else:
        deciding.answer_gates(world)
        deciding.review_all(world)
    with processes.running(world, clock):
        for stage_of_both in DECIDING:
            stage_of_both(world, clock)
    deciding.close(world)
    return world


def rehearse(options: Options, *, as_json: bool, out: TextIO) -> int:
    """Play the month, check the promises, print the report; 0 when every promise was kept, else 1."""
    world = play(options)
    with world.stage("check", "promises") as stage:
        found = promises.check(world)
        stage.count = len(found)
    world.note_memory()
    if as_json:
        json.dump(report.as_json(world, found), out, indent=2, ensure_ascii=False)
        out.write("\n")
    else:
        out.write(report.as_text(world, found) + "\n")
    return 0 if all(promise.kept for promise in found) else 1


def main(arguments: dict[str, object]) -> int:
    """What the scratch process runs. Refusals about the file become one line on stderr and exit code 2."""
    options = Options(
        program=str(arguments["program"]),
        applications=Path(str(arguments["applications"])),
        folder=Path(str(arguments["folder"])),
        limit=int(str(arguments["limit"])),
        reviewers=int(str(arguments["reviewers"])),
        seed=int(str(arguments["seed"])),
        fault_rate=float(str(arguments["fault_rate"])),
        size=int(str(arguments["size"])),
        pages=bool(arguments["pages"]),
    )
    try:
        return rehearse(options, as_json=bool(arguments["json"]), out=sys.stdout)
    except (Refused, processes.DidNotStart, visitors.UnexpectedPage) as error:
        print(f"The rehearsal stopped: {error}", file=sys.stderr)
        return 2
