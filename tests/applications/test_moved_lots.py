"""A lot whose rest went to another organization: its pages, its members, and where more credit of its award goes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import award_members, awards, top_ups
from credits import enforcement, organization_changes
from credits.models import EnforcementKind, Grant
from portal import clock
from tests.factories.amending import POSTED, Awarded
from tests.factories.later import ASKED, ask, client_of, propose, world
from tests.factories.sharing import verified

pytestmark = pytest.mark.django_db

NEW_ID = "5d7b4f52-1c3e-4a6b-9d8f-0a1b2c3d4e5f"
MORE = {"amount": {"amount_cents": 2_000_00, "currency": "USD"}}


def move(w: Awarded, old: Grant | None = None, to: str = NEW_ID) -> Grant:
    old = old or w.grant
    change = organization_changes.wish(
        grant_id=old.pk,
        organization_id=to,
        format=w.program.organization_id_format,
        reason="The lab moved.",
        by=w.holder,
        at=POSTED,
    )
    organization_changes.take_up(change_id=change.pk, by=w.manager, at=POSTED)
    organization_changes.approve(change_id=change.pk, by=w.second, at=POSTED)
    return Grant.objects.get(moved_from=old)


def test_the_lot_that_took_it_leads_to_its_award_and_members_read_it() -> None:
    w = world()
    person = verified()
    place = award_members.invite(
        application_id=w.application.pk, email=person.email, role="view", by=w.holder, at=POSTED
    )
    award_members.join(member_id=place.pk, conduct=True, by=person, at=POSTED)
    once = move(w)
    twice = move(w, once, NEW_ID.replace("5d7b", "6e8c"))

    assert w.grant.where_now() == once.where_now() == twice
    with clock.set_to(ASKED):
        for lot in (once, twice):
            ways = {
                name: client_of(w.holder).get(reverse(f"applications:{name}", args=[lot.uuid]))
                for name in ("award_of", "obligations_of", "members_of")
            }
            assert {
                name: str(w.application.public_id) in way.url for name, way in ways.items()
            } == dict.fromkeys(ways, True)
            read = client_of(person).get(reverse("credits:grant", args=[lot.uuid]))
            assert read.status_code == 200
            assert client_of(person).get(reverse("applications:award_of", args=[lot.uuid])).status_code == 404
            assert client_of(verified()).get(reverse("credits:grant", args=[lot.uuid])).status_code == 404


def test_the_page_of_the_award_says_where_the_credit_is_and_what_it_cannot_do() -> None:
    w = world()
    page = reverse("applications:award", args=[w.application.public_id])

    client = client_of(w.holder)

    def see() -> str:
        with clock.set_to(ASKED), CaptureQueriesContext(connection) as captured:
            text = client.get(page).content.decode()
        assert len(captured) <= 15
        return text

    assert "The organization can use them." in see()
    hold = enforcement.impose(
        organization_id=w.grant.organization_id,
        kind=EnforcementKind.HOLD,
        reason="x",
        by=w.manager,
        at=POSTED,
    )
    held = see()
    enforcement.lift(enforcement_id=hold.pk, reason="x", by=w.manager, at=POSTED)
    new = move(w)
    gone = see()

    assert "On hold for now" in held
    assert "Organization confirmed" in held
    assert reverse("credits:grant", args=[new.uuid]) in gone
    assert "Organization confirmed" not in gone
    assert not [text for text in (held, gone) if "The organization can use them." in text]


def test_a_top_up_goes_where_the_rest_is() -> None:
    w = world()
    new = move(w)

    assert top_ups.lot(awards.of(w.application), at=ASKED) == new
    given = propose(w, ask(w, months=3), 800_00)

    assert given.decision.grant.organization.external_id == NEW_ID
    assert awards.of(w.application).granted_cents == 6_800_00  # counted once


def test_an_update_that_names_the_old_organization_is_bound_to_none() -> None:
    w = Awarded()
    move(w)

    decision = w.agree(w.send(**MORE))

    assert (decision.grant.organization, decision.accepted_at) == (None, None)
