"""Updated applications on the pages: where they begin, what silence hides, what reviewers and managers see."""

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from applications import decisions, dossier, intake
from applications.models import (
    Application,
    Assignment,
    Decision,
    DecisionKind,
)
from applications.states import State
from portal import clock
from portal.models import User
from programs import staff
from tests.factories.amending import BEGUN, NEXT_END, NEXT_REVIEW, Awarded
from tests.factories.applications import (
    make_member,
)

pytestmark = pytest.mark.django_db

MORE = {"amount": {"amount_cents": 2_000_00, "currency": "USD"}}


# --- Pages --------------------------------------------------------------------------------------------------------------


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, name: str, application: Application, at: datetime = BEGUN) -> str:
    with clock.set_to(at):
        return (
            signed_in(user)
            .get(reverse(f"applications:{name}", args=[application.public_id]))
            .content.decode()
        )


def test_the_award_page_offers_it_and_the_button_begins_it() -> None:
    world = Awarded()
    assert "Start an updated application" in page(world.holder, "award", world.application)
    assert "Update this application" in page(world.holder, "status", world.application)

    with clock.set_to(BEGUN):
        answer = signed_in(world.holder).post(
            reverse("applications:amend", args=[world.application.public_id]), follow=True
        )

    draft = Application.objects.get(amends=world.application)
    assert answer.redirect_chain[-1][0].startswith(f"/applications/{draft.public_id}/")
    assert f"Update of {world.application.reference}" in answer.text
    assert "Go on with the updated application" in page(world.holder, "award", world.application)


def test_the_award_page_says_why_not() -> None:
    world = Awarded(posted=False)
    world.accept()

    text = page(world.holder, "award", world.application)

    assert "not posted yet" in text
    assert "Start an updated application" not in text


def test_the_way_from_the_credits_leads_to_the_award() -> None:
    world = Awarded()

    answer = signed_in(world.holder).get(reverse("applications:award_of", args=[world.grant.uuid]))

    assert answer.url == reverse("applications:award", args=[world.application.public_id]) + "#update"


def test_the_amount_is_optional_on_its_page_and_says_what_it_means() -> None:
    world = Awarded()
    draft = world.begin()

    with clock.set_to(BEGUN):
        text = (
            signed_in(world.holder)
            .get(reverse("applications:section", args=[draft.public_id, "research"]))
            .text
        )

    assert "on top of what was granted" in text
    assert "Read through and send" in page(world.holder, "review_and_send", draft)
    assert "before you can send it" not in page(world.holder, "review_and_send", draft)


def test_a_change_leads_back_to_the_award_where_it_is_listed() -> None:
    world = Awarded()
    amendment = world.send(title="Lakes")
    world.agree(amendment)

    with clock.set_to(NEXT_REVIEW):
        answer = signed_in(world.holder).get(
            reverse("applications:award", args=[amendment.public_id]), follow=True
        )

    assert answer.redirect_chain == [
        (reverse("applications:award", args=[world.application.public_id]) + "#update", 302)
    ]
    assert str(amendment.reference) in answer.text
    assert "asks for no more credit" in answer.text
    assert "Approved" in page(world.holder, "status", amendment, NEXT_REVIEW)


def test_silence_holds_at_every_page_of_an_award_and_its_amendment() -> None:
    """In review, declined and approved but not released read the same, to the byte, until the decided-by date."""
    world = Awarded()
    amendment = world.send(**MORE)
    world.evaluate(amendment)
    seen = []
    for step in ("in review", "approved", "declined"):
        if step == "approved":
            decisions.propose_award(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)
        if step == "declined":
            decisions.propose_decline(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)
            world.release_next(amendment)
        client = signed_in(world.holder)
        pages = {}
        with clock.set_to(NEXT_END - timedelta(hours=2)):
            for name, application in (
                ("status", amendment),
                ("award", world.application),
                ("award", amendment),
                ("withdraw", amendment),
                ("pdf", amendment),
            ):
                answer = client.get(reverse(f"applications:{name}", args=[application.public_id]))
                pages[name, application.pk] = (
                    answer.status_code,
                    re.sub(rb'value="[^"]{64}"', b"", answer.content),
                )
            for path in (reverse("applications:mine"), f"/api/v1/applications/{amendment.public_id}"):
                answer = client.get(path)
                pages[path] = (answer.status_code, re.sub(rb'value="[^"]{64}"', b"", answer.content))
            answer = client.post(
                reverse("applications:amend", args=[world.application.public_id]), follow=True
            )
            pages["amend"] = (answer.status_code, re.sub(rb'value="[^"]{64}"', b"", answer.content))
        seen.append(pages)

    assert seen[0] == seen[1] == seen[2]
    assert "was not selected" in page(world.holder, "status", amendment, NEXT_END)


# --- For staff ----------------------------------------------------------------------------------------------------------


def test_reviewers_see_the_difference_and_what_was_granted() -> None:
    world = Awarded()
    amendment = world.send(title="Reading frames of lakes", **MORE)
    world.evaluate(amendment)

    found = dossier.of(staff.desk_of(world.reviewers[0]), amendment)

    facts = dict(found.facts)
    assert facts["Granted before"].startswith(f"{world.application.reference}: $6,000 USD for 6 months")
    assert facts["Asked"] == "$2,000 USD more over 6 months"
    assert [change.label for change in found.earlier[0].changes] == ["Title"]


def test_a_blind_look_compares_what_tells_nothing_about_the_person() -> None:
    world = Awarded(blind_first_look=True)
    draft = world.begin()
    changes = {"title": "Lakes", "institution": "Somewhere else"}
    intake.save_answers(application_id=draft.pk, changes=changes, version=None, by=world.holder, at=BEGUN)
    amendment = intake.submit(application_id=draft.pk, by=world.holder, at=BEGUN)
    Application.objects.filter(pk=amendment.pk).update(state=State.IN_REVIEW)
    other = make_member(world.program)
    Assignment.objects.create(application=amendment, reviewer=other, assigned_at=NEXT_REVIEW, due_at=NEXT_END)
    amendment.refresh_from_db()

    found = dossier.of(staff.desk_of(other), amendment)

    assert found.access.blind
    assert [(earlier.linked, earlier.outcome) for earlier in found.earlier] == [(False, "")]
    assert [change.label for change in found.earlier[0].changes] == ["Title"]


def test_the_queue_and_the_page_mark_it_and_the_manager_agrees_without_credit() -> None:
    world = Awarded()
    amendment = world.send(title="Lakes")
    world.evaluate(amendment)
    client = signed_in(world.manager)
    with clock.set_to(NEXT_REVIEW):
        queue = client.get(reverse("admin:applications_application_changelist")).text
        before = client.get(reverse("admin:applications_application_change", args=[amendment.pk])).text
        answer = client.post(
            reverse("admin:applications_application_decide", args=[amendment.pk]),
            {"do": "award", "amount": "0", "granted_models": ["standard"]},
            follow=True,
        ).text

    assert "update of an award" in queue
    assert "update of an award" in before
    assert "0 agrees to the change without more credit" in before
    assert "Change without more credit" in answer
    assert Decision.objects.get(application=amendment).kind == DecisionKind.CHANGE
