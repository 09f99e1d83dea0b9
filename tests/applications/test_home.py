"""What the first page of the staff side calls trouble."""

from datetime import timedelta

import pytest

from applications import home
from applications.attention import Calls
from credits import ledger
from credits.models import LedgerCheck
from portal.roles import Role
from programs.staff import desk_of
from tests.factories.applications import make_member, make_program, make_user
from tests.factories.credits import NOON, funded_pool

pytestmark = pytest.mark.django_db


def troubles(person, hours):
    return home.troubles(desk_of(person), Calls(), at=NOON + timedelta(hours=hours))


def test_a_ledger_that_nobody_checks_any_more_is_trouble():
    manager = make_member(make_program(), Role.MANAGER)
    assert troubles(manager, 9) == []  # a new installation
    LedgerCheck.objects.create(at=NOON)

    assert troubles(manager, 3) == []
    (late,) = troubles(manager, 4)

    assert late.text == "The ledger was last checked on 2026-12-07 at 12:00 UTC"
    assert late.url_name == "admin:credits_ledgercheck_changelist"
    assert troubles(make_user(), 4) == []


def test_posting_that_stands_still_is_trouble_although_the_last_check_found_nothing():
    funded_pool()
    manager = make_member(make_program(), Role.MANAGER)
    LedgerCheck.objects.create(at=NOON)
    ledger.stop_posting()

    (stopped,) = troubles(manager, 1)
    ledger.resume_posting(by=manager, at=NOON)

    assert stopped.text == "Posting is stopped"
    assert "ledger_verify --resume" in stopped.note
    assert troubles(manager, 1) == []
