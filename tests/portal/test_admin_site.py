"""The desk: home page, navigation by role, and the hooks of Django's scripts that our small templates keep."""

from pathlib import Path
from typing import Any

import django.contrib.admin
import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from applications.models import Notice, NoticeState
from portal import clock
from portal.roles import Role
from tests.factories import applications as make

STOCK = Path(django.contrib.admin.__file__).parent / "static/admin/js"
OURS = Path(__file__).resolve().parents[2] / "templates/admin"


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def labels(page: Any) -> list[str]:
    return [item.label for part in page.context["desk_nav"].parts for item in part.items]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.REVIEWER, ["My desk", "Queue", "My profile", "Sponsored work", "Exports"]),
        (Role.SCREENER, ["My desk", "Queue", "Gates", "My profile", "Sponsored work", "Requests", "Papers"]),
        (
            Role.MANAGER,
            [
                "My desk",
                "Queue",
                "My profile",
                "Sponsored work",
                "Requests",
                "Batch board",
                "Assignment",
                "Decide and release",
                "Money",
                "Reports",
                "Second person",
                "Funding",
                "Grants",
                "Top-ups",
                "Cases",
                "Summaries",
                "Papers",
                "Programs",
                "Forms",
                "Request forms",
                "Cycles",
                "Team",
                "People",
                "Exports",
                "Letters",
                "Ledger",
                "Organizations",
                "Events",
            ],
        ),
        (
            Role.FINANCE,
            [
                "My desk",
                "Sponsored work",
                "Second person",
                "Funding",
                "Grants",
                "Top-ups",
                "Cases",
                "Exports",
                "Ledger",
                "Organizations",
                "Events",
            ],
        ),
        (
            Role.AUDITOR,
            [
                "My desk",
                "Sponsored work",
                "Requests",
                "Grants",
                "Top-ups",
                "Cases",
                "Summaries",
                "Papers",
                "Programs",
                "Forms",
                "Request forms",
                "Cycles",
                "Exports",
                "Ledger",
                "Organizations",
                "Events",
                "Audit trail",
            ],
        ),
        (
            Role.OPERATOR,
            [
                "My desk",
                "Sponsored work",
                "Grants",
                "Top-ups",
                "Cases",
                "Exports",
                "Letters",
                "Ledger",
                "Organizations",
                "Events",
                "Audit trail",
            ],
        ),
    ],
)
def test_each_role_has_its_own_navigation_and_every_link_opens(role, expected):
    program = make.make_program()
    make.make_batch(program)
    client = signed_in(make.make_member(program, role))

    page = client.get("/admin/")

    assert labels(page) == expected
    for part in page.context["desk_nav"].parts:
        for item in part.items:
            assert client.get(item.url, follow=True).status_code == 200, item.url


@pytest.mark.django_db
def test_a_superuser_opens_every_page_of_the_index():
    program = make.make_program()
    make.make_member(program)
    make.make_batch(program)
    client = signed_in(make.make_superuser())

    page = client.get("/admin/")

    for app in page.context["available_apps"]:
        for model in app["models"]:
            assert client.get(model["admin_url"]).status_code == 200, model["admin_url"]


@pytest.mark.django_db
def test_home_counts_the_queue_and_leads_to_the_next():
    program = make.make_program()
    reviewer = make.make_member(program)
    make.make_batch(program, applications=3)

    page = signed_in(reviewer).get("/admin/")

    assert "3 reviews to go" in page.text
    assert page.context["home"].next is not None
    assert reverse("admin:applications_application_review", args=[page.context["home"].next.pk]) in page.text
    assert page.context["home"].pace == 1


@pytest.mark.django_db
def test_home_shows_letters_that_could_not_be_sent():
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    make.make_submitted(program)
    Notice.objects.update(state=NoticeState.PARKED, attempts=8)

    assert "1 letter could not be sent" in signed_in(manager).get("/admin/").text


@pytest.mark.django_db
def test_applicants_and_strangers_do_not_enter():
    applicant = make.make_user()

    for client in (Client(), signed_in(applicant)):
        for url in ("/admin/", "/admin/applications/application/", "/admin/boards/grants/"):
            answer = client.get(url)
            assert answer.status_code == 302
            assert "login" in answer.url


@pytest.mark.parametrize(
    ("script", "template", "hooks"),
    [
        ("nav_sidebar.js", "nav_sidebar.html", ["toggle-nav-sidebar", "nav-sidebar", "nav-filter"]),
        ("actions.js", "actions.html", ["action-counter", "all", "question", "clear"]),
    ],
)
def test_the_small_templates_keep_the_hooks_that_django_looks_for(script, template, hooks):
    """An upgrade of Django that renames one of them breaks here and not silently in the browser."""
    looked_for, ours = (STOCK / script).read_text(), (OURS / template).read_text()
    for hook in hooks:
        assert hook in looked_for
        assert hook in ours


def test_nothing_on_the_staff_side_can_be_deleted_in_bulk():
    class Request:
        GET: dict[str, str] = {}

        class user:  # noqa: N801
            is_superuser = True

            @staticmethod
            def has_perm(name: str) -> bool:
                return True

    ours = [
        model_admin
        for model_admin in admin.site._registry.values()
        if "portal" in type(model_admin).__mro__[1].__module__
    ]
    assert ours
    for model_admin in ours:
        assert not model_admin.has_delete_permission(Request())


def test_no_inline_style_or_script_in_the_staff_templates():
    for path in OURS.rglob("*.html"):
        text = path.read_text()
        assert "style=" not in text, path
        assert "<script>" not in text, path
        assert " onclick" not in text, path
