"""A program changes while a cycle is under review: that cycle goes on as it began."""

from typing import Any

import pytest

from applications import decisions, release, review, screening, standing
from applications.models import GateOutcome, Notice, Review, ScreeningCheck
from portal import clock
from portal.roles import Role
from programs import rulebook
from programs.models import Criterion, EligibilityRule, MessageKind, Program, RuleKind
from tests.factories import applications as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def world() -> dict[str, Any]:
    """A batch in review, its manager and two reviewers."""
    program = make.make_program()
    reviewers = [make.make_member(program) for _ in range(2)]
    manager = make.make_member(program, Role.MANAGER)
    batch = make.make_batch(program, applications=1)
    application = batch.entries.get().application
    return {
        "program": program,
        "batch": batch,
        "application": application,
        "manager": manager,
        "reviewers": reviewers,
    }


def change(program: Program, **fields: Any) -> None:
    Program.objects.filter(pk=program.pk).update(**fields)


def test_the_cap_and_the_second_person_are_those_of_the_cycle(world):
    change(world["program"], award_cap_cents=100, four_eyes_above_cents=50)
    kept = world["program"]

    decision = decisions.propose_award(
        application_id=world["application"].pk, amount_cents=15_000_00, by=world["manager"], at=make.AFTER
    )

    assert decision.amount_cents == 15_000_00
    assert kept.award_cap_cents == 20_000_00
    with pytest.raises(decisions.CannotDecide, match=r"20,000"):
        decisions.propose_award(
            application_id=world["application"].pk,
            amount_cents=25_000_00,
            by=world["manager"],
            at=make.AFTER,
        )


def test_the_weights_the_scale_and_the_rubric_are_those_of_the_cycle(world):
    rules = rulebook.for_application(world["application"])
    Criterion.objects.filter(program=world["program"]).update(scale_max=2, weight_percent=0)
    first = rules.scores[0]
    rulebook.retire(Criterion.objects.get(pk=first.pk))
    reviewer = world["application"].assignments.first().reviewer

    look = review.Look(scores={row.key: 5 for row in rules.scores}, confidence="high", note="Sound.")
    review.send_in(application_id=world["application"].pk, look=look, by=reviewer, at=make.AFTER)

    found = Review.objects.get()
    assert found.total == 5
    assert found.scores.filter(criterion=first).exists()


def test_a_gate_added_later_is_no_gate_of_the_cycle(world):
    Criterion.objects.create(
        program=world["program"], key="late", name="Late gate", description="x", kind="gate"
    )
    screener = make.make_member(world["program"], Role.SCREENER)

    assert "late" not in [gate.key for gate in review.gates_for(world["application"])]
    with pytest.raises(review.CannotReview, match="no such gate"):
        review.answer_gate(
            application_id=world["application"].pk,
            criterion_key="late",
            outcome=GateOutcome.PASSED,
            note="",
            by=screener,
            at=make.AFTER,
        )


def test_screening_asks_the_rules_of_the_cycle():
    program = make.make_program()
    program.rules.all().delete()
    EligibilityRule.objects.create(
        program=program,
        kind=RuleKind.MONTHS_CAP,
        outcome="flag",
        sentence="Longer than usual.",
        parameters={"months": 1},
    )
    sent = make.make_submitted(program)
    batch = make.make_batch(program, submitted=[sent])
    ScreeningCheck.objects.all().delete()
    type(batch).objects.filter(pk=batch.pk).update(screened_at=None)
    program.rules.update(parameters={"months": 120}, sentence="Changed.")

    screening.screen(batch_id=batch.pk, at=make.AFTER)

    assert list(ScreeningCheck.objects.values_list("kind", "sentence")) == [
        ("months_cap", "Longer than usual.")
    ]


@pytest.mark.parametrize(("frozen", "later", "letters"), [("quiet", "told", 0), ("told", "quiet", 1)])
def test_a_decline_is_quiet_or_told_as_it_was_when_the_cycle_froze(frozen, later, letters):
    program = make.make_program(decline_mode=frozen)
    reviewer = make.make_member(program)
    manager = make.make_member(program, Role.MANAGER)
    batch = make.make_batch(program, applications=1)
    application = batch.entries.get().application
    look = review.Look(scores={}, clear_decline=True, confidence="high", note="No.")
    review.send_in(application_id=application.pk, look=look, by=reviewer, at=make.AFTER)
    decisions.propose_decline(application_id=application.pk, by=manager, at=make.AFTER, reason="No.")
    change(program, decline_mode=later)

    release.release(cycle_id=batch.cycle_id, by=manager, at=make.AFTER)

    assert Notice.objects.filter(kind=MessageKind.TOLD_DECLINE).count() == letters
    application = type(application).objects.select_related("program", "cycle").get(pk=application.pk)
    closed = standing.phase_of(application, at=make.AFTER) == standing.Phase.CLOSED
    assert closed == bool(letters)
