"""The staff side in Chromium: keyboard, autosave, dialogs, decisions; no complaint of the security policy or of axe."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.urls import reverse

from applications import decisions, review
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Decision,
    Recusal,
    Review,
    ReviewState,
)
from applications.states import State
from credits import ledger
from portal import clock
from portal.models import User
from portal.roles import Role
from programs import form_versions
from tests.factories import applications as make
from tests.sizes import LOOKS

pytestmark = pytest.mark.django_db(transaction=True)

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def world() -> dict[str, Any]:
    """A program in review: two reviewers, a manager, a screener, a finance approver, four applications."""
    program = make.make_program(name="AI for Science", slug="ai-for-science", accent="ai-for-science")
    people = {
        "reviewer": make.make_member(program, name="Maren Holt"),
        "other": make.make_member(program, name="Ilya Brandt"),
        "manager": make.make_member(program, Role.MANAGER, name="Ruth Calder"),
        "screener": make.make_member(program, Role.SCREENER, name="Priya Nair"),
        "finance": make.make_member(program, Role.FINANCE, name="Otto Berg"),
    }
    sent = [make.make_submitted(program, field="biology" if place == 0 else "physics") for place in range(4)]
    batch = make.make_batch(program, submitted=sent)
    with transaction.atomic():
        ledger.fund(
            program=program.slug,
            period="2026",
            amount_cents=100_000_00,
            made_by=make.make_user(),
            approved_by=make.make_user(),
            key="fund",
            at=make.AFTER,
        )
    rows = list(Application.objects.order_by("pk"))
    return {"program": program, "cycle": batch.cycle, "rows": rows, **people}


def enter(page: Any, live_server: Any, user: User) -> None:
    """Sign in by a session, as the sign-in page itself is tested with the public pages."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    # The session's own clock is not the portal's.
    session.set_expiry(timedelta(days=365 * 5))
    session.save()
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": live_server.url}]
    )


def review_all(world: dict[str, Any]) -> None:
    for row in Assignment.objects.select_related("reviewer"):
        look = review.Look(
            scores={"merit": 4, "impact": 4, "feasibility": 4}, confidence="high", note="Fine."
        )
        review.send_in(application_id=row.application_id, look=look, by=row.reviewer, at=make.AFTER)


def test_a_reviewer_works_through_the_queue_by_keyboard(page, live_server, world, accessible):
    reviewer = world["reviewer"]
    enter(page, live_server, reviewer)

    page.goto("/admin/")
    accessible(page)
    page.keyboard.press("n")
    page.wait_for_url("**/review/")
    accessible(page)
    for key in "453":
        page.keyboard.press(key)
    assert page.locator("[data-total] b").inner_text() == "4.00"
    page.locator("[data-saved]", has_text="Saved 12:00 UTC").wait_for()
    assert Review.objects.get(reviewer=reviewer).state == ReviewState.DRAFT
    first = page.url
    page.keyboard.press("n")
    page.wait_for_url(lambda url: url != first)

    assert Review.objects.get(reviewer=reviewer).state == ReviewState.IN
    assert "3 to go." in page.locator(".messagelist").inner_text()
    second = page.url
    page.keyboard.press("s")
    page.wait_for_url(lambda url: url != second)
    assert Review.objects.filter(reviewer=reviewer).count() == 1


def test_keys_do_not_act_while_typing_and_the_overlay_lists_them(page, live_server, world):
    enter(page, live_server, world["reviewer"])
    page.goto(reverse("admin:applications_application_review", args=[world["rows"][0].pk]))

    page.locator("#note").fill("")
    page.locator("#note").press_sequentially("ns12?")
    page.locator("#h-rubric").click()
    page.keyboard.press("?")

    assert page.locator("#note").input_value() == "ns12?"
    assert page.locator(".criterion input:checked").count() == 0
    assert page.locator("#keys-help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys-help").is_visible()


def test_stepping_back_asks_in_place(page, live_server, world, accessible):
    enter(page, live_server, world["reviewer"])
    page.goto(reverse("admin:applications_application_review", args=[world["rows"][0].pk]))

    page.get_by_role("link", name="Recuse…").click()
    accessible(page, context="#recuse-dialog")
    page.locator("#recuse-dialog").get_by_label("Same institution").check()
    page.locator("#recuse-dialog").get_by_role("button", name="Step back").click()
    page.locator(".messagelist").wait_for()

    assert Recusal.objects.get().kind == "same_institution"
    assert Assignment.objects.get(application=world["rows"][0], reviewer=world["reviewer"]).state == "recused"


def test_the_rubric_works_without_scripts(new_page, live_server, world):
    page = new_page(java_script_enabled=False, viewport=DESK)
    enter(page, live_server, world["reviewer"])
    page.goto(reverse("admin:applications_application_review", args=[world["rows"][0].pk]))

    assert page.get_by_text("A flag informs you. It never rejects.").is_visible()
    assert page.get_by_text("An award gives no exemption").is_visible()
    for name in ("merit", "impact", "feasibility"):
        page.locator(f'label[for="{name}-4"]').click()
    page.get_by_role("button", name="Save and next").click()

    assert Review.objects.get().state == ReviewState.IN
    assert Assignment.objects.filter(state=AssignmentState.DONE).count() == 1


