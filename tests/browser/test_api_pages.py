"""The pages of the API in a real browser: making, copying and revoking a token, and the list of doors."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import expect

from portal.models import ApiToken, User
from tests.factories.api import Caller
from tests.factories.applications import BEFORE, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> User:
    from portal import clock

    monkeypatch.setattr(clock, "_fixed", BEFORE)
    user = make_user(name="Ansa Merrow")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sign_in(page: Any, user: User) -> None:
    page.goto("/accounts/login/?next=/account/api-tokens/")
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", "correct horse battery staple")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/account/api-tokens/")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_token_is_made_used_and_revoked(new_page, accessible, person, width: int, scheme: str) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    sign_in(page, person)
    accessible(page)

    page.click("text=Make the token")
    expect(page.locator("text=Give it a name.")).to_be_visible()
    page.fill("[name=name]", "The notebook of a laboratory with a rather long name")
    page.check("[name=scope][value=write]")
    page.click("text=Make the token")
    secret = page.input_value("#secret")
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert Caller(secret=secret).get("/applications").status_code == 200

    page.goto("/account/api-tokens/")
    assert secret not in page.content()
    page.click("text=Revoke")
    expect(page.locator("text=You have none.")).to_be_visible()
    assert ApiToken.objects.get().revoked_at == BEFORE


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_the_page_of_doors_opens_each(new_page, accessible, person, width: int, scheme: str) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto("/api/v1/docs")

    for summary in page.locator("summary").all():
        summary.click()

    assert page.locator("details[open]").count() == page.locator("summary").count() == 14
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page)
