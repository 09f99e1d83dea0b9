"""Pure: a calendar rule, a time zone and exceptions become evaluation days and UTC instants.

Source: docs "Calendar" in docs/architecture.md; the rule language is iCalendar's RRULE (RFC 5545).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrule, rrulestr

from portal.refusals import Refused

# Every rule counts from this Monday unless it brings its own DTSTART line, so "every second Wednesday" has one meaning.
ANCHOR = date(2001, 1, 1)
LAST_YEAR = 2199
LONGEST_RULE = 200

_DTSTART = re.compile(r"^DTSTART(?:;VALUE=DATE)?:(\d{8})(?:T\d{6})?$")
_PARTS = {
    "FREQ",
    "INTERVAL",
    "BYDAY",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
}
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}


class WrongRule(Refused):
    """The rule or the zone cannot be read. The message is safe to show."""


@dataclass(frozen=True)
class Moment:
    """One evaluation: its local day, the cut-off as an instant, and the day by which people hear."""

    evaluation_on: date
    cut_off_at: datetime  # UTC
    decided_by_on: date
    shifted_from: date | None = None


def moments(
    *,
    rule: str,
    time_zone: str,
    time_of_day: time,
    exceptions: Mapping[date, date | None],
    decided_by_days: int,
    after: date,
    until: date,
) -> list[Moment]:
    """List the evaluations that fall later than `after`, up to and including `until`, in order.

    exceptions: the day the rule gives -> the day it moves to, or None for no evaluation. The window is about the day
    that counts, so an evaluation moved into the window is in and one moved out is not. Two that land on one day are one.
    The cut-off is `time_of_day` on the evaluation day in `time_zone`. A local time that the clocks skip moves
    forward by the length of the gap; one that happens twice means the first.
    Raises WrongRule when `problems` would report the rule or the zone.
    """
    zone = _zone(time_zone)
    first = min([after, *exceptions])
    last = max([until, *exceptions])
    shifted_from: dict[date, date | None] = {}
    for regular in days(rule, first, last):
        actual = exceptions.get(regular, regular)
        # A day that the rule gives by itself is not called shifted when another one moves onto it.
        if actual is not None and after < actual <= until and shifted_from.get(actual, actual) is not None:
            shifted_from[actual] = regular if actual != regular else None
    return [
        Moment(
            evaluation_on=day,
            cut_off_at=instant(day, time_of_day, zone),
            decided_by_on=day + timedelta(days=decided_by_days),
            shifted_from=regular,
        )
        for day, regular in sorted(shifted_from.items())
    ]


def instant(day: date, time_of_day: time, zone: ZoneInfo) -> datetime:
    """Turn a local wall time into UTC. fold=0 gives both halves of the rule: the first of two, or past the gap."""
    return datetime.combine(day, time_of_day.replace(fold=0, tzinfo=None), tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=512)
def days(rule: str, first: date, last: date) -> tuple[date, ...]:
    """List the days on which the rule falls, both ends included. Raises WrongRule."""
    start, last = datetime.combine(first, time()), min(last, date(LAST_YEAR, 12, 31))
    recurrence = _parsed(rule).replace(until=datetime.combine(last, time()))
    return tuple(found.date() for found in recurrence.xafter(start, inc=True))


def problems(rule: str, time_zone: str, exceptions: Mapping[date, date | None] | None = None) -> list[str]:
    """Say what is wrong with a schedule, one sentence each; an empty list means it can be used."""
    found = []
    try:
        _zone(time_zone)
    except WrongRule as error:
        found.append(str(error))
    try:
        regular = set(days(rule, ANCHOR, date(2060, 12, 31)))
    except WrongRule as error:
        return [*found, str(error)]
    if not regular:
        return [*found, f"The rule “{rule}” never gives a day."]
    taken: dict[date, date] = {}
    for day, moved_to in sorted((exceptions or {}).items()):
        if day not in regular:
            found.append(f"{day.isoformat()} is not an evaluation day of this rule, so it cannot move.")
        elif moved_to == day:
            found.append(f"{day.isoformat()} moves to itself.")
        elif moved_to is not None and (moved_to in taken or moved_to in regular - set(exceptions or {})):
            found.append(
                f"{day.isoformat()} moves to {moved_to.isoformat()}, which already has an evaluation."
            )
        if moved_to is not None:
            taken[moved_to] = day
    return found


@lru_cache(maxsize=128)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> ZoneInfo:
    if name not in _zones():
        raise WrongRule(f"“{name[:64]}” is not a time zone. Use an IANA name such as America/Los_Angeles.")
    return ZoneInfo(name)


@lru_cache(maxsize=128)
def _parsed(rule: str) -> rrule:
    """Read a rule, with an optional DTSTART line above it. Raises WrongRule."""
    start = ANCHOR
    lines = rule.strip().upper().splitlines()
    if len(lines) == 2 and (dated := _DTSTART.match(lines[0].strip())):
        try:
            start = date.fromisoformat(dated[1])
        except ValueError:
            raise WrongRule(f"“{dated[1]}” is not a date.") from None
        lines = lines[1:]
    if len(lines) != 1 or len(rule) > LONGEST_RULE:
        raise WrongRule("A rule is one line, such as FREQ=MONTHLY;BYDAY=1MO.")
    body = lines[0].strip().removeprefix("RRULE:")
    pairs = [part.partition("=")[::2] for part in body.removesuffix(";").split(";")]
    parts = dict(pairs)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise WrongRule("A rule starts with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY.")
    if unknown := sorted(set(parts) - _PARTS):
        raise WrongRule(
            f"A rule here cannot use {', '.join(unknown)}. It gives days without end; times are set apart."
        )
    if len(parts) != len(pairs):
        raise WrongRule("Each part of a rule stands once.")
    if not re.fullmatch(r"[1-9]\d{0,2}", parts.get("INTERVAL", "1")):
        raise WrongRule("INTERVAL is a number from 1 to 999.")
    try:
        found = rrulestr(body, dtstart=datetime.combine(start, time()))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise WrongRule(f"The rule “{rule}” cannot be read: {error}.") from None
    if not isinstance(found, rrule):
        raise WrongRule("A rule is one line, such as FREQ=MONTHLY;BYDAY=1MO.")
    return found
