"""How long one statement may take, what to do when PostgreSQL asks to try again, and how many values travel at once."""

import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, connection, transaction

T = TypeVar("T")

TRIES = 5
_PASSING = {"40001", "40P01"}  # serialization failure, deadlock: the same work may succeed a moment later


def allow_long_statements() -> None:
    """Let the statements of this transaction run as long as a background job may, instead of as long as a page.

    For set-based work over a whole month. Ends with the transaction. Limit: DB_LONG_STATEMENT_TIMEOUT_SECONDS.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{settings.DB_LONG_STATEMENT_TIMEOUT_SECONDS}s'")


def with_retries(work: Callable[[], T]) -> T:
    """Run work() in its own transaction; when PostgreSQL reports a deadlock or a serialization failure, run it again.

    For edges that own the transaction, never inside another one. Up to five tries with a random pause between them;
    the last error is passed on. work() must not do anything outside the database.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic(durable=True):
                return work()
        except DatabaseError as error:
            if attempt == TRIES or getattr(error.__cause__, "pgcode", None) not in _PASSING:
                raise
        time.sleep(random.uniform(0.005, 0.02) * 2**attempt)
    raise AssertionError("unreachable")


def constraint_of(error: DatabaseError) -> str:
    """The name of the constraint that refused a statement; empty when it was none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def array_of_plain(values: Sequence[object]) -> str:
    """A PostgreSQL array literal of numbers, None (NULL) and words that need no quoting.

    One literal is read in a third of the time of the ARRAY[...] that psycopg2 makes of a list, which PostgreSQL must
    parse as an expression for each value.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def array_of_texts(values: Sequence[str]) -> str:
    """A PostgreSQL array literal of any texts."""
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + '","'.join(escaped) + '"}' if values else "{}"
