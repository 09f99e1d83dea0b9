-- What a reviewer scored without names stays; a gate holds for the text it judged (docs/security.md, "Reviews").

-- Scores of the first look are sealed with it. Which criteria those are, the rules of the cycle say, else the program.
CREATE FUNCTION score_is_sealed(review bigint, criterion bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT r.blind_submitted_at IS NOT NULL AND coalesce((
        SELECT coalesce(line->>'phase', 'blind')
          FROM applications_application a
          JOIN programs_cycle c ON c.id = a.cycle_id
          JOIN programs_programversion v ON v.id = c.rules_version_id
         CROSS JOIN jsonb_array_elements(v.content->'criteria') line
         WHERE a.id = r.application_id AND (line->>'id')::bigint = criterion
    ), (SELECT phase FROM programs_criterion WHERE id = criterion), 'blind') = 'blind'
      FROM applications_review r WHERE r.id = review
$$;

CREATE FUNCTION score_keeps_its_look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND ROW(NEW.review_id, NEW.criterion_id, NEW.value, NEW.not_applicable)
           IS NOT DISTINCT FROM ROW(OLD.review_id, OLD.criterion_id, OLD.value, OLD.not_applicable) THEN
        RETURN NEW;
    END IF;
    IF TG_OP <> 'INSERT' AND score_is_sealed(OLD.review_id, OLD.criterion_id)
       OR TG_OP <> 'DELETE' AND score_is_sealed(NEW.review_id, NEW.criterion_id) THEN
        RAISE EXCEPTION 'What was scored before names were seen cannot be changed.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'score_keeps_its_look';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER score_keeps_its_look BEFORE INSERT OR UPDATE OR DELETE ON applications_score
    FOR EACH ROW EXECUTE FUNCTION score_keeps_its_look();

-- One number for all answers of an application; jsonb has one spelling, so equal answers give equal digests.
CREATE FUNCTION answers_digest(answers jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(answers::text, 'UTF8')), 'hex')
$$;

CREATE FUNCTION gates_expire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE applications_gateresult
       SET expired_at = clock_timestamp()
     WHERE application_id = NEW.id AND expired_at IS NULL AND judged_sha256 <> answers_digest(NEW.answers);
    RETURN NULL;
END
$$;

CREATE TRIGGER gates_expire AFTER UPDATE OF answers ON applications_application
    FOR EACH ROW WHEN (OLD.submitted_at IS NOT NULL AND OLD.answers IS DISTINCT FROM NEW.answers)
    EXECUTE FUNCTION gates_expire();

-- Whether a condition of a gate is met, in the words of programs.fields.visible.
CREATE FUNCTION gate_applies(show_if jsonb, answers jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(show_if, '{}') = '{}' OR EXISTS (
        SELECT FROM jsonb_array_elements(show_if->'any_of') one_of
         WHERE answers->(show_if->>'question') @> one_of
    )
$$;

-- The gates that applications have to pass and have no live "no concern" for: by the rules of their cycles, else those of
-- their programs. Rules are read once for each version, not for each application.
CREATE FUNCTION open_gates(applications bigint[])
RETURNS TABLE (application_id bigint, criterion_id bigint, name text) LANGUAGE sql STABLE AS $$
    WITH wanted AS MATERIALIZED (
        SELECT a.id, a.program_id, c.rules_version_id AS version
          FROM applications_application a LEFT JOIN programs_cycle c ON c.id = a.cycle_id
         WHERE a.id = ANY (applications)
    ), gates AS MATERIALIZED (
        SELECT v.id AS version, NULL::bigint AS program, (line->>'id')::bigint AS id,
               line->>'name' AS name, line->'show_if' AS show_if
          FROM programs_programversion v CROSS JOIN jsonb_array_elements(v.content->'criteria') line
         WHERE v.id IN (SELECT version FROM wanted) AND line->>'kind' = 'gate'
         UNION ALL
        SELECT NULL, live.program_id, live.id, live.name, live.show_if
          FROM programs_criterion live
         WHERE live.program_id IN (SELECT program_id FROM wanted WHERE version IS NULL) AND live.kind = 'gate'
    )
    SELECT a.id, gate.id, gate.name
      FROM wanted
      JOIN gates gate ON gate.version = wanted.version
        OR (wanted.version IS NULL AND gate.program = wanted.program_id)
      JOIN applications_application a ON a.id = wanted.id
     WHERE gate_applies(gate.show_if, a.answers)
       AND NOT EXISTS (
        SELECT FROM applications_gateresult g
         WHERE g.application_id = a.id AND g.criterion_id = gate.id AND g.outcome = 'passed'
           AND g.expired_at IS NULL AND g.judged_sha256 = answers_digest(a.answers)
     )
$$;

CREATE FUNCTION award_has_its_gates(applications bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    missing record;
BEGIN
    IF applications IS NULL THEN
        RETURN;
    END IF;
    SELECT a.reference, gate.name INTO missing
      FROM open_gates(applications) gate JOIN applications_application a ON a.id = gate.application_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% has not passed the gate “%”.', missing.reference, missing.name
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_has_its_gates';
    END IF;
END
$$;

CREATE FUNCTION decision_has_its_gates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM award_has_its_gates(array_agg(n.application_id))
           FROM fresh n WHERE n.state = 'released' AND n.kind = 'award';
    ELSE
        PERFORM award_has_its_gates(array_agg(n.application_id))
           FROM fresh n JOIN past o ON o.id = n.id
          WHERE n.state = 'released' AND n.kind = 'award' AND (o.state <> 'released' OR o.kind <> 'award');
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER decision_gates_insert AFTER INSERT ON applications_decision
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION decision_has_its_gates();
CREATE TRIGGER decision_gates_update AFTER UPDATE ON applications_decision
    REFERENCING OLD TABLE AS past NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION decision_has_its_gates();

-- The state alone does not pass a gate either: without a released award it is asked as well.
CREATE FUNCTION application_has_its_gates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM applications_decision d
         WHERE d.application_id = NEW.id AND d.state = 'released' AND d.kind = 'award'
    ) THEN
        PERFORM award_has_its_gates(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER application_gates_update AFTER UPDATE OF state ON applications_application
    FOR EACH ROW WHEN (NEW.state = 'awarded' AND OLD.state <> 'awarded') EXECUTE FUNCTION application_has_its_gates();

-- Answers given before this rule were given for the answers as they stand.
UPDATE applications_gateresult g SET judged_sha256 = answers_digest(a.answers)
  FROM applications_application a WHERE a.id = g.application_id AND g.judged_sha256 = '';
