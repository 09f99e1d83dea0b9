"""The staff pages of applications: who sees what, reviewing, gates, and how many queries a page costs."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import assignment, decisions, desk, review, screening
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Conflict,
    GateResult,
    Recusal,
    RecusalKind,
    Review,
    ReviewState,
)
from applications.states import State
from portal import clock
from portal.roles import Role
from programs import staff
from tests.factories import applications as make
from tests.factories.staff import FULL, QUEUE, cast, page_of, review_all, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


# --- Who sees what


def test_a_reviewer_sees_what_is_assigned_and_nothing_else():
    world, other = cast(), cast(applications=3)
    client = signed_in(world["reviewers"][0])

    page = client.get(QUEUE)

    assert page.status_code == 200
    assert page.context["cl"].result_count == 2
    assert {row.pk for row in page.context["cl"].result_list} == {row.pk for row in world["rows"]}
    for stranger in other["rows"]:
        assert stranger.reference not in page.text
        assert client.get(page_of(stranger)).status_code == 404
        assert client.get(page_of(stranger, "change")).status_code == 404
        assert client.get(page_of(stranger, "history")).status_code in (302, 404)
        assert client.post(page_of(stranger, "autosave"), FULL).status_code == 404
        assert client.post(page_of(stranger, "recuse"), {"kind": "other"}).status_code == 404
        assert client.post(page_of(stranger, "decide"), {"do": "decline"}).status_code == 404
        found = client.get(QUEUE, {"q": stranger.reference, "cycle": "all"})
        assert found.context["cl"].result_count == 0


def test_a_manager_sees_their_programs_and_no_other():
    world, other = cast(), cast()
    client = signed_in(world["manager"])

    page = client.get(QUEUE)

    assert {row.pk for row in page.context["cl"].result_list} == {row.pk for row in world["rows"]}
    assert client.get(page_of(world["rows"][0], "change")).status_code == 200
    assert client.get(page_of(other["rows"][0], "change")).status_code == 404
    assert client.get(reverse("admin:decide_of", args=[other["cycle"].pk])).status_code == 404
    assert client.get(reverse("admin:release", args=[other["cycle"].pk])).status_code == 404
    assert client.get(reverse("admin:batch_board_of", args=[other["cycle"].pk])).status_code == 404


@pytest.mark.parametrize("who", ["manager", "reviewer"])
def test_a_conflict_hides_the_application_fully(who):
    world = cast()
    user = world["manager"] if who == "manager" else world["reviewers"][0]
    hidden = world["rows"][0]
    Conflict.objects.create(
        application=hidden, user=user, reason="Sponsor", declared_by=None, declared_at=make.AFTER
    )
    client = signed_in(user)

    page = client.get(QUEUE)

    assert page.context["cl"].result_count == 1
    assert hidden.reference not in page.text
    assert client.get(page_of(hidden)).status_code == 404
    assert client.get(page_of(hidden, "change")).status_code == 404
    assert client.get(QUEUE, {"q": hidden.reference, "cycle": "all"}).context["cl"].result_count == 0
    if who == "manager":
        assert hidden.reference not in client.get(reverse("admin:decide_of", args=[world["cycle"].pk])).text


def test_the_own_institution_is_hidden_from_a_manager():
    program = make.make_program()
    make.make_member(program)
    manager = make.make_member(program, Role.MANAGER, email="boss@labs.lake.example.org")
    near = make.make_submitted(program, applicant=make.make_user("a@mail.lake.example.org"))
    far = make.make_submitted(program, applicant=make.make_user("a@hill.example.org"))
    make.make_batch(program, submitted=[near, far])

    assert set(desk.visible(staff.desk_of(manager))) == {far}
    assert signed_in(manager).get(page_of(near, "change")).status_code == 404


def test_somebody_without_a_role_sees_no_rows():
    world = cast()
    person = make.make_user(is_staff=True)

    assert not desk.visible(staff.desk_of(person)).exists()
    assert signed_in(person).get(QUEUE).status_code == 403
    assert signed_in(person).get(page_of(world["rows"][0])).status_code == 404


def test_an_ended_reviewer_loses_the_queue_at_once():
    world = cast()
    reviewer = world["reviewers"][0]
    from programs import memberships

    memberships.end(
        program=world["program"], user=reviewer, role=Role.REVIEWER, by=world["manager"], at=make.AFTER
    )

    assert not desk.visible(staff.desk_of(reviewer)).exists()


def test_a_blind_first_look_holds_no_identity_until_the_review_is_in():
    world = cast(blind_first_look=True, applications=1)
    application, reviewer = world["rows"][0], world["reviewers"][0]
    client = signed_in(reviewer)

    before = client.get(page_of(application)).text
    client.post(page_of(application), FULL)
    after = client.get(page_of(application)).text

    assert make.IDENTITY not in before
    assert application.applicant.email not in before
    assert make.IDENTITY in after
    assert application.applicant.email not in after


def test_restricted_answers_are_for_screeners_alone():
    world = cast(applications=1)
    screener = make.make_member(world["program"], Role.SCREENER)
    application = world["rows"][0]

    assert make.FOR_SCREENERS in signed_in(screener).get(page_of(application)).text
    assert make.FOR_SCREENERS not in signed_in(world["reviewers"][0]).get(page_of(application)).text
    assert make.FOR_SCREENERS not in signed_in(world["manager"]).get(page_of(application, "change")).text
    assert make.FOR_SCREENERS not in signed_in(make.make_superuser()).get(page_of(application, "change")).text


def test_peers_reviews_stay_hidden_until_mine_is_in():
    world = cast(applications=1)
    application = world["rows"][0]
    first, second = world["reviewers"]
    signed_in(first).post(page_of(application), FULL | {"note": "A note of the first"})
    client = signed_in(second)

    before = client.get(page_of(application)).text
    client.post(page_of(application), FULL)
    after = client.get(page_of(application)).text

    assert "A note of the first" not in before
    assert "1 review by others is in" in before
    assert "A note of the first" in after


# --- Reviewing


def test_save_and_next_hands_in_and_goes_on():
    world = cast(applications=3)
    reviewer = world["reviewers"][0]
    client = signed_in(reviewer)
    start = client.get(reverse("admin:applications_application_next"))
    first = desk.next_to_review(staff.desk_of(reviewer))
    assert start.url == page_of(first)

    answer = client.post(page_of(first), FULL)

    row = Review.objects.get(application=first, reviewer=reviewer)
    assert (row.state, str(row.total), row.note) == (ReviewState.IN, "4.00", "Sound.")
    onward = desk.next_to_review(staff.desk_of(reviewer))
    assert onward != first
    assert answer.url == page_of(onward)
    assert Assignment.objects.get(application=first, reviewer=reviewer).state == AssignmentState.DONE


def test_the_last_review_leads_home():
    world = cast(applications=1)
    client = signed_in(world["reviewers"][0])

    answer = client.post(page_of(world["rows"][0]), FULL, follow=True)

    assert answer.redirect_chain[-1][0] == "/admin/"
    assert "That was the last one." in answer.text
    assert "Your reviews are in" in answer.text


def test_an_incomplete_review_is_refused_and_kept():
    world = cast(applications=1)
    application = world["rows"][0]
    client = signed_in(world["reviewers"][0])

    answer = client.post(page_of(application), {"score-merit": "4", "note": "Half"})

    assert answer.status_code == 422
    assert "Score “Impact”." in answer.text
    row = Review.objects.get(application=application)
    assert (row.state, row.note) == (ReviewState.DRAFT, "Half")


def test_a_clear_decline_needs_no_scores():
    world = cast(applications=1)
    client = signed_in(world["reviewers"][0])

    client.post(page_of(world["rows"][0]), {"clear_decline": "1"})

    row = Review.objects.get(application=world["rows"][0])
    assert (row.state, row.clear_decline) == (ReviewState.IN, True)


def test_autosave_keeps_a_draft_and_says_when():
    world = cast(applications=1)
    application = world["rows"][0]
    client = signed_in(world["reviewers"][0])

    answer = client.post(page_of(application, "autosave"), {"score-merit": "2"})

    saw = make.AFTER.isoformat()
    assert (answer.status_code, answer.json()) == (200, {"text": "Saved 12:00 UTC", "saw": saw})
    assert Review.objects.get(application=application).state == ReviewState.DRAFT


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"score-merit": "6"}, "Score “Merit” from 1 to 5."),
        ({"score-merit": "0"}, "Score “Merit” from 1 to 5."),
        ({"score-merit": "four"}, "Score “Merit” from 1 to 5."),
        ({"note": "a\x00b"}, "cannot be stored"),
        ({"confidence": "sure"}, "Select a valid choice"),
    ],
)
def test_autosave_refuses_what_is_off_the_scale(data, said):
    world = cast(applications=1)

    answer = signed_in(world["reviewers"][0]).post(page_of(world["rows"][0], "autosave"), data)

    assert answer.status_code == 422
    assert said in answer.json()["text"]
    assert not Review.objects.exists()


def test_autosave_after_the_decision_is_a_conflict():
    world = cast(applications=1)
    application = world["rows"][0]
    review_all(world)
    decisions.propose_decline(application_id=application.pk, by=world["manager"], at=make.AFTER)
    client = signed_in(world["manager"])
    client.post(reverse("admin:release", args=[world["cycle"].pk]), {"sure": "yes"})

    answer = signed_in(world["reviewers"][0]).post(page_of(application, "autosave"), FULL)

    assert answer.status_code == 409
    assert "reviews are closed" in answer.json()["text"]


def test_skip_goes_behind_and_starts_again():
    world = cast(applications=2)
    client = signed_in(world["reviewers"][0])
    one, two = world["rows"]
    after = reverse("admin:applications_application_next") + "?after="

    assert client.get(f"{after}{one.pk}").url == page_of(two)
    assert client.get(f"{after}{two.pk}").url == page_of(one)
    assert client.get(f"{after}nonsense").url == client.get(after).url


def test_recusing_passes_it_on_for_good():
    world = cast(applications=1, reviewers=3)
    application = world["rows"][0]
    had = Assignment.objects.filter(application=application).first().reviewer
    client = signed_in(had)
    assert client.get(page_of(application, "recuse")).status_code == 200

    answer = client.post(page_of(application, "recuse"), {"kind": "collaborator", "reason": "Same lab"})

    assert answer.status_code == 302
    assert Recusal.objects.get().reviewer == had
    assert client.get(page_of(application)).status_code == 404
    assert client.get(QUEUE).context["cl"].result_count == 0
    live = Assignment.objects.filter(application=application).exclude(state=AssignmentState.RECUSED)
    assert live.count() == 2


def test_a_recusal_needs_a_kind():
    world = cast(applications=1)

    answer = signed_in(world["reviewers"][0]).post(page_of(world["rows"][0], "recuse"), {"kind": "bored"})

    assert answer.status_code == 200
    assert not Recusal.objects.exists()


# --- Gates


def test_a_screener_answers_a_gate_and_nobody_else_does():
    program = make.make_program()
    make.make_member(program)
    screener = make.make_member(program, Role.SCREENER)
    manager = make.make_member(program, Role.MANAGER)
    make.make_batch(program, field="biology")
    application = Application.objects.get()
    data = {"gate": "biosecurity", "outcome": "passed", "note": "No hazard."}

    assert signed_in(screener).get(QUEUE, {"gate": "open"}).context["cl"].result_count == 1
    signed_in(manager).post(page_of(application, "gate"), data)
    assert not GateResult.objects.exists()
    signed_in(screener).post(page_of(application, "gate"), data)

    assert GateResult.objects.get().decided_by == screener
    assert signed_in(screener).get(QUEUE, {"gate": "open"}).context["cl"].result_count == 0


# --- Nothing is written by looking, nothing is deleted, and pages cost the same at any size


def test_records_cannot_be_added_changed_or_deleted():
    world = cast(applications=1)
    client = signed_in(make.make_superuser())
    application = world["rows"][0]

    assert client.get(f"{QUEUE}add/").status_code == 403
    assert client.post(f"{QUEUE}{application.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(page_of(application, "change"), {"title": "Mine"}).status_code == 405
    assert client.get("/admin/applications/review/add/").status_code == 403


def queries(client: Client, url: str) -> int:
    client.get(url)  # the first request of a session also writes it
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


@pytest.mark.parametrize("who", ["manager", "reviewer"])
def test_the_queue_costs_the_same_at_10_and_at_200_rows(who):
    program = make.make_program()
    reviewer = make.make_member(program)
    manager = make.make_member(program, Role.MANAGER)
    make.make_many(program, 10)
    batch = make.make_batch(program, submitted=[Application.objects.first()])
    client = signed_in(manager if who == "manager" else reviewer)

    few = queries(client, QUEUE)
    more = make.make_many(program, 190, cycle=batch.cycle, state=State.IN_REVIEW)
    due = make.AFTER + timedelta(days=7)
    Assignment.objects.bulk_create(
        Assignment(application=row, reviewer=reviewer, assigned_at=make.AFTER, due_at=due) for row in more
    )
    many = queries(client, QUEUE)

    assert many == few
    assert many <= 15


def test_the_review_page_stays_within_15_queries():
    world = cast(applications=12, blind_first_look=True)
    review_all(world)
    application = world["rows"][0]

    assert queries(signed_in(world["reviewers"][0]), page_of(application)) <= 15


def test_home_and_boards_cost_the_same_at_any_size():
    world = cast(applications=3)
    client = signed_in(world["manager"])
    urls = [
        "/admin/",
        reverse("admin:decide_of", args=[world["cycle"].pk]),
        reverse("admin:batch_board_of", args=[world["cycle"].pk]),
        reverse("admin:release", args=[world["cycle"].pk]),
        reverse("admin:grants_board"),
    ]
    few = [queries(client, url) for url in urls]
    make.make_many(world["program"], 100, cycle=world["cycle"], state=State.IN_REVIEW)

    many = [queries(client, url) for url in urls]

    assert many == few
    assert max(many) <= 35  # the release page runs every check of a release


def test_screening_and_assignment_were_really_run():
    """The factory gives what the pages show: two assignments each, findings for twins."""
    program = make.make_program()
    for _ in range(2):
        make.make_member(program)
    same = (
        "The same words again and again about soil, lakes, genes and plots until both texts are equal in full. "
        * 2
    )
    twins = [make.make_submitted(program, abstract=same, title="Twin") for _ in range(2)]
    batch = make.make_batch(program, submitted=twins)

    assert screening.screen(batch_id=batch.pk, at=make.AFTER) == {}
    assert assignment.assign(batch_id=batch.pk, at=make.AFTER) == assignment.Assigned()
    client = signed_in(make.make_member(program, Role.MANAGER))
    assert client.get(QUEUE, {"flag": "near_duplicate"}).context["cl"].result_count == 2
    text = client.get(page_of(twins[0], "change")).text
    assert twins[1].reference in text


def test_a_queue_that_one_stepped_back_from_is_not_listed() -> None:
    """Nor do letters name their language by a code."""
    world = cast(applications=1, reviewers=3)
    mine = Assignment.objects.first()
    client = signed_in(mine.reviewer)
    with clock.set_to(make.AFTER):
        before = client.get("/admin/").text
        review.recuse(
            application_id=mine.application_id,
            kind=RecusalKind.COLLABORATOR,
            reason="We wrote together.",
            by=mine.reviewer,
            at=make.AFTER,
        )
        after = client.get("/admin/").text
        letters = signed_in(world["manager"]).get("/admin/programs/messagetemplate/").text

    assert 'id="h-mine"' in before
    assert 'id="h-mine"' not in after
    assert '<td class="field-in_language">English</td>' in letters
