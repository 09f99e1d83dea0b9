"""A wish for more credit in a pool: one person asks, another one decides. Only credits.funding writes these rows."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from credits.models.ledger import Transfer
from credits.money import MOST_CENTS


class FundingState(models.TextChoices):
    ASKED = "asked", "Waits for a second person"
    FUNDED = "funded", "Funded"
    REFUSED = "refused", "Refused"
    TAKEN_BACK = "taken_back", "Taken back"


ASKED, FUNDED, TAKEN_BACK = FundingState.ASKED, FundingState.FUNDED, FundingState.TAKEN_BACK


class FundingRequest(models.Model):
    """Credit that one person asks for a pool. What was asked never changes; it is decided once."""

    program = models.SlugField(max_length=64, db_index=False, help_text="Slug of the program.")
    period = models.CharField(max_length=16, help_text="The year of the pool.")
    currency = models.CharField(max_length=3)
    amount_cents = models.BigIntegerField("amount")
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=FundingState, default=FundingState.ASKED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=300, blank=True, help_text="Why it was refused.")
    transfer = models.OneToOneField(
        Transfer, models.PROTECT, null=True, blank=True, related_name="funding_request"
    )

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="funding_request_is_fixed",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="asked")
                | pgtrigger.Q(old__program__df=pgtrigger.F("new__program"))
                | pgtrigger.Q(old__period__df=pgtrigger.F("new__period"))
                | pgtrigger.Q(old__currency__df=pgtrigger.F("new__currency"))
                | pgtrigger.Q(old__amount_cents__df=pgtrigger.F("new__amount_cents"))
                | pgtrigger.Q(old__reason__df=pgtrigger.F("new__reason"))
                | pgtrigger.Q(old__asked_by__df=pgtrigger.F("new__asked_by")),
            ),
            pgtrigger.Protect(name="funding_request_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0, amount_cents__lte=MOST_CENTS),
                name="funding_amount_positive",
                violation_error_message="Ask for more than nothing.",
            ),
            models.CheckConstraint(condition=Q(state__in=FundingState.values), name="funding_state_known"),
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="funding_currency_form"),
            models.CheckConstraint(
                condition=Q(state=ASKED, decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state=ASKED) & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="funding_decided_has_who",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[ASKED, TAKEN_BACK]) | ~Q(decided_by=F("asked_by")),
                name="funding_two_people",
                violation_error_message="Another person than the one who asked decides this.",
            ),
            models.CheckConstraint(
                condition=Q(state=FUNDED, transfer__isnull=False)
                | (~Q(state=FUNDED) & Q(transfer__isnull=True)),
                name="funding_funded_has_transfer",
            ),
            models.UniqueConstraint(
                fields=["program", "period", "amount_cents", "reason", "asked_by"],
                condition=Q(state=ASKED),
                name="funding_asked_once",
                violation_error_message="You have asked for this already.",
            ),
        ]
        indexes = [models.Index(fields=["program", "-id"], name="funding_by_program")]

    def __str__(self) -> str:
        return f"{self.program} {self.period}"
