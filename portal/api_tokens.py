"""Make, find and revoke the personal tokens of the API. The secret is told once; the database holds its hash.

A secret has 256 random bits, so one round of SHA-256 is enough: there is nothing to guess and nothing to slow down.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from portal import audit
from portal.models import ApiToken, Scope, User
from portal.refusals import Refused

START = "rcp_"  # lets people and scanners recognise a leaked token
SHOWN = len(START) + 6
MOST_TOKENS = 10
LIFETIMES_DAYS = (30, 90, 365)
USE_NOTED_EVERY = timedelta(minutes=1)


class CannotMakeToken(Refused):
    """The token was not made. The message says why."""


@transaction.atomic
def make(*, name: str, scope: Scope, days: int, by: User, at: datetime) -> tuple[ApiToken, str]:
    """Make a token for `by` that lives for `days`; returns it with its secret, which nobody can read again.

    Raises CannotMakeToken for a name in use, for more than MOST_TOKENS living tokens and for a lifetime that is not
    one of LIFETIMES_DAYS.
    """
    if days not in LIFETIMES_DAYS:
        raise CannotMakeToken(_("Choose how long the token works."))
    User.objects.select_for_update(of=("self",)).get(pk=by.pk)  # two requests at once must not pass the limit
    if _living(by, at).count() >= MOST_TOKENS:
        raise CannotMakeToken(
            _("You have %(most_tokens)s tokens. Revoke one that you no longer need.")
            % {"most_tokens": MOST_TOKENS}
        )
    ApiToken.objects.filter(user=by, name=name, revoked_at__isnull=True, expires_at__lte=at).update(
        revoked_at=at
    )
    secret = START + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                user=by,
                name=name,
                scope=scope,
                beginning=secret[:SHOWN],
                digest=_digest(secret),
                created_at=at,
                expires_at=at + timedelta(days=days),
            )
    except IntegrityError as error:
        raise CannotMakeToken(_("You have a token of this name. Choose another name.")) from error
    audit.record(action="token.make", subject=token, by=by, at=at, scope=scope, days=days)
    return token, secret


@transaction.atomic
def revoke(*, token_id: int, by: User, at: datetime) -> ApiToken:
    """End a token at once; ending it twice changes nothing."""
    token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token_id)
    if token.revoked_at is None:
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])
        audit.record(action="token.revoke", subject=token, by=by, at=at)
    return token


def of(user: User, *, at: datetime) -> list[ApiToken]:
    """The tokens of a person that work, newest first."""
    return list(_living(user, at).order_by("-created_at", "-pk"))


def recognise(secret: str, *, at: datetime) -> ApiToken | None:
    """The working token with this secret, with its user; None for any other text. Notes the use, to the minute."""
    if not secret.startswith(START):
        return None
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=_digest(secret), revoked_at__isnull=True, expires_at__gt=at, user__is_active=True)
        .first()
    )
    if token is not None:
        noted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=at - USE_NOTED_EVERY)
        ApiToken.objects.filter(noted, pk=token.pk).update(last_used_at=at)
    return token


def _living(user: User, at: datetime) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user, revoked_at__isnull=True, expires_at__gt=at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
