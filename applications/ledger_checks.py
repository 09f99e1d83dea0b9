"""What the ledger's checks cannot know by themselves: that credit and decisions belong together.

Added to credits.checks at start, because credits knows no application. Source: docs/ledger.md, "Checks".
"""

LEDGER_CHECKS: dict[str, str] = {
    "every released award has its grant": """
        SELECT format('application %s was awarded %s cents, grant %s holds %s of %s',
            a.reference, d.amount_cents, g.reference, g.amount_cents + coalesce(half.amount_cents, 0), g.program)
        FROM applications_decision d
        JOIN applications_application a ON a.id = d.application_id
        JOIN programs_program p ON p.id = a.program_id
        LEFT JOIN credits_grant g ON g.id = d.grant_id
        LEFT JOIN credits_grant half ON half.half_of_id = g.id
        WHERE d.state = 'released' AND d.kind = 'award'
            AND (g.amount_cents + coalesce(half.amount_cents, 0), g.reference, g.program)
                IS DISTINCT FROM (d.amount_cents, a.reference, p.slug::varchar)
        ORDER BY d.id LIMIT 20
    """,
    "credit between the evaluations has its grant": """
        SELECT format('%s: %s cents were given later, grant %s holds %s of %s',
            a.reference, d.amount_cents, g.reference, g.amount_cents + coalesce(half.amount_cents, 0), g.program)
        FROM applications_decision d
        JOIN applications_application a ON a.id = d.application_id
        JOIN programs_program p ON p.id = a.program_id
        JOIN applications_latercredit l ON l.id = d.later_id
        LEFT JOIN credits_grant g ON g.id = d.grant_id
        LEFT JOIN credits_grant half ON half.half_of_id = g.id
        WHERE d.kind = 'later' AND (
            (g.amount_cents + coalesce(half.amount_cents, 0), g.program) IS DISTINCT FROM (d.amount_cents, p.slug::varchar)
            OR NOT starts_with(g.reference, a.reference || '-') OR g.holder_id <> a.applicant_id
            OR l.state <> 'given' OR l.amount_cents <> d.amount_cents)
        ORDER BY d.id LIMIT 20
    """,
    "every grant has its decision": """
        SELECT format('grant %s has no released award', g.reference)
        FROM credits_grant g
        JOIN programs_program p ON p.slug = g.program
        LEFT JOIN applications_decision d ON d.grant_id = coalesce(g.half_of_id, g.id) AND d.state = 'released'
            AND d.kind IN ('award', 'later')
        WHERE d.id IS NULL AND g.moved_from_id IS NULL
        ORDER BY g.id LIMIT 20
    """,
    "every award has its reservation": """
        SELECT format('the credit of application %s was never reserved', a.reference)
        FROM applications_decision d
        JOIN applications_application a ON a.id = d.application_id
        JOIN credits_grant g ON d.grant_id IN (g.id, g.half_of_id)
        LEFT JOIN ledger_transfer t ON t.key = 'grant:' || g.uuid || ':hold'
        WHERE d.state = 'released' AND d.kind IN ('award', 'later') AND t.id IS NULL
        ORDER BY d.id LIMIT 20
    """,
}
