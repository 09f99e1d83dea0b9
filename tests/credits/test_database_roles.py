"""The four roles on a real server: the app does all its work and no statement of an attacker who has its password works."""

from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from credits import cases, checks, database_roles, delivery, funding, ledger, system_checks, watch
from credits.models import Case, Delivery, FundingRequest, Transfer
from tests.credits.test_append_only import snapshot
from tests.factories.credits import NOON, PROGRAM, funded_pool, person, reserved, sent

PASSWORDS = {"owner": "owner's own", "app": "app's own", "report": "report's own", "backup": "backup's own"}
SHADOW = "CREATE FUNCTION {}(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'"
FIRST = "(SELECT min(id) FROM ledger_transfer)"
ATTACKS = {
    "edit a transfer": "UPDATE ledger_transfer SET amount_cents = amount_cents + 1",
    "edit no row at all": "UPDATE ledger_transfer SET amount_cents = 1 WHERE false",
    "forget a transfer": "DELETE FROM ledger_transfer",
    "forget in passing": "WITH gone AS (DELETE FROM ledger_entry RETURNING *) SELECT count(*) FROM gone",
    "empty the ledger": "TRUNCATE ledger_transfer CASCADE",
    "overwrite by upsert": f"""
        INSERT INTO ledger_transfer SELECT * FROM ledger_transfer WHERE id = {FIRST}
        ON CONFLICT (key) DO UPDATE SET made_by = 'me'""",
    "merge into entries": """
        MERGE INTO ledger_entry e USING ledger_account a ON e.account_id = a.id
        WHEN MATCHED THEN UPDATE SET amount_cents = 0""",
    "invent an entry": "INSERT INTO ledger_entry SELECT account_id, 99, transfer_id, 1, 1 FROM ledger_entry",
    "copy entries in": "COPY ledger_entry FROM STDIN",
    "run a program": "COPY ledger_transfer TO PROGRAM 'true'",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "raise a balance": "UPDATE ledger_account SET balance_cents = balance_cents + 1",
    "let a pool overdraw": "UPDATE ledger_account SET may_overdraw = true",
    "invent a block": "INSERT INTO ledger_block SELECT id + 16, chain, sequence + 1, 1, 1, 1, NULL, hash, hash FROM ledger_block",
    "move a head": "UPDATE ledger_chain_head SET sequence = sequence + 1",
    "forget a check": "DELETE FROM ledger_check",
    "edit the trail": "UPDATE portal_auditevent SET action = 'nothing'",
    "forget the trail": "DELETE FROM portal_auditevent",
    "change an approval by a custom parameter": """
        SELECT set_config('pgtrigger.ignore', '{pgtrigger_funding_request_is_fixed_46d00}', true);
        UPDATE credits_fundingrequest SET decided_by_id = asked_by_id + 1, reason = 'mine'""",
    "settle a case twice by a custom parameter": """
        SELECT set_config('pgtrigger.ignore', (SELECT array_agg(tgname)::text FROM pg_trigger), true);
        UPDATE credits_case SET reason = 'Another.' WHERE settled_at IS NOT NULL""",
    "switch triggers off by session": "SET session_replication_role = replica",
    "switch triggers off by table": "ALTER TABLE ledger_transfer DISABLE TRIGGER ALL",
    "drop a guard": "DROP TRIGGER append_only ON ledger_transfer",
    "drop a table": "DROP TABLE ledger_block",
    "add a trigger": """
        CREATE TRIGGER mine AFTER INSERT ON ledger_account FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()""",
    "replace the writer": """
        CREATE OR REPLACE FUNCTION ledger_write() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RETURN NULL; END $$""",
    "replace the switch of the triggers": """
        CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE sql AS
        'SELECT true'""",
    "call the writer": "SELECT ledger_write_one(t) FROM ledger_transfer t",
    "become the owner": "SET ROLE {owner}",
    "sign in as the owner": "SET SESSION AUTHORIZATION {owner}",
    "join the owner": "GRANT {owner} TO {app}",
    "take the table": "ALTER TABLE ledger_transfer OWNER TO {app}",
    "become everything": "ALTER ROLE {app} SUPERUSER",
    "shadow a table": "CREATE TEMP TABLE ledger_account (id bigint, balance_cents bigint)",
    "shadow a function in front": f"SET LOCAL search_path = pg_temp, public; {SHADOW.format('pg_temp.sha256')}",
    "shadow a function beside": SHADOW.format("public.sha256"),
    "shadow from a schema": "CREATE SCHEMA mine",
    "act through a block of code": "DO $$ BEGIN EXECUTE 'UPDATE ledger_account SET balance_cents = 1'; END $$",
    "rename the database": "ALTER DATABASE {database} RENAME TO test_emptied",
    "stop everybody": "LOCK TABLE ledger_transfer IN ACCESS EXCLUSIVE MODE",
    "fund alone": f"""
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at)
        SELECT 'x', 'fund', source_id, destination_id, 'USD', 1, '', made_by, made_by, now() FROM ledger_transfer
        WHERE id = {FIRST}""",
    "hold twice": """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            happened_at)
        SELECT 'x', 'hold', source_id, destination_id, 'USD', amount_cents, '', 'machine', now()
        FROM ledger_transfer WHERE kind = 'hold' LIMIT 1""",
}


@contextmanager
def signed_in(user: str, password: str):
    """Django's own connection, as another role."""
    before = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    connection.close()
    connection.settings_dict |= {"USER": user, "PASSWORD": password}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict |= before


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def roles(**options) -> str:
    out = StringIO()
    call_command("database_roles", prefix=prefix(), stdout=out, **options)
    return out.getvalue()


