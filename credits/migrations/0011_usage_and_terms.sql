-- The dates of a term are set once: with the confirmation, or at first use where the term starts there.
-- This file belongs to migration 0011 and is never edited after a release; a change is a new migration.

CREATE FUNCTION grant_term_is_set_once() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (OLD.term_starts, OLD.latest_end_on, OLD.late_usage_days)
        IS DISTINCT FROM (NEW.term_starts, NEW.latest_end_on, NEW.late_usage_days)
    THEN
        RAISE EXCEPTION 'the term of grant % is fixed', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_is_fixed';
    END IF;
    IF (OLD.starts_on, OLD.expires_on) IS NOT DISTINCT FROM (NEW.starts_on, NEW.expires_on) THEN
        RETURN NEW;
    END IF;
    -- From the confirmation on, only the first use changes them; a last day that stands already may only come nearer.
    IF OLD.stage = 'confirmed' AND (
        OLD.starts_on IS NOT NULL OR NEW.starts_on IS NULL OR OLD.term_starts <> 'first_use'
        OR NEW.expires_on > OLD.expires_on OR (OLD.expires_on IS NOT NULL AND NEW.expires_on IS NULL))
    THEN
        RAISE EXCEPTION 'the dates of grant % are set already', OLD.reference
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_is_fixed';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER grant_term_is_set_once BEFORE UPDATE ON credits_grant
    FOR EACH ROW EXECUTE FUNCTION grant_term_is_set_once();
ALTER TABLE credits_grant ENABLE ALWAYS TRIGGER grant_term_is_set_once;
