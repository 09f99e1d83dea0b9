"""Grants: credit given to one organization at a provider, and the message that tells the provider."""

import uuid

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Organization(models.Model):
    """An organization at a provider, named by the id that the provider gave it."""

    provider = models.SlugField(max_length=32)
    external_id = models.CharField("organization ID", max_length=80)
    name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                name="one_organization_per_provider_id",
                violation_error_message="This organization is registered already.",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class Stage(models.TextChoices):
    """Where the credit of a grant is. It follows the ledger; ledger_verify compares the two."""

    RESERVED = "reserved", "Reserved"
    SENT = "sent", "Sent"
    CONFIRMED = "confirmed", "Confirmed"
    FAILED = "failed", "Failed"
    VOID = "void", "Cancelled"


# Which stage may follow which. The ledger movement named beside it is written in the same transaction.
MAY_BECOME: dict[str, tuple[str, ...]] = {
    Stage.RESERVED: (Stage.SENT, Stage.VOID),  # send, void
    Stage.SENT: (Stage.CONFIRMED, Stage.FAILED),  # post, void
    Stage.CONFIRMED: (),
    Stage.FAILED: (),
    Stage.VOID: (),
}


class WaitsFor(models.TextChoices):
    """What a reserved grant waits for before it may be sent; empty for all others."""

    SUMMARY = "summary", "The summary of the award"


class TermStarts(models.TextChoices):
    """The day from which a term is counted."""

    POSTING = "posting", "When the provider confirms the credit"
    DECISION = "decision", "When the award is released"
    FIRST_USE = "first_use", "When the credit is first used"


