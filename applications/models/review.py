"""What people found: assignments, reviews, scores, gates, conflicts and recusals."""

import pgtrigger
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from applications.models.conflict import ConflictKind
from applications.states import REVIEW_STEPS


class AssignmentState(models.TextChoices):
    TO_DO = "to_do", "To do"
    DONE = "done", "Done"
    RECUSED = "recused", "Recused"


def _refuse(states: str) -> str:
    """Nobody is asked to look at what they stepped back from, or have a conflict with. The states come from here."""
    return f"""
        IF EXISTS (SELECT FROM new_values asked JOIN applications_recusal gone
                       ON gone.application_id = asked.application_id AND gone.reviewer_id = asked.reviewer_id
                    WHERE asked.state {states}) THEN
            RAISE EXCEPTION 'This person stepped back from the application.' USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (SELECT FROM new_values asked JOIN applications_conflict tied
                       ON tied.application_id = asked.application_id AND tied.user_id = asked.reviewer_id
                    WHERE asked.state {states}) THEN
            RAISE EXCEPTION 'This person has a conflict with the application.' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    """  # noqa: S608 - the condition is a literal of this module


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
        triggers = [
            pgtrigger.Trigger(
                name="assignment_meets_no_conflict",
                level=pgtrigger.Statement,  # once for the tens of thousands of rows of a batch
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="new_values"),
                func=_refuse("<> 'recused'"),
            ),
            pgtrigger.Trigger(
                name="assignment_stays_without_conflict",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                referencing=pgtrigger.Referencing(new="new_values"),
                func=_refuse("= 'to_do'"),
            ),
        ]

    def __str__(self) -> str:
        return self.get_state_display()


class ReviewState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN = "in", "In"
    ASIDE = "aside", "Set aside"  # its writer has a conflict or stepped back: kept, and counted nowhere


class Confidence(models.TextChoices):
    LOW = "low", "Low"
    FAIR = "fair", "Fair"
    HIGH = "high", "High"


class DeclineCode(models.TextChoices):
    """Why one look is enough. Staff only, like everything in a review."""

    OUT_OF_SCOPE = "out_of_scope", "Outside what the program supports"
    NO_QUESTION = "no_question", "No research question"
    NOT_FEASIBLE = "not_feasible", "Cannot be done as described"
    NEEDS_NO_CREDIT = "needs_no_credit", "Needs no credit, or another door"
    POLICY = "policy", "Against the usage policy"
    EMPTY = "empty", "Empty, test or advertising"
    OTHER = "other", "Another reason"


class Review(models.Model):
    """One reviewer's look at one application, in two parts where names are hidden at first.

    blind_submitted_at seals the first part: names open with it, and from then on the database refuses to change what
    was scored before (migration 0015).
    """

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
    decline_code = models.CharField(max_length=16, choices=DeclineCode, blank=True, db_default="")
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
    blind_submitted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the part without names was handed in; names open with it."
    )
    blind_total = models.DecimalField(
        max_digits=4, decimal_places=2, null=True, blank=True, help_text="The total before names were seen."
    )
    submitted_at = models.DateTimeField(null=True, blank=True)
    rules_version = models.ForeignKey(
        "programs.ProgramVersion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The rubric it was handed in under.",
    )

    class Meta:
        triggers = [
            pgtrigger.FSM(name="review_follows_table", field="state", transitions=REVIEW_STEPS),
            pgtrigger.Protect(
                name="look_without_names_is_sealed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(
                    old__blind_submitted_at__isnull=False,
                    old__blind_submitted_at__df=pgtrigger.F("new__blind_submitted_at"),
                ),
            ),
        ]
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
    """One criterion's value in one review, or the word that it does not apply here."""

    review = models.ForeignKey(
        Review, models.CASCADE, related_name="scores", db_index=False
    )  # part of the review
    criterion = models.ForeignKey("programs.Criterion", models.PROTECT, related_name="+")
    value = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)], null=True, blank=True)
    not_applicable = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review", "criterion"], name="one_score_per_criterion"),
            models.CheckConstraint(
                condition=Q(value__gte=1, value__lte=10, value__isnull=False, not_applicable=False)
                | Q(value__isnull=True, not_applicable=True),
                name="score_on_a_scale",
                violation_error_message="A score lies on the scale, or the criterion does not apply.",
            ),
        ]

    def __str__(self) -> str:
        return "not applicable" if self.not_applicable else str(self.value)


class RecusalKind(models.TextChoices):
    COLLABORATOR = "collaborator", "Worked together lately"
    SAME_INSTITUTION = "same_institution", "Same institution"
    MENTOR = "mentor", "Taught or advised one of them"
    COMPETITOR = "competitor", "Works on the same question"
    PERSONAL = "personal", "Personal relation"
    FINANCIAL = "financial", "Financial interest"
    EXPERTISE = "expertise", "Too far from my field"
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
    kind = models.CharField(
        max_length=16,
        choices=ConflictKind,
        default=ConflictKind.DECLARED,
        db_default=ConflictKind.DECLARED.value,
    )
    reason = models.CharField(max_length=200)
    evidence = models.JSONField(
        default=list,
        blank=True,
        db_default=[],
        help_text="What a computed conflict rests on: [{kind, text}]. Managers only.",
    )
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
    """A screener's answer at a gate. Not a score; no award is released without it.

    It holds for the answers it judged: when they change the database sets expired_at, and the gate is open again.
    """

    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="gate_results", db_index=False
    )
    criterion = models.ForeignKey("programs.Criterion", models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=8, choices=GateOutcome)
    note = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    judged_sha256 = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Over the answers that were read."
    )
    expired_at = models.DateTimeField(
        null=True, blank=True, help_text="When the answers changed under it; set by the database."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "criterion"], name="one_result_per_gate")
        ]

    def __str__(self) -> str:
        return self.get_outcome_display()


class Redaction(models.Model):
    """A copy of one answer with words taken out, made by a screener for reviewers to read. The answer itself stays.

    The newest row of a question counts, and only while the answer it was made from stands.
    """

    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="redactions", db_index=False
    )
    question_key = models.CharField(max_length=64)
    text = models.TextField(help_text="What reviewers read instead.")
    original_sha256 = models.CharField(max_length=64, help_text="Over the answer it was made from.")
    lifted = models.BooleanField(default=False, help_text="Reviewers read the answer itself again.")
    reason = models.CharField(max_length=300)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["application", "question_key", "-id"], name="redaction_newest")]
        triggers = [
            pgtrigger.Protect(name="redaction_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return self.question_key


class ThreadMessage(models.Model):
    """What reviewers and managers say to each other about an application once the reviews are in. Never to applicants."""

    application = models.ForeignKey(
        "applications.Application", models.PROTECT, related_name="thread", db_index=False
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["application", "id"], name="thread_in_order")]
        triggers = [
            pgtrigger.Protect(name="thread_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"
