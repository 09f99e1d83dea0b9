"""One rehearsal from the first stage to the verdict, on the database that the settings name."""

import json
import sys
from pathlib import Path
from typing import TextIO

from django.core.management import call_command

from portal.refusals import Refused
from portal.rehearsal import deciding, managing, opening, processes, promises, report, reviewing, visitors
from portal.rehearsal.world import Clock, Options, World

LISTED = 10  # refusals
LAST_WORDS = 3_000


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
    deciding.hold_one(world)
    if options.pages:
        _at_the_pages(world, clock)
    else:
        _by_operations(world, clock)
    deciding.close(world)
    return world


def _at_the_pages(world: World, clock: Clock) -> None:
    """Everybody works at the pages: screeners, reviewers, both managers, and the first grantees."""
    with processes.website(world, clock) as port:
        reviewing.answer_gates(world, port)
        reviewing.review_all(world, port)
        with processes.running(world, clock):
            deciding.fill_pool(world, clock)
            managing.decide(world, port)
            managing.refused_for_coverage(world, port)
            managing.approve(world, port)
            managing.release_all(world, port, clock)
            deciding.accept_all(world, clock, lambda: managing.accept_some(world, port))
            _afterwards(world, clock)


def _by_operations(world: World, clock: Clock) -> None:
    deciding.answer_gates(world)
    deciding.review_all(world)
    with processes.running(world, clock):
        deciding.fill_pool(world, clock)
        deciding.decide_all(world, clock)
        deciding.look_at_the_rest(world, clock)
        deciding.approve_large(world, clock)
        deciding.release_all(world, clock)
        deciding.accept_all(world, clock)
        _afterwards(world, clock)


def _afterwards(world: World, clock: Clock) -> None:
    deciding.deliver_all(world, clock)
    deciding.send_letters(world, clock)


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
        each=int(str(arguments["each"])),
        screeners=int(str(arguments["screeners"])),
        managers=int(str(arguments["managers"])),
    )
    try:
        return rehearse(options, as_json=bool(arguments["json"]), out=sys.stdout)
    except (Refused, processes.DidNotStart, visitors.UnexpectedPage) as error:
        print(f"The rehearsal stopped: {error}", file=sys.stderr)
        for refusal in getattr(error, "refusals", [])[:LISTED]:
            print(f"  {refusal.reference}: {refusal.reason}", file=sys.stderr)
        log = options.folder / "web.log"
        if isinstance(error, visitors.UnexpectedPage) and log.exists():
            print(
                f"The web server's last words:\n{log.read_text(errors='replace')[-LAST_WORDS:]}",
                file=sys.stderr,
            )
        return 2
