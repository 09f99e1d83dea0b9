"""Letters waiting to be sent: the outbox. A row is written with the fact it tells, in one transaction."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from programs.models import MessageKind


class NoticeState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    PARKED = "parked", "Parked after too many tries"


CONTACT = "contact"  # a question from the contact page, to us: the one letter without a template of a program
TEST = "test"  # sent to oneself to see another letter (applications.letter_tests)


class AwardLetter(models.TextChoices):
    """Letters about an award after its release. Their texts are ours (applications.award_letters)."""

    ACCEPT_REMINDER = "accept_reminder", "Reminder to accept, to the awardee"
    AWARD_LAPSED = "award_lapsed", "Award not accepted in time, to the awardee"
    AWARD_REFUSED = "award_refused", "Award refused by its second person, to its holder"
    AWARD_DECLINED = "award_declined", "Award declined by its holder, to the managers"
    POST_AGAIN = "post_again", "Credit posted again, to its holder"
    LATER_GIVEN = "later_given", "Top-up given, to whoever asked"
    LATER_DECLINED = "later_declined", "Top-up declined, to whoever asked"
    MEMBER_INVITATION = "member_invitation", "Invitation to shared credits"
    CLAIM_ANSWER = "claim_answer", "Where the credits are, to whoever asked"


class Notice(models.Model):
    """One letter. It goes to an account, or to a bare address where there is no account to go to."""

    key = models.CharField(
        max_length=120, unique=True, help_text="The event and the person: one letter for each."
    )
    kind = models.CharField(
        max_length=32,
        choices=[
            *MessageKind.choices,
            *AwardLetter.choices,
            (CONTACT, "Question, to the contact address"),
            (TEST, "Test, to oneself"),
        ],
    )
    program = models.ForeignKey("programs.Program", models.PROTECT, null=True, blank=True, related_name="+")
    application = models.ForeignKey(
        "applications.Application", models.PROTECT, null=True, blank=True, related_name="notices"
    )
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    address = models.EmailField(max_length=254, blank=True, help_text="Where there is no recipient.")
    values = models.JSONField(default=dict, blank=True, help_text="For the placeholders of the template.")
    state = models.CharField(max_length=8, choices=NoticeState, default=NoticeState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="sent_notice_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(recipient__isnull=False, address="")
                | (Q(recipient__isnull=True) & ~Q(address="")),
                name="notice_has_one_address",
            ),
            models.CheckConstraint(
                condition=Q(program__isnull=False) | Q(kind=CONTACT), name="notice_of_a_program"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="notice_due"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def to(self) -> str:
        """The address it goes to."""
        return self.recipient.email if self.recipient else self.address
