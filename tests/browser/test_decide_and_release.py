"""A manager in Chromium by keyboard only: moves the line, decides in bulk, is refused for coverage, fixes it, releases.

PICTURES names a folder that keeps a picture of each page; without it none is kept.
"""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from applications import review
from applications.models import Application, Assignment, CutLine, Decision, Notice
from applications.states import State
from portal import clock
from portal.roles import Role
from tests.browser.test_admin_pages import enter
from tests.factories import applications as make
from tests.factories.staff import fund

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"width": 390, "height": 844}
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def world() -> dict[str, Any]:
    """A cycle of eight applications with falling scores; nobody has looked at the last one."""
    program = make.make_program(name="AI for Science", slug="ai-for-science", accent="ai-for-science")
    for name in ("Maren Holt", "Ilya Brandt"):
        make.make_member(program, name=name)
    manager = make.make_member(program, Role.MANAGER, name="Ruth Calder")
    sent = [
        make.make_submitted(
            program, title=f"Reading frame {place}", country=("US", "DE", "KE")[place % 3], months=6
        )
        for place in range(8)
    ]
    batch = make.make_batch(program, submitted=sent)
    for place, application in enumerate(sent[:-1]):
        _look(application, 5 - place // 2)
    fund(program, 40_000_00)
    return {"program": program, "manager": manager, "cycle": batch.cycle, "rows": sent}


def _look(application: Application, score: int) -> None:
    for row in Assignment.objects.filter(application=application).select_related("reviewer"):
        look = review.Look(
            scores=dict.fromkeys(("merit", "impact", "feasibility"), max(1, score)), confidence="high"
        )
        review.send_in(application_id=application.pk, look=look, by=row.reviewer, at=make.AFTER)


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def press(control: Any, key: str = "Enter", *, times: int = 1) -> None:
    """Use a control without the mouse: it must be enabled and take the focus. Enter, once, leads to the next page."""
    expect(control).to_be_enabled()
    control.focus()
    expect(control).to_be_focused()
    page = control.page
    with page.expect_navigation() if key == "Enter" and times == 1 else nullcontext():
        for _ in range(times):
            page.keyboard.press(key)


def _decide_both_sides(page: Any, world: dict[str, Any], accessible: Any) -> None:
    """The best are proposed at a share of what they asked; the others are declined."""
    press(page.get_by_role("button", name="Propose these 3 awards…"))
    press(page.get_by_label("A share of what was asked"), "Space")
    page.get_by_label("Share", exact=True).focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("50")
    press(page.get_by_role("button", name="Work it out"))
    page.get_by_text("$9,000").wait_for()
    accessible(page)
    picture(page, "2-bulk")
    press(page.get_by_role("button", name="Propose 3 awards"))
    page.get_by_role("heading", name="3 done, 0 refused").wait_for()
    page.goto(reverse("admin:money_board_of", args=[world["cycle"].pk]))
    press(page.get_by_role("button", name="Decline all below…"))
    press(page.get_by_role("button", name="Decline 5 applications"))
    page.get_by_role("heading", name="5 done, 0 refused").wait_for()
    press(page.get_by_role("link", name="Back to the list").last)
    accessible(page)
    picture(page, "3-decide")


def test_from_the_line_to_the_release(page, live_server, world, accessible):
    enter(page, live_server, world["manager"])

    # The line is moved by keyboard, and the page says what it would come to.
    page.goto(reverse("admin:money_board_of", args=[world["cycle"].pk]))
    accessible(page)
    page.locator("#cut-range").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_url("**cut=3")
    assert page.locator(".cutline").inner_text().replace("\n", " ").startswith("Line 3 awards $18,000")
    assert page.locator("#what-if").get_by_text("$22,000").count() == 1
    picture(page, "1-money")
    press(page.get_by_role("button", name="Keep the line after 3"))
    page.locator(".messagelist", has_text="The line is kept after place 3").wait_for()
    assert CutLine.objects.get().place == 3

    _decide_both_sides(page, world, accessible)

    # The release is refused for the one that nobody has looked at.
    press(page.get_by_role("link", name="Release 8 decisions"))
    assert page.get_by_text("Nobody has looked at it yet.").count() == 1
    accessible(page)
    page.get_by_role("button", name="Undo the ticked ones…").wait_for()
    picture(page, "4-refused")
    last = world["rows"][-1]
    page.goto(reverse("admin:applications_application_change", args=[last.pk]))
    press(page.get_by_role("button", name="Undo"))
    page.goto(reverse("admin:release", args=[world["cycle"].pk]))
    press(page.get_by_label("I have no undeclared tie"), "Space")
    press(page.get_by_role("button", name="Release 7 decisions"))
    page.get_by_role("alert").get_by_text("nobody has looked at").wait_for()
    picture(page, "5-coverage")
    assert not Application.objects.filter(state=State.AWARDED).exists()

    # It is looked at, declined like the others, and the release goes through, once.
    _look(last, 1)
    page.goto(reverse("admin:applications_application_change", args=[last.pk]))
    press(page.get_by_role("button", name="Decline"))
    page.goto(reverse("admin:release", args=[world["cycle"].pk]))
    picture(page, "6-ready")
    press(page.get_by_label("I have no undeclared tie"), "Space")
    press(page.get_by_role("button", name="Release 8 decisions"), times=2)
    page.get_by_role("heading", name="Nothing else is pending").or_(
        page.get_by_role("heading", name="No decision is pending")
    ).wait_for()
    picture(page, "7-released")

    assert sorted(Application.objects.values_list("state", flat=True)) == ["awarded"] * 3 + ["declined"] * 5
    assert Notice.objects.filter(kind="award").count() == 3
    assert Decision.objects.filter(state="released").count() == 8


def test_the_waiting_list_and_a_deferral(page, live_server, world, accessible):
    enter(page, live_server, world["manager"])
    first, second, third = world["rows"][:3]

    page.goto(reverse("admin:decide_of", args=[world["cycle"].pk]))
    for row in (first, second):
        page.get_by_label(str(row.reference)).check()
    page.get_by_role("button", name="Waiting list…").click()
    page.get_by_role("button", name="Put 2 on the waiting list").click()
    page.get_by_role("heading", name="2 done, 0 refused").wait_for()
    page.goto(reverse("admin:waiting_list", args=[world["cycle"].pk]))
    accessible(page)
    page.get_by_role("button", name=f"Down: {first.reference}").click()
    page.get_by_role("button", name=f"Up: {first.reference}").and_(page.locator(":enabled")).wait_for()
    picture(page, "8-waiting")
    assert [text.split("\n")[0] for text in page.locator(".waiting .row-link").all_inner_texts()] == [
        second.title,
        first.title,
    ]
    page.get_by_role("button", name=f"Promote: {second.reference}").click()
    page.locator(".messagelist", has_text="is proposed").wait_for()
    page.goto(reverse("admin:applications_application_change", args=[third.pk]))
    page.get_by_label("Reason").last.fill("The pilot comes first.")
    page.get_by_role("button", name="Defer to the next evaluation").click()
    page.get_by_text("The deferral is proposed.").wait_for()
    picture(page, "9-deferral")

    assert sorted(Decision.objects.filter(state="pending").values_list("kind", flat=True)) == [
        "award",
        "defer",
        "waitlist",
    ]


def test_the_boards_on_a_phone_and_without_scripts(new_page, live_server, world, accessible):
    page = new_page(viewport=PHONE)
    enter(page, live_server, world["manager"])
    for name in ("money_board_of", "decide_of", "release", "waiting_list", "batch_board_of"):
        page.goto(reverse(f"admin:{name}", args=[world["cycle"].pk]))
        accessible(page)
        picture(page, f"phone-{name}")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], name

    plain = new_page(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    enter(plain, live_server, world["manager"])
    plain.goto(reverse("admin:money_board_of", args=[world["cycle"].pk]))
    plain.get_by_label("Award the best", exact=True).fill("2")
    plain.get_by_role("button", name="Move the line").click()
    assert plain.locator(".cutline").inner_text().replace("\n", " ").startswith("Line 2 awards $12,000")
    plain.get_by_role("link", name="Line here, after place 5").click()
    assert "5 awards" in plain.locator(".cutline").inner_text()
