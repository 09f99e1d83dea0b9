"""A batch in plain set SQL, for the portal's own tables (S) and for the small reference schema (R).

Both run the same statements: claim, list, flag, compare texts, assign. Reviewers are dealt in turn, as SQL can; a barred
pair goes to the next reviewers in turn, so the load is only roughly even.
"""

from dataclasses import dataclass

from django.db import connection, transaction


@dataclass(frozen=True)
class Tables:
    """The names that differ between the two schemas."""

    application: str
    entry: str
    finding: str
    finding_columns: str
    finding_values: str
    sketch: str
    conflict: str
    assignment: str


OURS = Tables(
    application="applications_application",
    entry="applications_batchentry",
    finding="applications_screeningcheck",
    finding_columns="application_id, kind, details, outcome, sentence, checked_at",
    finding_values=", 'flag', 'A sentence of the rule.', %(at)s",
    sketch="applications_textsketch",
    conflict="applications_conflict",
    assignment="applications_assignment",
)
SMALL = Tables(
    application="ref.application",
    entry="ref.batchentry",
    finding="ref.finding",
    finding_columns="application_id, kind, details",
    finding_values="",
    sketch="ref.sketch",
    conflict="ref.conflict",
    assignment="ref.assignment",
)

CLAIM = """
    WITH claimed AS (
        UPDATE {application} SET state = 'in_review' WHERE cycle_id = %(cycle)s AND state = 'submitted' RETURNING id
    )
    INSERT INTO {entry} (batch_id, application_id, position{deferred})
    SELECT %(batch)s, id, row_number() OVER (ORDER BY id){false} FROM claimed
"""

FLAG_COLUMN = """
    INSERT INTO {finding} ({finding_columns})
    SELECT a.id, %(kind)s, jsonb_build_object('value', a.{column}){finding_values}
      FROM {application} a JOIN {entry} e ON e.application_id = a.id AND e.batch_id = %(batch)s
     WHERE a.{column} {condition}
"""

FLAG_SHARED = """
    INSERT INTO {finding} ({finding_columns})
    SELECT a.id, %(kind)s, jsonb_build_object('applications', jsonb_agg(other.id ORDER BY other.id)){finding_values}
      FROM {application} a JOIN {entry} e ON e.application_id = a.id AND e.batch_id = %(batch)s
      JOIN {application} other ON other.{column} = a.{column} AND other.{column} <> ''
       AND other.id <> a.id AND other.applicant_id <> a.applicant_id
     WHERE a.{column} <> ''
     GROUP BY a.id
"""

FLAG_ALIKE = """
    INSERT INTO {finding} ({finding_columns})
    WITH lying AS MATERIALIZED (
        SELECT s.application_id, band FROM {sketch} s JOIN {entry} e ON e.application_id = s.application_id
            AND e.batch_id = %(batch)s CROSS JOIN unnest(s.bands) AS band
    ), pairs AS (
        SELECT DISTINCT one.application_id AS one, other.application_id AS other
          FROM lying one JOIN lying other USING (band) WHERE one.application_id <> other.application_id
    )
    SELECT pairs.one, %(kind)s, jsonb_build_object('applications', jsonb_agg(pairs.other)){finding_values}
      FROM pairs
      JOIN {application} a ON a.id = pairs.one
      JOIN {application} b ON b.id = pairs.other AND b.applicant_id <> a.applicant_id
      JOIN {sketch} here ON here.application_id = pairs.one
      JOIN {sketch} there ON there.application_id = pairs.other
     WHERE (SELECT count(*) FROM unnest(here.signature, there.signature) AS bins (x, y) WHERE x = y)
           >= 0.6 * cardinality(here.signature)
     GROUP BY pairs.one
"""

