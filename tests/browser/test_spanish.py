"""The public site in Spanish in a real browser: the switch without scripts, narrow pages, the words of the scripts."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse
from playwright.sync_api import expect

from portal.models import User
from programs import presets
from programs.models import Program
from tests.factories.applications import BEFORE, make_draft, make_user
from tests.sizes import IS_NIGHT, LOOKS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PASSWORD = "correct horse battery staple"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """A shipped program with its Spanish texts, and the clock held in its first month for the server's threads too."""
    from portal import clock

    monkeypatch.setattr(clock, "_fixed", BEFORE)
    for path in presets.shipped():
        presets.load(text=path.read_text(), name=path.name, by=None, at=BEFORE)
    return Program.objects.get(slug="ai-for-science")


@pytest.fixture
def person() -> User:
    user = make_user(name="Ansa Merrow", language="es")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sign_in(page: Any, user: User) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/applications/")


def look(page: Any, accessible: Any, path: str, width: int) -> None:
    page.goto(path)
    assert page.locator("html").get_attribute("lang") == "es", path
    assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    accessible(page)


def test_open_pages_in_spanish_fit_and_have_no_violation(new_page, accessible, program) -> None:
    for width, scheme in LOOKS if IS_NIGHT else [(1280, "dark")]:
        page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="es-ES")
        for path in (
            "/",
            "/which-door/?use=science",
            f"/programs/{program.slug}/",
            f"/programs/{program.slug}/apply/",
            "/questions/",
            "/who-sees-your-data/",
            "/accounts/signup/",
        ):
            look(page, accessible, path, width)


def test_pages_of_an_applicant_in_spanish_fit_and_have_no_violation(
    new_page, accessible, program, person
) -> None:
    draft = make_draft(program, applicant=person)
    page = new_page(viewport={"width": 390, "height": 900})
    sign_in(page, person)
    for part in draft.form_version.sections:
        look(
            page,
            accessible,
            reverse("applications:section", args=[draft.public_id, part["key"]]) + "?fix=1",
            390,
        )
    for path in ("/applications/", reverse("applications:review_and_send", args=[draft.public_id])):
        look(page, accessible, path, 390)


def test_the_switch_works_without_scripts_and_stays(new_page, program) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/questions/?q=expire")
    page.click("button[name=language][value=es]")

    assert page.url.endswith("/questions/?q=expire")
    assert page.locator("html").get_attribute("lang") == "es"
    page.goto("/")
    assert page.locator("button[name=language][value=es]").get_attribute("aria-pressed") == "true"


def test_scripts_speak_spanish_and_answers_keep_their_values(new_page, program, person) -> None:
    draft = make_draft(program, applicant=person)
    page = new_page()
    sign_in(page, person)
    page.goto(reverse("applications:section", args=[draft.public_id, "you"]))

    expect(page.get_by_text("En el doctorado")).to_be_visible()
    with page.expect_response("**/autosave/"):
        page.get_by_label("En el doctorado").check()
        page.get_by_label("En el doctorado").blur()
    expect(page.locator("#saved")).to_contain_text("Guardado a las 12:00 UTC")
    draft.refresh_from_db()
    chosen = next(
        q
        for q in draft.form_version.sections[0]["questions"]
        if q["label"] == "Where are you in your career?"
    )
    assert draft.answers[chosen["key"]] == chosen["choices"][0]["value"]
