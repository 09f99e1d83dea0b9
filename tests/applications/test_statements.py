"""Statements and the trial balance: sums that equal the ledger for any days, files that are safe, pages by role."""

import csv
import io
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse

from applications import statement_files
from credits import delivery, ledger, statements, trial_balance
from credits.models import Delivery, Grant, LedgerAccount
from credits.movements import AccountKind, Kind
from portal import clock
from portal.roles import Role
from tests.factories import applications as make
from tests.factories.credits import NOON, funded_pool, organization, person, sent
from tests.factories.staff import signed_in

pytestmark = pytest.mark.django_db
ALWAYS = {"first": date(2020, 1, 1), "last": date(2100, 1, 1)}


def use(grant: Grant, cents: int, at: datetime) -> None:
    with transaction.atomic():
        ledger.post(
            kind=Kind.USE,
            source=ledger.account(ledger.code_of(AccountKind.GRANTED, grant.pk)),
            destination=ledger.open_account(
                code=f"consumed:{grant.program}", kind=AccountKind.CONSUMED, program=grant.program
            ),
            amount_cents=cents,
            key=f"test:{grant.pk}:{at:%Y%m%d%H%M}",
            by=None,
            at=at,
        )


@pytest.fixture
def world() -> dict[str, Any]:
    """An organization with two grants and uses on many days, drawn by a seed."""
    pool = funded_pool()
    one_organization, dice = organization(), random.Random(5)
    grants = []
    for number in range(2):
        one = sent(organization_id=one_organization.pk, amount_cents=1_000_00 + number, bound=False)
        Delivery.objects.filter(pk=one.pk).update(state="sent", sent_at=NOON)
        grants.append(delivery.confirm(delivery_id=one.pk, at=NOON + timedelta(days=number)))
    for day in range(24):
        use(
            dice.choice(grants),
            dice.randint(1, 30_00),
            NOON + timedelta(days=3 + day, hours=dice.randint(0, 11)),
        )
    return {"organization": one_organization, "grants": grants, "pool": pool}


def test_statements_of_any_days_follow_each_other_and_end_at_the_ledger(world):
    granted = LedgerAccount.objects.filter(kind="granted")
    balance = sum(granted.values_list("balance_cents", flat=True))
    days = sorted(random.Random(6).sample(range(1, 40), 5))
    cuts = [NOON.date() - timedelta(days=1), *(NOON.date() + timedelta(days=day) for day in days)]
    closing, seen = 0, 0
    for first, following in zip(cuts, [*cuts[1:], date(2100, 1, 1)], strict=True):
        (found,) = statements.of_organization(
            world["organization"], Grant.objects.all(), first=first, last=following - timedelta(days=1)
        )
        assert found.opening_cents == closing
        assert sum(row.in_cents - row.out_cents for row in found.rows) == found.closing_cents - closing
        assert [row.balance_cents for row in found.rows][-1:] in ([], [found.closing_cents])
        closing, seen = found.closing_cents, seen + len(found.rows)
    assert (closing, seen) == (balance, 26)

    of_one = [statements.of_grant(grant, **ALWAYS) for grant in world["grants"]]
    assert sum(one.closing_cents for one in of_one) == balance
    pool = statements.of_pool(world["pool"], **ALWAYS)
    world["pool"].refresh_from_db()
    assert pool.closing_cents == world["pool"].balance_cents
    assert [(row.label, row.number) for row in pool.rows] == [("Fund", 1), ("Reserve", 2)]
    assert not any(row.reference for row in pool.rows)


def test_nothing_yet_and_what_was_entered_late(world):
    before = statements.of_grant(world["grants"][0], first=date(2020, 1, 1), last=date(2020, 1, 31))
    assert (before.opening_cents, before.rows, before.closing_cents) == (0, [], 0)
    assert statements.of_organization(organization(), Grant.objects.all(), **ALWAYS) == []
    use(world["grants"][0], 1, datetime(2020, 1, 5, tzinfo=UTC))
    (late,) = statements.of_grant(world["grants"][0], first=date(2020, 1, 1), last=date(2020, 1, 31)).rows
    assert late.is_late


