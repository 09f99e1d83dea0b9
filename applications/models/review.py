"""What people found: assignments, reviews, scores, gates, conflicts and recusals."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q


class AssignmentState(models.TextChoices):
    TO_DO = "to_do", "To do"
    DONE = "done", "Done"
    RECUSED = "recused", "Recused"


class Assignment(models.Model):
    """An application that a reviewer is asked to look at."""

    # No index of their own: here and below, the first column of a constraint or an index of several serves as well.
    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="assignments", db_index=False
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments", db_index=False
    )
    state = models.CharField(max_length=8, choices=AssignmentState, default=AssignmentState.TO_DO)
    assigned_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "reviewer"], name="one_assignment_per_reviewer"),
        ]
        indexes = [models.Index(fields=["reviewer", "state", "application"], name="assignment_queue")]

    def __str__(self) -> str:
        return self.get_state_display()


class ReviewState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN = "in", "In"


class Confidence(models.TextChoices):
    LOW = "low", "Low"
    FAIR = "fair", "Fair"
    HIGH = "high", "High"


class Review(models.Model):
    """One reviewer's look at one application."""

    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="reviews", db_index=False
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews", db_index=False
    )
    state = models.CharField(max_length=8, choices=ReviewState, default=ReviewState.DRAFT)
    clear_decline = models.BooleanField(
        default=False, help_text="One look is enough: this cannot be awarded."
    )
    confidence = models.CharField(max_length=8, choices=Confidence, blank=True)
    note = models.TextField(blank=True, help_text="Staff only.")
    total = models.DecimalField(
        max_digits=4,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Weighted mean of the scores, kept at submit.",
    )
    started_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "reviewer"], name="one_review_per_reviewer"),
            models.CheckConstraint(
                condition=Q(state=ReviewState.DRAFT) | Q(submitted_at__isnull=False),
                name="review_in_has_moment",
            ),
        ]
        indexes = [models.Index(fields=["reviewer", "state"], name="review_by_reviewer")]

    def __str__(self) -> str:
        return self.get_state_display()


class Score(models.Model):
    """One criterion's value in one review."""

    review = models.ForeignKey(
        Review, models.CASCADE, related_name="scores", db_index=False
    )  # part of the review
    criterion = models.ForeignKey("programs.Criterion", models.PROTECT, related_name="+")
    value = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review", "criterion"], name="one_score_per_criterion"),
            models.CheckConstraint(condition=Q(value__gte=1, value__lte=10), name="score_on_a_scale"),
        ]

    def __str__(self) -> str:
        return str(self.value)


class RecusalKind(models.TextChoices):
    COLLABORATOR = "collaborator", "Worked together lately"
    SAME_INSTITUTION = "same_institution", "Same institution"
    PERSONAL = "personal", "Personal relation"
    FINANCIAL = "financial", "Financial interest"
    OTHER = "other", "Another reason"


class Recusal(models.Model):
    """A reviewer stepped back. It outlives any later assignment and is never told to the applicant."""

    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="recusals", db_index=False
    )
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="recusals")
    kind = models.CharField(max_length=20, choices=RecusalKind)
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "reviewer"], name="one_recusal_per_reviewer")
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class Conflict(models.Model):
    """A reason, known to staff, why a person may not see an application."""

    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="conflicts", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="conflicts", db_index=False
    )
    reason = models.CharField(max_length=200)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    declared_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "user"], name="one_conflict_per_person")
        ]
        indexes = [models.Index(fields=["user", "application"], name="conflict_by_person")]

    def __str__(self) -> str:
        return self.reason


class GateOutcome(models.TextChoices):
    PASSED = "passed", "No concern"
    FAILED = "failed", "Concern"


class GateResult(models.Model):
    """A screener's answer at a gate. Not a score; no award is released without it."""

    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="gate_results", db_index=False
    )
    criterion = models.ForeignKey("programs.Criterion", models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=8, choices=GateOutcome)
    note = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "criterion"], name="one_result_per_gate")
        ]

    def __str__(self) -> str:
        return self.get_outcome_display()
