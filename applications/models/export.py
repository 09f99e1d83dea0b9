"""Files of many rows that a member of staff asked for. The rows here are the queue; applications.exports does the work."""

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class ExportKind(models.TextChoices):
    APPLICATIONS = "applications", "Applications"
    QUEUE = "queue", "My queue"
    REVIEWS = "reviews", "Reviews and scores"
    DECISIONS = "decisions", "Decisions"
    GRANTS = "grants", "Grants"
    LEDGER = "ledger", "Pool statement"
    PEOPLE = "people", "People"


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"


class ExportState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    GONE = "gone", "Removed"


EXPORT_MAY_BECOME: dict[str, frozenset[str]] = {
    "waiting": frozenset({"running", "cancelled", "failed"}),
    "running": frozenset({"ready", "failed", "cancelled"}),
    "ready": frozenset({"gone"}),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "gone": frozenset(),
}
EXPORT_STEPS = [(before, after) for before, afters in EXPORT_MAY_BECOME.items() for after in sorted(afters)]
UNDER_WAY = (ExportState.WAITING, ExportState.RUNNING)


class Export(models.Model):
    """One file that somebody asked for: what is in it, how far it is, and until when it can be fetched.

    cursor and written_bytes say up to where the rows are safe in the file, so that another worker goes on from there.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    program = models.ForeignKey("programs.Program", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=ExportKind)
    file_format = models.CharField("format", max_length=4, choices=ExportFormat)
    wanted = models.JSONField(default=dict, help_text="The filter: cycle, states, pool, columns.")
    state = models.CharField(max_length=9, choices=ExportState, default=ExportState.WAITING)
    total = models.PositiveIntegerField(default=0, help_text="Rows that were there when it began.")
    done = models.PositiveIntegerField(default=0)
    cursor = models.BigIntegerField(default=0, help_text="The last row that is in the file.")
    written_bytes = models.BigIntegerField(default=0)
    claims = models.PositiveIntegerField(default=0, help_text="How many workers took it up.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    stored_name = models.CharField(max_length=32, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ExportKind.values), name="export_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=ExportState.values), name="export_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=ExportState.READY)
                | Q(finished_at__isnull=False, expires_at__isnull=False) & ~Q(stored_name=""),
                name="ready_export_has_file",
            ),
            models.CheckConstraint(
                condition=Q(state=ExportState.READY) | Q(state__in=UNDER_WAY) | Q(stored_name=""),
                name="ended_export_keeps_no_file",
            ),
        ]
        indexes = [
            models.Index(fields=["made_by", "-id"], name="export_by_person"),
            models.Index(fields=["id"], condition=Q(state__in=UNDER_WAY), name="exports_to_do"),
            models.Index(
                fields=["expires_at"], condition=Q(state=ExportState.READY), name="exports_to_remove"
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="export_follows_table", field="state", transitions=EXPORT_STEPS),
            pgtrigger.Protect(name="export_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_file_format_display()}"

    @property
    def share(self) -> float:
        """How much is done, in percent."""
        if self.state == ExportState.READY:
            return 100.0
        return min(99.0, round(100 * self.done / self.total, 1)) if self.total else 0.0
