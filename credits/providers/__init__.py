"""Adapters to the providers that turn a grant into usable credit.

Nothing is imported here at the top: the stand-alone server in fake.py runs without Django.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credits.providers.base import Provider


def get() -> Provider:
    """The adapter that the settings name: "manual" (orders carried by people), "http" (signed calls), "stripe"."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from credits.providers.http import HttpProvider
    from credits.providers.manual import ManualProvider

    if settings.PROVIDER_ADAPTER == "manual":
        return ManualProvider()
    if settings.PROVIDER_ADAPTER == "http":
        local = settings.DEBUG or settings.TESTING or settings.DEMO
        try:
            return HttpProvider(
                url=settings.PROVIDER_URL,
                signing_keys=settings.PROVIDER_SIGNING_KEYS,
                timeout_seconds=settings.PROVIDER_TIMEOUT_SECONDS,
                allow_plain_http=local,
            )
        except ValueError as error:
            raise ImproperlyConfigured(f"PROVIDER_URL and PROVIDER_SIGNING_KEYS: {error}") from None
    if settings.PROVIDER_ADAPTER == "stripe":
        from credits.providers.stripe import StripeProvider

        try:
            return StripeProvider(
                url=settings.STRIPE_API_URL,
                secret_key=settings.STRIPE_SECRET_KEY,
                timeout_seconds=settings.PROVIDER_TIMEOUT_SECONDS,
                allow_plain_http=settings.DEBUG or settings.TESTING,
            )
        except ValueError as error:
            raise ImproperlyConfigured(f"STRIPE_API_URL and STRIPE_SECRET_KEY: {error}") from None
    raise ImproperlyConfigured(
        f'PROVIDER_ADAPTER must be "manual", "http" or "stripe", not {settings.PROVIDER_ADAPTER!r}'
    )
