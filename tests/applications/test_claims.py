"""“Where are my credits?”: asked from day 14 on, seen by staff with its age, answered once."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from applications import awards, case_desk, claims, notices
from applications.models import AwardLetter, Notice
from applications.tick import tick
from credits import cases, delivery
from credits.models import Case
from portal import clock
from programs.staff import desk_of
from tests.factories.amending import Awarded
from tests.factories.applications import AFTER

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def on_its_way() -> Awarded:
    """Accepted and sent on AFTER, not confirmed."""
    w = Awarded(posted=False)
    w.accept()
    delivery.dispatch(at=AFTER)
    delivery.hand_over(by=w.manager, at=AFTER)
    return w


def ask(w: Awarded, days: int, words: str = "") -> Case:
    return claims.claim(application_id=w.application.pk, words=words, by=w.holder, at=AFTER + days * DAY)


def test_it_is_asked_from_day_14_and_answered_by_staff() -> None:
    w = on_its_way()
    with pytest.raises(claims.CannotClaim, match="from day 14"):
        ask(w, 13)

    case = ask(w, 14, "  Our runs\nwait. ")
    again = ask(w, 15)

    assert again == case
    assert "day 14" in case.words
    assert "Our runs wait." in case.words
    assert case in case_desk.waiting(desk_of(w.manager))
    cases.settle(case=case, by=w.manager, at=AFTER + 16 * DAY, reason="The provider is slow; by Friday.")
    for _ in range(2):
        tick(at=AFTER + 16 * DAY)
    letter = Notice.objects.get(kind=AwardLetter.CLAIM_ANSWER)
    assert letter.recipient == w.holder
    assert "The provider is slow; by Friday." in notices.render(letter)[1]
    assert ask(w, 20).key.endswith(":2")  # a settled one may be asked again


@pytest.mark.parametrize(("days", "tone"), [(3, ""), (14, "warn"), (20, "warn"), (21, "bad")])
def test_the_days_have_the_colours_that_staff_see(days: int, tone: str) -> None:
    w = on_its_way()
    found = claims.of(awards.current(w.application), at=AFTER + days * DAY)

    assert (found.days, found.tone, found.may_ask) == (days, tone, bool(tone))


def test_there_is_nothing_to_ask_before_the_award_is_accepted_or_after_it_is_there() -> None:
    waiting, posted = Awarded(posted=False), Awarded()

    for w in (waiting, posted):
        with pytest.raises(claims.CannotClaim, match="nothing on its way"):
            ask(w, 40)


def test_one_click_on_the_page_and_the_answer_stands_there() -> None:
    w = on_its_way()
    client = Client()
    client.force_login(w.holder)
    award, door = (
        reverse(f"applications:{name}", args=[w.application.public_id]) for name in ("award", "claim")
    )
    with clock.set_to(AFTER + 22 * DAY):
        before = client.get(award).content.decode()
        client.post(door, {"words": "x" * 900})
        asked = client.get(award).content.decode()
        cases.settle(case=Case.objects.get(kind="claim"), by=w.manager, at=AFTER, reason="On Monday.")
        told = client.get(award).content.decode()

    assert "Ask where they are" in before
    assert "A person here looks into it" in asked
    assert "On Monday." in told
    assert len(Case.objects.get(kind="claim").words) < 500
