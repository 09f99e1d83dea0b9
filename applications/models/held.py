"""An accepted award that a second person looks at first, because of the organization that was named at acceptance."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class HeldAcceptance(models.Model):
    """With the other awards of twelve months its organization is above the limit, and nobody had approved the award.

    Triggers of migration 0021 refuse to tie the organization to the grant before somebody approved this row, keep the
    people apart, and freeze it from then on (docs/decisions/0012).
    """

    decision = models.OneToOneField("applications.Decision", models.PROTECT, related_name="held")
    organization = models.ForeignKey("credits.Organization", models.PROTECT, related_name="+")
    counted_cents = models.BigIntegerField(
        help_text="With the other awards of the organization in twelve months."
    )
    limit_cents = models.BigIntegerField()
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    named_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="held_approval_has_moment",
            ),
            models.CheckConstraint(condition=Q(counted_cents__gt=0), name="held_counts_something"),
        ]

    def __str__(self) -> str:
        return "approved" if self.approved_by_id else "waits for a second person"
