"""Automatic checks before people look. A check flags or blocks, with a sentence; nobody is rejected by a machine."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from applications import similarity
from applications.eligibility import COLUMN_RULES
from applications.models import Batch, CheckOutcome, ScreeningCheck, TextSketch
from portal.database import allow_long_statements
from programs import fields, rulebook
from programs.models import EligibilityRule, FormVersion, RuleKind

# What makes two applications comparable: sent in the same program, not taken back, by two different accounts.
_OTHERS = """
    JOIN applications_application other ON other.program_id = mine.program_id AND other.id <> mine.id
     AND other.applicant_id <> mine.applicant_id AND other.submitted_at IS NOT NULL AND other.state <> 'withdrawn'
"""

READ_ALL_UP_TO = 4
"""Up to so many times the size of a batch, reading all sketches beats one look into the index for each band."""

_BANDS_JOINED = """
    WITH lying AS MATERIALIZED (
        SELECT sketch.application_id, band, entry.application_id IS NOT NULL AS mine
          FROM applications_textsketch sketch
          LEFT JOIN applications_batchentry entry
            ON entry.application_id = sketch.application_id AND entry.batch_id = %(batch)s
         CROSS JOIN unnest(sketch.bands) AS band
    )
    SELECT DISTINCT one.application_id, other.application_id
      FROM lying one JOIN lying other USING (band)
     WHERE one.mine AND other.application_id <> one.application_id
"""
_BANDS_LOOKED_UP = """
    WITH mine AS MATERIALIZED (
        SELECT sketch.application_id, band
          FROM applications_batchentry entry
          JOIN applications_textsketch sketch ON sketch.application_id = entry.application_id
         CROSS JOIN unnest(sketch.bands) AS band
         WHERE entry.batch_id = %(batch)s
    )
    SELECT DISTINCT mine.application_id, other.application_id
      FROM mine JOIN applications_textsketch other ON other.bands @> ARRAY[mine.band]
     WHERE other.application_id <> mine.application_id
"""
_PAIR_FACTS = f"""
    SELECT mine.id, other.id, here.signature, there.signature
      FROM unnest(%(ones)s::bigint[], %(others)s::bigint[]) AS pair (one, other)
      JOIN applications_application mine ON mine.id = pair.one
      {_OTHERS} AND other.id = pair.other
      JOIN applications_textsketch here ON here.application_id = mine.id
      JOIN applications_textsketch there ON there.application_id = other.id
"""  # noqa: S608 - both parts are literals of this module


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
    for rule in rulebook.for_cycle(batch.cycle).rules:
        counts[rule.kind] = _screen_rule(rule, batch, at)
    if flagged := _options(batch, at):
        counts[RuleKind.OPTION] = flagged
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


def _near_duplicates(rule: EligibilityRule, batch: Batch, at: datetime) -> int:
    """Compare the sketches that meet in a band, with everything that was ever sent to the program.

    Both sides of a pair inside the batch are flagged. parameters: {"at_least": 0.6}, the share of equal bins.
    """
    at_least = float(rule.parameters.get("at_least", similarity.ALIKE))
    alike: dict[int, list[dict[str, object]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_PAIR_FACTS, _pairs_in_a_band(batch))
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


def _pairs_in_a_band(batch: Batch) -> dict[str, list[int]]:
    """Pairs of application ids that share a band, the first of each in the batch: {"ones": [...], "others": [...]}.

    A batch that is a good part of all sketches is joined with all of them at once; a small one asks the index for
    each of its bands, which costs the same however many old sketches there are.
    """
    few = TextSketch.objects.count() <= READ_ALL_UP_TO * batch.applications_count
    with connection.cursor() as cursor:
        # The planner knows nothing yet of a batch that was formed a moment ago, so it is told which way to go.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET LOCAL enable_nestloop = off" if few else "SET LOCAL enable_seqscan = off")
        cursor.execute(_BANDS_JOINED if few else _BANDS_LOOKED_UP, {"batch": batch.pk})
        pairs = cursor.fetchall()
        for name in ("work_mem", "enable_nestloop", "enable_seqscan"):
            cursor.execute(f"SET LOCAL {name} TO DEFAULT")
    return {"ones": [one for one, _ in pairs], "others": [other for _, other in pairs]}


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
