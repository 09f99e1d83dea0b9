"""The admin's pages about organizations: who sees them, holding and lifting, another organization, events."""

import pytest
from django.urls import reverse

from applications import conflicts, organization_desk
from applications.models import Conflict
from credits import delivery, enforcement, inbound
from credits.models import Case, Delivery, Enforcement, Grant, OrganizationChange
from portal import clock
from portal.models import AuditEvent
from portal.roles import Role
from tests.applications.test_release import World
from tests.factories.applications import AFTER, ORGANIZATION_ID, make_member, make_program, make_submitted
from tests.factories.events import EVENT_KEY, call, headers_of, tell
from tests.factories.staff import page_of, signed_in

pytestmark = pytest.mark.django_db

NEW_ID = "5d7b4f52-1c3e-4a6b-9d8f-0a1b2c3d4e5f"


class Posted(World):
    """One award, posted to its organization, and the people of the program."""

    def __init__(self) -> None:
        super().__init__(answers={"organization_id": ORGANIZATION_ID})
        self.application = self.applications[0]
        self.award(self.application, amount_cents=1_000_00)
        self.release()
        delivery.dispatch(at=AFTER)
        Delivery.objects.update(state="sent", sent_at=AFTER)
        self.grant = delivery.confirm(delivery_id=Delivery.objects.get().pk, at=AFTER)
        self.finance, self.operator, self.auditor = (
            make_member(self.program, role) for role in (Role.FINANCE, Role.OPERATOR, Role.AUDITOR)
        )
        self.page = reverse("admin:credits_organization_change", args=[self.grant.organization_id])
        self.impose_url = reverse("admin:organization_impose", args=[self.grant.organization_id])
        self.change_url = reverse("admin:grant_organization", args=[self.grant.pk])


@pytest.fixture(autouse=True)
def _at_that_time():
    with clock.set_to(AFTER):
        yield


def test_who_sees_an_organization_and_who_may_hold_it():
    world = Posted()
    stranger = make_member(make_program(slug="elsewhere"), Role.MANAGER)
    form = {"kind": "hold", "reason": "Unusual traffic.", "sure": "on"}

    seen = {}
    for who in ("manager", "finance", "operator", "auditor", "screener"):
        client = signed_in(getattr(world, who))
        seen[who] = (client.get(world.page).status_code, client.post(world.impose_url, form).status_code)
        for row in enforcement.freezing():
            enforcement.lift(enforcement_id=row.pk, reason="Next.", by=world.manager, at=AFTER)
    client = signed_in(stranger)
    seen["stranger"] = (client.get(world.page).status_code, client.post(world.impose_url, form).status_code)

    assert seen == {
        "manager": (200, 302),
        "finance": (200, 302),
        "operator": (200, 302),
        "auditor": (200, 404),
        "screener": (404, 404),
        "stranger": (404, 404),
    }


def test_hold_and_lift_with_reason_and_confirmation():
    world = Posted()
    client = signed_in(world.manager)

    refused = client.post(world.impose_url, {"kind": "hold", "reason": "", "sure": ""})
    assert refused.status_code == 422
    assert "Give a reason" in refused.content.decode()
    assert not Enforcement.objects.exists()

    client.post(world.impose_url, {"kind": "hold", "reason": "Keys were shared.", "sure": "on"})
    shown = client.get(world.page).content.decode()
    assert "Keys were shared." in shown
    assert "$1,000 USD" in shown
    assert "On hold" in shown
    row = Enforcement.objects.get()
    lift = reverse("admin:organization_lift", args=[row.pk])
    assert "can be used again at once" in client.get(lift).content.decode()
    assert client.post(lift, {"reason": "Explained."}).status_code == 422
    assert client.post(lift, {"reason": "Explained.", "sure": "on"}).status_code == 302

    row.refresh_from_db()
    assert (row.lifted_by, row.lifted_reason) == (world.manager, "Explained.")
    assert "Nothing keeps its credit back" in client.get(world.page).content.decode()
    trail = AuditEvent.objects.filter(action__startswith="enforcement.").order_by("pk")
    assert [(event.action, event.actor) for event in trail] == [
        ("enforcement.impose", world.manager),
        ("enforcement.lift", world.manager),
    ]
    assert trail[0].details["frozen_cents"] == 1_000_00


