"""What a reviewer brings to the dealing of work, and the plans by which it is dealt."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class ReviewerProfile(models.Model):
    """What a member of staff says about themself: what they know, where they work, whom they cannot judge."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="reviewer_profile"
    )  # part of the person
    tags = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text="Fields and topics, as forms name them.",
    )
    institution = models.CharField(max_length=200, blank=True)
    ror_id = models.CharField(max_length=9, blank=True)
    orcid = models.CharField(max_length=19, blank=True)
    coauthor_orcids = ArrayField(models.CharField(max_length=19), default=list, blank=True)
    works = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="DOIs of publications of the last years.",
    )
    avoided_emails = ArrayField(models.EmailField(max_length=254), default=list, blank=True)
    avoided_institutions = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"profile of {self.user_id}"


class Absence(models.Model):
    """Days on which a person takes no new work, the first and the last included."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="absences"
    )  # part of the person
    from_on = models.DateField()
    until_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until_on__gte=F("from_on")),
                name="absence_ends_after_it_begins",
                violation_error_message="The last day lies before the first.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.from_on} to {self.until_on}"


class ReviewerLimit(models.Model):
    """The most applications of one cycle that a person takes: for one cycle, or for every cycle of a program."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="limits"
    )  # part of the person
    program = models.ForeignKey(
        "programs.Program", models.CASCADE, related_name="+"
    )  # means nothing without it
    cycle = models.ForeignKey(
        "programs.Cycle", models.CASCADE, null=True, blank=True, related_name="+"
    )  # likewise
    most = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "program", "cycle"],
                nulls_distinct=False,
                name="one_limit_per_person_and_cycle",
            )
        ]

    def __str__(self) -> str:
        return str(self.most)


class PlanKind(models.TextChoices):
    BATCH = "batch", "The whole batch"
    REBALANCE = "rebalance", "Moves between reviewers"
    IMPORT = "import", "From a file"


class PlanState(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    APPLIED = "applied", "In effect"
    VOID = "void", "Set aside"


class AssignmentPlan(models.Model):
    """Who is to look at what, before it takes effect; afterwards the record of what was planned and what came of it."""

    batch = models.ForeignKey("applications.Batch", models.PROTECT, related_name="plans")
    kind = models.CharField(max_length=12, choices=PlanKind)
    state = models.CharField(max_length=8, choices=PlanState, default=PlanState.PROPOSED)
    seed = models.BigIntegerField(help_text="Of the random order among equals; a repeat gives the same plan.")
    # [application, reviewer, reviewer before or null]; empty where a batch was dealt without a proposal.
    looks = models.JSONField(default=list)
    gates = models.JSONField(default=list, help_text="[application, screener].")
    summary = models.JSONField(
        default=dict, help_text="Counts for each person, and shortfalls with their reasons."
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField()
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "kind"],
                condition=Q(state=PlanState.PROPOSED),
                name="one_proposal_of_a_kind",
            ),
            models.CheckConstraint(
                condition=~Q(state=PlanState.APPLIED) | Q(applied_at__isnull=False),
                name="applied_plan_has_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_state_display().lower()}"


class GateDuty(models.Model):
    """An application that a screener is asked to answer the gates of. Done when the gates are answered."""

    application = models.OneToOneField("applications.Application", models.PROTECT, related_name="gate_duty")
    screener = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="gate_duties")
    assigned_at = models.DateTimeField()
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"gates of {self.application_id}"
