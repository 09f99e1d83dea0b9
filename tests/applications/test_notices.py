from datetime import timedelta
from unittest import mock

import pytest
from django.core import mail

from applications import notices
from applications.models import Notice, NoticeState
from programs.models import MessageTemplate
from tests.factories.applications import BEFORE, make_program, make_submitted, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter():
    application = make_submitted(
        make_program(), applicant=make_user("ada@example.org", name="Ada\r\nBcc: x@y.example")
    )
    return Notice.objects.get(application=application)


def test_a_letter_is_sent_once(letter) -> None:
    assert notices.send_due(limit=10, at=BEFORE) == notices.SendReport(sent=1)
    assert notices.send_due(limit=10, at=BEFORE) == notices.SendReport()

    (message,) = mail.outbox
    assert message.to == ["ada@example.org"]
    assert message.subject.startswith("Receipt ")
    assert "Dear Ada Bcc: x@y.example,\n" in message.body
    letter.refresh_from_db()
    assert (letter.state, letter.sent_at) == (NoticeState.SENT, BEFORE)


def test_a_corrected_template_reaches_letters_that_wait(letter) -> None:
    MessageTemplate.objects.filter(kind=letter.kind).update(subject="We have it: {reference}")

    notices.send_due(limit=10, at=BEFORE)

    assert mail.outbox[0].subject == f"We have it: {letter.application.reference}"


def test_a_failed_letter_is_tried_again_and_parked_at_last(letter) -> None:
    at = BEFORE
    with mock.patch("django.core.mail.EmailMessage.send", side_effect=OSError("refused")):
        for _ in range(notices.TRIES):
            notices.send_due(limit=10, at=at)
            letter.refresh_from_db()
            assert letter.next_attempt_at > at
            at = letter.next_attempt_at
        assert (letter.state, letter.attempts) == (NoticeState.PARKED, notices.TRIES)
        assert "refused" in letter.last_error
        assert notices.send_due(limit=10, at=at + timedelta(days=9)) == notices.SendReport()

    notices.retry(notice_ids=[letter.pk], by=make_user(), at=at)
    assert notices.send_due(limit=10, at=at) == notices.SendReport(sent=1)


def test_a_broken_template_holds_its_own_letters_only(letter) -> None:
    MessageTemplate.objects.filter(kind=letter.kind).update(body="Dear {nobody}")
    make_submitted(make_program())

    assert notices.send_due(limit=10, at=BEFORE) == notices.SendReport(sent=1, failed=1)


def test_values_are_never_read_as_placeholders() -> None:
    assert notices.fill("Dear {name}", {"name": "{title}\nBcc: a"}) == "Dear {title} Bcc: a"


@pytest.mark.parametrize(
    ("body", "message"), [("{nobody}", "is not a placeholder"), ("a { b", "brace"), ("{name}", None)]
)
def test_problems_of_a_template(body: str, message: str | None) -> None:
    found = notices.problems("Subject", body)

    assert (found == []) if message is None else (message in found[0])


def test_any_fault_of_one_letter_leaves_the_others_going(letter) -> None:
    make_submitted(make_program())
    render = notices.render

    def broken(notice):
        if notice.pk == letter.pk:
            raise AssertionError("a value that nobody thought of")
        return render(notice)

    with mock.patch("applications.notices.render", broken):
        assert notices.send_due(limit=10, at=BEFORE) == notices.SendReport(sent=1, failed=1)
