"""Files that belong to an application."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class AttachmentState(models.TextChoices):
    WAITING = "waiting", "Waits for the scanner"
    CLEAN = "clean", "Attached"
    REFUSED = "refused", "Refused"


class Attachment(models.Model):
    """One file, kept outside the web server's reach. The answers of an application list the ids of its files.

    A revision freezes such a list, so the row of a file that was ever sent stays when somebody takes it out.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey("applications.Application", models.PROTECT, related_name="attachments")
    question_key = models.CharField(max_length=40)
    name = models.CharField(max_length=140, help_text="As shown to people; never a path.")
    stored_name = models.CharField(max_length=64, blank=True, help_text="Random; empty when no file is kept.")
    content_type = models.CharField(max_length=40)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    pages = models.PositiveSmallIntegerField(null=True, blank=True)
    state = models.CharField(max_length=8, choices=AttachmentState)
    refused_reason = models.CharField(max_length=300, blank=True)
    scanned_at = models.DateTimeField(null=True, blank=True, help_text="Empty when no scanner looked at it.")
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=AttachmentState.values), name="attachment_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state=AttachmentState.REFUSED) | Q(refused_reason=""),
                name="only_refused_files_have_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["sha256"], name="attachment_by_content"),
            models.Index(
                fields=["uploaded_at"], condition=Q(state=AttachmentState.WAITING), name="attachment_waiting"
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def what(self) -> str:
        """Kind, size and length in words: PDF, 1.2 MB, 8 pages."""
        kind = {"application/pdf": "PDF", "image/png": "PNG", "image/jpeg": "JPEG"}.get(
            self.content_type, _("File")
        )
        megabytes = self.size_bytes / 1_000_000
        size = f"{megabytes:.1f} MB" if megabytes >= 0.95 else f"{max(1, round(self.size_bytes / 1000))} kB"
        pages = (
            ", " + ngettext("%(number)s page", "%(number)s pages", self.pages) % {"number": self.pages}
            if self.pages
            else ""
        )
        return f"{kind}, {size}{pages}"

    @property
    def extension(self) -> str:
        return {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}.get(
            self.content_type, "bin"
        )
