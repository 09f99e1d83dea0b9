"""Four roles of the database: who owns the tables, who works with them, who reads figures, who makes copies.

owner   owns every table and function, runs the migrations, and is nobody that a web process signs in as
app     adds and changes rows; of the ledger it adds transfers and opens accounts, and that is all
report  reads views without personal data, in a schema of their own
backup  reads everything and writes nothing

What the app may not do is worked out from the models: a table whose rows a trigger protects from every change or
deletion loses that right altogether, so that no setting of a session can bring it back. docs/ledger.md, "Rights".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pghistory.models
from django.apps import apps
from django.db import connection, transaction

SCHEMA, REPORT_SCHEMA = "public", "report"
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Rights that differ from what the models' triggers say.
OF_THE_APP: dict[str, tuple[str, ...]] = {
    "ledger_transfer": ("SELECT", "INSERT"),
    "ledger_account": ("SELECT", "INSERT"),
    "ledger_entry": ("SELECT",),
    "ledger_block": ("SELECT",),
    "ledger_chain_head": ("SELECT", "UPDATE (frozen)"),
    "ledger_check": ("SELECT", "INSERT"),
    "django_migrations": ("SELECT",),
    "credits_grant": ("SELECT", "INSERT", "UPDATE"),
    "credits_delivery": ("SELECT", "INSERT", "UPDATE"),
    "credits_organization": ("SELECT", "INSERT", "UPDATE"),
}
REPORT_VIEWS: dict[str, str] = {
    "grants": """
        SELECT g.id, g.program, g.provider, g.pool, g.amount_cents, g.currency, g.term_months, g.models, g.stage,
            g.created_at, g.sent_at, g.confirmed_at, g.ended_at, g.starts_on, g.expires_on,
            coalesce(a.balance_cents, 0) AS left_cents
        FROM credits_grant g LEFT JOIN ledger_account a ON a.code = 'granted:' || g.id
    """,
    "balances": "SELECT id, kind, program, currency, balance_cents, version FROM ledger_account",
    "movements": """
        SELECT t.id, t.kind, s.kind AS source, d.kind AS destination, d.program, t.currency, t.amount_cents,
            t.happened_at, t.recorded_at
        FROM ledger_transfer t
        JOIN ledger_account s ON s.id = t.source_id JOIN ledger_account d ON d.id = t.destination_id
    """,
    "ledger_checks": "SELECT id, at, jsonb_array_length(problems) AS problems, transfers FROM ledger_check",
}
"""Views of the report role. Other apps add theirs as `report_views` of their AppConfig; none may name a person."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the four roles are called in this cluster."""

    owner: str
    app: str
    report: str
    backup: str

    @classmethod
    def of(cls, prefix: str) -> "Names":
        return cls(*(f"{prefix}{name}" for name in ("owner", "app", "report", "backup")))


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of SQL; `values` stay out of what is printed."""

    sql: str
    values: tuple[Any, ...] = ()


def apply(statements: Sequence[Statement]) -> int:
    """Run statements in one transaction: all of them or none. Returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.sql, statement.values or None)
    return len(statements)


def creation(names: Names, passwords: Mapping[str, str]) -> list[Statement]:
    """Make the roles, or bring them back to what they should be. Needs a role that may create roles.

    passwords: by "owner", "app", "report", "backup". A role without one exists and nobody can sign in as it. Only the
    SCRAM verifier of a password is sent, so none appears in a log of the server.
    """
    wanted = []
    existing = _roles()
    for kind in ("owner", "app", "report", "backup"):
        name = getattr(names, kind)
        verb = "ALTER" if name in existing else "CREATE"
        login = "LOGIN" if passwords.get(kind) else "NOLOGIN"
        limits = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS"
        wanted.append(Statement(f"{verb} ROLE {_q(name)} {login} {limits}"))
        if passwords.get(kind):
            wanted.append(
                Statement(f"ALTER ROLE {_q(name)} PASSWORD %s", (_verifier(name, passwords[kind]),))
            )
    if not _is_superuser():
        wanted.append(Statement(f"GRANT {_q(names.owner)} TO CURRENT_USER"))
    return wanted


