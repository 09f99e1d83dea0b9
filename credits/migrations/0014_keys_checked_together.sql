-- References between accounts, transfers and grants are looked up for all rows of a statement at once, by the trigger that
-- reads these rows anyway, and no longer row by row (docs/decisions/0020). What is referred to can be neither deleted nor
-- renumbered, so one look when the referring row is written is enough.
-- This file belongs to migration 0014 and is never edited after a release; a change is a new migration.

ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_source, DROP CONSTRAINT ledger_transfer_destination;
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_id_currency;


-- Grants stay for ever, as the accounts that are named after them do.
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OF id ON credits_grant
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON credits_grant FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_truncate();
ALTER TABLE credits_grant ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE credits_grant ENABLE ALWAYS TRIGGER no_truncate;

CREATE FUNCTION ledger_accounts_have_grants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stranger record;
BEGIN
    SELECT o.code, o.grant_id INTO stranger FROM opened o LEFT JOIN credits_grant g ON g.id = o.grant_id
        WHERE o.grant_id IS NOT NULL AND g.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % is refused: there is no grant %', stranger.code, stranger.grant_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_account_grant', TABLE = 'ledger_account';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER has_grant AFTER INSERT ON ledger_account
    REFERENCING NEW TABLE AS opened FOR EACH STATEMENT EXECUTE FUNCTION ledger_accounts_have_grants();
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER has_grant;


-- A grant names the grants before it: rarely, so the look at them happens only where there is something to look for.
CREATE FUNCTION grant_names_grants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(ARRAY[NEW.half_of_id, NEW.moved_from_id, NEW.first_id]) AS named (id)
        WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM credits_grant g WHERE g.id = named.id))
    THEN
        RAISE EXCEPTION 'grant % is refused: it names a grant that does not exist', NEW.reference
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'grant_names_grants', TABLE = 'credits_grant';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER grant_names_grants AFTER INSERT OR UPDATE ON credits_grant FOR EACH ROW
    WHEN (NEW.half_of_id IS NOT NULL OR NEW.moved_from_id IS NOT NULL OR NEW.first_id IS NOT NULL)
    EXECUTE FUNCTION grant_names_grants();
ALTER TABLE credits_grant ENABLE ALWAYS TRIGGER grant_names_grants;


