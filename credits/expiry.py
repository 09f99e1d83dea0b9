"""The end of credit: what is left of a lot when its last day, and the days for late usage, are over.

Frozen credit does not expire while it is frozen; when it comes back after the end, the next run takes it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection

from credits import ledger
from credits.models import Grant, Organization
from credits.movements import AccountKind, Kind
from portal.database import with_retries

AT_ONCE = 500


@dataclass
class Expired:
    """What one run did. cents: over all currencies, for logs only."""

    lots: int = 0
    cents: int = 0


def closes_on(grant: Grant) -> date | None:
    """The last day on which usage of a grant is counted; None without an end."""
    return None if grant.expires_on is None else grant.expires_on + timedelta(days=grant.late_usage_days)


def today_of(at: datetime) -> date:
    """The UTC day that decides about ends: that of the database, or an earlier `at`.

    A rehearsal or a test may be ahead of the database, as its clock is; nobody else can bring an end nearer.
    """
    asked = at.astimezone(UTC).date()
    if settings.TESTING:
        return asked
    with connection.cursor() as cursor:
        cursor.execute("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date")
        found: date = cursor.fetchone()[0]
    return min(asked, found)


def expire(*, at: datetime, limit: int = 5_000) -> Expired:
    """Move what is left of ended lots to the account of expired credit of their program. Repeating it does nothing.

    In transactions of up to 500 organizations, which several workers share. Raises ledger.PostingStopped.
    Source: docs/ledger.md, "The end of credit".
    """
    done, today = Expired(), today_of(at)
    while done.lots < limit:
        lots, cents = with_retries(partial(_expire_batch, today, at))
        if not lots:
            break
        done.lots += lots
        done.cents += cents
    return done


def _expire_batch(today: date, at: datetime) -> tuple[int, int]:
    """One transaction: lots and cents that expired. Organizations that somebody else holds are left to the next run."""
    with connection.cursor() as cursor:
        cursor.execute(_ORGANIZATIONS, {"today": today, "limit": AT_ONCE})
        wanted = [row[0] for row in cursor.fetchall()]
        if not wanted:
            return 0, 0
        locked = list(
            Organization.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(pk__in=wanted)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        cursor.execute(_ENDED, {"today": today, "ids": locked})
        rows = cursor.fetchall()
    destinations = {
        program: ledger.open_account(
            code=f"{AccountKind.EXPIRED.value}:{program}",
            kind=AccountKind.EXPIRED,
            program=program,
            currency=currency,
        ).pk
        for program, currency in sorted({(row[3], row[4]) for row in rows})
    }
    ledger.post_many(
        movements=[
            ledger.Movement(
                kind=Kind.EXPIRE,
                source_id=account,
                destination_id=destinations[program],
                amount_cents=cents,
                # What comes back to an ended lot expires again; the version of the account tells the two apart.
                key=f"grant:{uuid}:expire:{version}",
                currency=currency,
            )
            for account, uuid, version, program, currency, cents in rows
        ],
        by=None,
        at=at,
        group_key=f"expire:{today}",
    )
    return len(rows), sum(row[5] for row in rows)


_ENDS = "g.stage = 'confirmed' AND g.expires_on < %(today)s AND g.expires_on + g.late_usage_days < %(today)s"
_ORGANIZATIONS = f"""
    SELECT DISTINCT g.organization_id
      FROM credits_grant g JOIN ledger_account a ON a.code = 'granted:' || g.id
     WHERE {_ENDS} AND a.balance_cents > 0 ORDER BY 1 LIMIT %(limit)s
"""  # noqa: S608 - put together from constants
_ENDED = f"""
    SELECT a.id, g.uuid::text, a.version, g.program, g.currency, a.balance_cents
      FROM credits_grant g JOIN ledger_account a ON a.code = 'granted:' || g.id
     WHERE {_ENDS} AND a.balance_cents > 0 AND g.organization_id = ANY (%(ids)s) ORDER BY g.id
"""  # noqa: S608 - as above
