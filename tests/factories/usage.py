"""Posted lots for tests of usage, made through the operations that make them in life."""

from datetime import UTC, date, datetime, timedelta

from django.db import transaction

from credits import delivery, grants, ledger, usage
from credits.models import Delivery, Entry, Grant, LedgerAccount, Organization
from credits.movements import AccountKind
from portal.models import User
from tests.factories import credits as make

POSTED = make.NOON  # 2026-12-07, 12:00 UTC
DAY = date(2026, 12, 8)


def lot(
    organization: Organization,
    *,
    cents: int = 100_00,
    months: int | None = 6,
    posted_at: datetime = POSTED,
    holder: User | None = None,
    **fields: object,
) -> Grant:
    """A confirmed grant of an organization; its program's pool gets what it needs."""
    program = str(fields.get("program", make.PROGRAM))
    holder = holder or make.person()
    make.funded_pool(cents, program=program)
    award = make.award(
        holder=holder, amount_cents=cents, organization_id=organization.pk, term_months=months, **fields
    )
    pool = ledger.pool_code(program, make.PERIOD)
    with transaction.atomic():
        made = grants.reserve(award=award, pool_code=pool, by=make.person(), at=posted_at)
    delivery.dispatch(at=posted_at)
    delivery.hand_over(by=make.person(), at=posted_at)
    return delivery.confirm(delivery_id=Delivery.objects.get(grant=made).pk, at=posted_at)


def told(
    organization: Organization, cents: int, day: date = DAY, *, late: int = 0, **fields: object
) -> usage.Counted:
    """One figure, told in the evening of the day or so many days later."""
    values = {
        "organization_id": organization.pk,
        "day": day,
        "amount_cents": cents,
        "currency": "USD",
        "source": "event",
        "key": f"evt-{day}",
        "by": None,
    } | fields
    return usage.record(**({"at": evening(day, late)} | values if "at" not in fields else values))


def evening(day: date, later: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, 20, tzinfo=UTC) + timedelta(days=later)


def left(grant: Grant) -> int:
    """What the organization can still use of a lot."""
    return make.account_of(grant, AccountKind.GRANTED).balance_cents


def used(organization: Organization) -> int:
    """What the ledger says the organization used: movements between its lots and what is consumed."""
    rows = Entry.objects.filter(
        account__grant__organization=organization, account__kind=AccountKind.GRANTED
    ).select_related("transfer__reverses")
    return -sum(row.amount_cents for row in rows if "use" in (row.transfer.kind, _reversed(row)))


def _reversed(row: Entry) -> str:
    return row.transfer.reverses.kind if row.transfer.reverses else ""


def gone(kind: AccountKind, program: str = make.PROGRAM) -> int:
    """The balance of an account of a program, 0 where there is none yet."""
    found = LedgerAccount.objects.filter(code=f"{kind.value}:{program}").first()
    return found.balance_cents if found else 0
