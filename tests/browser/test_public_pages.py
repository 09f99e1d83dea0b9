"""The public site in a real browser: saving by itself, conflicts, conditions, double clicks, keyboard, both themes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse
from playwright.sync_api import expect

from applications.models import Application
from applications.states import State
from portal.models import User
from programs.models import Door, FaqEntry, Program
from tests.factories.applications import BEFORE, make_draft, make_program, make_submitted, make_user
from tests.sizes import IS_NIGHT, LOOKS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PASSWORD = "correct horse battery staple"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """An open program, and the clock held in its first month for the server's threads too."""
    from portal import clock

    monkeypatch.setattr(clock, "_fixed", BEFORE)
    found = make_program(slug="ai-for-science", name="AI for Science", accent="ai-for-science")
    FaqEntry.objects.create(program=found, key="a", question="May I start now?", answer="Yes.")
    Door.objects.create(
        program=found, key="buy-credits", kind="outside", title="Buy credits", text="At once."
    )
    return found


@pytest.fixture
def person() -> User:
    user = make_user(name="Ansa Merrow")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sign_in(page: Any, user: User) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/applications/")


def section(application: Application, key: str) -> str:
    return reverse("applications:section", args=[application.public_id, key])


def test_open_pages_have_no_violation_wide_narrow_light_or_dark(new_page, accessible, program) -> None:
    paths = [
        "/",
        "/which-door/?use=science",
        "/which-door/?use=retired",
        f"/programs/{program.slug}/",
        f"/programs/{program.slug}/apply/",
        "/questions/",
        "/questions/?q=nothing",
        "/who-sees-your-data/",
        "/accounts/login/",
        "/accounts/signup/",
        "/nothing-here/",
    ]
    for width, scheme in LOOKS if IS_NIGHT else [(390, "light")]:
        page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        for path in paths:
            page.goto(path)
            assert page.locator("html").get_attribute("data-bs-theme") == scheme
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            accessible(page)


def test_pages_of_an_applicant_have_no_violation(new_page, accessible, program, person) -> None:
    long = "one-long-word-without-a-place-to-break-it@department.of.a.university.example.org"
    EmailAddress.objects.create(user=person, email=long, verified=False, primary=False)
    draft = make_draft(program, applicant=person, title=None)
    sent = make_submitted(make_program(), applicant=person)
    for width, scheme in LOOKS if IS_NIGHT else [(1280, "dark")]:
        page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        sign_in(page, person)
        for path in (
            "/applications/",
            section(draft, "you"),
            section(draft, "research") + "?fix=1",
            reverse("applications:review_and_send", args=[draft.public_id]),
            reverse("applications:status", args=[sent.public_id]),
            reverse("applications:withdraw", args=[sent.public_id]),
            "/credits/",
            "/accounts/email/",
        ):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            accessible(page)


def test_the_chosen_theme_stays(page, program) -> None:
    page.goto("/")
    page.click("button[data-theme=dark]")
    page.goto("/questions/")

    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    assert page.locator("button[data-theme=dark]").get_attribute("aria-pressed") == "true"


def test_typing_is_saved_without_a_click(page, program, person) -> None:
    draft = make_draft(program, applicant=person, title=None)
    sign_in(page, person)
    page.goto(section(draft, "research"))

    with page.expect_response("**/autosave/"):
        page.fill("#id_title", "Which corals survive")
        page.locator("#id_title").blur()
    expect(page.locator("#saved")).to_contain_text("Saved 12:00 UTC")

    draft.refresh_from_db()
    assert draft.answers["title"] == "Which corals survive"
    page.reload()
    assert page.input_value("#id_title") == "Which corals survive"


def test_counters_count_as_the_server_does(page, program, person) -> None:
    draft = make_draft(program, applicant=person)
    sign_in(page, person)
    page.goto(section(draft, "research"))

    page.fill("#id_abstract", "one  two\nthree\tfour " + "word " * 247)

    assert page.inner_text("#id_abstract_count") == "251 of 250 words"
    assert "over" in str(page.locator("#id_abstract_count").get_attribute("class"))


