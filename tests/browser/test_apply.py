"""Applying in a real browser: killed while typing, by keyboard alone, without scripts, two people in one form."""

import os
import time
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import Error, expect

from applications import links
from applications.models import Application, Right
from applications.states import State
from portal.models import User
from programs.models import Door, FaqEntry, Program
from tests.conftest import CHROMIUM
from tests.factories.applications import BEFORE, make_draft, make_program, make_submitted, make_user
from tests.factories.sharing import invite, share, verified
from tests.sizes import LOOKS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PASSWORD = "correct horse battery staple"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """An open program, and the clock held in its first month for the server's threads too."""
    from portal import clock

    monkeypatch.setattr(clock, "_fixed", BEFORE)
    found = make_program(
        slug="ai-for-science", name="AI for Science", accent="ai-for-science", blind_first_look=True
    )
    FaqEntry.objects.create(
        program=found, key="a", question="When do my credits expire?", answer="After six months."
    )
    Door.objects.create(
        program=found, key="buy-credits", kind="outside", title="Buy credits", text="At once."
    )
    return found


@pytest.fixture
def person() -> User:
    return verified(make_user(name="Ansa Merrow"))


def sign_in(page: Any, user: User) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/applications/")


def section(application: Application, key: str) -> str:
    return reverse("applications:section", args=[application.public_id, key])


def url(name: str, application: Application) -> str:
    return reverse(f"applications:{name}", args=[application.public_id])


# --- Losing the browser -------------------------------------------------------------------------------------------------


def test_a_browser_killed_while_typing_loses_five_seconds_at_most(
    chromium, live_server, new_page, program, person
) -> None:
    """A steady typist never pauses; the process dies without a last word; another device goes on."""
    draft = make_draft(program, applicant=person, abstract=None)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    doomed = chromium.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    page = doomed.new_context(base_url=live_server.url).new_page()
    sign_in(page, person)
    page.goto(section(draft, "research"))
    page.focus("#id_abstract")
    typed_at: list[float] = []
    began = time.monotonic()
    while time.monotonic() - began < 12:
        page.keyboard.type(f"word{len(typed_at)} ")
        typed_at.append(time.monotonic())
        time.sleep(0.05)

    killed_at = time.monotonic()
    with pytest.raises(Error):
        doomed.new_browser_cdp_session().send("Browser.crash")

    elsewhere = new_page(viewport={"width": 390, "height": 800})
    sign_in(elsewhere, person)
    elsewhere.goto(section(draft, "research"))
    kept = elsewhere.input_value("#id_abstract").split()
    safe = sum(1 for moment in typed_at if moment < killed_at - 5)
    assert safe > 20
    assert len(kept) >= safe
    typed = " ".join(f"word{number}" for number in range(len(typed_at)))
    assert typed.startswith(" ".join(kept))  # a save may fall into the middle of a word


def test_signing_in_again_in_another_tab_saves_what_was_typed_here(
    page, program, person, browser_errors
) -> None:
    """The sign-in gives the browser another token; the page that stayed open asks for one that works."""
    draft = make_draft(program, applicant=person, title=None)
    sign_in(page, person)
    page.goto(section(draft, "research"))
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.fill("#id_title", "Half a title")
    expect(page.locator("#saved")).to_contain_text("You are signed out")
    browser_errors[:] = [line for line in browser_errors if not line.startswith("401:")]

    elsewhere = page.context.new_page()
    sign_in(elsewhere, person)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("#saved")).to_contain_text("Saved ")
    draft.refresh_from_db()
    assert draft.answers["title"] == "Half a title"
    page.click("main form#section-form button.btn-primary")
    page.wait_for_url("**/send/")


