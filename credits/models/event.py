"""What a provider told us by a signed event. Only credits.inbound writes these rows."""

import pgtrigger
from django.db import models
from django.db.models import Q

from credits.models.grant import Grant, Organization


class EventOutcome(models.TextChoices):
    DONE = "done", "Taken in"
    IGNORED = "ignored", "Left alone"
    CASE = "case", "Put before a person"


class InboundEvent(models.Model):
    """One event, by the id that its sender gave it. A second call with the same id does nothing.

    Of the body a digest is kept: what it said stands in the movement, the usage or the case that came of it.
    """

    event_id = models.CharField("id of the event", max_length=128)
    type = models.CharField(max_length=64, blank=True)
    happened_at = models.DateTimeField(null=True, blank=True, help_text="As its sender says.")
    received_at = models.DateTimeField()
    body_sha256 = models.CharField("digest of the body", max_length=64)
    outcome = models.CharField(max_length=8, choices=EventOutcome, blank=True)
    words = models.CharField("what came of it", max_length=300, blank=True)
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="events"
    )
    grant = models.ForeignKey(
        Grant, models.PROTECT, null=True, blank=True, related_name="events", db_index=False
    )

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="event_is_settled_once",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__outcome="")
                | pgtrigger.Q(old__event_id__df=pgtrigger.F("new__event_id"))
                | pgtrigger.Q(old__body_sha256__df=pgtrigger.F("new__body_sha256"))
                | pgtrigger.Q(old__received_at__df=pgtrigger.F("new__received_at")),
            ),
            pgtrigger.Protect(name="event_stays", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event_id"], name="event_told_once"),
            models.CheckConstraint(condition=~Q(event_id=""), name="event_has_id"),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(outcome__in=EventOutcome.values), name="event_outcome_known"
            ),
        ]

    def __str__(self) -> str:
        return self.event_id
