"""Grants that are posted again, and the pages on which staff and holders meet credit between the evaluations."""

from datetime import date

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from applications import (
    acceptance,
    awards,
    declining,
    later_credit,
    notices,
)
from applications.models import (
    AwardLetter,
    LaterCredit,
    LaterState,
    Notice,
)
from applications.tick import tick
from credits import checks, delivery
from credits.models import Delivery, Stage
from portal import clock
from portal.roles import Role
from programs.models import Program
from tests.factories.amending import BEGUN, POSTED, Awarded
from tests.factories.applications import AFTER, ORGANIZATION_ID, make_member
from tests.factories.later import ASKED, DAY, ask, client_of, row, urgent_request, world

pytestmark = pytest.mark.django_db

OTHER_ID = "1c1c9a64-7a56-4a39-9f5e-1d2c3b4a5968"

# --- Posted again


def refused(**fields: object) -> Awarded:
    """An award that the provider refused."""
    w = Awarded(posted=False, **fields)
    w.accept()
    delivery.dispatch(at=POSTED)
    delivery.hand_over(by=w.manager, at=POSTED)
    delivery.refuse(delivery_id=Delivery.objects.get().pk, reason="No such ID.", at=POSTED)
    return w


def test_a_refused_grant_is_posted_again_to_a_corrected_organization() -> None:
    w = refused()
    old = w.grant

    for _ in range(2):
        wish = later_credit.post_again(
            decision_id=w.decision.pk, reason="A letter was wrong.", by=w.manager, at=ASKED
        )

    fresh = awards.current(w.application)
    assert fresh is not None
    assert (wish.state, fresh.grant.reference) == (LaterState.GIVEN, f"{w.application.reference}-R1")
    assert fresh.grant.organization is None
    assert "name the organization anew" in notices.render(Notice.objects.get(kind=AwardLetter.POST_AGAIN))[1]
    with clock.set_to(ASKED):
        page = client_of(w.holder).get(reverse("applications:award", args=[w.application.public_id]))
    assert "set aside for you again" in page.content.decode()
    acceptance.accept(
        application_id=w.application.pk,
        organization_id=OTHER_ID,
        terms_accepted=True,
        by=w.holder,
        at=ASKED + DAY,
    )
    w.post(at=ASKED + 2 * DAY)
    lots = awards.of(w.application).lots
    assert [(lot.stage, lot.organization.external_id) for lot in lots] == [(Stage.CONFIRMED, OTHER_ID)]
    old.refresh_from_db()
    assert (old.stage, w.decision.grant_id) == (Stage.FAILED, old.pk)  # what was, stands
    with pytest.raises(later_credit.CannotGive, match="only what was refused"):
        later_credit.post_again(decision_id=fresh.pk, reason="Again.", by=w.manager, at=ASKED)
    assert checks.ledger_problems() == []


def test_a_lapsed_award_is_posted_again_a_declined_one_is_not() -> None:
    lapsed, declined = (Awarded(posted=False, acceptance_days=30) for _ in range(2))
    declining.decline(application_id=declined.application.pk, by=declined.holder, at=AFTER)
    tick(at=AFTER + 32 * DAY)

    wish = later_credit.post_again(
        decision_id=lapsed.decision.pk, reason="They were ill.", by=lapsed.manager, at=AFTER + 33 * DAY
    )
    with pytest.raises(later_credit.CannotGive, match="declined"):
        later_credit.post_again(
            decision_id=declined.decision.pk, reason="x", by=declined.manager, at=AFTER + 33 * DAY
        )

    assert wish.state == LaterState.GIVEN
    assert declining.accept_by(awards.current(lapsed.application), lapsed.application) == date(2027, 2, 9)
    lapsed.accept(at=AFTER + 34 * DAY)
    assert awards.current(lapsed.application).grant.organization.external_id == ORGANIZATION_ID
    assert checks.ledger_problems() == []


