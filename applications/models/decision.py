"""What was decided: pending until release, then for good."""

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import F, Q


class DecisionKind(models.TextChoices):
    AWARD = "award", "Award"
    DECLINE = "decline", "Decline"


class DecisionState(models.TextChoices):
    PENDING = "pending", "Pending"
    RELEASED = "released", "Released"
    VOID = "void", "Undone"


@pghistory.track(level=pghistory.Statement)  # a release changes thousands at once
class Decision(models.Model):
    """One outcome of one application. Above the limit a second person must approve; the database refuses less."""

    application = models.ForeignKey("applications.Application", models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=8, choices=DecisionKind)
    state = models.CharField(max_length=8, choices=DecisionState, default=DecisionState.PENDING)
    amount_cents = models.BigIntegerField(null=True, blank=True)
    months = models.PositiveSmallIntegerField(null=True, blank=True)
    granted_models = models.JSONField(default=list, blank=True)
    reason = models.TextField(blank=True, help_text="Staff only.")
    four_eyes_above_cents = models.BigIntegerField(help_text="The program's limit when it was proposed.")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)
    grant = models.OneToOneField(
        "credits.Grant", models.PROTECT, null=True, blank=True, related_name="decision"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_terms_version = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=~Q(state=DecisionState.VOID),
                name="one_decision_per_application",
            ),
            models.CheckConstraint(
                condition=~Q(kind=DecisionKind.AWARD) | Q(amount_cents__isnull=False, amount_cents__gt=0),
                name="award_has_amount",
                violation_error_message="An award needs an amount above zero.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="approver_is_another_person",
                violation_error_message="The second person must not be the one who proposed it.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="approval_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(state=DecisionState.RELEASED)
                | Q(kind=DecisionKind.DECLINE)
                | Q(amount_cents__lte=F("four_eyes_above_cents"))
                | Q(approved_by__isnull=False),
                name="large_award_has_second_person",
                violation_error_message="An award above the limit needs a second person.",
            ),
            models.CheckConstraint(
                condition=~Q(state=DecisionState.RELEASED)
                | Q(released_at__isnull=False, released_by__isnull=False),
                name="released_has_who_and_when",
            ),
            models.CheckConstraint(
                condition=~Q(state=DecisionState.RELEASED, kind=DecisionKind.AWARD) | Q(grant__isnull=False),
                name="released_award_has_grant",
            ),
        ]
        indexes = [models.Index(fields=["state", "kind"], name="decision_by_state")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display().lower()})"
