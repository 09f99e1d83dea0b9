"""What was decided: pending until release, then for good."""

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q


class DecisionKind(models.TextChoices):
    AWARD = "award", "Award"
    DECLINE = "decline", "Decline"
    CHANGE = "change", "Change without more credit"
    DEFER = "defer", "Deferral"
    WAITLIST = "waitlist", "Waiting list"
    LATER = "later", "Credit between evaluations"


GIVES = (DecisionKind.AWARD, DecisionKind.LATER)
"""Kinds that come with a grant."""

AGREED = (DecisionKind.AWARD, DecisionKind.CHANGE)
"""Kinds that say yes: with credit, or for an updated application that needs none."""

CHANGE_IS_FOR_AMENDMENT = """
    IF NOT EXISTS (
        SELECT 1 FROM applications_application a WHERE a.id = NEW.application_id AND a.amends_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'only an amendment is agreed to without credit';
    END IF;
    RETURN NEW;
"""


class DecisionState(models.TextChoices):
    PENDING = "pending", "Pending"
    RELEASED = "released", "Released"
    VOID = "void", "Undone"
    CARRIED = "carried", "Carried into a later evaluation"


STANDING = (DecisionState.PENDING, DecisionState.RELEASED)
"""States of the one decision that an application has now."""

STANDS = Q(state__in=STANDING) & ~Q(kind=DecisionKind.LATER)
"""The one decision that an application has now; credit between the evaluations stands beside it."""


def second_person_wanted(prefix: str = "") -> Q:
    """Pending awards that somebody else has to approve and nobody has; the release counts again.

    prefix: leads from the queried model to the decision.
    """
    limit = F(f"{prefix}four_eyes_above_cents")
    large = Q((f"{prefix}amount_cents__gt", limit)) | Q((f"{prefix}counted_cents__gt", limit))
    large |= Q((f"{prefix}overrides__gt", ""))
    award = {"kind": DecisionKind.AWARD, "state": DecisionState.PENDING, "approved_by__isnull": True}
    return large & Q(**{f"{prefix}{name}": value for name, value in award.items()})


class Override(models.TextChoices):
    """Why an award needs a reason and a second person whatever its amount."""

    BELOW_LINE = "below_line", "below the line"
    FLAGGED = "flagged", "despite a flag"


