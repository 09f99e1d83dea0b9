"""Pages that belong to no app: signing in, errors, headers, the demo."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.http import HttpResponse, HttpResponseNotFound
from django.test import Client, RequestFactory
from django.urls import reverse

from portal import demo, views
from portal.day_strip import marks
from tests.factories.applications import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def confirmed(user):
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("account_login", "Sign in"),
        ("account_signup", "Make an account"),
        ("account_request_login_code", "Sign in with a code"),
        ("account_reset_password", "Reset the password"),
    ],
)
def test_entrance_pages_are_ours(client: Client, name: str, heading: str) -> None:
    page = client.get(reverse(name)).content.decode()

    assert f'<h1 class="account-title">{heading}</h1>' in page
    assert '<html lang="en"' in page
    assert '<main id="main"' in page


@pytest.mark.parametrize("name", ["account_email", "account_change_password", "account_logout", "mfa_index"])
def test_account_pages_are_ours(client: Client, name: str) -> None:
    client.force_login(confirmed(make_user()))

    page = client.get(reverse(name)).content.decode()

    assert 'aria-label="Your account"' in page


def test_signing_in_with_a_password_leads_to_the_applications(client: Client) -> None:
    user = confirmed(make_user())

    response = client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD}, follow=True)

    assert response.redirect_chain[-1][0] == reverse("applications:mine")


def test_signing_in_with_a_code(client: Client) -> None:
    user = confirmed(make_user())

    client.post(reverse("account_request_login_code"), {"email": user.email})
    code = re.search(r"^\s*([A-Z0-9-]{6,})\s*$", mail.outbox[0].body, re.MULTILINE)
    page = client.get(reverse("account_confirm_login_code")).content.decode()
    response = client.post(reverse("account_confirm_login_code"), {"code": code[1]}, follow=True)

    assert "Enter the sign-in code" in page
    assert response.context["user"] == user


def test_wrong_passwords_are_counted(client: Client) -> None:
    user = confirmed(make_user())

    for _ in range(12):
        response = client.post(reverse("account_login"), {"login": user.email, "password": "wrong"})

    assert response.status_code in (200, 429)
    assert "Too many" in response.content.decode()


def test_a_page_that_does_not_exist_says_what_to_do(client: Client) -> None:
    response = client.get("/nothing/here/")

    assert response.status_code == 404
    assert "not yours to open" in response.content.decode()


def test_a_stale_form_says_that_answers_are_kept() -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post(reverse("account_login"), {"login": "x"})

    assert response.status_code == 403
    assert "your answers are kept" in response.content.decode()


def test_error_pages_without_a_request_context_render(rf: RequestFactory) -> None:
    from django.template.loader import render_to_string

    for name in ("500.html", "400.html"):
        assert "<h1>" in render_to_string(name)
    assert views.csrf_failure is not None


def test_every_page_carries_the_strict_policy(client: Client) -> None:
    response = client.get("/")

    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_no_template_of_ours_needs_an_exception_from_the_policy() -> None:
    folder = Path(__file__).parents[2] / "templates"
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=", text), path
        assert not re.search(r"\son[a-z]+=", text), path
        assert "|safe" not in text, path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert "<style" not in text, path


def test_the_theme_cookie_is_honoured_and_nothing_else(client: Client) -> None:
    client.cookies["theme"] = "dark"
    dark = client.get("/").content.decode()
    client.cookies["theme"] = '"><script>'
    odd = client.get("/").content.decode()

    assert 'data-bs-theme="dark"' in dark
    assert 'data-bs-theme="light"' in odd


def test_the_demo_is_closed_outside_the_demo(rf: RequestFactory) -> None:
    from django.http import Http404

    for view, arguments in ((demo.index, {}), (demo.sign_in, {"key": "manager"}), (demo.mail, {})):
        with pytest.raises(Http404):
            view(rf.get("/"), **arguments)


def test_the_demo_needs_both_flags(settings) -> None:
    settings.DEMO, settings.DEBUG = True, False

    assert not demo.is_on()


@pytest.mark.parametrize("in_the_demo", [True, False])
def test_the_demo_shows_the_finished_page_where_nothing_is(settings: Any, in_the_demo: bool) -> None:
    settings.DEMO = settings.DEBUG = in_the_demo
    request = RequestFactory().get("/nowhere/")
    request.user = make_user()
    own, found = HttpResponse("our own words", status=404), HttpResponseNotFound("a list of routes")

    assert demo.FinishedPages(lambda request: own)(request) is own
    page = demo.FinishedPages(lambda request: found)(request)

    assert page.status_code == 404
    assert ("There is no page here" in page.content.decode()) is in_the_demo


def test_demo_letters_are_read_newest_first(tmp_path: Path) -> None:
    one = "Subject: First\nTo: a@example.org\nDate: Fri, 20 Nov 2026 10:00:00 -0000\n\nHello.\n"
    two = "Subject: Second\nTo: b@example.org\nDate: Fri, 20 Nov 2026 11:00:00 -0000\n\nCode: 1234\n"
    (tmp_path / "x.log").write_text(f"{one}{'-' * 79}\n{two}{'-' * 79}\n", encoding="utf-8")

    found = demo.letters(tmp_path)

    assert [letter.subject for letter in found] == ["Second", "First"]
    assert found[0].text.strip() == "Code: 1234"
    assert demo.letters(tmp_path / "absent") == []


def test_the_day_strip_marks_every_day_once() -> None:
    from datetime import date

    found = marks(
        first=date(2026, 11, 18),
        last=date(2026, 12, 21),
        today=date(2026, 11, 20),
        tall=(date(2026, 12, 7),),
        wait_after=date(2026, 12, 7),
    )

    assert len(found) == 34
    assert found[:3] == ["gone", "gone", "now"]
    assert found[19] == "tall"
    assert found[20] == "wait"


def test_a_long_strip_keeps_its_end() -> None:
    from datetime import date

    assert len(marks(first=date(2026, 1, 1), last=date(2026, 12, 31), today=date(2026, 12, 1))) == 62


def test_letters_of_the_account_name_the_portal_and_not_a_host(client: Client) -> None:
    client.post(
        reverse("account_signup"), {"email": "new@example.org", "password1": "a long enough phrase 77"}
    )
    Client().post(reverse("account_request_login_code"), {"email": "nobody@example.org"})

    assert [letter.subject for letter in mail.outbox] == [
        "Confirm your address",
        "No account with this address",
    ]
    assert re.search(r"^[A-Z0-9-]{6,}$", mail.outbox[0].body, re.MULTILINE)
    for letter in mail.outbox:
        assert letter.body.startswith("Hello,")
        assert "Research Credits" in letter.body


def test_the_code_of_a_second_factor_is_drawn_in_the_page(client: Client) -> None:
    """The security policy takes no images from data, and a secret belongs in no address."""
    user = confirmed(make_user())
    client.force_login(user)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp")).content.decode()

    drawn = re.search(r'<svg class="qr" viewBox="0 0 \d+ \d+"[^>]*><path d="(M[^"]+)"', page)
    assert drawn is not None
    assert len(drawn[1]) > 1000
    assert "data:image" not in page


def test_the_lifetimes_of_a_token_are_said_in_the_reader_s_language(client: Client) -> None:
    client.force_login(confirmed(make_user()))
    client.cookies["django_language"] = "es"

    page = client.get(reverse("api_tokens")).content.decode()

    assert ">90 días</option>" in page
    assert " days<" not in page