@pytest.mark.parametrize(
    "first, last", [("soon", ""), ("2026-02-30", ""), ("2026-12-31", "2026-01-01"), ("0001-01-01", "")]
)
def test_a_wrong_period_is_refused(first, last):
    with pytest.raises(statements.WrongPeriod):
        statements.period(first, last, default=(date(2026, 1, 1), date(2026, 12, 31)))


def test_the_csv_is_safe_and_adds_up(world):
    found = statements.of_organization(world["organization"], Grant.objects.all(), **ALWAYS)
    rows = list(csv.DictReader(io.StringIO(statement_files.statement(found).decode())))
    assert rows[0]["what"] == "opening balance"
    assert float(rows[-1]["balance"]) * 100 == found[0].closing_cents
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row.values())


def test_the_trial_balance_of_any_instant_is_zero_and_grows_with_what_was_entered(world, capsys):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT recorded_at, sum(amount_cents) OVER (ORDER BY id) FROM ledger_transfer ORDER BY id"
        )
        instants = cursor.fetchall()
    for at, _ in random.Random(7).sample(instants, 6):
        found = trial_balance.at_instant(at)
        assert found.is_zero
        assert found.lines
    now = trial_balance.at_instant(instants[-1][0])
    held = {line.kind: line.balance_cents for line in now.lines}
    assert held[AccountKind.SOURCE] == -10_000_00
    for kind, cents in held.items():
        assert cents == sum(LedgerAccount.objects.filter(kind=kind).values_list("balance_cents", flat=True))
    first = trial_balance.at_instant(instants[0][0])
    assert {line.kind.value: line.balance_cents for line in first.lines} == {
        "source": -10_000_00,
        "pool": 10_000_00,
    }
    assert trial_balance.at_instant(instants[0][0] - timedelta(seconds=1)).lines == []

    call_command("trial_balance", at=instants[-1][0].isoformat(), json=True)
    assert '"ok": true' in capsys.readouterr().out
    call_command("trial_balance", at=instants[-1][0].isoformat())
    assert "10000.00" in capsys.readouterr().out
    for wrong in ("soon", "2026-12-31T00:00:00"):
        with pytest.raises(CommandError, match="with its zone"):
            call_command("trial_balance", at=wrong)


def test_pages_and_files_by_role(world):
    program = make.make_program(slug="ai-for-science")
    manager, auditor, reviewer = (
        signed_in(make.make_member(program, role)) for role in (Role.MANAGER, Role.AUDITOR, Role.REVIEWER)
    )
    stranger = signed_in(make.make_member(make.make_program(slug="other", short_code="OTH"), Role.MANAGER))
    of_it = reverse("admin:organization_statement", args=[world["organization"].pk])
    of_pool = reverse("admin:pool_statement", args=[world["pool"].pk])
    whole, index = reverse("admin:trial_balance"), reverse("admin:statements")
    days = {"from": "2026-12-01", "to": "2027-01-31"}
    with clock.set_to(datetime(2027, 1, 15, tzinfo=UTC)):
        for url in (of_it, of_pool):
            assert "Closing balance" in manager.get(url, days).text
            assert manager.get(url, {**days, "as": "csv"}).content.startswith(b"account,currency")
            pdf = manager.get(url, {**days, "as": "pdf"})
            assert (pdf.content[:5], pdf["Content-Type"]) == (b"%PDF-", "application/pdf")
            assert manager.get(url, {"from": "x"}).status_code == 422
            assert manager.get(url, {"as": "exe"}).status_code == 404
            assert stranger.get(url).status_code == 404
            assert reviewer.get(url).status_code == 403
        assert world["organization"].external_id in manager.get(index).text
        assert manager.get(index, {"organization": world["organization"].external_id})["Location"] == of_it
        assert "may see" in stranger.get(index, {"organization": world["organization"].external_id}).text
        assert manager.get(whole).status_code == 403
        assert "adds up to zero" in auditor.get(whole, {"at": "2026-12-31T00:00:00"}).text
        assert auditor.get(whole, {"at": "soon"}).status_code == 422
        assert auditor.get(whole, {"as": "csv"}).content.startswith(b"at_utc,")

        grant = world["grants"][0]
        url = reverse("applications:statement_pdf", args=[grant.uuid])
        assert signed_in(grant.holder).get(url).content.startswith(b"%PDF-")
        assert signed_in(grant.holder).get(url, {"from": "x"}).status_code == 422
        assert signed_in(person()).get(url).status_code == 404
