"""Write the audit trail: who did what to which record, and when."""

import json
from collections.abc import Mapping
from datetime import datetime

from django.db import connection
from django.db.models import Model

from portal.models import AuditEvent, User


def record(*, action: str, subject: Model, by: User | None, at: datetime, **details: object) -> AuditEvent:
    """Add one event in the caller's transaction, so that the trail and the change commit together."""
    made = event(action=action, subject=subject, by=by, at=at, **details)
    made.save(force_insert=True)
    return made


def event(*, action: str, subject: Model, by: User | None, at: datetime, **details: object) -> AuditEvent:
    """An event that is not stored yet, for callers that store many at once.

    action: noun and verb, such as "decision.release". details: ids, amounts and codes only, never form answers.
    by=None means the clock did it.
    """
    return AuditEvent(
        at=at,
        actor=by,
        action=action,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        details=details,
    )


def record_many(
    *,
    action: str,
    subjects: type[Model],
    details: Mapping[int, Mapping[str, object]],
    by: User | None,
    at: datetime,
) -> None:
    """Add one event for each of many records of one kind, in one statement. details: primary key -> facts, as above."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO portal_auditevent (at, recorded_at, actor_id, action, subject_type, subject_id, details)
            SELECT %s, clock_timestamp(), %s, %s, %s, key, value FROM jsonb_each(%s::jsonb) ORDER BY key::bigint
            """,
            [at, None if by is None else by.pk, action, subjects._meta.label_lower, json.dumps(details)],
        )
