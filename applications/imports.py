"""Take in applications from a file: each row is checked as the form would check it, then stored as if it had been sent.

Good rows go in by the hundred, with the same helpers as applications.intake; a bad row is named with its reason and
nothing of it is kept. A row that is there already, by the id its source gave it, is left alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from applications import again, import_files, import_rows, intake, notices, references, ties
from applications.import_files import Columns, Record, Table
from applications.import_rows import Candidate, Problem
from applications.models import Application, ApplicationRevision, Notice, TextSketch, Tie
from applications.models.intake import NEVER_SENT
from applications.states import State
from portal import audit
from portal.models import AuditEvent, User
from portal.refusals import Refused
from programs import cycles, form_versions
from programs.models import Cycle, FormVersion, MessageKind, Program
from programs.texts import as_typed

CHUNK = 250
TRIES = 5


class CannotImport(Refused):
    """The file as a whole cannot be taken in: the program is closed, has no form, or plans no evaluation."""


@dataclass
class Report:
    """What an import did, in rows. `evaluations` counts the rows taken in by evaluation date."""

    taken: int = 0
    there: int = 0
    refused: int = 0
    new_accounts: int = 0
    evaluations: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class _Job:
    """What stays the same over all chunks, and the rows of the file that each id and each person was taken from."""

    program: Program
    version: FormVersion
    rules: import_rows.Rules
    at: datetime
    by: User | None
    dry_run: bool
    receipts: bool
    sources: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Stored:
    """What became of the candidates of one chunk."""

    cycle: Cycle
    taken: list[Candidate]
    there: list[Candidate]
    problems: list[Problem]
    new_accounts: int


def columns_for(*, program_id: int, table: Table, given: Mapping[str, object] | None = None) -> Columns:
    """Match a file with the form that the program uses now. Raises CannotImport or import_files.BadMap."""
    return import_files.match(_form(Program.objects.get(pk=program_id)).sections, table.columns, given)


def take_in(
    *,
    program_id: int,
    table: Table,
    columns: Columns,
    at: datetime,
    by: User | None = None,
    dry_run: bool = False,
    receipts: bool = False,
    make_addresses: bool = False,
    progress: Callable[[int], object] = lambda rows: None,
) -> Report:
    """Submit every good row of a table into the evaluation that is open at `at`; returns what became of each row.

    receipts: queue the letter that the form would send. make_addresses: give a row without an e-mail address one at
    example.org, for rehearsals. progress: called with the number of rows done since the last call. Each chunk of rows
    is one transaction, so an import that was cut short goes on where it ended. Raises CannotImport.
    """
    program = Program.objects.get(pk=program_id)
    intake.refuse_closed(program, at, CannotImport)
    version = _form(program)
    rules = import_rows.Rules(
        sections=version.sections,
        columns=columns,
        eligibility=list(program.rules.all()),
        organization_id_format=program.organization_id_format,
        make_addresses=make_addresses,
    )
    job = _Job(program, version, rules, at=at, by=by, dry_run=dry_run, receipts=receipts)
    report = Report()
    for start in range(0, len(table.records), CHUNK):
        records = table.records[start : start + CHUNK]
        _take_chunk(job, records, report)
        progress(len(records))
    return report


def _form(program: Program) -> FormVersion:
    version = form_versions.current(program)
    if version is None:
        raise CannotImport(f"{program} has no form yet.")
    return version


def _take_chunk(job: _Job, records: Sequence[Record], report: Report) -> None:
    candidates: list[Candidate] = []
    for record in records:
        found = import_rows.candidate(job.rules, record)
        if isinstance(found, Candidate):
            candidates.append(found)
        else:
            _refuse(report, found)
    stored = _store_with_retries(job, candidates)
    for candidate in stored.there + stored.taken:
        job.sources[candidate.source_id] = job.people[candidate.applicant.email] = candidate.row
    for problem in stored.problems:
        _refuse(report, [problem])
    report.taken += len(stored.taken)
    report.there += len(stored.there)
    report.new_accounts += stored.new_accounts
    if stored.taken:
        day = stored.cycle.evaluation_on.isoformat()
        report.evaluations[day] = report.evaluations.get(day, 0) + len(stored.taken)


def _refuse(report: Report, problems: Sequence[Problem]) -> None:
    report.refused += 1
    report.problems += [
        Problem(problem.row, as_typed(problem.column), as_typed(problem.message)) for problem in problems
    ]


def _store_with_retries(job: _Job, candidates: Sequence[Candidate]) -> _Stored:
    """Somebody may sign up, send an application or draw a reference in between: then look again and retry."""
    for _ in range(TRIES - 1):
        try:
            with transaction.atomic():
                return _store(job, candidates)
        except IntegrityError:
            continue
    with transaction.atomic():
        return _store(job, candidates)


def _store(job: _Job, candidates: Sequence[Candidate]) -> _Stored:
    """Write the candidates that are new, in the caller's transaction. Keeps nothing in `job`: it may run again."""
    try:
        cycle = cycles.accepting(job.program, at=job.at)
    except cycles.NoCycle as error:
        raise CannotImport(str(error)) from error
    intake.lock_open_cycle(cycle, job.at, CannotImport)
    known = _known_sources(job, candidates)
    there = [candidate for candidate in candidates if candidate.source_id in known]
    fresh = [candidate for candidate in candidates if candidate.source_id not in known]
    seen = _Seen(job, fresh)
    taken: list[Candidate] = []
    problems: list[Problem] = []
    for candidate in fresh:
        problem = seen.clash(candidate)
        if problem:
            problems.append(problem)
        else:
            seen.add(candidate)
            taken.append(candidate)
    new_accounts = sum(candidate.applicant.email not in seen.accounts for candidate in taken)
    if taken and not job.dry_run:
        _write(job, cycle, taken, seen.accounts)
    return _Stored(cycle, taken, there, problems, new_accounts)


