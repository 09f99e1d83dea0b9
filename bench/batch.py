"""S4, S5: form a batch, screen it, assign it; and the tick that finds nothing left to do."""

from collections import defaultdict
from pathlib import Path
from time import perf_counter

from bench import measure, verify, world
from bench.measure import CONTROL, REFERENCE, SERVICE, SQL, Figure, Variant

LOOKS = 2
STEPS = ("form", "screen", "assign")


class Bench:
    """One size: the world, the ways to form its batch, and the steps' times."""

    def __init__(self, size: int) -> None:
        from bench import batch_sql
        from programs.models import EligibilityRule

        self.size = size
        self.program = world.program()
        # A disposable list of 60,000 domains finds nothing here; what it costs is part of the service's time.
        assert EligibilityRule.objects.filter(program=self.program, kind="near_duplicate").exists()
        self.cycle = self.program.cycles.order_by("cut_off_at")[0]
        self.steps: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.spread = 0
        self.batch_sql = batch_sql

    def seed(self) -> None:
        people = world.reviewers(self.program)
        applicants = world.people(self.size, prefix="applicant")
        world.timed(
            f"{self.size:,} applications", lambda: world.applications(self.program, self.cycle, applicants)
        )
        world.conflicts(self.program, people)
        world.sql(Path(__file__).with_name("reference.sql").read_text())
        world.sql(
            """
            INSERT INTO ref.application SELECT id, cycle_id, applicant_id, state, email_domain, country,
                requested_cents, email_key, organization_id_text FROM applications_application;
            INSERT INTO ref.sketch SELECT application_id, signature, bands FROM applications_textsketch;
            INSERT INTO ref.reviewer SELECT u.id, split_part(u.email, '@', 2) FROM portal_user u
                JOIN programs_membership m ON m.user_id = u.id AND m.role = 'reviewer';
            INSERT INTO ref.conflict SELECT application_id, user_id FROM applications_conflict;
            """
        )
        world.tidy("ref.application", "ref.sketch", "ref.conflict", "applications_conflict")
        domains = [f"lab{number}.example.org" for number in range(world.LABS)]
        self.plan = self.batch_sql.Plan(
            cycle_id=self.cycle.pk,
            program_id=self.program.pk,
            at=self.cycle.cut_off_at,
            due=self.cycle.review_due_at,
            refused=[world.REFUSED],
            strange_domains=domains,
            cap_cents=2_000_000,
        )

    # --- the service

    def run_service(self) -> None:
        from applications import assignment, batches, screening

        at, begin = self.cycle.cut_off_at, perf_counter()
        formed = batches.form(cycle_id=self.cycle.pk, at=at)
        after_form = perf_counter()
        screening.screen(batch_id=formed.batch_id, at=at)
        after_screen = perf_counter()
        assignment.assign(batch_id=formed.batch_id, at=at)
        self._note(SERVICE, begin, after_form, after_screen, perf_counter())

    def reset_ours(self) -> None:
        world.sql(
            """
            SET session_replication_role = replica;
            TRUNCATE applications_assignment, applications_batchentry, applications_batch, applications_screeningcheck,
                applications_notice, portal_auditevent, applications_assignmentplan, applications_conflictsweep,
                applications_gateduty, applications_link, applications_linkfinding;
            DELETE FROM applications_conflict WHERE kind <> 'declared';
            UPDATE applications_application SET state = 'submitted' WHERE state <> 'submitted';
            UPDATE programs_cycle SET state = 'open' WHERE state <> 'planned';
            RESET session_replication_role
            """
        )
        world.tidy(
            "applications_application",
            "applications_assignment",
            "applications_batchentry",
            "applications_conflict",
        )

    def verify_service(self) -> None:
        verify.batch(cycle_id=self.cycle.pk, applications=self.size)
        verify.manifest(cycle_id=self.cycle.pk)
        verify.findings(cycle_id=self.cycle.pk, expected=self.expected)
        self.spread = verify.assignments(cycle_id=self.cycle.pk, looks=LOOKS, most_spread=1)

    def expect(self) -> None:
        """What the rules must find, counted from the data in another way than the rules do."""
        shared = """
            SELECT count(*) FROM applications_application a WHERE EXISTS (SELECT FROM applications_application b
                WHERE b.id <> a.id AND b.applicant_id <> a.applicant_id AND b.{column} = a.{column})
        """
        expected = {
            "country": world.number("SELECT count(*) FROM applications_application WHERE country = 'CU'"),
            "academic_email": self.size,
            "duplicate_person": world.number(shared.format(column="email_key")),
            "shared_organization": world.number(shared.format(column="organization_id_text")),
            "near_duplicate": 2 * (self.size // 100),
        }
        self.expected = {kind: number for kind, number in expected.items() if number}

    # --- S and R

    def run_sql(self, name: str) -> None:
        tables = self.batch_sql.OURS if name == SQL else self.batch_sql.SMALL
        begin = perf_counter()
        batch = self.batch_sql.claim(self.plan, tables)
        after_form = perf_counter()
        self.batch_sql.flag(self.plan, tables, batch)
        after_screen = perf_counter()
        self.batch_sql.assign(self.plan, tables, batch)
        self._note(name, begin, after_form, after_screen, perf_counter())

    def reset_small(self) -> None:
        world.sql(
            "TRUNCATE ref.assignment, ref.batchentry, ref.finding;"
            "UPDATE ref.application SET state = 'submitted' WHERE state <> 'submitted'"
        )
        world.tidy("ref.application", "ref.assignment", "ref.batchentry")

    def verify_sql(self) -> None:
        verify.batch(cycle_id=self.cycle.pk, applications=self.size)
        verify.findings(cycle_id=self.cycle.pk, expected=self.expected)
        self.spread_sql = verify.assignments(cycle_id=self.cycle.pk, looks=LOOKS)

    def verify_small(self) -> None:
        found = dict(world.sql("SELECT kind, count(*) FROM ref.finding GROUP BY kind"))
        looks = world.number("SELECT count(*) FROM ref.assignment")
        entries = world.number("SELECT count(*) FROM ref.batchentry")
        if (found, looks, entries) != (self.expected, LOOKS * self.size, self.size):
            raise verify.Wrong(f"the reference did other work: {found}, {looks} looks, {entries} entries")

    def _note(self, name: str, *moments: float) -> None:
        for step, begin, end in zip(STEPS, moments, moments[1:], strict=False):
            self.steps[name][step].append(end - begin)

    def variants(self) -> list[Variant]:
        return [
            Variant(SERVICE, self.run_service, self.reset_ours, self.verify_service),
            Variant(SQL, lambda: self.run_sql(SQL), self.reset_ours, self.verify_sql),
            Variant(REFERENCE, lambda: self.run_sql(REFERENCE), self.reset_small, self.verify_small),
            Variant(CONTROL, lambda: self.run_sql(CONTROL), self.reset_small, self.verify_small),
        ]

    def repeated_tick(self) -> float:
        """Seconds of a tick over cycles in which nothing is left to do."""
        from applications.tick import tick

        self.reset_ours()
        self.run_service()
        tick(at=self.cycle.cut_off_at)
        times = []
        for _ in range(7):
            begin = perf_counter()
            done = tick(at=self.cycle.cut_off_at)
            times.append(perf_counter() - begin)
            if done.applications or done.assignments or done.findings:
                raise verify.Wrong(f"a repeated tick did work: {done}")
        return sorted(times)[3]


def figures(bench: Bench, rounds: int) -> list[Figure]:
    times = measure.interleave(bench.variants(), rounds=rounds)
    size = bench.size
    parts = {name: {step: steps[step][-rounds:] for step in STEPS} for name, steps in bench.steps.items()}
    dealt = {
        name: [form + assign for form, assign in zip(found["form"], found["assign"], strict=True)]
        for name, found in parts.items()
    }
    shares = ", ".join(f"{step} {sorted(parts[SERVICE][step])[rounds // 2]:.2f} s" for step in STEPS)
    found = [
        measure.compare(
            times, row="S4", name="batch: form, screen, assign", size=size, target=1.2, note=shares
        ),
        measure.compare(dealt, row="S4", name="batch: form and assign alone", size=size, target=1.2),
        measure.limit(
            row="S4",
            name="batch: load spread",
            size=size,
            value=bench.spread,
            most=1,
            unit="reviews",
            note=f"plain SQL deals with a spread of {bench.spread_sql}",
        ),
    ]
    again, whole = bench.repeated_tick(), found[0].service
    found.append(
        Figure(
            row="S5",
            name="batch: the tick again / forming",
            size=size,
            service=again,
            reference=whole,
            ratio=again / whole,
            low=again / whole,
            high=again / whole,
            target=0.02,
        )
    )
    found[-1].verdict = measure.judge(found[-1])
    return found


def main() -> None:
    options = world.options(quick=(2_000, 20_000), full=(10_000, 100_000))
    world.setup()
    first: Figure | None = None
    for size in options.sizes:
        if first is not None:
            empty()
        bench = Bench(size)
        bench.seed()
        bench.expect()
        found = figures(bench, rounds=options.rounds or (5 if size >= 20_000 else 7))
        for figure in found:
            print(figure.as_json(), flush=True)
        if first is not None:
            print(growth(first, found[0]).as_json(), flush=True)
        first = found[0]


def growth(small: Figure, large: Figure) -> Figure:
    """What ten times the applications cost: 11.5 times the time at most, and in proportion for other steps."""
    times = large.service / small.service
    figure = Figure(
        row="S4",
        name=f"batch: growth from {small.size:,}",
        size=large.size,
        service=large.service,
        reference=small.service,
        ratio=times,
        low=times,
        high=times,
        target=round(1.15 * large.size / small.size, 2),
    )
    figure.verdict = measure.judge(figure)
    return figure


def empty() -> None:
    """Back to the migrated, seeded-with-programs state.

    People go by DELETE: TRUNCATE would follow every key that points at them, down to the programs and their cycles.
    """
    world.sql(
        """
        SET session_replication_role = replica;
        DROP SCHEMA ref CASCADE;
        TRUNCATE applications_application, portal_auditevent CASCADE;
        DELETE FROM programs_membership;
        DELETE FROM portal_user;
        UPDATE programs_cycle SET state = 'open' WHERE state <> 'planned';
        RESET session_replication_role
        """
    )


if __name__ == "__main__":
    main()
