"""What organizations used, day by day, and whom we warned. Only credits.usage, credits.usage_corrections and
credits.forecast write these rows."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from credits.models.case import Case
from credits.models.grant import Grant, Organization


class UsageSource(models.TextChoices):
    EVENT = "event", "Signed event"
    FILE = "file", "File"
    MANUAL = "manual", "Entered by hand"
    CORRECTION = "correction", "Correction by two people"
    COVER = "cover", "Rest taken later"


class Usage(models.Model):
    """What an organization used on one UTC day: the figure that holds, and what of it the ledger took from its lots.

    The two differ by what its credit did not cover that day. The keys of its movements begin with its name.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="usage", db_index=False
    )  # the constraint begins with it
    day = models.DateField()
    currency = models.CharField(max_length=3)
    told_cents = models.BigIntegerField("used", help_text="What the provider says.")
    posted_cents = models.BigIntegerField("taken from credit")
    reports = models.PositiveIntegerField(help_text="The number of its last report.")

    class Meta:
        verbose_name = "day of usage"
        verbose_name_plural = "days of usage"
        triggers = [
            pgtrigger.Protect(
                name="usage_names_one_day",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__organization__df=pgtrigger.F("new__organization"))
                | pgtrigger.Q(old__day__df=pgtrigger.F("new__day"))
                | pgtrigger.Q(old__currency__df=pgtrigger.F("new__currency")),
            ),
            pgtrigger.Protect(name="usage_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.UniqueConstraint(fields=["organization", "day", "currency"], name="one_usage_per_day"),
            models.CheckConstraint(
                condition=Q(posted_cents__gte=0, told_cents__gte=F("posted_cents")),
                name="usage_takes_no_more_than_told",
            ),
        ]
        indexes = [models.Index(fields=["-day", "-id"], name="usage_by_day")]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.day}"

    @property
    def name(self) -> str:
        """What the keys of all movements of this day begin with."""
        return f"usage:{self.organization_id}:{self.day:%Y-%m-%d}:{self.currency}"

    @property
    def uncovered_cents(self) -> int:
        """What the credit of the organization did not cover."""
        return self.told_cents - self.posted_cents


class UsageReport(models.Model):
    """One report that changed a day: the figure told, and what the ledger then moved (less than zero: gave back)."""

    usage = models.ForeignKey(Usage, models.PROTECT, related_name="told", db_index=False)
    number = models.PositiveIntegerField()
    told_cents = models.BigIntegerField("used")
    moved_cents = models.BigIntegerField("moved")
    source = models.CharField(max_length=12, choices=UsageSource)
    key = models.CharField(max_length=200, blank=True, help_text="The event, or the file, that told it.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )  # empty: the machine
    at = models.DateTimeField()

    class Meta:
        triggers = [
            pgtrigger.Protect(name="usage_report_is_kept", operation=pgtrigger.Update | pgtrigger.Delete)
        ]
        constraints = [
            models.UniqueConstraint(fields=["usage", "number"], name="one_usage_report_per_number"),
        ]
        indexes = [models.Index(fields=["at"], name="usage_reports_by_moment")]

    def __str__(self) -> str:
        return f"{self.usage_id}/{self.number}"


class CorrectionState(models.TextChoices):
    ASKED = "asked", "Waits for a second person"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    TAKEN_BACK = "taken_back", "Taken back"


class UsageCorrection(models.Model):
    """A lower figure for a day, asked by one person and decided by another. What was asked never changes."""

    usage = models.ForeignKey(Usage, models.PROTECT, related_name="corrections")
    told_cents = models.BigIntegerField("right figure")
    reason = models.CharField(max_length=300)
    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=12, choices=CorrectionState, default=CorrectionState.ASKED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="usage_correction_is_fixed",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="asked")
                | pgtrigger.Q(old__usage__df=pgtrigger.F("new__usage"))
                | pgtrigger.Q(old__told_cents__df=pgtrigger.F("new__told_cents"))
                | pgtrigger.Q(old__reason__df=pgtrigger.F("new__reason"))
                | pgtrigger.Q(old__asked_by__df=pgtrigger.F("new__asked_by")),
            ),
            pgtrigger.Protect(name="usage_correction_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(told_cents__gte=0), name="usage_correction_not_negative"),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "taken_back"]) | ~Q(decided_by=F("asked_by")),
                name="usage_correction_two_people",
                violation_error_message="Another person than the one who asked decides this.",
            ),
            models.CheckConstraint(
                condition=Q(state="asked", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state="asked") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="usage_correction_decided_has_who",
            ),
            models.UniqueConstraint(
                fields=["usage"],
                condition=Q(state="asked"),
                name="one_usage_correction_waits",
                violation_error_message="A correction of this day waits already.",
            ),
        ]

    def __str__(self) -> str:
        return f"Correction of {self.usage_id}"


class WarningKind(models.TextChoices):
    DAYS = "days", "Days before the end"
    USED = "used", "Percent used"
    ENDED = "ended", "The end"


class GrantWarning(models.Model):
    """A mark that a grant has passed. It stands for good, so that no top-up or correction tells it twice."""

    grant = models.ForeignKey(Grant, models.PROTECT, related_name="warnings", db_index=False)
    kind = models.CharField(max_length=8, choices=WarningKind)
    mark = models.PositiveSmallIntegerField(help_text="Days, percent, or 0 for the end.")
    passed_at = models.DateTimeField()
    is_told = models.BooleanField(help_text="False: a later mark was passed at the same moment.")

    class Meta:
        triggers = [
            pgtrigger.Protect(name="grant_warning_is_kept", operation=pgtrigger.Update | pgtrigger.Delete)
        ]
        constraints = [
            models.UniqueConstraint(fields=["grant", "kind", "mark"], name="one_warning_per_mark"),
        ]

    def __str__(self) -> str:
        return f"{self.grant_id} {self.kind} {self.mark}"