def test_another_organization_by_two_people():
    world = Posted()
    asks, other = signed_in(world.manager), signed_in(world.second)
    shared = make_submitted(make_program(at=AFTER), at=AFTER, organization_id=NEW_ID)

    wrong = asks.post(
        world.change_url, {"organization_id": NEW_ID, "again": ORGANIZATION_ID, "reason": "Moved."}
    )
    assert "The two differ" in wrong.content.decode()
    form_of_another = {"organization_id": "org-abcdefgh", "again": "org-abcdefgh", "reason": "Moved."}
    assert asks.post(world.change_url, form_of_another).status_code == 422
    asks.post(world.change_url, {"organization_id": NEW_ID, "again": NEW_ID, "reason": "The lab moved."})
    change = OrganizationChange.objects.get()
    page = reverse("admin:credits_organizationchange_change", args=[change.pk])

    own = asks.get(page).content.decode()
    assert "Take it back" in own
    assert "Approve" not in own
    assert asks.post(page, {"do": "approve"}).status_code == 404
    assert signed_in(world.auditor).post(page, {"do": "approve"}).status_code == 404
    shown = other.get(page).content.decode()
    assert "Approve: move $1,000" in shown
    assert shared.reference in shown  # the warning about a shared ID
    other.post(page, {"do": "approve"})

    new = Grant.objects.get(moved_from=world.grant)
    assert new.organization.external_id == NEW_ID
    assert "take $1,000 USD back" in Case.objects.get(kind="hand-over").words
    assert new.reference in asks.get(world.page).content.decode()
    assert asks.get(world.change_url).status_code == 200
    assert asks.get("/admin/credits/organizationchange/").status_code == 200


def test_who_has_a_conflict_sees_nothing_of_it():
    world = Posted()
    signed_in(world.manager).post(
        world.change_url, {"organization_id": NEW_ID, "again": NEW_ID, "reason": "Moved."}
    )
    change = OrganizationChange.objects.get()
    client = signed_in(world.second)
    pages = [
        world.page,
        world.change_url,
        reverse("admin:credits_organizationchange_change", args=[change.pk]),
    ]
    assert [client.get(page).status_code for page in pages] == [200, 200, 200]

    Conflict.objects.create(
        application=world.application,
        user=world.second,
        kind="declared",
        reason="Friends.",
        declared_at=AFTER,
    )
    signed_in(world.finance).post(pages[2], {"do": "approve"})
    moved = Grant.objects.get(moved_from=world.grant)

    codes = [client.get(page).status_code for page in pages]
    assert codes[:2] == [404, 404]
    assert client.get(pages[2]).status_code in (302, 404)
    assert moved not in organization_desk.grants(_desk(world.second))
    assert moved in organization_desk.grants(_desk(world.finance))
    assert conflicts.reason_against(user=world.second, application=world.application)


def _desk(user):
    from programs import staff

    return staff.desk_of(user)


def test_events_and_calls_that_were_turned_away(settings):
    settings.PROVIDER_EVENT_KEYS = [EVENT_KEY]
    world = Posted()
    tell("organization.held", AFTER, organization=ORGANIZATION_ID, reason="Threshold.")
    call(b"{}", {**headers_of(b"{}", AFTER), "webhook-signature": "v1,AAAA"})

    listed = signed_in(world.operator).get("/admin/credits/inboundevent/").content.decode()
    assert "organization.held" in listed
    assert "1 forged" in listed
    assert "Hold of the organization" in signed_in(world.manager).get(world.page).content.decode()
    other = signed_in(make_member(make_program(slug="elsewhere"), Role.MANAGER))
    assert "organization.held" not in other.get("/admin/credits/inboundevent/").content.decode()
    assert inbound.refused_calls(at=AFTER) == {"forged": 1}


def test_reviewers_of_a_later_application_read_the_fact_and_managers_the_detail():
    world = Posted()
    later = World(answers={"organization_id": ORGANIZATION_ID})
    application = later.applications[0]
    reviewer, manager = signed_in(later.reviewers[0]), signed_in(later.manager)
    fact = "An enforcement note exists for this organization"
    assert fact not in reviewer.get(page_of(application)).content.decode()

    enforcement.impose(
        organization_id=world.grant.organization_id,
        kind=enforcement.EnforcementKind.SUSPEND,
        reason="Canary of the detail.",
        by=world.manager,
        at=AFTER,
    )

    shown = reviewer.get(page_of(application)).content.decode()
    assert fact in shown
    assert "Canary of the detail." not in shown
    detail = manager.get(
        reverse("admin:applications_application_change", args=[application.pk])
    ).content.decode()
    assert "Canary of the detail." in detail


def test_pages_keep_their_queries(django_assert_max_num_queries):
    world = Posted()
    for url in (world.page, world.change_url, "/admin/credits/inboundevent/", "/admin/credits/organization/"):
        client = signed_in(world.manager)
        client.get(url)
        with django_assert_max_num_queries(15):
            assert client.get(url).status_code == 200
