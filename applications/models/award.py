"""What becomes of an award after its release: how it ended unaccepted, and the people who share its credits."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy


class Ending(models.TextChoices):
    DECLINED = "declined", "Declined by its holder"
    LAPSED = "lapsed", "Not accepted in time"
    REFUSED = "refused", "Refused by the second person who looked at its organization"


class AwardEnding(models.Model):
    """Why the credit of an award went back to its pool before it was posted."""

    decision = models.OneToOneField("applications.Decision", models.PROTECT, related_name="ending")
    kind = models.CharField(max_length=8, choices=Ending)
    words = models.CharField(
        max_length=500, blank=True, help_text="What the holder wrote, or the second person to the holder."
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the clock.",
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=Ending.DECLINED, by__isnull=False)
                | Q(kind=Ending.LAPSED, by__isnull=True, words="")
                | (Q(kind=Ending.REFUSED, by__isnull=False) & ~Q(words="")),
                name="award_ending_has_who",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="award_ending_stands", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class MemberRole(models.TextChoices):
    VIEW = "view", gettext_lazy("May look")
    MANAGE = "manage", gettext_lazy("May look and manage members")


class AwardMember(models.Model):
    """Somebody who shares the credits of an award: invited by mail, in from accepting until the place is ended.

    A member sees balance, statement and what is owed; the application stays with its own people. Rows stay as the record.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(
        "applications.Application",
        models.PROTECT,
        related_name="members",
        help_text="The award; its updates are of the same pool.",
    )
    email = models.EmailField(max_length=254, help_text="Lower case.")
    role = models.CharField(max_length=8, choices=MemberRole)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="award_places"
    )
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    invited_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    conduct_version = models.CharField(
        max_length=32, blank=True, help_text="The rules of conduct that were accepted."
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "email"],
                condition=Q(ended_at__isnull=True),
                name="one_member_per_address",
                violation_error_message=gettext_lazy("This address is invited already."),
            ),
            models.UniqueConstraint(
                fields=["application", "user"],
                condition=Q(ended_at__isnull=True, user__isnull=False),
                name="one_place_per_member",
                violation_error_message=gettext_lazy("This person is a member already."),
            ),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="member_role_is_known"),
            models.CheckConstraint(
                condition=Q(user__isnull=True, accepted_at__isnull=True, conduct_version="")
                | (Q(user__isnull=False, accepted_at__isnull=False) & ~Q(conduct_version="")),
                name="member_accepted_the_conduct",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="member_ended_has_who",
            ),
        ]
        indexes = [
            models.Index(fields=["invited_by", "invited_at"], name="member_by_inviter"),
        ]

    def __str__(self) -> str:
        return self.get_role_display()