@pghistory.track(level=pghistory.Statement)  # a release changes thousands at once
class Decision(models.Model):
    """One outcome of one application. Above the limit a second person must approve; the database refuses less.

    Triggers of migration 0009 bind an approval to what was approved, keep the people apart, and count again at release
    what the same person and organization got in twelve months (docs/security.md, "Four eyes").
    """

    application = models.ForeignKey("applications.Application", models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=8, choices=DecisionKind)
    state = models.CharField(max_length=8, choices=DecisionState, default=DecisionState.PENDING)
    amount_cents = models.BigIntegerField(null=True, blank=True)
    months = models.PositiveSmallIntegerField(null=True, blank=True)
    granted_models = models.JSONField(default=list, blank=True)
    reason = models.TextField(blank=True, help_text="Staff only.")
    four_eyes_above_cents = models.BigIntegerField(help_text="The program's limit when it was proposed.")
    counted_cents = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="With the other awards of the same person or organization in twelve months.",
    )
    overrides = models.CharField(
        max_length=40, blank=True, db_default="", help_text="Values of Override, separated by commas."
    )
    place = models.PositiveSmallIntegerField(null=True, blank=True, help_text="On the waiting list.")
    to_cycle = models.ForeignKey(
        "programs.Cycle",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Where a deferral leads; set at release.",
    )
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_binding = models.BinaryField(
        max_length=32,
        null=True,
        editable=False,
        help_text="Hash of what was approved; the database writes it.",
    )
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)
    grant = models.OneToOneField(
        "credits.Grant", models.PROTECT, null=True, blank=True, related_name="decision"
    )
    later = models.OneToOneField(
        "applications.LaterCredit",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decision",
        help_text="What it answers, between the evaluations.",
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_terms_version = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=STANDS,
                name="one_decision_per_application",
            ),
            models.CheckConstraint(
                condition=~Q(kind=DecisionKind.AWARD) | Q(amount_cents__isnull=False, amount_cents__gt=0),
                name="award_has_amount",
                violation_error_message="An award needs an amount above zero.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="approver_is_another_person",
                violation_error_message="The second person must not be the one who proposed it.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="approval_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(state=DecisionState.RELEASED)
                | ~Q(kind=DecisionKind.AWARD)
                | Q(
                    amount_cents__lte=F("four_eyes_above_cents"),
                    counted_cents__lte=F("four_eyes_above_cents"),
                    overrides="",
                )
                | Q(approved_by__isnull=False),
                name="large_award_has_second_person",
                violation_error_message="An award above the limit needs a second person.",
            ),
            models.CheckConstraint(
                condition=~Q(state=DecisionState.RELEASED)
                | Q(released_at__isnull=False, released_by__isnull=False),
                name="released_has_who_and_when",
            ),
            models.CheckConstraint(
                condition=~Q(state=DecisionState.RELEASED, kind=DecisionKind.AWARD) | Q(grant__isnull=False),
                name="released_award_has_grant",
            ),
            models.CheckConstraint(
                condition=Q(overrides="") | ~Q(reason=""),
                name="override_has_reason",
                violation_error_message="An award against the ranking or despite a flag needs a reason.",
            ),
            models.CheckConstraint(
                condition=~Q(kind=DecisionKind.WAITLIST)
                | (Q(place__isnull=False) & Q(state__in=[DecisionState.PENDING, DecisionState.VOID])),
                name="waiting_list_has_place_and_is_not_released",
            ),
            models.CheckConstraint(
                condition=~Q(kind=DecisionKind.DEFER)
                | ~Q(state__in=[DecisionState.RELEASED, DecisionState.CARRIED])
                | (Q(to_cycle__isnull=False) & ~Q(reason="")),
                name="released_deferral_has_cycle_and_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state=DecisionState.CARRIED) | Q(kind=DecisionKind.DEFER),
                name="only_deferrals_are_carried",
            ),
            models.CheckConstraint(
                condition=~Q(kind=DecisionKind.CHANGE) | Q(amount_cents__isnull=True, grant__isnull=True),
                name="change_has_no_credit",
                violation_error_message="A change without more credit has no amount.",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind=DecisionKind.LATER,
                    later__isnull=False,
                    state=DecisionState.RELEASED,
                    amount_cents__gt=0,
                    grant__isnull=False,
                )
                | (~Q(kind=DecisionKind.LATER) & Q(later__isnull=True)),
                name="later_credit_is_given_at_once",
            ),
        ]
        indexes = [models.Index(fields=["state", "kind"], name="decision_by_state")]
        triggers = [
            pgtrigger.Trigger(
                name="change_is_for_amendment",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("kind", "application_id"),
                condition=pgtrigger.Q(new__kind="change"),
                func=CHANGE_IS_FOR_AMENDMENT,
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display().lower()})"

    @property
    def needs_second_person(self) -> bool:
        """Whether somebody else has to approve before release. The release counts again."""
        if self.kind != DecisionKind.AWARD:
            return False
        counted = max(self.amount_cents or 0, self.counted_cents)
        return bool(self.overrides) or counted > self.four_eyes_above_cents

    @property
    def overrides_in_words(self) -> str:
        return " and ".join(Override(value).label for value in self.overrides.split(",") if value)


class CutLine(models.Model):
    """The place in a cycle's ranking down to which awards are planned. An award below it is an override."""

    cycle = models.OneToOneField("programs.Cycle", models.PROTECT, related_name="cut_line")
    place = models.PositiveIntegerField(help_text="Awards above the line when it was drawn.")
    lowest_mean = models.DecimalField(
        max_digits=6, decimal_places=4, help_text="Mean of the last one above it."
    )
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(place__gt=0), name="cut_line_has_place")]

    def __str__(self) -> str:
        return f"line after {self.place}"
