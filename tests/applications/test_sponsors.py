"""Sponsored work: two people, a label, and a sponsor who sees nothing of that applicant any more."""

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from applications import conflicts, desk, sponsors
from applications.models import Conflict, Sponsorship, SponsorState
from applications.sponsors import CannotSponsor
from credits.models import Enforcement
from credits.organizations import WrongOrganizationId
from portal import clock
from portal.roles import Role
from programs import staff
from tests.applications.test_release import World
from tests.factories.applications import (
    AFTER,
    ORGANIZATION_ID,
    make_member,
    make_program,
    make_submitted,
    make_user,
)
from tests.factories.staff import page_of, signed_in

pytestmark = pytest.mark.django_db


class Sponsored(World):
    def __init__(self) -> None:
        super().__init__(looks=0)
        self.application = self.applications[0]
        self.applicant = self.application.applicant
        self.sponsor = self.reviewers[0]

    def ask(self, **changes):
        values = {
            "program_id": self.program.pk,
            "email": self.applicant.email.upper(),
            "organization_id": ORGANIZATION_ID,
            "reason": "Jailbreak study with our team.",
            "by": self.sponsor,
            "at": AFTER,
        }
        return sponsors.ask(**(values | changes))


def test_two_people_label_the_organization_and_ending_takes_the_label_off():
    world = Sponsored()
    row = world.ask()
    assert world.ask() == row  # once
    assert not Enforcement.objects.exists()

    done = sponsors.approve(sponsorship_id=row.pk, by=world.manager, at=AFTER)

    assert sponsors.approve(sponsorship_id=row.pk, by=world.manager, at=AFTER) == done
    label = Enforcement.objects.get()
    assert (label.kind, label.organization.external_id, label.imposed_by) == (
        "label",
        ORGANIZATION_ID,
        world.manager,
    )
    assert "Jailbreak study" in label.reason
    sponsors.end(sponsorship_id=row.pk, reason="The study is over.", by=world.sponsor, at=AFTER)
    label.refresh_from_db()
    assert label.lifted_reason == "The study is over."
    assert Sponsorship.objects.get().state == SponsorState.ENDED


def test_the_sponsor_has_a_conflict_with_what_is_sent_and_what_will_be():
    world = Sponsored()
    page = page_of(world.application)
    client = signed_in(world.sponsor)
    assert client.get(page).status_code == 200

    row = world.ask()

    conflict = Conflict.objects.get(user=world.sponsor, application=world.application)
    assert (conflict.kind, conflict.declared_by) == ("declared", world.sponsor)
    assert client.get(page).status_code == 404
    later = make_submitted(make_program(at=AFTER), applicant=world.applicant, at=AFTER)
    make_member(later.program, Role.MANAGER, user=world.sponsor)
    assert later not in desk.visible(staff.desk_of(world.sponsor))
    assert conflicts.reason_against(user=world.sponsor, application=later) == "You sponsor the applicant."
    conflicts.compute(cycle_id=later.cycle_id, at=AFTER)
    assert Conflict.objects.get(user=world.sponsor, application=later).kind == "sponsor"

    sponsors.take_back(sponsorship_id=row.pk, by=world.sponsor, at=AFTER)
    assert client.get(page).status_code == 404  # what was recorded stays


def test_what_cannot_be_asked_or_decided():
    world = Sponsored()
    stranger = make_member(make_program(), Role.MANAGER)
    for changes, said in [
        ({"by": stranger}, "works on the program"),
        ({"reason": " \0"}, "Say what"),
        ({"email": "nobody@example.org"}, "Nobody with this"),
        ({"email": make_user().email}, "Nobody with this"),
        ({"by": make_member(world.program, Role.REVIEWER, user=world.applicant)}, "their own"),
    ]:
        with pytest.raises(CannotSponsor, match=said):
            world.ask(**changes)
    with pytest.raises(WrongOrganizationId):
        world.ask(organization_id="org-abcdefgh1")

    row = world.ask(by=world.manager)
    for who in (world.manager, world.screener, world.reviewers[1], stranger, world.applicant):
        with pytest.raises(CannotSponsor):
            sponsors.approve(sponsorship_id=row.pk, by=who, at=AFTER)
    with pytest.raises(CannotSponsor, match="reason"):
        sponsors.refuse(sponsorship_id=row.pk, answer="", by=world.second, at=AFTER)
    sponsors.refuse(sponsorship_id=row.pk, answer="Not ours.", by=world.second, at=AFTER)
    with pytest.raises(CannotSponsor, match="decided"):
        sponsors.approve(sponsorship_id=row.pk, by=world.second, at=AFTER)
    assert not Enforcement.objects.exists()


def test_the_database_keeps_the_two_apart():
    world = Sponsored()
    row = world.ask()
    for change in (
        {"reason": "Other."},
        {"sponsor": world.manager},
        {"state": "ended"},
        {"state": "refused", "decided_by": world.sponsor, "decided_at": AFTER, "answer": "x"},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            Sponsorship.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()


def test_the_pages():
    world = Sponsored()
    mine, manager, other = (signed_in(who) for who in (world.sponsor, world.manager, world.screener))
    with clock.set_to(AFTER):
        new = reverse("admin:sponsor_new")
        assert mine.get(new).status_code == 200
        form = {
            "program": world.program.pk,
            "email": world.applicant.email,
            "organization_id": ORGANIZATION_ID,
            "reason": "Red team with us.",
        }
        assert "Tick this" in mine.post(new, form).content.decode()
        mine.post(new, form | {"sure": "on"})
        row = Sponsorship.objects.get()
        page = reverse("admin:applications_sponsorship_change", args=[row.pk])

        assert "Take it back" in mine.get(page).content.decode()
        assert mine.post(page, {"do": "approve"}).status_code == 403
        assert other.get(page).status_code in (302, 404)
        assert "Red team with us." in manager.get(page).content.decode()
        assert manager.post(page, {"do": "refuse", "answer": ""}).status_code == 409
        assert manager.post(page, {"do": "approve"}).status_code == 302
        assert "End it" in mine.get(page).content.decode()
        listed = manager.get("/admin/applications/sponsorship/").content.decode()
        assert str(world.applicant) in listed
        assert str(world.applicant) not in other.get("/admin/applications/sponsorship/").content.decode()
        assert signed_in(make_user()).get(new).status_code == 302
