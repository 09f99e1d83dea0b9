"""An employee answers for work that a usage policy would stop: asked by the sponsor, approved by a second person."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q


class SponsorState(models.TextChoices):
    ASKED = "asked", "Waits for a second person"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    TAKEN_BACK = "taken_back", "Taken back"
    ENDED = "ended", "Ended"


ASKED, APPROVED, REFUSED = SponsorState.ASKED, SponsorState.APPROVED, SponsorState.REFUSED


class Sponsorship(models.Model):
    """One employee sponsors one applicant and organization. What was asked never changes; it is decided once.

    The label is put on the organization when it is approved, and taken off when it ends. Whoever sponsors has a conflict
    with every application of that person from then on (applications.conflicts).
    """

    program = models.ForeignKey("programs.Program", models.PROTECT, related_name="+")
    applicant = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    organization = models.ForeignKey("credits.Organization", models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=SponsorState, default=SponsorState.ASKED)
    sponsor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="sponsorships")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=300, blank=True, help_text="Why it was refused.")
    label = models.OneToOneField(
        "credits.Enforcement", models.PROTECT, null=True, blank=True, related_name="sponsorship"
    )
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers = [
            pgtrigger.ReadOnly(
                name="sponsorship_is_fixed",
                fields=["program", "applicant", "organization", "reason", "sponsor", "asked_at"],
            ),
            pgtrigger.FSM(
                name="sponsorship_follows_table",
                field="state",
                transitions=[
                    ("asked", "approved"),
                    ("asked", "refused"),
                    ("asked", "taken_back"),
                    ("approved", "ended"),
                ],
            ),
            pgtrigger.Protect(name="sponsorship_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SponsorState.values), name="sponsor_state_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="sponsorship_has_reason"),
            models.CheckConstraint(
                condition=~Q(sponsor=F("applicant")),
                name="nobody_sponsors_themself",
                violation_error_message="Nobody sponsors their own work.",
            ),
            models.CheckConstraint(
                condition=Q(state=ASKED, decided_by__isnull=True)
                | (~Q(state=ASKED) & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="sponsorship_decided_has_who",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[APPROVED, REFUSED, SponsorState.ENDED])
                | (~Q(decided_by=F("sponsor")) & ~Q(decided_by=F("applicant"))),
                name="sponsorship_two_people",
                violation_error_message="Another person than the sponsor decides this.",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[APPROVED, SponsorState.ENDED], label__isnull=False)
                | (~Q(state__in=[APPROVED, SponsorState.ENDED]) & Q(label__isnull=True)),
                name="sponsorship_approved_has_label",
            ),
            models.CheckConstraint(
                condition=Q(state=SponsorState.ENDED, ended_by__isnull=False, ended_at__isnull=False)
                | (~Q(state=SponsorState.ENDED) & Q(ended_by__isnull=True, ended_at__isnull=True)),
                name="sponsorship_ended_has_who",
            ),
            models.UniqueConstraint(
                fields=["sponsor", "applicant", "organization"],
                condition=Q(state__in=[ASKED, APPROVED]),
                name="sponsorship_stands_once",
            ),
        ]
        indexes = [models.Index(fields=["applicant", "sponsor"], name="sponsors_of_a_person")]

    def __str__(self) -> str:
        return f"{self.sponsor} for {self.applicant}"
