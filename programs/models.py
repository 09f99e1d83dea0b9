"""What is offered, when, and by which rules. Facts a rule needs are columns; texts for people are JSON or text."""

import pghistory
import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from portal.roles import Role
from programs import request_models, translation_models  # noqa: F401  Django finds models here only

# Known under this name everywhere.
from programs.choices import Accent as Accent  # noqa: PLC0414
from programs.choices import AwardMode as AwardMode  # noqa: PLC0414
from programs.choices import CriterionKind as CriterionKind  # noqa: PLC0414
from programs.choices import CycleState as CycleState  # noqa: PLC0414
from programs.choices import DeclineMode as DeclineMode  # noqa: PLC0414
from programs.choices import DoorKind as DoorKind  # noqa: PLC0414
from programs.choices import OrganizationIdWhen as OrganizationIdWhen  # noqa: PLC0414
from programs.choices import Phase as Phase  # noqa: PLC0414
from programs.choices import ProgramState as ProgramState  # noqa: PLC0414
from programs.choices import RuleKind as RuleKind  # noqa: PLC0414
from programs.choices import RuleOutcome as RuleOutcome  # noqa: PLC0414
from programs.choices import TermMode as TermMode  # noqa: PLC0414
from programs.choices import TermStarts as TermStarts  # noqa: PLC0414
from programs.languages import check_left_out
from programs.letter_models import MessageKind as MessageKind  # noqa: PLC0414  known under this name
from programs.letter_models import MessageTemplate as MessageTemplate  # noqa: PLC0414  known under this name
from programs.version_models import ProgramVersion as ProgramVersion  # noqa: PLC0414  known under this name


