"""A reviewer handles ten applications without touching the mouse: two looks each, names only in the second."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from applications.models import Application, Assignment, AssignmentState, Review, ReviewState
from portal import clock
from programs.models import Criterion, Phase
from tests.browser.test_admin_pages import DESK, PHONE, enter
from tests.factories import applications as make

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = 10


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def picture() -> Any:
    """picture(page, name): a screenshot in the folder that PICTURES names; without it none is taken."""
    folder = os.environ.get("PICTURES", "")

    def take(page: Any, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


@pytest.fixture
def reviewer() -> Any:
    program = make.make_program(
        name="AI for Science", slug="ai-for-science", accent="ai-for-science", blind_first_look=True
    )
    Criterion.objects.filter(program=program, key="merit").update(phase=Phase.NAMED)
    Criterion.objects.filter(program=program, key="feasibility").update(not_applicable=True)
    person = make.make_member(program, name="Maren Holt")
    make.make_batch(program, applications=NUMBER)
    return person


def test_ten_applications_by_keyboard(
    new_page: Any, live_server: Any, reviewer: Any, picture: Any, accessible: Any
) -> None:
    page = new_page(viewport=DESK)
    enter(page, live_server, reviewer)
    page.goto("/admin/")
    page.keyboard.press("n")
    page.wait_for_url("**/review/")
    accessible(page)

    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).not_to_be_visible()
    first = page.url
    page.keyboard.press("s")
    page.wait_for_url(lambda url: url != first)

    for done in range(NUMBER):
        here = page.url
        expect(page.locator(".rubric .label")).to_have_text("look 1 of 2, names hidden")
        expect(page.locator("body")).not_to_contain_text(make.IDENTITY)
        # Impact 4; feasibility does not apply, and back to change impact to 5.
        for key in ("4", "0", "k", "5") if done == 0 else ("4", "3"):
            page.keyboard.press(key)
        if done == 0:
            expect(page.locator("[data-total] b")).to_have_text("5.00")
            picture(page, "look-1")
        page.keyboard.press("n")
        expect(page.locator(".rubric .label")).to_have_text("look 2 of 2, with names")
        expect(page.locator("article.answers")).to_contain_text(make.IDENTITY)
        page.keyboard.press("4")
        if done == 0:
            picture(page, "look-2")
            accessible(page)
        page.keyboard.press("n")
        page.wait_for_url(lambda url, here=here: url != here)

    expect(page.locator(".messagelist")).to_contain_text("That was the last one.")
    picture(page, "done")
    assert Review.objects.filter(reviewer=reviewer, state=ReviewState.IN).count() == NUMBER
    assert Review.objects.filter(blind_submitted_at__isnull=False).count() == NUMBER
    assert not Assignment.objects.filter(state=AssignmentState.TO_DO).exists()


def test_the_list_is_walked_with_j_and_k_and_opened_with_enter(
    new_page: Any, live_server: Any, reviewer: Any
) -> None:
    page = new_page(viewport=DESK)
    enter(page, live_server, reviewer)
    page.goto("/admin/applications/application/?mine=todo")
    rows = list(Application.objects.order_by("cycle_id", "state", "pk").values_list("reference", flat=True))

    for key in "jjk":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/review/")

    expect(page.locator(".breadcrumbs")).to_contain_text(rows[0])


def test_the_page_fits_a_phone(new_page: Any, live_server: Any, reviewer: Any, picture: Any) -> None:
    page = new_page(viewport=PHONE, color_scheme="dark")
    enter(page, live_server, reviewer)
    page.goto("/admin/applications/application/next/")

    picture(page, "phone-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
