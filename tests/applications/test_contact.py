"""Asking us: answers first, then a letter that carries the question and nothing else."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from applications import contact, notices
from applications.contact import CannotSend
from applications.models import Application, ContactMessage, Notice
from applications.states import State
from portal import clock
from programs import queries
from programs.models import FaqEntry
from programs.request_models import RequestKind
from tests.factories.applications import BEFORE, make_many, make_program, make_user
from tests.factories.requests import make_award, make_request_form

pytestmark = pytest.mark.django_db

ADDRESS = "/contact/"


def ask(client: Client | None = None, **data):
    with clock.set_to(BEFORE):
        return (client or Client()).post(
            ADDRESS, {"email": "ada@example.org", "text": "When do credits expire?", **data}
        )


def entries(program) -> None:
    for position, (question, answer) in enumerate(
        [
            ("When do my credits expire?", "Six months after they are posted."),
            ("Can my group share the credits?", "Yes, in one organization."),
            ("Where do I find my organization ID?", "In the settings."),
        ]
    ):
        FaqEntry.objects.create(
            program=program, key=f"k{position}", question=question, answer=answer, position=position
        )


def awarded(program):
    application = make_many(program, 1)[0]
    for step in (State.IN_REVIEW, State.AWARDED):
        Application.objects.filter(pk=application.pk).update(state=step)
    return application.applicant


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("when will my credit be expiring", "When do my credits expire?"),
        ("sharing with the whole group?", "Can my group share the credits?"),
        ("organisation organization id", "Where do I find my organization ID?"),
    ],
)
def test_a_question_in_ones_own_words_finds_the_answer(words: str, first: str) -> None:
    entries(make_program())

    assert queries.faq_matches(words)[0].question == first


@pytest.mark.parametrize("words", ["", "the of and", "' & | ! :* <->", "\x00", "🐟", "a" * 5_000, "zebra"])
def test_any_words_are_looked_up(words: str) -> None:
    entries(make_program())

    assert queries.faq_matches(words) == []


def test_questions_of_hidden_programs_are_not_found() -> None:
    entries(make_program(open_it=False))

    assert queries.faq_matches("credits expire") == []


def test_answers_stand_above_the_form() -> None:
    entries(make_program())

    first = Client().get(ADDRESS).content.decode()
    page = Client().get(ADDRESS, {"q": "when do credits expire"}).content.decode()

    assert 'name="text"' not in first
    assert page.index("Six months after they are posted.") < page.index('name="text"')
    assert ">\nwhen do credits expire</textarea>" in page


def test_a_question_becomes_a_row_and_a_letter_to_us() -> None:
    sent = ask(name="Ada\nBcc: x@evil.org", text="Line one\nLine two")
    notices.send_due(limit=5, at=BEFORE)

    message, letter = ContactMessage.objects.get(), mail.outbox[0]
    assert sent.url == ADDRESS
    assert message.text == "Line one\nLine two"
    assert letter.to == [settings.CONTACT_EMAIL]
    assert letter.reply_to == ["ada@example.org"]
    assert letter.from_email == settings.DEFAULT_FROM_EMAIL
    assert not hasattr(letter, "alternatives")
    assert "Line one\nLine two" in letter.body
    assert letter.recipients() == [settings.CONTACT_EMAIL]
    assert "\n" not in letter.subject
    assert "Line one" not in str(Notice.objects.get().values)


@pytest.mark.parametrize(
    "data",
    [
        {"email": ""},
        {"email": "nobody"},
        {"email": "a@example.org\nBcc: b@example.org"},
        {"text": ""},
        {"text": "   "},
        {"text": "x" * 5_000},
        {"text": "a\x00b"},
        {"about": "nowhere"},
        {"about": "urgent:nowhere"},
        {"name": "x" * 200},
    ],
)
def test_a_bad_question_is_said_and_kept_on_the_page(data: dict[str, str]) -> None:
    make_program()

    page = ask(**data)

    assert page.status_code == 200
    assert "Not sent yet" in page.content.decode()
    assert not ContactMessage.objects.exists()


def test_one_address_asks_five_times_a_day() -> None:
    for _ in range(5):
        contact.send(text="Again?", email="ada@example.org", at=BEFORE)

    with pytest.raises(CannotSend, match="several questions"):
        contact.send(text="Again?", email="Ada@example.org", at=BEFORE + timedelta(hours=23))

    assert contact.send(text="Again?", email="ada@example.org", at=BEFORE + timedelta(hours=25))


def test_one_network_address_does_not_flood_us() -> None:
    answers = [ask(email=f"a{number}@example.org") for number in range(12)]

    assert [answer.status_code for answer in answers].count(302) == 10


def test_the_urgent_lane_is_shown_to_people_with_an_award_of_a_program_that_has_one() -> None:
    program, without = make_program(), make_program()
    form = make_request_form(program, kind=RequestKind.URGENT, senders="holders")
    make_request_form(make_program(), kind=RequestKind.URGENT, senders="holders")
    make_request_form(without, kind=RequestKind.URGENT, senders="holders", is_on=False)
    holder, client = awarded(program), Client()
    Application.objects.filter(pk__in=[make_award(without).pk]).update(applicant=holder)
    client.force_login(holder)

    page = client.get(ADDRESS).content.decode()

    assert page.count("/requests/") == 1
    assert f"/programs/{program.slug}/requests/{form.key}/" in page
    client.force_login(make_user())
    assert "/requests/" not in client.get(ADDRESS).content.decode()


def test_the_page_needs_few_queries(django_assert_max_num_queries) -> None:
    entries(make_program())
    client = Client()
    client.force_login(make_user())

    with django_assert_max_num_queries(12):
        client.get(reverse("applications:contact"), {"q": "credits"})
