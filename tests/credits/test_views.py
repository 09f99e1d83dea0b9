import csv
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from credits import delivery, grants, ledger, organizations, posting, statement
from credits.models import Delivery, Grant
from credits.movements import AccountKind, Kind
from portal import clock
from tests.factories.applications import ORGANIZATION_ID, make_user

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 10, 17, 30, tzinfo=UTC)


def make_grant(*, months: int | None = 6) -> Grant:
    """A reserved grant of 6,000 dollars that has its organization."""
    asking, approving, holder = make_user(), make_user(), make_user()
    ledger.fund(
        program="science",
        period="2026",
        amount_cents=50_000_00,
        made_by=asking,
        approved_by=approving,
        key="fund:science",
        at=AT,
    )
    known = organizations.register_many(provider="anthropic", external_ids={ORGANIZATION_ID}, at=AT)
    award = grants.AwardToReserve(
        reference="SCI-2026-11-000001",
        program="science",
        provider="anthropic",
        holder_id=holder.pk,
        organization_id=known[ORGANIZATION_ID],
        amount_cents=6_000_00,
        currency="USD",
        models=[],
        term_months=months,
    )
    return grants.reserve(award=award, pool_code="pool:science:2026", by=asking, at=AT)


def send(grant: Grant) -> None:
    delivery.dispatch(at=AT)
    delivery.hand_over(by=grant.holder, at=AT)


def confirm(grant: Grant, at: datetime) -> Grant:
    send(grant)
    delivery.confirm(delivery_id=Delivery.objects.get(grant=grant).pk, by=grant.holder, at=at)
    return Grant.objects.get(pk=grant.pk)


def use(grant: Grant, cents: int) -> None:
    consumed = ledger.open_account(code="consumed:science", kind=AccountKind.CONSUMED, program="science")
    ledger.post(
        kind=Kind.USE,
        source=ledger.account(ledger.code_of(AccountKind.GRANTED, grant.pk)),
        destination=consumed,
        amount_cents=cents,
        key=f"use:{grant.pk}",
        by=None,
        at=AT + timedelta(days=20),
    )


def page_of(grant: Grant, name: str = "credits:grant", at: datetime = AT + timedelta(days=30)):
    client = Client()
    client.force_login(grant.holder)
    with clock.set_to(at):
        return client.get(reverse(name, args=[grant.uuid]))


def test_a_posted_grant_shows_balance_expiry_and_statement() -> None:
    grant = confirm(make_grant(), AT + timedelta(days=8))
    use(grant, 1_412_86)

    page = page_of(grant).content.decode()

    assert "$4,587.14" in page
    assert "$1,412.86 used of $6,000.00 granted" in page
    assert "Tue 18 May 2027" in page
    assert "+6,000.00" in page
    assert "−1,412.86" in page


def test_the_last_sixty_days_warn() -> None:
    grant = confirm(make_grant(months=1), AT)

    page = page_of(grant, at=AT + timedelta(days=20)).content.decode()

    assert "10 days until the credits end" in page


def test_the_statement_as_csv_adds_up() -> None:
    grant = confirm(make_grant(), AT + timedelta(days=8))
    use(grant, 12_34)

    response = page_of(grant, "credits:statement")

    rows = list(csv.DictReader(response.content.decode().splitlines()))
    assert [row["amount"] for row in rows] == ["6000.00", "-12.34"]
    assert rows[-1]["left"] == "5987.66"
    assert response["Content-Disposition"] == 'attachment; filename="statement-SCI-2026-11-000001.csv"'


def test_nobody_else_sees_a_grant() -> None:
    grant = make_grant()
    client = Client()
    client.force_login(make_user())

    for name in ("credits:grant", "credits:statement"):
        assert client.get(reverse(name, args=[grant.uuid])).status_code == 404


def test_the_clock_of_posting() -> None:
    grant = make_grant()
    send(grant)
    grant.refresh_from_db()

    young, slow, late = (posting.of(grant, at=AT + timedelta(days=days)) for days in (3, 16, 22))

    assert (young.day, young.is_overdue, young.tone) == (3, False, "")
    assert not slow.is_overdue
    assert (late.is_overdue, late.tone) == (True, "warn")
    assert str(young.overdue_on) == "2026-12-01"


def test_an_empty_statement_has_no_balance() -> None:
    found = statement.of(make_grant())

    assert (found.lines, found.left_cents, found.left_percent) == ([], 0, 0)


def test_one_grant_opens_at_once_and_none_explains_itself() -> None:
    grant = make_grant()
    holder, stranger = Client(), Client()
    holder.force_login(grant.holder)
    stranger.force_login(make_user())

    assert holder.get(reverse("credits:mine")).url == reverse("credits:grant", args=[grant.uuid])
    assert "No credits yet" in stranger.get(reverse("credits:mine")).content.decode()
