"""When a second person has to say yes: what one person or organization gets in twelve months, against the limit.

Counted over every program whose credits come from the same provider, per account, per mail address in its canonical
form, and per organization ID; the largest counts. The database counts again at release (migration 0010), so the same
SQL function serves both. Source: docs/decisions/0012-four-eyes-over-a-year.md.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from applications.models import Application
from programs.models import Program
from programs.rulebook import Rulebook


def limit_cents(rules: Rulebook, program: Program) -> int:
    """The limit above which a second person approves: the lower of the cycle's frozen one and today's."""
    return min(rules.four_eyes_above_cents, program.four_eyes_above_cents)


def totals(
    *, application_ids: Sequence[int], at: datetime, pending_ids: Sequence[int] | None = None
) -> dict[int, int]:
    """Application id -> cents that its person or organization has got in the twelve months before `at`.

    Released awards count, and the pending ones named, or every pending one when none are. One query, at any size.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_id, total_cents FROM award_totals(%s::bigint[], %s::timestamptz - interval '12 months',"
            " %s::bigint[])",
            [list(application_ids), at, None if pending_ids is None else list(pending_ids)],
        )
        return dict(cursor.fetchall())


def recount(*, application: Application, at: datetime) -> None:
    """Count again for every pending award of the same person or organization, after one of them came or went.

    Called in the transaction of that change; two statements' work in one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH near AS (
                SELECT id FROM applications_application WHERE applicant_id = %(person)s
                UNION SELECT id FROM applications_application WHERE email_key = %(mail)s AND email_key <> ''
                UNION SELECT id FROM applications_application
                       WHERE organization_id_text = %(organization)s AND organization_id_text <> ''
            ), waiting AS (
                SELECT d.id, d.application_id FROM applications_decision d JOIN near ON near.id = d.application_id
                 WHERE d.state = 'pending' AND d.kind = 'award'
            )
            UPDATE applications_decision d SET counted_cents = t.total_cents
              FROM award_totals(ARRAY(SELECT application_id FROM waiting),
                                %(at)s::timestamptz - interval '12 months', NULL) t
             WHERE d.application_id = t.application_id AND d.id IN (SELECT id FROM waiting)
               AND d.counted_cents <> t.total_cents
            """,
            {
                "person": application.applicant_id,
                "mail": application.email_key,
                "organization": application.organization_id_text,
                "at": at,
            },
        )


def with_organization(*, decision_id: int, organization_id: int) -> tuple[int, int]:
    """What an organization has got with one released award in twelve months, and the limit, both in cents.

    Counts alone until the caller's transaction ends, so that two acceptances cannot each miss the other. The trigger
    that ties an organization to a grant asks the same SQL functions (migration 0021).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT award_count_alone()")
        cursor.execute(
            "SELECT award_organization_total(%s, %s), award_limit(%s)",
            [decision_id, organization_id, decision_id],
        )
        counted, limit = cursor.fetchone()
    return int(counted), int(limit)


def approved_for_another(*, decision_id: int, organization_id: int) -> bool:
    """Whether a second person approved an award for the organization named then, and nobody for this one.

    The trigger that ties an organization to a grant asks the same SQL function (migration 0027).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT approved_for_another(%s, %s)", [decision_id, organization_id])
        return bool(cursor.fetchone()[0])
