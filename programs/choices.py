"""The words that settings of a program choose from."""

from django.db import models
from django.utils.translation import gettext_noop as _

from credits.models.grant import TermStarts as TermStarts  # noqa: PLC0414  a grant keeps the same words


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


class CycleState(models.TextChoices):
    PLANNED = "planned", "Planned"
    OPEN = "open", "Open"
    IN_REVIEW = "in_review", "In review"
    CLOSED = "closed", "Closed"


class CriterionKind(models.TextChoices):
    SCORE = "score", "Score"
    GATE = "gate", "Gate: pass or fail, not a score"


class Phase(models.TextChoices):
    """When a criterion is scored in a program whose first look hides names; elsewhere everything is scored at once."""

    BLIND = "blind", "First look, names hidden"
    NAMED = "named", "Second look, with names"


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


class DoorKind(models.TextChoices):
    PROGRAM = "program", "Another program"
    FORM = "form", "A separate form"
    OUTSIDE = "outside", "Somewhere else"
