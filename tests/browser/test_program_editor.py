"""The program editor and the order of questions in Chromium: rows, lists, rules by kind, a word before text is lost."""

import re
from typing import Any

import pytest
from django.urls import reverse

from credits import funding
from portal import clock
from portal.roles import Role
from programs import form_versions
from tests.browser.test_admin_pages import enter
from tests.factories import applications as make
from tests.sizes import LOOKS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def program() -> Any:
    return make.make_program(name="Robotics Safety Fellows")


@pytest.fixture
def manager(program: Any) -> Any:
    return make.make_member(program, Role.MANAGER, name="Ruth Calder")


def editor(live_server: Any, program: Any) -> str:
    return live_server.url + reverse("admin:programs_program_change", args=[program.pk])


def test_rows_rules_and_lists_are_filled_in(page, live_server, program, manager, accessible):
    program.rules.filter(kind="country").delete()
    enter(page, live_server, manager)
    page.goto(editor(live_server, program))

    # A new topic, moved above the one before it; a field found through the map.
    topics = page.locator(".field-priority_topics [data-rows-edit]")
    topics.locator("li").last.get_by_label("Title").fill("Second topic")
    topics.locator("li").last.get_by_label("Text").fill("What it is.")
    topics.get_by_role("button", name="Add another entry").click()
    topics.locator("li").last.get_by_label("Title").fill("First topic")
    topics.locator("li").last.get_by_label("Text").fill("Why it comes first.")
    topics.locator("li").last.get_by_role("button", name="up").click()
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Cap").click()
    page.get_by_label("Cap", exact=True).fill("7,500")

    # A rule of a kind shows the fields of that kind and no other.
    page.locator("#rules-group .add-row a").click()
    rule = page.locator("#rules-group .inline-related:not(.empty-form)").last
    rule.get_by_label("Kind", exact=True).select_option("country")
    assert rule.get_by_label("Search in Countries and regions").is_visible()
    assert not rule.get_by_label("Months at most", exact=True).is_visible()
    rule.get_by_label("What follows").select_option("block")
    rule.get_by_label("Sentence", exact=True).fill("Not offered there.")
    rule.get_by_label("may not apply, all others may").check()
    rule.get_by_label("Search in Countries and regions").fill("antarc")
    rule.get_by_label("Antarctica").check()
    assert page.get_by_text("Not saved yet").is_visible()
    accessible(page)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile(r"/programs/program/(#.*)?$"))  # the place on the page stays in the address

    program.refresh_from_db()
    assert [topic["title"] for topic in program.priority_topics] == ["First topic", "Second topic"]
    assert program.award_cap_cents == 7_500_00
    assert program.rules.get(kind="country").parameters == {"refused": ["AQ"]}


def test_leaving_with_unsaved_text_asks_first(page, live_server, program, manager):
    enter(page, live_server, manager)
    page.goto(editor(live_server, program))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    page.get_by_label("Summary", exact=True).fill("Half a sentence")
    page.goto(live_server.url + reverse("admin:programs_program_changelist"))

    assert asked == ["beforeunload"]


def test_questions_are_put_in_order_by_keyboard_and_by_pointer(
    page, live_server, program, manager, accessible
):
    first = form_versions.current(program)
    draft = form_versions.draft(program=program, sections=first.sections, by=manager, at=make.AFTER)
    keys = [question["key"] for question in draft.sections[0]["questions"]]
    enter(page, live_server, manager)
    page.goto(live_server.url + reverse("admin:programs_formversion_change", args=[draft.pk]))
    grips = page.locator(f"[data-question='{keys[0]}'] [data-grip]")

    grips.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    said = page.locator("[data-reorder-said]").text_content()
    with page.expect_navigation():
        page.keyboard.press("Space")

    assert "place 2 of" in said
    draft.refresh_from_db()
    now = [question["key"] for question in draft.sections[0]["questions"]]
    assert now == [keys[1], keys[0], *keys[2:]]
    accessible(page)

    source = page.locator(f"[data-question='{keys[0]}'] [data-grip]").bounding_box()
    target = page.locator(f"[data-question='{keys[1]}']").bounding_box()
    page.mouse.move(source["x"] + 5, source["y"] + 5)
    page.mouse.down()
    page.mouse.move(target["x"] + 20, target["y"] + 4, steps=5)
    with page.expect_navigation():
        page.mouse.up()

    draft.refresh_from_db()
    assert [question["key"] for question in draft.sections[0]["questions"]] == keys


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_the_pages_of_the_editor_fit_and_are_readable(
    new_page, live_server, program, manager, accessible, width, theme
):
    make.make_batch(program, applications=1)
    wish = funding.ask(
        program=program.slug,
        period="2026",
        currency="USD",
        amount_cents=5_000_00,
        reason="New topics.",
        by=make.make_member(program, Role.MANAGER),
        at=make.AFTER,
    )
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    enter(page, live_server, manager)
    pages = [
        editor(live_server, program),
        live_server.url + reverse("admin:programs_program_versions", args=[program.pk]),
        live_server.url + reverse("admin:programs_program_shift", args=[program.pk]) + "?on=2027-03-01",
        live_server.url + reverse("admin:programs_program_pools", args=[program.pk]),
        live_server.url + reverse("admin:credits_fundingrequest_change", args=[wish.pk]),
    ]

    for address in pages:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        accessible(page)


def test_the_editor_works_without_scripts(new_page, live_server, program, manager):
    page = new_page(java_script_enabled=False)
    enter(page, live_server, manager)
    page.goto(editor(live_server, program))

    rows = page.locator(".field-never_funded [data-rows-edit] li")
    rows.last.locator("input[name$='-text']").fill("Chat apps")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("link", name="Add a door").click()
    page.locator("#doors-0 input[name$='-title']").fill("Another way")
    page.locator("#doors-0 textarea").fill("For everybody else.")
    page.locator("#doors-0 select").select_option("outside")
    page.locator("#doors-0 input[name$='-url']").fill("https://example.org/")
    page.get_by_role("button", name="Save", exact=True).click()

    program.refresh_from_db()
    assert program.never_funded == ["Chat apps"]
    assert program.doors.get().key == "another-way"
