"""Yearly figures that a program shows to everybody."""

import pgtrigger
from django.conf import settings
from django.db import models


class FiguresPage(models.Model):
    """Whether a program shows its yearly figures. No row, or is_on false, means it does not."""

    program = models.OneToOneField("programs.Program", models.PROTECT, related_name="figures_page")
    is_on = models.BooleanField(default=False)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return "shown" if self.is_on else "not shown"


class YearFigures(models.Model):
    """The figures of one finished year, with small numbers taken out. Written once: two editions could be subtracted."""

    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="year_figures", db_index=False
    )
    year = models.PositiveSmallIntegerField()
    content = models.JSONField(help_text="Shape: applications.public_figures.")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "year"], name="one_edition_of_a_year"),
        ]
        triggers = [
            pgtrigger.Protect(name="edition_is_kept", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.year)
