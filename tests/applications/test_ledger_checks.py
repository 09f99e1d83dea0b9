import pytest
from django.db import connection

from credits.checks import ledger_problems
from tests.applications.test_release import World

pytestmark = pytest.mark.django_db


def _as_owner(statement: str) -> None:
    """Change rows as somebody who switched the guards off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")


@pytest.fixture
def released() -> World:
    world = World()
    world.award(world.applications[0])
    world.release()
    assert ledger_problems() == []
    return world


def test_an_award_that_grew_after_release_is_found(released: World) -> None:
    _as_owner("UPDATE applications_decision SET amount_cents = amount_cents + 1")

    (problem,) = ledger_problems()
    assert problem.startswith("every released award has its grant: application ")


def test_a_grant_whose_decision_was_undone_is_found(released: World) -> None:
    _as_owner("UPDATE applications_decision SET state = 'void'")

    (problem,) = ledger_problems()
    assert problem.endswith("has no released award")
