"""Write the audit trail: who did what to which record, and when."""

from datetime import datetime

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
