"""Bad moments on the review page: each ends in one clear state, said in words, and nothing typed is lost."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications import assignment, decisions, file_store, review
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Attachment,
    Conflict,
    Review,
    ReviewState,
)
from portal import clock
from portal.roles import Role
from programs import memberships
from tests.factories import applications as make
from tests.factories.files import ask, make_attachment
from tests.factories.hidden import hidden
from tests.factories.staff import FULL, cast, fund, page_of, review_all, signed_in

pytestmark = pytest.mark.django_db

TYPED = FULL | {"note": "Typed for half an hour."}


@pytest.fixture(autouse=True)
def _days_of_review(settings: Any, tmp_path: Any) -> Any:
    settings.MEDIA_ROOT = tmp_path / "files"
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def world() -> dict[str, Any]:
    return cast(applications=1)


def test_two_reviewers_save_at_once_and_both_are_kept(world: dict[str, Any]) -> None:
    application = world["rows"][0]
    first, second = (signed_in(person) for person in world["reviewers"])
    pages = [client.get(page_of(application)) for client in (first, second)]

    answers = [
        client.post(page_of(application), FULL | {"note": f"Note {number}", "saw": "new"})
        for number, client in enumerate((first, second))
    ]

    assert [page.status_code for page in pages] == [200, 200]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert sorted(Review.objects.values_list("note", "state")) == [("Note 0", "in"), ("Note 1", "in")]


def test_a_second_window_is_told_and_keeps_its_words(world: dict[str, Any]) -> None:
    application, client = world["rows"][0], signed_in(world["reviewers"][0])
    client.post(page_of(application, "autosave"), {"note": "From the first window", "saw": "new"})

    quiet = client.post(page_of(application, "autosave"), TYPED | {"saw": "new"})
    loud = client.post(page_of(application), TYPED | {"saw": "new"})

    assert (quiet.status_code, loud.status_code) == (409, 409)
    assert "saved in another window at 12:00 UTC" in quiet.json()["text"]
    assert "saved in another window at 12:00 UTC" in loud.text
    assert "Typed for half an hour." in loud.text
    assert Review.objects.get().note == "From the first window"
    again = client.post(page_of(application), TYPED | {"saw": make.AFTER.isoformat()})
    assert (again.status_code, Review.objects.get().note) == (302, "Typed for half an hour.")


@pytest.mark.parametrize("value", ["6", "0", "-1", "4.5", "na", "four", "9" * 30])
def test_a_score_off_the_scale_keeps_everything_else(world: dict[str, Any], value: str) -> None:
    answer = signed_in(world["reviewers"][0]).post(page_of(world["rows"][0]), TYPED | {"score-merit": value})

    assert answer.status_code == 422
    assert "Score “Merit” from 1 to 5." in answer.text
    assert "Typed for half an hour." in answer.text
    assert 'id="impact-5" value="5" aria-describedby="impact-a5" checked' in answer.text
    assert not Review.objects.filter(state=ReviewState.IN).exists()


def test_a_decision_while_somebody_types(world: dict[str, Any]) -> None:
    application = world["rows"][0]
    review_all(world)
    fund(world["program"])
    decisions.propose_decline(application_id=application.pk, by=world["manager"], at=make.AFTER)
    client = signed_in(world["reviewers"][0])
    assert client.post(page_of(application, "autosave"), TYPED).status_code == 200  # pending closes nothing
    Application.objects.filter(pk=application.pk).update(state="declined")

    answer = client.post(page_of(application), TYPED)

    assert answer.status_code == 409
    assert "is declined; reviews are closed" in answer.text
    assert "Typed for half an hour." in answer.text


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("role", "You are not a reviewer of this program any more."),
        ("conflict", "A conflict of interest is recorded."),
        ("handed on", "This application was handed to somebody else."),
        ("recused", "You stepped back from this application."),
    ],
)
def test_somebody_who_lost_the_application_is_told_why(world: dict[str, Any], how: str, said: str) -> None:
    application, person = world["rows"][0], world["reviewers"][0]
    client = signed_in(person)
    client.post(page_of(application, "autosave"), {"note": "Begun"})
    if how == "role":
        memberships.end(program=world["program"], user=person, role=Role.REVIEWER, by=None, at=make.AFTER)
    elif how == "conflict":
        Conflict.objects.create(
            application=application, user=person, reason="Kin", declared_by=None, declared_at=make.AFTER
        )
    elif how == "handed on":
        Assignment.objects.filter(reviewer=person).update(state=AssignmentState.RECUSED)
    else:
        review.recuse(application_id=application.pk, kind="other", reason="", by=person, at=make.AFTER)

    page, quiet = (
        client.post(page_of(application), TYPED),
        client.post(page_of(application, "autosave"), TYPED),
    )

    assert (page.status_code, quiet.status_code) == (404, 404)
    assert said in page.text
    assert "Typed for half an hour." in page.text
    assert application.title not in page.text
    assert said in quiet.json()["text"]
    assert Review.objects.get().note == "Begun"
    assert client.get(page_of(application)).status_code == (302 if how == "role" else 404)  # 302: to sign in


def test_strangers_are_told_nothing(world: dict[str, Any]) -> None:
    stranger = signed_in(make.make_member(make.make_program()))

    for name in ("review", "autosave"):
        answer = stranger.post(page_of(world["rows"][0], name), TYPED)
        assert answer.status_code == 404
        assert "Typed for half an hour." not in answer.text


def test_a_file_that_is_gone_is_said_to_be_gone() -> None:
    program = make.make_program(reviews_wanted=1)
    ask(program)
    reviewer = make.make_member(program)
    draft = make.make_draft(program)
    attachment = make_attachment(draft)
    make.make_batch(
        program, submitted=[make.intake.submit(application_id=draft.pk, by=draft.applicant, at=make.BEFORE)]
    )
    client = signed_in(reviewer)
    file_store.forget(Attachment.objects.get().stored_name)

    answer = client.get(f"/applications/files/{attachment.public_id}/")

    assert answer.status_code == 404
    assert client.get(page_of(Application.objects.get())).status_code == 200


# --- What pages cost ----------------------------------------------------------------------------------------------------


def cost(client: Any, url: str) -> int:
    client.get(url)  # the first request of a session also writes it
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def test_no_page_of_a_review_costs_more_than_15_queries() -> None:
    world = hidden()
    url = page_of(world.application)
    blind = signed_in(world.reviewer)
    costs = {"blind": cost(blind, url), "queue blind": cost(blind, "/admin/applications/application/")}
    for person in (world.reviewer, world.other):
        client = signed_in(person)
        client.post(url, {"score-impact": "4", "score-feasibility": "3"})
        costs[f"named {person.pk}"] = cost(client, url)
        client.post(url, {"score-merit": "3"})
    signed_in(world.manager).post(page_of(world.application, "thread"), {"text": "Well."})
    costs["in, with thread"] = cost(blind, url)
    costs["screener"] = cost(signed_in(world.screener), url)
    costs["copy"] = cost(signed_in(world.screener), f"{url.removesuffix('review/')}copy/abstract/")

    assert {name: number for name, number in costs.items() if number > 15} == {}


def test_the_queue_of_a_blind_reviewer_costs_the_same_at_any_size() -> None:
    program = make.make_program(blind_first_look=True)
    reviewer = make.make_member(program)
    make.make_many(program, 5)
    batch = make.make_batch(program, submitted=[Application.objects.first()], assign=False)
    assignment.assign(batch_id=batch.pk, at=make.AFTER)
    client, url = signed_in(reviewer), "/admin/applications/application/"
    few = cost(client, url)
    more = make.make_many(program, 60, cycle=batch.cycle, state="in_review")
    Assignment.objects.bulk_create(
        Assignment(application=row, reviewer=reviewer, assigned_at=make.AFTER, due_at=make.AFTER)
        for row in more
    )

    assert cost(client, url) == few <= 15
