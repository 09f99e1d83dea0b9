"""Assignments from a file: a CSV with the reference of an application and the mail address of a reviewer on each line.

The whole file or nothing: every line that cannot be is named, and a good file becomes a proposal that a manager applies.
"""

import csv
import io
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from applications import assignment, conflicts, workforce
from applications.dealing import Dealt
from applications.models import Application, Assignment, AssignmentPlan, Batch, PlanKind
from applications.states import State
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs.models import CycleState

LARGEST_BYTES = 4_000_000
MOST_LINES = 50_000
MOST_PROBLEMS = 500
COLUMNS = ("reference", "reviewer")


class BadFile(Refused):
    """The file is not taken. `problems` are (line, sentence); line 1 is the heading."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        self.problems = problems
        number = len(problems)
        super().__init__(
            f"{number:,} line{' has a problem' if number == 1 else 's have problems'}; nothing was taken."
        )


@dataclass(frozen=True)
class Line:
    number: int
    reference: str
    email: str


def read(content: bytes) -> list[Line]:
    """The lines of a file in UTF-8 with a heading that names `reference` and `reviewer`. Raises BadFile."""
    if len(content) > LARGEST_BYTES:
        raise BadFile([(1, f"The file is larger than {LARGEST_BYTES // 1_000_000} MB.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile([(1, "The file is not in UTF-8.")]) from None
    if "\x00" in text:
        raise BadFile([(1, "The file holds characters that no text has.")])
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise BadFile([(1, f"This is no CSV: {error}.")]) from None
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    if any(heading.count(name) != 1 for name in COLUMNS):
        raise BadFile([(1, "The first line names the columns: reference,reviewer.")])
    if len(rows) > MOST_LINES + 1:
        raise BadFile([(1, f"A file has at most {MOST_LINES:,} lines.")])
    reference, reviewer = (heading.index(name) for name in COLUMNS)
    return [
        Line(number, row[reference].strip().upper(), row[reviewer].strip().lower())
        for number, row in enumerate(rows[1:], 2)
        if len(row) > max(reference, reviewer) and any(row)
    ] + _too_short(rows, max(reference, reviewer))


def _too_short(rows: list[list[str]], last: int) -> list[Line]:
    return [Line(number, "", "") for number, row in enumerate(rows[1:], 2) if any(row) and len(row) <= last]


@transaction.atomic
def propose(*, batch_id: int, content: bytes, by: User, at: datetime) -> AssignmentPlan:
    """Check a file against a batch and keep it as a proposal; what people have already is left as it is.

    Raises BadFile that names every bad line: no such application in this cycle, not in review, no such reviewer, a
    conflict, a recusal, the same pair twice, over a limit. Then nothing is kept. Raises assignment.CannotPlan.
    """
    lines = sorted(read(content), key=lambda line: line.number)
    batch = (
        Batch.objects.select_for_update(of=("self",))
        .select_related("cycle__program", "cycle__rules_version")
        .get(pk=batch_id)
    )
    cycle = batch.cycle
    if cycle.state != CycleState.IN_REVIEW:
        raise assignment.CannotPlan("The cycle is not in review.")
    if not lines:
        raise BadFile([(1, "The file names nobody.")])
    conflicts.sweep(batch=batch, at=at)
    force = workforce.of(cycle, Role.REVIEWER, at=at)
    found = _Checked(batch, force, lines)
    if found.problems:
        raise BadFile(sorted(found.problems)[:MOST_PROBLEMS])
    dealt = Dealt(found.pairs)
    drawn = assignment.Drawn(looks=found.pairs, summary=assignment.summarize(dealt, Dealt(), force))
    drawn.summary |= {"known": found.known}
    return assignment.keep_proposal(batch=batch, kind=PlanKind.IMPORT, drawn=drawn, by=by, at=at)


class _Checked:
    """The lines of a file against a batch: pairs that are new, how many are known, and what is wrong with which line."""

    def __init__(self, batch: Batch, force: workforce.Workforce, lines: list[Line]) -> None:
        self.pairs: list[tuple[int, int]] = []
        self.problems: list[tuple[int, str]] = []
        self.known = 0
        rows = Application.objects.filter(cycle=batch.cycle, reference__in={line.reference for line in lines})
        applications = {
            str(ref): (pk, state) for pk, ref, state in rows.values_list("pk", "reference", "state")
        }
        people = {user.email.lower(): user for user in force.people.values()}
        barred = workforce.barred(batch.cycle, force.people.values())
        had = set(
            Assignment.objects.filter(application__cycle=batch.cycle).values_list(
                "application_id", "reviewer_id"
            )
        )
        first: dict[tuple[int, int], int] = {}
        by_person: dict[int, list[int]] = defaultdict(list)
        for line in lines:
            problem, pair = self._one(line, applications, people, barred)
            if not problem and pair in first:
                problem = f"The same pair stands in line {first[pair]}."
            if problem or pair is None:
                self.problems.append((line.number, problem))
                continue
            first[pair] = line.number
            if pair in had:
                self.known += 1
            else:
                self.pairs.append(pair)
                by_person[pair[1]].append(line.number)
        self._limits(force, by_person)

    def _one(
        self,
        line: Line,
        applications: dict[str, tuple[int, str]],
        people: dict[str, User],
        barred: set[tuple[int, int]],
    ) -> tuple[str, tuple[int, int] | None]:
        application, person = applications.get(line.reference), people.get(line.email)
        if application is None:
            return f"“{line.reference[:40]}” is no application of this cycle.", None
        if application[1] != State.IN_REVIEW:
            return f"{line.reference} is not in review.", None
        if person is None:
            return f"“{line.email[:80]}” is no reviewer of this program.", None
        if (application[0], person.pk) in barred:
            return f"{line.email} has a conflict with {line.reference}, or stepped back from it.", None
        return "", (application[0], person.pk)

    def _limits(self, force: workforce.Workforce, by_person: dict[int, list[int]]) -> None:
        held = Counter(force.held)
        for pk, numbers in by_person.items():
            most = force.limits.get(pk)
            for number in numbers[max(0, most - held[pk]) :] if most is not None else ():
                self.problems.append((number, f"{force.people[pk].email} takes at most {most} of a cycle."))
