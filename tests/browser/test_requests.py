"""One request in a real browser, from the door of a program to the letter with its answer; axe on each page."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.urls import reverse
from playwright.sync_api import expect

from applications import notices
from applications.models import Request
from portal import clock
from portal.models import User
from portal.roles import Role
from programs import presets
from programs.models import FaqEntry, Program
from programs.request_models import RequestForm
from tests.factories.applications import BEFORE, make_member, make_user
from tests.factories.requests import make_award, make_request
from tests.sizes import IS_NIGHT, LOOKS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _held_clock() -> Any:
    with clock.set_to(BEFORE):
        yield


@pytest.fixture
def program() -> Program:
    path = presets.SHIPPED / "external-researcher-access.yaml"
    presets.load(text=path.read_text(), name=path.name, by=None, at=BEFORE)
    return Program.objects.get()


def enter(page: Any, user: User, live_server: Any) -> None:
    """Sign in without the form; test_public_pages goes through that."""
    EmailAddress.objects.get_or_create(user=user, email=user.email, verified=True, primary=True)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": live_server.url}]
    )


def test_a_request_for_a_retired_model_is_sent_answered_and_read(
    new_page, accessible, live_server, program
) -> None:
    person, manager = make_user(name="Ansa Merrow"), make_member(program, Role.MANAGER, name="Ruth Calder")
    page = new_page(viewport={"width": 390, "height": 844})

    # From the front door, with the keyboard's way of sending, signed in on the way
    page.goto("/which-door/?use=retired")
    page.get_by_role("link", name="Access to a retired model").click()
    expect(page.get_by_role("link", name="Sign in", exact=True).last).to_be_visible()
    accessible(page)
    enter(page, person, live_server)
    page.reload()
    page.get_by_label("Which model?").fill("Heron 2, March edition")
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_role("alert")).to_contain_text("things to fix")
    expect(page.get_by_label("Which model?")).to_have_value("Heron 2, March edition")
    accessible(page)
    page.get_by_role("combobox", name="Institution").fill("Fjordmark Institute")
    page.get_by_label("Organization ID").fill("0b0c9a64-7a56-4a39-9f5e-1d2c3b4a5968")
    page.get_by_label("Why can no current model take its place?").fill("A replication needs the same model.")
    page.get_by_label("For how long do you need it?").fill("6")
    page.get_by_label("Roughly how many calls?").fill("40,000")
    page.get_by_label("I have read this and agree").check()
    page.get_by_role("button", name="Send the request").dblclick()
    page.wait_for_url(re.compile("/requests/[0-9a-f-]{36}/$"))
    expect(page.get_by_text("You usually hear by")).to_be_visible()
    accessible(page)
    sent = Request.objects.get()

    # A manager takes it, looks at the letter, and answers
    desk = new_page(viewport={"width": 1280, "height": 900})
    enter(desk, manager, live_server)
    desk.goto(reverse("admin:index"))
    desk.get_by_role("link", name="Requests").first.click()
    accessible(desk)
    desk.get_by_role("link", name="Heron 2, March edition").click()
    desk.get_by_role("button", name="Take it").click()
    desk.get_by_label("Approved").check()
    desk.get_by_label("The answer").fill("Yes, as of today.\n\nGood luck with it.")
    desk.get_by_label("Conditions").fill("For this replication.")
    desk.get_by_role("button", name="Preview the letter").click()
    expect(desk.locator("pre.letter")).to_contain_text("Good luck with it.")
    accessible(desk)
    desk.get_by_role("button", name="Send the answer").click()
    expect(desk.get_by_text("the letter is on its way")).to_be_visible()
    accessible(desk)

    # The letter arrives, and the page says the same
    notices.send_due(limit=9, at=BEFORE)
    letter = mail.outbox[-1]
    assert letter.to == [person.email]
    assert "Yes, as of today.\n\nGood luck with it.\n\nConditions:\nFor this replication." in letter.body
    page.goto(reverse("applications:request", args=[sent.public_id]))
    expect(page.get_by_text("Approved on Friday 20 November 2026.")).to_be_visible()
    expect(page.get_by_text("For this replication.")).to_be_visible()
    accessible(page)


def test_an_urgent_request_looks_first_and_works_without_javascript(
    new_page, live_server, accessible, program
) -> None:
    award = make_award(program)
    FaqEntry.objects.filter(program=program, key="urgent").update(answer="Write to us.")
    page = new_page(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    enter(page, award.applicant, live_server)

    page.goto(f"/programs/{program.slug}/requests/urgent/")
    assert page.get_by_label("In one line").count() == 0
    page.get_by_label("What it is about, in a few words").fill("credits ran out before a conference")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text("Our credits ran out days before a conference")).to_be_visible()
    page.get_by_label("In one line").fill("Nothing left")
    page.get_by_label("What happened?").fill("A loop.")
    page.get_by_label("By when does it have to be solved?").fill("2026-11-24")
    page.get_by_label("What happens on that day?").fill("Camera-ready.")
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_role("alert")).to_contain_text("none of them covers it")
    page.get_by_label("I have read the answers above").check()
    page.get_by_role("button", name="Send the request").click()
    page.wait_for_url(re.compile("/requests/[0-9a-f-]{36}/$"))

    assert Request.objects.get().application == award


def test_every_page_fits_and_has_no_violation(new_page, accessible, live_server, program) -> None:
    award = make_award(program)
    manager = make_member(program, Role.MANAGER)
    form = RequestForm.objects.get(key="retired-model")
    sent = make_request(
        form,
        by=award.applicant,
        institution={"name": "Fjordmark Institute"},
        organization_id="0b0c9a64-7a56-4a39-9f5e-1d2c3b4a5968",
        model="Heron 2",
        reason="one-long-word-without-a-place-to-break-it-in-a-sentence-that-says-nothing-else",
        months=6,
        calls="Many",
        price={"accepted": True, "slug": "retired-model-price", "version": "2026-11"},
    )
    public = [
        f"/programs/{program.slug}/",
        f"/programs/{program.slug}/requests/urgent/",
        f"/programs/{program.slug}/requests/urgent/?q=credits+ran+out",
        f"/programs/{program.slug}/requests/retired-model/",
        reverse("applications:request", args=[sent.public_id]),
        reverse("applications:withdraw_request", args=[sent.public_id]),
        "/applications/",
    ]
    staff = [
        reverse("admin:applications_request_changelist"),
        reverse("admin:applications_request_change", args=[sent.pk]),
        reverse("admin:programs_requestform_changelist"),
        reverse("admin:programs_requestform_change", args=[form.pk]),
        reverse("admin:programs_requestform_questions", args=[form.pk]),
        reverse("admin:request_form_preview", args=[form.pk]),
    ]
    for width, scheme in LOOKS[-1:] if not IS_NIGHT else LOOKS:
        for person, paths in ((award.applicant, public), (manager, staff)):
            page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            enter(page, person, live_server)
            for path in paths:
                page.goto(path)
                accessible(page)
                if person is not manager:
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, path
