import pytest
from django.db import Error, connection, transaction

from applications import declarations, gates, release, review
from applications.models import Application, Conflict, Decision, GateOutcome, GateResult
from applications.states import State
from portal import clock
from portal.roles import Role
from programs.models import Criterion
from tests.factories import applications as make
from tests.factories.evaluation import SCORES, Evaluation
from tests.factories.staff import QUEUE, page_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review():
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def gated() -> Evaluation:
    """An application that has to pass the gate, with its reviews in and an award pending."""
    world = Evaluation()
    Application.objects.filter(pk=world.application.pk).update(
        answers=world.application.answers | {"field": "biology"}, field="biology"
    )
    world.application.refresh_from_db()
    world.to_review()
    world.fund()
    world.award()
    return world


def answer(world: Evaluation, outcome: str = "passed", **more: str) -> GateResult:
    return review.answer_gate(
        application_id=world.application.pk,
        criterion_key="biosecurity",
        outcome=GateOutcome(outcome),
        note="Read it.",
        by=world.screener,
        at=make.AFTER,
        **more,
    )


def change_answers(world: Evaluation) -> None:
    row = Application.objects.get(pk=world.application.pk)
    row.answers["abstract"] = "Something else entirely."
    row.save(update_fields=["answers"])


def force_release() -> None:
    """Set the decision to released by hand, past every operation and past the rule that it needs its grant."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE applications_decision DROP CONSTRAINT released_award_has_grant")
        person = Decision.objects.get().proposed_by
        Decision.objects.update(state="released", released_at=make.AFTER, released_by=person)


def test_an_answer_holds_for_the_text_it_judged(gated: Evaluation) -> None:
    answer(gated)
    assert not GateResult.objects.get().expired_at

    change_answers(gated)

    assert GateResult.objects.get().expired_at
    answer(gated)
    assert not GateResult.objects.get().expired_at


def test_other_changes_leave_it_standing(gated: Evaluation) -> None:
    answer(gated)

    row = Application.objects.get(pk=gated.application.pk)
    row.title = "Another title in the column"
    row.save()

    assert not GateResult.objects.get().expired_at


def test_an_expired_gate_waits_again_and_stops_the_release(gated: Evaluation) -> None:
    answer(gated)
    change_answers(gated)

    with pytest.raises(release.CannotRelease) as refusal:
        gated.release()

    assert [row.reason for row in refusal.value.refusals] == ["The gate “Biosecurity” is not passed."]
    rows = signed_in(gated.screener).get(QUEUE, {"gate": "open"}).context["cl"].result_list
    assert [row.pk for row in rows] == [gated.application.pk]
    answer(gated)
    gated.release()
    assert Application.objects.get(pk=gated.application.pk).state == State.AWARDED


@pytest.mark.parametrize("case", ["never answered", "a concern", "expired"])
def test_the_database_lets_no_award_past_a_gate(gated: Evaluation, case: str) -> None:
    if case != "never answered":
        answer(gated, "failed" if case == "a concern" else "passed")
    if case == "expired":
        change_answers(gated)
        # Nor does taking the mark away: the digest of what was judged is compared as well.
        GateResult.objects.update(expired_at=None)

    with pytest.raises(Error, match="has not passed the gate “Biosecurity”"):
        force_release()
    with pytest.raises(Error, match="has not passed the gate"), transaction.atomic():
        Application.objects.filter(pk=gated.application.pk).update(state=State.AWARDED)


def test_a_live_pass_lets_it_through(gated: Evaluation) -> None:
    answer(gated)

    force_release()

    assert Decision.objects.get().state == "released"


def test_a_gate_that_is_taken_out_of_the_program_still_holds_the_cycle(gated: Evaluation) -> None:
    """The rules of the cycle name it."""
    Criterion.objects.filter(key="biosecurity").update(show_if={"question": "field", "any_of": ["chemistry"]})

    with pytest.raises(Error, match="has not passed the gate"):
        force_release()


def test_a_page_that_is_out_of_date_is_refused(gated: Evaluation) -> None:
    saw = gates.digest_of(gated.application.pk)
    change_answers(gated)

    with pytest.raises(review.CannotReview, match="changed while you read"):
        answer(gated, saw=saw)
    assert not GateResult.objects.exists()


def test_the_page_says_that_it_expired_and_why(gated: Evaluation) -> None:
    screener, manager = signed_in(gated.screener), signed_in(gated.manager)
    url = page_of(gated.application)
    text = screener.get(url).text
    saw = gates.digest_of(gated.application.pk)
    assert f'value="{saw}"' in text
    data = {"gate": "biosecurity", "outcome": "passed", "note": "", "saw": saw}
    screener.post(page_of(gated.application, "gate"), data)
    change_answers(gated)

    page, decision = screener.get(url).text, manager.get(page_of(gated.application, "change")).text

    assert "The answers changed" in page
    assert "Read them again and answer." in page
    assert "until then nothing is awarded" in decision
    refused = screener.post(page_of(gated.application, "gate"), data, follow=True)
    assert "changed while you read" in refused.text


def test_what_changed_is_named_where_a_revision_holds_it(gated: Evaluation) -> None:
    row = Application.objects.get(pk=gated.application.pk)
    row.answers = row.revisions.latest("number").answers | {"field": "biology"}
    row.save(update_fields=["answers"])
    row.revisions.create(
        number=2,
        form_version=row.form_version,
        answers=row.answers,
        made_by=row.applicant,
        made_at=make.AFTER,
    )
    answer(gated)
    change_answers(gated)
    row.refresh_from_db()

    found = gates.standing(row, review.gates_for(row), frozenset({"everyone"}))

    assert [(gate.expired, gate.passed, gate.changed) for gate in found] == [(True, False, ["Abstract"])]


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REVIEWER, Role.OPERATOR, Role.FINANCE])
def test_nobody_else_answers(gated: Evaluation, role: Role) -> None:
    person = make.make_member(gated.program, role)

    with pytest.raises(review.CannotReview, match="Only a screener"):
        review.answer_gate(
            application_id=gated.application.pk,
            criterion_key="biosecurity",
            outcome=GateOutcome.PASSED,
            note="",
            by=person,
            at=make.AFTER,
        )


def test_scores_are_no_gate(gated: Evaluation) -> None:
    assert set(SCORES) == {"merit", "impact", "feasibility"}
    with pytest.raises(review.CannotReview, match="no such gate"):
        review.answer_gate(
            application_id=gated.application.pk,
            criterion_key="merit",
            outcome=GateOutcome.PASSED,
            note="",
            by=gated.screener,
            at=make.AFTER,
        )


def test_an_answer_of_somebody_later_in_conflict_needs_a_new_one(gated: Evaluation) -> None:
    """The gate is open again and blocks the release; another screener answers it; taken back, the old answer holds."""
    answer(gated)
    second = make.make_member(gated.program, Role.SCREENER)
    cycle_id = Application.objects.get(pk=gated.application.pk).cycle_id
    assert release.check(cycle_id=cycle_id, by=gated.manager, at=make.AFTER) == []

    declarations.declare(
        application_id=gated.application.pk,
        user_id=gated.screener.pk,
        reason="A friend",
        by=gated.screener,
        at=make.AFTER,
    )

    refused = release.check(cycle_id=cycle_id, by=gated.manager, at=make.AFTER)
    assert "The gate “Biosecurity” is not passed." in [row.reason for row in refused]
    page = signed_in(second).get(page_of(gated.application))
    assert "has a conflict of interest" in page.text
    assert "The answers changed" not in page.text
    review.answer_gate(
        application_id=gated.application.pk,
        criterion_key="biosecurity",
        outcome=GateOutcome.PASSED,
        note="Read it again.",
        by=second,
        at=make.AFTER,
    )
    assert release.check(cycle_id=cycle_id, by=gated.manager, at=make.AFTER) == []
    GateResult.objects.update(decided_by=gated.screener, expired_at=make.AFTER)
    conflict = Conflict.objects.get(user=gated.screener)
    declarations.withdraw(conflict_id=conflict.pk, reason="Mixed up.", by=gated.manager, at=make.AFTER)
    assert release.check(cycle_id=cycle_id, by=gated.manager, at=make.AFTER) == []
