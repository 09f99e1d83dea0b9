"""A canary hunt over every page of the staff side, and the pages on which conflicts are declared and taken back."""

from contextlib import suppress
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from applications import decisions, notices
from applications.models import (
    Application,
    Assignment,
    Conflict,
    Decision,
    Notice,
    Review,
    ScreeningCheck,
)
from portal import clock
from portal.roles import Role
from programs.models import MessageKind
from tests.factories import applications as make
from tests.factories.staff import QUEUE, cast, fund, page_of, review_all, signed_in

pytestmark = pytest.mark.django_db


# --- Nothing of it anywhere

CANARY = "Zyxwvut"  # must not be read
SOUGHT = "Wortlaut"  # stands beside it, and is what is searched for
ENOUGH = 8  # pages with a canary that show the hunt able to fail


def _world() -> dict[str, Any]:
    """A program with one application full of canaries, in every kind of record the staff side shows."""
    program = make.make_program(reviews_wanted=2, four_eyes_above_cents=100)
    people = [make.make_member(program) for _ in range(3)]
    manager, second, screener = (
        make.make_member(program, role) for role in (Role.MANAGER, Role.MANAGER, Role.SCREENER)
    )
    applicant = make.make_user(f"{SOUGHT.lower()}@hidden.example.org", name=f"{CANARY} Person")
    text = " ".join(f"{CANARY}{number} of the study" for number in range(60))
    hidden = make.make_submitted(
        program,
        applicant=applicant,
        title=f"{SOUGHT} {CANARY} of lakes",
        abstract=text,
        institution=f"{CANARY} Institute",
        field="biology",
        hazards=f"{CANARY} hazards",
    )
    twin = make.make_submitted(program, abstract=text.replace(f"{CANARY}7 ", "changed "))
    Application.objects.filter(pk=twin.pk).update(
        answers={**twin.answers, "abstract": "An open text of its own."}
    )
    make.make_submitted(program)
    make.make_batch(program, submitted=[hidden])
    world = {"program": program, "rows": [hidden, twin], "cycle": hidden.cycle, "manager": manager}
    fund(program)
    review_all(world)
    decisions.propose_award(application_id=hidden.pk, by=second, at=make.AFTER)
    notices.queue(kind=MessageKind.AWARD, application=hidden, recipient=applicant, at=make.AFTER)
    return world | {"people": people, "hidden": hidden, "twin": twin, "screener": screener, "second": second}


def _conflicted(world: dict[str, Any], who: str) -> Any:
    if who == "superuser":
        user = make.make_superuser()
    elif who == "operator":
        user = make.make_member(world["program"], Role.OPERATOR)
    elif who == "reviewer":
        user = Assignment.objects.filter(application=world["hidden"]).first().reviewer  # type: ignore[union-attr]
    else:
        user = world[who]
    Conflict.objects.create(
        application=world["hidden"], user=user, reason="Sponsor", declared_by=None, declared_at=make.AFTER
    )
    return user


def _admin_routes() -> list[tuple[str, list[str]]]:
    """Every route of the staff site: its name and the names of its parameters."""
    found: list[tuple[str, list[str]]] = []

    def walk(patterns: Any, inside: bool) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, inside or pattern.namespace == "admin")
            elif isinstance(pattern, URLPattern) and inside and pattern.name:
                found.append((pattern.name, list(pattern.pattern.converters)))

    walk(get_resolver().url_patterns, False)
    return found


def _ids(world: dict[str, Any], route: str) -> list[int]:
    """Ids under which a route could reach the hidden application, or something that belongs to it."""
    hidden = world["hidden"]
    for model in (Assignment, Review, ScreeningCheck, Decision, Notice):
        if route.startswith(f"applications_{model.__name__.lower()}_"):
            return list(model.objects.filter(application=hidden).values_list("pk", flat=True))  # type: ignore[attr-defined]
    if route.startswith("programs_"):
        return [hidden.cycle_id if route.startswith("programs_cycle_") else world["program"].pk]
    if route.startswith("applications_application_"):
        return [hidden.pk]
    return sorted({hidden.pk, hidden.cycle_id})


