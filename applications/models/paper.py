"""Papers that came of awards, as their holders report them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class TitleSource(models.TextChoices):
    TYPED = "typed", "Typed by the holder"
    FETCHED = "fetched", "Fetched by its DOI"
    WANTED = "wanted", "To be fetched by its DOI"


class Paper(models.Model):
    """One paper of one person, under every address it has. Only applications.papers writes it."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="papers")
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="papers", help_text="To which it was reported."
    )
    awards = models.ManyToManyField("applications.Application", related_name="papers", blank=True)
    request = models.ForeignKey(
        "applications.Request",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="papers",
        help_text="The form through which it was reported, with its other answers.",
    )
    title = models.CharField(max_length=300, blank=True)
    title_source = models.CharField(max_length=8, choices=TitleSource, default=TitleSource.TYPED)
    title_tries = models.PositiveSmallIntegerField(default=0)
    title_next_at = models.DateTimeField(null=True, blank=True, help_text="When its DOI is asked next.")
    may_highlight = models.BooleanField(default=False)
    sensitive = models.BooleanField(default=False, help_text="For managers and screeners only.")
    added_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(title="") | Q(title_source=TitleSource.WANTED),
                name="paper_has_title_or_wants_one",
            ),
        ]
        indexes = [
            models.Index(
                fields=["title_next_at"], condition=Q(title_next_at__isnull=False), name="paper_titles_wanted"
            ),
            models.Index(fields=["program", "added_at"], name="papers_by_program"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.public_id)


class PaperLink(models.Model):
    """One address of a paper: a DOI in one spelling, or a web address. One person lists each once."""

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="links")  # part of the paper
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    position = models.PositiveSmallIntegerField()
    link = models.CharField(max_length=2_000)
    sha256 = models.CharField(max_length=64, help_text="Of the link, for the index.")
    is_doi = models.BooleanField(default=False)

    class Meta:
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(
                fields=["holder", "sha256"],
                name="one_paper_per_holder_and_link",
                violation_error_message="This paper is on your list already.",
            ),
        ]

    def __str__(self) -> str:
        return self.link
