"""The rules of a program as they stood: what a cycle is held to."""

import pgtrigger
from django.conf import settings
from django.db import models


class ProgramVersion(models.Model):
    """The rules of a program as they stood at one moment. A cycle keeps the version it was frozen under.

    Only programs.rulebook writes and reads the content; a row never changes.
    """

    program = models.ForeignKey("programs.Program", models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    content = models.JSONField()
    content_sha256 = models.CharField(max_length=64, help_text="Over the content as canonical JSON.")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "number"], name="one_program_version_per_number")
        ]
        triggers = [
            pgtrigger.Protect(name="program_version_is_kept", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"