# Accounts are no part of an application: who may open them keeps them.
OTHERS = ("portal_user", "auth_", "account_", "mfa_", "pghistory_", "user_", "socialaccount_")


def _addresses(world: dict[str, Any]) -> list[str]:
    found = []
    skip = {
        "app_list",
        "autocomplete",
        "logout",
        "jsi18n",
        "login",
        "password_change",
        "password_change_done",
    }
    for name, parameters in _admin_routes():
        if (
            name in skip
            or name.startswith(OTHERS)
            or {"content_type_id", "app_label", "url"} & set(parameters)
        ):
            continue
        cycle = world["hidden"].cycle_id
        for pk in _ids(world, name) if parameters else [0]:
            with suppress(NoReverseMatch):  # the address of an export is a random name, known to who made it
                found.append(reverse(f"admin:{name}", args=[cycle, pk][2 - len(parameters) :]))
    for words in (SOUGHT, world["hidden"].reference, f"{SOUGHT.lower()}@hidden.example.org"):
        found.append(f"{QUEUE}?q={words}&cycle=all")
        records = ("decision", "notice", "assignment", "review", "screeningcheck")
        found += [reverse(f"admin:applications_{model}_changelist") + f"?q={words}" for model in records]
        hints = reverse("admin:autocomplete") + "?app_label=applications&field_name=application&model_name="
        found.append(
            f"{hints}{records[len(words) % len(records)]}&term={words}"
        )  # one list behind all of them
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("who", ["reviewer", "manager", "screener", "operator", "superuser"])
def test_a_conflicted_person_finds_no_canary_on_any_page(who: str) -> None:
    world = _world()
    user = _conflicted(world, who)
    client = signed_in(user)
    leaks, opened = [], 0

    with clock.set_to(make.AFTER):
        for address in _addresses(world):
            answer = client.get(address)
            opened += answer.status_code == 200
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            said = body.decode(errors="replace") + str(answer.headers)
            found = [
                CANARY,
                *([] if "?" in address else [str(world["hidden"].reference), f"{SOUGHT.lower()}@"]),
            ]
            places = [said.find(word) for word in found]
            leaks += [(address, said[max(0, place - 80) : place + 40]) for place in places if place >= 0]

    assert leaks == []
    assert opened >= 5
    for name in ("review", "change", "history", "decide", "autosave", "recuse"):
        page = page_of(world["hidden"], name)
        assert client.get(page).status_code in (302, 404, 405)
        assert client.post(page, {}).status_code in (302, 404, 405)


def test_somebody_without_a_conflict_does_find_them() -> None:
    """The hunt can fail: the same walk of an ordinary manager meets canaries on many pages, and is then cut short."""
    world = _world()
    client = signed_in(world["second"])
    met = 0

    with clock.set_to(make.AFTER):
        for address in sorted(_addresses(world), key=lambda address: QUEUE not in address):
            answer = client.get(address)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            met += CANARY.encode() in body
            if met == ENOUGH:
                break

    assert met == ENOUGH


def test_the_service_export_stays_complete(capsys: Any) -> None:
    world = _world()
    _conflicted(world, "operator")

    call_command("export_applications", "--cycle", str(world["cycle"].pk))

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + Application.objects.filter(cycle=world["cycle"]).count()
    assert any(str(world["hidden"].reference) in line and CANARY in line for line in lines)


# --- Pages


@pytest.fixture
def manager_client() -> tuple[dict[str, Any], Client]:
    world = cast(applications=2, reviewers=3)
    return world, signed_in(world["manager"])


