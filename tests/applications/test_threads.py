import pytest
from django.db import Error, transaction

from applications import review, threads
from applications.models import Conflict, ThreadMessage
from portal import clock
from portal.roles import Role
from programs import memberships
from tests.factories import applications as make
from tests.factories.evaluation import SCORES, Evaluation
from tests.factories.staff import page_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review():
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def world() -> Evaluation:
    made = Evaluation()
    made.to_review()
    return made


def say(world: Evaluation, by, text: str = "Why so low?") -> ThreadMessage:
    return threads.write(application_id=world.application.pk, text=text, by=by, at=make.AFTER)


def test_reviewers_and_managers_talk_once_the_reviews_are_in(world: Evaluation) -> None:
    say(world, world.reviewers[0])
    say(world, world.manager, "Please look at part two.")

    page = signed_in(world.reviewers[1]).get(page_of(world.application)).text

    assert "Why so low?" in page
    assert "Please look at part two." in page
    assert [row.author for row in threads.messages(world.application)] == [world.reviewers[0], world.manager]


def test_nobody_talks_before() -> None:
    world = Evaluation()
    make.make_batch(world.program, submitted=[world.application])
    first, second = world.reviewers
    review.send_in(
        application_id=world.application.pk, look=review.Look(scores=SCORES), by=first, at=make.AFTER
    )

    with pytest.raises(threads.CannotWrite, match="once their reviews are in"):
        say(world, second)
    with pytest.raises(threads.CannotWrite, match="once all reviews are in"):
        say(world, first)
    with pytest.raises(threads.CannotWrite, match="once all reviews are in"):
        say(world, world.manager)
    assert "thread-text" not in signed_in(first).get(page_of(world.application)).text


@pytest.mark.parametrize("who", ["screener", "unassigned", "elsewhere", "former", "conflicted", "applicant"])
def test_others_neither_read_nor_write(world: Evaluation, who: str) -> None:
    say(world, world.reviewers[0], "Canary of the thread")
    people = {
        "screener": world.screener,
        "unassigned": make.make_member(world.program),
        "elsewhere": make.make_member(make.make_program(), Role.MANAGER),
        "former": world.reviewers[1],
        "conflicted": world.manager,
        "applicant": world.application.applicant,
    }
    person = people[who]
    if who == "former":
        memberships.end(program=world.program, user=person, role=Role.REVIEWER, by=None, at=make.AFTER)
    if who == "conflicted":
        Conflict.objects.create(
            application=world.application, user=person, reason="Kin", declared_by=None, declared_at=make.AFTER
        )
    client = signed_in(person)
    pages = [
        page_of(world.application),
        page_of(world.application, "change"),
        f"/applications/{world.application.public_id}/",
    ]

    assert not any("Canary of the thread" in client.get(url, follow=True).text for url in pages)
    with pytest.raises(threads.CannotWrite):
        say(world, person)


@pytest.mark.parametrize(("text", "said"), [("  ", "Write something"), ("x" * 4_001, "4,000 characters")])
def test_what_is_no_message(world: Evaluation, text: str, said: str) -> None:
    with pytest.raises(threads.CannotWrite, match=said):
        say(world, world.manager, text)


def test_the_page_sends_one_and_keeps_what_could_not_be_sent(world: Evaluation) -> None:
    client = signed_in(world.manager)

    sent = client.post(page_of(world.application, "thread"), {"text": "From the page", "back": "decision"})
    refused = signed_in(world.screener).post(page_of(world.application, "thread"), {"text": "My long words"})

    assert (sent.status_code, ThreadMessage.objects.get().text) == (302, "From the page")
    assert refused.status_code == 409
    assert "My long words" in refused.text


def test_a_message_stays_as_it_was_written(world: Evaluation) -> None:
    message = say(world, world.manager)

    for act in (lambda: ThreadMessage.objects.update(text="x"), message.delete):
        with pytest.raises(Error), transaction.atomic():
            act()
