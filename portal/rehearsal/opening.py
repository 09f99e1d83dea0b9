"""The first half of the month: the program, the people, the applications, and the batch on the first Monday."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import connection

from applications import imports, reviewers, tick
from applications.import_files import Record, Table
from portal.models import User
from portal.rehearsal import rows
from portal.rehearsal.visitors import PASSWORD
from portal.rehearsal.world import Clock, Stage, World, between
from portal.roles import Role
from portal.samples import answers as samples
from programs import catalogue, memberships, presets
from programs.models import Program, ProgramState

DAYS_BACK = 75  # at least two evaluations of a monthly program lie in them
SHARE_LATE = 0.01  # rows sent after the cut-off
SHARE_ALONE = 0.75  # of the cap, above which a second person approves
SLICES = 8  # moments before the cut-off at which rows are sent
TIED = 3  # reviewers who share a mail domain with many applicants, and as many who share an institution
A_SECOND = timedelta(seconds=1)
_WRITTEN_BY_TICKS = (
    "programs_cycle",
    "applications_application",
    "applications_batch",
    "applications_batchentry",
    "applications_screeningcheck",
    "applications_assignment",
    "applications_notice",
    "portal_auditevent",
)


def load_program(world: World, clock: Clock) -> None:
    """Load the shipped program as if it had been opened weeks ago, and take its last evaluation for the rehearsal."""
    with world.stage("program", "cycles") as stage:
        opened_at = clock.now() - timedelta(days=DAYS_BACK)
        path = presets.SHIPPED / f"{world.options.program}.yaml"
        presets.load(text=path.read_text(encoding="utf-8"), name=path.name, by=None, at=opened_at)
        world.program = Program.objects.get(slug=world.options.program)
        if world.program.state != ProgramState.OPEN:
            world.program = catalogue.open_program(program_id=world.program.pk, by=None, at=opened_at)
        if world.program.four_eyes_above_cents >= (world.program.award_cap_cents or 0) > 0:
            # Where the limit is the cap nobody would ever need a second person; the rehearsal wants to see some.
            lower = int(world.program.award_cap_cents * SHARE_ALONE)  # type: ignore[operator]
            Program.objects.filter(pk=world.program.pk).update(four_eyes_above_cents=lower)
            world.program.refresh_from_db()
        past = world.program.cycles.filter(cut_off_at__lte=clock.now() - timedelta(days=2))
        world.cycle = past.latest("cut_off_at")
        world.next_cycle = world.program.cycles.filter(cut_off_at__gt=world.cycle.cut_off_at).earliest(
            "cut_off_at"
        )
        tick.tick(at=opened_at)
        tick.tick(at=world.cycle.opens_at + A_SECOND)  # the empty evaluations before it
        stage.count = world.program.cycles.count()
        stage.facts = {"evaluation": world.cycle.evaluation_on.isoformat()}


def read_rows(world: World) -> None:
    """Read the file, and fill in by seed what the form asks and the file does not tell."""
    with world.stage("rows", "rows") as stage:
        world.table = rows.prepare(world)
        stage.count = len(world.table.records)


def gather_staff(world: World) -> None:
    """Managers, screeners and reviewers; some of these work where many applicants work: by mail domain, by institution."""
    options = world.options
    with world.stage("people", "people") as stage:
        world.managers = [_staff(world, Role.MANAGER, f"manager-{n + 1}") for n in range(options.managers)]
        world.screeners = [
            _staff(world, Role.SCREENER, f"screener-{n + 1}") for n in range(options.screeners)
        ]
        records = world.table.records
        domains = Counter(
            str(record.values.get("account.email", "")).rpartition("@")[2] for record in records
        )
        places = Counter(str(record.values.get("institution") or "") for record in records)
        del places[""]
        tied = min(TIED, options.reviewers // 3)
        busy = [domain for domain, _ in domains.most_common(tied)]
        for number in range(options.reviewers):
            domain = busy[number] if number < len(busy) else "example.org"
            reviewer = _staff(world, Role.REVIEWER, f"reviewer-{number + 1}", domain)
            if len(busy) <= number < len(busy) + tied and places:
                name = places.most_common(tied)[(number - len(busy)) % len(places)][0]
                entered = reviewers.Entered(institution=name)
                reviewers.save_profile(user=reviewer, entered=entered, by=reviewer, at=world.cycle.opens_at)
        stage.count = options.staff


def _staff(world: World, role: Role, name: str, domain: str = "example.org") -> User:
    user = User.objects.create_user(f"{name}@{domain}", None, name=samples.person(world.dice_for(name)))
    memberships.give(program=world.program, user=user, role=role, by=None, at=world.cycle.opens_at)
    if world.options.pages:
        let_in(user)
    return user


def let_in(user: User) -> None:
    """Give a person the password that the visitors of a rehearsal know."""
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def take_in(world: World) -> None:
    """Import the rows over the weeks before the cut-off; the last ones a second after it, before any tick noticed."""
    records = world.table.records
    late = max(2, int(len(records) * SHARE_LATE)) if len(records) >= 10 else 0
    in_time, after = records[: len(records) - late], records[len(records) - late :]
    world.late = after[late // 2 :]  # sent after the tick
    opens_at, cut_off_at = world.cycle.opens_at + timedelta(hours=1), world.cycle.cut_off_at - A_SECOND
    size = max(1, -(-len(in_time) // SLICES))
    with world.stage("import", "applications") as stage, world.bar("import", len(records), "row") as bar:
        world.imported = imports.Report()
        for number, start in enumerate(range(0, len(in_time), size)):
            at = between(opens_at, cut_off_at, (number + 1) / SLICES)
            _import(world, in_time[start : start + size], at, bar.update)
        _import(world, after[: late // 2], world.cycle.cut_off_at + A_SECOND, bar.update)
        _tell(world, stage)


def form_batch(world: World) -> None:
    """Tick over the first Monday: before it, at it, again and again; then the rows that came after it."""
    opens_at, cut_off_at = world.cycle.opens_at, world.cycle.cut_off_at
    with world.stage("batch", "applications") as stage, world.bar("batch", 4, "tick") as bar:
        early = tick.tick(at=between(opens_at, cut_off_at, 0.99))
        bar.update()
        done = tick.tick(at=cut_off_at + timedelta(minutes=2))
        bar.update()
        before = fingerprint()
        repeats = [tick.tick(at=cut_off_at + timedelta(minutes=minutes)) for minutes in (2, 3)]
        bar.update(2)
        world.facts["ticks"] = {
            "early_batches": early.batches,
            "batches": done.batches,
            "failed": early.failed + done.failed + [cycle for repeat in repeats for cycle in repeat.failed],
            "repeats_changed": before != fingerprint(),
        }
        stage.count = done.applications
        stage.facts = {"assignments": done.assignments, "short": done.short, "findings": done.findings}
    with world.stage("import late", "applications") as stage:
        taken = world.imported.taken
        _import(world, world.late, cut_off_at + timedelta(days=1), lambda rows: None)
        stage.count = world.imported.taken - taken


def fingerprint() -> str:
    """One value for everything a tick writes: equal before and after means that nothing changed."""
    with connection.cursor() as cursor:
        hashes = []
        for table in _WRITTEN_BY_TICKS:
            cursor.execute(f"SELECT md5(string_agg(t::text, '' ORDER BY t.id)) FROM {table} t")  # noqa: S608
            hashes.append(str(cursor.fetchone()[0]))
    return " ".join(hashes)


def _import(world: World, records: Sequence[Record], at: datetime, progress) -> None:  # type: ignore[no-untyped-def]
    if not records:
        return
    table = Table(world.table.columns, list(records))
    done = imports.take_in(
        program_id=world.program.pk,
        table=table,
        columns=imports.columns_for(program_id=world.program.pk, table=table),
        at=at,
        receipts=True,
        progress=progress,
    )
    report = world.imported
    report.taken += done.taken
    report.refused += done.refused
    report.there += done.there
    report.new_accounts += done.new_accounts
    report.problems += done.problems
    for day, count in done.evaluations.items():
        report.evaluations[day] = report.evaluations.get(day, 0) + count


def _tell(world: World, stage: Stage) -> None:
    stage.count = world.imported.taken
    reasons = Counter(problem.message for problem in world.imported.problems)
    stage.facts = {"refused": world.imported.refused, "reasons": dict(reasons.most_common(10))}
