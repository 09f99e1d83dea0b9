"""A day of usage put right by two people: beside a hold, a move, another lot, and with nothing as the right figure."""

from datetime import date, timedelta

import pytest

from credits import balances, checks, enforcement, organization_changes, queries, usage, usage_corrections
from credits.models import Case, EnforcementKind, Usage
from tests.factories import credits as make
from tests.factories.usage import DAY, evening, left, lot, told, used

pytestmark = pytest.mark.django_db

LATER = evening(DAY, 2)


def correct(where, cents, *, day=DAY, at=LATER):
    row = Usage.objects.get(organization=where, day=day)
    case = usage_corrections.case_of(row)
    wish = usage_corrections.ask(
        usage_id=row.pk,
        told_cents=cents,
        reason="Told twice",
        by=make.person(),
        at=at,
        case_id=case.pk if case else None,
    )
    return usage_corrections.approve(correction_id=wish.pk, by=make.person(), at=at)


def hold(where):
    return enforcement.impose(
        organization_id=where.pk, kind=EnforcementKind.HOLD, reason="Unusual.", by=make.person(), at=LATER
    )


def test_what_comes_back_to_an_organization_on_hold_is_frozen_at_once():
    where = make.organization()
    first, second = lot(where, cents=20_00, months=3), lot(where)
    told(where, 50_00)
    standing = hold(where)
    assert (make.balances(first), make.balances(second)) == ({}, {"frozen": 70_00})

    correct(where, 30_00)

    assert (make.balances(first), make.balances(second)) == ({}, {"frozen": 90_00})
    assert (used(where), enforcement.sweep(at=LATER)) == (30_00, 0)
    meanwhile = told(where, 5_00, DAY + timedelta(days=1), late=1)
    assert (meanwhile.moved_cents, meanwhile.uncovered_cents) == (0, 5_00)  # nothing of it can be used
    enforcement.lift(enforcement_id=standing.pk, reason="Fine.", by=make.person(), at=LATER)
    assert usage.cover(usage_id=meanwhile.usage_id, by=make.person(), at=LATER).moved_cents == 5_00
    assert make.balances(second) == {"granted": 85_00}
    assert checks.ledger_problems() == []


def test_the_whole_day_of_an_organization_on_hold_can_be_taken_back():
    where = make.organization()
    grant = lot(where)
    told(where, 100_00)
    hold(where)

    correct(where, 0)

    assert (make.balances(grant), used(where)) == ({"frozen": 100_00}, 0)
    assert checks.ledger_problems() == []


def test_a_lot_that_the_right_figure_draws_from_begins_its_term():
    where = make.organization()
    drained = lot(where, cents=50_00)
    told(where, 50_00)
    waiting = lot(where, months=1, term_starts="first_use", latest_end_on=date(2027, 3, 1))

    correct(where, 20_00)

    waiting.refresh_from_db()
    assert (left(drained), left(waiting)) == (50_00, 80_00)  # the one that ends first
    assert (waiting.starts_on, waiting.expires_on) == (DAY, date(2027, 1, 8))


def test_what_comes_back_after_its_rest_moved_is_not_moved_a_second_time():
    where = make.organization()
    grant = lot(where)
    told(where, 30_00)

    def ask(organization_id):
        return organization_changes.ask(
            grant_id=grant.pk,
            organization_id=organization_id,
            format="anthropic-console",
            reason="The lab moved.",
            by=make.person(),
            at=LATER,
        )

    change = ask("5d7b4f52-1c3e-4a6b-9d8f-0a1b2c3d4e5f")
    organization_changes.approve(change_id=change.pk, by=make.person(), at=LATER)
    correct(where, 10_00)
    assert left(grant) == 20_00

    with pytest.raises(organization_changes.CannotChangeOrganization, match="went to another organization"):
        ask("6e8c5f63-2d4f-4b7c-8e9f-1b2c3d4e5f60")
    assert told(where, 25_00, late=1).moved_cents == 15_00  # it is used where it is
    assert checks.ledger_problems() == []


def test_use_is_shown_on_its_day_and_not_on_that_of_the_correction():
    where = make.organization()
    grant = lot(where)
    told(where, 30_00)

    correct(where, 10_00)

    held = balances.of([grant])[grant.pk]
    assert held.used_on == {DAY: 10_00}
    assert (held.used_cents, held.left_cents, sum(held.moved_on.values())) == (10_00, 90_00, 90_00)
    assert queries.grant_page(grant.uuid, grant.holder).used_cents == 10_00


def test_nothing_can_be_told_where_something_was_counted():
    where = make.organization()
    lot(where)
    told(where, 30_00)

    with pytest.raises(usage.LowerThanBefore) as refused:
        told(where, 0)
    correct(where, 0)

    assert not Case.objects.get(pk=refused.value.case.pk).is_open
    assert not told(where, 0).is_new  # the right figure is the one that is known
    assert Case.objects.count() == 1
    told(where, 30_00)
    with pytest.raises(usage.LowerThanBefore) as again:
        told(where, 0)
    assert again.value.case.is_open  # another contradiction than the one that was settled
    assert used(where) == 30_00
