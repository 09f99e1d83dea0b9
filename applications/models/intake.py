"""What was asked: applications, the batch that froze them, and what the automatic checks found."""

import uuid
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from applications.states import TRANSITIONS, State
from programs.models import RuleKind

NEVER_SENT = Q(state__in=[State.DRAFT, State.WITHDRAWN])


AMENDMENT_FITS_AWARD = """
    IF NOT EXISTS (
        SELECT 1 FROM applications_application award
         WHERE award.id = NEW.amends_id AND award.amends_id IS NULL AND award.state = 'awarded'
           AND award.applicant_id = NEW.applicant_id AND award.program_id = NEW.program_id
    ) THEN
        RAISE EXCEPTION 'an amendment updates an award of the same person in the same program';
    END IF;
    IF EXISTS (
        SELECT 1 FROM applications_application other
          JOIN programs_cycle cycle ON cycle.id = other.cycle_id
          JOIN programs_program program ON program.id = other.program_id
         WHERE other.amends_id = NEW.amends_id AND other.state IN ('in_review', 'deferred')
           AND (cycle.decided_by_on + 1)::timestamp AT TIME ZONE program.time_zone > NEW.created_at
    ) THEN
        RAISE EXCEPTION 'this award has an amendment under evaluation';
    END IF;
    RETURN NEW;
"""
"""With the unique index one_live_amendment_per_award: one live amendment of an award at a time. An evaluation that its
staff left open past the decided-by date counts as closed here, as it does for the applicant (applications.standing).
"""


class ApplicationQuerySet(models.QuerySet["Application"]):
    def owned_by(self, user: object) -> "ApplicationQuerySet":
        return self.filter(applicant=user)

    def readable_by(self, user: object) -> "ApplicationQuerySet":
        """Own ones, and those shared with this person for as long as they are shared."""
        return self.filter(Q(applicant=user) | Exists(_shared_with(user)))

    def editable_by(self, user: object) -> "ApplicationQuerySet":
        from applications.models.collaborator import Right

        return self.filter(Q(applicant=user) | Exists(_shared_with(user).filter(right=Right.EDIT)))

    def assigned_to(self, user: object) -> "ApplicationQuerySet":
        """A subquery, not a join: a join would make later counts see only this reviewer's rows."""
        from applications.models.review import Assignment, AssignmentState

        mine = Assignment.objects.filter(application=OuterRef("pk"), reviewer=user)
        return self.filter(Exists(mine.exclude(state=AssignmentState.RECUSED)))

    def without_conflict(self, user: object) -> "ApplicationQuerySet":
        """Leave out what this person may not see: a conflict, a recusal, an application they are part of or whose
        applicant they sponsor, and an award whose credits they share or shared, with its updates.
        """
        from applications.models.award import AwardMember
        from applications.models.collaborator import Collaborator
        from applications.models.review import Conflict, Recusal
        from applications.models.sponsor import Sponsorship, SponsorState

        return (
            self.exclude(applicant=user)
            .exclude(Exists(Collaborator.objects.close_to(user).filter(application=OuterRef("pk"))))
            .exclude(Exists(AwardMember.objects.filter(application=OuterRef("pk"), user=user)))
            .exclude(Exists(AwardMember.objects.filter(application=OuterRef("amends_id"), user=user)))
            .exclude(Exists(Conflict.objects.filter(application=OuterRef("pk"), user=user)))
            .exclude(Exists(Recusal.objects.filter(application=OuterRef("pk"), reviewer=user)))
            .exclude(
                Exists(
                    Sponsorship.objects.filter(applicant=OuterRef("applicant"), sponsor=user).exclude(
                        state=SponsorState.TAKEN_BACK
                    )
                )
            )
        )


def _shared_with(user: object) -> QuerySet[Any]:
    from applications.models.collaborator import Collaborator

    return Collaborator.objects.filter(application=OuterRef("pk"), user=user, ended_at__isnull=True)


