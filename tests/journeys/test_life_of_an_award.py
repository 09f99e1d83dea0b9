"""The life of one award, in a real browser: letter, acceptance, posting, use, warning, more credit, summary, end.

The provider speaks through its signed events, the clock through ticks, and every letter is read as its reader would.
JOURNEY_SHOTS names a folder that keeps a picture of each page.
"""

import os
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.urls import reverse
from playwright.sync_api import expect

from applications import tasks
from applications.models import LaterCredit, Obligation
from applications.tick import tick
from credits import delivery
from credits.models import Delivery, Grant
from credits.queries import ledger_problems
from portal import clock
from tests.browser.test_admin_pages import enter
from tests.factories.amending import POSTED, Awarded
from tests.factories.applications import AFTER, ORGANIZATION_ID
from tests.factories.events import EVENT_KEY, tell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

DAY = timedelta(days=1)


class Play:
    """The grantee's browser, the manager's, and the moment at which both live."""

    def __init__(
        self, world: Awarded, new_page: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.world, self.live_server, self._monkeypatch, self._shots = world, live_server, monkeypatch, 0
        self.at(AFTER)
        self.grantee = new_page(viewport={"width": 1280, "height": 900})
        self.manager = new_page(viewport={"width": 1280, "height": 900})
        enter(self.grantee, live_server, world.holder)
        enter(self.manager, live_server, world.manager)

    def at(self, moment: datetime) -> None:
        """Let time pass: whatever is due happens, and its letters go out."""
        self.now = moment
        self._monkeypatch.setattr(clock, "_fixed", moment)
        tick(at=moment)
        tasks.send_due_notices()

    def letter(self, words: str) -> str:
        """The text of the latest letter to the grantee with these words in its subject."""
        mine = [
            one for one in mail.outbox if self.world.holder.email in one.to and words in one.subject.lower()
        ]
        assert mine, (words, [one.subject for one in mail.outbox])
        return mine[-1].body

    def follow(self, letter: str, path: str) -> None:
        """Open the link of a letter that leads to a path."""
        links = re.findall(r"https?://[^/\s]+(/\S*)", letter)
        found = {link for link in links if path in link}
        assert len(found) == 1, letter
        self.grantee.goto(found.pop())

    def tell(self, kind: str, **data: Any) -> None:
        answer = tell(kind, self.now, **data)
        assert answer.status_code == 200, answer.content
        # The event came through a request of its own; its letters go with the next minute.
        self.at(self.now)

    def shot(self, page: Any, name: str) -> None:
        if folder := os.environ.get("JOURNEY_SHOTS"):
            self._shots += 1
            page.screenshot(path=Path(folder) / f"award-{self._shots:02d}-{name}.png", full_page=True)


@pytest.fixture
def play(new_page: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Play:
    settings.PROVIDER_EVENT_KEYS = [EVENT_KEY]
    with transaction.atomic():
        world = Awarded(posted=False, top_ups_allowed=True, summary_required=True, summary_due_days=14)
    return Play(world, new_page, live_server, monkeypatch)


def test_from_the_letter_to_the_last_day(play: Play, accessible: Any) -> None:
    page = play.grantee

    play.follow(play.letter("award"), "/applications/")
    play.shot(page, "told")
    page.get_by_role("link", name="award").first.click()
    _accept(page, play)
    grant = _post(play)

    play.at(POSTED + DAY)
    play.follow(play.letter("posted"), "/applications/")
    page.goto(reverse("credits:grant", args=[grant.uuid]))
    expect(page.locator("main")).to_contain_text("$6,000")
    accessible(page)
    play.shot(page, "posted")

    _use(play, grant, share=0.5)
    page.reload()
    expect(page.locator("main")).to_contain_text("3,000.00")
    play.letter("used")
    accessible(page)
    play.shot(page, "half-used")

    more = _top_up(page, play)
    page.goto(reverse("credits:grant", args=[more.uuid]))
    expect(page.locator("main")).to_contain_text("$700")
    play.shot(page, "top-up")

    _summary(page, play)

    grant.refresh_from_db()
    _end(page, play, grant)
    accessible(page)
    assert ledger_problems() == []


def _accept(page: Any, play: Play) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("You have been awarded")
    play.shot(page, "award")
    page.get_by_label("I have read and accept the terms").check()
    page.get_by_label("I am an owner of this organization").check()
    page.locator("#id_organization_id").fill(ORGANIZATION_ID)
    page.locator("#id_organization_id_again").fill(ORGANIZATION_ID)
    page.get_by_role("button", name="Accept and confirm").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("on their way")
    play.shot(page, "accepted")


def _post(play: Play) -> Grant:
    """The provider is told, and says by an event that it gave the credit."""
    play.at(POSTED)
    delivery.dispatch(at=play.now)
    delivery.hand_over(by=play.world.manager, at=play.now)
    row = Delivery.objects.select_related("grant").get()
    play.tell(
        "grant.confirmed",
        key=row.key,
        organization=ORGANIZATION_ID,
        amount_cents=row.grant.amount_cents,
        currency="USD",
    )
    row.grant.refresh_from_db()
    assert row.grant.stage == "confirmed"
    return row.grant


def _use(play: Play, grant: Grant, *, share: float) -> None:
    """Day after day, until this share of the grant is used."""
    whole = int(grant.amount_cents * share)
    for _ in range(5):
        play.at(play.now + DAY)
        day: date = (play.now - DAY).date()
        play.tell(
            "usage.reported",
            organization=ORGANIZATION_ID,
            day=day.isoformat(),
            amount_cents=whole // 5,
            currency="USD",
        )


def _top_up(page: Any, play: Play) -> Grant:
    """The grantee asks, the manager gives, the provider confirms; a lot of its own."""
    page.goto(reverse("applications:award", args=[play.world.application.public_id]))
    page.get_by_role("link", name="Ask for more credit").click()
    page.get_by_label("What are the credits for?").fill("The second half of the runs, for the review.")
    page.get_by_label("How much more").fill("$800")
    page.get_by_role("button", name="Ask for more credit").click()
    expect(page.get_by_role("heading", name="It is with us")).to_be_visible()
    desk = play.manager
    desk.goto(reverse("admin:later_wish", args=[LaterCredit.objects.get().pk]))
    desk.get_by_label("Amount").fill("700")
    desk.get_by_label("Reason").fill("The first results are good.")
    play.shot(desk, "wish")
    desk.get_by_role("button", name="Propose").click()
    expect(desk.get_by_text("Given; the holder hears of it.")).to_be_visible()
    play.at(play.now + DAY)
    delivery.dispatch(at=play.now)
    delivery.hand_over(by=play.world.manager, at=play.now)
    row = Delivery.objects.select_related("grant").filter(settled_at=None).get()
    play.tell(
        "grant.confirmed",
        key=row.key,
        organization=ORGANIZATION_ID,
        amount_cents=row.grant.amount_cents,
        currency="USD",
    )
    row.grant.refresh_from_db()
    return row.grant


def _summary(page: Any, play: Play) -> None:
    """A reminder comes, the summary is handed in, the manager accepts it."""
    owed = Obligation.objects.get()
    assert owed.due_on is not None
    play.at(datetime.combine(owed.due_on - 7 * DAY, AFTER.timetz()))
    play.follow(play.letter("summary"), "/obligations/")
    page.get_by_label("The summary as text").fill("Fewer strange years than the keepers thought.")
    play.shot(page, "summary")
    page.get_by_role("button", name="Hand in", exact=True).click()
    expect(page.get_by_text("Handed in. We read it")).to_be_visible()
    desk = play.manager
    desk.goto(reverse("admin:applications_obligation_change", args=[owed.pk]))
    play.shot(desk, "summary-read")
    desk.get_by_role("button", name="Accept").first.click()
    desk.wait_for_load_state()
    owed.refresh_from_db()
    assert owed.state == "accepted"


def _end(page: Any, play: Play, grant: Grant) -> None:
    """A warning before the last day; after it, and the days for late usage, what is left is gone."""
    assert grant.expires_on is not None
    play.at(datetime.combine(grant.expires_on - 7 * DAY, AFTER.timetz()))
    page.goto(reverse("credits:grant", args=[grant.uuid]))
    expect(page.get_by_text("days until the credits end")).to_be_visible()
    play.shot(page, "ends-soon")
    play.at(datetime.combine(grant.expires_on + 5 * DAY, AFTER.timetz()))
    page.reload()
    expect(page.locator("main")).to_contain_text("has expired")
    play.shot(page, "ended")
