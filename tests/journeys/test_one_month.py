"""One application through one whole month, in a real browser, with a real worker and a real provider.

Find a program, make an account, apply, send; the clock passes the first Monday; two reviewers score in the admin, a
screener answers the gate; a manager proposes, releases; the applicant accepts; the worker delivers; the grantee sees the balance.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import call_command
from django.db import transaction
from playwright.sync_api import expect

from applications.models import Application, Assignment, Notice
from applications.states import State
from applications.tick import tick
from credits import ledger
from credits.models import Grant, LedgerAccount
from credits.queries import ledger_problems
from portal import clock
from portal.models import User
from portal.roles import Role
from programs import memberships
from programs.models import MessageKind, Program
from tests.credits.fake_provider import FakeProvider
from tests.factories.applications import ORGANIZATION_ID
from tests.factories.credits import KEY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PASSWORD = "correct horse battery staple"
IN_NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST_MONDAY = datetime(2026, 12, 7, 8, 1, tzinfo=UTC)
DAY_AFTER = datetime(2026, 12, 8, 15, tzinfo=UTC)
PARAGRAPH = (
    "We read forty years of lake logs and ask which years the keepers called strange. A model proposes labels with the "
    "sentence it took them from; two people check a random fifth, and we publish the share of errors."
)


class Stage:
    """The people of the play, each in a browser context of their own, and the moment at which it plays."""

    def __init__(self, new_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._new_page, self._monkeypatch, self._shots = new_page, monkeypatch, 0
        self.at(IN_NOVEMBER)

    def at(self, moment: datetime) -> None:
        """Set the clock of the server's threads."""
        self._monkeypatch.setattr(clock, "_fixed", moment)

    def enter(self) -> Any:
        """A visitor with an empty browser."""
        return self._new_page(viewport={"width": 1280, "height": 900})

    def staff(self, user: User) -> Any:
        """A person of the staff, signed in on their desk."""
        page = self.enter()
        page.goto("/admin/")
        page.fill("[name=login]", user.email)
        page.fill("[name=password]", PASSWORD)
        page.click("main form button[type=submit]")
        page.wait_for_url("**/admin/")
        return page

    def shot(self, page: Any, name: str) -> None:
        """Keep a picture when JOURNEY_SHOTS names a folder."""
        if folder := os.environ.get("JOURNEY_SHOTS"):
            self._shots += 1
            page.screenshot(path=Path(folder) / f"{self._shots:02d}-{name}.png", full_page=True)


