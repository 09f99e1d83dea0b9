"""A grantee in Chromium: accepts with a mistyped organization first, sees the credits posted, shares them, and gets more.

The manager decides the top-up at the desk. PICTURES names a folder that keeps a picture of each page.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from playwright.sync_api import expect

from applications.models import LaterCredit
from portal import clock
from tests.browser.test_admin_pages import enter
from tests.factories.amending import POSTED, Awarded
from tests.factories.applications import AFTER, ORGANIZATION_ID
from tests.factories.later import ASKED

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
PICTURES = os.environ.get("PICTURES", "")


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"award-{name}.png", full_page=True)


def _accept(page: Any, world: Awarded, accessible: Any) -> None:
    page.goto(reverse("applications:award", args=[world.application.public_id]))
    expect(page.get_by_role("heading", level=1)).to_contain_text("You have been awarded")
    expect(page.get_by_text("Accept by")).to_be_visible()
    accessible(page)
    picture(page, "1-accept")
    page.get_by_label("I have read and accept the terms").check()
    page.get_by_label("I am an owner of this organization").check()
    page.locator("#id_organization_id").fill(ORGANIZATION_ID)
    page.locator("#id_organization_id_again").fill(ORGANIZATION_ID.replace("0b0c", "0b0d"))
    page.get_by_role("button", name="Accept and confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("The two organization IDs differ")
    accessible(page)
    page.locator("#id_organization_id_again").fill(ORGANIZATION_ID)
    page.get_by_role("button", name="Accept and confirm").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("on their way")


def _ask(page: Any, world: Awarded, accessible: Any) -> None:
    page.goto(reverse("applications:award", args=[world.application.public_id]))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your credits are there")
    accessible(page)
    picture(page, "2-posted")
    page.get_by_role("link", name="Ask for more credit").click()
    page.get_by_label("What are the credits for?").fill("The second half of the runs, for the review.")
    page.get_by_label("How much more").fill("$800")
    page.get_by_role("button", name="Ask for more credit").click()
    expect(page.get_by_role("heading", name="It is with us")).to_be_visible()
    accessible(page)
    picture(page, "3-asked")
    page.goto(reverse("applications:members", args=[world.application.public_id]))
    page.get_by_label("E-mail address").fill("colleague@place.example.org")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("Take back")).to_be_visible()
    accessible(page)
    picture(page, "4-members")


def _decide(page: Any, accessible: Any) -> None:
    page.goto(reverse("admin:later_board"))
    accessible(page)
    picture(page, "5-board")
    page.goto(reverse("admin:later_wish", args=[LaterCredit.objects.get().pk]))
    accessible(page)
    page.get_by_label("Amount").fill("700")
    page.get_by_label("Reason").fill("The first results are good.")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("Given; the holder hears of it.")).to_be_visible()
    picture(page, "6-given")


def test_from_acceptance_to_a_top_up(new_page, page, accessible, live_server) -> None:
    with transaction.atomic():
        world = Awarded(posted=False, top_ups_allowed=True)
    phone = new_page(viewport=PHONE)
    enter(phone, live_server, world.holder)
    enter(page, live_server, world.manager)

    with clock.set_to(AFTER):
        _accept(phone, world, accessible)
    world.post(at=POSTED)
    with clock.set_to(ASKED):
        _ask(phone, world, accessible)
        _decide(page, accessible)
        phone.goto(reverse("applications:top_up", args=[world.application.public_id]))
        expect(phone.get_by_text("$700 USD given")).to_be_visible()
        phone.goto(reverse("applications:award", args=[world.application.public_id]))
        expect(phone.get_by_role("heading", name="All credit of this award")).to_be_visible()
        picture(phone, "7-more")
