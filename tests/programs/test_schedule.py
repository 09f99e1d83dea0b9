"""Calendar rules against a second algorithm, exceptions, and clocks that jump."""

import calendar
import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from programs import schedule

FIRST_MONDAY = "FREQ=MONTHLY;BYDAY=1MO"


def moments(**changed):
    asked = {
        "rule": FIRST_MONDAY,
        "time_zone": "America/Los_Angeles",
        "time_of_day": time(0),
        "exceptions": {},
        "decided_by_days": 14,
        "after": date(2025, 12, 31),
        "until": date(2026, 12, 31),
    }
    return schedule.moments(**(asked | changed))


def first_monday(year, month):
    """The second algorithm: from the calendar's weeks, not from a recurrence."""
    return next(
        week[0] for week in calendar.Calendar().monthdatescalendar(year, month) if week[0].month == month
    )


def utc_by_search(day, zone):
    """Midnight as an instant without fold: the first UTC minute whose local date is `day`."""
    low = int((datetime.combine(day, time(), UTC) - timedelta(hours=16)).timestamp()) // 60
    high = low + 32 * 60
    while low < high:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle * 60, zone).date() < day:
            low = middle + 1
        else:
            high = middle
    return datetime.fromtimestamp(low * 60, UTC)


def test_first_mondays_of_forty_years():
    found = moments(after=date(2009, 12, 31), until=date(2049, 12, 31))

    expected = [first_monday(year, month) for year in range(2010, 2050) for month in range(1, 13)]
    assert [moment.evaluation_on for moment in found] == expected
    assert all(moment.shifted_from is None for moment in found)


def test_first_monday_can_be_the_first_of_january():
    assert [m.evaluation_on for m in moments(after=date(2028, 12, 31), until=date(2029, 1, 31))] == [
        date(2029, 1, 1)
    ]


def test_every_zone_of_2020_to_2040_agrees_with_the_second_algorithm():
    expected_days = [first_monday(year, month) for year in range(2020, 2041) for month in range(1, 13)]
    zone_months = wrong = 0
    for name in available_timezones():
        zone = ZoneInfo(name)
        found = moments(time_zone=name, after=date(2019, 12, 31), until=date(2040, 12, 31))
        assert [moment.evaluation_on for moment in found] == expected_days, name
        for moment in found:
            local = moment.cut_off_at.astimezone(zone)
            zone_months += 1
            wrong += local.date() != moment.evaluation_on or local.replace(
                fold=0, tzinfo=None
            ) != datetime.combine(moment.evaluation_on, time())
    # A clock that jumps over midnight on a first Monday would be counted here; no zone has one in these years.
    assert (wrong, zone_months) == (0, len(available_timezones()) * 21 * 12)


@pytest.mark.parametrize(
    "name",
    [
        "America/Los_Angeles",
        "Asia/Beirut",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "UTC",
    ],
)
def test_instants_agree_with_a_search_for_midnight(name):
    zone = ZoneInfo(name)
    for moment in moments(rule="FREQ=WEEKLY;BYDAY=SU,FR", time_zone=name, until=date(2028, 12, 31)):
        assert moment.cut_off_at == utc_by_search(moment.evaluation_on, zone), moment


@pytest.mark.parametrize(
    ("zone", "day", "at", "utc", "why"),
    [
        (
            "America/New_York",
            date(2026, 3, 8),
            time(2, 30),
            "2026-03-08T07:30:00",
            "skipped, so 03:30 summer time",
        ),
        (
            "America/New_York",
            date(2026, 11, 1),
            time(1, 30),
            "2026-11-01T05:30:00",
            "twice, so the first",
        ),
        (
            "Asia/Beirut",
            date(2026, 3, 29),
            time(0),
            "2026-03-28T22:00:00",
            "midnight skipped",
        ),
        (
            "America/Sao_Paulo",
            date(2018, 11, 4),
            time(0),
            "2018-11-04T03:00:00",
            "midnight skipped",
        ),
        (
            "Pacific/Apia",
            date(2011, 12, 30),
            time(12),
            "2011-12-30T22:00:00",
            "a day that never was",
        ),
        (
            "Asia/Kathmandu",
            date(2026, 1, 5),
            time(9, 15),
            "2026-01-05T03:30:00",
            "a quarter-hour zone",
        ),
        (
            "Pacific/Kiritimati",
            date(2026, 1, 5),
            time(0),
            "2026-01-04T10:00:00",
            "the first zone of a day",
        ),
    ],
)
def test_clock_changes(zone, day, at, utc, why):
    assert schedule.instant(day, at, ZoneInfo(zone)) == datetime.fromisoformat(utc).replace(tzinfo=UTC), why


def test_a_fold_in_the_time_of_day_changes_nothing():
    [moment] = moments(
        rule="FREQ=DAILY",
        time_zone="America/New_York",
        time_of_day=time(1, 30, fold=1),
        after=date(2026, 10, 31),
        until=date(2026, 11, 1),
    )
    assert moment.cut_off_at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_labor_day_shifts_and_says_so():
    [august, september, october] = moments(
        exceptions={date(2026, 9, 7): date(2026, 9, 8)},
        after=date(2026, 7, 31),
        until=date(2026, 10, 31),
    )

    assert september == schedule.Moment(
        evaluation_on=date(2026, 9, 8),
        cut_off_at=datetime(2026, 9, 8, 7, tzinfo=UTC),
        decided_by_on=date(2026, 9, 22),
        shifted_from=date(2026, 9, 7),
    )
    assert (august.shifted_from, october.shifted_from) == (None, None)


