"""Migrations: named, one line per app, complete, and reversible on a real database."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

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


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_migration_goes_back_and_forth(scratch):
    url = processes.environment()["DATABASE_URL"].rpartition("/")[0] + f"/{scratch}"

    def migrate(*arguments):
        done = processes.manage(
            "migrate", "-v", "0", "--skip-checks", *arguments, DATABASE_URL=url, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr

    migrate()
    for app in reversed(OURS):
        migrate(app, "zero")
    migrate()
    migrate("--check")
