"""Warnings about credit: which marks, once each, one letter at a time, what it says when it is sent; the forecast."""

from datetime import date, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications import credit_letters, notices
from applications.models import Notice
from applications.tick import tick
from credits import balances, forecast, usage_corrections
from credits.models import GrantWarning
from portal import clock
from tests.factories import applications as make
from tests.factories import credits as money
from tests.factories.usage import DAY, evening, lot, told

pytestmark = pytest.mark.django_db
END = date(2027, 6, 7)


@pytest.fixture
def grant():
    return lot(money.organization(), cents=100_00, months=6, program="drawn-program")


@pytest.fixture
def short(grant):
    """A month of credit on another organization, for the tests that ask for it."""
    return lot(money.organization(), cents=100_00, months=1, program=grant.program)


@pytest.fixture(autouse=True)
def program(request, grant):
    if "short" in request.fixturenames:  # before the program is known: credit of a known one needs a decision
        request.getfixturevalue("short")
    return make.make_program(slug=grant.program)


def queued(day, later=0):
    """What a look in the evening of a day queues: kind and mark of each letter."""
    seen = set(Notice.objects.values_list("pk", flat=True))
    credit_letters.queue_due(at=evening(day, later))
    fresh = Notice.objects.exclude(pk__in=seen).order_by("pk")
    return [(row.kind, row.values["mark"]) for row in fresh]


def test_each_mark_of_time_is_told_once(grant):
    assert queued(END - timedelta(days=61)) == []
    assert queued(END - timedelta(days=60)) == [("credit_ends", 60)]
    assert queued(END - timedelta(days=59)) == []
    assert queued(END - timedelta(days=30)) == [("credit_ends", 30)]
    assert queued(END - timedelta(days=7)) == [("credit_ends", 7)]
    assert queued(END) == queued(END - timedelta(days=45)) == []
    assert set(GrantWarning.objects.values_list("mark", flat=True)) == {60, 30, 7}


def test_several_marks_at_once_are_one_letter_and_none_comes_back(grant):
    told(grant.organization, 85_00)
    assert queued(DAY) == [("credit_used", 80)]
    asker, row = money.person(), grant.organization.usage.get()
    wish = usage_corrections.ask(usage_id=row.pk, told_cents=10_00, reason="Twice", by=asker, at=evening(DAY))
    usage_corrections.approve(correction_id=wish.pk, by=money.person(), at=evening(DAY))
    assert queued(DAY, 1) == []
    told(grant.organization, 60_00, DAY + timedelta(days=1))
    assert queued(DAY, 1) == []  # half was passed before, with the 80 percent
    told(grant.organization, 96_00, DAY + timedelta(days=2))
    assert queued(DAY, 2) == [("credit_used", 95)]

    told_marks = GrantWarning.objects.filter(is_told=True).values_list("mark", flat=True)
    assert (sorted(told_marks), GrantWarning.objects.count()) == ([80, 95], 3)


def test_the_more_urgent_of_time_and_use_is_told_when_both_are_passed(grant):
    told(grant.organization, 60_00, END - timedelta(days=5))

    assert queued(END - timedelta(days=5)) == [("credit_ends", 7)]
    assert queued(END - timedelta(days=4)) == []


def test_a_top_up_warns_of_its_own_and_short_credit_is_not_warned_on_its_first_day(grant, short):
    told(grant.organization, 98_00)
    assert queued(DAY) == [("credit_used", 95)]
    assert queued(DAY, 1) == []
    assert queued(date(2026, 12, 30)) == []
    assert queued(date(2026, 12, 31)) == [("credit_ends", 7)]
    assert Notice.objects.last().values["credit"] == short.pk