def test_the_page_declares_and_takes_back(manager_client: tuple[dict[str, Any], Client]) -> None:
    world, client = manager_client
    one, person = world["rows"][0], world["reviewers"][0]
    page = reverse("admin:conflicts_of", args=[world["cycle"].pk])
    with clock.set_to(make.AFTER):
        asked = {"person": person.email.upper(), "reference": one.reference.lower(), "reason": "Same flat"}
        client.post(reverse("admin:conflict_declare", args=[world["cycle"].pk]), asked)
        shown = client.get(page)
        conflict = Conflict.objects.get(user=person)
        gone = client.post(
            reverse("admin:conflict_withdraw", args=[world["cycle"].pk, conflict.pk]), {"reason": "Moved out"}
        )

    assert "Same flat" in shown.text
    assert one.reference in shown.text
    assert gone.status_code == 302
    assert not Conflict.objects.filter(user=person).exists()


def test_an_unknown_reference_and_an_unknown_person_get_the_same_answer(
    manager_client: tuple[dict[str, Any], Client],
) -> None:
    world, client = manager_client
    url = reverse("admin:conflict_declare", args=[world["cycle"].pk])
    stranger = make.make_submitted(make.make_program())
    said = []
    with clock.set_to(make.AFTER):
        for person, reference in (
            (world["reviewers"][0].email, str(stranger.reference)),
            (world["reviewers"][0].email, "NO-SUCH-1"),
            ("nobody@example.org", str(world["rows"][0].reference)),
        ):
            answer = client.post(url, {"person": person, "reference": reference, "reason": "x"}, follow=True)
            said.append(str(next(iter(answer.context["messages"]))))

    assert len(set(said)) == 1
    assert not Conflict.objects.exists()


def test_a_reviewer_declares_from_their_own_page_and_then_sees_404() -> None:
    world = cast(applications=1, reviewers=3)
    row = Assignment.objects.first()
    assert row is not None
    client = signed_in(row.reviewer)
    page = reverse("admin:conflict_mine", args=[row.application_id])
    with clock.set_to(make.AFTER):
        empty = client.post(page, {"reason": ""})
        done = client.post(page, {"reason": "We share a grant"})
        after = client.get(page)
        others = client.get(reverse("admin:conflicts_of", args=[world["cycle"].pk]))

    assert (empty.status_code, done.status_code, after.status_code, others.status_code) == (
        422,
        302,
        404,
        403,
    )
    assert Conflict.objects.get().declared_by == row.reviewer


def test_the_page_costs_the_same_at_any_size() -> None:
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    member = make.make_member(program)
    make.make_batch(program, applications=1)
    client = signed_in(manager)
    cycle = make.next_cycle(program)
    counts = []
    with clock.set_to(make.AFTER):
        for number in (1, 80):
            rows = make.make_many(program, number, cycle=cycle, state="in_review")
            Conflict.objects.bulk_create(
                Conflict(application=row, user=member, reason="x", declared_at=make.AFTER) for row in rows
            )
            client.get(reverse("admin:conflicts_of", args=[cycle.pk]))
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse("admin:conflicts_of", args=[cycle.pk])).status_code == 200
            counts.append(len(queries))

    assert counts[0] == counts[1] <= 15


def test_a_conflict_of_an_own_application_is_not_among_those_a_manager_sees() -> None:
    world = cast(applications=2, reviewers=1)
    manager = world["manager"]
    Conflict.objects.create(
        application=world["rows"][0], user=world["reviewers"][0], reason="Secret tie", declared_at=make.AFTER
    )
    Conflict.objects.create(application=world["rows"][0], user=manager, reason="Mine", declared_at=make.AFTER)
    with clock.set_to(make.AFTER):
        page = signed_in(manager).get(reverse("admin:conflicts_of", args=[world["cycle"].pk]))

    assert "Secret tie" not in page.text
    assert "Mine" not in page.text


def test_the_decision_page_leads_to_declaring_a_conflict() -> None:
    world = cast(applications=1)
    one = world["rows"][0]
    client = signed_in(world["manager"])
    where = reverse("admin:conflict_mine", args=[one.pk])

    assert where in client.get(reverse("admin:applications_application_change", args=[one.pk])).text

    client.post(where, {"reason": "A friend"})

    assert client.get(where).status_code == 404
    assert Conflict.objects.get().user == world["manager"]