@pytest.fixture
def stage(new_page: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(new_page, monkeypatch)


@pytest.fixture
def program() -> Program:
    """The shipped program, opened in November and funded for December."""
    with pytest.MonkeyPatch.context() as held:
        held.setattr(clock, "_fixed", IN_NOVEMBER)
        call_command("load_presets", "ai-for-science")
    program = Program.objects.get(slug="ai-for-science")
    maker, approver = _staff("maker", program, Role.FINANCE), _staff("approver", program, Role.FINANCE)
    with transaction.atomic():
        ledger.fund(
            program=program.slug,
            period="2026",
            amount_cents=50_000_00,
            made_by=maker,
            approved_by=approver,
            key=f"fund:{program.slug}:2026",
            at=IN_NOVEMBER,
        )
    return program


def _staff(name: str, program: Program, role: Role) -> User:
    user = User.objects.create_user(f"{name}@staff.example.org", PASSWORD, name=f"{name.title()} Staff")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    memberships.give(program=program, user=user, role=role, by=None, at=IN_NOVEMBER)
    return user


def test_one_application_through_one_month(
    stage: Stage, program: Program, worker: Any, tmp_path: Path, accessible: Any
) -> None:
    reviewers = [_staff(name, program, Role.REVIEWER) for name in ("first", "second")]
    screener, manager = _staff("screener", program, Role.SCREENER), _staff("manager", program, Role.MANAGER)

    page = stage.enter()
    _find_and_sign_up(stage, page)
    application = _apply(stage, page)

    stage.at(FIRST_MONDAY)
    done = tick(at=FIRST_MONDAY)
    assert (done.batches, done.applications, done.assignments) == (1, 1, 2)
    stage.at(DAY_AFTER)
    page.goto(f"/applications/{application.public_id}/")
    silent = page.locator("main").inner_html()

    for reviewer in reviewers:
        _review(stage, reviewer, application)
    _pass_the_gate(stage, screener, application)
    desk = _decide(stage, manager, application)
    page.reload()
    assert page.locator("main").inner_html() == silent  # pending decisions do not show
    _release(stage, desk)

    _accept(stage, page)
    provider = FakeProvider(tmp_path)
    try:
        _deliver(worker, provider, DAY_AFTER + timedelta(minutes=5))
        grant = Grant.objects.get()
        totals = provider.totals()
    finally:
        provider.kill()
    assert (totals["count"], totals["duplicates"]) == (1, 0)
    assert totals["sum_cents"] == grant.amount_cents == 12_000_00
    assert LedgerAccount.objects.get(code=f"pool:{program.slug}:2026").balance_cents == 38_000_00
    assert ledger_problems() == []

    stage.at(DAY_AFTER + timedelta(hours=1))
    page.goto(f"/applications/{application.public_id}/award/")
    stage.shot(page, "posted")
    page.goto(f"/credits/{grant.uuid}/")
    expect(page.locator("main")).to_contain_text("$12,000")
    expect(page.locator("main")).to_contain_text("8 Jun 2027")
    accessible(page)
    stage.shot(page, "balance")
    kinds = set(Notice.objects.filter(application=application).values_list("kind", flat=True))
    assert kinds >= {MessageKind.RECEIPT, MessageKind.AWARD}


def _find_and_sign_up(stage: Stage, page: Any) -> None:
    """From the front door through the router, the program page and the short step to a verified account."""
    page.goto("/")
    stage.shot(page, "directory")
    page.get_by_label("Science in another field, such as biology").check()
    page.get_by_role("button", name="Continue").click()
    stage.shot(page, "router")
    page.goto("/")
    page.locator("main").get_by_role("link", name="AI for Science").first.click()
    stage.shot(page, "program")
    page.locator("a", has_text="Check that I fit").first.click()
    _fill_section(page)
    stage.shot(page, "fit")
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url("**/accounts/login/**")
    page.locator("main").get_by_role("link", name="Make an account").click()
    page.fill("[name=email]", "ansa@merrow.example.org")
    page.fill("[name=password1]", PASSWORD)
    stage.shot(page, "sign-up")
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_selector("[name=code]")
    stage.shot(page, "code")
    page.fill("[name=code]", _code())
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()


def _code() -> str:
    """The sign-up code, from the letter as its reader would find it."""
    lines = [line.strip() for line in mail.outbox[-1].body.splitlines()]
    return next(line for line in lines if 6 <= len(line) <= 9 and line == line.upper() and " " not in line)


def _apply(stage: Stage, page: Any) -> Application:
    """Fill each section as it comes, then send with a double click."""
    if "/apply/" in page.url:  # back at the short step, with its answers kept
        page.locator("main form button[type=submit]").last.click()
        page.wait_for_url("**/form/**")
    elif "/form/" not in page.url:
        page.goto("/programs/ai-for-science/apply/")
        page.locator("main form button[type=submit]").last.click()
        page.wait_for_url("**/form/**")
    for _ in range(8):
        if page.url.endswith("/send/"):
            break
        before = page.url
        _fill_section(page)
        stage.shot(page, before.rstrip("/").rsplit("/", 1)[1])
        page.locator("main form button[type=submit].btn-primary").last.click()
        page.wait_for_url(lambda url, before=before: url != before)
    stage.shot(page, "send")
    page.locator("main form button[type=submit].btn-primary").dblclick()
    page.wait_for_url(lambda url: "/send/" not in url)
    application = Application.objects.get()
    assert application.state == State.SUBMITTED
    expect(page.locator("main")).to_contain_text(application.reference)
    expect(page.locator("main")).to_contain_text("21 Dec 2026")
    stage.shot(page, "receipt")
    return application


def _fill_section(page: Any) -> None:
    """Answer every visible control of a section that is still empty, as a willing applicant would."""
    given = {
        "country": "SE",
        "field": "environment",
        "institution_kind": "university",
        "amount": "12,000",
        "months": "6",
        "organization_id": ORGANIZATION_ID,
        "team_size": "2",
        "title": "Strange years in lake logs",
        "full_name": "Ansa Merrow",
        "institution": "University of the Northern Lakes",
    }
    for fieldset in page.locator("main form fieldset:visible").all():
        radios = fieldset.locator("input[type=radio]")
        if radios.count() and not fieldset.locator("input[type=radio]:checked").count():
            name = radios.first.get_attribute("name")
            value = given.get(name)
            no = fieldset.locator("input[type=radio][value=no]")
            chosen = (
                fieldset.locator(f"input[value={value}]") if value else no if no.count() else radios.first
            )
            chosen.check()
    for select in page.locator("main form select:visible").all():
        if not select.input_value():
            select.select_option(given.get(select.get_attribute("name"), "SE"))
    for area in page.locator("main form textarea[required]:visible").all():
        if not area.input_value():
            area.fill(PARAGRAPH)
    for box in page.locator("main form input[type=checkbox][required]:visible").all():
        box.check()
    for field in page.locator("main form input:visible").all():
        name = field.get_attribute("name")
        if (
            field.get_attribute("type") not in ("radio", "checkbox", "hidden", "file")
            and not field.input_value()
        ):
            value = given.get(name) or ("Somebody" if field.get_attribute("required") is not None else "")
            if value:
                field.fill(value)


def _review(stage: Stage, reviewer: User, application: Application) -> None:
    """Score with the keyboard, write a note, save and next."""
    page = stage.staff(reviewer)
    stage.shot(page, "desk-of-a-reviewer")
    page.goto("/admin/applications/application/")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    stage.shot(page, "queue")
    page.locator("#result_list tbody tr a").first.click()
    expect(page.locator("h1")).to_contain_text("Strange years")
    body = page.content()
    assert "Northern Lakes" in body  # this program shows names in the first look
    for key in ("4", "5", "4"):
        page.keyboard.press(key)
    page.fill("#note", "Careful design; the error rate is the point.")
    stage.shot(page, "review")
    page.locator("form[data-rubric] button[type=submit]").click()
    expect(page.locator(".messagelist")).to_contain_text("is in")
    assert Assignment.objects.get(reviewer=reviewer, application=application).state == "done"


def _pass_the_gate(stage: Stage, screener: User, application: Application) -> None:
    page = stage.staff(screener)
    page.goto(f"/admin/applications/application/{application.pk}/review/")
    page.locator(".gate-form").get_by_text("No concern").click()
    stage.shot(page, "gate")
    page.locator(".gate-form button[type=submit]").click()
    page.wait_for_load_state()
    assert application.gate_results.get().outcome == "passed"


def _decide(stage: Stage, manager: User, application: Application) -> Any:
    """Propose an award on the application's own page."""
    page = stage.staff(manager)
    stage.shot(page, "desk-of-a-manager")
    page.goto(f"/admin/boards/decide/{application.cycle_id}/")
    stage.shot(page, "ranking")
    page.goto(f"/admin/applications/application/{application.pk}/change/")
    stage.shot(page, "decision")
    page.get_by_role("button", name="Propose the award").or_(
        page.get_by_role("button", name="Propose award")
    ).first.click()
    page.wait_for_load_state()
    assert application.decisions.get().state == "pending"
    return page


def _release(stage: Stage, page: Any) -> None:
    page.goto("/admin/boards/decide/")
    page.get_by_role("link", name="Release 1 decision").click()
    page.locator("input[name=sure]").check()
    stage.shot(page, "release")
    page.get_by_role("button", name="Release 1 decision").click()
    page.wait_for_load_state()
    stage.shot(page, "released")
    assert Application.objects.get().state == State.AWARDED


def _accept(stage: Stage, page: Any) -> None:
    """Read the terms, confirm the organization that the application named."""
    page.goto("/applications/")
    stage.shot(page, "awarded")
    page.get_by_role("link", name="Open the award").click()
    expect(page.locator("[name=organization_id]")).to_have_value(ORGANIZATION_ID)
    page.locator("[name=terms]").check()
    page.locator("[name=organization_id_again]").fill(ORGANIZATION_ID)
    page.locator("[name=owner]").check()
    stage.shot(page, "accept")
    page.get_by_role("button", name="Accept and confirm").click()
    page.wait_for_load_state()
    assert Grant.objects.get().organization.external_id == ORGANIZATION_ID


def _deliver(worker: Any, provider: FakeProvider, moment: datetime) -> None:
    from credits.tasks import deliver_due

    settings = {
        "PROVIDER_ADAPTER": "http",
        "PROVIDER_URL": provider.url,
        "PROVIDER_SIGNING_KEYS": KEY,
        "CLOCK_AT": moment.isoformat(),
    }
    with worker(**settings):
        deliver_due.delay()
        deadline = time.monotonic() + 30
        while not Grant.objects.filter(stage="confirmed").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    assert Grant.objects.get().stage == "confirmed"
