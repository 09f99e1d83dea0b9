"""Attacks on what is written: SQL as the application's own database role can send it. Every one must bounce."""

import pytest
from django.db import DatabaseError, connection, transaction

from credits import checks
from portal.database import constraint_of
from tests.factories.credits import funded_pool, reserved, sent

ATTACKS = {
    "raise an amount": "UPDATE ledger_transfer SET amount_cents = amount_cents + 1",
    "touch no row at all": "UPDATE ledger_transfer SET amount_cents = 1 WHERE false",
    "rename a key": "UPDATE ledger_transfer SET key = key || 'x'",
    "change who approved": "UPDATE ledger_transfer SET approved_by = NULL",
    "forget a transfer": "DELETE FROM ledger_transfer",
    "raise an entry": "UPDATE ledger_entry SET amount_cents = amount_cents + 1",
    "forget an entry": "DELETE FROM ledger_entry",
    "invent an entry": "INSERT INTO ledger_entry SELECT 99, 100, 100, id, 1 FROM ledger_account LIMIT 1",
    "invent an entry by upsert": """
        INSERT INTO ledger_entry (account_id, version, transfer_id, amount_cents, balance_after_cents)
        SELECT account_id, version, transfer_id, 0, 0 FROM ledger_entry
        ON CONFLICT (account_id, version) DO UPDATE SET amount_cents = 0""",
    "merge into entries": """
        MERGE INTO ledger_entry e USING ledger_account a ON e.account_id = a.id
        WHEN MATCHED THEN UPDATE SET amount_cents = 0""",
    "set a balance": "UPDATE ledger_account SET balance_cents = 1000000",
    "set a version": "UPDATE ledger_account SET version = 0",
    "let a pool overdraw": "UPDATE ledger_account SET may_overdraw = true, kind = 'source'",
    "give an account to another program": "UPDATE ledger_account SET program = 'mine', code = code || 'x'",
    "open a full account": """
        INSERT INTO ledger_account (code, kind, program, currency, may_overdraw, balance_cents, version)
        VALUES ('pool:mine', 'pool', 'mine', 'USD', false, 100, 0)""",
    "open a second source of credit": """
        INSERT INTO ledger_account (code, kind, program, currency, may_overdraw, balance_cents, version)
        VALUES ('pool:mine', 'pool', 'mine', 'USD', true, 0, 0)""",
    "forget an account": "DELETE FROM ledger_account",
    "rewrite a block": "UPDATE ledger_block SET hash = previous_hash",
    "forget a block": "DELETE FROM ledger_block",
    "invent a block": "INSERT INTO ledger_block SELECT id + 16, chain, sequence + 1, 1, 1, 1, NULL, hash, hash FROM ledger_block",
    "move a head": "UPDATE ledger_chain_head SET sequence = sequence + 1",
    "forget a head": "DELETE FROM ledger_chain_head",
    "call the writer": "SELECT ledger_write_one(t) FROM ledger_transfer t",
    "fund alone": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at)
        SELECT 'x', 'fund', source_id, destination_id, 'USD', 1, '', made_by, made_by, now() FROM ledger_transfer
        WHERE kind = 'fund'""",
    "fund with invented people": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at)
        SELECT 'x', 'fund', source_id, destination_id, 'USD', 1, '', 'me', 'myself', now() FROM ledger_transfer
        WHERE kind = 'fund'""",
    "a negative amount": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at)
        SELECT 'x', kind, source_id, destination_id, 'USD', -1, '', made_by, approved_by, now() FROM ledger_transfer
        WHERE kind = 'fund'""",
    "forge the content hash": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            happened_at, content_hash)
        SELECT 'x', kind, source_id, destination_id, 'USD', 1, '', 'm', now(), content_hash FROM ledger_transfer LIMIT 1""",
    "post to an account that does not exist": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by, happened_at)
        SELECT 'x', 'hold', id, 999999, 'USD', 1, '', 'm', now() FROM ledger_account WHERE kind = 'pool'""",
    "post from an account that does not exist": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by, happened_at)
        SELECT 'x', 'hold', 999999, id, 'USD', 1, '', 'm', now() FROM ledger_account WHERE kind = 'reserved' LIMIT 1""",
    "send to an account that does not exist, among others": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by, happened_at)
        SELECT 'x' || id || ':' || turn, 'send', id, 999999 + turn, 'USD', 1, '', 'm', now()
        FROM ledger_account, generate_series(1, 2) AS turn WHERE kind = 'reserved' LIMIT 2""",
    "post in another currency": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at)
        SELECT 'x', kind, source_id, destination_id, 'EUR', 1, '', made_by, approved_by, now() FROM ledger_transfer
        WHERE kind = 'fund'""",
    "post in another currency, twice": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at)
        SELECT 'x' || turn, kind, source_id, destination_id, 'EUR', 1, '', made_by, approved_by, now()
        FROM ledger_transfer, generate_series(1, 2) AS turn WHERE kind = 'fund'""",
    "end a hold that does not exist": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            happened_at, resolves_id)
        SELECT 'x', 'void', destination_id, source_id, 'USD', amount_cents, '', 'm', now(), 999999
        FROM ledger_transfer WHERE kind = 'hold' ORDER BY id DESC LIMIT 1""",
    "end two holds that do not exist": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            happened_at, resolves_id)
        SELECT 'x' || turn, 'void', destination_id, source_id, 'USD', amount_cents / 2, '', 'm', now(), 999999 + turn
        FROM (SELECT * FROM ledger_transfer WHERE kind = 'hold' ORDER BY id DESC LIMIT 1) t, generate_series(1, 2) AS turn""",
    "reverse what does not exist": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at, reverses_id)
        SELECT 'x', 'reverse', destination_id, source_id, 'USD', 1, '', made_by, approved_by, now(), 999999
        FROM ledger_transfer WHERE kind = 'fund'""",
    "open an account for a grant that does not exist": """
        INSERT INTO ledger_account (code, kind, program, grant_id, currency, may_overdraw, balance_cents, version)
        VALUES ('granted:999999', 'granted', 'mine', 999999, 'USD', false, 0, 0)""",
    "forget a grant": "DELETE FROM credits_grant",
    "forget a grant that no row names": "DELETE FROM credits_grant WHERE stage = 'reserved'",
    "renumber a grant": "UPDATE credits_grant SET id = id + 1000000 WHERE stage = 'reserved'",
    "name a first half that does not exist": "UPDATE credits_grant SET half_of_id = 999999",
    "reserve a second half of nothing": """
        INSERT INTO credits_grant (uuid, reference, program, provider, pool, holder_id, amount_cents, currency, stage,
            failure, created_at, models, half_of_id)
        SELECT gen_random_uuid(), 'x', program, provider, pool, holder_id, 1, currency, 'reserved', '', now(), '{}', 999999
        FROM credits_grant LIMIT 1""",
    "write through a trigger of one's own": """
        CREATE TEMP TABLE mine (i int);
        CREATE FUNCTION pg_temp.mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            UPDATE ledger_account SET balance_cents = balance_cents + 1; RETURN NEW; END $$;
        CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION pg_temp.mine();
        INSERT INTO mine VALUES (1)""",
}
SWITCHES = [
    "SET LOCAL session_replication_role = replica",
    "SELECT set_config('pgtrigger.ignore', '{all}', true)",
    "SELECT set_config('credits.trusted', 'on', true)",
    "SET LOCAL search_path = pg_temp, public",
]