class Grant(models.Model):
    """One award of credit: its own lot with its own term. A top-up is a second grant."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=64)
    program = models.SlugField(max_length=64, db_index=False, help_text="Slug of the program.")
    provider = models.SlugField(max_length=32, db_index=False)
    pool = models.CharField(max_length=120, help_text="Code of the pool that pays for it.")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="grants")
    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # the index below has the grants that have one
        related_name="grants",
    )
    amount_cents = models.BigIntegerField("amount")
    currency = models.CharField(max_length=3, default="USD")
    term_months = models.PositiveSmallIntegerField("term in months", null=True, blank=True)
    term_starts = models.CharField(
        max_length=16, choices=TermStarts, default=TermStarts.POSTING, db_default=TermStarts.POSTING.value
    )
    latest_end_on = models.DateField(
        null=True, blank=True, help_text="A last day that the program set for all its credit."
    )
    late_usage_days = models.PositiveSmallIntegerField(
        default=3, db_default=3, help_text="Usage reported so many days after the end still counts."
    )
    half_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,  # a trigger looks where there is one (migration 0014)
        db_index=False,  # the constraint below has the rows that matter
        related_name="halves",
        help_text="The grant whose award this is the second half of.",
    )
    moved_from = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,  # as above
        db_index=False,  # as above
        related_name="moved_to",
        help_text="The grant whose rest came here when its organization was changed.",
    )
    first = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,  # as above
        db_index=False,  # as above
        related_name="later_lots",
        help_text="After changes of organization: the grant that was decided.",
    )
    waits_for = models.CharField(
        max_length=16,
        choices=WaitsFor,
        blank=True,
        default="",
        db_default="",
        help_text="It is not sent before.",
    )
    starts_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(
        null=True, blank=True, help_text="The last day on which the credit can be used."
    )
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.RESERVED)
    failure = models.CharField(max_length=300, blank=True, help_text="Why the provider refused it.")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it failed or was cancelled.")
    # Last, because from here on the name hides the module in this class body.
    models = ArrayField(models.CharField(max_length=64), default=list, blank=True)

    class Meta:
        triggers = [pgtrigger.ReadOnly(name="grant_keeps_its_first", fields=["first"])]
        constraints = [
            # One index for "is" and "begins with", where unique=True would make two.
            models.UniqueConstraint(
                fields=["reference"], opclasses=["varchar_pattern_ops"], name="one_grant_per_reference"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="grant_amount_positive"),
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="grant_currency_form"),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="grant_stage_known"),
            models.CheckConstraint(
                condition=Q(term_months__isnull=True) | Q(term_months__gte=1, term_months__lte=120),
                name="grant_term_in_range",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=[Stage.RESERVED, Stage.VOID])
                | Q(sent_at__isnull=False, organization__isnull=False),
                name="grant_sent_has_organization",
            ),
            models.CheckConstraint(
                condition=(
                    Q(stage=Stage.CONFIRMED, confirmed_at__isnull=False)
                    & (Q(starts_on__isnull=False) | Q(term_starts=TermStarts.FIRST_USE))
                )
                | (~Q(stage=Stage.CONFIRMED) & Q(confirmed_at__isnull=True, starts_on__isnull=True)),
                name="grant_confirmed_has_start",
            ),
            models.CheckConstraint(
                condition=Q(expires_on__isnull=True)
                | Q(term_months__isnull=False, starts_on__isnull=False, expires_on__gt=F("starts_on"))
                | Q(latest_end_on__isnull=False, expires_on__lte=F("latest_end_on")),
                name="grant_expiry_after_start",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=[Stage.FAILED, Stage.VOID], ended_at__isnull=False)
                | (~Q(stage__in=[Stage.FAILED, Stage.VOID]) & Q(ended_at__isnull=True)),
                name="grant_ended_has_moment",
            ),
            models.UniqueConstraint(
                fields=["moved_from"], condition=Q(moved_from__isnull=False), name="grant_moves_once"
            ),
            models.UniqueConstraint(
                fields=["first", "id"], condition=Q(first__isnull=False), name="lots_by_their_first"
            ),
            models.CheckConstraint(
                condition=Q(moved_from__isnull=True, first__isnull=True)
                | Q(moved_from__isnull=False, first__isnull=False, stage=Stage.CONFIRMED),
                name="grant_that_moved_names_its_first",
            ),
            models.UniqueConstraint(
                fields=["half_of"], condition=Q(half_of__isnull=False), name="one_second_half_per_grant"
            ),
            models.CheckConstraint(
                condition=Q(waits_for="")
                | Q(
                    waits_for__in=WaitsFor.values,
                    half_of__isnull=False,
                    stage__in=[Stage.RESERVED, Stage.VOID],
                ),
                name="grant_waits_only_as_second_half",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(stage=Stage.RESERVED), name="grants_to_send"),
            models.Index(
                fields=["organization"],
                condition=Q(organization__isnull=False),
                name="grants_by_organization",
            ),
            models.Index(
                fields=["expires_on", "id"],
                condition=Q(stage=Stage.CONFIRMED, expires_on__isnull=False),
                name="grants_to_expire",
            ),
            models.Index(fields=["pool", "stage"], include=["amount_cents"], name="grants_by_pool"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def decided_id(self) -> int:
        """The grant that was decided: of a second half its first, of a lot that was moved here the one it began as."""
        return int(self.first_id or self.half_of_id or self.pk)

    def where_now(self) -> "Grant":
        """The lot that holds its rest: itself, or the last one after changes of organization.

        One query, none when the later_lots of the grant that was decided are prefetched.
        """
        decided, lot = self.first or self.half_of or self, self
        onward = {row.moved_from_id: row for row in decided.later_lots.all()}
        while lot.pk in onward:
            lot = onward[lot.pk]
        return lot


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Waiting"
    SENT = "sent", "Sent"
    UNKNOWN = "unknown", "Outcome unknown"
    CONFIRMED = "confirmed", "Confirmed"
    REFUSED = "refused", "Refused"


SETTLED = (DeliveryState.CONFIRMED, DeliveryState.REFUSED)
UNSETTLED = (DeliveryState.PENDING, DeliveryState.SENT, DeliveryState.UNKNOWN)


class Delivery(models.Model):
    """The message that gives one grant to the provider. These rows are the queue; a worker claims them."""

    grant = models.OneToOneField(Grant, models.PROTECT, related_name="delivery")
    key = models.CharField(max_length=80, unique=True, help_text="The provider knows the grant by this key.")
    state = models.CharField(max_length=12, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(
        help_text="Not before this moment; a worker's claim pushes it ahead."
    )
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="The first call, or the export of the row."
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    alerted_at = models.DateTimeField(null=True, blank=True, help_text="When it was put before a person.")
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=SETTLED, settled_at__isnull=False)
                | (~Q(state__in=SETTLED) & Q(settled_at__isnull=True)),
                name="delivery_settled_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.PENDING) | Q(sent_at__isnull=False),
                name="delivery_sent_has_moment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"], condition=Q(state__in=UNSETTLED), name="deliveries_due"
            ),
        ]

    def __str__(self) -> str:
        return self.key
