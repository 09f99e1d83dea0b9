"""Tampering with the triggers switched off, as a superuser could: every change is found."""

import json
import random
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from credits import anchors, checks, delivery, grants, ledger
from credits.models import LedgerCheck, Transfer
from credits.tasks import deliver_due, verify_ledger
from tests.factories.credits import (
    NOON,
    PERIOD,
    POOL,
    PROGRAM,
    award,
    funded_pool,
    organization,
    person,
    reserved,
    sent,
)

pytestmark = pytest.mark.django_db
TABLES = [
    "ledger_transfer",
    "ledger_entry",
    "ledger_block",
    "ledger_account",
    "ledger_chain_head",
    "credits_grant",
]


def execute(statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@contextmanager
def unguarded():
    """As the owner: switch the guards off, and on again as they were."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    guards = execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgrelid::regclass::text = ANY(%s) AND NOT tgisinternal",
        [TABLES],
    )
    for table, guard in guards:
        execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
    yield
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table, guard in guards:
        execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}")


@pytest.fixture
def history(db):
    """Some of everything: single postings, a statement of many, endings, a correction."""
    funded_pool(50_000_00)
    by = person()
    where = organization().pk
    awards = [award(holder=by, amount_cents=100 + n, organization_id=where) for n in range(5)]
    grants.reserve_many(awards=awards, pool_code=POOL, by=by, at=NOON)
    grants.cancel(grant_id=reserved().pk, by=by, at=NOON)
    delivery.dispatch(at=NOON)
    rows = delivery.hand_over(by=by, at=NOON)
    ids = list(delivery.Delivery.objects.order_by("pk").values_list("pk", flat=True))
    delivery.confirm(delivery_id=ids[0], at=NOON)
    delivery.refuse(delivery_id=ids[1], reason="no", at=NOON)
    extra = ledger.fund(
        program=PROGRAM, period=PERIOD, amount_cents=5, made_by=by, approved_by=person(), key="extra", at=NOON
    )
    ledger.reverse(transfer_id=extra.pk, made_by=by, approved_by=person(), at=NOON)
    assert len(rows) == 5
    assert checks.ledger_problems() == []


def test_a_healthy_ledger_has_no_findings(history):
    assert checks.ledger_problems() == []
    assert len(checks.CHECKS) >= 20


TAMPERING = {
    "an amount everywhere": """
        UPDATE ledger_transfer SET amount_cents = amount_cents + 1 WHERE key = 'extra';
        UPDATE ledger_transfer SET amount_cents = amount_cents + 1 WHERE key = 'reverse:extra';
        UPDATE ledger_entry SET amount_cents = amount_cents + sign(amount_cents) WHERE transfer_id IN
            (SELECT id FROM ledger_transfer WHERE key LIKE '%extra')""",
    "an amount": "UPDATE ledger_transfer SET amount_cents = amount_cents + 1 WHERE kind = 'hold'",
    "an approver": "UPDATE ledger_transfer SET approved_by = 'somebody' WHERE kind = 'fund'",
    "a maker": "UPDATE ledger_transfer SET made_by = 'somebody' WHERE kind = 'hold'",
    "a date": "UPDATE ledger_transfer SET happened_at = happened_at - interval '1 day' WHERE kind = 'post'",
    "a record time": "UPDATE ledger_transfer SET recorded_at = recorded_at - interval '1 us' WHERE kind = 'post'",
    "a key": "UPDATE ledger_transfer SET key = 'other' WHERE key = 'extra'",
    "a group": "UPDATE ledger_transfer SET group_key = 'other' WHERE key = 'extra'",
    "a kind": "UPDATE ledger_transfer SET kind = 'use' WHERE kind = 'send'",
    "a hold that an ending resolves": "DELETE FROM ledger_transfer WHERE kind IN ('post', 'void')",
    "an entry": "UPDATE ledger_entry SET amount_cents = amount_cents + 1 WHERE amount_cents > 0 AND version = 1",
    "a balance after": "UPDATE ledger_entry SET balance_after_cents = balance_after_cents + 1 WHERE version = 2",
    "one entry less": "DELETE FROM ledger_entry WHERE version = 3",
    "one entry more": "INSERT INTO ledger_entry SELECT account_id + 1000, 1, 0, transfer_id, 0 FROM ledger_entry LIMIT 1",
    "two entries changed places": """
        UPDATE ledger_entry SET version = -version WHERE version IN (2, 3);
        UPDATE ledger_entry SET version = CASE version WHEN -2 THEN 3 ELSE 2 END WHERE version < 0""",
    "a balance": "UPDATE ledger_account SET balance_cents = balance_cents + 1 WHERE kind = 'pool'",
    "two balances": "UPDATE ledger_account SET balance_cents = balance_cents + 1 WHERE kind IN ('pool', 'granted')",
    "a version": "UPDATE ledger_account SET version = version + 1 WHERE kind = 'pool'",
    "the hash of a block": "UPDATE ledger_block SET hash = sha256(hash) WHERE sequence = 2",
    "a block less": "DELETE FROM ledger_block WHERE sequence = 2",
    "the last block": "DELETE FROM ledger_block WHERE sequence = (SELECT max(sequence) FROM ledger_block)",
    "the members of a block": "UPDATE ledger_block SET last_transfer = last_transfer + 1 WHERE sequence = 2",
    "a block of a billion": "UPDATE ledger_block SET last_transfer = 1000000000, count = 1000000000 WHERE sequence = 2",
    "a head": "UPDATE ledger_chain_head SET sequence = sequence - 1 WHERE sequence > 0",
    "all heads": "DELETE FROM ledger_chain_head",
    "a stage": "UPDATE credits_grant SET stage = 'sent', sent_at = now() WHERE stage = 'reserved'",
    "a delivery": """
        UPDATE credits_delivery SET state = 'unknown', settled_at = NULL WHERE state = 'confirmed'""",
    "a grant that vanished": "DELETE FROM credits_grant WHERE stage = 'void'",
    "an account in another currency": "UPDATE ledger_account SET currency = 'EUR' WHERE kind = 'frozen' OR kind = 'granted'",
    "a grant before this one that never was": "UPDATE credits_grant SET half_of_id = 999999 WHERE stage = 'void'",
    "a delivery that vanished": "DELETE FROM credits_delivery WHERE state = 'sent'",
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(history, name):
    if name == "a stage":
        execute("SELECT 1")
        reserved(bound=True)
    with unguarded():
        for statement in TAMPERING[name].split(";"):
            assert execute(statement) != 0
    assert checks.ledger_problems() != []


def test_a_guard_that_is_off_is_found(history):
    execute("ALTER TABLE ledger_entry DISABLE TRIGGER append_only")
    execute("ALTER TABLE ledger_block ENABLE TRIGGER by_trigger")
    execute("DROP TRIGGER no_truncate ON ledger_account")
    found = checks.ledger_problems()
    assert [problem.rsplit(":", 1)[1].strip() for problem in found] == [
        "the trigger append_only on ledger_entry is missing or switched off",
        "the trigger by_trigger on ledger_block is missing or switched off",
        "the trigger no_truncate on ledger_account is missing or switched off",
    ]


COLUMNS = {
    "ledger_transfer": {
        "amount_cents": "amount_cents + 1",
        "key": "key || 'x'",
        "made_by": "'0000'",
        "group_key": "'x'",
        "happened_at": "happened_at + interval '1 us'",
        "recorded_at": "recorded_at + interval '1 us'",
    },
    "ledger_entry": {
        "amount_cents": "amount_cents + 1",
        "balance_after_cents": "balance_after_cents - 1",
        "transfer_id": "transfer_id + 1",
    },
    "ledger_block": {
        "hash": "sha256(hash)",
        "previous_hash": "sha256(previous_hash)",
        "first_transfer": "first_transfer - 1",
        "count": "count + 1",
    },
    "ledger_account": {"balance_cents": "balance_cents + 1", "version": "version + 1"},
}


def test_one_changed_value_anywhere_is_found(history):
    """Any one value of any one row, picked by chance and put back afterwards."""
    chance = random.Random(20261207)
    with unguarded():
        for _ in range(60):
            table = chance.choice(sorted(COLUMNS))
            column = chance.choice(sorted(COLUMNS[table]))
            rows = [row[0] for row in execute(f"SELECT ctid::text FROM {table} ORDER BY ctid")]
            try:
                with transaction.atomic():
                    row = chance.choice(rows)
                    changed = f"UPDATE {table} SET {column} = {COLUMNS[table][column]} WHERE ctid = %s::tid"
                    assert execute(changed, [row]) == 1
                    found = [
                        problem
                        for problem in checks.ledger_problems()
                        if "guards are in place" not in problem
                    ]
                    assert found != [], f"{table}.{column} was changed unnoticed"
                    raise Undo
            except Undo:
                continue


class Undo(Exception):
    """Roll the savepoint back."""


def rewrite_without(keep_below):
    """What a patient superuser would do: cut the tail and make everything else agree again."""
    execute("DELETE FROM ledger_entry WHERE transfer_id >= %s", [keep_below])
    execute("DELETE FROM ledger_transfer WHERE id >= %s", [keep_below])
    execute("DELETE FROM ledger_block WHERE first_transfer >= %s", [keep_below])
    execute(
        """
        UPDATE ledger_account a SET (balance_cents, version) = (
            SELECT coalesce(sum(amount_cents), 0), count(*) FROM ledger_entry e WHERE e.account_id = a.id)
        """
    )
    execute(
        """
        UPDATE ledger_chain_head h SET (sequence, hash) = (
            SELECT b.sequence, b.hash FROM ledger_block b WHERE b.chain = h.chain ORDER BY b.sequence DESC LIMIT 1)
        WHERE sequence > 0
        """
    )


def test_a_cut_tail_is_found_by_the_outside_anchor_alone(tmp_path):
    funded_pool(100)
    last = funded_pool(200).entries.order_by("-version").first().transfer_id
    anchor = tmp_path / "anchors.jsonl"
    anchors.write(anchors.FileAnchors(anchor), at=NOON)
    assert checks.ledger_problems(anchor=anchor) == []

    with unguarded():
        rewrite_without(last)

    assert checks.ledger_problems() == []
    assert "missing or changed" in checks.ledger_problems(anchor=anchor)[0]


def test_an_anchor_stays_good_while_the_ledger_grows(tmp_path):
    anchor = tmp_path / "deep" / "anchors.jsonl"
    for _ in range(3):
        funded_pool(100)
        anchors.write(anchors.FileAnchors(anchor), at=NOON)
    assert checks.ledger_problems(anchor=anchor) == []


@pytest.mark.parametrize(
    "content", ["not json\n", "{}\n", '{"heads": [{"chain": 0, "sequence": 1, "hash": "00"}]}\n']
)
def test_an_anchor_that_was_changed_is_found(tmp_path, content):
    anchor = tmp_path / "anchors.jsonl"
    anchor.write_text(content)
    assert len(checks.ledger_problems(anchor=anchor)) == 1
    assert "does not exist" in checks.ledger_problems(anchor=tmp_path / "none")[0]


class TestCommand:
    def run(self, capsys, *options):
        try:
            call_command("ledger_verify", *options)
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, json.loads(capsys.readouterr().out)

    def test_all_is_well(self, history, capsys, tmp_path):
        anchor = tmp_path / "a.jsonl"
        code, result = self.run(capsys, "--write-anchor", str(anchor))
        assert (code, result["ok"], result["problems"]) == (0, True, [])
        assert result["transfers"] == Transfer.objects.count()
        assert self.run(capsys, "--anchor", str(anchor))[0] == 0

    def test_a_difference(self, history, capsys):
        with unguarded():
            execute("UPDATE ledger_account SET balance_cents = balance_cents + 1 WHERE kind = 'pool'")
        code, result = self.run(capsys)
        assert (code, result["ok"]) == (1, False)
        assert "balance" in result["problems"][0]


class TestWatch:
    @pytest.fixture(autouse=True)
    def _folder(self, settings, tmp_path):
        settings.LOCAL_DIR = tmp_path

    def test_a_healthy_ledger_is_anchored(self, history):
        for _ in range(2):
            verify_ledger()
        assert [check.problems for check in LedgerCheck.objects.all()] == [[], []]
        assert len(anchors.FileAnchors().path.read_text().splitlines()) == 2

    def test_a_difference_stops_posting_until_a_person_resumes(self, history, caplog, capsys):
        with unguarded():
            execute("UPDATE ledger_account SET balance_cents = balance_cents + 1 WHERE kind = 'pool'")
        verify_ledger()
        assert LedgerCheck.objects.get().problems != []
        assert "ledger check" in caplog.text
        with pytest.raises(ledger.PostingStopped), transaction.atomic():
            reserved()
        deliver_due()

        with unguarded():
            execute("UPDATE ledger_account SET balance_cents = balance_cents - 1 WHERE kind = 'pool'")
        boss = person(is_staff=True)
        call_command("ledger_verify", "--resume", boss.email)
        assert reserved().stage == "reserved"


def test_the_task_delivers(settings, provider):
    settings.PROVIDER_ADAPTER, settings.PROVIDER_URL = "http", provider.url
    settings.PROVIDER_SIGNING_KEYS = [sent.__globals__["KEY"]]
    funded_pool()
    reserved()
    deliver_due(limit=10, something_new=True)
    assert provider.totals()["count"] == 1
    assert checks.ledger_problems() == []
