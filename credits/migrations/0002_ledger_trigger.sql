-- The ledger's rules, in the database, whatever the program above does. docs/ledger.md explains them.
-- This file belongs to migration 0002 and is never edited after a release; a change is a new migration.

-- Both accounts exist and have the transfer's currency.
ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_id_currency UNIQUE (id, currency);
ALTER TABLE ledger_transfer
    ADD CONSTRAINT ledger_transfer_source FOREIGN KEY (source_id, currency) REFERENCES ledger_account (id, currency),
    ADD CONSTRAINT ledger_transfer_destination FOREIGN KEY (destination_id, currency) REFERENCES ledger_account (id, currency);

-- Accounts are updated with every transfer: free room on each page keeps the new row version beside the old one.
ALTER TABLE ledger_account SET (fillfactor = 70);
ALTER TABLE ledger_chain_head SET (fillfactor = 10);


-- Which movement may run between which kinds of account (credits/movements.py: LEGAL).
CREATE FUNCTION ledger_legal(kind text, source_kind text, destination_kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    kind || ' ' || source_kind || ' ' || destination_kind = ANY (ARRAY[
        'fund source pool',
        'hold pool reserved',
        'send reserved in_transit',
        'post in_transit granted',
        'void reserved pool',
        'void in_transit pool',
        'use granted consumed',
        'expire granted expired',
        'freeze granted frozen',
        'thaw frozen granted',
        'move granted granted'
    ]);


-- Every rule about one transfer that needs more than its own row. Pure: it gets the facts, it answers with the reason
-- for a refusal or with NULL. "first_*" are facts of the hold that the transfer ends, or of the transfer it reverses.
CREATE FUNCTION ledger_gate(
    kind text, source_id bigint, destination_id bigint, amount_cents bigint,
    source_kind text, source_program text, source_grant bigint,
    destination_kind text, destination_program text, destination_grant bigint,
    grant_amount_cents bigint, grant_organization bigint,
    first_kind text, first_source_id bigint, first_destination_id bigint, first_amount_cents bigint, first_grant bigint
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE
        WHEN kind = 'reverse' THEN
            CASE
                WHEN first_kind IN ('void', 'reverse') THEN 'a return or a correction is not corrected again'
                WHEN first_source_id <> destination_id OR first_destination_id <> source_id
                    OR first_amount_cents <> amount_cents THEN 'a correction mirrors the whole first movement'
            END
        WHEN NOT ledger_legal(kind, source_kind, destination_kind) THEN
            kind || ' does not run from ' || source_kind || ' to ' || destination_kind
        WHEN source_program <> destination_program AND kind <> 'move' THEN 'the accounts belong to different programs'
        WHEN kind IN ('send', 'post', 'freeze', 'thaw') AND source_grant <> destination_grant THEN
            'the accounts belong to different grants'
        WHEN kind IN ('hold', 'send') AND grant_amount_cents <> amount_cents THEN
            'the amount differs from the amount of the grant'
        WHEN kind = 'send' AND grant_organization IS NULL THEN 'the grant has no organization'
        WHEN kind IN ('post', 'void') THEN
            CASE
                WHEN first_kind <> 'hold' OR first_grant <> source_grant THEN 'it ends the reservation of another grant'
                WHEN first_amount_cents <> amount_cents THEN 'it ends only a part of the reservation'
                WHEN kind = 'void' AND first_source_id <> destination_id THEN 'the credit goes back to another pool'
            END
    END;


-- What one row adds to the hash chain.
CREATE FUNCTION ledger_transfer_leaf(
    id bigint, content_hash bytea, happened_at timestamptz, recorded_at timestamptz,
    key text, group_key text, made_by text, approved_by text
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE RETURN
    int8send(id) || content_hash || timestamptz_send(happened_at) || timestamptz_send(recorded_at)
    || int4send(length(key)) || int4send(length(group_key))
    || convert_to(concat(key, group_key, made_by, ' ', approved_by), 'UTF8');

CREATE FUNCTION ledger_entry_leaf(
    account_id bigint, version bigint, transfer_id bigint, amount_cents bigint, balance_after_cents bigint
) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    int8send(account_id) || int8send(version) || int8send(transfer_id) || int8send(amount_cents)
    || int8send(balance_after_cents);

CREATE FUNCTION ledger_block_hash(previous bytea, chain smallint, sequence bigint, count bigint, digest bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    sha256(previous || int2send(chain) || int8send(sequence) || int8send(count) || digest);


-- Refusals. The constraint names are what credits/ledger.py turns into its own errors.
CREATE FUNCTION ledger_refuse_overdraft(account bigint, amount_cents bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    held ledger_account;
BEGIN
    SELECT * INTO STRICT held FROM ledger_account WHERE id = account;
    RAISE EXCEPTION 'account % holds % %, which is not enough for %',
        held.code, held.currency, to_char(held.balance_cents / 100.0, 'FM999999999999990.00'),
        to_char(amount_cents / 100.0, 'FM999999999999990.00')
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_floor', TABLE = 'ledger_account',
            DETAIL = json_build_object('account', held.code, 'kind', held.kind, 'currency', held.currency,
                'balance_cents', held.balance_cents, 'needed_cents', amount_cents)::text;
END $$;

CREATE FUNCTION ledger_refuse_transfer(key text, reason text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transfer % is refused: %', key, reason
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_gate', TABLE = 'ledger_transfer', DETAIL = reason;
END $$;


-- Fund, move and reverse: both people must be known and active at that moment.
CREATE FUNCTION ledger_two_people(key text, made_by text, approved_by text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM portal_user WHERE subject_key IN (made_by, approved_by) AND is_active) <> 2 THEN
        PERFORM ledger_refuse_transfer(key, 'two different people with an account must ask and approve');
    END IF;
END $$;


-- One transfer: move both balances in the order of the account ids, check, write both entries. Returns its digest.
CREATE FUNCTION ledger_write_one(t ledger_transfer) RETURNS bytea
LANGUAGE plpgsql AS $$
DECLARE
    source ledger_account;
    destination ledger_account;
    given_cents bigint;
    given_to bigint;
    first_kind text;
    first_source bigint;
    first_destination bigint;
    first_cents bigint;
    first_grant bigint;
    refusal text;
BEGIN
    FOR turn IN 1..2 LOOP
        IF (turn = 1) = (t.source_id < t.destination_id) THEN
            UPDATE ledger_account SET balance_cents = balance_cents - t.amount_cents, version = version + 1
                WHERE id = t.source_id AND (may_overdraw OR balance_cents >= t.amount_cents)
                RETURNING * INTO source;
            IF NOT FOUND THEN
                PERFORM ledger_refuse_overdraft(t.source_id, t.amount_cents);
            END IF;
        ELSE
            UPDATE ledger_account SET balance_cents = balance_cents + t.amount_cents, version = version + 1
                WHERE id = t.destination_id
                RETURNING * INTO destination;
        END IF;
    END LOOP;

    IF t.kind IN ('hold', 'send') THEN
        SELECT g.amount_cents, g.organization_id INTO given_cents, given_to
            FROM credits_grant g WHERE g.id = destination.grant_id;
    ELSIF t.kind IN ('post', 'void', 'reverse') THEN
        SELECT f.kind, f.source_id, f.destination_id, f.amount_cents, a.grant_id
            INTO first_kind, first_source, first_destination, first_cents, first_grant
            FROM ledger_transfer f JOIN ledger_account a ON a.id = f.destination_id
            WHERE f.id = coalesce(t.resolves_id, t.reverses_id);
    END IF;
    refusal := ledger_gate(
        t.kind, t.source_id, t.destination_id, t.amount_cents,
        source.kind, source.program, source.grant_id, destination.kind, destination.program, destination.grant_id,
        given_cents, given_to, first_kind, first_source, first_destination, first_cents, first_grant);
    IF refusal IS NULL AND t.kind = 'hold' AND destination.version <> 1 THEN
        refusal := 'the grant has been reserved before';
    END IF;
    IF refusal IS NOT NULL THEN
        PERFORM ledger_refuse_transfer(t.key, refusal);
    END IF;
    IF t.kind IN ('fund', 'move', 'reverse') THEN
        PERFORM ledger_two_people(t.key, t.made_by, t.approved_by);
    END IF;

    INSERT INTO ledger_entry (account_id, version, transfer_id, amount_cents, balance_after_cents) VALUES
        (t.source_id, source.version, t.id, -t.amount_cents, source.balance_cents),
        (t.destination_id, destination.version, t.id, t.amount_cents, destination.balance_cents);

    RETURN sha256(ledger_transfer_leaf(
            t.id, t.content_hash, t.happened_at, t.recorded_at, t.key, t.group_key, t.made_by, t.approved_by))
        || CASE WHEN t.source_id < t.destination_id THEN sha256(
            ledger_entry_leaf(t.source_id, source.version, t.id, -t.amount_cents, source.balance_cents)
            || ledger_entry_leaf(t.destination_id, destination.version, t.id, t.amount_cents, destination.balance_cents))
        ELSE sha256(
            ledger_entry_leaf(t.destination_id, destination.version, t.id, t.amount_cents, destination.balance_cents)
            || ledger_entry_leaf(t.source_id, source.version, t.id, -t.amount_cents, source.balance_cents))
        END;
END $$;


-- Append one block to a chain that nobody else holds; only when all are held, wait for one.
CREATE FUNCTION ledger_append_block(first_id bigint, last_id bigint, how_many bigint, ids bigint[], digest bytea) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    head ledger_chain_head;
    next_hash bytea;
BEGIN
    SELECT * INTO head FROM ledger_chain_head ORDER BY chain LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        INSERT INTO ledger_chain_head (chain, sequence, hash, frozen)
            SELECT chain, 0, sha256(int2send(chain::smallint)), false FROM generate_series(0, 15) AS chain
            WHERE NOT EXISTS (SELECT FROM ledger_chain_head)
            ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM ledger_chain_head ORDER BY chain LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            SELECT * INTO STRICT head FROM ledger_chain_head WHERE chain = pg_backend_pid() % 16 FOR NO KEY UPDATE;
        END IF;
    END IF;
    IF head.frozen THEN
        RAISE EXCEPTION 'posting is stopped until a person has looked at the ledger checks'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'ledger_frozen';
    END IF;
    next_hash := ledger_block_hash(head.hash, head.chain, head.sequence + 1, how_many, digest);
    UPDATE ledger_chain_head SET sequence = head.sequence + 1, hash = next_hash WHERE chain = head.chain;
    INSERT INTO ledger_block (id, chain, sequence, first_transfer, last_transfer, count, members, previous_hash, hash)
        VALUES ((head.sequence + 1) * 16 + head.chain, head.chain, head.sequence + 1, first_id, last_id, how_many, ids,
            head.hash, next_hash);
END $$;


-- After each INSERT of transfers. One row and many rows go separate ways, because one plan cannot serve both: the plans
-- for one row are kept and must use indexes even when they were made on an empty table (hence enable_seqscan = off);
-- the statements for many rows are planned anew each time, when the number of rows is known.
CREATE FUNCTION ledger_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    how_many bigint;
    first_id bigint;
    last_id bigint;
    one ledger_transfer;
    kinds text[];
    refused record;
    ids bigint[];
    digest bytea;
    entries_digest bytea;
BEGIN
    SELECT count(*), min(id), max(id) INTO how_many, first_id, last_id FROM written;
    IF how_many = 0 THEN
        RETURN NULL;
    ELSIF how_many = 1 THEN
        SELECT * INTO STRICT one FROM written;
        PERFORM ledger_append_block(first_id, last_id, 1, NULL, ledger_write_one(one));
        RETURN NULL;
    END IF;

    IF how_many > 1000 THEN
        PERFORM set_config('enable_seqscan', 'on', true);
    END IF;
    SELECT array_agg(DISTINCT kind) INTO kinds FROM written;

    -- All accounts, in one order for everybody: no two statements wait for each other.
    EXECUTE 'SELECT count(*) FROM (
        SELECT id FROM ledger_account
        WHERE id IN (SELECT source_id FROM written UNION ALL SELECT destination_id FROM written)
        ORDER BY id FOR NO KEY UPDATE) AS locked' INTO refused;

    EXECUTE 'SELECT key, reason FROM (
        SELECT t.key, ledger_gate(
            t.kind, t.source_id, t.destination_id, t.amount_cents,
            s.kind, s.program, s.grant_id, d.kind, d.program, d.grant_id, g.amount_cents, g.organization_id,
            f.kind, f.source_id, f.destination_id, f.amount_cents, f.grant_id) AS reason
        FROM written t
        JOIN ledger_account s ON s.id = t.source_id
        JOIN ledger_account d ON d.id = t.destination_id '
        || CASE WHEN kinds && ARRAY['hold', 'send'] THEN 'LEFT JOIN credits_grant g ON g.id = d.grant_id '
            ELSE 'CROSS JOIN (SELECT NULL::bigint AS amount_cents, NULL::bigint AS organization_id) g ' END
        || CASE WHEN kinds && ARRAY['post', 'void', 'reverse'] THEN 'LEFT JOIN LATERAL (
                SELECT f.kind, f.source_id, f.destination_id, f.amount_cents, a.grant_id
                FROM ledger_transfer f JOIN ledger_account a ON a.id = f.destination_id
                WHERE f.id = coalesce(t.resolves_id, t.reverses_id)) f ON true '
            ELSE 'CROSS JOIN (SELECT NULL::text AS kind, NULL::bigint AS source_id, NULL::bigint AS destination_id,
                NULL::bigint AS amount_cents, NULL::bigint AS grant_id) f ' END
        || ') AS checked WHERE reason IS NOT NULL LIMIT 1' INTO refused;
    IF refused.reason IS NOT NULL THEN
        PERFORM ledger_refuse_transfer(refused.key, refused.reason);
    END IF;
    IF kinds && ARRAY['fund', 'move', 'reverse'] THEN
        PERFORM ledger_two_people(key, made_by, approved_by) FROM written WHERE kind IN ('fund', 'move', 'reverse');
    END IF;

    -- Both legs of every transfer with the version and balance after it; then entries, balances, and the digest.
    -- A balance that any step would take below the floor is not updated, and shows up as "account".
    EXECUTE 'WITH moved AS MATERIALIZED (
            SELECT leg.account_id, leg.transfer_id, leg.amount_cents, leg.is_hold, a.may_overdraw,
                a.version + row_number() OVER lane AS version,
                (a.balance_cents + sum(leg.amount_cents) OVER lane)::bigint AS balance_after_cents
            FROM (
                SELECT source_id AS account_id, id AS transfer_id, -amount_cents AS amount_cents, false AS is_hold FROM written
                UNION ALL
                SELECT destination_id, id, amount_cents, kind = ''hold'' FROM written
            ) leg JOIN ledger_account a ON a.id = leg.account_id
            WINDOW lane AS (PARTITION BY leg.account_id ORDER BY leg.transfer_id ROWS UNBOUNDED PRECEDING)
        ), entered AS (
            INSERT INTO ledger_entry (account_id, version, transfer_id, amount_cents, balance_after_cents)
            SELECT account_id, version, transfer_id, amount_cents, balance_after_cents FROM moved
        ), balanced AS (
            UPDATE ledger_account a
            SET balance_cents = a.balance_cents + change.cents, version = a.version + change.steps
            FROM (SELECT account_id, sum(amount_cents)::bigint AS cents, count(*) AS steps, min(balance_after_cents) AS lowest
                FROM moved GROUP BY account_id) change
            WHERE a.id = change.account_id AND (a.may_overdraw OR change.lowest >= 0)
        )
        SELECT sha256(string_agg(
                ledger_entry_leaf(account_id, version, transfer_id, amount_cents, balance_after_cents), ''''::bytea
                ORDER BY account_id, version)) AS digest,
            min(account_id) FILTER (WHERE balance_after_cents < 0 AND NOT may_overdraw) AS account,
            min(transfer_id) FILTER (WHERE is_hold AND version <> 1) AS repeated
        FROM moved' INTO refused;
    IF refused.account IS NOT NULL THEN
        PERFORM ledger_refuse_overdraft(
            refused.account, (SELECT sum(amount_cents)::bigint FROM written WHERE source_id = refused.account));
    END IF;
    IF refused.repeated IS NOT NULL THEN
        PERFORM ledger_refuse_transfer(
            (SELECT key FROM written WHERE id = refused.repeated), 'the grant has been reserved before');
    END IF;
    entries_digest := refused.digest;

    EXECUTE 'SELECT sha256(string_agg(
            ledger_transfer_leaf(id, content_hash, happened_at, recorded_at, key, group_key, made_by, approved_by), ''''::bytea
            ORDER BY id)) FROM written' INTO digest;
    IF last_id - first_id + 1 <> how_many THEN
        SELECT array_agg(id ORDER BY id) INTO ids FROM written;
    END IF;
    PERFORM ledger_append_block(first_id, last_id, how_many, ids, digest || entries_digest);
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_write AFTER INSERT ON ledger_transfer
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_write();
ALTER TABLE ledger_transfer ENABLE ALWAYS TRIGGER ledger_write;
