"""S1, S2, S3: post the grants of a release at once, post one at a time, read a balance."""

import multiprocessing
import os
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import psycopg2

from bench import ledger_sql, measure, verify, world
from bench.measure import CONTROL, REFERENCE, SERVICE, SQL, Figure, Variant

AT = datetime(2026, 12, 21, 12, tzinfo=UTC)
CENTS = 600_000
ONE_AT_A_TIME = 300
"""Posts of one connection in one round."""
NOBODYS = "bench"
"""Credit of no program that is offered here needs no decision before it is sent."""


class Release:
    """S1: the holds of many awards in one call, from the grant to the hash chain."""

    def __init__(self, size: int) -> None:
        from credits.grants import AwardToReserve

        self.size = size
        self.people = world.people(1_000, prefix="holder")
        self.awards = [
            AwardToReserve(
                reference=f"AIS-2026-12-{place:06d}",
                program=world.SLUG,
                provider="anthropic",
                holder_id=self.people[place % len(self.people)],
                organization_id=None,
                amount_cents=CENTS + place,
                currency="USD",
                models=("standard",),
                term_months=6,
            )
            for place in range(size)
        ]
        self.cents = sum(award.amount_cents for award in self.awards)
        self.asks, self.approves = managers()

    def reset_ours(self) -> None:
        empty_ledger()
        self.pool = fund("2026", self.asks, self.approves)
        world.tidy("ledger_account", "ledger_transfer", "ledger_entry", "credits_grant")

    def run_service(self) -> None:
        from credits import grants

        grants.reserve_many(awards=self.awards, pool_code=self.pool.code, by=self.asks, at=AT)

    def verify_service(self) -> None:
        verify.holds(pool=self.pool.code, references=self.size, cents=self.cents)
        verify.ledger()
        verify.no_problems(but="every grant has its decision")  # nobody decided these

    def verify_replay(self) -> None:
        """A repeated call writes no row."""
        from credits import grants

        before = world.number("SELECT count(*) FROM ledger_transfer")
        grants.reserve_many(awards=self.awards, pool_code=self.pool.code, by=self.asks, at=AT)
        if world.number("SELECT count(*) FROM ledger_transfer") != before:
            raise verify.Wrong("a replay wrote transfers")

    def run_sql(self) -> None:
        ledger_sql.reserve_ours(self.awards, self.pool.pk, self.pool.code, self.asks.subject_key, AT)

    def verify_sql(self) -> None:
        verify.holds(pool=self.pool.code, references=self.size, cents=self.cents)
        verify.ledger()

    def reset_small(self) -> None:
        world.sql("TRUNCATE ref.entry, ref.transfer, ref.account, ref.grant_")
        world.sql(
            "INSERT INTO ref.account (code, currency, balance_cents) VALUES ('pool', 'USD', 1000000000000)"
        )
        world.tidy("ref.account", "ref.transfer", "ref.entry", "ref.grant_")

    def run_small(self) -> None:
        ledger_sql.reserve_small(self.awards, AT)

    def verify_small(self) -> None:
        facts = world.sql(
            "SELECT (SELECT count(*) FROM ref.entry), (SELECT 1000000000000 - balance_cents"
            " FROM ref.account WHERE code = 'pool')"
        )[0]
        if facts != (2 * self.size, self.cents):
            raise verify.Wrong(f"the reference did other work: {facts}")

    def figure(self, rounds: int) -> Figure:
        times = measure.interleave(
            [
                Variant(SERVICE, self.run_service, self.reset_ours, self.verify_service),
                Variant(SQL, self.run_sql, self.reset_ours, self.verify_sql),
                Variant(REFERENCE, self.run_small, self.reset_small, self.verify_small),
                Variant(CONTROL, self.run_small, self.reset_small, self.verify_small),
            ],
            rounds=rounds,
        )
        self.reset_ours()
        self.run_service()
        self.verify_replay()
        figure = measure.compare(
            times, row="S1", name="ledger: reserve grants at once", size=self.size, target=1.5
        )
        figure.note = (
            f"{self.size / figure.service:,.0f} grants/s, reference {self.size / figure.reference:,.0f}/s"
        )
        return figure


# --- One at a time ----------------------------------------------------------------------------------------------------


