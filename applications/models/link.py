"""What applications have in common: marks to find it by, links between two of them, and what people said about it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class TieKind(models.TextChoices):
    INSTITUTION = "institution", "Institution"
    ORCID = "orcid", "ORCID iD"
    WORK = "work", "Publication"
    NAMED = "named", "Person named as a conflict"
    LAB = "lab", "Person at an institution"
    PHONE = "phone", "Telephone number"


class Tie(models.Model):
    """One fact of a sent application as a number (applications.ties), so that the same fact elsewhere is found by an
    index. Derived from the answers and written with each revision; the number tells nothing about the person.
    """

    application = models.ForeignKey(
        "applications.Application", models.CASCADE, related_name="ties"
    )  # derived
    kind = models.CharField(max_length=12, choices=TieKind)
    mark = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["mark"], name="tie_by_mark")]

    def __str__(self) -> str:
        return self.get_kind_display()


class LinkKind(models.TextChoices):
    TEXT = "text", "Texts read alike"
    ORGANIZATION_ID = "organization", "Same organization ID"
    FILE = "file", "Same file attached"
    MAILBOX = "mailbox", "Same mailbox"
    PHONE = "phone", "Same telephone number"
    LAB = "lab", "Same lab: institution and a person in common"


class Link(models.Model):
    """Two applications of different people that share something. `one` is the earlier of the two."""

    one = models.ForeignKey(
        "applications.Application", models.CASCADE, related_name="+", db_index=False
    )  # derived
    other = models.ForeignKey("applications.Application", models.CASCADE, related_name="+")  # derived
    kind = models.CharField(max_length=12, choices=LinkKind)
    share_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of texts: how much is common."
    )
    found_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["one", "other", "kind"], name="one_link_of_a_kind"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="link_has_an_order"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class LinkVerdict(models.Model):
    """A person looked at two linked applications: they are not the same. It stays, whatever is found later."""

    one = models.ForeignKey(
        "applications.Application", models.CASCADE, related_name="+"
    )  # says something of both
    other = models.ForeignKey("applications.Application", models.CASCADE, related_name="+")  # likewise
    reason = models.CharField(max_length=300)
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    given_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="one_verdict_per_pair"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="verdict_has_an_order"),
            models.CheckConstraint(condition=~Q(reason=""), name="verdict_has_reason"),
        ]

    def __str__(self) -> str:
        return self.reason


class LinkFinding(models.Model):
    """Something that too many applications of a batch have in common to compare each with each: a passage from a call
    text, a shared form letter. Named, so that people know what was not compared.
    """

    batch = models.ForeignKey(
        "applications.Batch", models.CASCADE, related_name="link_findings"
    )  # part of the batch
    kind = models.CharField(max_length=12, choices=LinkKind)
    number = models.PositiveIntegerField(help_text="How many applications have it.")
    example = models.ForeignKey(
        "applications.Application", models.CASCADE, related_name="+"
    )  # points at one of them
    found_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.number} share {self.get_kind_display().lower()}"
