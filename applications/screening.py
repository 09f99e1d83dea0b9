"""Automatic checks before people look. A check flags or blocks, with a sentence; nobody is rejected by a machine."""

from collections import defaultdict
from datetime import datetime

from django.db import connection, transaction

from applications import similarity
from applications.eligibility import COLUMN_RULES, OUTSIDE_COLUMNS
from applications.models import Batch, CheckOutcome, ScreeningCheck
from programs.models import EligibilityRule, RuleKind

# What makes two applications comparable: sent in the same program, not taken back, by two different accounts.
_OTHERS = """
    JOIN applications_application other ON other.program_id = mine.program_id AND other.id <> mine.id
     AND other.applicant_id <> mine.applicant_id AND other.submitted_at IS NOT NULL AND other.state <> 'withdrawn'
"""


@transaction.atomic
def screen(*, batch_id: int, at: datetime) -> dict[str, int]:
    """Run every rule of the program over a batch, once; returns the number of findings by kind.

    Each rule is one set-based statement. A second call finds the batch screened and changes nothing.
    """
    batch = Batch.objects.select_for_update(of=("self",)).select_related("cycle__program").get(pk=batch_id)
    if batch.screened_at is not None:
        return {}
    counts = {}
    for rule in batch.cycle.program.rules.order_by("position", "pk"):
        counts[rule.kind] = _screen_rule(rule, batch, at)
    batch.screened_at = at
    batch.save(update_fields=["screened_at"])
    return counts


def _screen_rule(rule: EligibilityRule, batch: Batch, at: datetime) -> int:
    if rule.kind == RuleKind.NEAR_DUPLICATE:
        return _near_duplicates(rule, batch, at)
    if rule.kind == RuleKind.DUPLICATE_PERSON:
        return _same_value("email_key", rule, batch, at)
    if rule.kind == RuleKind.SHARED_ORGANIZATION:
        return _same_value("organization_id_text", rule, batch, at)
    return _column(rule, batch, at)


def _column(rule: EligibilityRule, batch: Batch, at: datetime) -> int:
    """Judge each distinct value once, in Python, then write the findings of all its applications in one statement."""
    judge = COLUMN_RULES[rule.kind](rule)
    if judge.column in OUTSIDE_COLUMNS:
        return 0
    entries = batch.entries.exclude(**{f"application__{judge.column}": None}).order_by()
    values = entries.values_list(f"application__{judge.column}", flat=True).distinct()
    failing = [value for value in values if value != "" and judge.fails(value)]
    if not failing:
        return 0
    column = connection.ops.quote_name(judge.column)
    return _insert(
        f"""
        SELECT mine.id, %(kind)s, %(outcome)s, %(sentence)s, jsonb_build_object(%(column)s, mine.{column}), %(at)s
          FROM applications_application mine
          JOIN applications_batchentry entry ON entry.application_id = mine.id AND entry.batch_id = %(batch)s
         WHERE mine.{column} = ANY(%(values)s)
        """,  # noqa: S608 - the column is one of eligibility.COLUMN_RULES
        rule,
        batch,
        at,
        column=judge.column,
        values=failing,
    )


def _same_value(column: str, rule: EligibilityRule, batch: Batch, at: datetime) -> int:
    """Find applications that share a mailbox or an organization ID with somebody else's."""
    return _insert(
        f"""
        SELECT mine.id, %(kind)s, %(outcome)s, %(sentence)s,
               jsonb_build_object('applications', jsonb_agg(other.id ORDER BY other.id)), %(at)s
          FROM applications_application mine
          JOIN applications_batchentry entry ON entry.application_id = mine.id AND entry.batch_id = %(batch)s
          {_OTHERS} AND other.{column} = mine.{column}
         WHERE mine.{column} <> ''
         GROUP BY mine.id
        """,  # noqa: S608 - the column is a literal of this module
        rule,
        batch,
        at,
    )


def _near_duplicates(rule: EligibilityRule, batch: Batch, at: datetime) -> int:
    """Compare the sketches that meet in a band, with everything that was ever sent to the program.

    Both sides of a pair inside the batch are flagged. parameters: {"at_least": 0.6}, the share of equal bins.
    """
    at_least = float(rule.parameters.get("at_least", similarity.ALIKE))
    alike: dict[int, list[dict[str, object]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH mine AS MATERIALIZED (
                SELECT sketch.application_id, band
                  FROM applications_batchentry entry
                  JOIN applications_textsketch sketch ON sketch.application_id = entry.application_id
                 CROSS JOIN unnest(sketch.bands) AS band
                 WHERE entry.batch_id = %(batch)s
            ), wanted AS MATERIALIZED (
                SELECT array_agg(DISTINCT band) AS bands FROM mine
            ), others AS MATERIALIZED (
                SELECT sketch.application_id, band
                  FROM wanted
                  JOIN applications_textsketch sketch ON sketch.bands && wanted.bands
                  JOIN applications_application application ON application.id = sketch.application_id
                   AND application.program_id = %(program)s AND application.submitted_at IS NOT NULL
                   AND application.state <> 'withdrawn'
                 CROSS JOIN unnest(sketch.bands) AS band
            ), pairs AS (
                SELECT DISTINCT mine.application_id AS one, others.application_id AS other
                  FROM mine JOIN others USING (band)
                 WHERE mine.application_id <> others.application_id
            )
            SELECT pairs.one, pairs.other, here.signature, there.signature
              FROM pairs
              JOIN applications_textsketch here ON here.application_id = pairs.one
              JOIN applications_textsketch there ON there.application_id = pairs.other
              JOIN applications_application mine ON mine.id = pairs.one
              JOIN applications_application other ON other.id = pairs.other AND other.applicant_id <> mine.applicant_id
            """,
            {"batch": batch.pk, "program": batch.cycle.program_id},
        )
        for one, other, here, there in cursor:
            share = similarity.alike(here, there)
            if share >= at_least:
                alike[one].append({"application": other, "share": round(share, 2)})
    checks = [
        ScreeningCheck(
            application_id=application_id,
            kind=rule.kind,
            outcome=_outcome(rule),
            sentence=rule.sentence,
            details={"applications": sorted(found, key=lambda pair: -float(str(pair["share"])))[:20]},
            checked_at=at,
        )
        for application_id, found in alike.items()
    ]
    ScreeningCheck.objects.bulk_create(checks, ignore_conflicts=True, batch_size=5_000)
    return len(checks)


def _insert(select: str, rule: EligibilityRule, batch: Batch, at: datetime, **parameters: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO applications_screeningcheck (application_id, kind, outcome, sentence, details, checked_at)
            {select}
            ON CONFLICT (application_id, kind) DO NOTHING
            """,
            {
                "kind": rule.kind,
                "outcome": _outcome(rule),
                "sentence": rule.sentence,
                "at": at,
                "batch": batch.pk,
                **parameters,
            },
        )
        return cursor.rowcount


def _outcome(rule: EligibilityRule) -> str:
    return CheckOutcome.BLOCK if rule.outcome == "block" else CheckOutcome.FLAG
