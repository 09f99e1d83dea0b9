"""An award that is not accepted: declined, reminded of, lapsed; and what stands before an organization is taken."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, password_reset
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from applications import acceptance, award_words, awards, declining, notices, shared_ids
from applications.models import AwardEnding, AwardLetter, Ending, Notice
from applications.tick import tick
from credits import checks, ledger, organizations, queries
from credits.models import Case, Stage
from credits.providers.base import Found, Standing
from portal import clock
from portal.models import AuditEvent
from tests.factories.amending import Awarded
from tests.factories.applications import AFTER, ORGANIZATION_ID, make_user

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OTHER_ID = "1c1c9a64-7a56-4a39-9f5e-1d2c3b4a5968"


def waiting(**fields: object) -> Awarded:
    return Awarded(posted=False, **fields)


def pool_cents(world: Awarded) -> int:
    return queries.pool_balance(world.grant.pool)


def page(world: Awarded, at, *, name: str = "award"):
    client = Client()
    client.force_login(world.holder)
    with clock.set_to(at):
        return client.get(reverse(f"applications:{name}", args=[world.application.public_id]))


def listed(world: Awarded, at) -> str:
    """The holder's list of applications; the word of this one stands where others say "Awarded"."""
    client = Client()
    client.force_login(world.holder)
    with clock.set_to(at):
        text = client.get(reverse("applications:mine")).content.decode()
    assert ">Awarded<" not in text
    return text


def test_declining_gives_the_credit_back_for_good_and_tells_the_managers() -> None:
    world = waiting()
    before = pool_cents(world)
    said = "Another lab   paid\nfor it."

    for _ in range(2):
        ending = declining.decline(
            application_id=world.application.pk, words=said, by=world.holder, at=AFTER + DAY
        )

    assert (ending.kind, ending.words) == (Ending.DECLINED, "Another lab paid for it.")
    assert world.grant.stage == Stage.VOID
    assert pool_cents(world) == before + 6_000_00
    letters = Notice.objects.filter(kind=AwardLetter.AWARD_DECLINED)
    assert {letter.recipient for letter in letters} == {world.manager, world.second}
    assert "Another lab paid for it." in notices.render(letters[0])[1]
    with pytest.raises(acceptance.CannotAccept, match="cannot be taken back"):
        world.accept(at=AFTER + 2 * DAY)
    assert "You declined this award" in page(world, AFTER + 2 * DAY).content.decode()
    assert "Given back" in listed(world, AFTER + 2 * DAY)
    with pytest.raises(DatabaseError), transaction.atomic():
        AwardEnding.objects.update(words="No, I did not.")
    assert AuditEvent.objects.filter(action="award.decline").count() == 1
    assert checks.ledger_problems() == []


def test_an_accepted_award_is_not_declined() -> None:
    world = waiting()
    world.accept()

    with pytest.raises(declining.CannotDecline):
        declining.decline(application_id=world.application.pk, by=world.holder, at=AFTER)

    assert world.grant.stage == Stage.RESERVED
    assert page(world, AFTER, name="decline_award").status_code == 302


def test_the_page_asks_before_it_declines() -> None:
    world = waiting()
    client = Client()
    client.force_login(world.holder)
    address = reverse("applications:decline_award", args=[world.application.public_id])
    with clock.set_to(AFTER):
        asked = client.get(address).content.decode()
        done = client.post(address, {"words": ""}, follow=True).content.decode()

    assert "This cannot be taken back" in asked
    assert "You declined this award" in done


def test_it_is_reminded_of_twice_and_then_lapses_once() -> None:
    world = waiting(acceptance_days=30)
    before = pool_cents(world)
    counts = []
    for days in (6, 8, 8, 20, 22, 25, 30):
        tick(at=AFTER + days * DAY)
        counts.append(Notice.objects.filter(kind=AwardLetter.ACCEPT_REMINDER).count())
    notices.send_due(limit=50, at=AFTER + 25 * DAY)
    reminder = Notice.objects.filter(kind=AwardLetter.ACCEPT_REMINDER).first()

    assert counts == [0, 1, 1, 1, 2, 2, 2]
    assert "Accept them by" in notices.render(reminder)[1]
    assert "Accept by" in page(world, AFTER + 25 * DAY).content.decode()
    assert world.grant.stage == Stage.RESERVED

    ended = [tick(at=AFTER + 32 * DAY).lapsed for _ in range(2)]

    assert ended == [1, 0]
    assert world.grant.stage == Stage.VOID
    assert pool_cents(world) == before + 6_000_00
    letter = Notice.objects.get(kind=AwardLetter.AWARD_LAPSED)
    assert letter.recipient == world.holder
    assert "was not accepted by" in notices.render(letter)[1]
    with pytest.raises(acceptance.CannotAccept, match="not accepted in time"):
        world.accept(at=AFTER + 33 * DAY)
    text = page(world, AFTER + 33 * DAY).content.decode()
    assert "This award was not accepted in time" in text
    assert "Not accepted in time" in listed(world, AFTER + 33 * DAY)
    assert not [words for words in ("if it were confirmed today", "You name it here") if words in text]
    assert checks.ledger_problems() == []


