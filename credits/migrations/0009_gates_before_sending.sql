-- What must be true before credit leaves for a provider, or goes to another organization (docs/ledger.md, "Gates").
-- This file belongs to migration 0009 and is never edited after a release; a change is a new migration.

-- What those who award credit know about it. credits knows no application, so here every lot passes; the migration of
-- applications that is called "gates_of_awards" puts its own questions in this place.
CREATE FUNCTION ledger_award_gate(grants bigint[]) RETURNS TABLE (grant_id bigint, reason text)
LANGUAGE sql STABLE AS $$ SELECT NULL::bigint, NULL::text WHERE false $$;


-- Facts about a lot that gets credit by a send or a move: NULL, or why it must not.
CREATE FUNCTION ledger_lot_gate(
    kind text, amount_cents bigint, source_grant bigint, holder_key text, made_by text, approved_by text,
    is_held boolean, was credits_grant, lot credits_grant
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN lot.organization_id IS NULL THEN 'the grant has no organization'
        WHEN is_held THEN 'the organization is on hold'
        WHEN kind = 'send' THEN NULL
        WHEN lot.moved_from_id IS DISTINCT FROM source_grant THEN 'the credit goes to a grant that does not follow this one'
        WHEN lot.amount_cents <> amount_cents THEN 'the amount differs from the amount of the grant'
        WHEN lot.organization_id = was.organization_id THEN 'it goes to the organization that has it'
        WHEN (lot.holder_id, lot.program, lot.provider, lot.currency, lot.expires_on)
            IS DISTINCT FROM (was.holder_id, was.program, was.provider, was.currency, was.expires_on) THEN
            'the new grant has another holder, program, provider or end'
        WHEN holder_key IN (made_by, approved_by) THEN 'the holder took part in moving it'
    END
$$;


-- Before ledger_write, whose name comes later: the row of the organization is locked ahead of the accounts, so a hold that
-- is being imposed is waited for. One look at the rows is all that other movements cost.
CREATE FUNCTION ledger_gates() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    lots bigint[];
    refused record;
BEGIN
    IF NOT EXISTS (SELECT FROM written WHERE kind IN ('send', 'move')) THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(DISTINCT a.grant_id) INTO lots
        FROM written t JOIN ledger_account a ON a.id = t.destination_id WHERE t.kind IN ('send', 'move');
    PERFORM FROM credits_organization o
        WHERE o.id IN (SELECT g.organization_id FROM credits_grant g WHERE g.id = ANY (lots)) ORDER BY o.id FOR SHARE;

    SELECT checked.key, checked.reason INTO refused FROM (
        SELECT t.key, ledger_lot_gate(
            t.kind, t.amount_cents, s.grant_id, u.subject_key, t.made_by, t.approved_by,
            EXISTS (SELECT FROM credits_enforcement e
                WHERE e.organization_id = n.organization_id AND e.lifted_at IS NULL AND e.kind IN ('hold', 'suspend')),
            o, n) AS reason
        FROM written t
        JOIN ledger_account s ON s.id = t.source_id
        JOIN ledger_account d ON d.id = t.destination_id
        JOIN credits_grant o ON o.id = s.grant_id
        JOIN credits_grant n ON n.id = d.grant_id
        JOIN portal_user u ON u.id = n.holder_id
        WHERE t.kind IN ('send', 'move')
    ) checked WHERE checked.reason IS NOT NULL LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse_transfer(refused.key, refused.reason);
    END IF;

    SELECT t.key, gate.reason INTO refused
        FROM ledger_award_gate(lots) gate
        JOIN ledger_account d ON d.grant_id = gate.grant_id
        JOIN written t ON t.destination_id = d.id LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse_transfer(refused.key, refused.reason);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_gates AFTER INSERT ON ledger_transfer
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_gates();
ALTER TABLE ledger_transfer ENABLE ALWAYS TRIGGER ledger_gates;


-- As in migration 0003, and which lot a lot follows is fixed too.
CREATE OR REPLACE FUNCTION grant_is_fixed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF OLD.stage <> NEW.stage
        AND OLD.stage || ' ' || NEW.stage NOT IN ('reserved sent', 'reserved void', 'sent confirmed', 'sent failed')
    THEN
        RAISE EXCEPTION 'grant % does not go from % to %', OLD.reference, OLD.stage, NEW.stage
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_stage_order';
    END IF;
    IF (OLD.uuid, OLD.reference, OLD.program, OLD.provider, OLD.pool, OLD.holder_id, OLD.amount_cents, OLD.currency,
            OLD.term_months, OLD.models, OLD.half_of_id, OLD.moved_from_id)
        IS DISTINCT FROM (NEW.uuid, NEW.reference, NEW.program, NEW.provider, NEW.pool, NEW.holder_id, NEW.amount_cents,
            NEW.currency, NEW.term_months, NEW.models, NEW.half_of_id, NEW.moved_from_id)
        OR (OLD.organization_id IS NOT NULL AND NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    THEN
        RAISE EXCEPTION 'what was decided about grant % is fixed', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_is_fixed';
    END IF;
    RETURN NEW;
END $$;
