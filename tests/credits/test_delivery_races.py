"""Deliveries over HTTP with kills and faults: the provider's totals are the ledger's totals, to the cent."""

from datetime import datetime, timedelta
from functools import partial

import pytest

from credits import delivery, grants, queries
from credits.models import Delivery, Grant, LedgerAccount, Stage
from credits.models.grant import UNSETTLED
from credits.movements import AccountKind
from tests.credits.fake_provider import FakeProvider
from tests.credits.races import killed_at, together
from tests.factories.credits import NOON, POOL, award, funded_pool, organization, person, reserved
from tests.sizes import sized

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

DELIVERIES = sized(make_test=300, nightly=10_000)
POINTS = [
    "dispatch.before_commit",
    "dispatch.after_commit",
    "deliver.after_claim",
    "deliver.before_call",
    "deliver.after_call",
    "confirm.before_commit",
    "deliver.after_commit",
]


def one_run(provider: FakeProvider, at: datetime) -> delivery.Report:
    """What the task does: put on the way, then send."""
    delivery.dispatch(at=at)
    return delivery.send_due(limit=1_000, at=at, provider=provider.adapter(timeout_seconds=0.15))


def run_until_settled(provider: FakeProvider, at: datetime) -> int:
    """Sweep after sweep, two hours apart, until nothing waits; returns how many sweeps it took."""
    for sweep in range(1, 40):
        one_run(provider, at + timedelta(hours=2 * sweep))
        waiting = Delivery.objects.filter(state__in=UNSETTLED).exists()
        if not waiting and not Grant.objects.filter(stage=Stage.RESERVED).exists():
            return sweep
    raise AssertionError("deliveries are stuck")


def assert_both_sides_agree(provider: FakeProvider, grants: int) -> None:
    totals = provider.totals()
    posted = LedgerAccount.objects.filter(kind=AccountKind.GRANTED)
    assert totals["duplicates"] == 0
    assert totals["count"] == posted.count() == grants
    assert totals["sum_cents"] == sum(posted.values_list("balance_cents", flat=True))
    assert queries.ledger_problems() == []


@pytest.mark.parametrize("second", [None, "deliver.after_call", "deliver.before_call"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_in_the_middle(provider, point, second):
    """kill -9 at one point, and for pairs at another one during the recovery."""
    funded_pool(100_000_00)
    for number in range(1, 5):
        reserved(amount_cents=number * 111)

    assert killed_at(point, partial(one_run, provider, NOON))
    if second:
        killed_at(second, partial(one_run, provider, NOON + timedelta(minutes=30)))
    run_until_settled(provider, NOON)

    assert_both_sides_agree(provider, grants=4)
    assert queries.pool_balance(POOL) == 100_000_00 - 10 * 111


def test_the_provider_is_killed_in_the_middle(provider):
    funded_pool(100_000_00)
    for _ in range(4):
        reserved()
    provider.will("ok", "timeout_after_effect")
    one_run(provider, NOON)
    provider.kill()
    one_run(provider, NOON + timedelta(hours=1))
    provider.start()
    run_until_settled(provider, NOON)
    assert_both_sides_agree(provider, grants=4)


def test_faults_in_three_of_ten_calls(tmp_path):
    """Time-outs before and after the effect, errors, resets, slow and doubled calls; two workers, and a third one that is
    killed between its call and its commit, again and again.
    """
    provider = FakeProvider(tmp_path, "--fault-rate", "0.3", "--seed", "7")
    try:
        funded_pool(10_000_000_00)
        by, where = person(), [organization().pk for _ in range(10)]
        awards = [
            award(holder=by, amount_cents=100 + number, organization_id=where[number % 10])
            for number in range(DELIVERIES)
        ]
        grants.reserve_many(awards=awards, pool_code=POOL, by=by, at=NOON)
        delivery.dispatch(at=NOON, limit=DELIVERIES)
        killed = 0
        for sweep in range(60):
            at = NOON + timedelta(hours=2 * sweep)
            if sweep % 2 == 0 and killed < sized(make_test=4, nightly=20):
                killed += killed_at("deliver.after_call", partial(one_run, provider, at))
            works = partial(one_run, provider, at), partial(one_run, provider, at)
            together(*works, seconds=sized(make_test=60, nightly=900))
            if not Delivery.objects.filter(state__in=UNSETTLED).exists():
                break
        assert_both_sides_agree(provider, grants=DELIVERIES)
        assert killed >= 3
        assert not Delivery.objects.filter(state__in=UNSETTLED, alerted_at=None).exists()
        assert provider.totals()["replays"] > 0, "the run met no doubled call, so it proved nothing"
    finally:
        provider.kill()


def test_two_workers_share_and_call_once(provider):
    funded_pool(100_000_00)
    for _ in range(60):
        reserved()
    delivery.dispatch(at=NOON)

    reports = together(partial(one_run, provider, NOON), partial(one_run, provider, NOON))

    assert sum(report.confirmed for report in reports) == 60
    assert all(report.confirmed > 0 for report in reports)
    assert provider.totals()["replays"] == 0
    assert_both_sides_agree(provider, grants=60)
