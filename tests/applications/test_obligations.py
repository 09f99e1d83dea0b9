"""What holders owe: its beginning, its due day, reminders, handing in, judging, and what overdue means."""

from datetime import date, datetime, timedelta

import pytest

from applications import (
    amendments,
    decisions,
    intake,
    notices,
    obligation_desk,
    obligations,
    release,
    release_checks,
    summaries,
)
from applications.models import (
    Conflict,
    Notice,
    NoticeState,
    Obligation,
    ObligationState,
    Summary,
)
from credits import checks, delivery, grants
from credits.models import Grant, LedgerAccount, Stage
from portal.models import AuditEvent, User
from portal.roles import Role
from programs.models import MessageKind
from programs.staff import Desk
from tests.factories.amending import BEGUN, NEXT_REVIEW, POSTED, Awarded
from tests.factories.applications import make_member, make_program, make_submitted, make_user

pytestmark = pytest.mark.django_db

WANTED = {"summary_required": True, "summary_due_days": 14}
DAY = timedelta(days=1)


def owed(**fields: object) -> tuple[Awarded, Obligation]:
    """An award that is posted and owes a summary; the credit ends on 20 June 2027."""
    world = Awarded(**{**WANTED, **fields})
    obligations.follow(at=POSTED)
    return world, Obligation.objects.get(application=world.application)


def at_noon(day: date) -> datetime:
    return datetime.combine(day, POSTED.timetz())


def hand_in(world: Awarded, owes: Obligation, *, text: str = "We found it.", at: datetime = BEGUN) -> Summary:
    return summaries.hand_in(obligation_id=owes.pk, text=text, version=None, by=world.holder, at=at)


def test_it_begins_with_the_posting_and_once_where_the_program_wants_it() -> None:
    world = Awarded(posted=False, **WANTED)
    assert obligations.follow(at=POSTED).begun == 0
    world.accept()
    world.post()

    assert obligations.follow(at=POSTED).begun == 1
    assert obligations.follow(at=POSTED + DAY).begun == 0
    assert Obligation.objects.get().due_on == date(2027, 6, 6)


def test_nothing_is_owed_where_the_program_wants_nothing() -> None:
    Awarded()

    assert obligations.follow(at=POSTED).begun == 0
