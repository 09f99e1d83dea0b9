"""Write the audit trail: who did what to which record, and when."""

from datetime import datetime

from django.db.models import Model

from portal.models import AuditEvent, User


def record(*, action: str, subject: Model, by: User | None, at: datetime, **details: object) -> AuditEvent:
    """Add one event in the caller's transaction, so that the trail and the change commit together.

    action: verb and noun, such as "decision.release". details: ids, amounts and codes only, never form answers.
    by=None means the clock did it.
    """
    return AuditEvent.objects.create(
        at=at,
        actor=by,
        action=action,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        details=details,
    )
