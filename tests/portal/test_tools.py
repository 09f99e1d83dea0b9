"""The tools of the other tests, so that a red test means the portal and not its tools."""

import pytest
from django.core.cache import cache

from portal.celery import app
from tests import processes


@pytest.mark.slow
def test_a_worker_answers_and_stops(worker):
    with worker() as process:
        answers = app.control.ping(timeout=5, limit=1)

        assert [list(answer.values()) for answer in answers] == [[{"ok": "pong"}]]
    assert process.returncode == 0


def test_commands_see_the_test_database(transactional_db):
    done = processes.manage(
        "shell", "-c", "from django.db import connection; print(connection.settings_dict['NAME'])"
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1].startswith("test_portal")


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_starts_with_an_empty_cache(turn):
    assert cache.get("left-behind") is None
    cache.set("left-behind", turn)


def test_a_page_opens_in_chromium(page):
    page.goto("/livez")

    assert page.inner_text("body").strip() == "ok"


def test_the_browser_reports_what_breaks_the_security_policy(page, browser_errors):
    page.goto("/livez")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://example.org/x.png\">')")
    page.wait_for_function("document.images.length === 1")
    page.wait_for_timeout(300)

    assert len(browser_errors) == 1
    assert "Content Security Policy" in browser_errors[0]
    browser_errors.clear()