def test_a_second_window_cannot_overwrite(new_page, program, person, browser_errors) -> None:
    draft = make_draft(program, applicant=person)
    first = new_page()
    sign_in(first, person)
    first.goto(section(draft, "you"))
    second = first.context.new_page()
    second.goto(section(draft, "you"))
    second.fill("#id_institution", "From the second window")
    second.click("main form button[type=submit]")
    second.wait_for_url("**/research/")

    first.fill("#id_institution", "From the first window")
    first.locator("#id_institution").blur()
    first.wait_for_selector("#conflict:not([hidden])")

    draft.refresh_from_db()
    assert draft.answers["institution"] == "From the second window"
    assert first.input_value("#id_institution") == "From the first window"
    first.click("main form button[type=submit]")
    first.wait_for_selector("text=is not saved yet")
    assert first.input_value("#id_institution") == "From the first window"
    first.click("main form button[type=submit]")
    first.wait_for_url("**/research/")
    draft.refresh_from_db()
    assert draft.answers["institution"] == "From the first window"
    first.wait_for_load_state("networkidle")
    browser_errors[:] = [error for error in browser_errors if not error.startswith("409")]


def test_offline_is_said_and_saved_later(page, program, person, browser_errors) -> None:
    draft = make_draft(program, applicant=person)
    sign_in(page, person)
    page.goto(section(draft, "you"))

    page.context.set_offline(True)
    page.fill("#id_institution", "Typed on a train")
    page.locator("#id_institution").blur()
    page.wait_for_selector("#saved.off")
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("Saved 12:00", timeout=15_000)

    draft.refresh_from_db()
    assert draft.answers["institution"] == "Typed on a train"
    browser_errors[:] = [error for error in browser_errors if "ERR_INTERNET_DISCONNECTED" not in error]


def test_questions_appear_with_the_answer_they_depend_on(page, person, program) -> None:
    version = program.form_versions.get()
    sections = [dict(part) for part in version.sections]
    sections[1]["questions"] = [
        *sections[1]["questions"],
        {
            "key": "organisms",
            "type": "short_text",
            "label": "Which organisms?",
            "required": True,
            "show_if": {"question": "field", "any_of": ["biology"]},
        },
    ]
    from programs import form_versions

    newer = form_versions.draft(program=program, sections=sections, by=None, at=BEFORE)
    form_versions.publish(form_version_id=newer.pk, by=None, at=BEFORE)
    draft = make_draft(program, applicant=person)
    sign_in(page, person)
    page.goto(section(draft, "research"))

    assert page.locator("#div_id_organisms").is_hidden()
    page.check("#id_field_0")
    assert page.locator("#div_id_organisms").is_visible()
    page.check("#id_field_1")
    assert page.locator("#div_id_organisms").is_hidden()


def test_the_error_summary_has_focus_and_leads_to_the_field(page, program, person) -> None:
    draft = make_draft(program, applicant=person, title=None)
    sign_in(page, person)
    page.goto(section(draft, "research"))
    page.click("main form button[type=submit]")

    expect(page.locator(".error-summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#id_title")).to_be_focused()


def test_from_the_directory_to_the_receipt(page, program, person) -> None:
    page.goto("/")
    page.click("text=AI for Science")
    page.click("text=Check that I fit")
    page.select_option("#id_country", "DE")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/accounts/login/**")
    page.fill("[name=login]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/apply/")
    assert page.input_value("#id_country") == "DE"
    page.click("main form button[type=submit]")
    page.fill("#id_institution", "Tidewater Institute")
    page.click("main form button[type=submit]")
    page.fill("#id_title", "Which corals survive")
    page.fill("#id_abstract", "We ask which corals survive a warm summer and why.")
    page.check("#id_field_0")
    page.fill("#id_amount", "4,500")
    page.fill("#id_months", "6")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/send/")
    page.dblclick("text=Send the application")
    page.wait_for_selector("text=We have it.")

    application = Application.objects.get()
    assert application.state == State.SUBMITTED
    assert application.revisions.count() == 1
    assert application.requested_cents == 4_500_00
    assert str(application.reference) in page.inner_text("main")
    assert "Monday 7 December 2026" in page.inner_text("main")


def test_a_form_works_without_scripts(new_page, program, person) -> None:
    draft = make_draft(program, applicant=person)
    page = new_page(java_script_enabled=False)
    page.goto("/accounts/login/")
    page.fill("[name=login]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.goto(section(draft, "you"))
    page.fill("#id_institution", "Without scripts")
    page.click("main form button[type=submit]")

    draft.refresh_from_db()
    assert draft.answers["institution"] == "Without scripts"


def test_the_receipt_prints_without_navigation(page, program, person) -> None:
    sent = make_submitted(program, applicant=person, at=datetime(2026, 11, 19, tzinfo=UTC))
    sign_in(page, person)
    page.goto(reverse("applications:status", args=[sent.public_id]))
    page.emulate_media(media="print")

    assert page.locator(".site-nav").is_hidden()
    assert page.locator("text=Dates").first.is_visible()
    assert len(page.pdf()) > 10_000
