"""What is offered, when, and by which rules. Facts a rule needs are columns; texts for people are JSON or text."""

import pghistory
import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_noop as _

from portal.roles import Role
from programs import request_models, translation_models  # noqa: F401  Django finds models here only
from programs.languages import check_left_out
from programs.letter_models import MessageKind as MessageKind  # noqa: PLC0414  known under this name
from programs.letter_models import MessageTemplate as MessageTemplate  # noqa: PLC0414  known under this name
from programs.version_models import ProgramVersion as ProgramVersion  # noqa: PLC0414  known under this name


class ProgramState(models.TextChoices):
    DRAFT = "draft", _("Being set up")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")
    ARCHIVED = "archived", _("Archived")


class AwardMode(models.TextChoices):
    FIXED = "fixed", "The same amount for everyone"
    CAPPED = "capped", "Set per project, up to a cap"
    UNDISCLOSED = "undisclosed", "Set per project, told when posted"


class TermMode(models.TextChoices):
    NONE = "none", "No term stated"
    MONTHS = "months", "A number of months"
    STATED = "stated", "The stated timeline, up to a maximum"


class DeclineMode(models.TextChoices):
    QUIET = "quiet", "Quiet: no message, the decided-by date speaks"
    TOLD = "told", "Told: a message at release"


class OrganizationIdWhen(models.TextChoices):
    APPLY = "apply", "May be given in the application, else at acceptance"
    ACCEPTANCE = "acceptance", "Asked at acceptance"


class Accent(models.TextChoices):
    """Named pairs of colours in static/css/tokens.css; a free colour would need an inline style."""

    EXTERNAL_RESEARCHER = "external-researcher", "Indigo"
    AI_FOR_SCIENCE = "ai-for-science", "Teal"
    OPENAI_RESEARCHER = "openai-researcher", "Rust"


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
    models_offered = models.JSONField(
        default=list, blank=True, help_text="List of {slug, name, limited, condition}."
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
        ]

    def __str__(self) -> str:
        return self.name


class CycleState(models.TextChoices):
    PLANNED = "planned", "Planned"
    OPEN = "open", "Open"
    IN_REVIEW = "in_review", "In review"
    CLOSED = "closed", "Closed"


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


class CriterionKind(models.TextChoices):
    SCORE = "score", "Score"
    GATE = "gate", "Gate: pass or fail, not a score"


class Phase(models.TextChoices):
    """When a criterion is scored in a program whose first look hides names; elsewhere everything is scored at once."""

    BLIND = "blind", "First look, names hidden"
    NAMED = "named", "Second look, with names"


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


class RuleKind(models.TextChoices):
    """One class per kind stands in applications/eligibility.py."""

    COUNTRY = "country", "Country list"
    DISPOSABLE_EMAIL = "disposable_email", "Disposable mail address"
    ACADEMIC_EMAIL = "academic_email", "Academic mail address"
    INSTITUTION_KIND = "institution_kind", "Kind of institution"
    AMOUNT_CAP = "amount_cap", "Amount at most"
    MONTHS_CAP = "months_cap", "Months at most"
    DUPLICATE_PERSON = "duplicate_person", "Same person twice"
    NEAR_DUPLICATE = "near_duplicate", "Near-duplicate text"
    SHARED_ORGANIZATION = "shared_organization", "Organization ID in two applications"
    WAITING_TIME = "waiting_time", "Waiting time after an application"
    OPTION = "option", "Option with a condition"


class RuleOutcome(models.TextChoices):
    FLAG = "flag", "Flag for people to see"
    BLOCK = "block", "Block"


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


class DoorKind(models.TextChoices):
    PROGRAM = "program", "Another program"
    FORM = "form", "A separate form"
    OUTSIDE = "outside", "Somewhere else"


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