@pghistory.track()
class Program(models.Model):
    """A standing offer of credits with its rules."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    short_code = models.CharField(
        max_length=6,
        unique=True,
        validators=[RegexValidator(r"^[A-Z][A-Z0-9]{1,5}$", "Two to six capital letters or digits.")],
        help_text="Starts every reference, such as AIS-2026-12-004217.",
    )
    state = models.CharField(max_length=16, choices=ProgramState, default=ProgramState.DRAFT)
    accent = models.CharField(max_length=32, choices=Accent, default=Accent.EXTERNAL_RESEARCHER)
    position = models.PositiveSmallIntegerField(
        default=100, help_text="Order in the directory, lowest first."
    )

    # What people read
    summary = models.CharField(max_length=300, help_text="Who it is for, in two sentences.")
    purpose = models.TextField(help_text="Markdown.")
    priority_topics = models.JSONField(default=list, blank=True, help_text="List of {title, text}.")
    process = models.JSONField(
        default=list, blank=True, help_text="List of {title, text}: what happens, in order."
    )
    never_funded = models.JSONField(default=list, blank=True, help_text="List of sentences.")
    notices = models.JSONField(
        default=list, blank=True, help_text="List of sentences shown on top of the page."
    )
    data_note = models.TextField(blank=True, help_text="Who sees an applicant's data. Markdown.")
    terms = models.TextField(
        blank=True, help_text="What a grantee accepts before credits are posted. Markdown."
    )
    terms_version = models.CharField(max_length=32, default="1")

    # Award and term
    currency = models.CharField(max_length=3, default="USD")
    award_mode = models.CharField(max_length=16, choices=AwardMode)
    award_default_cents = models.BigIntegerField(null=True, blank=True)
    award_cap_cents = models.BigIntegerField(null=True, blank=True)
    four_eyes_above_cents = models.BigIntegerField(
        default=0, help_text="An award above this needs a second person before release."
    )
    term_mode = models.CharField(max_length=16, choices=TermMode, default=TermMode.NONE)
    term_months = models.PositiveSmallIntegerField(null=True, blank=True)
    term_ends_on = models.DateField(
        null=True, blank=True, help_text="No credit of this program lasts longer than this day."
    )
    term_starts = models.CharField(
        max_length=16, choices=TermStarts, default=TermStarts.POSTING, db_default=TermStarts.POSTING.value
    )
    late_usage_days = models.PositiveSmallIntegerField(
        default=3,
        db_default=3,
        validators=[MaxValueValidator(60)],
        help_text="Usage of a day in the term still counts when it is reported this many days after the end.",
    )
    models_offered = models.JSONField(
        default=list, blank=True, help_text="List of {slug, name, limited, condition}."
    )

    # After the award
    acceptance_days = models.PositiveSmallIntegerField(
        default=60,
        db_default=60,
        validators=[MaxValueValidator(365)],
        help_text="An award that nobody accepts goes back to the pool after these days; 0 means never.",
    )
    summary_required = models.BooleanField(
        default=False, db_default=False, help_text="Grantees owe a one-page summary of their findings."
    )
    summary_due_days = models.PositiveSmallIntegerField(
        default=14,
        db_default=14,
        validators=[MaxValueValidator(365)],
        help_text="Before the end of the credit.",
    )
    second_half_after_summary = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Half of an award at once, half when the summary is accepted.",
    )
    top_ups_allowed = models.BooleanField(
        default=False, db_default=False, help_text="Grantees may ask for more credit on an award."
    )
    urgent_authority_cents = models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The most that one person may give through the urgent lane; empty means no credit there.",
    )

    languages_left_out = models.JSONField(default=list, blank=True, validators=[check_left_out])

    # Provider
    provider = models.SlugField(max_length=32)
    organization_id_format = models.CharField(max_length=32, help_text="A format of credits.organizations.")
    organization_id_when = models.CharField(
        max_length=16, choices=OrganizationIdWhen, default=OrganizationIdWhen.APPLY
    )

    # Calendar
    schedule_rule = models.CharField(
        max_length=200, default="FREQ=MONTHLY;BYDAY=1MO", help_text="iCalendar RRULE."
    )
    time_zone = models.CharField(max_length=64, default="America/Los_Angeles", help_text="IANA name.")
    cut_off_time = models.TimeField(
        default="00:00", help_text="On the evaluation day, in the program's zone."
    )
    holidays_of = models.CharField(
        max_length=8,
        blank=True,
        default="",
        db_default="",
        help_text="Country code; empty takes the country of the time zone.",
    )
    decided_by_days = models.PositiveSmallIntegerField(default=14)
    opens_on = models.DateField(null=True, blank=True, help_text="No application before this date.")

    # Evaluation
    decline_mode = models.CharField(max_length=16, choices=DeclineMode, default=DeclineMode.QUIET)
    reviews_wanted = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    review_days = models.PositiveSmallIntegerField(
        default=7, help_text="From evaluation day to a review's due date."
    )
    blind_first_look = models.BooleanField(default=False)
    first_looks = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text="Looks dealt with the batch; the others follow unless the first one is a clear decline. "
        "Empty: all at once.",
    )
    assigns_by_itself = models.BooleanField(
        default=True,
        help_text="A batch is dealt to its reviewers as soon as it is screened, without a proposal.",
    )
    remind_half_time = models.BooleanField(
        default=True, help_text="Reviewers, when half of the time is over."
    )
    remind_soon = models.BooleanField(default=True, help_text="Reviewers, two days before the due date.")
    remind_overdue = models.BooleanField(default=True, help_text="Reviewers, when the due date is over.")
    reapply_after_on = models.DateField(null=True, blank=True, help_text="Program revision date.")
    reapply_wait_days = models.PositiveSmallIntegerField(default=0)
    urgent_contact = models.EmailField(
        blank=True,
        help_text="Mailbox that hears at once of urgent and general requests, beside their queue; empty means none.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(award_mode=AwardMode.FIXED)
                | Q(award_default_cents__isnull=False, award_default_cents__gt=0),
                name="fixed_award_has_amount",
                violation_error_message="A fixed award needs its amount.",
            ),
            models.CheckConstraint(
                condition=~Q(award_mode=AwardMode.CAPPED)
                | Q(award_cap_cents__isnull=False, award_cap_cents__gt=0),
                name="capped_award_has_cap",
                violation_error_message="A capped award needs its cap.",
            ),
            models.CheckConstraint(
                condition=Q(term_mode=TermMode.NONE) | Q(term_months__isnull=False, term_months__gt=0),
                name="term_has_months",
                violation_error_message="A term needs a number of months.",
            ),
            models.CheckConstraint(
                condition=Q(second_half_after_summary=False) | Q(summary_required=True),
                name="second_half_needs_summary",
                violation_error_message="The second half follows a summary, so a summary is needed.",
            ),
            models.CheckConstraint(
                condition=Q(urgent_authority_cents__isnull=True) | Q(urgent_authority_cents__gt=0),
                name="urgent_authority_above_zero",
                violation_error_message="Give an amount above zero, or leave it empty.",
            ),
            models.CheckConstraint(
                condition=Q(term_starts__in=TermStarts.values), name="term_start_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Cycle(models.Model):
    """One monthly evaluation of one program. Its instants are computed once, in UTC, and then stand."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="cycles")
    evaluation_on = models.DateField(help_text="Local date in the program's zone.")
    shifted_from_on = models.DateField(null=True, blank=True)
    opens_at = models.DateTimeField()
    cut_off_at = models.DateTimeField()
    decided_by_on = models.DateField()
    review_due_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=CycleState, default=CycleState.PLANNED)
    closed_at = models.DateTimeField(null=True, blank=True)
    rules_version = models.ForeignKey(
        "programs.ProgramVersion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cycles",
        help_text="The rules it is evaluated by, kept when its batch is formed (programs.rulebook).",
    )

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="cycle_keeps_its_rules",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(
                    old__rules_version__isnull=False, old__rules_version__df=pgtrigger.F("new__rules_version")
                ),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["program", "evaluation_on"], name="one_cycle_per_evaluation_day"),
            models.CheckConstraint(
                condition=Q(opens_at__lt=F("cut_off_at")), name="cycle_opens_before_cut_off"
            ),
            models.CheckConstraint(
                condition=Q(decided_by_on__gte=F("evaluation_on")), name="cycle_decides_after"
            ),
            models.CheckConstraint(
                condition=Q(state=CycleState.CLOSED, closed_at__isnull=False)
                | ~Q(state=CycleState.CLOSED) & Q(closed_at__isnull=True),
                name="closed_cycle_has_moment",
            ),
        ]
        indexes = [models.Index(fields=["state", "cut_off_at"], name="cycle_due")]

    def __str__(self) -> str:
        return f"{self.evaluation_on:%B %Y}"


