"""Start-up checks of credits: settings under which the ledger would not be safe."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks as django_checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from credits import database_roles, inbound, providers

EMPTIED = ("test_", "bench_", "scratch_")  # the same names stand in migration 0003


@register(Tags.database, deploy=True)
def ledger_database_name(app_configs: Sequence[AppConfig] | None, **_more: Any) -> list[CheckMessage]:
    """A database with such a name lets its ledger be emptied by TRUNCATE."""
    name = str(settings.DATABASES["default"].get("NAME", ""))
    if name.startswith(EMPTIED) and not settings.TESTING:
        return [
            Error(
                f"The database is called {name}, and the ledger of a database with this name can be emptied.",
                hint="Give the database of a real installation a name that does not start with test_, bench_ or scratch_.",
                id="credits.E001",
            )
        ]
    return []


@register()
def provider_settings(app_configs: Sequence[AppConfig] | None, **_more: Any) -> list[CheckMessage]:
    """A misspelt adapter, address or key stops the start and not the first delivery."""
    try:
        providers.get()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="credits.E002")]
    except Exception as error:  # noqa: BLE001 - a key that is not base64 raises what its decoder raises
        return [Error(f"PROVIDER_SIGNING_KEYS cannot be read: {type(error).__name__}", id="credits.E002")]
    return []


@register()
def event_keys(app_configs: Sequence[AppConfig] | None, **_more: Any) -> list[CheckMessage]:
    """A key of the provider's events that cannot be read, or that also signs our own calls, stops the start."""
    try:
        inbound.decoded_keys(settings.PROVIDER_EVENT_KEYS)
    except ValueError as error:
        return [Error(f"PROVIDER_EVENT_KEYS cannot be read: {error}.", id="credits.E003")]
    if set(settings.PROVIDER_EVENT_KEYS) & set(settings.PROVIDER_SIGNING_KEYS):
        return [
            Error(
                "PROVIDER_EVENT_KEYS and PROVIDER_SIGNING_KEYS share a key.",
                hint="A call of ours could be played back to us as an event. Use other keys for each direction.",
                id="credits.E004",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def database_role(app_configs: Sequence[AppConfig] | None, **_more: Any) -> list[CheckMessage]:
    """The role of the web and worker processes must not be able to change what is written in the ledger."""
    if settings.TESTING or settings.DEBUG:
        return []
    try:
        found = database_roles.weaknesses()
    except DatabaseError:
        return []  # without a database there is no role to look at; /readyz says so
    if not found:
        return []
    return [
        django_checks.Warning(
            f"The database sign-in is too powerful: {'; '.join(found[:3])}.",
            hint="Run manage.py database_roles, and let DATABASE_URL name the app role (docs/runbook.md).",
            id="credits.W003",
        )
    ]
