-- Four eyes, whatever the code above does (docs/security.md, "Four eyes").

-- What an approval is given for. Any of these facts changed is another award.
CREATE FUNCTION decision_binding(
    application bigint, kind text, amount_cents bigint, months smallint, granted_models jsonb
) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        a.id, a.program_id, a.applicant_id, a.organization_id_text, kind, amount_cents, months, granted_models
    )::text, 'UTF8'))
      FROM applications_application a WHERE a.id = application
$$;

-- What the same person (account or mail address) and the same organization have got since a moment, over all programs
-- whose credits come from the same provider: the larger of the two. Awards that stand count, and of the pending ones
-- those named in `with_pending`, or all of them when it is NULL.
CREATE FUNCTION award_totals(applications bigint[], since timestamptz, with_pending bigint[])
RETURNS TABLE (application_id bigint, total_cents bigint) LANGUAGE sql STABLE AS $$
    WITH wanted AS MATERIALIZED (
        SELECT a.id, a.applicant_id, a.email_key, a.organization_id_text AS organization, p.provider
          FROM applications_application a JOIN programs_program p ON p.id = a.program_id
         WHERE a.id = ANY (applications)
    ), linked AS MATERIALIZED (
        SELECT 'person' AS shares, w.applicant_id::text AS value, w.provider, a.id
          FROM (SELECT DISTINCT applicant_id, provider FROM wanted) w
          JOIN applications_application a ON a.applicant_id = w.applicant_id
        UNION
        SELECT 'mail', w.email_key, w.provider, a.id
          FROM (SELECT DISTINCT email_key, provider FROM wanted WHERE email_key <> '') w
          JOIN applications_application a ON a.email_key = w.email_key
        UNION
        SELECT 'organization', w.organization, w.provider, a.id
          FROM (SELECT DISTINCT organization, provider FROM wanted WHERE organization <> '') w
          JOIN applications_application a ON a.organization_id_text = w.organization AND a.organization_id_text <> ''
        UNION
        SELECT 'organization', w.organization, w.provider, d.application_id
          FROM (SELECT DISTINCT organization, provider FROM wanted WHERE organization <> '') w
          JOIN credits_organization o ON o.provider = w.provider AND o.external_id = w.organization
          JOIN credits_grant g ON g.organization_id = o.id
          JOIN applications_decision d ON d.grant_id = g.id
    ), sums AS MATERIALIZED (
        SELECT l.shares, l.value, l.provider, sum(d.amount_cents)::bigint AS cents
          FROM linked l
          JOIN applications_application a ON a.id = l.id
          JOIN programs_program p ON p.id = a.program_id AND p.provider = l.provider
          JOIN applications_decision d ON d.application_id = l.id AND d.kind = 'award'
          LEFT JOIN credits_grant g ON g.id = d.grant_id
         WHERE (d.state = 'released' AND d.released_at >= since AND coalesce(g.stage, '') NOT IN ('failed', 'void'))
            OR (d.state = 'pending' AND (with_pending IS NULL OR d.id = ANY (with_pending)))
         GROUP BY l.shares, l.value, l.provider
    )
    SELECT w.id, greatest(coalesce(person.cents, 0), coalesce(mail.cents, 0), coalesce(organization.cents, 0))
      FROM wanted w
      LEFT JOIN sums person
        ON person.shares = 'person' AND person.value = w.applicant_id::text AND person.provider = w.provider
      LEFT JOIN sums mail ON mail.shares = 'mail' AND mail.value = w.email_key AND mail.provider = w.provider
      LEFT JOIN sums organization ON organization.shares = 'organization' AND organization.value = w.organization
       AND organization.provider = w.provider
$$;

