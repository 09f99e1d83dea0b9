"""Organizations at a provider: the form of their ids, and one row for each."""

import re
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from credits import providers
from credits.models import Organization
from credits.providers.base import Found, Standing
from portal.refusals import Refused


class WrongOrganizationId(Refused):
    """The text is not an organization ID of this provider."""


_OPENAI = re.compile(r"org-[A-Za-z0-9]{8,64}")
_STRIPE = re.compile(r"cus_[A-Za-z0-9]{8,64}")
_ANY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{1,79}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

FORMATS = ("anthropic-console", "openai", "stripe", "any")


def clean_external_id(provider_format: str, text: str) -> str:
    """Return the organization ID in its one written form, or raise WrongOrganizationId with a sentence for the person.

    provider_format: "anthropic-console" (a UUID, returned in lower case), "openai" (org- and letters and digits, whose
    case matters), "stripe" (cus_ and letters and digits) or "any" (2 to 80 letters, digits and . _ : -). Blanks around the text are dropped, nothing else is.
    Raises ValueError for a format that does not exist.
    """
    entered = text.strip()
    if provider_format == "anthropic-console":
        lowered = entered.lower()
        if not _UUID.fullmatch(lowered) or UUID(lowered).int == 0:
            raise WrongOrganizationId(
                _(
                    "Enter the organization ID from the Console's settings. "
                    "It looks like 7f3d2c1a-5b4e-4f6a-9c8d-1e2f3a4b5c6d."
                )
            )
        return lowered
    if provider_format == "openai":
        if not _OPENAI.fullmatch(entered):
            raise WrongOrganizationId(
                _(
                    "Enter the organization ID from the provider's settings. It starts with org- and has no blanks."
                )
            )
        return entered
    if provider_format == "stripe":
        if not _STRIPE.fullmatch(entered):
            raise WrongOrganizationId(
                _("Enter the customer ID from the billing settings. It starts with cus_ and has no blanks.")
            )
        return entered
    if provider_format == "any":
        if not _ANY.fullmatch(entered):
            raise WrongOrganizationId(
                _("Enter 2 to 80 letters, digits, dots, colons, dashes or underscores.")
            )
        return entered
    raise ValueError(f"no organization ID format is called {provider_format!r}")


def format_of(organization: Organization | None) -> str:
    """The strictest form that an organization ID has; another one of the same provider has to have it too."""
    for known in FORMATS:
        try:
            if organization is not None and clean_external_id(known, organization.external_id):
                return known
        except WrongOrganizationId:
            continue
    return "any"


def get_or_register(*, provider: str, external_id: str, format: str, at: datetime) -> Organization:
    """Return the organization with this ID at this provider; register it when nobody has named it before.

    Raises WrongOrganizationId when the ID does not have the form of the provider.
    """
    cleaned = clean_external_id(format, external_id)
    register_many(provider=provider, external_ids=[cleaned], at=at)
    return Organization.objects.get(provider=provider, external_id=cleaned)


def register_many(*, provider: str, external_ids: Collection[str], at: datetime) -> dict[str, int]:
    """Register cleaned organization IDs in one statement; returns the row id of each. Known ones stay as they are."""
    Organization.objects.bulk_create(
        [
            Organization(provider=provider, external_id=external_id, created_at=at)
            for external_id in sorted(set(external_ids))
        ],
        ignore_conflicts=True,
        batch_size=5_000,
    )
    return dict(
        Organization.objects.filter(provider=provider, external_id__in=external_ids).values_list(
            "external_id", "id"
        )
    )


def can_be_asked() -> bool:
    """Whether the provider's adapter can look an organization up."""
    return hasattr(providers.get(), "find_organization")


def ask_provider(external_id: str) -> Found:
    """How an organization stands at its provider. NOT_ASKED where the adapter cannot ask, or no clear answer came.

    One call to the provider, so never with a transaction open.
    """
    finder = getattr(providers.get(), "find_organization", None)
    return finder(external_id) if finder is not None else Found(Standing.NOT_ASKED)
