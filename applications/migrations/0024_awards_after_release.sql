-- Credit between the evaluations, whatever the code above does (docs/decisions/0015-credit-between-evaluations.md).

-- Who may ask for it, and what with. Of all requests only an urgent one of the holder of the award leads to credit.
CREATE FUNCTION later_credit_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    award applications_application%ROWTYPE;
BEGIN
    SELECT * INTO award FROM applications_application WHERE id = NEW.application_id;
    IF award.state <> 'awarded' THEN
        PERFORM decision_refuse('later_credit_needs_an_award', 'Only an award gets more credit.');
    END IF;
    IF NEW.kind = 'again' THEN
        IF NEW.state <> 'proposed' OR NOT EXISTS (
            SELECT 1 FROM applications_decision d JOIN credits_grant g ON g.id = d.grant_id
             WHERE d.id = NEW.replaces_id AND d.application_id = NEW.application_id AND d.state = 'released'
               AND g.stage IN ('failed', 'void') AND g.amount_cents = NEW.amount_cents
        ) THEN
            PERFORM decision_refuse('posted_again_replaces_one',
                'Only a grant that came to nothing is posted again, with the same amount.');
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> 'asked' OR award.amends_id IS NOT NULL OR award.applicant_id <> NEW.asked_by_id THEN
        PERFORM decision_refuse('later_credit_is_asked_by_the_holder', 'Only the holder of an award asks for more.');
    END IF;
    IF NEW.kind = 'urgent' AND NOT EXISTS (
        SELECT 1 FROM applications_request r
          JOIN programs_requestform f ON f.id = r.form_id
          JOIN applications_application about ON about.id = r.application_id
         WHERE r.id = NEW.request_id AND f.kind = 'urgent' AND f.program_id = award.program_id
           AND r.applicant_id = NEW.asked_by_id AND coalesce(about.amends_id, about.id) = award.id
    ) THEN
        PERFORM decision_refuse('only_urgent_requests_lead_to_credit',
            'Only an urgent request of the holder about this award leads to credit.');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER later_credit_fits BEFORE INSERT ON applications_latercredit
    FOR EACH ROW EXECUTE FUNCTION later_credit_fits();

-- The decision says what was proposed, by whom it was proposed, and neither who asks nor who shares the credit decides.
CREATE FUNCTION later_decision_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wish applications_latercredit%ROWTYPE;
BEGIN
    SELECT * INTO wish FROM applications_latercredit WHERE id = NEW.later_id FOR UPDATE;
    IF wish.state <> 'proposed'
       OR (wish.application_id, wish.amount_cents, wish.months::int, wish.proposed_by_id)
          IS DISTINCT FROM (NEW.application_id, NEW.amount_cents, NEW.months::int, NEW.proposed_by_id) THEN
        PERFORM decision_refuse('later_decision_fits_its_proposal', 'What is given is what was proposed.');
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM programs_membership m JOIN applications_application a ON a.program_id = m.program_id
         WHERE a.id = NEW.application_id AND m.user_id = NEW.proposed_by_id AND m.ended_at IS NULL
           AND (m.role = 'manager' OR (m.role = 'finance' AND wish.kind = 'urgent'))
    ) THEN
        PERFORM decision_refuse('proposer_has_role', 'Only a manager of the program proposes, or finance where it is urgent.');
    END IF;
    IF EXISTS (
        SELECT 1 FROM applications_awardmember m
          JOIN applications_application a ON a.id = NEW.application_id
         WHERE m.application_id = coalesce(a.amends_id, a.id)
           AND m.user_id IN (NEW.proposed_by_id, NEW.approved_by_id, NEW.released_by_id)
    ) THEN
        PERFORM decision_refuse('decision_by_others', 'Somebody who shares the credit took part in the decision.');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER later_decision_fits BEFORE INSERT ON applications_decision
    FOR EACH ROW WHEN (NEW.kind = 'later') EXECUTE FUNCTION later_decision_fits();

-- What the same person, mailbox or organization got through the urgent lane in twelve months, with this decision.
CREATE FUNCTION urgent_total(award bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(d.amount_cents), 0)::bigint
      FROM applications_decision this
      JOIN applications_application mine ON mine.id = this.application_id
      JOIN credits_grant here ON here.id = this.grant_id
      JOIN applications_latercredit l ON l.kind = 'urgent'
      JOIN applications_decision d ON d.later_id = l.id AND d.state = 'released'
      JOIN applications_application a ON a.id = d.application_id
      JOIN credits_grant g ON g.id = d.grant_id AND g.provider = here.provider AND g.stage NOT IN ('failed', 'void')
     WHERE this.id = award AND d.released_at >= this.released_at - interval '12 months'
       AND (a.applicant_id = mine.applicant_id OR (a.email_key = mine.email_key AND a.email_key <> '')
            OR g.organization_id = here.organization_id)
$$;

-- Whether one person may give it: urgent, and with the other urgent credit of the year within the authority. The lowest
-- of three counts: the program's now, the one kept with the rules of the award's cycle, the one kept with the proposal.
CREATE FUNCTION urgent_within_authority(award bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    most bigint;
BEGIN
    SELECT least(
               coalesce(l.authority_cents, 0), coalesce(p.urgent_authority_cents, 0),
               CASE WHEN v.content ? 'urgent_authority_cents'
                    THEN coalesce((v.content ->> 'urgent_authority_cents')::bigint, 0) END)
      INTO most
      FROM applications_decision d
      JOIN applications_latercredit l ON l.id = d.later_id AND l.kind = 'urgent'
      JOIN applications_application a ON a.id = d.application_id
      JOIN programs_program p ON p.id = a.program_id
      LEFT JOIN programs_cycle c ON c.id = a.cycle_id
      LEFT JOIN programs_programversion v ON v.id = c.rules_version_id
     WHERE d.id = award;
    RETURN FOUND AND urgent_total(award) <= most;
END $$;
