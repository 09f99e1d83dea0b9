"""Separate forms beside the application: what somebody may ask a program for that is no award."""

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class RequestKind(models.TextChoices):
    ACCESS = "access", "Access to a model"
    PAPER = "paper", "A published paper"
    DATASET = "dataset", "Publication of a dataset"
    URGENT = "urgent", "Urgent, about an award"
    GENERAL = "general", "Anything else"


class RequestSenders(models.TextChoices):
    ANYBODY = "anybody", "Anybody who is signed in"
    HOLDERS = "holders", "People with an award of the program"


class RequestOutcome(models.TextChoices):
    """How a request can end. None of them moves credit: there is no way from a request to a grant."""

    ANSWERED = "answered", "Answered"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"


def default_outcomes() -> list[str]:
    """A new form only answers."""
    return [str(RequestOutcome.ANSWERED)]


@pghistory.track()
class RequestForm(models.Model):
    """One separate form of a program with a queue of its own. A request keeps a copy of what it was asked."""

    program = models.ForeignKey(
        "programs.Program", models.CASCADE, related_name="request_forms"
    )  # part of the program
    key = models.SlugField(
        max_length=40, help_text="Ends the form's address. It stays when the title changes."
    )
    kind = models.CharField(max_length=16, choices=RequestKind)
    is_on = models.BooleanField(default=False)
    title = models.CharField(max_length=120)
    lead = models.TextField(blank=True, help_text="What it is for, above the questions. Markdown.")
    senders = models.CharField(max_length=16, choices=RequestSenders, default=RequestSenders.ANYBODY)
    answer_days = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(180)],
        help_text="Days within which a request is usually answered. The receipt names the day; the queue marks what is late.",
    )
    faq_first = models.BooleanField(
        default=False,
        help_text="Look for an answer among the questions of the program before the form opens.",
    )
    policy = models.TextField(
        blank=True, help_text="The conditions, read before the request is sent. Markdown."
    )
    outcomes = models.JSONField(default=default_outcomes, help_text="How a request can end.")
    sections = models.JSONField(default=list, blank=True, help_text="The questions in use: docs/forms.md.")
    draft = models.JSONField(
        null=True,
        blank=True,
        help_text="Questions being changed. Nobody is asked them until they are published.",
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "key"],
                name="one_request_form_per_key",
                violation_error_message="The program has a request form of this key.",
            ),
            models.CheckConstraint(condition=Q(kind__in=RequestKind.values), name="request_kind_is_known"),
            models.CheckConstraint(
                condition=~Q(outcomes=[]),
                name="request_form_has_outcome",
                violation_error_message="Name at least one way in which a request can end.",
            ),
            models.CheckConstraint(
                condition=Q(answer_days__gte=1, answer_days__lte=180), name="request_answer_days_in_reason"
            ),
            models.CheckConstraint(
                condition=Q(is_on=False) | ~Q(sections=[]),
                name="request_form_on_has_questions",
                violation_error_message="A form that is on needs its questions.",
            ),
        ]

    def __str__(self) -> str:
        return self.title
