"""What would stop a release is said before anybody decides, and before anybody is asked to be the second person."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import ahead, decisions, dossier, review
from applications.models import Application, Conflict, ConflictKind, GateOutcome, Obligation
from applications.states import State
from portal import clock
from portal.models import User
from portal.roles import Role
from programs.staff import desk_of
from tests.applications.test_release import World
from tests.factories import applications as make
from tests.factories.staff import cast, page_of, review_all, signed_in

pytestmark = pytest.mark.django_db

FLAG = "In the way of an award"


def owe(application: Application, *, days_ago: int) -> Obligation:
    """An earlier award of the same person in the same program, whose summary was due so many days ago."""
    cycle = application.program.cycles.exclude(pk=application.cycle_id).latest("evaluation_on")
    (earlier,) = make.make_many(application.program, 1, cycle=cycle, state=State.AWARDED)
    Application.objects.filter(pk=earlier.pk).update(applicant=application.applicant)
    due_on = make.AFTER.date() - timedelta(days=days_ago)
    return Obligation.objects.create(
        application=earlier, days_before=14, due_on=due_on, created_at=make.AFTER - timedelta(days=60)
    )


def stoppers(manager: User, application: Application) -> list[ahead.Stopper]:
    desk = desk_of(manager)
    row = dossier.loaded(Application.objects.filter(pk=application.pk)).get()
    decision = dossier.standing_decision(row)
    return ahead.stoppers(desk, row, dossier.of(desk, row), decision, at=make.AFTER)


def test_the_page_flags_an_overdue_summary_before_the_decision() -> None:
    world = cast(applications=2)
    review_all(world)
    row, other = world["rows"]
    owes = owe(row, days_ago=1)
    link = reverse("admin:applications_obligation_change", args=[owes.pk])

    with clock.set_to(make.AFTER):
        page = signed_in(world["manager"]).get(page_of(row, "change")).text

    assert FLAG in page
    assert f"The summary of {owes.application.reference} was due on" in page
    assert link in page
    assert stoppers(world["manager"], other) == []
    Conflict.objects.create(
        application=owes.application,
        user=world["manager"],
        kind=ConflictKind.DECLARED,
        declared_at=make.AFTER,
    )
    (tied,) = stoppers(world["manager"], row)
    assert tied.words.startswith("The summary of an earlier award was due on")
    assert tied.obligation_id is None
    Obligation.objects.update(due_on=make.AFTER.date())
    assert stoppers(world["manager"], row) == []
    Obligation.objects.update(due_on=make.AFTER.date() - timedelta(days=9))
    decisions.propose_decline(application_id=row.pk, by=world["manager"], at=make.AFTER)
    assert stoppers(world["manager"], row) == []


def test_missing_reviews_and_gates_are_said_too_within_15_queries() -> None:
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    row = make.make_submitted(program, field="biology")
    make.make_batch(program, submitted=[row])
    owe(row, days_ago=1)
    client = signed_in(manager)
    with clock.set_to(make.AFTER):
        client.get(page_of(row, "change"))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(page_of(row, "change")).text

    assert len(queries) <= 15
    assert "An award needs 2 reviews; none so far." in page
    assert "The gate “Biosecurity” is not passed." in page
    assert "Nothing more is released before it is handed in or waived." in page


def test_no_second_person_is_asked_for_what_could_not_be_released_all_the_same() -> None:
    world = World(answers={"field": "biology"})
    application = world.applications[0]
    decision = world.award(application, amount_cents=15_000_00)
    owes = owe(application, days_ago=1)
    gate = {"application_id": application.pk, "criterion_key": "biosecurity", "by": world.screener}

    with clock.set_to(make.AFTER):
        assert [words[:42] for words in world.refusals()] == ["The summary of an earlier award is overdue"]
        Obligation.objects.filter(pk=owes.pk).update(due_on=make.AFTER.date())
        assert world.refusals() == ["The gate “Biosecurity” is not passed."]
        board = signed_in(world.manager).get(reverse("admin:release", args=[world.cycle.pk]))
        review.answer_gate(outcome=GateOutcome.PASSED, note="", at=make.AFTER, **gate)
        assert world.refusals() == ["Above $10,000 a second person approves."]

    assert (board.context["gates_open"], board.context["second_missing"]) == (1, 1)
    assert decision.approved_by is None
