import itertools

import pytest
from django.db import Error, transaction

from applications.models import Application
from applications.states import MAY_BECOME, SENT, State
from tests.factories.applications import BEFORE, make_draft, make_program, make_submitted

pytestmark = pytest.mark.django_db


def _in_state(state: State) -> Application:
    program = make_program()
    if state == State.DRAFT:
        return make_draft(program)
    application = make_submitted(program)
    path = {
        State.SUBMITTED: [],
        State.IN_REVIEW: [State.IN_REVIEW],
        State.AWARDED: [State.IN_REVIEW, State.AWARDED],
        State.DECLINED: [State.IN_REVIEW, State.DECLINED],
        State.DEFERRED: [State.IN_REVIEW, State.DEFERRED],
        State.WITHDRAWN: [State.WITHDRAWN],
    }[state]
    for step in path:
        Application.objects.filter(pk=application.pk).update(
            state=step, withdrawn_at=BEFORE if step == State.WITHDRAWN else None
        )
    return application


@pytest.mark.parametrize("before", list(State))
def test_database_follows_the_transition_table(before: State) -> None:
    application = _in_state(before)

    for after in State:
        try:
            with transaction.atomic():
                Application.objects.filter(pk=application.pk).update(
                    state=after, withdrawn_at=BEFORE if after == State.WITHDRAWN else None
                )
                became = True
                transaction.set_rollback(True)
        except Error:
            became = False
        may = after in MAY_BECOME[before] or after == before
        if before == State.DRAFT and after in SENT:
            may = False  # a draft lacks reference, cycle and moment: another constraint refuses it
        assert became == may, f"{before} -> {after}"


def test_every_state_has_a_row() -> None:
    assert set(MAY_BECOME) == set(State)
    assert set(itertools.chain(*MAY_BECOME.values())) <= set(State)


def test_unknown_state_is_refused() -> None:
    application = make_draft(make_program())

    with pytest.raises(Error), transaction.atomic():
        Application.objects.filter(pk=application.pk).update(state="hacked")
