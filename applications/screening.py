"""Automatic checks before people look. A check flags or blocks, with a sentence; nobody is rejected by a machine."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from applications import near, similarity
from applications.eligibility import COLUMN_RULES
from applications.models import Batch, CheckOutcome, ScreeningCheck
from portal.database import allow_long_statements
from programs import fields, rulebook
from programs.models import EligibilityRule, FormVersion, RuleKind

# What makes two applications comparable: sent in the same program, not taken back, by two different accounts.
_OTHERS = """
    JOIN applications_application other ON other.program_id = mine.program_id AND other.id <> mine.id
     AND other.applicant_id <> mine.applicant_id AND other.submitted_at IS NOT NULL AND other.state <> 'withdrawn'
"""


@transaction.atomic
def screen(*, batch_id: int, at: datetime) -> dict[str, int]:
    """Run every rule that the cycle was frozen under over its batch, once; returns the number of findings by kind.

    Each rule is one set-based statement. A second call finds the batch screened and changes nothing.
    """
    allow_long_statements()
    batch = (
        Batch.objects.select_for_update(of=("self",))
        .select_related("cycle__program", "cycle__rules_version")
        .get(pk=batch_id)
    )
    if batch.screened_at is not None:
        return {}
    counts = {}
    alike = near.in_batch(batch, at=at)
    near.link_shared(batch, at=at)
    for rule in rulebook.for_cycle(batch.cycle).rules:
        counts[rule.kind] = _screen_rule(rule, batch, alike, at)
    if flagged := _options(batch, at):
        counts[RuleKind.OPTION] = flagged
    batch.screened_at = at
    batch.save(update_fields=["screened_at"])
    return counts


def _screen_rule(rule: EligibilityRule, batch: Batch, alike: Sequence[near.Alike], at: datetime) -> int:
    if rule.kind == RuleKind.NEAR_DUPLICATE:
        return _near_duplicates(rule, alike, at)
    if rule.kind == RuleKind.DUPLICATE_PERSON:
        return _same_value("email_key", rule, batch, at)
    if rule.kind == RuleKind.SHARED_ORGANIZATION:
        return _same_value("organization_id_text", rule, batch, at)
    if rule.kind == RuleKind.WAITING_TIME:
        return _too_early(rule, batch, at)
    return _column(rule, batch, at)


def _column(rule: EligibilityRule, batch: Batch, at: datetime) -> int:
    """Judge each distinct value once, in Python, then write the findings of all its applications in one statement."""
    judge = COLUMN_RULES[rule.kind](rule)
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
          {_OTHERS} AND other.{column} = mine.{column} AND other.{column} <> ''  -- said twice for the partial index
         WHERE mine.{column} <> ''
         GROUP BY mine.id
        """,  # noqa: S608 - the column is a literal of this module
        rule,
        batch,
        at,
    )


def _too_early(rule: EligibilityRule, batch: Batch, at: datetime) -> int:
    """Find applications sent before the waiting time after an earlier one was over; imports can bring them."""
    rules = rulebook.for_cycle(batch.cycle)
    return _insert(
        """
        SELECT mine.id, %(kind)s, %(outcome)s, %(sentence)s,
               jsonb_build_object('applications', jsonb_agg(other.id ORDER BY other.id)), %(at)s
          FROM applications_application mine
          JOIN applications_batchentry entry ON entry.application_id = mine.id AND entry.batch_id = %(batch)s
          JOIN applications_application other ON other.program_id = mine.program_id AND other.id <> mine.id
           AND other.applicant_id = mine.applicant_id AND other.submitted_at < mine.submitted_at
           AND other.state NOT IN ('draft', 'withdrawn', 'awarded')
           AND mine.amends_id IS NULL AND other.amends_id IS NULL
          JOIN programs_cycle evaluated ON evaluated.id = other.cycle_id
         WHERE (mine.submitted_at AT TIME ZONE %(zone)s)::date
               < greatest(evaluated.evaluation_on + %(days)s, coalesce(%(after)s, evaluated.evaluation_on))
         GROUP BY mine.id
        """,
        rule,
        batch,
        at,
        zone=rules.time_zone,
        days=rules.reapply_wait_days,
        after=rules.reapply_after_on,
    )


def _options(batch: Batch, at: datetime) -> int:
    """Flag the applications that chose an option which the form marks for staff to look at."""
    versions = batch.entries.order_by().values("application__form_version").distinct()
    written = 0
    for version in FormVersion.objects.filter(pk__in=versions):
        marked = [
            (question["key"], choice["value"], choice["flag"])
            for question in fields.questions(version.sections)
            for choice in question.get("choices", ())
            if choice.get("flag")
        ]
        if marked:
            written += _options_of(version, marked, batch, at)
    return written


def _options_of(version: FormVersion, marked: list[tuple[str, str, str]], batch: Batch, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO applications_screeningcheck (application_id, kind, outcome, sentence, details, checked_at)
            SELECT mine.id, %(kind)s, %(outcome)s, left(string_agg(marked.sentence, ' ' ORDER BY marked.value), 300),
                   jsonb_build_object('options', jsonb_agg(marked.value ORDER BY marked.value)), %(at)s
              FROM applications_application mine
              JOIN applications_batchentry entry ON entry.application_id = mine.id AND entry.batch_id = %(batch)s
              JOIN unnest(%(keys)s::text[], %(values)s::text[], %(sentences)s::text[])
                AS marked (key, value, sentence) ON (mine.answers -> marked.key) ? marked.value
             WHERE mine.form_version_id = %(version)s
             GROUP BY mine.id
            ON CONFLICT (application_id, kind) DO NOTHING
            """,
            {
                "kind": RuleKind.OPTION,
                "outcome": CheckOutcome.FLAG,
                "at": at,
                "batch": batch.pk,
                "version": version.pk,
                "keys": [key for key, _, _ in marked],
                "values": [value for _, value, _ in marked],
                "sentences": [sentence for _, _, sentence in marked],
            },
        )
        return cursor.rowcount


def _near_duplicates(rule: EligibilityRule, alike: Sequence[near.Alike], at: datetime) -> int:
    """Flag both sides of a pair of one program. parameters: {"at_least": 0.6}, the share of equal bins."""
    at_least = float(rule.parameters.get("at_least", similarity.ALIKE))
    found: dict[int, list[dict[str, object]]] = defaultdict(list)
    for pair in alike:
        if pair.same_program and pair.share >= at_least:
            found[pair.one].append({"application": pair.other, "share": round(pair.share, 2)})
    checks = [
        ScreeningCheck(
            application_id=application_id,
            kind=rule.kind,
            outcome=_outcome(rule),
            sentence=rule.sentence,
            details={"applications": sorted(others, key=lambda entry: -float(str(entry["share"])))[:20]},
            checked_at=at,
        )
        for application_id, others in found.items()
    ]
    ScreeningCheck.objects.bulk_create(checks, ignore_conflicts=True, batch_size=5_000)
    return len(checks)


def _insert(select: str, rule: EligibilityRule, batch: Batch, at: datetime, **parameters: Any) -> int:
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
