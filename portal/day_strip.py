"""The day strip: one mark per day between two dates, tall on the days that matter. Pure; drawn by components/_days.html."""

from collections.abc import Collection
from datetime import date, timedelta

MOST_MARKS = 62  # more would be unreadable on a phone; longer spans lose days at their start


def marks(
    *,
    first: date,
    last: date,
    today: date,
    tall: Collection[date] = (),
    wait_after: date | None = None,
    slow_after: date | None = None,
) -> list[str]:
    """CSS classes, one text per day from `first` to `last`.

    gone: before today; now: today; wait: later than `wait_after`, when nothing is left to do; slow: later than
    `slow_after`, past the usual time; an empty text: a day left to act on.
    """
    first = max(first, last - timedelta(days=MOST_MARKS - 1))
    result = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        words = []
        if day < today:
            words.append("gone")
        elif day == today:
            words.append("now")
        elif slow_after is not None and day > slow_after:
            words.append("slow")
        elif wait_after is not None and day > wait_after:
            words.append("wait")
        if day in tall:
            words.append("tall")
        result.append(" ".join(words))
    return result