def test_above_the_limit_posting_again_asks_for_the_second_person_again() -> None:
    w = Awarded(posted=False, four_eyes_above_cents=10_000_00)
    tick(at=AFTER + 61 * DAY)
    Program.objects.update(four_eyes_above_cents=5_000_00)

    wish = later_credit.post_again(
        decision_id=w.decision.pk, reason="Ill.", by=w.manager, at=AFTER + 62 * DAY
    )
    wish.refresh_from_db()
    with pytest.raises(DatabaseError, match="above the limit"), transaction.atomic():
        row(w, wish)
    given = later_credit.approve(later_id=wish.pk, by=w.second, at=AFTER + 62 * DAY)

    assert given.decision.approved_by == w.second


# --- Pages


def test_staff_decide_on_their_pages_and_strangers_find_none() -> None:
    w = world(four_eyes_above_cents=6_500_00)
    finance = make_member(w.program, Role.FINANCE)
    other = world()
    wish, request = ask(w), urgent_request(w)
    board, page = reverse("admin:later_board"), reverse("admin:later_wish", args=[wish.pk])
    urgent = reverse("admin:later_urgent", args=[request.pk])
    said = {"do": "propose", "amount": "900", "months": "3", "reason": "Worth it."}
    with clock.set_to(ASKED + 8 * DAY):
        manager, second = client_of(w.manager), client_of(finance)
        listed = manager.get(board).content.decode()
        wrong = manager.post(page, said | {"amount": "many"})
        proposed = manager.post(page, said)
        approved = second.post(page, {"do": "approve"}, follow=True).content.decode()
        gave = second.post(urgent, {"amount": "120", "months": "", "reason": "Friday."}, follow=True)
        far = [client_of(other.manager).get(address).status_code for address in (page, urgent)]
        outside = client_of(make_member(w.program, Role.REVIEWER)).get(board).status_code
        own = client_of(w.holder).get(page).status_code

    assert w.application.reference in listed
    assert request.title in listed
    assert "tone is-warning" in listed
    assert wrong.status_code == 422
    assert (proposed.status_code, LaterCredit.objects.get(pk=wish.pk).state) == (302, LaterState.GIVEN)
    assert "Given" in approved
    assert LaterCredit.objects.get(request=request).state == LaterState.GIVEN
    assert "Urgent credit" in gave.content.decode()
    assert far == [404, 404]
    assert (outside, own) == (403, 302)


def test_a_grant_is_posted_again_from_the_board() -> None:
    w = refused()
    client = client_of(w.manager)
    address = reverse("admin:later_again", args=[w.decision.pk])
    with clock.set_to(ASKED):
        listed = client.get(reverse("admin:later_board")).content.decode()
        shown = client.get(address).content.decode()
        empty = client.post(address, {"reason": ""})
        done = client.post(address, {"reason": "A letter was wrong."})

    assert address in listed
    assert "No such ID." in shown
    assert (empty.status_code, done.status_code) == (422, 302)
    assert LaterCredit.objects.get().state == LaterState.GIVEN


def test_the_holder_asks_on_a_page(django_assert_max_num_queries) -> None:
    w = world()
    client = client_of(w.holder)
    address = reverse("applications:top_up", args=[w.application.public_id])
    award = reverse("applications:award", args=[w.application.public_id])
    with clock.set_to(BEGUN):
        wrong = client.post(address, {"use_case": "", "amount": "lots"})
        sent = client.post(address, {"use_case": "More runs.", "amount": "$1,200", "months": "2"})
        with django_assert_max_num_queries(15):
            page = client.get(award).content.decode()
        wish = LaterCredit.objects.get()
        back = client.post(reverse("applications:withdraw_top_up", args=[wish.public_id]))

    assert wrong.status_code == 422
    assert "Say what the credits are for." in wrong.content.decode()
    assert sent.status_code == 302
    assert (wish.asked_cents, wish.asked_months) == (1_200_00, 2)
    assert "More runs." in page
    assert back.status_code == 302
    assert LaterCredit.objects.get().state == LaterState.WITHDRAWN