class Application(models.Model):
    """One request for credits. Answers are JSON under a form version; what a rule needs is a column."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey("programs.Program", models.PROTECT, related_name="applications")
    # Every index is written again when the state changes, so a column that begins an index below has no second one.
    form_version = models.ForeignKey("programs.FormVersion", models.PROTECT, related_name="+", db_index=False)
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="applications", db_index=False
    )
    # A draft has no cycle: it rolls on until it is sent.
    cycle = models.ForeignKey(
        "programs.Cycle",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="applications",
        db_index=False,
    )
    came_from = models.ForeignKey(
        "programs.Cycle",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="The cycle that deferred it, set once that cycle's decided-by date is over.",
    )
    reference = models.CharField(max_length=32, null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    answers = models.JSONField(default=dict)
    answers_version = models.PositiveIntegerField(default=0, help_text="Goes up by one at every save.")
    created_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    earlier = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="later",
        db_index=False,
        help_text="The application of the same person that this one started from.",
    )
    amends = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="amendments",
        db_index=False,
        help_text="The awarded application that this one updates.",
    )
    carried_from = models.ForeignKey(
        "programs.FormVersion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="The form that the draft used before a newer one took its place.",
    )
    set_aside = models.JSONField(
        default=dict,
        blank=True,
        db_default={},
        help_text="Answers of questions that the newer form does not ask: key -> {label, type, value}.",
    )
    source_id = models.CharField(max_length=128, null=True, blank=True, help_text="Row name in an import.")

    # Copied from the answers at submit by applications.intake (questions with "maps_to").
    title = models.CharField(max_length=300, blank=True)
    field = models.CharField(max_length=64, blank=True)
    institution = models.CharField(max_length=300, blank=True)
    institution_kind = models.CharField(max_length=64, blank=True, db_default="")
    country = models.CharField(max_length=2, blank=True)
    career_stage = models.CharField(max_length=64, blank=True)
    requested_cents = models.BigIntegerField(null=True, blank=True)
    requested_months = models.PositiveSmallIntegerField(null=True, blank=True)
    requested_models = models.JSONField(default=list, blank=True)
    organization_id_text = models.CharField(max_length=128, blank=True)
    email_domain = models.CharField(max_length=253, blank=True)
    email_key = models.CharField(
        max_length=254, blank=True, help_text="Canonical form of the applicant's address."
    )

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            # One index for "is" and "begins with", where unique=True would make two: a change of state writes each anew.
            models.UniqueConstraint(
                fields=["reference"], opclasses=["varchar_pattern_ops"], name="one_application_per_reference"
            ),
            models.UniqueConstraint(
                fields=["program", "applicant"],
                condition=Q(state=State.DRAFT, amends__isnull=True),
                name="one_draft_per_program",
                violation_error_message="You have a draft for this program.",
            ),
            models.UniqueConstraint(
                fields=["cycle", "applicant"],
                condition=~NEVER_SENT & Q(amends__isnull=True),
                name="one_live_application_per_cycle",
                violation_error_message="You have an application in this cycle.",
            ),
            models.UniqueConstraint(
                fields=["amends"],
                condition=Q(amends__isnull=False, state__in=[State.DRAFT, State.SUBMITTED]),
                name="one_live_amendment_per_award",
                violation_error_message="This award has an updated application already.",
            ),
            models.UniqueConstraint(
                fields=["amends", "cycle"],
                condition=~NEVER_SENT & Q(amends__isnull=False),
                name="one_amendment_per_award_and_cycle",
            ),
            models.UniqueConstraint(
                fields=["program", "source_id"],
                condition=Q(source_id__isnull=False),
                name="one_application_per_source",
            ),
            models.CheckConstraint(
                condition=NEVER_SENT
                | Q(submitted_at__isnull=False, cycle__isnull=False, reference__isnull=False),
                name="sent_has_moment_and_cycle",
            ),
            models.CheckConstraint(
                condition=Q(state=State.WITHDRAWN, withdrawn_at__isnull=False)
                | (~Q(state=State.WITHDRAWN) & Q(withdrawn_at__isnull=True)),
                name="withdrawn_has_moment",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="application_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["cycle", "state", "id"], name="application_in_cycle"),
            models.Index(fields=["applicant"], name="application_by_person"),
            models.Index(fields=["email_key"], name="application_by_email_key"),
            GinIndex(SearchVector("title", config="simple"), name="application_by_title_words"),
            models.Index(
                fields=["organization_id_text"],
                condition=~Q(organization_id_text=""),
                name="application_by_org_id",
            ),
            models.Index(fields=["amends"], condition=Q(amends__isnull=False), name="application_by_award"),
            models.Index(
                fields=["earlier"], condition=Q(earlier__isnull=False), name="application_by_earlier"
            ),
            models.Index(
                fields=["carried_from"],
                condition=Q(carried_from__isnull=False),
                name="application_by_old_form",
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="state_follows_table", field="state", transitions=TRANSITIONS),
            pgtrigger.Trigger(
                name="amendment_fits_award",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__amends__isnull=False),
                func=AMENDMENT_FITS_AWARD,
            ),
            pgtrigger.ReadOnly(name="amends_is_kept", fields=["amends"]),
        ]

    def __str__(self) -> str:
        return self.reference or f"draft {self.public_id}"


class ApplicationRevision(models.Model):
    """The answers as they were sent; one row at submit and one at every edit before the cut-off."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    form_version = models.ForeignKey("programs.FormVersion", models.PROTECT, related_name="+")
    answers = models.JSONField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="one_revision_per_number")
        ]
        triggers = [
            pgtrigger.Protect(name="revision_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"revision {self.number}"


class Batch(models.Model):
    """The frozen manifest of a cycle. One per cycle, whatever the number of ticks."""

    cycle = models.OneToOneField("programs.Cycle", models.PROTECT, related_name="batch")
    formed_at = models.DateTimeField()
    applications_count = models.PositiveIntegerField()
    manifest_sha256 = models.CharField(max_length=64, help_text="Over the references, in order.")
    rules = models.JSONField(
        default=dict, help_text="Number and SHA-256 of the version of the rules (programs.rulebook)."
    )
    screened_at = models.DateTimeField(null=True, blank=True)
    assigned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="batch_is_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="batch_is_frozen",
                fields=["cycle", "formed_at", "applications_count", "manifest_sha256", "rules"],
            ),
        ]

    def __str__(self) -> str:
        return f"batch of {self.cycle_id}"