def _known_sources(job: _Job, candidates: Sequence[Candidate]) -> set[str]:
    """The ids that are in the program. One taken in a moment ago is a repeat within the file, and named as such."""
    wanted = [candidate.source_id for candidate in candidates if candidate.source_id not in job.sources]
    known = Application.objects.filter(program=job.program, source_id__in=wanted)
    return {source_id for source_id in known.values_list("source_id", flat=True) if source_id}


class _Seen:
    """Whom and what a good row may clash with: accounts and applications that are there, and earlier rows."""

    def __init__(self, job: _Job, candidates: Sequence[Candidate]) -> None:
        self.job = job
        self.account_columns = job.rules.columns.account
        self.sources, self.people = dict(job.sources), dict(job.people)
        people = User.objects.annotate(lower=Lower("email")).filter(
            lower__in=[candidate.applicant.email for candidate in candidates]
        )
        self.accounts: dict[str, User] = {person.email.lower(): person for person in people}
        sent = Application.objects.filter(program=job.program, applicant__in=people).exclude(NEVER_SENT)
        self.sent_before = set(sent.values_list("applicant_id", flat=True))

    def add(self, candidate: Candidate) -> None:
        self.sources[candidate.source_id] = self.people[candidate.applicant.email] = candidate.row

    def clash(self, candidate: Candidate) -> Problem | None:
        """Why a good row cannot be taken beside what is there, or None."""
        by_source = self.account_columns.get("source_id", "")
        by_address = self.account_columns.get("email", "e-mail")
        person = self.accounts.get(candidate.applicant.email)
        if candidate.source_id in self.sources:
            same = "id" if by_source else "content"
            return Problem(
                candidate.row, by_source, f"Row {self.sources[candidate.source_id]} has the same {same}."
            )
        if person is not None and not person.is_active:
            return Problem(candidate.row, by_address, "This account is switched off.")
        if candidate.applicant.email in self.people:
            earlier = f"Row {self.people[candidate.applicant.email]} is by the same person."
            return Problem(
                candidate.row, by_address, f"{earlier} Each person has one application in an evaluation."
            )
        if person is not None and person.pk in self.sent_before:
            return self._too_soon(candidate, person, by_address)
        return None

    def _too_soon(self, candidate: Candidate, person: User, column: str) -> Problem | None:
        """One application of a program at a time, and the waiting time after one, as at the form."""
        past = again.before(program=self.job.program, person=person, at=self.job.at)
        if past.live is not None:
            return Problem(candidate.row, column, intake.one_at_a_time(past.live))
        if past.wait_until is None:
            return None
        blocks = intake.blocking(self.job.program, {"wait_until": past.wait_until.isoformat()})
        return Problem(candidate.row, column, blocks[0].sentence) if blocks else None


def _write(job: _Job, cycle: Cycle, taken: Sequence[Candidate], accounts: dict[str, User]) -> None:
    missing = [candidate.applicant for candidate in taken if candidate.applicant.email not in accounts]
    for person in missing:
        person.set_unusable_password()
    accounts |= {person.email: person for person in User.objects.bulk_create(missing)}
    applications = Application.objects.bulk_create(_applications(job, cycle, taken, accounts))
    ApplicationRevision.objects.bulk_create(
        ApplicationRevision(
            application=application,
            number=1,
            form_version=job.version,
            answers=application.answers,
            made_by=application.applicant,
            made_at=job.at,
        )
        for application in applications
    )
    sketches = [intake.sketch_of(application) for application in applications]
    TextSketch.objects.bulk_create(sketch for sketch in sketches if sketch is not None)
    Tie.objects.bulk_create(ties.rows(applications))
    AuditEvent.objects.bulk_create(
        audit.event(
            action="application.import",
            subject=application,
            by=job.by,
            at=job.at,
            cycle=cycle.pk,
            source=application.source_id,
        )
        for application in applications
    )
    if job.receipts:
        notices.queue_many([_receipt(application, job.at) for application in applications])


def _applications(
    job: _Job, cycle: Cycle, taken: Sequence[Candidate], accounts: Mapping[str, User]
) -> Iterator[Application]:
    prefix = f"{job.program.short_code}-{cycle.evaluation_on:%Y-%m}-"
    numbered = Application.objects.filter(reference__startswith=prefix)
    given = {reference for reference in numbered.values_list("reference", flat=True) if reference}
    drawn = references.draw_many(job.program.short_code, cycle.evaluation_on, len(taken), taken=given)
    for candidate, reference in zip(taken, drawn, strict=True):
        yield Application(
            program=job.program,
            form_version=job.version,
            applicant=accounts[candidate.applicant.email],
            cycle=cycle,
            reference=reference,
            state=State.SUBMITTED,
            answers=candidate.answers,
            answers_version=1,
            created_at=job.at,
            saved_at=job.at,
            submitted_at=job.at,
            source_id=candidate.source_id,
            **candidate.columns,
        )


def _receipt(application: Application, at: datetime) -> Notice:
    return Notice(
        key=f"{MessageKind.RECEIPT}:{application.pk}:{application.applicant_id}",
        kind=MessageKind.RECEIPT,
        program_id=application.program_id,
        application=application,
        recipient=application.applicant,
        next_attempt_at=at,
        created_at=at,
    )
