"""Every public page, by the table of routes: no violation and nothing to scroll sideways, wide and narrow, light and dark,
in each language. A new route of the table is opened here without anybody adding it.
"""

from typing import Any

import pytest
from django.db import transaction
from django.urls import get_resolver, reverse

from portal import policy
from portal.models import User
from portal.policy import AWAY, OK, Who
from tests.browser.test_requests import enter
from tests.factories.applications import AFTER
from tests.portal import test_policy
from tests.sizes import IS_NIGHT, LOOKS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NO_PAGES = {
    "programs:calendar",
    "applications:pdf",
    "applications:file",
    "applications:institutions",
    "credits:statement",
    "applications:statement_pdf",
    "livez",
    "readyz",
}
"""Answers with 200 that are files or words for machines."""

ACCOUNT = {
    "account_login": (),
    "account_signup": (),
    "account_request_login_code": (),
    "account_reset_password": (),
    "account_reset_password_done": (),
    "account_reset_password_from_key": ("0", "no-such"),
    "account_reset_password_from_key_done": (),
    "account_email_verification_sent": (),
    "account_inactive": (),
}
SIGNED_IN = {
    "account_logout",
    "account_reauthenticate",
    "account_email",
    "account_change_password",
    "mfa_index",
    "mfa_activate_totp",
}
IN_THE_MIDDLE = {
    "account_confirm_login_code",
    "account_set_password",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_deactivate_totp",
}
"""Steps that a fresh visit is led away from; tests/portal/test_marked_pages.py goes through them."""


def _routes(*wanted: int, who: Who) -> list[str]:
    return [
        name
        for name, outcomes in policy.PUBLIC_SITE.items()
        if policy.outcome(outcomes, who) in wanted and not name.startswith("api:") and name not in NO_PAGES
    ]


def _pages(made: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Addresses for a visitor without an account, and for the owner of everything."""
    open_to_all = _routes(OK, who=Who.ANONYMOUS)
    own = [name for name in _routes(OK, AWAY, who=Who.OWNER) if name not in open_to_all and name != "home"]
    signed_out = [test_policy.address(name, made) for name in open_to_all]
    signed_out += [reverse(name, args=given) for name, given in ACCOUNT.items()]
    signed_out += ["/nothing-here/", f"/programs/{made['program'].slug}/requests/none/"]
    return signed_out, [
        *(test_policy.address(name, made) for name in own),
        *(reverse(name) for name in sorted(SIGNED_IN)),
    ]


@pytest.fixture
def world() -> dict[str, Any]:
    """What the test of the table uses, kept for the server's threads to see."""
    with transaction.atomic():
        return test_policy.make_world()


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [
        *(("en-GB", *look) for look in (LOOKS if IS_NIGHT else [(1280, "light")])),
        *(("es-ES", *look) for look in (LOOKS if IS_NIGHT else [(390, "dark")])),
    ],
)
def test_no_public_page_has_a_violation_or_scrolls_sideways(
    new_page: Any,
    accessible: Any,
    live_server: Any,
    world: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    width: int,
    scheme: str,
) -> None:
    from portal import clock

    monkeypatch.setattr(clock, "_fixed", AFTER)
    invited = User.objects.get(email=world["invitation"].email)
    invitation = test_policy.address("applications:invitation", world)
    signed_out, own = _pages(world)
    visits = ((None, signed_out), (world["people"][Who.OWNER], own), (invited, [invitation]))
    for person, addresses in visits:
        page = new_page(viewport={"width": width, "height": 900}, locale=language, color_scheme=scheme)
        if person is not None:
            enter(page, person, live_server)
        for address in addresses:
            page.goto(address)
            assert page.locator("html").get_attribute("data-bs-theme") == scheme, address
            said = page.locator("html").get_attribute("lang")
            assert said == ("en" if "/api/" in address else language[:2]), address
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            accessible(page)


def test_no_route_of_an_account_is_left_out() -> None:
    """The table names these as families; here each is named."""
    looked_at = {*ACCOUNT, *SIGNED_IN, *IN_THE_MIDDLE}
    routes = {
        name
        for name in get_resolver().reverse_dict
        if isinstance(name, str) and name.startswith(("account_", "mfa_"))
    }

    assert routes == looked_at, routes ^ looked_at
