"""Usage by organization and day: once, drawn from the right lots, late, too much, corrected by two people, in files."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from threading import Barrier, get_ident

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credits import (
    delivery,
    expiry,
    ledger,
    queries,
    statements,
    usage,
    usage_corrections,
    usage_files,
)
from credits.models import Case, Grant, Transfer, Usage, UsageReport
from credits.movements import AccountKind, Kind
from portal import clock
from tests.credits.races import together
from tests.factories import credits as make
from tests.factories.usage import DAY, evening, gone, left, lot, told, used
from tests.sizes import sized

pytestmark = pytest.mark.django_db


def test_a_day_is_counted_once_and_a_higher_figure_moves_the_difference():
    where = make.organization()
    grant = lot(where)

    first = told(where, 10_00)
    again = [told(where, 10_00, late=1), told(where, 10_00, source="file", key="another")]
    higher = told(where, 25_00, late=1)

    assert (first.is_new, first.moved_cents, [one.is_new for one in again]) == (True, 10_00, [False, False])
    assert (higher.moved_cents, left(grant), used(where)) == (15_00, 75_00, 25_00)
    assert gone(AccountKind.CONSUMED) == 25_00
    keys = Transfer.objects.filter(kind=Kind.USE).order_by("pk").values_list("key", flat=True)
    assert list(keys) == [f"usage:{where.pk}:2026-12-08:USD:{n}:{grant.pk}" for n in (1, 2)]
    assert UsageReport.objects.count() == 2
    assert not Case.objects.exists()
    assert queries.ledger_problems() == []


def test_a_lower_figure_moves_nothing_and_two_people_put_it_right():
    where, asker, approver = make.organization(), make.person(), make.person()
    grant = lot(where)
    told(where, 30_00)
    told(where, 40_00, late=1)

    with pytest.raises(usage.LowerThanBefore) as refused:
        told(where, 5_00, late=1)

    row = Usage.objects.get()
    assert (left(grant), row.told_cents, refused.value.case) == (60_00, 40_00, Case.objects.get())
    assert "$5" in refused.value.case.words
    wish = usage_corrections.ask(
        usage_id=row.pk, told_cents=5_00, reason="Told twice", by=asker, at=evening(DAY, 2),
        case_id=usage_corrections.case_of(row).pk,
    )  # fmt: skip
    with pytest.raises(usage_corrections.CannotCorrect, match="You asked"):
        usage_corrections.approve(correction_id=wish.pk, by=asker, at=evening(DAY, 2))
    with pytest.raises(usage_corrections.CannotCorrect, match="your own"):
        usage_corrections.approve(correction_id=wish.pk, by=grant.holder, at=evening(DAY, 2))
    assert left(grant) == 60_00
    for _ in range(2):
        usage_corrections.approve(correction_id=wish.pk, by=approver, at=evening(DAY, 2))

    row.refresh_from_db()
    assert (left(grant), used(where), row.told_cents, row.posted_cents) == (95_00, 5_00, 5_00, 5_00)
    assert not Case.objects.get().is_open
    assert not told(where, 5_00, late=3).is_new  # the right figure is the one that is known
    assert told(where, 8_00, late=3).moved_cents == 3_00
    assert queries.ledger_problems() == []


@pytest.mark.parametrize("change", [
    {"told_cents": 40_00}, {"told_cents": 50_00}, {"told_cents": -1}, {"reason": "  "},
])  # fmt: skip
def test_a_correction_that_is_none_is_refused(change):
    where = make.organization()
    lot(where)
    row_id = told(where, 40_00).usage_id
    wish = {"told_cents": 5_00, "reason": "Told twice"} | change

    with pytest.raises(usage_corrections.CannotCorrect):
        usage_corrections.ask(usage_id=row_id, by=make.person(), at=evening(DAY), **wish)


def test_a_correction_can_be_refused_or_taken_back_and_another_cannot_wait_beside_it():
    where, asker, other = make.organization(), make.person(), make.person()
    lot(where)
    row_id = told(where, 40_00).usage_id
    wish = {"usage_id": row_id, "told_cents": 0, "reason": "Not theirs", "at": evening(DAY)}
    first = usage_corrections.ask(by=asker, **wish)

    assert usage_corrections.ask(by=asker, **wish).pk == first.pk
    with pytest.raises(usage_corrections.CannotCorrect, match="waits already"):
        usage_corrections.ask(by=other, **wish)
    with pytest.raises(usage_corrections.CannotCorrect, match="Only the person"):
        usage_corrections.take_back(correction_id=first.pk, by=other, at=evening(DAY))
    usage_corrections.take_back(correction_id=first.pk, by=asker, at=evening(DAY))
    second = usage_corrections.ask(by=other, **wish)
    usage_corrections.refuse(correction_id=second.pk, by=asker, at=evening(DAY))

    with pytest.raises(usage_corrections.CannotCorrect, match="refused"):
        usage_corrections.approve(correction_id=second.pk, by=asker, at=evening(DAY))
    assert used(where) == 40_00
    with pytest.raises(DatabaseError), transaction.atomic():
        second.__class__.objects.filter(pk=first.pk).update(told_cents=1)


def test_lots_are_drawn_by_their_end_then_by_age_and_only_those_alive_on_the_day():
    where = make.organization()
    endless = lot(where, cents=10_00, months=None)
    late = lot(where, cents=10_00, months=12)
    early = lot(where, cents=10_00, months=3)
    younger = lot(where, cents=10_00, months=3, posted_at=make.NOON + timedelta(days=1))
    elsewhere = lot(make.organization(), cents=10_00, months=1)

    told(where, 15_00, DAY - timedelta(days=1))  # before the younger one was there
    assert [left(one) for one in (early, younger, late)] == [0, 10_00, 5_00]
    told(where, 13_00, DAY)
    told(where, 4_00, DAY + timedelta(days=1))

    assert [left(one) for one in (early, younger, late, endless, elsewhere)] == [0, 0, 0, 8_00, 10_00]
    assert used(where) == 32_00
    assert queries.ledger_problems() == []


def test_lots_of_two_programs_each_pay_into_their_own_account():
    where = make.organization()
    lot(where, cents=10_00, months=3)
    lot(where, cents=10_00, months=6, program="external-researcher-access")

    told(where, 15_00)

    assert (gone(AccountKind.CONSUMED), gone(AccountKind.CONSUMED, "external-researcher-access")) == (
        10_00,
        5_00,
    )


def test_what_credit_does_not_cover_is_kept_told_once_and_taken_later():
    where, person = make.organization(), make.person()
    grant = lot(where, cents=10_00)
    first = told(where, 25_00)
    told(where, 25_00)

    assert (first.moved_cents, first.uncovered_cents, left(grant)) == (10_00, 15_00, 0)
    assert "covers $10" in Case.objects.get().words
    top_up = lot(where, cents=50_00)  # confirmed in the evening of the day before
    assert told(where, 26_00, late=1).moved_cents == 16_00  # what was missing and the difference
    assert left(top_up) == 34_00
    assert usage.cover(usage_id=first.usage_id, by=person, at=evening(DAY, 1)).moved_cents == 0
    assert queries.ledger_problems() == []


def test_frozen_credit_is_not_used_and_covers_the_day_when_it_is_back():
    where = make.organization()
    grant = lot(where, cents=10_00)
    granted = make.account_of(grant, AccountKind.GRANTED)
    ice = ledger.open_account(
        code=f"frozen:{grant.pk}", kind=AccountKind.FROZEN, program=grant.program, grant_id=grant.pk
    )
    ledger.post(
        kind=Kind.FREEZE, source=granted, destination=ice, amount_cents=10_00, key="f", by=None, at=make.NOON
    )

    counted = told(where, 4_00)

    assert (counted.moved_cents, counted.uncovered_cents, Case.objects.count()) == (0, 4_00, 1)
    ledger.post(
        kind=Kind.THAW, source=ice, destination=granted, amount_cents=10_00, key="t", by=None, at=make.NOON
    )
    assert usage.cover(usage_id=counted.usage_id, by=make.person(), at=evening(DAY, 1)).moved_cents == 4_00
    assert (left(grant), Usage.objects.get().uncovered_cents) == (6_00, 0)
    assert queries.ledger_problems() == []


def test_late_usage_counts_until_the_days_for_it_are_over():
    where = make.organization()
    grant = lot(where, months=1, late_usage_days=3)
    last = date(2027, 1, 7)
    assert grant.expires_on == last

    assert told(where, 10_00, last, late=3).moved_cents == 10_00
    with pytest.raises(usage.NoCredit):  # the day itself lies after the end
        told(where, 10_00, last + timedelta(days=1))
    with pytest.raises(usage.TooLate, match="until 2027-01-10") as refused:
        told(where, 20_00, last - timedelta(days=1), late=5)

    assert (left(grant), refused.value.case) == (90_00, Case.objects.get(key__contains="toolate"))
    assert expiry.expire(at=evening(last, 3)).lots == 0
    assert expiry.expire(at=evening(last, 4)).cents == 90_00
    assert queries.ledger_problems() == []


@pytest.mark.parametrize(("change", "sentence"), [
    ({"amount_cents": 0}, "more than nothing"), ({"amount_cents": -5}, "more than nothing"),
    ({"amount_cents": float("nan")}, "whole number"), ({"amount_cents": Decimal("1.5")}, "whole number"),
    ({"amount_cents": True}, "whole number"), ({"amount_cents": 10**16}, "too large"),
    ({"currency": "EUR"}, "credit is in USD"), ({"currency": ""}, "no currency"),
    ({"day": DAY + timedelta(days=1)}, "lies ahead"), ({"day": "2026-12-08"}, "not a date"),
    ({"day": DAY - timedelta(days=9)}, "had no credit on"), ({"organization_id": 0}, "No organization"),
])  # fmt: skip
def test_a_figure_that_cannot_be_is_refused_with_a_sentence_and_a_case_for_the_machine(change, sentence):
    where = make.organization()
    grant = lot(where)

    with pytest.raises(usage.UsageRefused, match=sentence) as refused:
        told(where, 1_00, **{"at": evening(DAY)} | change)

    assert (left(grant), Usage.objects.count(), refused.value.case) == (100_00, 0, Case.objects.get())
    with pytest.raises(usage.UsageRefused) as again:
        told(where, 1_00, **{"at": evening(DAY), "by": make.person()} | change)
    assert again.value.case is None  # there is somebody at the screen


def test_use_before_the_posting_counts_and_no_statement_begins_below_zero():
    where = make.organization()
    make.funded_pool()
    order = make.sent(organization_id=where.pk, bound=False, amount_cents=100_00)
    delivery.hand_over(by=make.person(), at=make.NOON)
    posted_at = evening(DAY, 6)
    grant = delivery.confirm(delivery_id=order.pk, at=posted_at)

    told(where, 30_00, late=7)

    before = statements.of_grant(grant, first=DAY, last=DAY + timedelta(days=3))
    assert (before.closing_cents, before.rows) == (0, [])
    whole = statements.of_grant(grant, first=DAY, last=DAY + timedelta(days=9))
    assert [(row.at, row.balance_cents) for row in whole.rows] == [(posted_at, 100_00), (posted_at, 70_00)]


def test_an_organization_without_confirmed_credit_is_refused():
    with pytest.raises(usage.NoCredit, match="confirmed"):
        told(make.organization(), 1_00)


def test_a_clock_that_waits_for_the_first_use_starts_once():
    where = make.organization()
    grant = lot(where, months=6, term_starts="first_use")
    assert (grant.starts_on, grant.expires_on) == (None, None)

    told(where, 1_00, date(2027, 8, 31))
    told(where, 1_00, date(2027, 8, 30), late=1)
    grant.refresh_from_db()

    assert (grant.starts_on, grant.expires_on) == (date(2027, 8, 31), date(2028, 2, 29))
    for change in ({"expires_on": date(2028, 3, 1)}, {"starts_on": None}, {"late_usage_days": 9}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).update(**change)


def test_a_first_use_ends_the_lot_for_later_days_of_the_same_file():
    where = make.organization()
    grant = lot(where, months=1, term_starts="first_use", latest_end_on=date(2027, 12, 31))
    assert grant.expires_on == date(2027, 12, 31)
    figures = [usage.Figure(where.pk, day, 5_00, "USD") for day in (date(2027, 3, 1), date(2027, 1, 31))]

    later, first = usage.record_many(figures=figures, source="file", by=None, at=evening(date(2027, 3, 1)))

    grant.refresh_from_db()
    assert (first.moved_cents, later.moved_cents) == (5_00, 0)
    assert (grant.starts_on, grant.expires_on) == (date(2027, 1, 31), date(2027, 2, 28))
    assert isinstance(later.refusal, usage.NoCredit)


@pytest.mark.django_db(transaction=True)
def test_the_same_day_from_two_connections_is_one_effect():
    where = make.organization()
    grant = lot(where)

    def same():
        return told(where, 10_00).moved_cents

    def other():
        return told(where, 30_00, late=1).moved_cents

    assert sorted(together(same, same)) == [0, 10_00]
    answers = together(other, other)

    assert (sorted(answers), left(grant), used(where)) == ([0, 20_00], 70_00, 30_00)
    assert (Usage.objects.count(), UsageReport.objects.count()) == (1, 2)
    assert queries.ledger_problems() == []


@settings(
    max_examples=sized(make_test=6, nightly=200), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), min_size=1, max_size=12), st.integers(1, 150)
)
def test_what_was_used_is_the_sum_of_the_accepted_figures(reports, held):
    inside = transaction.atomic()
    inside._from_testcase = True  # so that operations which own their transaction may run inside
    with inside:
        where = make.organization()
        lot(where, cents=held, months=1)
        lot(where, cents=held, months=None)
        best: dict[int, int] = {}
        for day, cents in reports:
            if cents >= best.get(day, 0):
                best[day] = cents
                told(where, cents, DAY + timedelta(days=day), late=9)
            else:
                with pytest.raises(usage.LowerThanBefore):
                    told(where, cents, DAY + timedelta(days=day), late=9)
        rows = list(Usage.objects.all())
        assert {(row.day - DAY).days: row.told_cents for row in rows} == best
        assert used(where) == sum(row.posted_cents for row in rows) == min(sum(best.values()), 2 * held)
        assert queries.ledger_problems() == []
        transaction.set_rollback(True)


def test_ledger_verify_finds_a_day_that_differs_from_its_movements():
    where = make.organization()
    lot(where)
    told(where, 10_00)
    Usage.objects.update(posted_cents=9_00)

    [problem] = queries.ledger_problems()

    assert problem.startswith("usage is what was used, for each organization and day: ")
    assert problem.endswith(f"usage:{where.pk}:2026-12-08:USD: 900 cents counted, 1000 cents moved")


# --- Files -----------------------------------------------------------------------------------------------------------


def _file(*lines: str) -> bytes:
    return ("organization_id,day,amount,currency\n" + "\n".join(lines) + "\n").encode()


def _take(data, **options):
    return usage_files.take(data=data, by=make.person(), at=evening(DAY, 1), **options)


def test_a_file_counts_what_is_good_names_what_is_bad_and_may_be_repeated():
    one, two = make.organization(), make.organization()
    first, second = lot(one), lot(two, cents=10_00)
    data = _file(
        f"{one.external_id},2026-12-08,12.50,USD",
        f"{two.external_id.upper()},2026-12-08,$30,usd",
        "0b0c9a64-0000-4a39-9f5e-000000000000,2026-12-08,1,USD",
        f"{one.external_id},20261209,1,USD",
        f"{one.external_id},2026-12-09,NaN,USD",
        f"{one.external_id},2027-12-09,1,USD",
        f"{one.external_id},2026-12-08,2,EUR",
    )

    tried = _take(data, dry_run=True)
    assert (tried.counted, Usage.objects.count(), Case.objects.count()) == (2, 0, 0)
    done = _take(data)
    again = _take(data)

    assert (done.counted, done.moved_cents, done.uncovered) == (2, 22_50, 1)
    assert [line for line, _ in done.problems] == [3, 4, 5, 6, 7, 8]
    assert "$20" in done.problems[0][1]
    assert (again.counted, again.repeated) == (0, 2)
    assert (left(first), left(second)) == (87_50, 0)
    assert queries.ledger_problems() == []


@pytest.mark.parametrize(("total", "whole"), [
    ("total,,30.00,USD", True), ("TOTAL,,30,", True), ("total,,29.99,USD", False), ("total,,30,EUR", False),
    ("total,,many,USD", False),
])  # fmt: skip
def test_a_wrong_total_refuses_the_file_whole(total, whole):
    where = make.organization()
    grant = lot(where)
    data = _file(f"{where.external_id},2026-12-07,10,USD", f"{where.external_id},2026-12-08,20,USD", total)

    if whole:
        assert _take(data).moved_cents == 30_00
    else:
        with pytest.raises(usage_files.UnreadableFile, match="Line 4"):
            _take(data)
    assert left(grant) == (70_00 if whole else 100_00)


@pytest.mark.parametrize("data", [
    b"", b"organization_id,day\n", b"organization_id,day,amount,currency\n", b"\xff\xfe", b"a\0b", _file('"open'),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_whole(data):
    with pytest.raises(usage_files.UnreadableFile):
        _take(data)


def test_a_day_that_two_lines_tell_is_not_counted():
    where = make.organization()
    grant = lot(where)
    twice = f"{where.external_id},2026-12-08"
    data = _file(
        f"{twice},30,USD", f"{where.external_id},2026-12-07,5,USD", f"{twice.upper()},50,USD", "total,,85,USD"
    )

    done = _take(data)

    assert (done.counted, done.moved_cents, left(grant)) == (1, 5_00, 95_00)
    assert [line for line, _ in done.problems] == [2, 4]
    assert "in line 4 too" in done.problems[0][1]


@pytest.mark.django_db(transaction=True)
def test_two_files_that_meet_in_two_programs_are_both_counted(monkeypatch):
    """Each has posted a first day and needs for its second one the account that the other holds."""
    other = "external-researcher-access"
    organizations = [make.organization() for _ in range(4)]
    for where, program in zip(organizations, (make.PROGRAM, other, other, make.PROGRAM), strict=True):
        lot(where, program=program)
        ledger.open_account(code=f"consumed:{program}", kind=AccountKind.CONSUMED, program=program)
    files = [
        _file(f"{one.external_id},2026-12-07,1,USD", f"{two.external_id},2026-12-08,1,USD")
        for one, two in (organizations[:2], organizations[2:])
    ]
    people = [make.person() for _ in files]
    post, met, waited = ledger.post_many, Barrier(2), set()

    def wait_once(**options):
        done = post(**options)
        if get_ident() not in waited:
            waited.add(get_ident())
            met.wait(20)
        return done

    monkeypatch.setattr(ledger, "post_many", wait_once)

    def take(data, person):
        try:
            return usage_files.take(data=data, by=person, at=evening(DAY, 1)).moved_cents
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(take, files, people))

    assert done == [2_00, 2_00]
    assert (gone(AccountKind.CONSUMED), gone(AccountKind.CONSUMED, other)) == (2_00, 2_00)
    assert queries.ledger_problems() == []


def test_a_file_of_one_program_does_not_reach_another_one_and_takes_few_statements():
    organizations = [make.organization() for _ in range(20)]
    for where in organizations:
        lot(where, cents=5_00)
    data = _file(*[f"{where.external_id},2026-12-08,1,USD" for where in organizations])

    refused = _take(data, programs=["external-researcher-access"])
    with CaptureQueriesContext(
        connection,
    ) as captured:
        done = _take(data, programs=[make.PROGRAM])

    assert (len(refused.problems), refused.counted, done.counted) == (20, 0, 20)
    assert len(captured) < 25


def test_the_command_prints_what_it_did(tmp_path):
    where, person = make.organization(), make.person(is_staff=True)
    lot(where)
    path = tmp_path / "usage.csv"
    path.write_bytes(_file(f"{where.external_id},2026-11-01,1,USD", f"{where.external_id},2026-12-07,1,USD"))
    out = StringIO()

    with clock.set_to(evening(DAY)), pytest.raises(SystemExit):
        call_command("usage_import", path, by=person.email, stdout=out)

    said = json.loads(out.getvalue())
    assert (said["counted"], said["problems"][0]["line"]) == (1, 2)
    with pytest.raises(CommandError, match="No active staff"):
        call_command("usage_import", path, by="nobody@example.org")
