"""People, the keys of their programs to the API, and the trail of what they did."""

import secrets
import uuid

import pgtrigger
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from portal import audit_words


def subject_key() -> str:
    """A random name for a person in records that outlive the person's data."""
    return secrets.token_hex(8)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        if not email:
            raise ValueError("a user needs an e-mail address")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """Anybody with an account: applicant, reviewer, manager. Signs in with an e-mail address."""

    email = models.EmailField("e-mail address", max_length=254)
    name = models.CharField("name", max_length=150, blank=True)
    subject_key = models.CharField(max_length=16, unique=True, default=subject_key, editable=False)
    is_staff = models.BooleanField("staff", default=False, help_text="May sign in to the staff side.")
    is_active = models.BooleanField("active", default=True)
    language = models.CharField(
        max_length=8,
        blank=True,
        db_default="",
        default="",
        help_text="In which letters come; empty before a choice.",
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    recovered_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a password was last reset by mail or the address changed (portal.recovery).",
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="one_account_per_email",
                violation_error_message="This address has an account.",
            ),
        ]
        indexes = [
            GinIndex(SearchVector("name", config="simple"), name="person_by_name_words"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def email_domain(self) -> str:
        """The part after the @, lower case."""
        return self.email.rpartition("@")[2].lower()

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.partition("@")[0]


class Scope(models.TextChoices):
    READ = "read", _("Read")
    WRITE = "write", _("Read and write")


class ApiToken(models.Model):
    """What a program shows to act for a person at the API. Only the hash of the secret is kept (portal.api_tokens)."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")  # acts for nobody else
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.READ)
    beginning = models.CharField(max_length=12, help_text="Shown, so that people know which one it is.")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret, in hex.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=Q(revoked_at__isnull=True),
                name="one_token_per_name",
                violation_error_message="You have a token of this name.",
            ),
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="token_scope_is_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="token_expires_later"),
        ]

    def __str__(self) -> str:
        return self.name


class AuditEvent(models.Model):
    """One thing a person or the clock did. Written by operations through portal.audit, never changed."""

    at = models.DateTimeField(db_index=True)
    recorded_at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    action = models.CharField(max_length=64, db_index=True)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="audit_by_subject")]
        triggers = [
            pgtrigger.Protect(name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return capfirst(audit_words.words_of(self.action, self.details))
