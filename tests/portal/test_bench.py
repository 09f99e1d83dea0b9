"""The bench: its checks see a broken copy, its judgement is fair, its counts hold, and every part runs at a tiny size."""

import json
import os
from typing import Any

import pytest
from django.db import connection

from applications import batches
from applications.models import Application, Assignment, AssignmentState, Batch, BatchEntry, Conflict
from applications.states import State
from bench import counters, measure, run, servers, verify
from bench.measure import CONTROL, REFERENCE, SERVICE, Variant
from credits import grants
from credits.models import Grant
from programs.models import CycleState
from tests.factories import credits as credit_factory
from tests.factories.applications import (
    AFTER,
    CUT_OFF,
    make_batch,
    make_many,
    make_member,
    make_program,
    next_cycle,
)

QUEUE = "/admin/applications/application/"


def sql(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


# --- Checks see a broken copy -----------------------------------------------------------------------------------------


@pytest.fixture
def batch(db: None) -> Batch:
    """Six applications, batched, screened and assigned to three reviewers."""
    program = make_program()
    for _ in range(3):
        make_member(program)
    return make_batch(program, applications=6)


def check_batch(batch: Batch) -> None:
    verify.batch(cycle_id=batch.cycle_id, applications=6)
    verify.manifest(cycle_id=batch.cycle_id)
    verify.findings(cycle_id=batch.cycle_id, expected={})
    verify.assignments(cycle_id=batch.cycle_id, looks=2, most_spread=1)


def test_a_right_batch_passes(batch: Batch) -> None:
    check_batch(batch)


def lose_an_entry(batch: Batch) -> None:
    BatchEntry.objects.filter(batch=batch).first().delete()


def leave_one_behind(batch: Batch) -> None:
    sql(
        "UPDATE applications_application SET state = 'submitted' WHERE id = (SELECT min(id) FROM applications_application)"
    )


def forge_the_manifest(batch: Batch) -> None:
    sql("UPDATE applications_batch SET manifest_sha256 = 'forged'")


def invent_a_finding(batch: Batch) -> None:
    sql(
        "INSERT INTO applications_screeningcheck (application_id, kind, outcome, sentence, details, checked_at)"
        " SELECT min(id), 'country', 'flag', '', '{}', now() FROM applications_application"
    )


def lose_a_look(batch: Batch) -> None:
    Assignment.objects.first().delete()


def assign_against_a_conflict(batch: Batch) -> None:
    one = Assignment.objects.first()
    Conflict.objects.create(application=one.application, user=one.reviewer, reason="Late", declared_at=AFTER)


def load_one_person(batch: Batch) -> None:
    most = Assignment.objects.values_list("reviewer_id", flat=True).first()
    others = Assignment.objects.exclude(application__assignments__reviewer_id=most)
    one_of_each = others.order_by("application_id").distinct("application_id").values_list("pk", flat=True)
    Assignment.objects.filter(pk__in=list(one_of_each)).update(reviewer_id=most)


@pytest.mark.parametrize(
    "harm",
    [
        lose_an_entry,
        leave_one_behind,
        forge_the_manifest,
        invent_a_finding,
        lose_a_look,
        assign_against_a_conflict,
        load_one_person,
    ],
)
def test_a_broken_batch_is_seen(batch: Batch, harm: Any) -> None:
    sql("SET session_replication_role = replica")  # past the triggers that would refuse it
    harm(batch)
    sql("SET session_replication_role = DEFAULT")

    with pytest.raises(verify.Wrong):
        check_batch(batch)


@pytest.fixture
def reserved(db: None) -> Grant:
    """Three grants of $1,000 each, held in one pool."""
    pool, holder = credit_factory.funded_pool(), credit_factory.person()
    awards = [credit_factory.award(holder=holder) for _ in range(3)]
    made = grants.reserve_many(awards=awards, pool_code=pool.code, by=holder, at=credit_factory.NOON)
    return Grant.objects.get(pk=made[0])


def check_ledger() -> None:
    verify.holds(pool=credit_factory.POOL, references=3, cents=3_000_00)
    verify.ledger()


def test_right_holds_pass(reserved: Grant) -> None:
    check_ledger()


@pytest.mark.parametrize(
    ("table", "harm"),
    [
        (
            "ledger_account",
            "UPDATE ledger_account SET balance_cents = balance_cents + 1 WHERE kind = 'reserved'",
        ),
        ("ledger_account", "UPDATE ledger_account SET version = version + 1 WHERE kind = 'pool'"),
        ("ledger_entry", "UPDATE ledger_entry SET amount_cents = amount_cents - 1 WHERE amount_cents < 0"),
        ("ledger_entry", "DELETE FROM ledger_entry WHERE amount_cents > 0"),
        ("ledger_transfer", "UPDATE ledger_transfer SET key = key || 'x' WHERE kind = 'hold'"),
        (
            "credits_grant",
            "UPDATE credits_grant SET pool = 'another' WHERE id = (SELECT min(id) FROM credits_grant)",
        ),
    ],
)
def test_a_broken_ledger_is_seen(reserved: Grant, table: str, harm: str) -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    sql(harm)

    with pytest.raises(verify.Wrong):
        check_ledger()


@pytest.mark.django_db
def test_a_release_that_did_nothing_is_seen() -> None:
    cycle = next_cycle(make_program())

    verify.released(cycle_id=cycle.pk, awards=0, declines=0)
    with pytest.raises(verify.Wrong):
        verify.released(cycle_id=cycle.pk, awards=1, declines=0)


# --- Judgement --------------------------------------------------------------------------------------------------------


def judged(service: list[float], control: list[float], target: float = 1.2) -> str:
    times = {SERVICE: service, REFERENCE: [1.0] * len(service), CONTROL: control}
    return measure.compare(times, row="S", name="one", size=1, target=target).verdict


def test_a_ratio_is_judged_only_beside_a_calm_control() -> None:
    calm = [1.0, 1.01, 0.99, 1.0, 1.0]

    assert judged([1.1] * 5, calm) == "met"
    assert judged([1.3] * 5, calm) == "MISSED"
    assert judged([1.3] * 5, [1.2] * 5) == "not judged: noise"
    assert judged([1.22] * 5, [0.9, 1.1, 1.0, 0.95, 1.05]) == "met within noise"


def test_every_variant_runs_once_a_round_in_another_order_and_is_verified() -> None:
    seen: list[str] = []
    variants = [
        Variant(
            name,
            lambda name=name: seen.append(f"run {name}"),
            verify=lambda name=name: seen.append(f"check {name}"),
        )
        for name in "abc"
    ]

    times = measure.interleave(variants, rounds=3, warm=0)

    assert {name: len(found) for name, found in times.items()} == {"a": 3, "b": 3, "c": 3}
    assert [line[-1] for line in seen if line.startswith("run")] == list("abcbcacab")
    assert seen[:2] == ["run a", "check a"]


def test_a_wrong_answer_ends_the_run() -> None:
    def wrong() -> None:
        raise verify.Wrong("nothing was done")

    with pytest.raises(verify.Wrong):
        measure.interleave([Variant("fast", lambda: None, verify=wrong)], rounds=1)


def test_the_table_shows_ratio_control_and_verdict() -> None:
    times = {SERVICE: [0.9, 1.0, 1.1], REFERENCE: [1.0] * 3, CONTROL: [1.0] * 3}
    figures = [
        measure.compare(times, row="S4", name="batch", size=10_000, target=1.2),
        measure.limit(row="S9", name="queue", size=200, value=14, most=15, unit="queries"),
    ]

    text = measure.table([measure.Figure(**json.loads(one.as_json())) for one in figures])

    assert "S4" in text
    assert "0.9-1.1" in text
    assert "<= 1.2" in text
    assert text.count("met") == 2


# --- Counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_queue_asks_as_much_for_ten_rows_as_for_two_hundred() -> None:
    program = make_program()
    reviewer = make_member(program)
    few = counted_queue(program, reviewer, 10)
    many = counted_queue(program, reviewer, 190)

    assert few.queries == many.queries
    assert many.queries <= 15


def counted_queue(program: Any, reviewer: Any, more: int) -> counters.Counted:
    cycle = next_cycle(program)
    rows = make_many(program, more, cycle=cycle, state=State.IN_REVIEW)
    cycle.state = CycleState.IN_REVIEW
    cycle.save()
    Assignment.objects.bulk_create(
        Assignment(
            application=row, reviewer=reviewer, state=AssignmentState.TO_DO, assigned_at=CUT_OFF, due_at=AFTER
        )
        for row in rows
    )
    return counters.page(reviewer, QUEUE)


@pytest.mark.django_db
def test_buffers_are_counted_without_running_a_change() -> None:
    program = make_program()
    make_many(program, 20)

    touched = counters.buffers("SELECT * FROM applications_application")

    assert touched > 0
    assert Application.objects.count() == 20
    assert batches.form(cycle_id=next_cycle(program).pk, at=CUT_OFF, dry_run=True).moved == 20


# --- Every part -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """An empty bench database beside those of the tests."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    return servers.prepared(dict(os.environ), empty=f"{servers.EMPTY}_{worker}")


@pytest.mark.slow
@pytest.mark.xdist_group("bench")
@pytest.mark.parametrize(
    ("part", "options", "rows"),
    [
        ("batch", ["--sizes", "200,400", "--rounds", "1"], {"S4", "S5"}),
        ("ledger", ["--sizes", "100", "--rounds", "1"], {"S1", "S2", "S3"}),
        ("release", ["--sizes", "100", "--rounds", "1"], {"S6"}),
        (
            "pages",
            ["--sizes", "200,400", "--rounds", "1", "--asked", "2"],
            {"S7", "S8", "S9", "S10", "S11", "S13", "S14"},
        ),
        ("exports", ["--sizes", "200"], {"S16"}),
    ],
)
def test_a_part_runs_and_verifies_itself(
    environment: dict[str, str], part: str, options: list[str], rows: set[str]
) -> None:
    done = run.part(part, environment, *options)

    figures = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0
    assert {figure["row"] for figure in figures} == rows
