"""Which reminders went out. The rows make a second one impossible, whatever the clock does."""

from django.conf import settings
from django.db import models


class ReminderStage(models.TextChoices):
    HALF_TIME = "half_time", "Half of the time is over"
    SOON = "soon", "Due within two days"
    OVERDUE = "overdue", "Overdue"


class ReminderDay(models.Model):
    """A day on which reminders were looked for; one look a day."""

    on = models.DateField(unique=True)
    letters = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.on)


class Reminder(models.Model):
    """One person was reminded of one cycle, at one stage."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")  # part of the person
    cycle = models.ForeignKey("programs.Cycle", models.CASCADE, related_name="+")  # means nothing without it
    stage = models.CharField(max_length=12, choices=ReminderStage)
    on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "cycle", "stage", "on"], name="one_reminder_a_day")
        ]

    def __str__(self) -> str:
        return self.get_stage_display()