def test_a_skipped_month_has_no_evaluation():
    found = moments(exceptions={date(2026, 1, 5): None}, until=date(2026, 3, 31))
    assert [moment.evaluation_on for moment in found] == [
        date(2026, 2, 2),
        date(2026, 3, 2),
    ]


def test_an_evaluation_moved_over_the_edge_of_the_window_stands_on_one_side_only():
    moved = {date(2026, 9, 7): date(2026, 10, 1)}
    september = moments(exceptions=moved, after=date(2026, 8, 31), until=date(2026, 9, 30))
    october = moments(exceptions=moved, after=date(2026, 9, 30), until=date(2026, 10, 31))

    assert [moment.evaluation_on for moment in september] == []
    assert [moment.evaluation_on for moment in october] == [
        date(2026, 10, 1),
        date(2026, 10, 5),
    ]


def test_two_on_one_day_are_one():
    found = moments(
        exceptions={date(2026, 9, 7): date(2026, 10, 5)},
        after=date(2026, 9, 30),
        until=date(2026, 10, 31),
    )
    assert [(moment.evaluation_on, moment.shifted_from) for moment in found] == [(date(2026, 10, 5), None)]


def test_the_window_excludes_its_start_and_includes_its_end():
    found = moments(after=date(2026, 1, 5), until=date(2026, 2, 2))
    assert [moment.evaluation_on for moment in found] == [date(2026, 2, 2)]


def test_every_second_wednesday_has_one_meaning():
    whole = moments(rule="FREQ=WEEKLY;INTERVAL=2;BYDAY=WE")
    half = moments(rule="FREQ=WEEKLY;INTERVAL=2;BYDAY=WE", after=date(2026, 6, 17))

    assert half == [moment for moment in whole if moment.evaluation_on > date(2026, 6, 17)]
    assert {(b.evaluation_on - a.evaluation_on).days for a, b in itertools.pairwise(whole)} == {14}


def test_a_rule_may_bring_its_own_start():
    found = moments(
        rule="DTSTART:20260107\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=WE",
        until=date(2026, 2, 10),
    )
    assert [moment.evaluation_on for moment in found] == [
        date(2026, 1, 7),
        date(2026, 1, 21),
        date(2026, 2, 4),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "first Monday",
        "FREQ=HOURLY",
        "FREQ=MONTHLY;BYDAY=9XX",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=1MO;COUNT=3",
        "FREQ=MONTHLY;BYDAY=1MO;UNTIL=20300101",
        "FREQ=MONTHLY;BYHOUR=9",
        "FREQ=MONTHLY;FREQ=DAILY",
        "FREQ=MONTHLY;INTERVAL=0",
        "FREQ=MONTHLY;INTERVAL=-1",
        "FREQ=MONTHLY;INTERVAL=1000000",
        "FREQ=MONTHLY;BYSETPOS=400;BYDAY=MO",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=1MO\nEXDATE:20260907",
        "DTSTART:20261399\nFREQ=DAILY",
        "FREQ=MONTHLY;BYDAY=\x00",
        "FREQ=MONTHLY;BYDAY=\ud800",
        "FREQ=MONTHLY;" + "BYDAY=1MO;" * 1000,
    ],
)
def test_wrong_rules_are_explained(rule):
    assert schedule.problems(rule, "UTC") != []


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "America", "\x00", "x" * 1000])
def test_wrong_zones_are_explained(zone):
    assert len(schedule.problems(FIRST_MONDAY, zone)) == 1
    with pytest.raises(schedule.WrongRule, match="not a time zone"):
        moments(time_zone=zone)


def test_a_sound_schedule_has_no_problem():
    assert schedule.problems(FIRST_MONDAY, "America/Los_Angeles", {date(2026, 9, 7): date(2026, 9, 8)}) == []


@pytest.mark.parametrize(
    ("exceptions", "words"),
    [
        ({date(2026, 9, 8): None}, "not an evaluation day"),
        ({date(2026, 9, 7): date(2026, 10, 5)}, "already has an evaluation"),
        ({date(2026, 9, 7): date(2026, 9, 7)}, "moves to itself"),
        (
            {date(2026, 9, 7): date(2026, 9, 9), date(2026, 10, 5): date(2026, 9, 9)},
            "already has an evaluation",
        ),
    ],
)
def test_wrong_exceptions_are_explained(exceptions, words):
    [problem] = schedule.problems(FIRST_MONDAY, "UTC", exceptions)
    assert words in problem


def test_a_month_may_trade_places_with_the_next():
    traded = {
        date(2026, 9, 7): date(2026, 10, 5),
        date(2026, 10, 5): date(2026, 10, 12),
    }
    assert schedule.problems(FIRST_MONDAY, "UTC", traded) == []
