"""Migrations: named, one line per app, complete, and reversible on a real database."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.writer import MigrationWriter

from tests import processes

PROJECT = Path(__file__).resolve().parents[1]
OURS = ("portal", "credits", "programs", "applications")


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("app", OURS)
def test_one_leaf_per_app(app):
    loader = MigrationLoader(None)

    assert len(loader.graph.leaf_nodes(app)) == 1


@pytest.mark.parametrize("app", OURS)
def test_migrations_have_names(app):
    names = [path.stem for path in (PROJECT / app / "migrations").glob("[0-9]*.py")]

    assert names
    assert [
        name for name in names if re.search(r"_auto_|_initial$|_alter_.*_and_more$|_and_more$", name)
    ] == []


def test_a_squash_leads_where_the_migrations_it_replaces_led():
    """An empty database takes the squash, a grown one took the others: the same tables, and every line of SQL."""
    loader = MigrationLoader(None)
    one_by_one = MigrationLoader(None, replace_migrations=False)
    squashed = [key for key in loader.graph.nodes if loader.disk_migrations[key].replaces]

    assert {app for app, _ in squashed} == set(OURS)
    for key in squashed:
        replaced = loader.disk_migrations[key].replaces
        assert key > min(replaced)  # else "the first migration" of the app means the squash (decision 0015)
        before, after = one_by_one.project_state(sorted(replaced)[-1]), loader.project_state(key)
        assert _tables(before, key[0]) == _tables(after, key[0])
        sql = [op.sql for name in sorted(replaced) for op in _sql(loader.disk_migrations[name])]
        assert [op.sql for op in _sql(loader.disk_migrations[key])] == sql


def _sql(migration):
    return [operation for operation in migration.operations if isinstance(operation, RunSQL)]


def _tables(state, app):
    """Everything that stands in the state of an app's models, in a form that compares by value."""
    return {
        name: (
            {field: MigrationWriter.serialize(value)[0] for field, value in model.fields.items()},
            {
                option: sorted(getattr(part, "install_sql", repr(part)) for part in value)
                if isinstance(value, list)
                else value
                for option, value in model.options.items()
                if value not in ([], (), None)
            },
            model.bases,
        )
        for (of, name), model in state.models.items()
        if of == app
    }


@pytest.fixture
def scratch(transactional_db):
    """An empty database beside the test database, for what cannot be rolled back."""
    name = f"{connection.settings_dict['NAME']}_migrations"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}"')
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


BACK_AND_FORTH = """
import json, sys, django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

def migrate(**options):
    call_command("migrate", verbosity=0, skip_checks=True, **options)

migrate()
MigrationExecutor(connection).migrate([(app, None) for app in json.loads(sys.argv[1])])
assert MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
migrate()
migrate(check_unapplied=True)
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_migration_goes_back_and_forth(scratch):
    url = processes.environment()["DATABASE_URL"].rpartition("/")[0] + f"/{scratch}"

    done = subprocess.run(
        [sys.executable, "-c", BACK_AND_FORTH, json.dumps(OURS)],
        check=False,
        cwd=PROJECT,
        env=processes.environment(DATABASE_URL=url),
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert done.returncode == 0, done.stdout + done.stderr