class BatchEntry(models.Model):
    """An application's place in a batch. An application stands in one batch, ever, unless it was deferred."""

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="entries", db_index=False)
    application = models.ForeignKey(Application, models.PROTECT, related_name="batch_entries")
    position = models.PositiveIntegerField()
    deferred = models.BooleanField(default=False)
    late = models.BooleanField(
        default=False, db_default=False, help_text="Came after the manifest was drawn, with a code."
    )
    late_entry = models.ForeignKey(
        "applications.LateEntry",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        db_index=False,
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(late=True, late_entry__isnull=False) | Q(late=False, late_entry__isnull=True),
                name="late_entry_names_its_code",
            ),
            models.UniqueConstraint(
                fields=["application"], condition=Q(deferred=False), name="one_batch_per_application"
            ),
            models.UniqueConstraint(fields=["batch", "position"], name="one_entry_per_position"),
        ]
        indexes = [
            models.Index(
                fields=["late_entry"], condition=Q(late_entry__isnull=False), name="entry_by_late_entry"
            )
        ]

    def __str__(self) -> str:
        return f"{self.position}"


class CheckOutcome(models.TextChoices):
    PASS = "pass", "Passed"
    FLAG = "flag", "Flagged"
    BLOCK = "block", "Blocked"


class ScreeningCheck(models.Model):
    """What an automatic check found. Only flags and blocks are stored: in a screened batch, no row means passed."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="checks", db_index=False)
    kind = models.CharField(max_length=32, choices=RuleKind)
    outcome = models.CharField(max_length=8, choices=CheckOutcome)
    sentence = models.CharField(max_length=300)
    details = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "kind"], name="one_check_per_kind"),
            models.CheckConstraint(
                condition=~Q(outcome=CheckOutcome.PASS), name="passed_checks_leave_no_row"
            ),
        ]
        indexes = [models.Index(fields=["kind"], name="check_by_kind")]

    def __str__(self) -> str:
        return self.get_kind_display()


class TextSketch(models.Model):
    """A MinHash of an application's long texts (applications.similarity), to find near-duplicates without reading all."""

    application = models.OneToOneField(
        Application, models.CASCADE, primary_key=True, related_name="sketch"
    )  # derived
    signature = ArrayField(models.BigIntegerField())
    bands = ArrayField(models.BigIntegerField())

    class Meta:
        indexes = [GinIndex(fields=["bands"], name="sketch_by_band", fastupdate=False)]

    def __str__(self) -> str:
        return f"sketch of {self.application_id}"
