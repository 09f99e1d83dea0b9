"""The people with whom an application is shared."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from applications.emails import institution_domain
from portal.models import User


class Right(models.TextChoices):
    VIEW = "view", gettext_lazy("May read")
    EDIT = "edit", gettext_lazy("May read and edit")


class CollaboratorQuerySet(models.QuerySet["Collaborator"]):
    def close_to(self, user: User) -> "CollaboratorQuerySet":
        """Places on applications that this person must not judge: their own, past ones too, and colleagues'.

        An open invitation counts by its address; an invitation that was taken back before it was accepted does not.
        """
        domain = institution_domain(user.email_domain)
        close = Q(user=user) | Q(email=user.email.lower(), ended_at__isnull=True)
        if domain:
            close |= Q(domains__contains=[domain]) & (Q(user__isnull=False) | Q(ended_at__isnull=True))
        return self.filter(close)


class Collaborator(models.Model):
    """A co-investigator: invited by mail, with access from accepting until it is ended. Rows stay as the record.

    The invited address is what an invitation is bound to; the account that accepted has verified it.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey("applications.Application", models.PROTECT, related_name="collaborators")
    email = models.EmailField(max_length=254, help_text="Lower case.")
    domains = ArrayField(
        models.CharField(max_length=253),
        default=list,
        blank=True,
        help_text="Mail domains of institutions, of the invited address and of the account, for conflicts.",
    )
    right = models.CharField(max_length=8, choices=Right)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="collaborations"
    )
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    invited_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = CollaboratorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "email"],
                condition=Q(ended_at__isnull=True),
                name="one_invitation_per_address",
                violation_error_message=gettext_lazy("This address is invited already."),
            ),
            models.UniqueConstraint(
                fields=["application", "user"],
                condition=Q(ended_at__isnull=True, user__isnull=False),
                name="one_place_per_collaborator",
                violation_error_message=gettext_lazy("This person has access already."),
            ),
            models.CheckConstraint(condition=Q(right__in=Right.values), name="collaborator_right_is_known"),
            models.CheckConstraint(
                condition=Q(user__isnull=True, accepted_at__isnull=True)
                | Q(user__isnull=False, accepted_at__isnull=False),
                name="collaborator_accepted_has_who",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="collaborator_ended_has_who",
            ),
        ]
        indexes = [
            models.Index(
                fields=["user", "application"],
                condition=Q(ended_at__isnull=True),
                name="collaborator_by_person",
            ),
            models.Index(fields=["invited_by", "invited_at"], name="collaborator_by_inviter"),
        ]

    def __str__(self) -> str:
        return self.get_right_display()
