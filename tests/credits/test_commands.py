"""What operators run: fund a pool, carry orders out, bring confirmations back."""

import csv
import json

import pytest
from django.core.management import CommandError, call_command

from credits import ledger, queries
from tests.factories.credits import KEY, POOL, PROGRAM, funded_pool, person, reserved, sent

pytestmark = pytest.mark.django_db


def fund(**changes):
    options = {
        "program": PROGRAM,
        "period": "2026",
        "amount": "250,000",
        "made_by": person(is_staff=True).email,
        "approved_by": person(is_staff=True).email,
    }
    call_command("pool_fund", **(options | changes))


def test_pool_fund(capsys):
    fund()
    fund()
    assert queries.pool_balance(POOL) == 250_000_00
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["balance_cents"] == 250_000_00
    fund(key="second", amount="0.01")
    assert queries.pool_balance(POOL) == 250_000_01


@pytest.mark.parametrize(
    "change, why",
    [
        ({"amount": "lots"}, "digits"),
        ({"amount": "0"}, "whole number of cents"),
        ({"made_by": "nobody@example.org"}, "nobody@example.org"),
        ({"program": "a program"}, "a key has"),
        ({"key": "request-7"}, "belong to the requests"),
    ],
)
def test_pool_fund_refuses(change, why):
    with pytest.raises(CommandError, match=why):
        fund(**change)


def test_one_person_alone_does_not_fund():
    one = person(is_staff=True).email
    with pytest.raises(CommandError, match="second person"):
        fund(made_by=one, approved_by=one)


def test_orders_are_not_carried_to_a_provider_that_is_called_by_machine(tmp_path, settings):
    settings.PROVIDER_ADAPTER, settings.PROVIDER_URL = "http", "http://127.0.0.1:9"
    settings.PROVIDER_SIGNING_KEYS = [KEY]
    funded_pool()
    row, out = sent(), tmp_path / "orders.csv"

    with pytest.raises(CommandError, match="called by machine"):
        call_command("deliveries_export", str(out), by=person(is_staff=True).email)

    row.refresh_from_db()
    assert (row.state, out.exists()) == ("pending", False)


def test_while_posting_is_stopped_no_file_is_left_behind(tmp_path):
    funded_pool()
    reserved()
    ledger.stop_posting()

    with pytest.raises(CommandError, match="Posting is stopped"):
        call_command("deliveries_export", str(tmp_path / "orders.csv"), by=person(is_staff=True).email)
    assert not (tmp_path / "orders.csv").exists()


def test_orders_out_and_confirmations_back(tmp_path, capsys):
    funded_pool()
    by = person(is_staff=True).email
    reserved()
    out, back = tmp_path / "orders.csv", tmp_path / "done.csv"

    call_command("deliveries_export", str(out), by=by)
    with pytest.raises(CommandError, match="File exists"):
        call_command("deliveries_export", str(out), by=by)
    rows = list(csv.DictReader(out.open(newline="")))
    back.write_text(f"key,status,amount\n{rows[0]['key']},confirmed,{rows[0]['amount']}\n")
    capsys.readouterr()
    call_command("confirmations_import", str(back), by=by)

    assert json.loads(capsys.readouterr().out)["confirmed"] == 1
    assert queries.pool_summary(PROGRAM, "2026").granted_cents == 1_000_00

    back.write_text("key,status\nnobody,confirmed\n")
    with pytest.raises(SystemExit):
        call_command("confirmations_import", str(back), by=by)
    with pytest.raises(CommandError, match="No such file"):
        call_command("confirmations_import", str(tmp_path / "none.csv"), by=by)
    with pytest.raises(CommandError, match="No active staff account"):
        call_command("confirmations_import", str(back), by="nobody@example.org")