-- Both accounts exist and have the transfer's currency. The names are those of the foreign keys that said so before.
CREATE FUNCTION ledger_refuse_unknown_accounts(key text, source_id bigint, destination_id bigint, currency text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    end_ text;
BEGIN
    SELECT e.name INTO end_
        FROM (VALUES ('source', source_id), ('destination', destination_id)) AS e (name, account)
        WHERE NOT EXISTS (SELECT FROM ledger_account a
            WHERE a.id = e.account AND a.currency = ledger_refuse_unknown_accounts.currency) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transfer % is refused: its % is no account in %', key, end_, currency
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_transfer_' || end_, TABLE = 'ledger_transfer';
    END IF;
END $$;


-- As in migration 0002, and the movement that is ended or reversed exists. It is in the ledger for ever.
CREATE OR REPLACE FUNCTION ledger_gate(
    kind text, source_id bigint, destination_id bigint, amount_cents bigint,
    source_kind text, source_program text, source_grant bigint,
    destination_kind text, destination_program text, destination_grant bigint,
    grant_amount_cents bigint, grant_organization bigint,
    first_kind text, first_source_id bigint, first_destination_id bigint, first_amount_cents bigint, first_grant bigint
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE
        WHEN kind IN ('post', 'void', 'reverse') AND first_kind IS NULL THEN 'the movement that it names does not exist'
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

-- As in migration 0002, with this look at the accounts.
CREATE OR REPLACE FUNCTION ledger_write_one(t ledger_transfer) RETURNS bytea
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
                PERFORM ledger_refuse_unknown_accounts(t.key, t.source_id, t.destination_id, t.currency);
                PERFORM ledger_refuse_overdraft(t.source_id, t.amount_cents);
            END IF;
        ELSE
            UPDATE ledger_account SET balance_cents = balance_cents + t.amount_cents, version = version + 1
                WHERE id = t.destination_id
                RETURNING * INTO destination;
        END IF;
    END LOOP;
    IF source.currency <> t.currency OR destination.currency IS DISTINCT FROM t.currency THEN
        PERFORM ledger_refuse_unknown_accounts(t.key, t.source_id, t.destination_id, t.currency);
    END IF;

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

-- As in migration 0002, with this look at the accounts.
CREATE OR REPLACE FUNCTION ledger_write() RETURNS trigger
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
    usual_memory text := current_setting('work_mem');
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
        PERFORM set_config('work_mem', '64MB', true);
    END IF;
    SELECT array_agg(DISTINCT kind) INTO kinds FROM written;

    -- All accounts, in one order for everybody: no two statements wait for each other.
    EXECUTE 'SELECT count(*) FROM (
        SELECT id FROM ledger_account
        WHERE id IN (SELECT source_id FROM written UNION ALL SELECT destination_id FROM written)
        ORDER BY id FOR NO KEY UPDATE) AS locked' INTO refused;

    EXECUTE 'SELECT count(*) AS known, (array_agg(key) FILTER (WHERE reason IS NOT NULL))[1] AS key,
            (array_agg(reason) FILTER (WHERE reason IS NOT NULL))[1] AS reason
        FROM (SELECT t.key, ledger_gate(
            t.kind, t.source_id, t.destination_id, t.amount_cents,
            s.kind, s.program, s.grant_id, d.kind, d.program, d.grant_id, g.amount_cents, g.organization_id,
            f.kind, f.source_id, f.destination_id, f.amount_cents, f.grant_id) AS reason
        FROM written t
        JOIN ledger_account s ON s.id = t.source_id AND s.currency = t.currency
        JOIN ledger_account d ON d.id = t.destination_id AND d.currency = t.currency '
        || CASE WHEN kinds && ARRAY['hold', 'send'] THEN 'LEFT JOIN credits_grant g ON g.id = d.grant_id '
            ELSE 'CROSS JOIN (SELECT NULL::bigint AS amount_cents, NULL::bigint AS organization_id) g ' END
        || CASE WHEN kinds && ARRAY['post', 'void', 'reverse'] THEN 'LEFT JOIN LATERAL (
                SELECT f.kind, f.source_id, f.destination_id, f.amount_cents, a.grant_id
                FROM ledger_transfer f JOIN ledger_account a ON a.id = f.destination_id
                WHERE f.id = coalesce(t.resolves_id, t.reverses_id)) f ON true '
            ELSE 'CROSS JOIN (SELECT NULL::text AS kind, NULL::bigint AS source_id, NULL::bigint AS destination_id,
                NULL::bigint AS amount_cents, NULL::bigint AS grant_id) f ' END
        || ') AS checked' INTO refused;
    IF refused.known <> how_many THEN
        PERFORM ledger_refuse_unknown_accounts(key, source_id, destination_id, currency) FROM written;
    END IF;
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
    PERFORM set_config('work_mem', usual_memory, true);
    RETURN NULL;
END $$;

-- As in migration 0003. Comparing with a pattern of fixed words takes a third of the time of the regular expression, and
-- no search path needs to be set where every name says where it is from.
CREATE OR REPLACE FUNCTION ledger_only_by_trigger() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    stack pg_catalog.text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    IF pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.<) 2
        OR (stack OPERATOR(pg_catalog.!~~) E'%\nPL/pgSQL function ledger\\_write() line % at PERFORM%'
            AND stack OPERATOR(pg_catalog.!~~) E'%\nPL/pgSQL function ledger\\_write() line % at EXECUTE%')
    THEN
        RAISE EXCEPTION '% is refused on %: only the ledger itself writes there', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'ledger_append_only';
    END IF;
    RETURN NULL;
END $$;
