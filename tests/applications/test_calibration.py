"""Agreement, calibration and both rankings in SQL, against plain Python over the same reviews."""

import random
from decimal import Decimal
from statistics import mean, median, pstdev

import pytest
from django.db import connection, transaction
from django.urls import reverse

from applications import calibration, scoring
from applications.models import Application, Assignment, AssignmentState, Review, ReviewState
from portal import clock
from portal.roles import Role
from programs.models import Cycle
from tests.applications.test_scoring import alpha_by_coincidences, made_up_reviews, places_by_hand
from tests.factories import applications as make
from tests.factories.staff import signed_in
from tests.sizes import sized

pytestmark = pytest.mark.django_db


def stored(reviews: dict[int, list[Decimal]], people: int = 12) -> tuple[Cycle, dict[int, int]]:
    """The reviews as rows of a cycle, each by a person drawn for it; returns the cycle and key -> application id."""
    program = make.make_program()
    reviewers = [make.make_member(program) for _ in range(people)]
    batch = make.make_batch(program)
    rows = make.make_many(program, len(reviews), cycle=batch.cycle, state="in_review")
    ids = dict(zip(reviews, [row.pk for row in rows], strict=True))
    dice = random.Random(3)
    Review.objects.bulk_create(
        Review(
            application_id=ids[key],
            reviewer=person,
            state=ReviewState.IN,
            total=total,
            started_at=make.AFTER,
            saved_at=make.AFTER,
            submitted_at=make.AFTER,
        )
        for key, totals in reviews.items()
        for person, total in zip(dice.sample(reviewers, len(totals)), totals, strict=True)
    )
    return batch.cycle, ids


def test_ranking_and_agreement_are_what_a_second_computation_gives() -> None:
    reviews = {key: [value / 2 for value in row] for key, row in made_up_reviews(submissions=200).items()}
    cycle, ids = stored(reviews)

    placed = calibration.placed(cycle, allowed=ids.values(), number=1_000)

    assert {row.application_id: row.place for row in placed} == {
        ids[key]: place for key, place in places_by_hand(reviews).items()
    }
    assert [row.place for row in placed] == sorted(row.place for row in placed)
    doubled = [[int(value * 2) for value in row] for row in reviews.values()]
    assert calibration.agreement(cycle) == pytest.approx(alpha_by_coincidences(doubled))
    by_id = {row.application_id: row for row in placed}
    for key, totals in reviews.items():
        row = by_id[ids[key]]
        assert float(row.mean) == pytest.approx(float(mean(totals)), abs=0.0051)
        assert float(row.median) == pytest.approx(float(median(totals)), abs=0.0051)
        assert float(row.spread) == pytest.approx(float(pstdev(totals)), abs=0.0051)


def test_the_calibrated_mean_is_the_pure_function_over_each_review() -> None:
    cycle, ids = stored({key: [v / 2 for v in row] for key, row in made_up_reviews(submissions=80).items()})
    rows = list(
        Review.objects.filter(application__cycle=cycle).values_list("reviewer_id", "application_id", "total")
    )
    everybody = scoring.scale_of(total for _, _, total in rows)
    own = {
        person: scoring.scale_of(total for other, _, total in rows if other == person)
        for person, _, _ in rows
    }

    placed = {row.application_id: row for row in calibration.placed(cycle, allowed=ids.values(), number=500)}

    for pk, row in placed.items():
        values = [
            scoring.calibrated(total, own[person], everybody) for person, other, total in rows if other == pk
        ]
        assert row.calibrated == pytest.approx(mean(values))
    order = sorted(placed.values(), key=lambda row: -row.calibrated)
    assert [row.calibrated_place for row in order] == sorted(row.calibrated_place for row in order)
    found = {row.reviewer.pk: row.scale for row in calibration.reviewers(cycle)}
    assert {pk: (scale.mean, scale.spread, scale.number) for pk, scale in found.items()} == {
        pk: (pytest.approx(scale.mean), pytest.approx(scale.spread), scale.number)
        for pk, scale in own.items()
    }
    assert calibration.everybody(cycle).mean == pytest.approx(everybody.mean)


def test_a_cycle_without_reviews_has_no_figures() -> None:
    program = make.make_program()
    cycle = make.make_batch(program).cycle

    assert calibration.agreement(cycle) is None
    assert calibration.everybody(cycle) is None
    assert calibration.reviewers(cycle) == []
    assert calibration.placed(cycle, allowed=[1, 2]) == []


def test_the_page_shows_it_to_managers_and_leaves_out_what_they_have_to_review() -> None:
    cycle, ids = stored(made_up_reviews(submissions=8), people=5)
    hidden = Application.objects.get(pk=next(iter(ids.values())))
    manager = make.make_member(cycle.program, Role.MANAGER)
    url = reverse("admin:agreement_of", args=[cycle.pk])
    with clock.set_to(make.AFTER):
        before = signed_in(manager).get(url)
        Assignment.objects.create(
            application=hidden,
            reviewer=manager,
            state=AssignmentState.TO_DO,
            assigned_at=make.AFTER,
            due_at=make.AFTER,
        )
        after = signed_in(manager).get(url)

        assert hidden.reference in before.text
        assert "Krippendorff" in before.text
        assert hidden.reference not in after.text
        assert signed_in(Review.objects.first().reviewer).get(url).status_code == 403


def test_the_ranking_needs_no_statistics_and_no_particular_plan() -> None:
    """As in the minute after a batch was formed: tables that nobody analyzed, and each way to join in turn."""
    cycle, ids = stored(made_up_reviews(submissions=sized(make_test=400, nightly=5_000)))
    ways = ("enable_hashjoin", "enable_mergejoin", "enable_indexscan, enable_bitmapscan", "enable_nestloop")
    found = []
    for way in ways:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '4s'")
            for setting in way.split(", "):
                cursor.execute(f"SET LOCAL {setting} = off")
            rows = calibration.placed(cycle, allowed=ids.values(), first=10, number=20)
            found.append([(row.application_id, row.place, row.calibrated_place, row.mean) for row in rows])
            agreement = calibration.agreement(cycle)

    assert [len(rows) for rows in found] == [20] * len(ways)
    assert all(rows == found[0] for rows in found)
    assert agreement is not None
