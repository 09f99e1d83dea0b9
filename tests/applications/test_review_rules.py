"""What a review may hold: rubric with choices, sealed scores, versions, two windows."""

import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import Error, transaction

from applications import desk, review
from applications.models import Application, Assignment, Review, ReviewState, Score
from applications.review import Look
from programs import staff
from programs.models import Criterion, Phase
from tests.factories import applications as make

pytestmark = pytest.mark.django_db

SCORES = {"merit": 4, "impact": 5, "feasibility": 3}
LATER = make.AFTER + timedelta(minutes=3)


def under_review(*, blind: bool = False, **criteria: dict) -> Assignment:
    """One application with one reviewer; keyword arguments change criteria before the rules are frozen."""
    program = make.make_program(reviews_wanted=1, blind_first_look=blind)
    make.make_member(program)
    for key, fields in criteria.items():
        Criterion.objects.filter(program=program, key=key).update(**fields)
    make.make_batch(program)
    return Assignment.objects.get()


def hand_in(task: Assignment, **look: object) -> Review:
    return review.send_in(
        application_id=task.application_id,
        look=Look(**({"scores": SCORES} | look)),
        by=task.reviewer,
        at=make.AFTER,
    )


def test_what_does_not_apply_gives_its_weight_to_the_others() -> None:
    task = under_review(feasibility={"not_applicable": True})

    done = hand_in(task, scores={"merit": 4, "impact": 5}, not_applicable={"feasibility"})

    assert (done.state, done.total) == (ReviewState.IN, Decimal("4.43"))  # (4 * 40 + 5 * 30) / 70
    assert Score.objects.get(criterion__key="feasibility").not_applicable


def test_only_where_the_rubric_allows_it() -> None:
    with pytest.raises(review.BadReview, match="“Feasibility”: it always applies"):
        hand_in(under_review(), scores={"merit": 4, "impact": 5}, not_applicable={"feasibility"})


def test_not_a_score_and_not_applicable_at_once() -> None:
    task = under_review(feasibility={"not_applicable": True})

    with pytest.raises(review.BadReview, match="has a score or does not apply, not both"):
        hand_in(task, not_applicable={"feasibility"})


def test_an_optional_criterion_may_stay_open() -> None:
    done = hand_in(under_review(feasibility={"required": False}), scores={"merit": 4, "impact": 5})

    assert done.state == ReviewState.IN


def test_an_independent_criterion_stays_out_of_the_total() -> None:
    task = under_review(feasibility={"independent": True, "weight_percent": 0}, impact={"weight_percent": 60})

    done = hand_in(task, scores={"merit": 4, "impact": 4, "feasibility": 1})

    assert done.total == Decimal("4.00")
    assert done.scores.count() == 3


def test_an_independent_criterion_has_no_weight() -> None:
    with pytest.raises(Error, match="independent_has_no_weight"), transaction.atomic():
        under_review(merit={"independent": True})


def test_a_review_keeps_the_rubric_it_was_handed_in_under() -> None:
    task = under_review()
    Criterion.objects.filter(key="merit").update(weight_percent=10, anchors={"1": "New words"})

    done = hand_in(task)

    assert done.rules_version == task.application.cycle.rules_version
    kept = {line["key"]: line for line in done.rules_version.content["criteria"]}
    assert (kept["merit"]["weight_percent"], kept["merit"]["anchors"]["1"]) == (40, "None to see")
    assert done.total == Decimal("4.00")


# --- Sealed ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed() -> Review:
    task = under_review(blind=True, merit={"phase": Phase.NAMED}, impact={"required": False})
    return hand_in(task, scores={"feasibility": 3})


