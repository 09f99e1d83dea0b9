"""Pools, grants and deliveries for tests, made through the operations that make them in life."""

from datetime import UTC, datetime
from itertools import count

from django.db import transaction

from credits import delivery, grants, ledger, organizations
from credits.models import Delivery, Grant, LedgerAccount, Organization
from credits.movements import AccountKind
from portal.models import User

NOON = datetime(2026, 12, 7, 12, tzinfo=UTC)
PROGRAM, PERIOD = "ai-for-science", "2026"
POOL = ledger.pool_code(PROGRAM, PERIOD)
KEY, SECOND_KEY = "whsec_" + "YWxwaGE" * 6, "whsec_" + "YnJhdm8" * 6

_numbers = count(1)


def person(**fields: object) -> User:
    """Somebody with an account."""
    return User.objects.create(email=f"person{next(_numbers)}@example.org", **fields)


def funded_pool(
    amount_cents: int = 10_000_00, *, program: str = PROGRAM, period: str = PERIOD
) -> LedgerAccount:
    """A pool into which two people put this much."""
    with transaction.atomic():
        ledger.fund(
            program=program,
            period=period,
            amount_cents=amount_cents,
            made_by=person(),
            approved_by=person(),
            key=f"fund:{program}:{period}:{next(_numbers)}",
            at=NOON,
        )
    return ledger.account(ledger.pool_code(program, period))


def organization(external_id: str = "") -> Organization:
    """An organization with a Console ID."""
    number = next(_numbers)
    return organizations.get_or_register(
        provider="anthropic",
        external_id=external_id or f"0b0c9a64-7a56-4a39-9f5e-{number:012x}",
        format="anthropic-console",
        at=NOON,
    )


def award(
    *, holder: User, amount_cents: int = 1_000_00, organization_id: int | None = None, **fields: object
):
    """What a program decided about one application."""
    values = {
        "reference": f"AIS-2026-12-{next(_numbers):06d}",
        "program": PROGRAM,
        "provider": "anthropic",
        "holder_id": holder.pk,
        "organization_id": organization_id,
        "amount_cents": amount_cents,
        "currency": "USD",
        "models": ("standard",),
        "term_months": 6,
    }
    return grants.AwardToReserve(**(values | fields))


def reserved(
    *, amount_cents: int = 1_000_00, bound: bool = True, by: User | None = None, **fields: object
) -> Grant:
    """One grant with its credit reserved; the pool must hold enough."""
    by = by or person()
    if bound:
        fields["organization_id"] = organization().pk
    made = award(holder=by, amount_cents=amount_cents, **fields)
    return grants.reserve(award=made, pool_code=POOL, by=by, at=NOON)


def sent(**options: object) -> Delivery:
    """One grant on its way: credit in transit, the delivery waiting for its first call."""
    grant = reserved(**options)
    delivery.dispatch(at=NOON)
    return Delivery.objects.get(grant=grant)


def balances(grant: Grant) -> dict[str, int]:
    """What the accounts of a grant hold, by kind, without the empty ones."""
    found = LedgerAccount.objects.filter(grant=grant).values_list("kind", "balance_cents")
    return {kind: cents for kind, cents in found if cents}


def account_of(grant: Grant, kind: AccountKind) -> LedgerAccount:
    return ledger.account(ledger.code_of(kind, grant.pk))