CREATE FUNCTION decision_refuse(rule text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', sentence USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

-- An approval belongs to what was approved; it is given by a manager or finance approver of the program who is neither
-- the applicant nor a co-applicant. What was released does not change.
CREATE FUNCTION decision_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    binding bytea;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state IN ('released', 'carried') THEN
        IF (NEW.application_id, NEW.kind, NEW.amount_cents, NEW.months, NEW.granted_models, NEW.proposed_by_id,
            NEW.approved_by_id, NEW.approved_binding, NEW.released_by_id, NEW.counted_cents, NEW.overrides)
           IS DISTINCT FROM (OLD.application_id, OLD.kind, OLD.amount_cents, OLD.months, OLD.granted_models,
            OLD.proposed_by_id, OLD.approved_by_id, OLD.approved_binding, OLD.released_by_id, OLD.counted_cents,
            OLD.overrides)
           OR NEW.state NOT IN (OLD.state, 'carried') THEN
            PERFORM decision_refuse('released_decision_is_frozen', 'A released decision does not change.');
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.approved_by_id IS NULL THEN
        NEW.approved_binding := NULL;
        RETURN NEW;
    END IF;
    binding := decision_binding(
        NEW.application_id, NEW.kind, NEW.amount_cents, NEW.months, NEW.granted_models
    );
    IF TG_OP = 'UPDATE' AND OLD.approved_by_id IS NOT DISTINCT FROM NEW.approved_by_id THEN
        NEW.approved_binding := OLD.approved_binding;
        IF NEW.approved_binding IS DISTINCT FROM binding OR NEW.overrides IS DISTINCT FROM OLD.overrides THEN
            NEW.approved_by_id := NULL;
            NEW.approved_at := NULL;
            NEW.approved_binding := NULL;
        END IF;
        RETURN NEW;
    END IF;
    NEW.approved_binding := binding;
    IF NOT EXISTS (
        SELECT 1 FROM programs_membership m JOIN applications_application a ON a.program_id = m.program_id
         WHERE a.id = NEW.application_id AND m.user_id = NEW.approved_by_id AND m.ended_at IS NULL
           AND m.role IN ('manager', 'finance')
    ) THEN
        PERFORM decision_refuse('approver_has_role', 'Only a manager or a finance approver of the program approves.');
    END IF;
    IF EXISTS (
        SELECT 1 FROM applications_application a
          LEFT JOIN applications_collaborator c ON c.application_id = a.id AND c.user_id = NEW.approved_by_id
         WHERE a.id = NEW.application_id AND (a.applicant_id = NEW.approved_by_id OR c.id IS NOT NULL)
    ) THEN
        PERFORM decision_refuse('approver_is_no_applicant', 'An applicant does not approve their own award.');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER decision_approval_insert BEFORE INSERT ON applications_decision
    FOR EACH ROW WHEN (NEW.approved_by_id IS NOT NULL OR NEW.approved_binding IS NOT NULL)
    EXECUTE FUNCTION decision_approval();
CREATE TRIGGER decision_approval_update BEFORE UPDATE ON applications_decision
    FOR EACH ROW WHEN (OLD.approved_by_id IS NOT NULL OR NEW.approved_by_id IS NOT NULL
        OR NEW.approved_binding IS NOT NULL OR OLD.state IN ('released', 'carried'))
    EXECUTE FUNCTION decision_approval();

-- The facts of the application that an approval is bound to.
CREATE FUNCTION application_voids_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE applications_decision SET approved_by_id = NULL, approved_at = NULL
     WHERE application_id = NEW.id AND state = 'pending' AND approved_by_id IS NOT NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER application_voids_approval
    AFTER UPDATE OF organization_id_text, program_id, applicant_id ON applications_application
    FOR EACH ROW WHEN ((OLD.organization_id_text, OLD.program_id, OLD.applicant_id)
        IS DISTINCT FROM (NEW.organization_id_text, NEW.program_id, NEW.applicant_id))
    EXECUTE FUNCTION application_voids_approval();

-- At release, once for all rows of the statement: the sums are counted again, and the people are kept apart.
CREATE FUNCTION decision_release_check(fresh bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT a.reference INTO wrong
      FROM applications_decision d
      JOIN applications_application a ON a.id = d.application_id
     WHERE d.id = ANY (fresh)
       AND (a.applicant_id IN (d.proposed_by_id, d.approved_by_id, d.released_by_id)
            OR EXISTS (SELECT 1 FROM applications_collaborator c WHERE c.application_id = a.id
                          AND c.user_id IN (d.proposed_by_id, d.approved_by_id, d.released_by_id)))
     LIMIT 1;
    IF FOUND THEN
        PERFORM decision_refuse('decision_by_others', wrong || ': somebody who asks for it took part in the decision.');
    END IF;
    SELECT a.reference INTO wrong
      FROM applications_decision d JOIN applications_application a ON a.id = d.application_id
     WHERE d.id = ANY (fresh) AND d.approved_by_id IS NOT NULL
       AND d.approved_binding IS DISTINCT FROM
           decision_binding(d.application_id, d.kind, d.amount_cents, d.months, d.granted_models)
     LIMIT 1;
    IF FOUND THEN
        PERFORM decision_refuse('approval_is_bound', wrong || ': it changed after it was approved.');
    END IF;
    WITH limits AS MATERIALIZED (
        SELECT c.id, least(p.four_eyes_above_cents, (v.content ->> 'four_eyes_above_cents')::bigint) AS cents
          FROM programs_cycle c
          JOIN programs_program p ON p.id = c.program_id
          LEFT JOIN programs_programversion v ON v.id = c.rules_version_id
         WHERE c.id IN (SELECT a.cycle_id FROM applications_application a
                          JOIN applications_decision d ON d.application_id = a.id WHERE d.id = ANY (fresh))
    ), totals AS MATERIALIZED (
        SELECT * FROM award_totals(
            ARRAY(SELECT d.application_id FROM applications_decision d WHERE d.id = ANY (fresh)),
            (SELECT min(d.released_at) FROM applications_decision d WHERE d.id = ANY (fresh)) - interval '12 months',
            '{}')
    )
    SELECT a.reference INTO wrong
      FROM applications_decision d
      JOIN applications_application a ON a.id = d.application_id
      JOIN limits ON limits.id = a.cycle_id
      JOIN totals ON totals.application_id = d.application_id
     WHERE d.id = ANY (fresh) AND d.approved_by_id IS NULL
       AND greatest(totals.total_cents, d.amount_cents) > least(limits.cents, d.four_eyes_above_cents)
     LIMIT 1;
    IF FOUND THEN
        PERFORM decision_refuse('large_award_has_second_person',
            wrong || ': with the other awards of twelve months it is above the limit, and nobody approved it.');
    END IF;
END $$;

CREATE FUNCTION decision_released() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fresh bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.id) INTO fresh FROM new_rows n WHERE n.state = 'released' AND n.kind = 'award';
    ELSE
        SELECT array_agg(n.id) INTO fresh FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE n.state = 'released' AND o.state <> 'released' AND n.kind = 'award';
    END IF;
    IF fresh IS NOT NULL THEN
        PERFORM decision_release_check(fresh);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER decision_released_insert AFTER INSERT ON applications_decision
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION decision_released();
CREATE TRIGGER decision_released_update AFTER UPDATE ON applications_decision
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION decision_released();