def test_the_end_is_told_once_after_what_was_left_has_expired(grant, program):
    told(grant.organization, 40_00)
    with clock.set_to(evening(END, 3)):
        assert tick(at=clock.now()).expired == 0
        assert not Notice.objects.filter(kind="credit_ended").exists()
    with clock.set_to(evening(END, 4)):
        done = tick(at=clock.now())
        again = tick(at=clock.now())
        notices.send_due(limit=20, at=clock.now())

    assert (done.expired, done.warnings, again.expired, again.warnings) == (1, 1, 0, 0)
    [letter] = [one for one in mail.outbox if "the term is over" in one.subject]
    assert letter.to == [grant.holder.email]
    assert "You used 40% of $100" in letter.body
    assert f"/credits/{grant.uuid}/" in letter.body
    state = balances.state_of(balances.of([grant])[grant.pk], at=evening(END, 4))
    assert (state.key, state.word) == ("converted", "Converted to a standard account")


def test_a_letter_says_what_is_true_when_it_is_sent_in_the_language_of_its_reader(grant):
    grant.holder.language = "es"
    grant.holder.save(update_fields=["language"])
    for number in range(10):
        told(grant.organization, 5_00, DAY + timedelta(days=number))
    at = evening(DAY, 10)
    with clock.set_to(at):
        assert credit_letters.queue_due(at=at) == 1
        told(grant.organization, 4_00, DAY + timedelta(days=10))
        notices.send_due(limit=5, at=at)
    [letter] = mail.outbox
    assert "54" in letter.subject
    assert "$46" in letter.body
    assert letter.subject.startswith("Créditos")
    assert "quedan $46 de $100" in letter.body


def test_a_warning_of_credit_that_has_ended_meanwhile_is_dropped(grant):
    queued(END - timedelta(days=7))
    with clock.set_to(evening(END, 9)):
        notices.send_due(limit=5, at=clock.now())

    assert (mail.outbox, Notice.objects.count()) == ([], 0)


def test_looking_again_asks_few_questions(grant):
    queued(END - timedelta(days=7))

    with CaptureQueriesContext(connection) as captured:
        credit_letters.queue_due(at=evening(END - timedelta(days=7)))

    assert len(captured) <= 9


# --- The forecast ----------------------------------------------------------------------------------------------------

TODAY = date(2027, 3, 1)


def _told_lots(*lots, every_day=10_00, days=28):
    used = {TODAY - timedelta(days=number + 1): every_day for number in range(days)}
    held = [forecast.Held(pk, left, since, end) for pk, left, since, end in lots]
    return forecast.of_lots(held, used, today=TODAY)


def test_the_forecast_is_a_straight_line_over_the_last_four_weeks():
    found = _told_lots((1, 100_00, date(2027, 1, 1), None))

    assert (found.is_known, found.daily_cents, found.runs_out_on) == (True, 10_00, date(2027, 3, 10))
    partly = forecast.of_lots(
        [forecast.Held(1, 100_00, date(2027, 1, 1), None)],
        {TODAY: 900_00} | {TODAY - timedelta(days=n): 7_00 for n in (1, 9, 20, 29)},
        today=TODAY,
    )
    assert (partly.used_cents, partly.days, partly.runs_out_on) == (21_00, 28, TODAY + timedelta(days=133))


def test_lots_are_forecast_one_after_the_other_and_what_ends_first_leaves_a_rest():
    first = (1, 100_00, date(2027, 1, 1), date(2027, 3, 5))
    second = (2, 100_00, date(2027, 1, 1), None)

    found = _told_lots(first, second)

    one, two = found.outlooks
    assert (one.runs_out_on, one.unused_cents) == (None, 50_00)  # five days of ten dollars
    assert (two.begins_on, two.runs_out_on) == (date(2027, 3, 6), date(2027, 3, 15))
    assert found.runs_out_on is None
    assert _told_lots(second).of(2).runs_out_on == date(2027, 3, 10)


@pytest.mark.parametrize(
    ("since", "days"), [(date(2027, 2, 25), 4), (date(2027, 1, 1), 2), (date(2027, 1, 1), 0)]
)
def test_without_enough_use_nothing_is_told(since, days):
    assert _told_lots((1, 100_00, since, None), days=days) == forecast.UNKNOWN
