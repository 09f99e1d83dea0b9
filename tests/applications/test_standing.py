from datetime import UTC, datetime, timedelta

import pytest

from applications import intake, standing
from applications.models import Application
from applications.standing import Phase
from applications.states import State
from programs.models import DeclineMode
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    make_batch,
    make_draft,
    make_program,
    make_submitted,
)

pytestmark = pytest.mark.django_db

END = datetime(2026, 12, 22, 8, tzinfo=UTC)  # the decided-by date is over in Los Angeles


def load(application: Application) -> Application:
    return Application.objects.select_related("program", "cycle__program", "applicant").get(pk=application.pk)


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        (BEFORE, Phase.OPEN),
        (CUT_OFF - timedelta(seconds=1), Phase.OPEN),
        (CUT_OFF, Phase.FROZEN),
        (END - timedelta(seconds=1), Phase.FROZEN),
        (END, Phase.CLOSED),
    ],
)
@pytest.mark.parametrize("state", [State.SUBMITTED, State.IN_REVIEW, State.DECLINED, State.DEFERRED])
def test_only_the_calendar_speaks(at: datetime, phase: Phase, state: State) -> None:
    application = load(make_submitted(make_program()))
    application.state = state

    now = standing.phase_of(application, at=at)

    # A deferred one is not over after the date: it goes into the next evaluation.
    assert now == (Phase.FROZEN if state == State.DEFERRED and at == END else phase)


@pytest.mark.parametrize("at", [BEFORE, CUT_OFF, AFTER, END - timedelta(seconds=1)])
def test_silent_states_give_the_same_standing(at: datetime) -> None:
    application = load(make_submitted(make_program()))
    seen = []
    for state in (State.SUBMITTED, State.IN_REVIEW, State.DECLINED, State.DEFERRED):
        application.state = state
        seen.append(standing.of(application, at=at))

    assert all(one == seen[0] for one in seen)


def test_a_program_that_tells_may_close_early() -> None:
    application = load(make_submitted(make_program(decline_mode=DeclineMode.TOLD)))
    application.state = State.DECLINED

    assert standing.phase_of(application, at=AFTER) == Phase.CLOSED


def test_a_draft_has_no_dates() -> None:
    now = standing.of(load(make_draft(make_program())), at=BEFORE)

    assert (now.phase, now.steps, now.can_withdraw) == (Phase.DRAFT, [], False)


def test_withdrawn_tells_only_what_the_applicant_did() -> None:
    application = make_submitted(make_program())
    intake.withdraw(application_id=application.pk, by=application.applicant, at=BEFORE)

    now = standing.of(load(application), at=END)

    assert [step.title for step in now.steps] == ["Sent", "Withdrawn"]


def test_applying_again_follows_the_program() -> None:
    program = make_program(reapply_wait_days=60)
    application = load(make_batch_of_one(program))

    now = standing.of(application, at=END)

    assert str(now.apply_again_on) == "2027-02-05"
    assert not now.may_apply_again


def make_batch_of_one(program):
    application = make_submitted(program)
    make_batch(program, submitted=[application])
    return application
