"""Holds, suspensions and labels: what freezes, what comes back, what is not sent meanwhile."""

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from functools import partial
from threading import Barrier, Event, Thread
from uuid import uuid4

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Exists

from credits import cases, checks, delivery, enforcement, expiry, ledger, tasks
from credits.models import Case, Delivery, DeliveryState, Enforcement, EnforcementKind, Grant, Transfer
from credits.movements import AccountKind, Kind
from credits.providers.base import Answer, Outcome
from portal import clock
from portal.database import with_retries
from tests.factories.credits import (
    NOON,
    account_of,
    balances,
    funded_pool,
    organization,
    person,
    reserved,
)
from tests.factories.events import EVENT_KEY, tell
from tests.sizes import sized

pytestmark = pytest.mark.django_db

HOLD, SUSPEND, LABEL = EnforcementKind.HOLD, EnforcementKind.SUSPEND, EnforcementKind.LABEL


class Provider:
    """Says yes to everything, and remembers what it was asked."""

    automatic = True

    def __init__(self, *, knows: bool = False) -> None:
        self.knows, self.given, self.asked = knows, [], []

    def grant(self, order):
        self.given.append(order.key)
        return Answer(Outcome.GRANTED)

    def lookup(self, order):
        self.asked.append(order.key)
        return Answer(Outcome.GRANTED if self.knows else Outcome.ABSENT)

    def reverse(self, order):
        return Answer(Outcome.GRANTED)


@pytest.fixture
def org():
    funded_pool(100_000_00)
    return organization()


def confirmed(org, cents=1_000_00, *, at=NOON):
    grant = reserved(amount_cents=cents, organization_id=org.pk, bound=False)
    delivery.dispatch(at=at)
    delivery.send_due(limit=10, at=at, provider=Provider())
    grant.refresh_from_db()
    assert grant.stage == "confirmed"
    return grant


def use(grant, cents):
    with transaction.atomic():
        consumed = ledger.open_account(
            code=f"consumed:{grant.program}", kind=AccountKind.CONSUMED, program=grant.program
        )
        ledger.post(
            kind=Kind.USE,
            source=account_of(grant, AccountKind.GRANTED),
            destination=consumed,
            amount_cents=cents,
            key=f"use:{grant.pk}:{uuid4()}",
            by=None,
            at=NOON,
        )


def impose(org, kind=HOLD, *, by=None, reason="Unusual traffic.", **more):
    return enforcement.impose(
        organization_id=org.pk, kind=kind, reason=reason, by=by or person(), at=NOON, **more
    )


def lift(row, *, by=None, at=NOON):
    return enforcement.lift(enforcement_id=row.pk, reason="Looked at; all is well.", by=by or person(), at=at)


def test_everything_unspent_of_the_organization_is_frozen_and_comes_back_exactly(org):
    first, second, other = confirmed(org), confirmed(org, 300_00), confirmed(organization(), 50_00)
    use(first, 250_00)

    row = impose(org)

    assert balances(first) == {"frozen": 750_00}
    assert balances(second) == {"frozen": 300_00}
    assert balances(other) == {"granted": 50_00}
    with pytest.raises(ledger.NotEnoughCredit):
        use(first, 1)

    lift(row)

    assert balances(first) == {"granted": 750_00}
    assert balances(second) == {"granted": 300_00}
    assert enforcement.sweep(at=NOON) == 0
    assert checks.ledger_problems() == []


def test_the_last_of_two_gives_back_and_a_second_episode_freezes_again(org):
    grant = confirmed(org)
    held, suspended = impose(org), impose(org, SUSPEND)

    lift(held)
    assert balances(grant) == {"frozen": 1_000_00}
    lift(suspended)
    assert balances(grant) == {"granted": 1_000_00}
    impose(org, reason="Once more.")

    assert balances(grant) == {"frozen": 1_000_00}
    assert Transfer.objects.filter(kind="freeze").count() == 2
    assert Transfer.objects.filter(kind="thaw").count() == 1


