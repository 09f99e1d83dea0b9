-- An organization named at acceptance counts for the award that is being accepted (docs/decisions/0014).

-- One count at a time: what another transaction releases or binds is seen before this one counts.
CREATE FUNCTION award_count_alone() RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtext('award_totals'))
$$;

-- What an organization has got with one released award, in the twelve months before its release and since.
CREATE FUNCTION award_organization_total(award bigint, organization bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT this.amount_cents + coalesce((
        SELECT sum(d.amount_cents) FROM applications_decision d
          JOIN credits_grant g ON g.id = d.grant_id
          JOIN applications_application a ON a.id = d.application_id
          JOIN credits_organization o ON o.id = organization AND o.provider = g.provider
         WHERE d.kind = 'award' AND d.state = 'released' AND d.id <> this.id
           AND d.released_at >= this.released_at - interval '12 months' AND g.stage NOT IN ('failed', 'void')
           AND (g.organization_id = o.id OR a.organization_id_text = o.external_id
                OR EXISTS (SELECT 1 FROM applications_heldacceptance h
                            WHERE h.decision_id = d.id AND h.organization_id = o.id))
    ), 0)::bigint
      FROM applications_decision this WHERE this.id = award
$$;

CREATE FUNCTION award_limit(award bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT least(d.four_eyes_above_cents, p.four_eyes_above_cents, (v.content ->> 'four_eyes_above_cents')::bigint)
      FROM applications_decision d
      JOIN applications_application a ON a.id = d.application_id
      JOIN programs_program p ON p.id = a.program_id
      LEFT JOIN programs_cycle c ON c.id = a.cycle_id
      LEFT JOIN programs_programversion v ON v.id = c.rules_version_id
     WHERE d.id = award
$$;

CREATE FUNCTION grant_bound() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    award bigint;
BEGIN
    SELECT d.id INTO award FROM applications_decision d
     WHERE d.grant_id = NEW.id AND d.kind = 'award' AND d.state = 'released' AND d.approved_by_id IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM award_count_alone();
    IF award_organization_total(award, NEW.organization_id) > award_limit(award) AND NOT EXISTS (
        SELECT 1 FROM applications_heldacceptance h
         WHERE h.decision_id = award AND h.organization_id = NEW.organization_id AND h.approved_by_id IS NOT NULL
    ) THEN
        PERFORM decision_refuse('accepted_award_has_second_person',
            'With the other awards of its organization this award is above the limit, and nobody approved it.');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER grant_bound AFTER UPDATE OF organization_id ON credits_grant
    FOR EACH ROW WHEN (NEW.organization_id IS NOT NULL AND NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    EXECUTE FUNCTION grant_bound();

-- Who approves, and that an approval stays what it was. A released award keeps its grant, so that none is put in its place.
CREATE FUNCTION held_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.approved_by_id IS NOT NULL
           OR (NEW.decision_id, NEW.organization_id) IS DISTINCT FROM (OLD.decision_id, OLD.organization_id) THEN
            PERFORM decision_refuse('held_acceptance_is_kept', 'What was accepted and approved does not change.');
        END IF;
    END IF;
    IF NEW.approved_by_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF EXISTS (
        SELECT 1 FROM applications_decision d JOIN applications_application a ON a.id = d.application_id
          LEFT JOIN applications_collaborator c ON c.application_id = a.id AND c.user_id = NEW.approved_by_id
         WHERE d.id = NEW.decision_id
           AND (NEW.approved_by_id IN (d.proposed_by_id, a.applicant_id, NEW.named_by_id) OR c.id IS NOT NULL)
    ) OR NOT EXISTS (
        SELECT 1 FROM programs_membership m
          JOIN applications_application a ON a.program_id = m.program_id
          JOIN applications_decision d ON d.application_id = a.id
         WHERE d.id = NEW.decision_id AND m.user_id = NEW.approved_by_id AND m.ended_at IS NULL
           AND m.role IN ('manager', 'finance')
    ) THEN
        PERFORM decision_refuse('held_approver_is_second_person',
            'A manager or finance approver who neither proposed nor asked for the award approves it.');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER held_approval BEFORE INSERT OR UPDATE ON applications_heldacceptance
    FOR EACH ROW EXECUTE FUNCTION held_approval();

CREATE FUNCTION released_award_keeps_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM decision_refuse('released_decision_is_frozen', 'A released decision does not change.');
    RETURN NEW;
END $$;

CREATE TRIGGER released_award_keeps_grant BEFORE UPDATE OF grant_id ON applications_decision
    FOR EACH ROW WHEN (OLD.state = 'released' AND NEW.grant_id IS DISTINCT FROM OLD.grant_id)
    EXECUTE FUNCTION released_award_keeps_grant();
