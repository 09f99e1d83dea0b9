"""How long one statement may take."""

from django.conf import settings
from django.db import connection


def allow_long_statements() -> None:
    """Let the statements of this transaction run as long as a background job may, instead of as long as a page.

    For set-based work over a whole month. Ends with the transaction. Limit: DB_LONG_STATEMENT_TIMEOUT_SECONDS.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{settings.DB_LONG_STATEMENT_TIMEOUT_SECONDS}s'")
