"""Every pair of states of the small machines, in Python and in the database; applications: test_states.py."""

from itertools import product
from typing import Any

import pytest
from django.db import Error, transaction

from applications import decisions, review
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Decision,
    DecisionState,
    Review,
    ReviewState,
)
from applications.review import Look
from applications.states import (
    ASSIGNMENT_MAY_BECOME,
    DECISION_MAY_BECOME,
    MAY_BECOME,
    REVIEW_MAY_BECOME,
    State,
)
from tests.factories import applications as make
from tests.factories.evaluation import SCORES, Evaluation

pytestmark = pytest.mark.django_db

MACHINES = {
    Application: (State, MAY_BECOME),
    Assignment: (AssignmentState, ASSIGNMENT_MAY_BECOME),
    Review: (ReviewState, REVIEW_MAY_BECOME),
    Decision: (DecisionState, DECISION_MAY_BECOME),
}


@pytest.mark.parametrize("model", MACHINES, ids=lambda model: model.__name__)
def test_every_state_has_a_row_and_no_row_leads_nowhere(model: Any) -> None:
    states, table = MACHINES[model]

    assert set(table) == set(states.values)
    assert set().union(*table.values()) <= set(states.values)


def _became(row: Any, state: str, **with_it: Any) -> bool:
    """Whether the database takes a step; it is undone in any case."""
    try:
        with transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(state=state, **with_it)
            transaction.set_rollback(True)
    except Error:
        return False
    return True


def _stand(row: Any, path: list[str], **with_it: Any) -> Any:
    for state in path:
        type(row).objects.filter(pk=row.pk).update(state=state, **with_it)
    return row


@pytest.fixture
def evaluation() -> Evaluation:
    made = Evaluation()
    made.to_review()
    made.fund()
    return made


ASSIGNMENT_PATHS = {"to_do": [], "done": ["done"], "recused": ["recused"]}


@pytest.mark.parametrize(("before", "after"), list(product(AssignmentState.values, repeat=2)))
def test_assignments_in_the_database(before: str, after: str) -> None:
    program = make.make_program()
    make.make_member(program)
    make.make_batch(program)
    row = _stand(Assignment.objects.get(), ASSIGNMENT_PATHS[before])

    assert _became(row, after) == (after == before or after in ASSIGNMENT_MAY_BECOME[before])


@pytest.mark.parametrize(("before", "after"), list(product(ReviewState.values, repeat=2)))
def test_reviews_in_the_database(before: str, after: str) -> None:
    program = make.make_program()
    reviewer = make.make_member(program)
    make.make_batch(program)
    row = review.save(
        application_id=Application.objects.get().pk, look=Look(scores={}), by=reviewer, at=make.AFTER
    )
    _stand(row, {"draft": [], "in": ["in"], "aside": ["in", "aside"]}[before], submitted_at=make.AFTER)

    assert _became(row, after, submitted_at=make.AFTER) == (
        after == before or after in REVIEW_MAY_BECOME[before]
    )


def _released(evaluation: Evaluation) -> dict[str, Any]:
    later = evaluation.program.cycles.order_by("cut_off_at")[1]
    return {"released_at": make.AFTER, "released_by": evaluation.manager, "to_cycle": later}


def _decision(evaluation: Evaluation, state: str) -> Decision:
    """A deferral in some state: the one kind that reaches all of them."""
    row = Decision.objects.create(
        application=evaluation.application,
        kind="defer",
        four_eyes_above_cents=0,
        reason="A month later.",
        proposed_by=evaluation.manager,
        proposed_at=make.AFTER,
    )
    moment = _released(evaluation)
    path = {"pending": [], "void": ["void"], "released": ["released"], "carried": ["released", "carried"]}
    _stand(row, path[state], **(moment if state in ("released", "carried") else {}))
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(("before", "after"), list(product(DecisionState.values, repeat=2)))
def test_decisions_in_the_database(evaluation: Evaluation, before: str, after: str) -> None:
    row = _decision(evaluation, before)
    moment = {} if row.released_at else _released(evaluation)

    took = _became(row, after, **(moment if after in ("released", "carried") else {}))

    assert took == (after == before or after in DECISION_MAY_BECOME[before])


# --- Events: what each operation does in each state --------------------------------------------------------------------


def _into(evaluation: Evaluation, state: State) -> None:
    """Bring the application of an evaluation into a state the way life does, as far as operations go."""
    pk = evaluation.application.pk
    if state in (State.AWARDED, State.DECLINED):
        evaluation.award() if state == State.AWARDED else evaluation.decline()
        evaluation.release()
    elif state == State.DEFERRED:
        Application.objects.filter(pk=pk).update(state=state)
    elif state == State.WITHDRAWN:
        Application.objects.filter(pk=pk).update(state=state, withdrawn_at=make.AFTER)


EVENTS = {
    "save": lambda world, by: review.save(
        application_id=world.application.pk, look=Look(scores=SCORES), by=by, at=make.AFTER
    ),
    "send_in": lambda world, by: review.send_in(
        application_id=world.application.pk, look=Look(scores=SCORES), by=by, at=make.AFTER
    ),
    "recuse": lambda world, by: review.recuse(
        application_id=world.application.pk, kind="other", reason="", by=by, at=make.AFTER
    ),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "state", [State.IN_REVIEW, State.AWARDED, State.DECLINED, State.DEFERRED, State.WITHDRAWN]
)
def test_reviewers_act_while_it_is_in_review_and_only_then(
    evaluation: Evaluation, state: State, event: str
) -> None:
    _into(evaluation, state)
    by = evaluation.reviewers[0]

    if state == State.IN_REVIEW:
        EVENTS[event](evaluation, by)
        return
    with pytest.raises(review.CannotReview, match=r"reviews are closed|not in review"):
        EVENTS[event](evaluation, by)


@pytest.mark.parametrize("state", DecisionState.values)
@pytest.mark.parametrize("event", ["undo", "approve"])
def test_a_decision_is_undone_or_approved_while_it_is_pending(
    evaluation: Evaluation, state: str, event: str
) -> None:
    row = _decision(evaluation, state)
    act = getattr(decisions, event)

    if state == "pending" and event == "undo":
        act(decision_id=row.pk, by=evaluation.second, at=make.AFTER)
        row.refresh_from_db()
        assert row.state == DecisionState.VOID
        return
    with pytest.raises(decisions.CannotDecide):
        act(decision_id=row.pk, by=evaluation.second, at=make.AFTER)
