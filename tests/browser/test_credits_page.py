"""A grantee's credits in Chromium: the drawing is there, says the same as its table, and fits a phone in the dark."""

from datetime import timedelta
from typing import Any

import pytest

from portal import clock
from tests.browser.test_requests import enter
from tests.factories import credits as make
from tests.factories.usage import DAY, evening, lot, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_what_is_left_is_drawn_and_told_in_a_table(
    new_page: Any, accessible: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, holder = make.organization(), make.person()
    grant = lot(where, holder=holder)
    later = lot(where, months=12, holder=holder)
    for number in range(12):
        told(where, 4_00, DAY + timedelta(days=number))
    monkeypatch.setattr(clock, "_fixed", evening(DAY, 12))

    for width, scheme in ((1280, "light"), (390, "dark")):
        page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        enter(page, holder, live_server)
        page.goto(f"/credits/{grant.uuid}/")
        box = page.locator(".burn svg").bounding_box()
        assert box["width"] > 200
        assert box["height"] > 100
        assert page.locator(".burn .ahead").count() == 1
        colour = page.locator(".burn .left").evaluate("line => getComputedStyle(line).stroke")
        assert colour not in {"none", "rgb(0, 0, 0)"}
        summary = page.get_by_text("The same as a table")
        summary.focus()
        page.keyboard.press("Enter")
        table = page.locator("section", has=page.locator("#burn-t")).locator("table")
        assert "52.00" in table.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        accessible(page)
        page.get_by_role("link", name=later.reference).click()
        page.wait_for_url(f"**/credits/{later.uuid}/")
