-- What must be true of an award at the moment in which its credit leaves (docs/ledger.md, "Gates"; docs/decisions/0017).
-- This file belongs to migration 0027 and is never edited after a release; a change is a new migration.

-- Whether a program's own rule keeps a country out now: what applications.eligibility.Country says, for rules that block.
CREATE FUNCTION country_is_refused(program bigint, country text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT country <> '' AND EXISTS (
        SELECT FROM programs_eligibilityrule r
         WHERE r.program_id = program AND r.kind = 'country' AND r.outcome = 'block'
           AND (jsonb_typeof(r.parameters -> 'allowed') = 'array' AND NOT r.parameters -> 'allowed' ? country
                OR jsonb_typeof(r.parameters -> 'refused') = 'array' AND r.parameters -> 'refused' ? country)
    )
$$;

-- Whether the second person approved an award for an organization that was named then, and it goes to another one that
-- nobody approved.
CREATE FUNCTION approved_for_another(award bigint, organization bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM applications_decision d
          JOIN applications_application a ON a.id = d.application_id
          JOIN credits_organization o ON o.id = organization
         WHERE d.id = award AND d.kind = 'award' AND d.approved_by_id IS NOT NULL
           AND a.organization_id_text NOT IN ('', o.external_id)
    ) AND NOT EXISTS (
        SELECT FROM applications_heldacceptance h
         WHERE h.decision_id = award AND h.organization_id = organization AND h.approved_by_id IS NOT NULL
    )
$$;

-- In the place of the empty function of credits. A lot follows the decision of the grant it came from: a second half its
-- first, a lot that changed its organization the one before. Lots of a program that is not known here belong to nobody's
-- award and can only use a pool that two people funded for that program.
CREATE OR REPLACE FUNCTION ledger_award_gate(grants bigint[]) RETURNS TABLE (grant_id bigint, reason text)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE way AS (
        SELECT g.id AS lot, g.id, coalesce(g.moved_from_id, g.half_of_id) AS parent, g.moved_from_id IS NOT NULL AS moved
          FROM credits_grant g WHERE g.id = ANY (grants)
         UNION ALL
        SELECT way.lot, g.id, coalesce(g.moved_from_id, g.half_of_id), way.moved OR g.moved_from_id IS NOT NULL
          FROM way JOIN credits_grant g ON g.id = way.parent
    ), facts AS MATERIALIZED (
        SELECT way.lot, way.moved, p.id AS program, lot.holder_id, lot.program AS slug, first.program AS first_slug,
               lot.organization_id, first.amount_cents + coalesce(half.amount_cents, 0) AS reserved_cents,
               d.id AS decision, d.kind, d.application_id, d.amount_cents, d.months, d.granted_models, d.counted_cents,
               d.overrides, d.four_eyes_above_cents, d.approved_by_id, d.approved_binding, later.authority_cents,
               a.applicant_id, a.program_id, a.country
          FROM way
          JOIN credits_grant lot ON lot.id = way.lot
          JOIN credits_grant first ON first.id = way.id
          JOIN programs_program p ON p.slug = lot.program
          LEFT JOIN credits_grant half ON half.half_of_id = first.id
          LEFT JOIN applications_decision d
            ON d.grant_id = first.id AND d.state = 'released' AND d.kind IN ('award', 'later')
          LEFT JOIN applications_latercredit later ON later.id = d.later_id AND later.kind = 'urgent'
          LEFT JOIN applications_application a ON a.id = d.application_id
         WHERE way.parent IS NULL
    ), gates AS MATERIALIZED (
        SELECT DISTINCT ON (application_id) application_id, name
          FROM open_gates(ARRAY(SELECT DISTINCT application_id FROM facts WHERE application_id IS NOT NULL))
         ORDER BY application_id, criterion_id
    ), judged AS (
        SELECT f.lot, CASE
            WHEN f.decision IS NULL THEN 'no released decision gives this credit'
            WHEN (f.applicant_id, f.program_id, f.first_slug) IS DISTINCT FROM (f.holder_id, f.program, f.slug) THEN
                'the decision is about another person or program'
            WHEN f.amount_cents <> f.reserved_cents THEN 'the amount differs from the decision'
            WHEN f.approved_by_id IS NULL AND (f.overrides <> '' OR (
                    greatest(f.amount_cents, f.counted_cents) > f.four_eyes_above_cents
                    AND f.amount_cents > coalesce(f.authority_cents, 0))) THEN
                'the decision needs a second person'
            WHEN f.approved_by_id IS NOT NULL AND f.approved_binding IS DISTINCT FROM decision_binding(
                    f.application_id, f.kind, f.amount_cents, f.months, f.granted_models) THEN
                'it changed after it was approved'
            WHEN NOT f.moved AND f.approved_by_id IS NOT NULL
                    AND approved_for_another(f.decision, f.organization_id) THEN
                'it was approved for another organization'
            WHEN country_is_refused(f.program, f.country) THEN 'its country is not served at this moment'
            WHEN gate.name IS NOT NULL THEN 'the gate “' || gate.name || '” is open'
        END AS reason
          FROM facts f LEFT JOIN gates gate ON gate.application_id = f.application_id
    )
    SELECT lot, reason FROM judged WHERE reason IS NOT NULL
$$;

-- As in migration 0021, and an approval holds for the organization that it was given for.
CREATE OR REPLACE FUNCTION grant_bound() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    award bigint;
    approved boolean;
BEGIN
    SELECT d.id, d.approved_by_id IS NOT NULL INTO award, approved FROM applications_decision d
     WHERE d.grant_id = NEW.id AND d.kind = 'award' AND d.state = 'released';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF approved THEN
        IF approved_for_another(award, NEW.organization_id) THEN
            PERFORM decision_refuse('accepted_award_has_second_person',
                'The award was approved for another organization, and nobody approved this one.');
        END IF;
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
