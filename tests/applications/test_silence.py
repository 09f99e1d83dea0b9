"""Honest silence, byte for byte: what an applicant and their co-investigators get at every door of a silent state.

The doors are a table. Each state is reached through the operations of life; then every door is opened by everybody who
has a key to it, and the answers are compared with those of an application that nobody has looked at yet. Doors that
change something are opened inside a transaction that is taken back.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.core import mail
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from applications import intake, notices
from applications.models import Notice, Right
from portal import clock, policy
from portal.models import User
from tests.factories.api import make_token
from tests.factories.applications import AFTER, ORGANIZATION_ID, answers
from tests.factories.evaluation import Evaluation
from tests.factories.sharing import share, verified

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

END = datetime(2026, 12, 22, 8, tzinfo=UTC)
LATE = datetime(2026, 12, 20, 12, tzinfo=UTC)

# Every door of an application: how it is opened, the route, what stands in the address behind the id, and the body.
DOORS: list[tuple[str, str, tuple[str, ...], dict[str, str]]] = [
    ("GET", "status", (), {}),
    ("GET", "preview", (), {}),
    ("GET", "printed", (), {}),
    ("GET", "pdf", (), {}),
    ("GET", "people", (), {}),
    ("GET", "withdraw", (), {}),
    ("GET", "award", (), {}),
    ("GET", "section", ("you",), {}),
    ("GET", "review_and_send", (), {}),
    ("POST", "again", (), {}),
    ("POST", "amend", (), {}),
    ("POST", "use_new_form", (), {}),
    ("POST", "send_late", (), {"code": "AAAA-BBBB-CCCC"}),
    (
        "POST",
        "award",
        (),
        {
            "terms": "on",
            "organization_id": ORGANIZATION_ID,
            "organization_id_again": ORGANIZATION_ID,
            "owner": "on",
        },
    ),
    *[("GET", route, (), {}) for route in ("decline_award", "top_up", "members")],
    *[("POST", route, (), {}) for route in ("decline_award", "claim", "top_up", "members")],
    *[("GET", route, (), {}) for route in ("obligations", "paper_new")],
    *[("POST", route, (), {}) for route in ("obligations", "summary_autosave", "paper_new")],
    ("POST", "section", ("you",), {"institution": "X", "country": "DE", "version": "1"}),
    ("POST", "autosave", ("you",), {}),
    ("POST", "attach", ("files",), {}),
    ("POST", "review_and_send", (), {}),
    ("POST", "withdraw", (), {}),
    ("POST", "people", (), {"invite": "1", "email": "new@example.org", "right": "view"}),
]
API = [("GET", "api:application"), ("POST", "api:submit"), ("POST", "api:withdraw"), ("PATCH", "api:answers")]

LINKS = re.compile(r"/invitations/\S+/")
VARIES = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]{64}')


class Watched(Evaluation):
    """An evaluation with everybody who may look at the application from outside."""

    def __init__(self) -> None:
        super().__init__(applicant=verified())
        editor, viewer = verified(), verified()
        share(self.application, editor, Right.EDIT), share(self.application, viewer)
        self.people: dict[str, User] = {
            "owner": self.application.applicant,
            "editor": editor,
            "viewer": viewer,
        }
        self.tokens = {who: make_token(user, at=AFTER)[1] for who, user in self.people.items()}

    def see(self, at: datetime, *routes: str) -> dict[str, object]:
        """Door and person -> answer, for everybody at every door, or at those named."""
        seen: dict[str, object] = {}
        for who, user in self.people.items():
            for method, route, more, data in DOORS:
                if routes and route not in routes:
                    continue
                with self.visit(user, at) as client:
                    address = reverse(f"applications:{route}", args=[self.application.public_id, *more])
                    answer = (
                        client.generic(method, address) if method == "GET" else client.post(address, data)
                    )
                    seen[f"{who} {method} {route}"] = told(answer)
                    if method == "POST":
                        seen[f"{who} after {route}"] = self.after(client, user, at)
            if routes:
                continue
            for address in (reverse("applications:mine"), self.start_address, reverse("credits:mine")):
                with self.visit(user, at) as client:
                    seen[f"{who} GET {address}"] = told(client.get(address))
            with self.visit(user, at) as client:
                seen[f"{who} sends another"] = self.another(user, at)
            for method, route in API:
                with self.visit(user, at) as client:
                    address = reverse(route, args=[self.application.public_id])
                    header = {"authorization": f"Bearer {self.tokens[who]}"}
                    answer = client.generic(
                        method, address, b"{}", content_type="application/json", headers=header
                    )
                    seen[f"{who} {method} {route}"] = told(answer)
        return seen

    @property
    def start_address(self) -> str:
        return reverse("applications:start", args=[self.program.slug])

    @contextmanager
    def visit(self, user: User, at: datetime) -> Iterator[Client]:
        client = Client()
        client.force_login(user)
        with clock.set_to(at), transaction.atomic():
            yield client
            transaction.set_rollback(True)

    def after(self, client: Client, user: User, at: datetime) -> object:
        """What a change leaves: the list, and the letters as they would be sent."""
        page = told(client.get(reverse("applications:mine")))
        letters = Notice.objects.filter(application=self.application).order_by("key")
        return page, [
            (letter.kind, letter.to, [LINKS.sub("/…/", text) for text in notices.render(letter)])
            for letter in letters
        ]

    def another(self, user: User, at: datetime) -> str:
        draft = intake.start(program_id=self.program.pk, answers=answers(), by=user, at=at)
        try:
            return intake.submit(application_id=draft.pk, by=user, at=at).state
        except intake.CannotSubmit as error:
            return str(error)


def told(answer: HttpResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Everything that crosses the wire, with the one thing masked that differs at every request."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = sorted((name, value) for name, value in answer.items())
    assert "ETag" not in answer
    assert "Last-Modified" not in answer
    return answer.status_code, VARIES.sub(rb"\1", body), headers


STEPS: list[tuple[str, Callable[[Watched], None]]] = [
    ("in review", Watched.to_review),
    ("approved, not released", Watched.award),
    ("declined, not released", Watched.decline),
    ("declined", Watched.release),
]


def test_no_door_tells_a_silent_state() -> None:
    watched = Watched()
    received = watched.see(AFTER)

    for state, step in STEPS:
        step(watched)
        seen = watched.see(AFTER)
        assert [door for door in seen if seen[door] != received[door]] == [], state


FEW = ("status", "withdraw", "pdf")


def test_nor_on_the_last_day_or_when_it_is_deferred() -> None:
    watched, deferred = Watched(), Watched()
    received = watched.see(LATE, *FEW)
    for _, step in STEPS:
        step(watched)
    deferred.to_review()
    in_review = deferred.see(LATE, *FEW)
    deferred.defer()

    assert watched.see(LATE, *FEW) == received
    assert deferred.see(LATE, *FEW) == in_review


def test_the_doors_differ_once_they_may() -> None:
    """The test can fail: an award that is released shows at once, and a closed application after the date."""
    watched = Watched()
    received, closed = watched.see(AFTER, *FEW), watched.see(END, *FEW)
    watched.to_review()
    watched.fund()
    watched.award()
    watched.release()
    awarded = watched.see(AFTER, *FEW)

    assert awarded["owner GET status"] != received["owner GET status"]
    assert awarded["viewer GET status"] != received["viewer GET status"]
    assert closed["owner GET status"] != received["owner GET status"]
    assert closed["owner GET pdf"] == received["owner GET pdf"]


def test_every_door_of_an_application_is_in_the_table() -> None:
    doors = {f"applications:{route}" for _, route, _, _ in DOORS}
    elsewhere = {"start", "mine", "contact", "invitation", "institutions", "file", "detach"}
    elsewhere |= {"figures", "request", "request_form", "withdraw_request"}  # of a program, or of a request
    elsewhere |= {"award_of"}  # of a grant, which only a released award has
    elsewhere |= {"members_of", "withdraw_top_up", "member_invitation", "paper"}  # of what only an award has
    elsewhere |= {"statement_pdf", "obligations_of"}  # of a grant

    routes = {route for route in policy.PUBLIC_SITE if route.startswith("applications:")}

    assert routes - {f"applications:{name}" for name in elsewhere} <= doors


def test_a_quiet_decline_sends_no_letter_to_anybody() -> None:
    watched = Watched()
    notices.send_due(limit=20, at=AFTER)
    told_before = len(mail.outbox)
    watched.to_review()
    watched.decline()
    watched.release()
    notices.send_due(limit=20, at=END)

    outside = {user.email for user in watched.people.values()}
    assert [letter for letter in mail.outbox[told_before:] if outside & set(letter.to)] == []
