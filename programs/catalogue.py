"""Open, pause and close programs."""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import cycles, form_versions
from programs.models import CriterionKind, MessageKind, Program, ProgramState


class CannotOpen(Refused):
    """Something a program needs before it may open is missing. `missing` lists each."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(" ".join(missing))


def missing_for_opening(program: Program) -> list[str]:
    """What still keeps a program from opening, a sentence each; empty when it is ready."""
    missing = []
    if form_versions.current(program) is None:
        missing.append("Publish a form.")
    scores = program.criteria.filter(kind=CriterionKind.SCORE)
    if (scores.aggregate(sum=Sum("weight_percent"))["sum"] or 0) != 100:
        missing.append("Let the weights of the rubric add up to 100 %.")
    have = set(program.message_templates.values_list("kind", flat=True))
    missing.extend(
        f"Write the message “{kind.label}”."
        for kind in (MessageKind.RECEIPT, MessageKind.ASSIGNMENT, MessageKind.AWARD)
        if kind not in have
    )
    return missing


@transaction.atomic
def open_program(*, program_id: int, by: User | None, at: datetime) -> Program:
    """Let applicants in and plan the coming cycles. Raises CannotOpen with everything that is missing."""
    program = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    missing = missing_for_opening(program)
    if missing:
        raise CannotOpen(missing)
    _set_state(program, ProgramState.OPEN, by=by, at=at)
    cycles.plan(program_id=program.pk, at=at)
    return program


@transaction.atomic
def close_program(*, program_id: int, state: ProgramState, by: User | None, at: datetime) -> Program:
    """Pause, close or archive a program. Drafts and running cycles go on; no new application is taken."""
    if state not in (ProgramState.PAUSED, ProgramState.CLOSED, ProgramState.ARCHIVED):
        raise ValueError(f"{state} does not close a program")
    program = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    _set_state(program, state, by=by, at=at)
    return program


def _set_state(program: Program, state: ProgramState, *, by: User | None, at: datetime) -> None:
    if program.state == state:
        return
    audit.record(action=f"program.{state}", subject=program, by=by, at=at, before=program.state)
    program.state = state
    program.save(update_fields=["state"])