def test_a_late_tick_sends_one_reminder_and_none_for_what_was_accepted() -> None:
    world = waiting(acceptance_days=60)
    tick(at=AFTER + 25 * DAY)
    letter = Notice.objects.get(kind=AwardLetter.ACCEPT_REMINDER)

    world.accept(at=AFTER + 25 * DAY)
    notices.send_due(limit=50, at=AFTER + 26 * DAY)
    tick(at=AFTER + 70 * DAY)

    assert not Notice.objects.filter(pk=letter.pk).exists()
    assert world.grant.stage != Stage.VOID
    assert not AwardEnding.objects.exists()


def test_where_the_days_are_zero_nothing_lapses() -> None:
    world = waiting(acceptance_days=0)

    tick(at=AFTER + 300 * DAY)

    assert world.grant.stage == Stage.RESERVED
    assert declining.accept_by(world.decision, world.application) is None


@pytest.mark.parametrize("how", ["password", "address"])
def test_for_three_days_after_a_recovery_no_organization_is_named(how: str) -> None:
    world = waiting()
    moved = EmailAddress(user=world.holder, email="new@place.example.org")
    with clock.set_to(AFTER):
        if how == "password":
            password_reset.send(sender=type(world.holder), request=None, user=world.holder)
        else:
            email_changed.send(
                sender=type(world.holder),
                request=None,
                user=world.holder,
                from_email_address=EmailAddress(user=world.holder, email="old@place.example.org"),
                to_email_address=moved,
            )
    world.holder.refresh_from_db()

    with pytest.raises(acceptance.CannotAccept, match="changed lately"):
        world.accept(at=AFTER + 3 * DAY - timedelta(minutes=1))
    text = page(world, AFTER + DAY).content.decode()
    world.accept(at=AFTER + 3 * DAY)

    assert "Your account was changed lately" in text
    assert "Accept and confirm" not in text
    assert world.grant.organization.external_id == ORGANIZATION_ID
    assert AuditEvent.objects.filter(action="account.recover").count() == 1


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found(Standing.UNKNOWN), "knows no organization"),
        (Found(Standing.SUSPENDED), "suspended this organization"),
        (Found(Standing.ACTIVE, country="KP"), "not offered"),
        (Found(Standing.ACTIVE, country="DE"), ""),
        (Found(Standing.NOT_ASKED), ""),
    ],
)
def test_the_provider_is_asked_where_it_can_be(monkeypatch, found: Found, words: str) -> None:
    world = waiting()
    monkeypatch.setattr(organizations, "can_be_asked", lambda: True)
    monkeypatch.setattr(organizations, "ask_provider", lambda _id: found)

    if words:
        with pytest.raises(acceptance.CannotAccept, match=words):
            world.accept()
        assert world.grant.organization is None
    else:
        world.accept()
        assert world.grant.organization.external_id == ORGANIZATION_ID


def test_two_ids_that_differ_are_not_taken() -> None:
    world = waiting()
    client = Client()
    client.force_login(world.holder)
    address = reverse("applications:award", args=[world.application.public_id])
    body = {"terms": "on", "owner": "on", "organization_id": ORGANIZATION_ID}
    with clock.set_to(AFTER):
        other = client.post(address, body | {"organization_id_again": OTHER_ID})
        same = client.post(address, body | {"organization_id_again": f" {ORGANIZATION_ID.upper()} "})

    assert "The two organization IDs differ" in other.content.decode()
    assert same.status_code == 302
    assert world.grant.organization.external_id == ORGANIZATION_ID


def test_an_id_that_others_hold_becomes_a_case_for_staff_and_no_word_to_applicants() -> None:
    first, second = (waiting(four_eyes_above_cents=90_000_00) for _ in range(2))
    first.accept()
    assert not Case.objects.filter(kind="shared-id").exists()

    second.accept()
    second.accept()

    case = Case.objects.get(kind="shared-id")
    assert case.grant == second.grant
    assert first.grant.reference in case.words
    assert shared_ids.named_by_others(second.grant.organization, holder_id=second.holder.pk) == [
        first.grant.reference
    ]
    text = page(second, AFTER).content.decode()
    assert first.grant.reference not in text
    assert "other people" not in text


def test_every_state_has_its_words() -> None:
    world = waiting()
    reader = make_user()
    last_day = declining.accept_by(world.decision, world.application)

    def key() -> str:
        decision = awards.current(world.application)
        assert decision is not None
        return award_words.of(decision, last_day=last_day, reader=reader, at=AFTER).key

    seen = [key()]
    world.accept()
    seen.append(key())
    world.post()
    seen.append(key())

    assert seen == ["to_accept", "on_way", "posted"]


def test_while_posting_is_stopped_an_award_is_not_declined_and_its_holder_reads_why() -> None:
    world = waiting(acceptance_days=30)
    ledger.stop_posting()
    client = Client()
    client.force_login(world.holder)
    with clock.set_to(AFTER + DAY):
        address = reverse("applications:decline_award", args=[world.application.public_id])
        answer = client.post(address, {"words": ""}, follow=True)

    assert "No credits can be moved at the moment" in answer.text
    assert not AwardEnding.objects.exists()
    assert tick(at=AFTER + 32 * DAY).broken == ["lapsed awards"]
    ledger.resume_posting(by=world.manager, at=AFTER)
    assert tick(at=AFTER + 32 * DAY).lapsed == 1
