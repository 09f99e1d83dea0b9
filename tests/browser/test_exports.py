"""Exports in Chromium: asked for, watched, fetched as CSV and as a workbook."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from applications import exports
from portal import clock
from tests.browser.test_admin_pages import DESK, enter
from tests.factories import applications as make
from tests.factories.staff import cast

pytestmark = pytest.mark.django_db(transaction=True)


def _ask(page: Any, file_format: str) -> None:
    page.goto(reverse("admin:exports"))
    page.get_by_role("link", name="Applications", exact=True).first.click()
    page.get_by_label("Format").select_option(file_format)
    page.get_by_role("button", name="Start the export").click()
    page.locator("tr[data-state=waiting]").wait_for()


def _fetch(page: Any) -> Path:
    """The worker's part is done here; the page notices by itself that the file is there."""
    assert exports.run_due(at=make.AFTER).finished == 1
    button = page.locator("tr[data-export]").first.get_by_role("button", name="Download")
    button.wait_for()
    with page.expect_download() as got:
        button.click()
    return Path(got.value.path())


def test_an_export_is_asked_for_watched_and_fetched(
    new_page: Any, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    world = cast(applications=3)
    references = {row.reference for row in world["rows"]}
    page = new_page(viewport=DESK)
    with clock.set_to(make.AFTER):
        enter(page, live_server, world["manager"])
        _ask(page, "csv")
        rows = list(csv.DictReader(io.StringIO(_fetch(page).read_text(encoding="utf-8-sig"))))
        _ask(page, "xlsx")
        with zipfile.ZipFile(_fetch(page)) as book:
            cells = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))

    assert references <= {value for row in rows for value in row.values()}
    assert all(reference in cells for reference in references)