ASSIGN = """
    WITH people AS MATERIALIZED (
        SELECT id, domain, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS number FROM {reviewers}
    ), wanted AS MATERIALIZED (
        SELECT a.id AS application_id, a.email_domain, a.applicant_id, e.position, look,
               (e.position * 2 + look) %% (SELECT number FROM people LIMIT 1) AS place
          FROM {entry} e JOIN {application} a ON a.id = e.application_id
         CROSS JOIN generate_series(0, 1) AS look
         WHERE e.batch_id = %(batch)s
    ), dealt AS MATERIALIZED (
        SELECT wanted.*, people.id AS reviewer_id, people.number,
               people.domain = wanted.email_domain OR people.id = wanted.applicant_id OR c.user_id IS NOT NULL AS barred
          FROM wanted JOIN people USING (place)
          LEFT JOIN {conflict} c ON c.application_id = wanted.application_id AND c.user_id = people.id
    )
    INSERT INTO {assignment} (application_id, reviewer_id, state, assigned_at, due_at)
    SELECT application_id, reviewer_id, 'to_do', %(at)s, %(due)s FROM dealt WHERE NOT barred
    UNION ALL
    SELECT short.application_id, free.id, 'to_do', %(at)s, %(due)s
      FROM (
        SELECT application_id, email_domain, applicant_id, position, number, count(*) AS missing, array_agg(place) AS had
          FROM dealt WHERE barred GROUP BY 1, 2, 3, 4, 5
      ) short
     CROSS JOIN LATERAL (
        SELECT p.id FROM people p
         WHERE p.domain <> short.email_domain AND p.id <> short.applicant_id
           AND p.place NOT IN ((short.position * 2) %% short.number, (short.position * 2 + 1) %% short.number)
           AND NOT EXISTS (SELECT FROM {conflict} c WHERE c.application_id = short.application_id AND c.user_id = p.id)
         ORDER BY (p.place + short.number - (short.position * 2) %% short.number) %% short.number
         LIMIT short.missing
      ) free
"""

BATCH = """
    INSERT INTO applications_batch (cycle_id, formed_at, applications_count, manifest_sha256, rules)
    VALUES (%(cycle)s, %(at)s, 0, '', '{}') RETURNING id
"""
REVIEWERS = """
    (SELECT p.id, split_part(p.email, '@', 2) AS domain FROM portal_user p JOIN programs_membership m
        ON m.user_id = p.id AND m.program_id = %(program)s AND m.role = 'reviewer' AND m.ended_at IS NULL) AS reviewers
"""


@dataclass(frozen=True)
class Plan:
    """What a batch needs to know: which cycle, and what the rules would find."""

    cycle_id: int
    program_id: int
    at: object
    due: object
    refused: list[str]
    strange_domains: list[str]
    cap_cents: int


def claim(plan: Plan, tables: Tables) -> int:
    """Form the batch in one transaction; returns its id."""
    with transaction.atomic(), connection.cursor() as cursor:
        batch = 1
        if tables is OURS:
            cursor.execute(BATCH, {"cycle": plan.cycle_id, "at": plan.at})
            batch = cursor.fetchone()[0]
        more = (", deferred", ", false") if tables is OURS else ("", "")
        cursor.execute(
            CLAIM.format(**vars(tables), deferred=more[0], false=more[1]),
            {"cycle": plan.cycle_id, "batch": batch},
        )
    return batch


def flag(plan: Plan, tables: Tables, batch: int) -> None:
    """Write what the rules of the program find, in one transaction."""
    values = {"batch": batch, "at": plan.at}
    columns = (
        ("country", "country", "= ANY(%(values)s)", plan.refused),
        ("academic_email", "email_domain", "= ANY(%(values)s)", plan.strange_domains),
        ("amount_cap", "requested_cents", "> %(values)s", plan.cap_cents),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for kind, column, condition, listed in columns:
            statement = FLAG_COLUMN.format(**vars(tables), column=column, condition=condition)
            cursor.execute(statement, values | {"kind": kind, "values": listed})
        for kind, column in (
            ("duplicate_person", "email_key"),
            ("shared_organization", "organization_id_text"),
        ):
            cursor.execute(FLAG_SHARED.format(**vars(tables), column=column), values | {"kind": kind})
        # As in the service: after TRUNCATE the planner knows nothing of the rows, and a nested loop would never end.
        cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL enable_nestloop = off")
        cursor.execute(FLAG_ALIKE.format(**vars(tables)), values | {"kind": "near_duplicate"})


def assign(plan: Plan, tables: Tables, batch: int) -> None:
    """Deal the reviewers, in one transaction."""
    reviewers = REVIEWERS if tables is OURS else "ref.reviewer"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            ASSIGN.format(**vars(tables), reviewers=reviewers),
            {"batch": batch, "program": plan.program_id, "at": plan.at, "due": plan.due},
        )
