"""The statements of credits.ledger, which alone runs them."""

INSERT_ONE = """
    INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, resolves_id, reverses_id,
        group_key, made_by, approved_by, happened_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (key) DO NOTHING RETURNING id, recorded_at, content_hash
"""
INSERT_MANY = """
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, resolves_id,
        group_key, made_by, approved_by, happened_at)
    SELECT m.*, %(group_key)s, %(made_by)s, %(approved_by)s, %(at)s
    FROM unnest(%(kinds)s::text[], %(sources)s::bigint[], %(destinations)s::bigint[], %(currencies)s::text[],
        %(amounts)s::bigint[], %(keys)s::text[], %(resolves)s::bigint[]) AS m
    ON CONFLICT (key) DO NOTHING
"""
OPEN_ACCOUNTS = """
    INSERT INTO ledger_account (code, kind, program, grant_id, currency, may_overdraw, balance_cents, version)
    SELECT %(kind)s || ':' || id, %(kind)s, program, id, currency, false, 0, 0
    FROM credits_grant WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id
    ON CONFLICT (code) DO NOTHING
"""
# The key is that of credits.grants.key_of(grant, "hold"). Grants are read once, and their accounts not
# again. Without ON CONFLICT, which makes PostgreSQL write each row in two steps: the grants are new.
HOLD_MANY = """
    WITH held AS MATERIALIZED (
        SELECT g.id, g.uuid, g.program, g.currency, g.amount_cents
        FROM unnest(%(ids)s::bigint[]) AS new (id) JOIN credits_grant g ON g.id = new.id
    ), opened AS (
        INSERT INTO ledger_account (code, kind, program, grant_id, currency, may_overdraw, balance_cents, version)
        SELECT %(kind)s || ':' || id, %(kind)s, program, id, currency, false, 0, 0 FROM held
        RETURNING id, grant_id
    )
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by,
        happened_at)
    SELECT 'hold', %(pool)s, opened.id, held.currency, held.amount_cents, 'grant:' || held.uuid || ':hold', '',
        %(made_by)s, %(at)s
    FROM held JOIN opened ON opened.grant_id = held.id
"""
OTHER_CONTENT = """
    SELECT m.key
    FROM unnest(%(kinds)s::text[], %(sources)s::bigint[], %(destinations)s::bigint[], %(currencies)s::text[],
        %(amounts)s::bigint[], %(keys)s::text[], %(resolves)s::bigint[])
        AS m (kind, source, destination, currency, amount_cents, key, resolves)
    JOIN ledger_transfer t ON t.key = m.key
    WHERE t.content_hash <> ledger_content_hash(
        m.kind, m.currency, m.source, m.destination, m.amount_cents, m.resolves, NULL)
    LIMIT 1
"""
