"""The letters of a program: which there are, and their texts."""

import pghistory
from django.db import models


class MessageKind(models.TextChoices):
    RECEIPT = "receipt", "Receipt, to the applicant at submit"
    WITHDRAWN = "withdrawn", "Withdrawn, to the applicant"
    ASSIGNMENT = "assignment", "Assignment, to the reviewer"
    REMIND_HALF_TIME = "remind_half_time", "Reminder at half-time, to the reviewer"
    REMIND_SOON = "remind_soon", "Reminder two days before, to the reviewer"
    REMIND_OVERDUE = "remind_overdue", "Reminder when overdue, to the reviewer"
    REMIND_DIGEST = "remind_digest", "Reminder of several cycles at once, to the reviewer"
    AWARD = "award", "Award, to the applicant at release"
    POSTED = "posted", "Posted, to the grantee when the provider confirmed"
    SUMMARY_REMINDER = "summary_reminder", "Reminder before a summary is due, to the grantee"
    SUMMARY_OVERDUE = "summary_overdue", "A summary is overdue, to the grantee"
    SUMMARY_RETURNED = "summary_returned", "A summary comes back with words, to the grantee"
    SUMMARY_ACCEPTED = "summary_accepted", "A summary is accepted, to the grantee"
    CREDIT_ENDS = "credit_ends", "Credit ends soon, to the grantee"
    CREDIT_USED = "credit_used", "Much of the credit is used, to the grantee"
    CREDIT_ENDED = "credit_ended", "The term of the credit is over, to the grantee"
    TOLD_DECLINE = "told_decline", "Decline, to the applicant where the program tells"
    INVITATION = "invitation", "Invitation, to a co-investigator"
    REQUEST_RECEIPT = "request_receipt", "Receipt of a request, to whoever sent it"
    REQUEST_ANSWER = "request_answer", "Answer to a request, to whoever sent it"
    REQUEST_ALERT = "request_alert", "A request has come, to the program's mailbox"


@pghistory.track()
class MessageTemplate(models.Model):
    """The text of one letter. Placeholders in braces; applications.notices lists the ones each kind knows."""

    program = models.ForeignKey(
        "programs.Program", models.CASCADE, related_name="message_templates"
    )  # part of the program
    kind = models.CharField(max_length=32, choices=MessageKind)
    language = models.CharField(max_length=12, default="en")
    subject = models.CharField(max_length=150)
    body = models.TextField(help_text="Plain text.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "kind", "language"], name="one_template_per_kind"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