def ownership(names: Names) -> list[Statement]:
    """Give the database, its schema and everything in it to the owner, and take from everybody what nobody named."""
    owner, database = _q(names.owner), _q(connection.settings_dict["NAME"])
    wanted = [
        Statement(f"ALTER DATABASE {database} OWNER TO {owner}"),
        Statement(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"),
        Statement(f"ALTER SCHEMA {SCHEMA} OWNER TO {owner}"),
        Statement(f"REVOKE ALL ON SCHEMA {SCHEMA} FROM PUBLIC"),
        Statement(f"DROP SCHEMA IF EXISTS {REPORT_SCHEMA} CASCADE"),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_NOT_OWNED, [owner, owner])
        return wanted + [Statement(f"ALTER {what} OWNER TO {owner}") for (what,) in cursor.fetchall()]


def rights(names: Names) -> list[Statement]:
    """What each role may do with the tables that exist now. Run it after every migration, as the owner."""
    database = _q(connection.settings_dict["NAME"])
    app, report, backup = _q(names.app), _q(names.report), _q(names.backup)
    wanted = [
        Statement(
            f"SET LOCAL ROLE {_q(names.owner)}"
        ),  # so that the views are the owner's, whoever runs this
        Statement(f"GRANT CONNECT ON DATABASE {database} TO {app}, {report}, {backup}"),
        Statement(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {app}, {backup}"),
        Statement(f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM PUBLIC, {app}, {report}, {backup}"),
    ]
    for table, allowed in sorted(app_rights().items()):
        wanted.append(Statement(f"GRANT {', '.join(allowed)} ON {_q(table)} TO {app}"))
    wanted += [
        Statement(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {app}"),
        Statement(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {backup}"),
        Statement(f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {backup}"),
        Statement(_ONLY_THE_OWNER_IGNORES.format(owner=_literal(names.owner))),
    ]
    return wanted + _report_views(report, backup)


def app_rights() -> dict[str, tuple[str, ...]]:
    """The rights of the app on every table of ours, by table."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
    found: dict[str, tuple[str, ...]] = dict.fromkeys(tables, ALL)
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        if table not in tables:
            continue
        kept: tuple[str, ...] = ("SELECT", "INSERT") if issubclass(model, pghistory.models.Event) else ALL
        for trigger in getattr(model._meta, "triggers", ()):
            if type(trigger).__name__ == "Protect" and trigger.condition is None:
                kept = tuple(right for right in kept if right not in str(trigger.operation))
        found[table] = kept
    found.update({table: allowed for table, allowed in OF_THE_APP.items() if table in tables})
    return found


def weaknesses() -> list[str]:
    """What the role of this connection could do to the ledger and should not. Empty as the app."""
    with connection.cursor() as cursor:
        cursor.execute(_WEAKNESSES)
        return [row[0] for row in cursor.fetchall()]


def may_create_roles() -> bool:
    """Whether this connection's role can make the others."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def _report_views(report: str, backup: str) -> list[Statement]:
    views = dict(REPORT_VIEWS)
    for config in apps.get_app_configs():
        views |= getattr(config, "report_views", {})
    return [
        Statement(f"DROP SCHEMA IF EXISTS {REPORT_SCHEMA} CASCADE"),
        Statement(f"CREATE SCHEMA {REPORT_SCHEMA}"),
        *(Statement(f"CREATE VIEW {REPORT_SCHEMA}.{_q(name)} AS {query}") for name, query in views.items()),
        Statement(f"GRANT USAGE ON SCHEMA {REPORT_SCHEMA} TO {report}, {backup}"),
        Statement(f"GRANT SELECT ON ALL TABLES IN SCHEMA {REPORT_SCHEMA} TO {report}, {backup}"),
    ]


def _roles() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles")
        return {name for (name,) in cursor.fetchall()}


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def _verifier(name: str, password: str) -> str:
    from psycopg2.extensions import encrypt_password

    connection.ensure_connection()
    return encrypt_password(password, name, connection.connection, "scram-sha-256")


def _q(name: str) -> str:
    """A name as an identifier: always in quotes."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Sequences follow their tables; what belongs to an extension stays with it.
_NOT_OWNED = """
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW ' WHEN 'm' THEN 'MATERIALIZED VIEW ' WHEN 'S' THEN 'SEQUENCE '
            ELSE 'TABLE ' END || c.oid::regclass
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relowner <> coalesce(to_regrole(%s)::oid, 0)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'a', 'i'))
    UNION ALL
    SELECT 'ROUTINE ' || p.oid::regprocedure
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'public' AND p.proowner <> coalesce(to_regrole(%s)::oid, 0)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
# Triggers made by pgtrigger ask this function whether a session switched them off. Migrations bring its first form back.
_ONLY_THE_OWNER_IGNORES = """
    CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
        SELECT session_user = {owner} AND coalesce(
            trigger_name::text = ANY (nullif(current_setting('pgtrigger.ignore', true), '')::text[]), false)
    $$
"""
_WEAKNESSES = """
    SELECT format('the role %s owns %s, so it can drop what guards it', current_user, c.relname)
    FROM pg_class c WHERE c.relname LIKE 'ledger\\_%' AND c.relkind = 'r' AND c.relowner = current_user::regrole
    UNION ALL
    SELECT format('the role %s may do everything (superuser)', current_user)
    FROM pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL
    SELECT format('the role %s may %s on %s', current_user, right_, c.relname)
    FROM pg_class c, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS right_
    WHERE c.relname IN ('ledger_transfer', 'ledger_entry', 'ledger_block') AND c.relkind = 'r'
        AND has_table_privilege(c.oid, right_) AND NOT pg_has_role(c.relowner, 'USAGE')
    ORDER BY 1
"""
