"""Somebody who still has to review an application learns from no board or file what the others gave it."""

from typing import Any

import pytest
from django.urls import reverse

from applications import boards, decisions, export_rows, overrides, review
from applications.export_shapes import Wanted
from applications.models import Assignment, CutLine, ExportKind
from applications.review import Look
from portal import clock
from portal.roles import Role
from programs import staff
from tests.factories import applications as make
from tests.factories.staff import cast, fund, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> dict[str, Any]:
    """Two applications; the manager has to review the first one, of which another thinks most."""
    world = cast(applications=2, reviewers=2)
    first, second = world["rows"]
    make.make_member(world["program"], user=world["manager"])
    Assignment.objects.filter(application=first, reviewer=world["reviewers"][0]).update(
        reviewer=world["manager"]
    )
    for row, by, value in (
        (first, world["reviewers"][1], 5),
        (second, world["reviewers"][1], 2),
        (second, world["reviewers"][0], 2),
    ):
        scores = dict.fromkeys(("merit", "impact", "feasibility"), value)
        review.send_in(application_id=row.pk, look=Look(scores=scores), by=by, at=make.AFTER)
    return world


def _means(world: dict[str, Any], user: Any) -> list[tuple[int, float | None]]:
    rows = boards.ranking(world["cycle"], staff.desk_of(user))
    return [(row.pk, None if row.mean is None else float(row.mean)) for row in rows]


def test_the_ranking_says_nothing_before_the_own_review_is_in(world: dict[str, Any]) -> None:
    first, second = world["rows"]
    other = make.make_member(world["program"], Role.MANAGER)

    assert _means(world, world["manager"]) == [(second.pk, 2.0), (first.pk, None)]
    assert _means(world, other) == [(first.pk, 5.0), (second.pk, 2.0)]

    scores = dict.fromkeys(("merit", "impact", "feasibility"), 4)
    review.send_in(application_id=first.pk, look=Look(scores=scores), by=world["manager"], at=make.AFTER)

    assert _means(world, world["manager"]) == [(first.pk, 4.5), (second.pk, 2.0)]


def test_a_line_lies_after_a_place_of_the_ranking_that_is_shown(world: dict[str, Any]) -> None:
    overrides.draw(cycle_id=world["cycle"].pk, place=1, by=world["manager"], at=make.AFTER)

    assert CutLine.objects.get().lowest_mean == 2


@pytest.mark.parametrize("name", ["decide_of", "money_board_of", "release"])
def test_the_boards_say_review_first(world: dict[str, Any], name: str) -> None:
    fund(world["program"])
    for row in world["rows"]:
        decisions.propose_decline(application_id=row.pk, by=world["manager"], at=make.AFTER)
    with clock.set_to(make.AFTER):
        mine = signed_in(world["manager"]).get(reverse(f"admin:{name}", args=[world["cycle"].pk])).text
        other = make.make_member(world["program"], Role.MANAGER)
        theirs = signed_in(other).get(reverse(f"admin:{name}", args=[world["cycle"].pk])).text

    assert mine.count("review first") == 1
    assert "5.00" not in mine
    assert "review first" not in theirs
    assert "5.00" in theirs


def test_an_export_leaves_the_mean_empty(world: dict[str, Any]) -> None:
    wanted = Wanted(program=world["program"], cycle_id=world["cycle"].pk, columns=("reference", "mean"))
    kind = export_rows.KINDS[ExportKind.APPLICATIONS]
    rows = list(kind.rows(staff.desk_of(world["manager"]), wanted).order_by("pk"))
    kind.prepare(rows)

    assert [row.mean for row in rows] == [None, 2]