def prefix() -> str:
    """Roles belong to the whole server, so each test database has its own."""
    return f"{connection.settings_dict['NAME']}_"[-50:]


@pytest.fixture
def names(transactional_db, monkeypatch):
    """The roles of a server that nobody has touched, made by the command; the test database is put back afterwards."""
    for kind, password in PASSWORDS.items():
        monkeypatch.setenv(f"DB_{kind.upper()}_PASSWORD", password)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, pg_get_functiondef('_pgtrigger_should_ignore'::regproc)")
        me, switch = cursor.fetchone()
    found = database_roles.Names.of(prefix())
    printed = roles(print=True)
    assert not any(password in printed for password in PASSWORDS.values())
    assert "PASSWORD '…'" in printed
    roles(apply=True, before_migrate=True)
    roles(apply=True)
    roles(apply=True)  # a second time changes nothing and fails at nothing
    yield found
    database = connection.settings_dict["NAME"]
    run(
        f'REASSIGN OWNED BY "{found.owner}" TO "{me}"',
        switch,
        "DROP SCHEMA report CASCADE",
        "ALTER SCHEMA public OWNER TO pg_database_owner",
        "GRANT USAGE ON SCHEMA public TO PUBLIC",
        f'GRANT CONNECT, TEMPORARY ON DATABASE "{database}" TO PUBLIC',
    )
    for name in (found.owner, found.app, found.report, found.backup):
        run(f'DROP OWNED BY "{name}"', f'DROP ROLE "{name}"')


def test_the_app_does_its_work_and_none_of_the_attacks(names):
    funded_pool()
    asker, decider = person(is_staff=True), person(is_staff=True)
    fills = {
        "owner": f'"{names.owner}"',
        "app": f'"{names.app}"',
        "database": f'"{connection.settings_dict["NAME"]}"',
    }
    with signed_in(names.app, PASSWORDS["app"]):
        work(asker, decider)
        before = snapshot()
        through = [name for name, attack in ATTACKS.items() if not refused(attack, fills)]
        assert through == []
        assert snapshot() == before
        assert database_roles.weaknesses() == []
        assert checks.ledger_problems() == []
        with pytest.raises(CommandError, match="may not create roles"):
            roles(apply=True, before_migrate=True)
    assert any("superuser" in weakness for weakness in database_roles.weaknesses())
    with signed_in(names.owner, PASSWORDS["owner"]):
        assert any("owns ledger_transfer" in weakness for weakness in database_roles.weaknesses())
        roles(apply=True)  # as after each migration


def work(asker, decider) -> None:
    """What the web and worker processes do with money, from a pool to a correction and a case."""
    wish = funding.ask(
        program=PROGRAM, period="2026", currency="USD", amount_cents=100, reason="More.", by=asker, at=NOON
    )
    funding.approve(request_id=wish.pk, by=decider, at=NOON)
    reserved()
    one = sent()
    Delivery.objects.filter(pk=one.pk).update(state="sent", sent_at=NOON)
    delivery.confirm(delivery_id=one.pk, at=NOON)
    with transaction.atomic():
        ledger.reverse(
            transfer_id=Transfer.objects.get(key=f"fund:{PROGRAM}:2026:request-{wish.pk}").pk,
            made_by=asker,
            approved_by=decider,
            at=NOON,
        )
    case = cases.open_case(kind="event", key="k", words="Something.", at=NOON)
    cases.settle(case=case, by=decider, at=NOON, reason="Nothing.")
    assert watch.check(at=NOON).problems == []
    ledger.stop_posting()
    ledger.resume_posting(by=decider, at=NOON)
    assert (FundingRequest.objects.get().state, Case.objects.get().reason) == ("funded", "Nothing.")


def refused(attack: str, fills: dict[str, str]) -> bool:
    statement = attack
    for name, value in fills.items():
        statement = statement.replace(f"{{{name}}}", value)
    try:
        with transaction.atomic():
            run(statement)
    except DatabaseError:
        return True
    return False


def test_the_report_role_reads_figures_and_no_person_and_the_backup_role_reads_all(names):
    funded_pool()
    reserved()
    with signed_in(names.report, PASSWORDS["report"]), connection.cursor() as cursor:
        cursor.execute("SELECT program, amount_cents FROM report.grants")
        assert cursor.fetchall() == [(PROGRAM, 1_000_00)]
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'report'"
        )
        columns = cursor.fetchall()
        assert {"grants", "balances", "movements", "applications", "decisions"} <= {
            view for view, _ in columns
        }
        personal = {
            "holder_id",
            "applicant_id",
            "email",
            "name",
            "title",
            "answers",
            "reference",
            "made_by",
            "reason",
        }
        assert not personal & {column for _, column in columns}
        for view, _ in columns:
            cursor.execute(f"SELECT * FROM report.{view}")
        for statement in (
            "SELECT * FROM credits_grant",
            "SELECT * FROM portal_user",
            "DELETE FROM report.grants",
        ):
            assert refused(statement, {})
    with signed_in(names.backup, PASSWORDS["backup"]), connection.cursor() as cursor:
        for table in database_roles.app_rights():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
        assert refused("INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())", {})


def test_the_deployment_check_names_a_sign_in_that_is_too_powerful(db, settings):
    assert system_checks.database_role(None) == []
    settings.TESTING = False
    assert [message.id for message in system_checks.database_role(None)] == ["credits.W003"]
