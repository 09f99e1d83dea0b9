"""Every route of the site against the table of portal.policy."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from applications import (
    award_members,
    collaborators,
    decisions,
    links,
    papers,
    public_figures,
    release,
    review,
)
from applications.models import Application, LaterCredit, LaterKind, Right
from applications.review import Look
from credits import ledger
from credits.models import Grant
from portal import clock, policy
from portal.models import User
from portal.policy import Who
from portal.roles import Role
from tests.factories.api import make_token
from tests.factories.applications import (
    AFTER,
    make_batch,
    make_draft,
    make_member,
    make_program,
    make_submitted,
    make_user,
)
from tests.factories.files import ask, make_attachment
from tests.factories.requests import make_request, make_request_form
from tests.factories.sharing import invite, share, verified

pytestmark = pytest.mark.django_db


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from routes(pattern.url_patterns, space)
        else:
            yield prefix + (pattern.name or f"unnamed {pattern.pattern}")


@pytest.fixture
def world() -> dict[str, object]:
    return make_world()


def make_world() -> dict[str, object]:
    """A draft, a sent and an awarded application of one person, and people of every kind."""
    program = make_program()
    owner, manager, second = (
        make_user(),
        make_member(program, Role.MANAGER),
        make_member(program, Role.MANAGER),
    )
    reviewers = [make_member(program) for _ in range(2)]
    make_member(program, Role.SCREENER)
    awarded = make_submitted(program, applicant=owner)
    make_batch(program, submitted=[awarded])
    for reviewer in reviewers:
        look = Look(scores={"merit": 4, "impact": 4, "feasibility": 4})
        review.send_in(application_id=awarded.pk, look=look, by=reviewer, at=AFTER)
    ledger.fund(
        program=program.slug,
        period="2026",
        amount_cents=50_000_00,
        made_by=manager,
        approved_by=second,
        key="fund",
        at=AFTER,
    )
    decisions.propose_award(application_id=awarded.pk, by=manager, at=AFTER)
    release.release(cycle_id=awarded.cycle_id, by=manager, at=AFTER)
    public_figures.switch(program_id=program.pk, on=True, by=manager, at=AFTER)
    other_program = make_program(at=AFTER)
    ask(other_program, at=AFTER)
    draft = make_draft(other_program, applicant=owner, at=AFTER)
    sent = make_submitted(make_program(at=AFTER), applicant=owner, at=AFTER)
    editor, viewer, former = (verified() for _ in range(3))
    for application in (awarded, draft, sent):
        share(application, editor, Right.EDIT, at=AFTER)
        share(application, viewer, at=AFTER)
        place = share(application, former, Right.EDIT, at=AFTER)
        collaborators.end(collaborator_id=place.pk, by=owner, at=AFTER)
    return {
        "program": program,
        "awarded": awarded,
        "draft": draft,
        "attachment": make_attachment(draft, at=AFTER),
        "token": make_token(owner, at=AFTER)[0],
        "sent": sent,
        "invitation": invite(draft, make_user(), at=AFTER),
        "grant": Grant.objects.get(),
        **after_award(awarded, owner),
        "request": make_request(make_request_form(program), by=owner, at=AFTER),
        "people": {
            Who.ANONYMOUS: None,
            Who.OTHER: make_user(),
            Who.OWNER: owner,
            Who.STAFF: reviewers[0],
            Who.EDITOR: editor,
            Who.VIEWER: viewer,
            Who.FORMER: former,
        },
    }


def after_award(awarded: Application, owner: User) -> dict[str, object]:
    """What only an award has: a wish for more credit, a place among the people who share it, a paper."""
    return {
        "wish": LaterCredit.objects.create(
            kind=LaterKind.TOP_UP,
            application=awarded,
            asked_by=owner,
            asked_at=AFTER,
            use_case="More of the same.",
            asked_cents=100_00,
        ),
        "paper": papers.add(
            typed=papers.Typed(links="10.5281/zenodo.1", title="T", awards=[awarded.pk]),
            program=awarded.program,
            by=owner,
            at=AFTER,
        ),
        "place": award_members.invite(
            application_id=awarded.pk, email="guest@place.example.org", role="view", by=owner, at=AFTER
        ),
    }


def record(route: str, world: dict[str, object]) -> object:
    """What stands in the address of a route that is about one record; None for the others."""
    wanted = {
        "api_token_revoke": ("token", "public_id"),
        "api:attachment": ("attachment", "public_id"),
        "applications:file": ("attachment", "public_id"),
        "applications:detach": ("attachment", "public_id"),
        "applications:withdraw_top_up": ("wish", "public_id"),
        "applications:paper": ("paper", "public_id"),
        "applications:request": ("request", "public_id"),
        "applications:withdraw_request": ("request", "public_id"),
    }
    if route not in wanted:
        return None
    name, field = wanted[route]
    return getattr(world[name], field)


def address(route: str, world: dict[str, object]) -> str:
    if (found := record(route, world)) is not None:
        return reverse(route, args=[found])
    if route in ("api:program", "api:cycles", "api:form"):
        return reverse(route, args=[world["program"].slug])
    if route in ("api:attach", "applications:attach"):
        return reverse(route, args=[world["draft"].public_id, "files"])
    if route in ("api:application", "api:answers", "api:submit", "api:withdraw", "api:attachments"):
        return reverse(route, args=[world["draft"].public_id])
    if route in ("applications:institutions", "applications:contact"):
        return reverse(route)
    if route == "applications:invitation":
        return reverse(route, args=[links.invitation_token(world["invitation"].public_id)])
    if route == "applications:member_invitation":
        return reverse(route, args=[links.member_token(world["place"].public_id)])
    if route == "applications:request_form":
        return reverse(route, args=[world["program"].slug, world["request"].form.key])
    elsewhere = (
        "applications:statement_pdf",
        "applications:start",
        "applications:figures",
        "applications:mine",
        "applications:award_of",
        "applications:obligations_of",
        "applications:members_of",
    )
    if route.startswith("applications:") and route not in elsewhere:
        key = {
            "applications:award": "awarded",
            "applications:decline_award": "awarded",
            "applications:claim": "awarded",
            "applications:top_up": "awarded",
            "applications:members": "awarded",
            "applications:obligations": "awarded",
            "applications:summary_autosave": "awarded",
            "applications:paper_new": "awarded",
            "applications:status": "sent",
            "applications:withdraw": "sent",
        }
        application = world[key.get(route, "draft")]
        assert isinstance(application, Application)
        section = ["you"] if route in ("applications:section", "applications:autosave") else []
        return reverse(route, args=[application.public_id, *section])
    if route in (
        "credits:grant",
        "credits:organization",
        "credits:statement",
        "applications:statement_pdf",
        "applications:award_of",
        "applications:obligations_of",
        "applications:members_of",
    ):
        return reverse(route, args=[world["grant"].uuid])
    if route in ("programs:program", "programs:calendar", "applications:figures", "applications:start"):
        return reverse(route, args=[world["program"].slug])
    return reverse(route)


def client_of(world: dict[str, object], who: Who) -> Client:
    client = Client()
    if world["people"][who] is not None:
        client.force_login(world["people"][who])
    return client


def test_no_route_is_missing_from_the_table() -> None:
    found = set(routes(get_resolver().url_patterns))

    assert {route for route in found if not policy.covers(route)} == set()
    assert {route for route in policy.PUBLIC_SITE if route not in found} == set()


def test_an_unknown_route_fails_the_check() -> None:
    assert not policy.covers("applications:something_new")
    assert not policy.covers("unnamed x/")


def test_every_role_gets_what_the_table_says(world: dict[str, object]) -> None:
    wrong = []
    with clock.set_to(AFTER):
        for who in Who:
            client = client_of(world, who)
            for route, outcomes in policy.PUBLIC_SITE.items():
                status = client.get(address(route, world)).status_code
                expected = policy.outcome(outcomes, who)
                if status != expected:
                    wrong.append(f"{who} GET {route}: {status}, not {expected}")

    assert wrong == []


def test_a_post_to_somebody_elses_record_does_nothing(world: dict[str, object]) -> None:
    wrong = []
    before = list(Application.objects.order_by("pk").values())
    with clock.set_to(AFTER):
        for route, outcomes in policy.POSTS.items():
            for who, expected in outcomes.items():
                status = (
                    client_of(world, who)
                    .post(address(route, world), {"version": "0", "invite": "1"})
                    .status_code
                )
                if status != expected:
                    wrong.append(f"{who} POST {route}: {status}, not {expected}")

    assert wrong == []
    assert list(Application.objects.order_by("pk").values()) == before


def test_a_stranger_cannot_tell_a_record_from_none(world: dict[str, object]) -> None:
    client = client_of(world, Who.OTHER)
    missing = "/applications/00000000-0000-4000-8000-000000000000/"

    theirs = client.get(address("applications:status", world))
    none = client.get(missing)

    assert theirs.status_code == none.status_code == 404
    assert theirs.content == none.content
