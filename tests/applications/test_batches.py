import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import Error, connection, transaction

from applications import batches, intake
from applications.models import Application, Assignment, Batch, BatchEntry, Notice, ScreeningCheck
from applications.states import State
from portal.roles import Role
from programs.models import CycleState, MessageKind
from tests import processes
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    make_batch,
    make_draft,
    make_many,
    make_member,
    make_program,
    make_submitted,
    next_cycle,
)

pytestmark = pytest.mark.django_db


def test_a_batch_holds_what_was_sent_and_nothing_else() -> None:
    program = make_program()
    sent = [make_submitted(program) for _ in range(3)]
    draft, withdrawn = make_draft(program), make_submitted(program)
    intake.withdraw(application_id=withdrawn.pk, by=withdrawn.applicant, at=BEFORE)
    cycle = next_cycle(program)

    formed = batches.form(cycle_id=cycle.pk, at=CUT_OFF)

    batch = Batch.objects.get(cycle=cycle)
    assert (formed.moved, formed.created, batch.applications_count) == (3, True, 3)
    assert set(batch.entries.values_list("application_id", flat=True)) == {one.pk for one in sent}
    assert batch.manifest_sha256 == batches.manifest([one.reference for one in sent])
    assert set(Application.objects.filter(cycle=cycle).values_list("state", flat=True)) == {
        State.IN_REVIEW,
        State.WITHDRAWN,
    }
    draft.refresh_from_db()
    assert draft.state == State.DRAFT
    cycle.refresh_from_db()
    assert cycle.state == CycleState.IN_REVIEW


def test_forming_again_changes_nothing() -> None:
    program = make_program()
    make_submitted(program)
    first = batches.form(cycle_id=next_cycle(program).pk, at=CUT_OFF)

    again = batches.form(cycle_id=next_cycle(program).pk, at=AFTER)

    assert (again.batch_id, again.created, again.moved) == (first.batch_id, False, 0)
    assert BatchEntry.objects.count() == 1


def test_before_the_cut_off_it_is_refused() -> None:
    program = make_program()

    with pytest.raises(batches.CannotForm, match="has not passed"):
        batches.form(cycle_id=next_cycle(program).pk, at=CUT_OFF - timedelta(seconds=1))


def test_dry_run_counts_and_changes_nothing() -> None:
    program = make_program()
    make_submitted(program)

    formed = batches.form(cycle_id=next_cycle(program).pk, at=CUT_OFF, dry_run=True)

    assert (formed.moved, Batch.objects.count()) == (1, 0)


def test_the_database_refuses_a_second_membership_and_a_changed_manifest() -> None:
    batch = make_batch(make_program())
    entry = batch.entries.get()

    for attack in (
        lambda: BatchEntry.objects.create(batch=batch, application=entry.application, position=2),
        lambda: Batch.objects.filter(pk=batch.pk).update(manifest_sha256="0" * 64),
        lambda: Batch.objects.filter(pk=batch.pk).delete(),
    ):
        with pytest.raises(Error), transaction.atomic():
            attack()


@pytest.mark.django_db(transaction=True)
def test_two_hundred_ticks_at_once_form_one_batch(tmp_path: Path) -> None:
    program = make_program()
    for _ in range(4):
        make_member(program)
    make_many(program, 300)
    script = (
        "import os, django, threading; django.setup();"
        "from applications.tick import tick; from datetime import datetime;"
        "from django.db import connection;"
        f"at = datetime.fromisoformat('{CUT_OFF.isoformat()}');"
        "run = lambda: (tick(at=at), connection.close());"
        "threads = [threading.Thread(target=run) for _ in range(25)];"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]"
    )
    ticks = [processes.start(["-c", script], tmp_path / f"{number}.log") for number in range(8)]

    assert [tick.wait(120) for tick in ticks] == [0] * 8
    batch = Batch.objects.get()
    assert batch.entries.count() == batch.applications_count == 300
    assert Assignment.objects.count() == 600
    assert Notice.objects.filter(kind=MessageKind.ASSIGNMENT).count() == 4
    assert not Application.objects.filter(state=State.SUBMITTED).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["batch.before_commit", "batch.after_commit", "assign.before_commit"])
def test_kill_9_inside_a_tick_loses_and_doubles_nothing(point: str) -> None:
    program = make_program()
    for _ in range(3):
        make_member(program)
    make_many(program, 50)
    now = CUT_OFF.isoformat()

    killed = processes.manage("tick", "--now", now, CRASH_AT=point)
    finished = processes.manage("tick", "--now", now)

    assert killed.returncode == -signal.SIGKILL
    assert finished.returncode == 0, finished.stderr
    batch = Batch.objects.get()
    assert batch.entries.count() == 50
    assert batch.screened_at is not None
    assert Assignment.objects.count() == 100


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_of_a_batch_is_followed_by_another(worker, tmp_path: Path) -> None:
    program = make_program()
    make_member(program, Role.REVIEWER)
    make_member(program, Role.REVIEWER)
    make_many(program, 2_000)
    now = (CUT_OFF + timedelta(minutes=1)).isoformat()
    with connection.cursor() as cursor:  # hold the cycle, so that the kill meets a batch under way
        cursor.execute("SELECT 1")
    with worker(CLOCK_AT=now) as process:
        from applications.tasks import tick

        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM programs_cycle FOR SHARE")
            tick.delay()
            time.sleep(1.5)
            os.killpg(process.pid, signal.SIGKILL)
    assert not Batch.objects.exists()

    with worker(CLOCK_AT=now):
        tick.delay()
        deadline = time.monotonic() + 30
        while not Batch.objects.filter(assigned_at__isnull=False).exists() and time.monotonic() < deadline:
            time.sleep(0.1)

    batch = Batch.objects.get()
    assert batch.entries.count() == 2_000
    assert Assignment.objects.count() == 4_000
    assert ScreeningCheck.objects.count() == 0
