"""What every provider adapter can do, and the words it answers with."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from portal.refusals import Refused


@dataclass(frozen=True, slots=True)
class Order:
    """One grant as the provider sees it. key names it for ever; amount_cents: whole cents; term_months: None for no end.

    expires_on: the last day, counted from when it was sent, so that the order is the same whenever it is repeated.
    latest_end_on: the last day that the program set for all its credit, however the term is counted.
    """

    key: str
    reference: str
    program: str
    organization: str
    amount_cents: int
    currency: str
    models: tuple[str, ...]
    term_months: int | None
    expires_on: date | None = None
    latest_end_on: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One grant that stands at the provider, as its list tells it. amount_cents: whole cents."""

    key: str
    organization: str
    amount_cents: int
    currency: str


class CannotList(Refused):
    """The provider's list did not come whole, or cannot be read."""


class Standing(StrEnum):
    """How an organization stands at its provider, as a look-up tells it."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"  # the provider knows no such organization
    NOT_ASKED = "not_asked"  # this adapter cannot ask, or no clear answer came


@dataclass(frozen=True, slots=True)
class Found:
    """What a provider says of one organization ID. country: ISO 3166 code in capitals, "" when it says none."""

    standing: Standing
    country: str = ""


class Outcome(StrEnum):
    GRANTED = "granted"  # the provider has it, with our content
    REFUSED = "refused"  # the provider said no for good; nothing happened there
    ABSENT = "absent"  # look-up only: the provider does not know the key
    UNKNOWN = "unknown"  # it may have happened or not; look it up, then repeat with the same key
    CONFLICT = "conflict"  # the provider knows the key with other content; a person must look


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. detail: one line for staff, without secrets or contents."""

    outcome: Outcome
    detail: str = ""


class Provider(Protocol):
    """Adapters never raise for what a provider or a network can do; they answer UNKNOWN."""

    automatic: bool  # False: people carry the orders, so no worker calls anything

    def grant(self, order: Order) -> Answer:
        """Give the credit. Safe to repeat: the key makes it happen once."""
        ...

    def lookup(self, order: Order) -> Answer:
        """Ask whether the provider has this order: GRANTED, ABSENT, CONFLICT or UNKNOWN."""
        ...

    def reverse(self, order: Order) -> Answer:
        """Take unused credit back. Safe to repeat."""
        ...

    def list_grants(self) -> Iterator[Listed]:
        """Every grant that stands at the provider, page by page. Raises CannotList when the list stays incomplete."""
        ...
