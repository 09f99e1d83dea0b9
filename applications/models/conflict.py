"""Why somebody may not judge an application, and the record of reasons that were taken back."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class ConflictKind(models.TextChoices):
    """Where a conflict comes from; those after DECLARED are computed (applications.conflicts)."""

    DECLARED = "declared", "Declared"
    OWN = "own", "Own application"
    SPONSOR = "sponsor", "Sponsors the applicant"
    TEAM = "team", "On the team, or a colleague of somebody on it"
    MAIL_DOMAIN = "mail_domain", "Same mail domain"
    INSTITUTION = "institution", "Same institution"
    NAMED = "named", "Named by the applicant"
    AVOIDED = "avoided", "On the person's own list"
    COAUTHOR = "coauthor", "Published together"
    WORKED_TOGETHER = "worked_together", "Applied together before"


LASTING = (ConflictKind.OWN, ConflictKind.SPONSOR, ConflictKind.TEAM, ConflictKind.MAIL_DOMAIN)
"""Kinds that follow from who people are; no page and no manager takes them back."""


class ConflictWithdrawal(models.Model):
    """A conflict that a manager took back, with the reason. It is not computed again."""

    application = models.ForeignKey("applications.Application", models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=ConflictKind)
    was = models.CharField(max_length=200, help_text="What the conflict said.")
    reason = models.CharField(max_length=300)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="conflict_withdrawal_has_reason"),
        ]
        indexes = [models.Index(fields=["application", "user"], name="conflict_withdrawal_by_pair")]

    def __str__(self) -> str:
        return self.reason


class ConflictSweep(models.Model):
    """When the conflicts of a batch were computed last. People who came later, or changed their profile, are due again."""

    batch = models.OneToOneField(
        "applications.Batch", models.CASCADE, primary_key=True, related_name="conflict_sweep"
    )  # part of the batch
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.at)