def test_a_label_freezes_nothing_and_keeps_nothing_back(org):
    grant = confirmed(org)

    impose(org, LABEL, reason="Red-teaming, sponsored.")

    assert balances(grant) == {"granted": 1_000_00}
    assert not enforcement.is_held(org.pk)


def test_once_is_enough_and_somebody_else_is_told(org):
    who = person()
    first = impose(org, by=who)

    assert impose(org, by=who) == first
    assert enforcement.impose(
        organization_id=org.pk, kind=HOLD, reason="Event.", by=None, event_id="e", at=NOON
    ) == first  # fmt: skip
    with pytest.raises(enforcement.CannotEnforce, match="already"):
        impose(org, reason="Another.")
    for empty in ("", "  ", "\0"):
        with pytest.raises(enforcement.CannotEnforce, match="reason"):
            impose(org, SUSPEND, reason=empty)
    lift(first, by=who)
    assert lift(first, by=who).lifted_by == who
    with pytest.raises(enforcement.CannotEnforce, match="already"):
        lift(first)
    assert Enforcement.objects.count() == 1


def test_nothing_new_is_sent_to_an_organization_on_hold(org):
    row = impose(org)
    waiting = reserved(organization_id=org.pk, bound=False)
    other = reserved()

    assert delivery.dispatch(at=NOON) == 1
    waiting.refresh_from_db()
    other.refresh_from_db()
    assert (waiting.stage, other.stage) == ("reserved", "sent")
    assert not Case.objects.exists()  # the hold itself is what staff see

    lift(row)
    assert delivery.dispatch(at=NOON) == 1


def test_what_is_on_its_way_is_not_given_and_an_earlier_call_is_only_asked_about(org):
    pending = reserved(organization_id=org.pk, bound=False)
    called = reserved(organization_id=org.pk, bound=False)
    delivery.dispatch(at=NOON)
    Delivery.objects.filter(grant=called).update(state=DeliveryState.UNKNOWN, sent_at=NOON, attempts=1)
    row = impose(org)
    provider = Provider()

    delivery.send_due(limit=10, at=NOON, provider=provider)

    assert provider.given == []
    assert provider.asked == [Delivery.objects.get(grant=called).key]
    assert delivery.hand_over(by=person(), at=NOON) == []

    late = NOON + timedelta(hours=2)
    delivery.send_due(limit=10, at=late, provider=Provider(knows=True))
    assert balances(called) == {"frozen": 1_000_00}  # the provider had it: posted, and frozen at once
    assert balances(pending) == {"in_transit": 1_000_00}
    lift(row, at=late)
    delivery.send_due(limit=10, at=late, provider=provider)
    assert provider.given == [Delivery.objects.get(grant=pending).key]
    assert balances(called) == {"granted": 1_000_00}


def test_the_sweep_freezes_what_arrived_beside_a_hold_within_its_minute(org, settings):
    grant = confirmed(org)
    Enforcement.objects.create(
        organization=org, kind=HOLD, reason="Written past us.", imposed_by=person(), happened_at=NOON, recorded_at=NOON
    )  # fmt: skip

    with clock.set_to(NOON):
        tasks.deliver_due()

    assert balances(grant) == {"frozen": 1_000_00}
    assert settings.CELERY_BEAT_SCHEDULE["deliver-due"]["schedule"] < timedelta(seconds=60)


def test_what_is_frozen_does_not_end_and_what_comes_back_behind_its_end_does(org):
    grant = confirmed(org)
    row = impose(org)
    after = datetime.combine(Grant.objects.get(pk=grant.pk).expires_on, time(12), UTC) + timedelta(days=30)

    expiry.expire(at=after)
    assert balances(grant) == {"frozen": 1_000_00}
    lift(row, at=after)
    expiry.expire(at=after)

    assert balances(grant) == {}
    assert checks.ledger_problems() == []


