"""Fixtures for every test: a clean cache, real workers, a real browser."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from hypothesis import settings

from tests import processes
from tests.sizes import IS_NIGHT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_MS = 30_000  # a slow machine is no failure; what waits for something waits this long
settings.register_profile(
    "by day", derandomize=True
)  # the same examples in every run; the night looks for new ones
if not IS_NIGHT:
    settings.load_profile("by day")
NO_BROWSER = """

  **** BROWSER TESTS SKIPPED: no Chromium found. On Debian: apt-get install chromium ****
"""


@pytest.fixture(autouse=True)
def _clean_cache() -> None:
    """Rate limits live in the cache; no test may inherit another one's failed sign-ins."""
    processes.drop_keys(os.environ["CACHE_PREFIX"] + ":")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """No test may leave the clock held: a later one, and its real processes, would live at different times."""
    yield
    from portal import clock

    held, clock._fixed = clock._fixed, None
    assert held is None, f"this test left the clock at {held}"


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Callable[..., AbstractContextManager[Any]]:
    """`with worker() as process:` runs a real Celery worker on the test database (options: tests/processes.py)."""
    return partial(processes.worker, tmp_path / "worker.log")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One Chromium for the whole run."""
    if CHROMIUM is None:
        pytest.skip(NO_BROWSER)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def browser_errors() -> list[str]:
    """What the browser complained about. A test that provokes an error removes its own line."""
    return []


class _Served:
    """How many requests the server of the browser tests is busy with: those of other threads than the tests' own."""

    def __init__(self) -> None:
        self.open = 0
        self.changed = threading.Condition()
        request_started.connect(self.began, weak=False)
        request_finished.connect(self.ended, weak=False)

    def began(self, **_: Any) -> None:
        self._count(1)

    def ended(self, **_: Any) -> None:
        self._count(-1)

    def _count(self, step: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            with self.changed:
                self.open = max(0, self.open + step)
                self.changed.notify_all()

    def wait(self, seconds: float = 10) -> None:
        """Until there is none; one that was never told to have ended is not waited for again."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.open == 0, seconds):
                self.open = 0


_served = _Served()


@pytest.fixture
def new_page(chromium: Any, live_server: Any, browser_errors: list[str]) -> Iterator[Callable[..., Any]]:
    """new_page(**context options): a page of a fresh visitor. Console errors, script errors, reports of the content
    security policy and answers of 500 and above fail the test at its end.
    """
    contexts = []

    def make(**options: Any) -> Any:
        context = chromium.new_context(**{"base_url": live_server.url, "locale": "en-GB", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda message: _note_console(browser_errors, message))
        page.on("pageerror", lambda error: browser_errors.append(f"script: {error}"))
        page.on("response", lambda response: _note_response(browser_errors, response))
        return page

    yield make
    for context in contexts:
        context.close()
    _served.wait()  # a request that its page has left may still read tables that are about to be emptied
    assert browser_errors == []


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    """One page at desk size."""
    return new_page(viewport={"width": 1280, "height": 900})


@pytest.fixture
def accessible() -> Callable[..., None]:
    """accessible(page): no violation of WCAG 2.2 A and AA that axe can see, best practices left out."""
    from axe_playwright_python.sync_playwright import Axe

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

    def check(page: Any, *, context: str | None = None) -> None:
        # No preload: axe would copy imported style sheets into the page, which the security policy rightly refuses.
        options = {"runOnly": {"type": "tag", "values": tags}, "preload": False}
        results = Axe().run(page, context=context, options=options)
        found = [
            f"{violation['id']}: {node['html'][:160]}"
            for violation in results.response["violations"]
            for node in violation["nodes"]
        ]
        assert found == [], f"{page.url}: {found}"

    return check


def _note_console(errors: list[str], message: Any) -> None:
    """A page that answers 4xx on purpose also logs it; the answer itself is the test's matter."""
    if message.type == "error" and not message.text.startswith("Failed to load resource"):
        errors.append(f"console: {message.text}")


def _note_response(errors: list[str], response: Any) -> None:
    is_page = response.request.resource_type == "document"
    if response.status >= 500 or (response.status >= 400 and not is_page):
        errors.append(f"{response.status}: {response.url}")
