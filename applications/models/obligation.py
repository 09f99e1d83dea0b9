"""What the holder of an award owes: a one-page summary of the findings, in every version that was handed in."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class ObligationKind(models.TextChoices):
    SUMMARY = "summary", "One-page summary"


class ObligationState(models.TextChoices):
    OPEN = "open", "Open"
    HANDED_IN = "handed_in", "Handed in"
    RETURNED = "returned", "Returned"
    ACCEPTED = "accepted", "Accepted"
    WAIVED = "waived", "Waived"


OWED = (ObligationState.OPEN, ObligationState.RETURNED)
"""States in which it is the grantee's turn."""

SETTLED = (ObligationState.ACCEPTED, ObligationState.WAIVED)

MAY_BECOME: dict[str, tuple[ObligationState, ...]] = {
    ObligationState.OPEN: (ObligationState.HANDED_IN, ObligationState.WAIVED),
    ObligationState.HANDED_IN: (
        ObligationState.RETURNED,
        ObligationState.ACCEPTED,
        ObligationState.WAIVED,
    ),
    ObligationState.RETURNED: (ObligationState.HANDED_IN, ObligationState.WAIVED),
    ObligationState.ACCEPTED: (),
    ObligationState.WAIVED: (),
}


class Obligation(models.Model):
    """What is owed for one award; made when its credit is posted. Only applications.obligations writes it.

    The draft is what the holder has typed and not handed in. The mark of lateness stays whatever follows.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(
        "applications.Application",
        models.PROTECT,
        related_name="obligations",
        help_text="The application that was awarded first; its updates owe nothing of their own.",
    )
    kind = models.CharField(max_length=16, choices=ObligationKind, default=ObligationKind.SUMMARY)
    state = models.CharField(max_length=12, choices=ObligationState, default=ObligationState.OPEN)
    days_before = models.PositiveSmallIntegerField(help_text="Due so many days before the credit ends.")
    due_on = models.DateField(
        null=True, blank=True, help_text="Follows the end of the credit; empty until the end is known."
    )
    late_at = models.DateTimeField(
        null=True, blank=True, help_text="When the due day had passed without a summary. It stays."
    )
    draft_text = models.TextField(blank=True)
    draft_version = models.PositiveIntegerField(default=0)
    draft_file = models.ForeignKey(
        "applications.Attachment", models.PROTECT, null=True, blank=True, related_name="+"
    )
    saved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    waived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    waived_reason = models.TextField(blank=True, help_text="Staff only.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "kind"], name="one_obligation_per_award_and_kind"),
            models.CheckConstraint(
                condition=Q(state__in=ObligationState.values), name="obligation_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=SETTLED, settled_at__isnull=False)
                | (~Q(state__in=SETTLED) & Q(settled_at__isnull=True)),
                name="obligation_settled_has_moment",
            ),
            models.CheckConstraint(
                condition=(Q(state=ObligationState.WAIVED, waived_by__isnull=False) & ~Q(waived_reason=""))
                | (~Q(state=ObligationState.WAIVED) & Q(waived_by__isnull=True, waived_reason="")),
                name="obligation_waived_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=Q(state__in=OWED), name="obligation_owed"),
        ]
        triggers = [
            pgtrigger.FSM(
                name="obligation_follows_table",
                field="state",
                transitions=[
                    (str(before), str(after)) for before, nexts in MAY_BECOME.items() for after in nexts
                ],
            ),
            pgtrigger.ReadOnly(
                name="obligation_is_frozen", fields=["public_id", "application", "kind", "created_at"]
            ),
            pgtrigger.Protect(name="obligation_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.application}"


class SummaryOutcome(models.TextChoices):
    RETURNED = "returned", "Returned"
    ACCEPTED = "accepted", "Accepted"


class Summary(models.Model):
    """One version as it was handed in, and what was said to it. A later version leaves it as it is."""

    obligation = models.ForeignKey(Obligation, models.PROTECT, related_name="summaries")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True)
    file = models.ForeignKey(
        "applications.Attachment", models.PROTECT, null=True, blank=True, related_name="summaries"
    )
    is_late = models.BooleanField(default=False)
    handed_in_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    handed_in_at = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=SummaryOutcome, blank=True)
    answer = models.TextField(blank=True, help_text="What the grantee reads with the outcome.")
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "summaries"
        constraints = [
            models.UniqueConstraint(fields=["obligation", "number"], name="one_summary_per_number"),
            models.CheckConstraint(
                condition=~Q(text="") | Q(file__isnull=False), name="summary_has_text_or_file"
            ),
            models.CheckConstraint(
                condition=Q(outcome="", answered_by__isnull=True, answered_at__isnull=True, answer="")
                | Q(outcome=SummaryOutcome.ACCEPTED, answered_by__isnull=False, answered_at__isnull=False)
                | (
                    Q(outcome=SummaryOutcome.RETURNED, answered_by__isnull=False, answered_at__isnull=False)
                    & ~Q(answer="")
                ),
                name="summary_answer_is_whole",
                violation_error_message="A summary that is returned needs words.",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="summary_is_frozen",
                fields=["obligation", "number", "text", "file", "is_late", "handed_in_by", "handed_in_at"],
            ),
            pgtrigger.Protect(name="summary_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"
