"""Late entries: a code that lets somebody in after the cut-off, given by a manager for a reason."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class LateEntry(models.Model):
    """A code for one cycle, known only by its hash. Only applications.late_entries writes it."""

    cycle = models.ForeignKey("programs.Cycle", models.PROTECT, related_name="late_entries")
    code_hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=300)
    expires_at = models.DateTimeField()
    uses_allowed = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "late entries"
        constraints = [
            models.CheckConstraint(
                condition=Q(uses__lte=F("uses_allowed")), name="late_entry_not_used_too_often"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="late_entry_has_reason"),
        ]

    def __str__(self) -> str:
        return self.reason