class ScheduleException(models.Model):
    """One evaluation day moved or left out, with the reason."""

    program = models.ForeignKey(
        Program, models.CASCADE, related_name="schedule_exceptions"
    )  # part of the program
    regular_on = models.DateField(help_text="The day the rule gives.")
    moved_to_on = models.DateField(null=True, blank=True, help_text="Empty means: no evaluation.")
    reason = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "regular_on"], name="one_exception_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.regular_on}: {self.moved_to_on or 'none'}"


class FormVersion(models.Model):
    """The questions of an application. A published version never changes; the database refuses it."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="form_versions")
    number = models.PositiveIntegerField()
    sections = models.JSONField(default=list, help_text="Shape: docs/forms.md.")
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "number"], name="one_form_version_per_number")
        ]
        triggers = [
            pgtrigger.Protect(
                name="published_form_is_frozen",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


@pghistory.track()
class Criterion(models.Model):
    """One line of the rubric. Weights of the scores of a program add up to 100.

    One that leaves the rubric while scores or frozen rules name it belongs to no program any more, so that only those
    still know it.
    """

    program = models.ForeignKey(
        Program, models.CASCADE, related_name="criteria", null=True
    )  # part of the program
    left = models.ForeignKey(Program, models.PROTECT, related_name="past_criteria", null=True, blank=True)
    key = models.SlugField(max_length=32)
    name = models.CharField(max_length=80)
    description = models.TextField()
    kind = models.CharField(max_length=8, choices=CriterionKind, default=CriterionKind.SCORE)
    weight_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    scale_max = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(2), MaxValueValidator(10)]
    )
    phase = models.CharField(
        max_length=8,
        choices=Phase,
        default=Phase.BLIND,
        db_default=Phase.BLIND.value,
        help_text="Counts where the first look hides names.",
    )
    required = models.BooleanField(
        default=True, db_default=True, help_text="A review is not complete without it."
    )
    not_applicable = models.BooleanField(
        "may not apply",
        default=False,
        db_default=False,
        help_text="A reviewer may say that it does not apply; its weight then falls to the others.",
    )
    independent = models.BooleanField(
        "outside the total",
        default=False,
        db_default=False,
        help_text="Scored and shown, and no part of the total.",
    )
    anchors = models.JSONField(
        default=dict, blank=True, help_text='What a value means: {"1": "...", "5": "..."}.'
    )
    show_if = models.JSONField(
        default=dict,
        blank=True,
        help_text="A gate only for some: {question, any_of}, as in a form. Empty means all.",
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "key"], name="one_criterion_per_key"),
            models.CheckConstraint(
                condition=~Q(kind=CriterionKind.GATE) | Q(weight_percent=0),
                name="gate_has_no_weight",
                violation_error_message="A gate passes or fails; it has no weight.",
            ),
            models.CheckConstraint(
                condition=Q(independent=False) | Q(weight_percent=0),
                name="independent_has_no_weight",
                violation_error_message="A criterion outside the total has no weight.",
            ),
            models.CheckConstraint(
                condition=Q(program__isnull=False, left__isnull=True)
                | Q(program__isnull=True, left__isnull=False),
                name="criterion_is_used_or_left",
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class EligibilityRule(models.Model):
    """One automatic check: what it looks at, what it does, and the sentence it says. Flags never reject."""

    program = models.ForeignKey(Program, models.CASCADE, related_name="rules")  # part of the program
    kind = models.CharField(max_length=32, choices=RuleKind)
    outcome = models.CharField(max_length=8, choices=RuleOutcome)
    sentence = models.CharField(
        max_length=300, help_text="What the applicant reads at a block, staff at a flag."
    )
    parameters = models.JSONField(default=dict, blank=True)
    as_of = models.DateField(null=True, blank=True, help_text="Date of the list, where there is one.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "kind"], name="one_rule_per_kind"),
            models.CheckConstraint(
                condition=~Q(kind=RuleKind.OPTION),
                name="option_conditions_stand_in_the_form",
                violation_error_message="Conditions of an option stand at the option in the form.",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class FaqEntry(models.Model):
    program = models.ForeignKey(Program, models.CASCADE, related_name="faq")  # part of the program
    key = models.SlugField(max_length=64)
    question = models.CharField(max_length=200)
    answer = models.TextField(help_text="Markdown.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "key"], name="one_faq_entry_per_key")]

    def __str__(self) -> str:
        return self.question


class Door(models.Model):
    """Where somebody goes whom this program does not serve."""

    program = models.ForeignKey(Program, models.CASCADE, related_name="doors")  # part of the program
    key = models.SlugField(max_length=64)
    kind = models.CharField(max_length=16, choices=DoorKind)
    title = models.CharField(max_length=120)
    text = models.TextField()
    url = models.CharField(max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "key"], name="one_door_per_key")]

    def __str__(self) -> str:
        return self.title

    @property
    def address(self) -> str:
        """Where it leads: its own address, else the request form of its key, if that is on (queries.open_doors)."""
        if self.url or not getattr(self, "leads_to_form", False):
            return self.url
        return reverse("applications:request_form", args=[self.program.slug, self.key])


@pghistory.track()
class Membership(models.Model):
    """A person's role in one program. Only programs.memberships writes it."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    since_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "user", "role"],
                condition=Q(ended_at__isnull=True),
                name="one_live_role_per_program",
            ),
        ]
        indexes = [models.Index(fields=["user", "role"], name="membership_by_user")]

    def __str__(self) -> str:
        return self.get_role_display()
