"""The only place that reads the time.

Operations take their moment as `at=`; edges pass `clock.now()`. Tests and rehearsals may set the clock; anywhere
else setting it is refused, so that no request can move time in production.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

_fixed: datetime | None = None


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _fixed or _from_settings() or timezone.now() + _offset()


@contextmanager
def set_to(moment: datetime) -> Iterator[None]:
    """Hold the clock at one aware moment. Raises RuntimeError outside tests."""
    global _fixed
    if not settings.TESTING:
        raise RuntimeError("the clock can be set under test settings only")
    if timezone.is_naive(moment):
        raise ValueError("the clock needs an aware moment")
    before, _fixed = _fixed, moment
    try:
        yield
    finally:
        _fixed = before


def _from_settings() -> datetime | None:
    """CLOCK_AT holds the clock of a whole process, such as a worker in a test."""
    if not settings.TESTING or not settings.CLOCK_AT:
        return None
    return datetime.fromisoformat(settings.CLOCK_AT)


def _offset() -> timedelta:
    """How far a rehearsal has moved time for its own processes: whole seconds in the file CLOCK_OFFSET_FILE names."""
    if not (settings.TESTING and "CLOCK_OFFSET_FILE" in os.environ):
        return timedelta()
    with suppress(OSError, ValueError):
        return timedelta(seconds=int(Path(os.environ["CLOCK_OFFSET_FILE"]).read_text()))
    return timedelta()
