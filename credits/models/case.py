"""Something about money that a person must look at. Only credits.cases writes these rows."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from credits.models.grant import Grant, Organization


class Case(models.Model):
    """One fact that does not fit, told once. What it says never changes; a person settles it once, with a reason."""

    kind = models.SlugField(max_length=32, db_index=False, help_text="What it is about: credits.cases.KINDS.")
    key = models.CharField(max_length=200, help_text="Names the fact, so that it is told once.")
    words = models.CharField(max_length=500)
    opened_at = models.DateTimeField()
    grant = models.ForeignKey(Grant, models.PROTECT, null=True, blank=True, related_name="cases")
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="cases"
    )
    program = models.SlugField(
        max_length=64, blank=True, db_index=False, help_text="Slug; empty when nothing says which."
    )
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="What was found and done.")

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="case_is_told_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__settled_at__isnull=False)
                | pgtrigger.Q(old__kind__df=pgtrigger.F("new__kind"))
                | pgtrigger.Q(old__key__df=pgtrigger.F("new__key"))
                | pgtrigger.Q(old__words__df=pgtrigger.F("new__words"))
                | pgtrigger.Q(old__opened_at__df=pgtrigger.F("new__opened_at"))
                | pgtrigger.Q(old__grant__df=pgtrigger.F("new__grant"))
                | pgtrigger.Q(old__organization__df=pgtrigger.F("new__organization"))
                | pgtrigger.Q(old__program__df=pgtrigger.F("new__program")),
            ),
            pgtrigger.Protect(name="case_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="case_told_once"),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True, settled_by__isnull=True, reason="")
                | (Q(settled_at__isnull=False, settled_by__isnull=False) & ~Q(reason="")),
                name="case_settled_has_who_and_why",
            ),
            models.CheckConstraint(condition=~Q(key="") & ~Q(words=""), name="case_says_something"),
        ]
        indexes = [
            models.Index(
                fields=["program", "id"], condition=Q(settled_at__isnull=True), name="cases_open_by_program"
            ),
        ]

    def __str__(self) -> str:
        return f"Case {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.settled_at is None