class Posters:
    """Processes with a connection each. They stay for all rounds; only the posting between two signals is timed."""

    def __init__(self, number: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.lines = []
        for place in range(number):
            ours, theirs = context.Pipe()
            context.Process(target=stand_by, args=(place, number, theirs), daemon=True).start()
            self.lines.append(ours)

    def run(self, way: str) -> float:
        """Seconds from the start signal to the end of the slowest."""
        for line in self.lines:
            line.send(way)
        for line in self.lines:
            self._answer(line)
        begin = monotonic()
        for line in self.lines:
            line.send("go")
        return max(self._answer(line) for line in self.lines) - begin

    def _answer(self, line: Any) -> float:
        if not line.poll(120):
            raise verify.Wrong("a posting process is silent")
        answer = line.recv()
        if isinstance(answer, str):
            raise verify.Wrong(f"a posting process failed: {answer}")
        return float(answer)

    def close(self) -> None:
        for line in self.lines:
            line.send("")


def stand_by(number: int, of: int, line: Any) -> None:
    """In a process of its own: prepare, say so, post at the signal, say when that ended. Any error is the answer."""
    try:
        world.setup()
        while way := line.recv():
            post = {"service": post_service, "ours": post_sql, "small": post_small}[way](number, of)
            line.send(0.0)
            line.recv()
            post()
            line.send(monotonic())  # one clock for all processes of a machine
    except Exception as error:  # noqa: BLE001 - whatever it is, the waiting side must hear it
        line.send(f"{type(error).__name__}: {error}")


def single(posters: Posters, *, hot: bool, rounds: int) -> Figure:
    """S2: one hold, one commit; from one pool for everybody (hot) or from forty pools in turn (spread)."""
    asks, approves = managers()
    connections = len(posters.lines)
    count, pools = connections * ONE_AT_A_TIME, 1 if hot else 40

    def reset_ours() -> None:
        empty_ledger()
        made = [fund(str(2026 + place), asks, approves) for place in range(pools)]
        ledger_sql.open_grants(count, [pool.code for pool in made], asks.pk, AT)
        world.tidy("ledger_account", "ledger_transfer", "ledger_entry", "credits_grant")

    def check_ours() -> None:
        if world.number("SELECT count(*) FROM ledger_transfer WHERE kind = 'hold'") != count:
            raise verify.Wrong("holds are missing")
        verify.ledger()

    def reset_small() -> None:
        world.sql("TRUNCATE ref.entry, ref.transfer, ref.account, ref.grant_")
        ledger_sql.open_small(count, pools)
        world.tidy("ref.account", "ref.transfer", "ref.entry")

    def check_small() -> None:
        if world.number("SELECT count(*) FROM ref.entry") != 2 * count:
            raise verify.Wrong("the reference lost entries")

    times = measure.interleave(
        [
            Variant(SERVICE, lambda: posters.run("service"), reset_ours, check_ours),
            Variant(SQL, lambda: posters.run("ours"), reset_ours, check_ours),
            Variant(REFERENCE, lambda: posters.run("small"), reset_small, check_small),
            Variant(CONTROL, lambda: posters.run("small"), reset_small, check_small),
        ],
        rounds=rounds,
    )
    figure = measure.compare(
        times,
        row="S2",
        size=count,
        target=1.6,
        name=f"ledger: post and commit, {connections} conn., {'hot pool' if hot else '40 pools'}",
    )
    figure.note = (
        f"{count / figure.service:,.0f} posts/s, reference {count / figure.reference:,.0f}/s, 0 deadlocks"
    )
    return figure


def post_service(number: int, of: int) -> Callable[[], None]:
    """The public operation, one transaction each."""
    from django.db import transaction

    from credits import ledger
    from credits.models import LedgerAccount
    from credits.movements import Kind
    from portal.models import User

    by = User.objects.get(email="asks@staff.example.org")
    accounts = {account.pk: account for account in LedgerAccount.objects.all()}
    mine = [
        (accounts[source], accounts[destination], cents, key)
        for source, destination, cents, key in ledger_sql.waiting(number, of)
    ]

    def post() -> None:
        for source, destination, cents, key in mine:
            with transaction.atomic():
                ledger.post(
                    kind=Kind.HOLD,
                    source=source,
                    destination=destination,
                    amount_cents=cents,
                    key=key,
                    by=by,
                    at=AT,
                )

    return post


def post_sql(number: int, of: int) -> Callable[[], None]:
    return _plain(ledger_sql.HOLD_ONE, ledger_sql.WAITING, number, of)


def post_small(number: int, of: int) -> Callable[[], None]:
    return _plain(ledger_sql.SMALL_ONE, ledger_sql.WAITING_SMALL, number, of)


def _plain(statement: str, waiting: str, number: int, of: int) -> Callable[[], None]:
    """psycopg2 alone: one statement, one commit."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(waiting, [of, number])
    mine = cursor.fetchall()

    def post() -> None:
        for source, destination, cents, key in mine:
            cursor.execute(
                statement, {"from": source, "to": destination, "cents": cents, "key": key, "at": AT}
            )
        connection.close()

    return post


# --- Balance ----------------------------------------------------------------------------------------------------------


def balance(few: int, many: int) -> Figure:
    """S3: the balance of an account with few entries and of one with many."""
    from credits import ledger

    asks, approves = managers()
    empty_ledger()
    fund("2026", asks, approves, program=NOBODYS)
    ledger_sql.open_grants(2, [f"pool:{NOBODYS}:2026"], asks.pk, AT)
    ledger_sql.many_entries(few, many)
    world.tidy("ledger_account", "ledger_entry")
    codes = {SERVICE: ledger_sql.busy_account(1), REFERENCE: ledger_sql.busy_account(0)}

    def read(code: str) -> Callable[[], float]:
        def run() -> float:
            times = []
            for _ in range(300):
                begin = perf_counter()
                assert ledger.account(code).balance_cents >= 0
                times.append(perf_counter() - begin)
            return statistics.median(times)

        return run

    times = measure.interleave(
        [
            Variant(SERVICE, read(codes[SERVICE])),
            Variant(REFERENCE, read(codes[REFERENCE])),
            Variant(CONTROL, read(codes[REFERENCE])),
        ],
        rounds=7,
    )
    figure = measure.compare(
        times, row="S3", name=f"ledger: balance, {many:,} entries / {few:,}", size=many, target=1.2
    )
    held = world.number(
        "SELECT count(*) FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id AND a.code = %s",
        [codes[SERVICE]],
    )
    verify.ledger()
    if held != many:
        raise verify.Wrong(f"the busy account has {held} entries, not {many}")
    return figure


# --- Shared -----------------------------------------------------------------------------------------------------------


def managers() -> tuple[Any, Any]:
    """Two people who may ask and approve."""
    from portal.models import User

    for name in ("asks", "approves"):
        User.objects.get_or_create(
            email=f"{name}@staff.example.org", defaults={"name": name, "is_staff": True}
        )
    return tuple(User.objects.filter(email__endswith="@staff.example.org").order_by("-email"))  # type: ignore[return-value]


def fund(period: str, asks: Any, approves: Any, *, program: str = world.SLUG) -> Any:
    """A pool with ten billion dollars."""
    from django.db import transaction

    from credits import ledger

    with transaction.atomic():
        ledger.fund(
            program=program,
            period=period,
            amount_cents=1_000_000_000_000,
            made_by=asks,
            approved_by=approves,
            key=f"fund:{period}",
            at=AT,
        )
    return ledger.account(ledger.pool_code(program, period))


def empty_ledger() -> None:
    """Allowed in databases of the bench alone (credits/migrations/0003)."""
    world.sql(
        """
        TRUNCATE ledger_entry, ledger_block, ledger_chain_head, ledger_transfer, ledger_account, credits_delivery,
            credits_grant, applications_decision, portal_auditevent CASCADE
        """
    )


def main() -> None:
    options = world.options(quick=(10_000,), full=(10_000, 100_000))
    world.setup()
    world.sql(Path(__file__).with_name("reference.sql").read_text())
    for size in options.sizes:
        empty_ledger()
        world.sql("DELETE FROM portal_user WHERE email LIKE 'holder%%'", [])
        release = Release(size)
        print(release.figure(options.rounds or (7 if size <= 10_000 else 5)).as_json(), flush=True)
    empty_ledger()
    for connections in (1, 4):
        posters = Posters(connections)
        for hot in (False, True):
            print(single(posters, hot=hot, rounds=options.rounds or 7).as_json(), flush=True)
        posters.close()
    print(
        balance(1_000, 20_000 if options.quick or options.sizes[-1] < 10_000 else 1_000_000).as_json(),
        flush=True,
    )


if __name__ == "__main__":
    main()
