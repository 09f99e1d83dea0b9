"""Holds, suspensions and labels of organizations. Only credits.enforcement writes these rows."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from credits.models.grant import Organization


class EnforcementKind(models.TextChoices):
    HOLD = "hold", "Hold"  # while somebody looks
    SUSPEND = "suspend", "Suspension"  # the provider does not serve the organization
    LABEL = "label", "Label"  # a fact to know; freezes nothing


FREEZES = (EnforcementKind.HOLD, EnforcementKind.SUSPEND)
"""Kinds that freeze unspent credit and keep new credit from being sent."""


class Enforcement(models.Model):
    """One hold, suspension or label of an organization. What it says never changes; it is lifted once, with a reason."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="enforcements")
    kind = models.CharField(max_length=8, choices=EnforcementKind)
    reason = models.CharField(max_length=300, help_text="Staff only.")
    imposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: an event of the provider.",
    )
    event_id = models.CharField("by event", max_length=128, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    lifted_event_id = models.CharField("lifted by event", max_length=128, blank=True)
    lifted_reason = models.CharField("why it was lifted", max_length=300, blank=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="enforcement_is_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__lifted_at__isnull=False)
                | pgtrigger.Q(old__organization__df=pgtrigger.F("new__organization"))
                | pgtrigger.Q(old__kind__df=pgtrigger.F("new__kind"))
                | pgtrigger.Q(old__reason__df=pgtrigger.F("new__reason"))
                | pgtrigger.Q(old__imposed_by__df=pgtrigger.F("new__imposed_by"))
                | pgtrigger.Q(old__event_id__df=pgtrigger.F("new__event_id"))
                | pgtrigger.Q(old__happened_at__df=pgtrigger.F("new__happened_at")),
            ),
            pgtrigger.Protect(name="enforcement_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=EnforcementKind.values), name="enforcement_kind_known"
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="enforcement_has_reason",
                violation_error_message="Give a reason. Managers read it.",
            ),
            models.CheckConstraint(
                condition=Q(imposed_by__isnull=False, event_id="")
                | (Q(imposed_by__isnull=True) & ~Q(event_id="")),
                name="enforcement_has_who",
            ),
            models.CheckConstraint(
                condition=Q(
                    lifted_at__isnull=True, lifted_by__isnull=True, lifted_event_id="", lifted_reason=""
                )
                | (
                    Q(lifted_at__isnull=False)
                    & ~Q(lifted_reason="")
                    & (
                        Q(lifted_by__isnull=False, lifted_event_id="")
                        | (Q(lifted_by__isnull=True) & ~Q(lifted_event_id=""))
                    )
                ),
                name="enforcement_lifted_has_who_and_why",
            ),
            models.UniqueConstraint(
                fields=["organization", "kind"],
                condition=Q(lifted_at__isnull=True, kind__in=[EnforcementKind.HOLD, EnforcementKind.SUSPEND]),
                name="enforcement_stands_once",
            ),
            models.UniqueConstraint(
                fields=["organization", "reason"],
                condition=Q(lifted_at__isnull=True, kind=EnforcementKind.LABEL),
                name="enforcement_label_stands_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.organization_id}"

    @property
    def stands(self) -> bool:
        return self.lifted_at is None
