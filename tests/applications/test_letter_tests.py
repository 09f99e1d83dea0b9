"""A letter sent to oneself: marked, to nobody else, and never the letter itself."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse

from applications import letter_tests, notices
from applications.models import Notice, NoticeState
from portal import clock
from portal.roles import Role
from programs.models import MessageKind, MessageTemplate
from tests.factories import applications as make
from tests.factories.staff import cast, signed_in

pytestmark = pytest.mark.django_db


def receipt(world) -> Notice:
    return Notice.objects.get(kind="receipt", application=world["rows"][0])


def test_a_letter_goes_to_oneself_and_the_real_one_still_waits():
    world = cast(applications=1)
    letter = receipt(world)
    page = reverse("admin:applications_notice_change", args=[letter.pk])
    client = signed_in(world["manager"])

    with clock.set_to(make.AFTER):
        offered = client.get(page).text
        client.post(reverse("admin:letter_test", args=[letter.pk]))
    Notice.objects.exclude(kind="test").update(next_attempt_at=make.AFTER + timedelta(days=9))
    notices.send_due(limit=20, at=make.AFTER)

    subject, body = notices.render(letter)
    assert reverse("admin:letter_test", args=[letter.pk]) in offered
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([world["manager"].email], f"[Test] {subject}")
    ]
    assert body.strip() in mail.outbox[0].body
    letter.refresh_from_db()
    assert (letter.state, letter.attempts) == (NoticeState.WAITING, 0)
    assert (
        notices.queue(
            kind=MessageKind.RECEIPT,
            application=letter.application,
            recipient=letter.recipient,
            at=make.AFTER,
        )
        == letter
    )


def test_a_text_is_sent_with_an_example():
    world = cast(applications=1)
    text = MessageTemplate.objects.get(program=world["program"], kind=MessageKind.AWARD, language="en")
    MessageTemplate.objects.filter(pk=text.pk).update(subject="Hello {name}", body="You get {amount}.")

    with clock.set_to(make.AFTER):
        signed_in(world["manager"]).post(reverse("admin:letter_text_test", args=[text.pk]))
    Notice.objects.exclude(kind="test").delete()
    notices.send_due(limit=20, at=make.AFTER)

    assert mail.outbox[0].subject == "[Test] Hello Ada Example"
    assert "You get $6,000." in mail.outbox[0].body


def test_what_lets_somebody_in_is_for_its_reader_alone():
    world = cast(applications=1)
    letter = receipt(world)
    Notice.objects.filter(pk=letter.pk).update(recipient=None, address="guest@example.org")

    with pytest.raises(letter_tests.CannotTest, match="reader alone"):
        letter_tests.of_letter(notice_id=letter.pk, by=world["manager"], at=make.AFTER)


def test_twenty_an_hour():
    world = cast(applications=1)
    letter = receipt(world)
    for _ in range(letter_tests.MOST_AN_HOUR):
        letter_tests.of_letter(notice_id=letter.pk, by=world["manager"], at=make.AFTER)

    with pytest.raises(letter_tests.CannotTest, match="Wait"):
        letter_tests.of_letter(notice_id=letter.pk, by=world["manager"], at=make.AFTER)


def test_letters_of_another_program_are_not_there():
    world, other = cast(applications=1), cast(applications=1)
    reviewer = signed_in(make.make_member(world["program"], Role.REVIEWER))
    url = reverse("admin:letter_test", args=[receipt(other).pk])

    assert signed_in(world["manager"]).post(url).status_code == 404
    assert reviewer.post(url).status_code == 403
    assert not Notice.objects.filter(kind="test").exists()
