"""The sums of a statement: granted is what came, whatever became of it; what went elsewhere is told apart."""

import csv

import pytest
from django.urls import reverse

from credits import balances, ledger, organization_changes, statement, statements, warnings
from credits.models import Grant, Transfer
from credits.movements import Kind
from portal import clock
from tests.credits.test_enforcement import confirmed, use
from tests.factories.credits import NOON, funded_pool, organization, person
from tests.factories.usage import evening

pytestmark = pytest.mark.django_db

NEW_ID = "5d7b4f52-1c3e-4a6b-9d8f-0a1b2c3d4e5f"


@pytest.fixture
def lot() -> Grant:
    """A posted lot of 1,000 dollars."""
    funded_pool(100_000_00)
    return confirmed(organization())


@pytest.fixture
def moved(lot: Grant) -> tuple[Grant, Grant]:
    """A lot of which 300 dollars were used before its rest went to another organization, and the one that took it."""
    use(lot, 300_00)
    change = organization_changes.ask(
        grant_id=lot.pk,
        organization_id=NEW_ID,
        format="anthropic-console",
        reason="The lab moved.",
        by=person(),
        at=NOON,
    )
    organization_changes.approve(change_id=change.pk, by=person(), at=NOON)
    return lot, Grant.objects.get(moved_from=lot)


def correct(transfer: Transfer) -> None:
    ledger.reverse(transfer_id=transfer.pk, made_by=person(), approved_by=person(), at=NOON)


def of(grant: Grant, kind: Kind) -> Transfer:
    return Transfer.objects.get(kind=kind, destination__code=f"granted:{grant.pk}")


def figures(grant: Grant) -> tuple[int, ...]:
    """Granted, used, moved away, left and percent, as the statement and the balance tell them alike."""
    one, other = statement.of(grant), balances.of([grant])[grant.pk]
    told = (one.granted_cents, one.used_cents, one.moved_away_cents, one.left_cents)
    assert told == (other.granted_cents, other.used_cents, other.moved_away_cents, other.left_cents)
    went = (one.used_cents, one.expired_cents, one.held_cents, one.moved_away_cents, one.left_cents)
    assert one.granted_cents == sum(went)
    return *told, one.left_percent


def state(grant: Grant, at=NOON) -> str:
    return balances.state_of(balances.of([grant])[grant.pk], at=at).key


def page(grant: Grant, client, name: str = "credits:grant"):
    client.force_login(grant.holder, backend="django.contrib.auth.backends.ModelBackend")
    with clock.set_to(NOON):
        return client.get(reverse(name, args=[] if name == "credits:mine" else [grant.uuid])).content.decode()


def test_a_plain_lot(lot, client):
    use(lot, 300_00)

    assert figures(lot) == (1_000_00, 300_00, 0, 700_00, 70)
    text = page(lot, client)
    assert "$300.00 used of $1,000.00 granted." in text
    assert "Moved away" not in text


def test_a_lot_that_was_partly_used_keeps_what_it_was_granted_when_its_rest_moves(moved, client):
    old, _ = moved

    assert figures(old) == (1_000_00, 300_00, 700_00, 0, 0)
    text = page(old, client)
    assert "$300.00 used of $1,000.00 granted." in text
    assert "<dt>Moved away</dt><dd>$700.00" in text
    assert "$0.00 of $1,000 USD left" in page(old, client, "credits:mine")


def test_the_lot_that_took_it_was_granted_what_came(moved, client):
    _, new = moved
    assert figures(new) == (700_00, 0, 0, 700_00, 100)
    use(new, 70_00)

    assert figures(new) == (700_00, 70_00, 0, 630_00, 90)
    text = page(new, client)
    assert "$70.00 used of $700.00 granted." in text
    assert "Moved away" not in text
    assert "Moved here from another organization" in text
    assert "Moved to another organization" not in text


def test_a_move_that_was_corrected_is_as_if_it_had_not_been(moved):
    old, new = moved
    correct(of(new, Kind.MOVE))

    assert figures(old) == (1_000_00, 300_00, 0, 700_00, 70)
    assert figures(new) == (0, 0, 0, 0, 0)
    assert (state(old), state(new)) == ("active", "taken_back")


def test_a_posting_that_was_corrected_granted_nothing(lot, client):
    correct(of(lot, Kind.POST))

    assert figures(lot) == (0, 0, 0, 0, 0)
    assert state(lot) == "taken_back"
    text = page(lot, client)
    assert "$0.00 used of $0.00 granted." in text
    assert "Used up" not in text


def test_a_lot_that_moved_stays_moved_after_its_term_and_nobody_is_told_of_an_end(moved):
    old, new = moved
    after = evening(old.expires_on, old.late_usage_days + 1)
    assert (state(old, after), state(new, after)) == ("moved", "converted")

    told = warnings.passed_now(at=after)

    assert old.pk not in {one.grant.pk for one in told}


def test_every_file_calls_the_two_ends_of_a_move_by_their_names(moved, client):
    for grant, words in zip(
        moved, ("Moved to another organization", "Moved here from another organization"), strict=True
    ):
        rows = list(csv.DictReader(page(grant, client, "credits:statement").splitlines()))
        period = statements.of_grant(grant, first=NOON.date(), last=NOON.date())
        assert words in [row["what"] for row in rows]
        assert words in [row.label for row in period.rows]
        assert period.closing_cents == statement.of(grant).left_cents
