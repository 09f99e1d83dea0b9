"""Posting in plain SQL: on the portal's own tables (S) and as double entry on the small schema (R)."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from portal.database import array_of_plain, array_of_texts

GRANTS = """
    INSERT INTO credits_grant (reference, uuid, program, provider, holder_id, amount_cents, currency, models, term_months,
        pool, stage, failure, created_at)
    SELECT reference, gen_random_uuid(), %(program)s, 'anthropic', holder, cents, 'USD', '{standard}', 6,
        %(pool)s, 'reserved', '', %(at)s
      FROM unnest(%(references)s::text[], %(holders)s::bigint[], %(cents)s::bigint[]) AS a (reference, holder, cents)
"""
ACCOUNTS = """
    INSERT INTO ledger_account (code, kind, program, grant_id, currency, may_overdraw, balance_cents, version)
    SELECT 'reserved:' || id, 'reserved', program, id, currency, false, 0, 0 FROM credits_grant WHERE pool = %(pool)s
"""
HOLDS = """
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by, happened_at)
    SELECT 'hold', %(pool_id)s, a.id, g.currency, g.amount_cents, 'grant:' || g.uuid || ':hold', '', %(by)s, %(at)s
      FROM credits_grant g JOIN ledger_account a ON a.code = 'reserved:' || g.id WHERE g.pool = %(pool)s ORDER BY g.id
"""


def _columns(awards: Sequence[Any], at: object) -> dict[str, object]:
    """The awards as array literals, as the operation sends them: all sides save what lists would cost."""
    return {
        "references": array_of_texts([award.reference for award in awards]),
        "holders": array_of_plain([award.holder_id for award in awards]),
        "cents": array_of_plain([award.amount_cents for award in awards]),
        "program": awards[0].program,
        "at": at,
    }


def reserve_ours(awards: Sequence[Any], pool_id: int, pool: str, by: str, at: object) -> None:
    """Grants, accounts and holds by INSERT..SELECT; entries, balances, rules and hashes are the trigger's work."""
    values = _columns(awards, at) | {"pool_id": pool_id, "pool": pool, "by": by}
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (GRANTS, ACCOUNTS, HOLDS):
            cursor.execute(statement, values)


SMALL_GRANTS = """
    INSERT INTO ref.grant_ (reference, program, holder_id, amount_cents, currency, stage, created_at)
    SELECT reference, %(program)s, holder, cents, 'USD', 'reserved', %(at)s
      FROM unnest(%(references)s::text[], %(holders)s::bigint[], %(cents)s::bigint[]) AS a (reference, holder, cents)
"""
SMALL_POSTING = """
    WITH opened AS (
        INSERT INTO ref.account (code, currency, balance_cents)
        SELECT 'reserved:' || id, currency, amount_cents FROM ref.grant_ ORDER BY id
        RETURNING id, code, balance_cents
    ), posted AS (
        INSERT INTO ref.transfer (key, kind, source_id, destination_id, amount_cents, happened_at)
        SELECT 'hold:' || o.code, 'hold', p.id, o.id, o.balance_cents, %(at)s
          FROM opened o CROSS JOIN (SELECT id FROM ref.account WHERE code = 'pool') p
        RETURNING id, source_id, destination_id, amount_cents
    ), entered AS (
        INSERT INTO ref.entry (transfer_id, account_id, amount_cents, balance_after_cents)
        SELECT id, source_id, -amount_cents,
               1000000000000 - sum(amount_cents) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM posted
        UNION ALL
        SELECT id, destination_id, amount_cents, amount_cents FROM posted
    )
    UPDATE ref.account SET balance_cents = balance_cents - (SELECT sum(amount_cents) FROM posted) WHERE code = 'pool'
"""


def reserve_small(awards: Sequence[Any], at: object) -> None:
    """The same on the small schema, without our rules: no gates, no chain, no history."""
    values = _columns(awards, at)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SMALL_GRANTS, values)
        cursor.execute(SMALL_POSTING, values)


# --- One at a time ----------------------------------------------------------------------------------------------------


def open_grants(count: int, pools: Sequence[str], holder: int, at: object) -> None:
    """Grants with an empty reserved account each, ready to be held; spread over the pools in turn."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO credits_grant (reference, uuid, program, provider, holder_id, amount_cents, currency, models,
                pool, stage, failure, created_at)
            SELECT 'single-' || place, gen_random_uuid(), split_part((%(pools)s::text[])[1], ':', 2), 'anthropic',
                %(holder)s, 600000, 'USD', '{}', (%(pools)s::text[])[1 + place %% cardinality(%(pools)s::text[])],
                'reserved', '', %(at)s
              FROM generate_series(0, %(count)s - 1) AS place
            """,
            {"pools": list(pools), "holder": holder, "at": at, "count": count},
        )
        cursor.execute(
            """
            INSERT INTO ledger_account (code, kind, program, grant_id, currency, may_overdraw, balance_cents, version)
            SELECT 'reserved:' || id, 'reserved', program, id, currency, false, 0, 0 FROM credits_grant
            """
        )


WAITING = """
    SELECT p.id, a.id, g.amount_cents, 'grant:' || g.uuid || ':hold' FROM credits_grant g
      JOIN ledger_account p ON p.code = g.pool JOIN ledger_account a ON a.code = 'reserved:' || g.id
     WHERE g.id %% %s = %s ORDER BY g.id
"""
HOLD_ONE = """
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by, happened_at)
    VALUES ('hold', %(from)s, %(to)s, 'USD', %(cents)s, %(key)s, '', 'machine', %(at)s)
"""


