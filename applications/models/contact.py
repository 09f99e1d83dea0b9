"""What people write to us on the contact page."""

from django.conf import settings
from django.db import models


class ContactMessage(models.Model):
    """One question as it was written. The letter that carries it to us is a notice in the outbox."""

    name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(max_length=254)
    program = models.ForeignKey("programs.Program", models.PROTECT, null=True, blank=True, related_name="+")
    urgent = models.BooleanField(
        default=False, help_text="From somebody with an award, to the program's urgent address."
    )
    text = models.TextField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    sent_at = models.DateTimeField(help_text="When the person pressed the button.")

    class Meta:
        indexes = [models.Index(fields=["email", "sent_at"], name="contact_by_address")]

    def __str__(self) -> str:
        return f"question {self.pk}"
