"""The adapter to Stripe's credit grants, against a server of ours that keeps to the published contract."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from credits import delivery, organizations, providers, reconcile
from credits.models import Case, Delivery, Grant
from credits.providers import stripe
from credits.providers.base import CannotList, Listed, Order, Outcome, Standing
from credits.providers.stripe import StripeProvider
from tests.credits.stripe_server import SECRET, StripeServer
from tests.factories.credits import NOON, PROGRAM, funded_pool, reserved

CUSTOMER = "cus_NffrFeUfNV2Hib"
ORDER = Order(
    key="grant:one",
    reference="AIS-2026-12-000001",
    program=PROGRAM,
    organization=CUSTOMER,
    amount_cents=1_000_00,
    currency="USD",
    models=("standard",),
    term_months=6,
    expires_on=date(2027, 6, 7),
)


@pytest.fixture
def server(monkeypatch) -> Iterator[StripeServer]:
    monkeypatch.setattr(stripe, "LIST_TRIES", 1)
    running = StripeServer()
    running.customer(CUSTOMER, address={"country": "ch"})
    yield running
    running.close()


@pytest.fixture
def adapter(server) -> StripeProvider:
    return StripeProvider(url=server.url, secret_key=SECRET, timeout_seconds=2, allow_plain_http=True)


def test_an_order_becomes_one_promotional_credit_grant(server, adapter):
    assert [adapter.grant(ORDER).outcome for _ in range(3)] == [Outcome.GRANTED] * 3

    (made,) = server.grants
    assert made["amount"]["monetary"] == {"currency": "usd", "value": 100_000}
    assert made["category"] == "promotional"
    assert made["metadata"] == {
        "research_credits_key": "grant:one",
        "reference": ORDER.reference,
        "program": PROGRAM,
        "models": "standard",
    }
    assert datetime.fromtimestamp(made["expires_at"], UTC) == datetime(2027, 6, 8, tzinfo=UTC)
    _, _, _, headers = server.calls[0]
    assert {name.lower(): value for name, value in headers.items()}["idempotency-key"] == ORDER.key
    assert {name.lower() for name in headers} >= {"stripe-version", "authorization"}
    assert adapter.lookup(ORDER).outcome == Outcome.GRANTED
    assert adapter.lookup(replace(ORDER, key="grant:two")).outcome == Outcome.ABSENT
    assert adapter.lookup(replace(ORDER, organization="cus_unknown00")).outcome == Outcome.ABSENT
    assert adapter.lookup(replace(ORDER, amount_cents=1)).outcome == Outcome.CONFLICT
    assert adapter.grant(replace(ORDER, amount_cents=1)).outcome == Outcome.CONFLICT


@pytest.mark.parametrize(
    "fault, outcome, happened",
    [
        ("429", Outcome.UNKNOWN, 0),
        ("in use", Outcome.UNKNOWN, 0),
        ("proxy", Outcome.UNKNOWN, 0),
        ("500", Outcome.UNKNOWN, 0),
        ("500 after", Outcome.UNKNOWN, 1),
        ("cut", Outcome.UNKNOWN, 1),
    ],
)
def test_an_unclear_answer_is_looked_up(server, adapter, fault, outcome, happened):
    server.plan = [fault]

    assert adapter.grant(ORDER).outcome == outcome
    assert len(server.grants) == happened
    assert adapter.lookup(ORDER).outcome == (Outcome.GRANTED if happened else Outcome.ABSENT)
    # A failure inside is kept with its key for a day, so the repeat stays unclear; anything else goes through.
    assert adapter.grant(ORDER).outcome == (Outcome.UNKNOWN if fault == "500" else Outcome.GRANTED)
    assert len(server.grants) == (0 if fault == "500" else 1)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"organization": "cus_unknown00"}, "No such customer"),
        ({"currency": "EUR"}, "402 card_error"),
        ({"currency": "JPY"}, "no hundredths"),
    ],
)
def test_a_clear_no_is_a_refusal(adapter, change, words):
    answer = adapter.grant(replace(ORDER, **change))

    assert answer.outcome == Outcome.REFUSED
    assert words in answer.detail


def test_a_wrong_secret_key_says_nothing_about_an_order(server):
    other = StripeProvider(
        url=server.url, secret_key="sk_test_other", timeout_seconds=2, allow_plain_http=True
    )
    assert (
        other.grant(ORDER).outcome
        == other.lookup(ORDER).outcome
        == other.reverse(ORDER).outcome
        == Outcome.UNKNOWN
    )
    with pytest.raises(CannotList, match="401"):
        list(other.list_grants())
    nowhere = StripeProvider(url="https://127.0.0.1:1", secret_key=SECRET, timeout_seconds=0.2)
    assert nowhere.grant(ORDER).detail == "no answer: ConnectionError"
    assert nowhere.find_organization(CUSTOMER).standing == Standing.NOT_ASKED


def test_credit_is_taken_back_by_a_void_or_when_used_by_an_expiry(server, adapter):
    adapter.grant(ORDER)
    assert adapter.reverse(replace(ORDER, key="grant:two")).outcome == Outcome.ABSENT
    server.used.add("credgr_1")
    assert adapter.reverse(ORDER).outcome == Outcome.GRANTED
    assert (server.grants[0]["voided_at"], server.grants[0]["expires_at"]) == (None, 1_800_000_000)

    adapter.grant(replace(ORDER, key="grant:three"))
    for _ in range(2):
        assert adapter.reverse(replace(ORDER, key="grant:three")).outcome == Outcome.GRANTED
    assert server.grants[1]["voided_at"]
    assert adapter.lookup(replace(ORDER, key="grant:three")).outcome == Outcome.CONFLICT


def test_the_list_is_ours_alone_and_comes_page_by_page(server, adapter):
    server.page = 2
    for number in range(5):
        adapter.grant(replace(ORDER, key=f"grant:{number}"))
    server.grants[1]["voided_at"] = 1
    server.grants[2]["metadata"] = {}  # somebody's paid credit in the same account

    found = list(adapter.list_grants())

    assert found == [Listed(f"grant:{number}", CUSTOMER, 1_000_00, "USD") for number in (4, 3, 0)]


def test_a_customer_and_the_form_of_its_id(server, adapter):
    server.customer("cus_gone00000", deleted=True)
    assert adapter.find_organization(CUSTOMER) == stripe.Found(Standing.ACTIVE, "CH")
    assert adapter.find_organization("cus_gone00000").standing == Standing.UNKNOWN
    assert adapter.find_organization("cus_nobody000").standing == Standing.UNKNOWN
    assert organizations.clean_external_id("stripe", f"  {CUSTOMER} ") == CUSTOMER
    for wrong in ("org-abcdefgh", "cus_", "cus_with blank", "CUS_NffrFeUfNV2Hib", "cus_NffrFeUfNV2Hib\n=1"):
        with pytest.raises(organizations.WrongOrganizationId, match="cus_"):
            organizations.clean_external_id("stripe", wrong)


@pytest.mark.parametrize(
    "url, key",
    [
        ("http://api.example.org", SECRET),
        ("ftp://x", SECRET),
        ("https://api.example.org", "pk_x"),
        ("", SECRET),
    ],
)
def test_settings_that_cannot_work_stop_the_start(settings, url, key):
    settings.PROVIDER_ADAPTER, settings.STRIPE_API_URL, settings.STRIPE_SECRET_KEY = "stripe", url, key
    with pytest.raises(ImproperlyConfigured, match="STRIPE"):
        providers.get()


@pytest.mark.django_db(transaction=True)
def test_from_a_reservation_to_a_comparison_without_a_difference(server, settings):
    """As in life: the adapter by its settings, a cut answer on the way, the same grant once."""
    settings.PROVIDER_ADAPTER, settings.STRIPE_API_URL, settings.STRIPE_SECRET_KEY = (
        "stripe",
        server.url,
        SECRET,
    )
    server.plan = ["cut"]
    funded_pool()
    customer = organizations.get_or_register(
        provider="anthropic", external_id=CUSTOMER, format="stripe", at=NOON
    )
    grant = reserved(bound=False, organization_id=customer.pk)
    delivery.dispatch(at=NOON)

    first = delivery.send_due(limit=5, at=NOON)
    second = delivery.send_due(limit=5, at=NOON + timedelta(hours=1))

    assert (first.unknown, second.confirmed) == (1, 1)
    assert Grant.objects.get(pk=grant.pk).stage == "confirmed"
    assert len(server.grants) == 1
    later = NOON + timedelta(hours=2)
    run = reconcile.carry_out(run=reconcile.ask(by=None, at=later), at=later)
    assert (run.equal, run.differences, Case.objects.filter(kind="reconcile").count()) == (1, 0, 0)
    server.grants[0]["voided_at"] = 1
    run = reconcile.carry_out(run=reconcile.ask(by=None, at=later), at=later)
    assert run.ours_only == 1
    assert Delivery.objects.get().attempts == 2
