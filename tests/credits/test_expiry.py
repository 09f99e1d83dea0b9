"""The end of lots: which day it is, what expires then, once, and where clocks start."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from dateutil.relativedelta import relativedelta
from django.db import transaction

from credits import expiry, grants, ledger, queries, usage_corrections
from credits.models import Transfer
from credits.movements import AccountKind, Kind
from tests.credits.races import together
from tests.factories import credits as make
from tests.factories.usage import evening, gone, left, lot, told

pytestmark = pytest.mark.django_db
END = date(2027, 1, 7)  # of a month from the usual posting


def test_what_is_left_expires_once_when_the_days_for_late_usage_are_over():
    grant, endless = lot(make.organization(), months=1), lot(make.organization(), months=None)
    told(grant.organization, 30_00, END)

    assert expiry.expire(at=evening(END, grant.late_usage_days)).lots == 0
    done = expiry.expire(at=evening(END, grant.late_usage_days + 1))
    again = expiry.expire(at=evening(END, 90))

    assert (done.lots, done.cents, again.lots) == (1, 70_00, 0)
    assert (left(grant), left(endless), gone(AccountKind.EXPIRED)) == (0, 100_00, 70_00)
    assert expiry.closes_on(grant) == date(2027, 1, 10)
    assert queries.ledger_problems() == []


def test_a_lot_without_days_for_late_usage_expires_the_day_after_its_last_one():
    grant = lot(make.organization(), months=1, late_usage_days=0)

    assert expiry.expire(at=datetime(2027, 1, 7, 23, 59, 59, tzinfo=UTC)).lots == 0
    assert expiry.expire(at=datetime(2027, 1, 8, tzinfo=UTC)).lots == 1
    assert left(grant) == 0


def test_an_hour_ahead_of_the_database_brings_no_end_nearer(settings):
    lot(make.organization(), months=1)
    settings.TESTING = False

    assert expiry.today_of(datetime(2999, 1, 1, tzinfo=UTC)) < date(2999, 1, 1)
    assert expiry.today_of(datetime(2020, 1, 1, tzinfo=UTC)) == date(2020, 1, 1)
    assert expiry.expire(at=datetime(2026, 1, 1, tzinfo=UTC)).lots == 0


def test_what_comes_back_to_an_ended_lot_expires_again():
    where, asker = make.organization(), make.person()
    grant = lot(where, months=1)
    row_id = told(where, 30_00, END).usage_id
    expiry.expire(at=evening(END, 9))
    wish = usage_corrections.ask(
        usage_id=row_id, told_cents=10_00, reason="Told twice", by=asker, at=evening(END, 10)
    )
    usage_corrections.approve(correction_id=wish.pk, by=make.person(), at=evening(END, 10))
    assert left(grant) == 20_00

    assert expiry.expire(at=evening(END, 11)).cents == 20_00
    assert (left(grant), gone(AccountKind.EXPIRED)) == (0, 90_00)
    assert Transfer.objects.filter(key__startswith=f"grant:{grant.uuid}:expire:").count() == 2
    assert queries.ledger_problems() == []


def test_frozen_credit_waits_and_expires_when_it_is_back():
    grant = lot(make.organization(), months=1)
    granted = make.account_of(grant, AccountKind.GRANTED)
    ice = ledger.open_account(
        code=f"frozen:{grant.pk}", kind=AccountKind.FROZEN, program=grant.program, grant_id=grant.pk
    )
    move = {"amount_cents": 40_00, "by": None, "at": make.NOON}
    ledger.post(kind=Kind.FREEZE, source=granted, destination=ice, key="f", **move)

    assert expiry.expire(at=evening(END, 9)).cents == 60_00
    ledger.post(kind=Kind.THAW, source=ice, destination=granted, key="t", **move)
    assert expiry.expire(at=evening(END, 10)).cents == 40_00
    assert make.balances(grant) == {}


@pytest.mark.django_db(transaction=True)
def test_two_workers_expire_a_lot_once():
    lots = [lot(make.organization(), months=1) for _ in range(4)]

    done = together(*[lambda: expiry.expire(at=evening(END, 9)).cents] * 2)

    assert sum(done) == 400_00
    assert [left(one) for one in lots] == [0] * 4
    assert queries.ledger_problems() == []


@pytest.mark.parametrize(("fields", "days"), [
    ({}, (date(2026, 12, 7), date(2027, 2, 7))),
    ({"term_starts": "decision"}, (date(2026, 11, 30), date(2027, 1, 30))),
    ({"term_starts": "first_use"}, (None, None)),
    ({"latest_end_on": date(2027, 1, 31)}, (date(2026, 12, 7), date(2027, 1, 31))),
    ({"latest_end_on": date(2028, 1, 31)}, (date(2026, 12, 7), date(2027, 2, 7))),
    ({"latest_end_on": date(2027, 1, 31), "months": None}, (date(2026, 12, 7), date(2027, 1, 31))),
    ({"latest_end_on": date(2027, 1, 31), "term_starts": "first_use"}, (None, date(2027, 1, 31))),
    ({"months": None}, (date(2026, 12, 7), None)),
])  # fmt: skip
def test_the_clock_starts_where_the_program_says(fields, days):
    where = make.organization()
    make.funded_pool(100_00)
    months = fields.pop("months", 2)
    award = make.award(
        holder=make.person(), amount_cents=100_00, organization_id=where.pk, term_months=months, **fields
    )
    with transaction.atomic():
        grant = grants.reserve(
            award=award, pool_code=make.POOL, by=make.person(), at=make.NOON - timedelta(days=7)
        )

    assert grants.dates_of(grant, confirmed_at=make.NOON) == days


def test_credit_that_would_have_ended_already_is_not_reserved():
    make.funded_pool(100_00)
    award = make.award(holder=make.person(), amount_cents=100_00, latest_end_on=make.NOON.date())

    with pytest.raises(grants.EndsTooEarly, match="not ahead"), transaction.atomic():
        grants.reserve(award=award, pool_code=make.POOL, by=make.person(), at=make.NOON)


def test_months_are_counted_as_calendars_count_them():
    days = [date(2027, 1, 1) + timedelta(days=3 * n) for n in range(490)] + [
        date(2028, 2, 29), date(2027, 8, 31), date(2027, 12, 31),
    ]  # fmt: skip

    for day, months in product(days, (1, 2, 6, 11, 12, 13, 120)):
        assert grants.expiry(day, months) == day + relativedelta(months=months)
    assert grants.expiry(date(2027, 1, 1), None) is None
