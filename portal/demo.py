"""The demo’s own doors: sign in as anybody with one click, and read the letters. Routed only in the demo world."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods
from django.views.defaults import page_not_found

from portal.demo_world.people import PEOPLE
from portal.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"
LETTERS = 60
SEPARATOR = "-" * 79  # how Django's file backend parts the letters of one file


@dataclass(frozen=True)
class Letter:
    to: str
    subject: str
    date: str
    text: str


def is_on() -> bool:
    """Whether this installation is the demo. Production never is: both flags must be set."""
    return bool(settings.DEMO and settings.DEBUG)


class FinishedPages:
    """The demo runs with DEBUG on, and yet whoever looks for a page that is not there meets the page of production.

    Stands last, so that the API still says it in its own shape.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_django_s_own = (
            type(response) is HttpResponseNotFound
        )  # a page of ours with this code is no such class
        if is_django_s_own and is_on():
            return page_not_found(request, Http404())
        return response


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Everybody one can become."""
    _only_in_the_demo()
    known = set(
        User.objects.filter(email__in=[person.email for person in PEOPLE]).values_list("email", flat=True)
    )
    people = [person for person in PEOPLE if person.email in known]
    return render(
        request,
        "demo/index.html",
        {
            "public": [person for person in people if person.side == "public"],
            "staff": [person for person in people if person.side == "staff"],
        },
    )


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest, key: str) -> HttpResponse:
    """Become one of them."""
    _only_in_the_demo()
    person = next((person for person in PEOPLE if person.key == key), None)
    if person is None:
        raise Http404
    user = get_object_or_404(User, email=person.email, is_active=True, is_superuser=False)
    if request.method == "GET":
        return render(request, "demo/sign_in.html", {"person": person})
    login(request, user, backend=BACKEND)
    return redirect("home")


@require_GET
def mail(request: HttpRequest) -> HttpResponse:
    """The newest letters that the portal wrote, codes for signing in included."""
    _only_in_the_demo()
    return render(request, "demo/mail.html", {"letters": letters(Path(settings.EMAIL_FILE_PATH))})


def letters(folder: Path) -> list[Letter]:
    """Read the newest letters of Django’s file backend, newest first."""
    found: list[Letter] = []
    files = (
        sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime, reverse=True)
        if folder.is_dir()
        else []
    )
    for file in files:
        parts = file.read_text(encoding="utf-8", errors="replace").split(SEPARATOR)
        found.extend(_letter(raw.strip()) for raw in reversed(parts) if raw.strip())
        if len(found) >= LETTERS:
            break
    return found[:LETTERS]


def _letter(raw: str) -> Letter:
    message = email.message_from_string(raw, policy=email.policy.default)
    body = message.get_body(preferencelist=("plain",))
    return Letter(
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        date=str(message["Date"] or ""),
        text=str(body.get_content()) if body else "",
    )


def _only_in_the_demo() -> None:
    if not is_on():
        raise Http404


app_name = "demo"
urlpatterns: list[URLPattern] = [
    path("", index, name="index"),
    path("sign-in/<slug:key>/", sign_in, name="sign_in"),
    path("mail/", mail, name="mail"),
]