@pytest.mark.parametrize(
    "change",
    [
        lambda row: Score.objects.filter(review=row).update(value=5),
        lambda row: Score.objects.filter(review=row).delete(),
        lambda row: Score.objects.create(review=row, criterion=Criterion.objects.get(key="impact"), value=5),
        lambda row: Review.objects.filter(pk=row.pk).update(blind_submitted_at=None),
        lambda row: Review.objects.filter(pk=row.pk).update(blind_submitted_at=LATER),
    ],
    ids=["change", "delete", "add", "unseal", "seal anew"],
)
def test_the_database_keeps_what_was_scored_without_names(sealed: Review, change) -> None:
    with pytest.raises(Error), transaction.atomic():
        change(sealed)


def test_the_second_look_is_free_and_may_be_handed_in_again(sealed: Review) -> None:
    by, pk = sealed.reviewer, sealed.application_id
    for value, total in ((5, "4.14"), (2, "2.43")):
        done = review.send_in(application_id=pk, look=Look(scores={"merit": value}), by=by, at=LATER)
        assert (done.state, done.total) == (ReviewState.IN, Decimal(total))
    assert Score.objects.get(criterion__key="feasibility").value == 3


def test_a_review_that_is_in_is_no_draft_again() -> None:
    done = hand_in(under_review())

    with pytest.raises(Error, match="Invalid transition"), transaction.atomic():
        Review.objects.filter(pk=done.pk).update(state="draft")


# --- Two windows --------------------------------------------------------------------------------------------------------


def test_a_second_window_does_not_overwrite_the_first() -> None:
    task = under_review()
    pk, by = task.application_id, task.reviewer
    first = review.save(application_id=pk, look=Look(scores={"merit": 4}), by=by, at=make.AFTER)
    saw = first.saved_at
    review.save(application_id=pk, look=Look(scores={"merit": 2}, saw=saw), by=by, at=LATER)

    with pytest.raises(review.ChangedElsewhere, match="another window at 12:03 UTC"):
        review.save(application_id=pk, look=Look(scores={"merit": 5}, saw=saw), by=by, at=LATER)

    assert Score.objects.get().value == 2


# --- Order --------------------------------------------------------------------------------------------------------------


def test_the_queue_goes_by_due_date_then_fewest_looks_then_by_a_draw() -> None:
    program = make.make_program()
    me, other = make.make_member(program), make.make_member(program)
    make.make_batch(program, applications=8)
    rows = list(Application.objects.order_by("pk"))
    for row in rows[:3]:
        review.send_in(application_id=row.pk, look=Look(scores=SCORES), by=other, at=make.AFTER)
    late = rows[2]
    Assignment.objects.filter(application=late, reviewer=me).update(due_at=make.AFTER)

    order = walk(me, len(rows))

    assert order[0] == late.pk
    assert set(order[6:]) == {row.pk for row in rows[:2]}
    assert order[1:6] == drawn(me, order[1:6])
    assert sorted(order) == [row.pk for row in rows]
    assert walk(me, len(rows)) == order
    equals = [pk for pk in walk(other, 5) if pk in order[1:6]]
    assert equals == drawn(other, equals)


def drawn(person, pks: list[int]) -> list[int]:
    """The order among equals: by a hash of application and person, so that each person has an order of their own."""
    return sorted(pks, key=lambda pk: hashlib.md5(f"{pk}-{person.pk}".encode()).hexdigest())


def walk(person, number: int) -> list[int]:
    """Skip through a queue."""
    at_desk, found = staff.desk_of(person), []
    for _ in range(number):
        onward = desk.next_to_review(at_desk, after=found[-1] if found else None)
        assert onward is not None
        found.append(onward.pk)
    return found


def test_handing_in_goes_on_behind_and_ends() -> None:
    program = make.make_program()
    me = make.make_member(program)
    make.make_member(program)
    make.make_batch(program, applications=4)
    seen, at_desk = [], staff.desk_of(me)
    onward = desk.next_to_review(at_desk)
    while onward is not None:
        seen.append(onward.pk)
        review.send_in(application_id=onward.pk, look=Look(scores=SCORES), by=me, at=make.AFTER)
        onward = desk.next_to_review(at_desk, after=onward.pk)

    assert sorted(seen) == sorted(Application.objects.values_list("pk", flat=True))
