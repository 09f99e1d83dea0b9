"""One comparison of our grants with the provider's list. Only credits.reconcile writes these rows."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class ReconciliationState(models.TextChoices):
    ASKED = "asked", "Waits for its turn"
    LISTING = "listing", "Reading the provider's list"
    COMPARING = "comparing", "Comparing"
    DONE = "done", "Done"
    FAILED = "failed", "Could not be finished"


UNFINISHED = (ReconciliationState.ASKED, ReconciliationState.LISTING, ReconciliationState.COMPARING)


class Reconciliation(models.Model):
    """What was compared, how far it is, and the counts when it is done. Differences are cases, never repairs."""

    state = models.CharField(max_length=12, choices=ReconciliationState, default=ReconciliationState.ASKED)
    source = models.CharField(max_length=120, help_text="“provider”, or the name of the file.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    asked_at = models.DateTimeField()
    listed_from = models.DateTimeField(
        help_text="What was confirmed shortly before this moment or later may be missing in the list."
    )
    touched_at = models.DateTimeField(help_text="The latest sign of life of whoever works on it.")
    finished_at = models.DateTimeField(null=True, blank=True)
    listed = models.IntegerField(default=0)
    equal = models.IntegerField(default=0)
    unsettled = models.IntegerField(default=0)
    ours_only = models.IntegerField(default=0)
    theirs_only = models.IntegerField(default=0)
    differing = models.IntegerField(default=0)
    new_cases = models.IntegerField(default=0)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ReconciliationState.values), name="reconciliation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=UNFINISHED, finished_at__isnull=True)
                | (~Q(state__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="reconciliation_finished_has_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}, {self.asked_at:%Y-%m-%d %H:%M} UTC"

    @property
    def differences(self) -> int:
        return self.ours_only + self.theirs_only + self.differing


class ProviderLine(models.Model):
    """One grant in the provider's list, kept only while it is compared."""

    reconciliation = models.ForeignKey(Reconciliation, models.CASCADE, related_name="lines", db_index=False)
    key = models.CharField(max_length=200)
    organization = models.CharField(max_length=80)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=8)

    class Meta:
        indexes = [models.Index(fields=["reconciliation", "key"], name="provider_lines_by_key")]

    def __str__(self) -> str:
        return self.key
