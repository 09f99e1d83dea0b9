-- What is written stays written, and only the ledger's own trigger writes entries, blocks and balances.
-- All triggers are ENABLE ALWAYS: no session setting, session_replication_role included, switches them off.
-- In production the application's database role owns none of these tables, so it cannot drop them either.

CREATE FUNCTION ledger_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% is refused on %: the ledger is only added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'ledger_append_only';
END $$;

-- TRUNCATE is how test databases are emptied between tests. The name of the database decides: a connection cannot
-- change the name of the database it is in, and a parameter it could set would be no protection.
CREATE FUNCTION ledger_refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_database() !~ '^(test|bench|scratch)_' THEN
        RAISE EXCEPTION 'TRUNCATE is refused on %: the ledger is only added to', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'ledger_append_only';
    END IF;
    RETURN NULL;
END $$;

-- The call stack tells who is writing: the ledger's functions, or somebody else.
CREATE FUNCTION ledger_only_by_trigger() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    IF pg_trigger_depth() < 2 OR stack !~ '\nPL/pgSQL function ledger_write\(\) line \d+ at [A-Z]+(\n|$)' THEN
        RAISE EXCEPTION '% is refused on %: only the ledger itself writes there', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'ledger_append_only';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_refuse_filled_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a new account is empty' USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'ledger_append_only';
END $$;

-- What was decided about a grant is fixed from its reservation on; its organization from the moment it is named. Its
-- stage follows MAY_BECOME in credits/models/grant.py.
CREATE FUNCTION grant_is_fixed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF OLD.stage <> NEW.stage
        AND OLD.stage || ' ' || NEW.stage NOT IN ('reserved sent', 'reserved void', 'sent confirmed', 'sent failed')
    THEN
        RAISE EXCEPTION 'grant % does not go from % to %', OLD.reference, OLD.stage, NEW.stage
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_stage_order';
    END IF;
    IF (OLD.uuid, OLD.reference, OLD.program, OLD.provider, OLD.pool, OLD.holder_id, OLD.amount_cents, OLD.currency,
            OLD.term_months, OLD.models)
        IS DISTINCT FROM (NEW.uuid, NEW.reference, NEW.program, NEW.provider, NEW.pool, NEW.holder_id, NEW.amount_cents,
            NEW.currency, NEW.term_months, NEW.models)
        OR (OLD.organization_id IS NOT NULL AND NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    THEN
        RAISE EXCEPTION 'what was decided about grant % is fixed', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_is_fixed';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER grant_is_fixed BEFORE UPDATE ON credits_grant FOR EACH ROW EXECUTE FUNCTION grant_is_fixed();
ALTER TABLE credits_grant ENABLE ALWAYS TRIGGER grant_is_fixed;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_block FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OF id, code, kind, program, grant_id, currency, may_overdraw
    ON ledger_account FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OF chain ON ledger_chain_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON ledger_transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_truncate();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_truncate();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON ledger_block FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_truncate();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON ledger_account FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_truncate();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON ledger_chain_head FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_truncate();

CREATE TRIGGER by_trigger BEFORE INSERT ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_by_trigger();
CREATE TRIGGER by_trigger BEFORE INSERT ON ledger_block FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_by_trigger();
CREATE TRIGGER by_trigger BEFORE UPDATE OF balance_cents, version ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_by_trigger();
CREATE TRIGGER by_trigger BEFORE INSERT OR UPDATE OF sequence, hash ON ledger_chain_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_by_trigger();
CREATE TRIGGER empty_at_first BEFORE INSERT ON ledger_account
    FOR EACH ROW WHEN (NEW.balance_cents <> 0 OR NEW.version <> 0) EXECUTE FUNCTION ledger_refuse_filled_account();

ALTER TABLE ledger_transfer ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger_block ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger_chain_head ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger_transfer ENABLE ALWAYS TRIGGER no_truncate;
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER no_truncate;
ALTER TABLE ledger_block ENABLE ALWAYS TRIGGER no_truncate;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER no_truncate;
ALTER TABLE ledger_chain_head ENABLE ALWAYS TRIGGER no_truncate;
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER by_trigger;
ALTER TABLE ledger_block ENABLE ALWAYS TRIGGER by_trigger;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER by_trigger;
ALTER TABLE ledger_chain_head ENABLE ALWAYS TRIGGER by_trigger;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER empty_at_first;
