"""A program that did not exist this morning: a new manager sets it up in the admin, and somebody else applies to it.

Nothing but pages: "Add a program", a rule for every second Wednesday, told declines, three questions and a file upload in
the form builder, publish, open; then a visitor finds it, fills it in, attaches a file and sends it.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import expect

from applications.models import Application
from applications.states import State
from portal.models import User
from portal.roles import Role
from programs import form_versions, memberships
from programs.models import DeclineMode, Program, ProgramState
from tests.factories import applications as make
from tests.factories.files import pdf
from tests.journeys.test_one_month import (
    IN_NOVEMBER,
    PARAGRAPH,
    PASSWORD,
    Stage,
    _code,
    stage,
)

__all__ = ["stage"]  # the fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NAME = "Robotics Safety Fellows"


@pytest.fixture
def manager() -> User:
    """Somebody who manages one program already; the new one is theirs from the moment they add it."""
    user = User.objects.create_user("ruth@staff.example.org", PASSWORD, name="Ruth Calder")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    memberships.give(program=make.make_program(), user=user, role=Role.MANAGER, by=None, at=IN_NOVEMBER)
    return user


def test_a_new_program_from_add_to_an_application(
    stage: Stage, manager: User, accessible: Callable[..., None]
) -> None:
    desk = stage.staff(manager)
    program = _add(stage, desk, accessible)
    _build(stage, desk, accessible)
    _publish_and_open(stage, desk)
    program.refresh_from_db()
    assert (program.state, program.decline_mode) == (ProgramState.OPEN, DeclineMode.TOLD)
    days = list(program.cycles.order_by("evaluation_on").values_list("evaluation_on", flat=True)[:3])
    assert {day.weekday() for day in days} == {2}
    assert {(later - earlier).days for earlier, later in pairwise(days)} == {14}

    visitor = stage.enter()
    application = _apply(stage, visitor, accessible)
    assert application.state == State.SUBMITTED
    assert application.program == program
    assert application.cycle.evaluation_on == days[0]
    assert application.answers["kind_of_robot"] == "arms"
    assert application.answers["hours_of_operation"] == 120
    assert application.attachments.count() == 1


def _add(stage: Stage, page: Any, accessible: Callable[..., None]) -> Program:
    """The editor of a program that is not there yet."""
    page.goto("/admin/programs/program/")
    stage.shot(page, "programs")
    page.get_by_role("link", name="Add a program").click()
    given = {
        "name": NAME,
        "slug": "robotics-safety-fellows",
        "short_code": "RSF",
        "summary": "For people who make robots safe around people. Rolling, every second Wednesday.",
        "purpose": "Credits for work that keeps people unharmed near robots.",
        "award_cap_cents": "8,000",
        "four_eyes_above_cents": "5,000",
        "provider": "anthropic",
        "schedule_rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE",
    }
    for name, value in given.items():
        page.fill(f"[name={name}]", value)
    page.select_option("[name=organization_id_format]", "anthropic-console")
    page.select_option("[name=time_zone]", "Europe/Stockholm")
    page.select_option("[name=award_mode]", "capped")
    page.select_option("[name=decline_mode]", "told")
    accessible(page)
    stage.shot(page, "add-a-program")
    page.locator("[name=_save]").click()
    expect(page.locator("h1")).to_contain_text(NAME)
    expect(page.locator(".editor-aside")).to_contain_text("Publish a form")
    expect(page.locator(".editor-aside")).to_contain_text(["Europe", "Stockholm"][1])
    accessible(page)
    stage.shot(page, "what-is-missing")
    return Program.objects.get(slug="robotics-safety-fellows")


def _build(stage: Stage, page: Any, accessible: Callable[..., None]) -> None:
    """Three questions of its own and a file upload."""
    page.get_by_role("link", name="Build the form").click()
    stage.shot(page, "form-builder")
    _ask(page, "Kind of robot", "single_choice")
    page.fill("[name=choice-0-label]", "Industrial arms")
    page.locator(".option-more summary").first.click()
    page.fill("[name=choice-0-value]", "arms")
    page.fill("[name=choice-1-label]", "Machines that walk")
    page.fill("[name=choice-1-help]", "With legs, not wheels")
    page.locator(".option-more summary").nth(1).click()
    page.fill("[name=choice-1-value]", "walkers")
    page.check("[name=q-required]")
    _save(page)
    accessible(page)
    stage.shot(page, "one-choice")
    _ask(page, "Hours of operation", "integer")
    page.fill("[name=q-min]", "1")
    page.fill("[name=q-max]", "500")
    page.check("[name=q-required]")
    _save(page)
    _ask(page, "What could hurt somebody?", "long_text")
    page.fill("[name=q-max_words]", "150")
    page.select_option("[name=q-shown_for_question]", "kind_of_robot")
    page.fill("[name=q-shown_for_answers]", "arms, walker")
    _save(page)
    expect(page.locator(".editor .errornote")).to_contain_text("has no answer walker")
    stage.shot(page, "a-problem-at-its-question")
    page.fill("[name=q-shown_for_answers]", "arms, walkers")
    page.check("[name=q-required]")
    _save(page)
    expect(page.locator(".editor .errornote")).to_have_count(0)
    _ask(page, "Safety plan", "file")
    page.fill("[name=q-max_files]", "1")
    _save(page)
    stage.shot(page, "a-file")
    page.goto(page.get_by_role("link", name="Preview").first.get_attribute("href"))
    expect(page.locator("main")).to_contain_text("Industrial arms")
    accessible(page)
    stage.shot(page, "as-applicants-see-it")
    page.get_by_role("link", name="Back to the builder").click()


def _ask(page: Any, label: str, kind: str) -> None:
    page.locator("details.add summary").first.click()
    page.fill("#add-label", label)
    page.select_option("#add-kind", kind)
    page.select_option("#add-section", "project")
    page.get_by_role("button", name="Add the question").click()
    expect(page.locator("#h-edit")).to_have_text(label)


def _save(page: Any) -> None:
    page.get_by_role("button", name="Save the question").click()
    expect(page.locator(".messagelist")).to_contain_text("The question is saved.")


def _publish_and_open(stage: Stage, page: Any) -> None:
    page.get_by_role("link", name="Publish version 1…").click()
    stage.shot(page, "publish")
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.locator(".messagelist")).to_contain_text("Version 1 is published")
    page.locator(".breadcrumbs").get_by_role("link", name=NAME).click()
    expect(page.locator(".editor-aside")).to_contain_text("nothing is missing")
    stage.shot(page, "ready")
    page.get_by_role("button", name="Open the program").click()
    expect(page.locator(".messagelist")).to_contain_text("is now open")
    stage.shot(page, "open")
    assert form_versions.current(Program.objects.get(name=NAME)).number == 1


def _apply(stage: Stage, page: Any, accessible: Callable[..., None]) -> Application:
    """From the front door to the receipt, as somebody who has no account yet."""
    page.goto("/")
    stage.shot(page, "front-door")
    page.locator("main").get_by_role("link", name=NAME).first.click()
    accessible(page)
    stage.shot(page, "program-page")
    page.locator("a", has_text="Check that I fit").first.click()
    page.select_option("[name=country]", "SE")
    stage.shot(page, "fit")
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url("**/accounts/login/**")
    page.locator("main").get_by_role("link", name="Make an account").click()
    page.fill("[name=email]", "tove@arms.example.org")
    page.fill("[name=password1]", PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", _code())
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()
    if "/form/" not in page.url:
        page.locator("main form button[type=submit]").last.click()
        page.wait_for_url("**/form/**")
    page.fill("[name=full_name]", "Tove Lind")
    page.fill("[name=institution]", "Arm Laboratory of the North")
    stage.shot(page, "section-you")
    _next(page)
    page.fill("[name=title]", "Stopping an arm before it touches anybody")
    page.fill("[name=abstract]", PARAGRAPH)
    page.fill("[name=amount]", "4,000")
    page.check("[name=kind_of_robot][value=arms]")
    page.fill("[name=hours_of_operation]", "120")
    page.fill(
        "[name=what_could_hurt_somebody]", "The gripper can close on a hand while the light curtain is muted."
    )
    page.set_input_files(
        "input[type=file]", {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": pdf(pages=2)}
    )
    expect(page.locator("main")).to_contain_text("plan.pdf")
    expect(page.locator("main .invalid-feedback")).to_have_count(0)
    accessible(page)
    stage.shot(page, "section-project")
    _next(page)
    stage.shot(page, "read-through")
    page.get_by_role("button", name="Send the application").click()
    page.wait_for_url(lambda url: "/send/" not in url)
    application = Application.objects.get(program__name=NAME)
    expect(page.locator("main")).to_contain_text(application.reference)
    accessible(page)
    stage.shot(page, "receipt")
    return application


def _next(page: Any) -> None:
    before = page.url
    page.locator("main form button[type=submit].btn-primary").last.click()
    page.wait_for_url(lambda url: url != before)