def test_leaving_the_tab_saves_at_once(page, program, person) -> None:
    draft = make_draft(program, applicant=person, title=None)
    sign_in(page, person)
    page.goto(section(draft, "research"))
    page.focus("#id_title")
    page.keyboard.type("Half a ti")

    with page.expect_response("**/autosave/", timeout=2_000):
        page.evaluate(
            "Object.defineProperty(document, 'visibilityState', {value: 'hidden'});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )

    draft.refresh_from_db()
    assert draft.answers["title"] == "Half a ti"


# --- The whole way --------------------------------------------------------------------------------------------------------


def tab_to(page: Any, selector: str, *, most: int = 80) -> None:
    """Press Tab until the element has the focus; it must be within reach, and visible there."""
    for _ in range(most):
        if page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
            page.wait_for_function(  # a page that scrolls smoothly takes a moment
                "() => { const r = document.activeElement.getBoundingClientRect();"
                " return r.width > 0 && r.bottom > 0 && r.top < innerHeight; }",
                timeout=5_000,
            )
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by {most} presses of Tab on {page.url}")


def type_into(page: Any, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_the_whole_application_by_keyboard_alone(page, program, person) -> None:
    page.goto("/accounts/login/")
    type_into(page, "[name=login]", person.email)
    type_into(page, "[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/applications/")
    page.goto(f"/programs/{program.slug}/apply/")
    tab_to(page, "#id_country")
    page.keyboard.type("Germ")
    tab_to(page, "main form button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/form/you/")
    type_into(page, "#id_institution", "Tidewater Institute")
    tab_to(page, ".submit-row button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/form/research/")
    type_into(page, "#id_title", "Which corals survive")
    type_into(page, "#id_abstract", "We ask which corals survive a warm summer, and why.")
    tab_to(page, "[name=field]")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    type_into(page, "#id_amount", "4,500")
    type_into(page, "#id_months", "6")
    tab_to(page, ".submit-row button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/send/")
    tab_to(page, ".submit-row button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=We have it.")

    sent = Application.objects.get()
    assert (sent.state, sent.country, sent.field) == (State.SUBMITTED, "DE", "physics")
    assert (sent.requested_cents, sent.requested_months) == (4_500_00, 6)


def test_the_whole_application_without_scripts(new_page, program, person) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page, person)
    page.goto(f"/programs/{program.slug}/apply/")
    page.select_option("#id_country", "DE")
    page.click("main form button[type=submit]")
    page.fill("#id_institution", "Tidewater Institute")
    page.click(".submit-row button[type=submit]")
    page.fill("#id_title", "Which corals survive")
    page.fill("#id_amount", "a lot")
    page.click(".submit-row button[type=submit]")
    assert "things to fix" in page.inner_text(".error-summary")
    page.fill("#id_abstract", "We ask which corals survive a warm summer, and why.")
    page.check("#id_field_0")
    page.fill("#id_amount", "4,500")
    page.fill("#id_months", "6")
    page.click(".submit-row button[type=submit]")
    page.wait_for_url("**/send/")
    page.click("text=See it as reviewers do")
    assert "Tidewater Institute" not in page.inner_text("main")
    page.go_back()
    page.click(".submit-row button[type=submit]")

    assert "We have it." in page.inner_text("main")
    assert Application.objects.get().state == State.SUBMITTED
    page.click("text=People")
    page.fill("#id_email", "bo@lake.example.org")
    page.click("text=Send the invitation")
    assert "The invitation goes to bo@lake.example.org" in page.inner_text("main")


# --- Two people -----------------------------------------------------------------------------------------------------------


def test_two_people_write_in_one_section_and_nothing_is_lost(new_page, program, person) -> None:
    draft, guest = make_draft(program, applicant=person), verified(make_user(name="Bo Tidewater"))
    share(draft, guest, Right.EDIT)
    hers, his = new_page(), new_page()
    for page, user in ((hers, person), (his, guest)):
        sign_in(page, user)
        page.goto(section(draft, "research"))

    for page, field, text in ((hers, "#id_title", "From her"), (his, "#id_months", "9")):
        with page.expect_response("**/autosave/") as answer:
            page.fill(field, text)
            page.locator(field).blur()
        assert answer.value.status == 200
    with hers.expect_response("**/autosave/") as answer:
        hers.fill("#id_title", "From her, once more")
        hers.locator("#id_title").blur()

    draft.refresh_from_db()
    assert answer.value.status == 200
    assert (draft.answers["title"], draft.answers["months"]) == ("From her, once more", 9)
    his.click(".submit-row button[type=submit]")
    his.wait_for_url("**/send/")
    draft.refresh_from_db()
    assert draft.answers["title"] == "From her, once more"


def test_two_people_at_one_answer_are_told_which(new_page, program, person, browser_errors) -> None:
    draft, guest = make_draft(program, applicant=person), verified()
    share(draft, guest, Right.EDIT)
    hers, his = new_page(), new_page()
    for page, user in ((hers, person), (his, guest)):
        sign_in(page, user)
        page.goto(section(draft, "research"))
    with hers.expect_response("**/autosave/"):
        hers.fill("#id_title", "From her")
        hers.locator("#id_title").blur()

    with his.expect_response("**/autosave/") as answer:
        his.fill("#id_title", "From him")
        his.locator("#id_title").blur()

    assert answer.value.status == 409
    expect(his.locator("#conflict")).to_contain_text("Both changed: Title.")
    assert his.input_value("#id_title") == "From him"
    draft.refresh_from_db()
    assert draft.answers["title"] == "From her"
    browser_errors[:] = [error for error in browser_errors if not error.startswith("409")]


def test_an_invitation_from_the_letter_to_the_form(new_page, program, person) -> None:
    draft, guest = make_draft(program, applicant=person), verified(make_user(name="Bo Tidewater"))
    place = invite(draft, guest, Right.EDIT)
    page = new_page()

    page.goto(reverse("applications:invitation", args=[links.invitation_token(place.public_id)]))
    page.fill("[name=login]", guest.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_selector("text=You are invited to an application")
    page.click("text=Accept")
    page.wait_for_url("**/send/")

    assert "Only Ansa Merrow can send it." in page.inner_text("main")


# --- Looks ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_pages_around_an_application_have_no_violation(
    new_page, accessible, program, person, width: int, scheme: str
) -> None:
    draft, sent = make_draft(program, applicant=person), make_submitted(make_program(), applicant=person)
    share(draft), invite(draft, make_user())
    for_her = invite(make_draft(program), person)
    foreign = invite(draft, make_user())
    token, wrong = (links.invitation_token(row.public_id) for row in (for_her, foreign))
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    sign_in(page, person)

    for path in (
        "/applications/",
        url("people", draft),
        url("preview", draft) + "?look=first",
        url("preview", sent),
        url("printed", sent),
        url("review_and_send", draft),
        url("status", sent),
        reverse("applications:invitation", args=[token]),
        reverse("applications:invitation", args=[wrong]),
        "/contact/",
        "/contact/?q=when+do+credits+expire",
    ):
        page.goto(path)
        assert page.locator("html").get_attribute("data-bs-theme") == scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        accessible(page)


def test_a_question_is_asked_after_the_answers_were_shown(page, program) -> None:
    page.goto("/")
    page.click("footer >> text=Ask us")
    page.fill("#ask-q", "when do my credits expire")
    page.keyboard.press("Enter")
    expect(page.locator("details[open]")).to_contain_text("After six months.")
    page.fill("#id_email", "ada@example.org")
    page.click("text=Send the question")

    expect(page.locator(".messages")).to_contain_text("Sent.")
