from decimal import Decimal

import pytest

from applications import review
from applications.models import (
    Assignment,
    AssignmentState,
    GateOutcome,
    GateResult,
    Recusal,
    RecusalKind,
    ReviewState,
)
from applications.review import Look
from portal.roles import Role
from programs import memberships
from tests.factories.applications import AFTER, make_batch, make_member, make_program, make_submitted

pytestmark = pytest.mark.django_db

SCORES = {"merit": 4, "impact": 5, "feasibility": 3}


@pytest.fixture
def program():
    return make_program(reviews_wanted=1)


@pytest.fixture
def assigned(program):
    make_member(program)
    make_batch(program)
    return Assignment.objects.get()


def test_a_review_is_saved_sent_in_and_counted(assigned: Assignment) -> None:
    by, pk = assigned.reviewer, assigned.application_id

    draft = review.save(application_id=pk, look=Look(scores={"merit": 4}), by=by, at=AFTER)
    assert (draft.state, draft.total) == (ReviewState.DRAFT, Decimal("4.00"))
    sent = review.send_in(application_id=pk, look=Look(scores=SCORES, confidence="high"), by=by, at=AFTER)

    assert (sent.state, sent.total, sent.scores.count()) == (ReviewState.IN, Decimal("4.00"), 3)
    assigned.refresh_from_db()
    assert assigned.state == AssignmentState.DONE


def test_a_missing_score_is_named_unless_it_is_a_clear_decline(assigned: Assignment) -> None:
    by, pk = assigned.reviewer, assigned.application_id

    with pytest.raises(review.BadReview, match="Score “Feasibility”") as refusal:
        review.send_in(application_id=pk, look=Look(scores={"merit": 1, "impact": 1}), by=by, at=AFTER)
    assert list(refusal.value.problems) == ["feasibility"]

    sent = review.send_in(
        application_id=pk, look=Look(scores={"merit": 1}, clear_decline=True), by=by, at=AFTER
    )
    assert sent.state == ReviewState.IN


@pytest.mark.parametrize(
    ("scores", "message"),
    [({"merit": 6}, "from 1 to 5, not 6"), ({"merit": 0}, "not 0"), ({"charm": 3}, "not a criterion")],
)
def test_a_score_off_the_scale_is_refused(assigned: Assignment, scores: dict[str, int], message: str) -> None:
    with pytest.raises(review.BadReview, match=message):
        review.save(
            application_id=assigned.application_id, look=Look(scores=scores), by=assigned.reviewer, at=AFTER
        )


def test_only_an_assigned_member_without_conflict_reviews(program, assigned: Assignment) -> None:
    stranger, former = make_member(make_program()), assigned.reviewer
    unassigned = make_member(program)

    for person in (stranger, unassigned):
        with pytest.raises(review.CannotReview):
            review.save(application_id=assigned.application_id, look=Look(scores=SCORES), by=person, at=AFTER)
    memberships.end(program=program, user=former, role=Role.REVIEWER, by=None, at=AFTER)
    with pytest.raises(review.CannotReview, match="not a reviewer of this program any more"):
        review.save(application_id=assigned.application_id, look=Look(scores=SCORES), by=former, at=AFTER)


def test_recusal_lasts_and_finds_the_next_reviewer(program, assigned: Assignment) -> None:
    successor = make_member(program)

    found = review.recuse(
        application_id=assigned.application_id,
        kind=RecusalKind.COLLABORATOR,
        reason="Same grant in 2025",
        by=assigned.reviewer,
        at=AFTER,
    )

    assert found is not None
    assert found.reviewer == successor
    assert Recusal.objects.get().reviewer == assigned.reviewer
    with pytest.raises(review.CannotReview, match="stepped back"):
        review.save(
            application_id=assigned.application_id, look=Look(scores=SCORES), by=assigned.reviewer, at=AFTER
        )
    assert (
        review.recuse(
            application_id=assigned.application_id, kind=RecusalKind.OTHER, reason="", by=successor, at=AFTER
        )
        is None
    )


def test_a_gate_is_answered_by_a_screener_where_it_applies(program) -> None:
    screener, reviewer = make_member(program, Role.SCREENER), make_member(program)
    plain, gated = make_submitted(program), make_submitted(program, field="biology")
    make_batch(program, submitted=[plain, gated])
    gated.refresh_from_db()

    assert review.gates_for(plain) == []
    assert [gate.key for gate in review.gates_for(gated)] == ["biosecurity"]
    answer = {"application_id": gated.pk, "criterion_key": "biosecurity", "note": "", "at": AFTER}
    with pytest.raises(review.CannotReview, match="Only a screener"):
        review.answer_gate(outcome=GateOutcome.PASSED, by=reviewer, **answer)
    review.answer_gate(outcome=GateOutcome.FAILED, by=screener, **answer)
    review.answer_gate(outcome=GateOutcome.PASSED, by=screener, **answer)
    assert GateResult.objects.get().outcome == GateOutcome.PASSED
