"""Open, pause and close programs."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from credits import organizations
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import cycles, request_forms, schedule, standing
from programs.models import DeclineMode, MessageKind, Program, ProgramState

NEEDED_LETTERS = {
    MessageKind.RECEIPT: "applicants get it when they send",
    MessageKind.ASSIGNMENT: "reviewers hear with it that work has come",
    MessageKind.AWARD: "people hear with it that they were chosen",
}


class CannotOpen(Refused):
    """Something a program needs before it may open is missing. `missing` lists each."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(" ".join(missing))


@dataclass(frozen=True)
class Gap:
    """Something that is missing. where: the field of the editor that mends it, or form, letters, people."""

    text: str
    where: str


def missing_for_opening(program: Program) -> list[str]:
    """What still keeps a program from opening, a sentence each; empty when it is ready."""
    return [gap.text for gap in gaps(program)]


def advice(program: Program) -> list[str]:
    """What does not keep a program from opening and will be missed later, with the reason."""
    return [gap.text for gap in later_gaps(program)]


def gaps(program: Program) -> list[Gap]:
    """What still keeps a program from opening, and where it is mended."""
    found, facts = [], standing.of(program)
    if facts.form_number is None:
        found.append(Gap("Publish a form: without one nobody can begin.", "form"))
    weights = sum(facts.weights)
    if weights != 100:
        text = (
            f"Let the weights of the rubric add up to 100 %; they make {weights} %, so ranks would be wrong."
        )
        found.append(Gap(text, "criteria-group"))
    told = {MessageKind.TOLD_DECLINE: "this program tells people that they were not chosen"}
    wanted = NEEDED_LETTERS | (told if program.decline_mode == DeclineMode.TOLD else {})
    found.extend(
        Gap(f"Write the message “{kind.label}”: {reason}.", "letters")
        for kind, reason in wanted.items()
        if kind not in facts.letters
    )
    problems = schedule.problems(program.schedule_rule, program.time_zone)
    found.extend(Gap(f"Mend the calendar: {problem}", "id_schedule_rule") for problem in problems)
    if program.organization_id_format not in organizations.FORMATS:
        found.append(
            Gap("Choose the form of the organization ID: credit goes to one.", "id_organization_id_format")
        )
    found.extend(Gap(text, "request-forms") for text in request_forms.missing(program))
    return found


def later_gaps(program: Program) -> list[Gap]:
    """What does not keep a program from opening and will be missed later, and where it is mended."""
    found, facts = [], standing.of(program)
    reviewers = facts.people(Role.REVIEWER)
    if reviewers < program.reviews_wanted:
        text = (
            f"Give {program.reviews_wanted} people the role of reviewer before the first cut-off; {reviewers or 'none'} "
            f"{'has' if reviewers == 1 else 'have'} it, so applications would wait."
        )
        found.append(Gap(text, "people"))
    if not facts.people(Role.FINANCE):
        found.append(Gap("Name a finance approver: awards above the limit need a second person.", "people"))
    if facts.has_gates and not facts.people(Role.SCREENER):
        found.append(Gap("Name a screener: the gates of the rubric are theirs to answer.", "people"))
    found.extend(Gap(text, "request-forms") for text in request_forms.advice(program))
    if not facts.has_questions:
        text = "Answer a few questions ahead: people find them before they write to you."
        found.append(Gap(text, "faq-group"))
    return found


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
