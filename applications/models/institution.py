"""Institutions that people can find by typing; filled by `manage.py import_organizations`."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func


class Institution(models.Model):
    """One place of research, for the list that comes up while its name is typed. Answers never refer to a row."""

    identity = models.CharField(
        max_length=80,
        unique=True,
        help_text="ror:<id>, or name:<hash of country and name> where there is no id.",
    )
    ror_id = models.CharField(max_length=9, null=True, blank=True, unique=True)
    name = models.CharField(max_length=300)
    country = models.CharField(max_length=2, blank=True)
    aliases = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    domains = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    kind = models.CharField(max_length=40, blank=True, help_text="The first type that the source names.")

    rank = models.PositiveSmallIntegerField(
        default=0,
        help_text="From the types: places of learning and those that fund research come first in the list.",
    )

    # Derived from the above by applications.institution_words.
    folded_name = models.CharField(max_length=300)
    words = ArrayField(models.CharField(max_length=40), default=list)

    class Meta:
        indexes = [
            GinIndex(
                # A text-search vector made of the words as they are: GIN finds words in it by their beginning.
                Func(F("words"), function="array_to_tsvector"),
                name="institution_by_words",
                fastupdate=False,
            ),
            models.Index(fields=["folded_name"], name="institution_by_name"),
        ]

    def __str__(self) -> str:
        return self.name


class InstitutionWord(models.Model):
    """A word that stands in some institution's name, with keys that a typing error leaves alone."""

    word = models.CharField(max_length=40, unique=True)
    keys = ArrayField(models.CharField(max_length=8), help_text="applications.institution_words.typo_keys")

    class Meta:
        indexes = [GinIndex(fields=["keys"], name="institution_word_by_key", fastupdate=False)]

    def __str__(self) -> str:
        return self.word
