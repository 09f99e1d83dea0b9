"""Reports: sums of the database, what a conflict leaves out, few queries; and figures for everybody that tell of no few."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import InternalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from applications import decisions, public_figures, release, reports, review, small_numbers
from applications.models import Conflict, YearFigures
from applications.small_numbers import OTHERS, hide
from applications.states import State
from portal import clock
from portal.models import AuditEvent
from portal.roles import Role
from programs.models import Cycle
from programs.staff import desk_of
from tests.factories import applications as make
from tests.factories.staff import cast, fund, review_all, signed_in

K = 5


# --- Small numbers

GROUPS = st.lists(
    st.tuples(st.integers(0, 40), st.floats(0, 1)).map(lambda pair: (pair[0], int(pair[0] * pair[1]))),
    max_size=9,
)


def consistent(rows: list[small_numbers.Row], awards: int, place: int) -> tuple[int, int]:
    """What a reader can compute about one hidden number from all that is shown: the least and the most it can be."""
    hidden = [row for row in rows if row.awards is None]
    left = awards - sum(row.awards for row in rows if row.awards is not None)
    others = sum(
        row.applications for number, row in enumerate(rows) if row.awards is None and number != place
    )
    assert hidden
    return max(0, left - others), min(rows[place].applications, left)


@given(GROUPS)
def test_no_hidden_number_can_be_computed_back(groups):
    named = [(f"group {place}", total, won) for place, (total, won) in enumerate(groups)]
    total, awards = sum(group[1] for group in named), sum(group[2] for group in named)

    rows = hide(named, k=K)

    assert sum(row.applications for row in rows) == (total if rows else 0)
    assert all(row.applications >= K for row in rows)
    assert all(row.awards is None or min(row.awards, row.applications - row.awards) >= K for row in rows)
    if small_numbers.told(total, awards, k=K) is None:
        assert all(row.awards is None for row in rows)
        return
    for place, row in enumerate(rows):
        if row.awards is None:
            least, most = consistent(rows, awards, place)
            assert most - least >= K, (rows, awards, place)


@given(GROUPS)
def test_no_group_of_a_few_is_named(groups):
    named = [(f"group {place}", total, won) for place, (total, won) in enumerate(groups)]
    few = {name for name, total, _ in named if 0 < total < K}

    shown = {row.name for row in hide(named, k=K)}

    assert not few & shown


def test_one_hidden_number_takes_a_second_with_it():
    rows = hide([("Physics", 60, 20), ("Biology", 50, 15), ("Chemistry", 20, 2)], k=K)

    assert [(row.name, row.awards) for row in rows] == [
        ("Physics", 20),
        ("Biology", None),
        ("Chemistry", None),
    ]


def test_small_groups_come_together_and_take_another_along_when_they_are_still_few():
    rows = hide([("Physics", 60, 20), ("Biology", 9, 0), ("Law", 2, 1), ("Music", 1, 0)], k=K)

    assert [(row.name, row.applications) for row in rows] == [("Physics", 60), (OTHERS, 12)]


def test_nobody_got_one_is_hidden_as_well():
    rows = hide([("Physics", 60, 20), ("Biology", 30, 0), ("Law", 40, 9)], k=K)

    assert [row.awards for row in rows] == [20, None, None]


# --- Figures for everybody


def counts(**groups: tuple[int, int]) -> dict[str, Any]:
    field = [(name, *numbers) for name, numbers in groups.items()]
    total, awards = sum(row[1] for row in field), sum(row[2] for row in field)
    return {
        "counts": {"field": field},
        "applications": total,
        "awards": awards,
        "awarded_cents": awards * 1_000_00,
        "median_days": 9,
    }


@pytest.mark.django_db
def test_a_program_shows_nothing_until_it_says_so():
    program = make.make_program()
    public_figures.keep(
        program=program, year=2025, at=make.BEFORE, **counts(physics=(60, 20), biology=(40, 10))
    )
    manager, client = make.make_member(program, Role.MANAGER), Client()
    page, url = (
        reverse("applications:figures", args=[program.slug]),
        reverse("admin:report_public", args=[program.pk]),
    )

    assert client.get(page).status_code == 404
    assert page not in client.get(reverse("programs:program", args=[program.slug])).text
    with clock.set_to(make.AFTER):
        assert signed_in(manager).post(url, {"show": "yes"}).status_code == 302
    shown = client.get(page)
    assert (shown.status_code, "100" in shown.text, "$30,000" in shown.text) == (200, True, True)
    assert page in client.get(reverse("programs:program", args=[program.slug])).text
    with clock.set_to(make.AFTER):
        signed_in(manager).post(url, {"show": "no"})
    assert client.get(page).status_code == 404
    assert (
        list(AuditEvent.objects.filter(action="figures.switch").values_list("actor", flat=True))
        == [manager.pk] * 2
    )


@pytest.mark.django_db
def test_only_its_managers_switch_it():
    program, other = make.make_program(), cast()
    url = reverse("admin:report_public", args=[program.pk])
    with clock.set_to(make.AFTER):
        assert signed_in(other["manager"]).post(url, {"show": "yes"}).status_code == 404
        assert signed_in(make.make_member(program)).post(url, {"show": "yes"}).status_code == 403
        assert signed_in(make.make_superuser()).post(url, {"show": "yes"}).status_code == 403
    assert not public_figures.is_on(program.pk)


@pytest.mark.django_db(transaction=True)
def test_an_edition_never_changes():
    program = make.make_program()
    numbers = counts(physics=(60, 20))
    assert public_figures.keep(program=program, year=2025, at=make.BEFORE, **numbers)
    assert not public_figures.keep(program=program, year=2025, at=make.AFTER, **counts(physics=(61, 21)))

    edition = YearFigures.objects.get()
    assert edition.content["totals"]["applications"] == 60
    with pytest.raises(InternalError, match="edition_is_kept"):
        YearFigures.objects.update(year=2024)


@pytest.mark.django_db
def test_only_a_year_that_is_over_has_an_edition_and_it_counts_what_was_in_the_batches():
    world = cast(applications=6)
    manager = world["manager"]
    fund(world["program"], 900_000_00)
    review_all(world)
    for row in world["rows"][:1]:
        decisions.propose_award(application_id=row.pk, by=manager, at=make.AFTER)
    for row in world["rows"][1:]:
        decisions.propose_decline(application_id=row.pk, by=manager, at=make.AFTER)
    release.release(cycle_id=world["cycle"].pk, by=manager, at=make.AFTER)
    program, cycle = world["program"], world["cycle"]

    public_figures.switch(program_id=program.pk, on=True, by=manager, at=make.AFTER)
    assert not YearFigures.objects.exists()
    Cycle.objects.filter(program=program, evaluation_on__year=2026).exclude(pk=cycle.pk).delete()
    new_year = make.AFTER + timedelta(days=40)
    assert public_figures.finished_years(program, at=new_year) == []
    Cycle.objects.filter(pk=cycle.pk).update(state="closed", closed_at=new_year)
    assert public_figures.make_due(at=new_year) == 1

    content = YearFigures.objects.get().content
    assert content["totals"] == {
        "applications": 6,
        "awards": None,
        "awarded_cents": None,
        "median_days": 1,
        "papers": None,
    }
    field = next(table for table in content["tables"] if table["key"] == "field")
    assert field["rows"] == [{"name": "Physics", "applications": 6, "awards": None}]
    assert public_figures.make_due(at=new_year) == 0


def test_a_year_of_a_few_tells_nothing():
    numbers = counts(physics=(4, 1))

    assert public_figures.edition(currency="USD", **numbers) == {
        "k": 5,
        "currency": "USD",
        "totals": None,
        "tables": [],
    }


# --- The report


def decided(**options: Any) -> dict[str, Any]:
    """Four applications: two awarded, one declined, one open."""
    world = cast(applications=4, **options)
    fund(world["program"], 900_000_00)
    review_all(world)
    first, second, third, _ = world["rows"]
    for row in (first, second):
        decisions.propose_award(
            application_id=row.pk, amount_cents=2_000_00, by=world["manager"], at=make.AFTER
        )
    decisions.propose_decline(application_id=third.pk, by=world["manager"], at=make.AFTER)
    release.release(cycle_id=world["cycle"].pk, by=world["manager"], at=make.AFTER)
    return world


@pytest.mark.django_db
def test_a_report_counts_what_happened():
    world = decided()

    report = reports.of(desk_of(world["manager"]), reports.Period(world["program"], year=2026))

    total = report.total
    assert (total.applications, total.awards, total.declines, total.open) == (4, 2, 1, 1)
    assert (total.asked_cents, total.awarded_cents, total.acceptance) == (24_000_00, 4_000_00, 66.7)
    assert total.decision_days == 1.2  # from the cut-off to the noon after
    assert total.post_days is None
    assert [(line.name, line.applications) for line in report.cycles] == [("December 2026", 4)]
    assert [(line.name, line.awards) for line in report.breakdowns["field"]] == [("Physics", 2)]
    assert [(line.name, line.applications) for line in report.breakdowns["country"]] == [
        ("United States of America", 4)
    ]
    assert sum(load.assigned for load in report.load) == 8
    assert sum(week.sent for week in report.pace) == 4
    assert (report.agreement.applications, report.agreement.within_one) == (4, 100.0)
    assert report.pace[0].week == date(2026, 11, 16)


@pytest.mark.django_db
def test_a_conflict_is_not_counted_anywhere():
    world = decided()
    Conflict.objects.create(
        application=world["rows"][0], user=world["manager"], reason="x", declared_at=make.AFTER
    )

    report = reports.of(desk_of(world["manager"]), reports.Period(world["program"], cycle=world["cycle"]))

    assert (report.total.applications, report.total.awards, report.agreement.applications) == (3, 1, 3)
    assert sum(load.assigned for load in report.load) == 6
    assert sum(week.released for week in report.pace) == 2


@pytest.mark.django_db
def test_every_table_is_there_as_csv_and_taking_it_is_noted():
    world = decided()
    url = reverse("admin:report_of_year_table", args=[world["program"].pk, 2026])
    client = signed_in(world["manager"])
    with clock.set_to(make.AFTER):
        for table in reports.TABLES:
            answer = client.post(url, {"table": table})
            rows = list(csv.reader(io.StringIO(answer.content.decode(), newline="")))
            assert answer["Content-Disposition"].startswith("attachment"), table
            assert len({len(row) for row in rows}) == 1
            assert len(rows) > 1
        assert client.post(url, {"table": "applications"}).status_code == 404
        assert client.get(url).status_code == 405
    assert AuditEvent.objects.filter(action="report.download").count() == len(reports.TABLES)


@pytest.mark.django_db
def test_a_report_is_for_managers_of_the_program():
    world, other = cast(), cast()
    year = reverse("admin:report_of_year", args=[world["program"].pk, 2026])
    of_cycle = reverse("admin:report_of_cycle", args=[world["cycle"].pk])
    with clock.set_to(make.AFTER):
        for url in (year, of_cycle):
            assert signed_in(world["manager"]).get(url).status_code == 200
            assert signed_in(other["manager"]).get(url).status_code == 404
            assert signed_in(world["reviewers"][0]).get(url).status_code == 403
        assert signed_in(world["manager"]).get(reverse("admin:reports")).url == year
        assert signed_in(world["manager"]).get(year.replace("2026", "1999")).status_code == 404


@pytest.mark.django_db
def test_the_page_costs_the_same_at_any_size():
    world = decided()
    client, url = (
        signed_in(world["manager"]),
        reverse("admin:report_of_year", args=[world["program"].pk, 2026]),
    )
    numbers = []
    with clock.set_to(make.AFTER):
        for more in (0, 300):
            make.make_many(world["program"], more, cycle=world["cycle"], state=State.IN_REVIEW)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                page = client.get(url)
            numbers.append(len(queries))
            assert page.context["total"].applications == 4 + more

    assert numbers[0] == numbers[1] <= 15, [query["sql"].partition(" FROM ")[2][:90] for query in queries]


@pytest.mark.django_db
def test_a_year_without_applications_says_so():
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    Cycle.objects.filter(pk=make.next_cycle(program).pk).update(state="open")
    with clock.set_to(make.BEFORE):
        page = signed_in(manager).get(reverse("admin:report_of_year", args=[program.pk, 2026]))
    assert "Nothing to count yet" in page.text
    assert "not shown" in page.text


@pytest.mark.django_db
def test_reviews_in_are_weighed_by_who_gave_them():
    world = cast(applications=1, reviewers=2)
    for value, reviewer in zip((2, 5), world["reviewers"], strict=True):
        look = review.Look(scores={"merit": value, "impact": value, "feasibility": value})
        review.send_in(application_id=world["rows"][0].pk, look=look, by=reviewer, at=make.AFTER)

    report = reports.of(desk_of(world["manager"]), reports.Period(world["program"], year=2026))

    assert sorted(load.mean for load in report.load) == [2.0, 5.0]
    assert (report.agreement.within_one, report.agreement.difference) == (0.0, 3.0)
    assert dict(report.agreement.steps)["2 or more"] == 1