def waiting(number: int, of: int) -> list[tuple[Any, ...]]:
    """What one of several connections has to post: source, destination, cents, key."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [of, number])
        return cursor.fetchall()


def open_small(count: int, pools: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO ref.account (code, currency, balance_cents)
            SELECT 'pool:' || place, 'USD', 1000000000000 FROM generate_series(0, %(pools)s - 1) AS place;
            INSERT INTO ref.account (code, currency, balance_cents)
            SELECT 'reserved:' || place, 'USD', 0 FROM generate_series(0, %(count)s - 1) AS place
            """,
            {"count": count, "pools": pools},
        )


WAITING_SMALL = """
    WITH pools AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS number
                     FROM ref.account WHERE code LIKE 'pool:%%'),
    grants AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM ref.account WHERE code LIKE 'reserved:%%')
    SELECT p.id, g.id, 600000, 'hold:' || g.id FROM grants g JOIN pools p ON p.place = g.place %% p.number
     WHERE g.place %% %s = %s ORDER BY g.id
"""
SMALL_ONE = """
    WITH given AS (
        UPDATE ref.account SET balance_cents = balance_cents - %(cents)s
         WHERE id = %(from)s AND balance_cents >= %(cents)s RETURNING balance_cents
    ), taken AS (
        UPDATE ref.account SET balance_cents = balance_cents + %(cents)s WHERE id = %(to)s RETURNING balance_cents
    ), posted AS (
        INSERT INTO ref.transfer (key, kind, source_id, destination_id, amount_cents, happened_at)
        SELECT %(key)s, 'hold', %(from)s, %(to)s, %(cents)s, %(at)s FROM given RETURNING id
    )
    INSERT INTO ref.entry (transfer_id, account_id, amount_cents, balance_after_cents)
    SELECT posted.id, %(from)s, -%(cents)s, given.balance_cents FROM posted, given
    UNION ALL
    SELECT posted.id, %(to)s, %(cents)s, taken.balance_cents FROM posted, taken
"""


# --- A busy account ---------------------------------------------------------------------------------------------------


def many_entries(few: int, many: int) -> None:
    """Freeze and thaw the credit of two posted grants until their accounts have so many entries each.

    Through the table that the trigger watches, in pieces, because nothing in the portal posts so often on one account.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM credits_grant ORDER BY id")
        ids = [row[0] for row in cursor.fetchall()]
        for grant, entries in zip(ids, (few, many), strict=True):
            _post_way(grant)
            left, turn = entries - 1, 0
            while left:
                piece = min(left, 50_000)
                cursor.execute(_TURNS, {"grant": grant, "first": turn, "last": turn + piece - 1})
                left, turn = left - piece, turn + piece


def _post_way(grant: int) -> None:
    """Bring one grant from the pool to its granted account, with an organization, as a delivery would."""
    with connection.cursor() as cursor:
        cursor.execute(_WAY, {"grant": grant})


def busy_account(place: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'granted:' || id FROM credits_grant ORDER BY id OFFSET %s LIMIT 1", [place])
        return str(cursor.fetchone()[0])


_WAY = """
    INSERT INTO credits_organization (provider, external_id, name, created_at) VALUES ('anthropic', 'bench', '', now())
        ON CONFLICT DO NOTHING;
    UPDATE credits_grant SET organization_id = (SELECT id FROM credits_organization WHERE external_id = 'bench')
     WHERE id = %(grant)s;
    INSERT INTO ledger_account (code, kind, program, grant_id, currency, may_overdraw, balance_cents, version)
    SELECT kind || ':' || id, kind, program, id, currency, false, 0, 0 FROM credits_grant,
        unnest(ARRAY['in_transit', 'granted', 'frozen']) AS kind WHERE id = %(grant)s;
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by, happened_at)
    SELECT 'hold', p.id, a.id, 'USD', g.amount_cents, 'h' || g.id, '', 'machine', now() FROM credits_grant g
        JOIN ledger_account p ON p.code = g.pool JOIN ledger_account a ON a.code = 'reserved:' || g.id WHERE g.id = %(grant)s;
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by, happened_at)
    SELECT 'send', p.id, a.id, 'USD', g.amount_cents, 's' || g.id, '', 'machine', now() FROM credits_grant g
        JOIN ledger_account p ON p.code = 'reserved:' || g.id JOIN ledger_account a ON a.code = 'in_transit:' || g.id
     WHERE g.id = %(grant)s;
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by, happened_at,
        resolves_id)
    SELECT 'post', p.id, a.id, 'USD', g.amount_cents, 'p' || g.id, '', 'machine', now(), t.id FROM credits_grant g
        JOIN ledger_account p ON p.code = 'in_transit:' || g.id JOIN ledger_account a ON a.code = 'granted:' || g.id
        JOIN ledger_transfer t ON t.key = 'h' || g.id WHERE g.id = %(grant)s
"""
_TURNS = """
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by, happened_at)
    SELECT CASE WHEN turn %% 2 = 0 THEN 'freeze' ELSE 'thaw' END,
           CASE WHEN turn %% 2 = 0 THEN granted.id ELSE frozen.id END,
           CASE WHEN turn %% 2 = 0 THEN frozen.id ELSE granted.id END,
           'USD', 100, 'turn:' || %(grant)s || ':' || turn, '', 'machine', now()
      FROM generate_series(%(first)s, %(last)s) AS turn
      JOIN ledger_account granted ON granted.code = 'granted:' || %(grant)s
      JOIN ledger_account frozen ON frozen.code = 'frozen:' || %(grant)s
     ORDER BY turn
"""
