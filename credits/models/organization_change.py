"""The rest of a grant goes to another organization. Only credits.organization_changes writes these rows."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from credits.models.grant import Grant, Organization
from credits.models.ledger import Transfer


class ChangeState(models.TextChoices):
    WISHED = "wished", "Wished by the grantee"
    ASKED = "asked", "Waits for a second person"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    TAKEN_BACK = "taken_back", "Taken back"


WAITING = (ChangeState.WISHED, ChangeState.ASKED)


class OrganizationChange(models.Model):
    """What is asked never changes. Two members of staff say yes, neither of them the holder; it is done once."""

    grant = models.ForeignKey(Grant, models.PROTECT, related_name="organization_changes")
    to_organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=ChangeState)
    wished_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The first member of staff who says yes.",
    )
    asked_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=300, blank=True, help_text="Why it was refused.")
    new_grant = models.OneToOneField(
        Grant, models.PROTECT, null=True, blank=True, related_name="came_by_change"
    )
    transfer = models.OneToOneField(
        Transfer, models.PROTECT, null=True, blank=True, related_name="organization_change"
    )

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="organization_change_is_fixed",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state__in=["wished", "asked"])
                | pgtrigger.Q(old__grant__df=pgtrigger.F("new__grant"))
                | pgtrigger.Q(old__to_organization__df=pgtrigger.F("new__to_organization"))
                | pgtrigger.Q(old__reason__df=pgtrigger.F("new__reason"))
                | pgtrigger.Q(old__wished_by__df=pgtrigger.F("new__wished_by"))
                | (
                    pgtrigger.Q(old__state="asked")
                    & pgtrigger.Q(old__asked_by__df=pgtrigger.F("new__asked_by"))
                ),
            ),
            pgtrigger.Protect(name="organization_change_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ChangeState.values), name="organization_change_state_known"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="organization_change_has_reason"),
            models.CheckConstraint(
                condition=Q(wished_by__isnull=False) | Q(asked_by__isnull=False),
                name="organization_change_has_who",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[ChangeState.ASKED, ChangeState.DONE])
                | Q(asked_by__isnull=False, asked_at__isnull=False),
                name="organization_change_asked_has_who",
            ),
            models.CheckConstraint(
                condition=Q(state__in=WAITING, decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state__in=WAITING) & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="organization_change_decided_has_who",
            ),
            models.CheckConstraint(
                condition=~Q(state=ChangeState.DONE) | ~Q(decided_by=F("asked_by")),
                name="organization_change_two_people",
                violation_error_message="Another person than the first decides this.",
            ),
            models.CheckConstraint(
                condition=Q(state=ChangeState.DONE, new_grant__isnull=False, transfer__isnull=False)
                | (~Q(state=ChangeState.DONE) & Q(new_grant__isnull=True, transfer__isnull=True)),
                name="organization_change_done_has_grant",
            ),
            models.UniqueConstraint(
                fields=["grant"],
                condition=Q(state__in=[ChangeState.WISHED, ChangeState.ASKED]),
                name="organization_change_waits_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grant} to {self.to_organization}"