def test_the_database_refuses_to_send_past_a_hold_and_to_edit_one(org):
    grant = reserved(organization_id=org.pk, bound=False)
    ledger.open_grant_accounts(kind=AccountKind.IN_TRANSIT, grant_ids=[grant.pk])
    row = impose(org)
    with pytest.raises(ledger.NotAllowed, match="on hold"), transaction.atomic():
        ledger.post(
            kind=Kind.SEND,
            source=account_of(grant, AccountKind.RESERVED),
            destination=account_of(grant, AccountKind.IN_TRANSIT),
            amount_cents=grant.amount_cents,
            key="past-the-hold",
            by=None,
            at=NOON,
        )
    for change in ({"reason": "x"}, {"kind": LABEL}, {"happened_at": NOON + timedelta(1)}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Enforcement.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Enforcement.objects.filter(pk=row.pk).delete()
    lift(row)
    with pytest.raises(DatabaseError), transaction.atomic():
        Enforcement.objects.filter(pk=row.pk).update(lifted_at=None, lifted_by=None, lifted_reason="")


def test_a_refused_sending_becomes_a_case_and_is_not_tried_before_it_is_settled(org, monkeypatch):
    grant, fine = reserved(organization_id=org.pk, bound=False), reserved()
    nobody = Exists(Enforcement.objects.none())  # as if the hold had come between the look and the posting
    monkeypatch.setattr(enforcement, "held", lambda path="": nobody)
    row = impose(org)

    for _ in range(3):
        delivery.dispatch(at=NOON)

    case = Case.objects.get()
    assert (case.grant_id, case.kind) == (grant.pk, "transfer")
    assert "on hold" in case.words
    fine.refresh_from_db()
    assert fine.stage == "sent"

    cases.settle(case=case, by=person(), at=NOON, reason="Waiting for the provider.")
    delivery.dispatch(at=NOON)
    assert Case.objects.filter(settled_at=None).count() == 1  # refused again, told again
    cases.settle(case=Case.objects.get(settled_at=None), by=person(), at=NOON, reason="Lifted.")
    lift(row)
    assert delivery.dispatch(at=NOON) == 1


def test_a_hold_of_the_provider_outlives_the_one_by_staff_that_stood_meanwhile(org, settings):
    settings.PROVIDER_EVENT_KEYS = [EVENT_KEY]
    grant, named = confirmed(org), {"organization": org.external_id}
    later = NOON + timedelta(seconds=5)
    with clock.set_to(NOON):
        ours = impose(org)
        tell("organization.held", NOON, event_id="evt_theirs", **named)

        lift(ours)

        theirs = enforcement.freezing().get(organization=org)
        assert (theirs.kind, theirs.event_id, theirs.imposed_by) == ("hold", "evt_theirs", None)
        assert balances(grant) == {"frozen": 1_000_00}
        tell("organization.cleared", NOON, happened_at=later, **named)
        assert balances(grant) == {"granted": 1_000_00}

        # What the provider clears meanwhile, or staff lift of its own, does not come back.
        ours = impose(org)
        tell("organization.held", NOON, happened_at=later, **named)
        tell("organization.cleared", NOON, happened_at=later, **named)
        lift(ours)
        assert not enforcement.is_held(org.pk)
        tell("organization.held", NOON, happened_at=later, **named)
        lift(enforcement.freezing().get(organization=org))
        assert not enforcement.is_held(org.pk)
    assert checks.ledger_problems() == []


@pytest.mark.django_db(transaction=True)
def test_use_races_with_holds_and_no_cent_is_lost(org):
    """Two connections use credit, a third holds and lifts: whatever comes first, everything adds up and comes back."""
    grant = confirmed(org)
    started, used, stop = Barrier(3), [], Event()

    def spend():
        started.wait()
        while not stop.is_set():
            with suppress(ledger.NotEnoughCredit, OperationalError):
                use(grant, 1)
                used.append(1)
        connection.close()

    threads = [Thread(target=spend) for _ in range(2)]
    for thread in threads:
        thread.start()
    started.wait()
    who = person()
    for turn in range(sized(make_test=4, nightly=40)):
        row = with_retries(partial(impose, org, by=who, reason=f"Turn {turn}."))
        assert set(balances(grant)) == {"frozen"}
        with_retries(partial(lift, row, by=who))
    stop.set()
    for thread in threads:
        thread.join()

    assert balances(grant) == {"granted": 1_000_00 - len(used)}
    assert checks.ledger_problems() == []