def try_to(statement, *before):
    """Send statements in a savepoint; the last one must be refused."""
    with pytest.raises(DatabaseError), transaction.atomic():
        send(*before, statement)


def send(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def written(db):
    funded_pool()
    reserved()
    sent()


def snapshot():
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT jsonb_agg(t ORDER BY id) FROM ledger_transfer t),
                (SELECT jsonb_agg(e ORDER BY account_id, version) FROM ledger_entry e),
                (SELECT jsonb_agg(a ORDER BY id) FROM ledger_account a),
                (SELECT jsonb_agg(b ORDER BY id) FROM ledger_block b),
                (SELECT jsonb_agg(h ORDER BY chain) FROM ledger_chain_head h),
                (SELECT jsonb_agg(g ORDER BY id) FROM credits_grant g)
            """
        )
        return cursor.fetchone()


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack(written, attack):
    before = snapshot()

    try_to(ATTACKS[attack])

    assert snapshot() == before
    assert checks.ledger_problems() == []


@pytest.mark.parametrize(
    ("attack", "constraint"),
    [
        ("post to an account that does not exist", "ledger_transfer_destination"),
        ("post from an account that does not exist", "ledger_transfer_source"),
        ("send to an account that does not exist, among others", "ledger_transfer_destination"),
        ("post in another currency", "ledger_transfer_source"),
        ("post in another currency, twice", "ledger_transfer_source"),
        ("end a hold that does not exist", "ledger_gate"),
        ("end two holds that do not exist", "ledger_gate"),
        ("reverse what does not exist", "ledger_gate"),
        ("open an account for a grant that does not exist", "ledger_account_grant"),
        ("forget a grant that no row names", "ledger_append_only"),
        ("reserve a second half of nothing", "grant_names_grants"),
    ],
)
def test_references_are_refused_by_name(written, attack, constraint):
    reserved()
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        send(ATTACKS[attack])
    assert constraint_of(refused.value) == constraint


@pytest.mark.parametrize("switch", SWITCHES)
def test_no_setting_switches_the_guards_off(written, switch):
    """As the owner and superuser of the test database, which is more than the application is in production."""
    for attack in ("raise an amount", "forget an entry", "set a balance", "invent a block", "forget a block"):
        try_to(ATTACKS[attack], switch)


@pytest.mark.parametrize(
    "table",
    [
        *("ledger_transfer CASCADE", "ledger_entry", "ledger_block", "ledger_account", "ledger_chain_head"),
        "credits_grant CASCADE",
    ],
)
def test_truncate_depends_on_the_name_of_the_database_alone(written, table):
    """Tests empty their database by TRUNCATE, so here the rule itself is asked with the name of a real one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('ledger_refuse_truncate'::regproc)")
        definition = cursor.fetchone()[0]
    as_elsewhere = definition.replace("current_database()", "'portal'::text")
    assert as_elsewhere != definition
    try_to(f"TRUNCATE {table}", as_elsewhere)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_database() ~ '^(test|bench|scratch)_'")
        assert cursor.fetchone() == (True,)


def test_the_trigger_passes_what_is_legal(written):
    assert reserved().stage == "reserved"
    assert checks.ledger_problems() == []
