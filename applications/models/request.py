"""Requests through a program's separate forms, and their answers. Nothing here leads to a grant or to the ledger."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from applications.request_states import DECIDED, OPEN, TRANSITIONS, RequestState
from programs.request_models import RequestOutcome


class Request(models.Model):
    """What somebody asked with one form, under the questions as they stood. Only applications.requests writes it.

    It may name an award that it is about. No table of credits knows it, and no operation on it moves money.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    once = models.UUIDField(help_text="The page it was sent from: pressed twice is sent once.")
    reference = models.CharField(max_length=32, unique=True)
    form = models.ForeignKey("programs.RequestForm", models.PROTECT, related_name="requests")
    applicant = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="requests")
    application = models.ForeignKey(
        "applications.Application",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="requests",
        help_text="The application whose award it is about.",
    )

    # What was asked, as it stood then
    form_title = models.CharField(max_length=120)
    policy = models.TextField(blank=True)
    sections = models.JSONField()
    answers = models.JSONField()
    looked_for = models.CharField(
        max_length=300, blank=True, help_text="What was searched in the questions first."
    )
    faq_shown = models.JSONField(
        default=list, blank=True, help_text="Keys of the answers that were shown and did not help."
    )

    # Copied from the answers by applications.requests (questions with "maps_to")
    title = models.CharField(max_length=300)
    links = models.JSONField(default=list, blank=True, help_text="DOIs and addresses in one spelling.")
    may_highlight = models.BooleanField(null=True, blank=True)
    sensitive = models.BooleanField(default=False, help_text="For managers and screeners only.")

    state = models.CharField(max_length=16, choices=RequestState, default=RequestState.NEW)
    sent_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="When an answer was promised.")
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    taken_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["applicant", "once"], name="one_request_per_page"),
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="request_state_is_known"),
            models.CheckConstraint(
                condition=Q(taken_by__isnull=True, taken_at__isnull=True)
                | Q(taken_by__isnull=False, taken_at__isnull=False),
                name="request_taken_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[RequestState.IN_WORK, *DECIDED]) | Q(taken_by__isnull=False),
                name="request_in_work_has_person",
            ),
            models.CheckConstraint(
                condition=Q(state__in=DECIDED, decided_at__isnull=False)
                | (~Q(state__in=DECIDED) & Q(decided_at__isnull=True)),
                name="request_decided_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(state=RequestState.WITHDRAWN, withdrawn_at__isnull=False)
                | (~Q(state=RequestState.WITHDRAWN) & Q(withdrawn_at__isnull=True)),
                name="request_withdrawn_has_moment",
            ),
        ]
        indexes = [
            models.Index(fields=["form", "due_at"], condition=Q(state__in=OPEN), name="request_open"),
            models.Index(fields=["applicant", "sent_at"], name="request_by_person"),
        ]
        triggers = [
            pgtrigger.FSM(name="request_follows_table", field="state", transitions=TRANSITIONS),
            pgtrigger.ReadOnly(
                name="request_is_frozen",
                fields=[
                    "public_id",
                    "once",
                    "reference",
                    "form",
                    "applicant",
                    "application",
                    "form_title",
                    "policy",
                    "sections",
                    "answers",
                    "sent_at",
                ],
            ),
            pgtrigger.Protect(name="request_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.reference


class RequestAnswer(models.Model):
    """One answer as it was given. A request that was opened again gets another; earlier ones stand."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="replies")
    number = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=16, choices=RequestOutcome)
    text = models.TextField()
    conditions = models.TextField(blank=True)
    until_on = models.DateField(
        null=True, blank=True, help_text="Last day of an approval; empty means no end."
    )
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    answered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="one_request_answer_per_number"),
            models.CheckConstraint(
                condition=Q(outcome=RequestOutcome.APPROVED) | Q(conditions="", until_on__isnull=True),
                name="only_approvals_have_conditions",
                violation_error_message="Conditions and a last day belong to an approval.",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="request_answer_has_text"),
        ]
        triggers = [
            pgtrigger.Protect(name="request_answer_stands", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"answer {self.number}"