def test_the_queue_moves_and_selects_by_keyboard(page, live_server, world, accessible):
    enter(page, live_server, world["manager"])
    page.goto("/admin/applications/application/")
    accessible(page)

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("x")
    assert page.locator("#result_list tr.selected").count() == 1
    page.locator(".bulk select").select_option("propose_declines")
    page.get_by_role("button", name="Continue").click()
    accessible(page)
    assert page.locator("h1").inner_text() == "Decline 1 applications"
    page.get_by_role("button", name="Decline 1 applications").click()

    assert page.locator("h1").inner_text() == "1 done, 0 refused"
    assert Decision.objects.get().kind == "decline"
    page.goto("/admin/applications/application/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")


def test_a_screener_answers_a_manager_decides_a_second_person_approves_and_it_is_released(
    new_page, live_server, world, accessible
):
    review_all(world)
    row = world["rows"][0]
    screener = new_page(viewport=DESK)
    enter(screener, live_server, world["screener"])
    screener.goto("/admin/")
    screener.get_by_role("link", name="Open them").click()
    screener.locator("#result_list .row-link").first.click()
    screener.locator('label:has-text("No concern")').click()
    accessible(screener)
    screener.get_by_role("button", name="Answer the gate").click()
    screener.get_by_text("The gate is answered.").wait_for()

    manager = new_page(viewport=DESK)
    enter(manager, live_server, world["manager"])
    manager.goto(reverse("admin:applications_application_change", args=[row.pk]))
    manager.locator("#amount").fill("12,000")
    manager.get_by_role("button", name="Propose the award").click()
    manager.get_by_text("waits for a second person").wait_for()
    accessible(manager)

    finance = new_page(viewport=DESK)
    enter(finance, live_server, world["finance"])
    finance.goto("/admin/")
    finance.get_by_role("link", name="Second person for").click()
    accessible(finance)
    finance.get_by_role("button", name="Approve as second person").click()
    finance.get_by_text("You approved the award.").wait_for()

    for other in world["rows"][1:]:
        decisions.propose_decline(application_id=other.pk, by=world["manager"], at=make.AFTER)
    manager.goto(reverse("admin:release", args=[world["cycle"].pk]))
    accessible(manager)
    manager.get_by_label("I have no undeclared tie").check()
    manager.get_by_role("button", name="Release 4 decisions").click()
    manager.get_by_role("heading", name="Released").first.wait_for()

    row.refresh_from_db()
    assert row.state == State.AWARDED
    assert Decision.objects.filter(state="released").count() == 4


PAGES = [
    ("manager", "/admin/"),
    ("manager", "/admin/boards/batch/{cycle}/"),
    ("manager", "/admin/boards/decide/{cycle}/?cut=2"),
    ("manager", "/admin/boards/release/{cycle}/"),
    ("manager", "/admin/boards/grants/?stage=reserved"),
    ("manager", "/admin/programs/program/{program}/change/"),
    ("manager", "/admin/programs/program/"),
    ("manager", "/admin/programs/program/add/"),
    ("manager", "/admin/programs/program/import/"),
    ("manager", "/admin/programs/program/{program}/copy/"),
    ("manager", "/admin/programs/cycle/"),
    ("manager", "/admin/programs/formversion/{form}/change/"),
    ("manager", "/admin/programs/formversion/{form}/change/?question=field"),
    ("manager", "/admin/programs/formversion/{form}/change/?section=you"),
    ("manager", "/admin/programs/formversion/{form}/source/"),
    ("manager", "/admin/programs/formversion/{form}/differences/"),
    ("manager", "/admin/programs/formversion/{form}/publish/"),
    ("manager", "/admin/boards/form-preview/{form}/?section=research"),
    ("manager", "/admin/programs/membership/"),
    ("manager", "/admin/programs/membership/add/"),
    ("manager", "/admin/programs/messagetemplate/{letter}/change/"),
    ("manager", "/admin/applications/notice/"),
    ("manager", "/admin/applications/application/{row}/change/"),
    ("manager", "/admin/applications/application/{row}/history/"),
    ("reviewer", "/admin/applications/application/?mine=todo"),
    ("reviewer", "/admin/applications/application/?q=nothing"),
    ("reviewer", "/admin/applications/application/{row}/review/"),
]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_every_page_is_readable_and_fits(new_page, live_server, world, accessible, width, theme):
    """No violation that axe can see, no sideways scroll, no complaint of the security policy (fixture new_page)."""
    review_all(world)
    draft = form_versions.draft(
        program=world["program"], sections=make.SECTIONS, by=world["manager"], at=make.AFTER
    )
    values = {
        "cycle": world["cycle"].pk,
        "program": world["program"].pk,
        "form": draft.pk,
        "letter": world["program"].message_templates.first().pk,
        "row": world["rows"][0].pk,
    }
    seen = {}
    for who in ("manager", "reviewer"):
        seen[who] = new_page(viewport={"width": width, "height": 900})
        enter(seen[who], live_server, world[who])
        seen[who].context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
    for who, path in PAGES:
        page = seen[who]
        answer = page.goto(path.format(**values))
        assert answer.status == 200, path
        assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_theme_is_one_choice_for_both_sites(page, live_server, world):
    enter(page, live_server, world["manager"])
    page.goto("/admin/")

    page.locator("[data-theme-toggle]").first.click()
    page.locator("[data-theme-toggle]").first.click()

    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.goto("/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
