"""Pages of people and places: everything over all programs of the reader, nothing beyond, and noted."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import people
from applications.models import Application, Conflict, Link, LinkKind
from portal import clock
from portal.models import AuditEvent
from portal.roles import Role
from programs.staff import desk_of
from tests.applications.test_reports import decided
from tests.factories import applications as make
from tests.factories.sharing import share, verified
from tests.factories.staff import cast, signed_in

pytestmark = pytest.mark.django_db


def test_a_person_over_all_programs_of_the_reader_and_no_other():
    applicant = make.make_user(name="Ada Quist")
    one, two, foreign = make.make_program(), make.make_program(), make.make_program()
    manager = make.make_member(one, Role.MANAGER)
    make.make_member(two, Role.MANAGER, user=manager)
    mine = [make.make_submitted(program, applicant=applicant) for program in (one, two)]
    make.make_submitted(foreign, applicant=applicant)
    make.make_draft(make.make_program(), applicant=applicant)

    who, page = people.person(desk_of(manager), applicant.pk)

    assert who == applicant
    assert {row.application for row in page.sent} == set(mine)
    assert page.programs == 2
    assert {letter.application for letter in page.letters} == set(mine)
    assert {event.subject_id for event in page.events} == {str(row.pk) for row in mine}


def test_awards_balances_and_the_way_between():
    world = decided()
    row = world["rows"][0]

    _, page = people.person(desk_of(world["manager"]), row.applicant_id)

    assert page.awarded == [("USD", 2_000_00)]
    assert page.sent[0].grant.amount_cents == 2_000_00
    with clock.set_to(make.AFTER):
        shown = signed_in(world["manager"]).get(reverse("admin:person", args=[row.applicant_id]))
    assert "$2,000" in shown.text
    assert "reserved" in shown.text


def test_a_reapplication_shows_what_changed():
    world = cast(applications=0)
    applicant = make.make_user()
    before = make.make_submitted(world["program"], applicant=applicant, title="Tides under ice")
    after = make.make_submitted(make.make_program(), applicant=applicant, title="Tides under sea ice")
    make.make_member(after.program, Role.MANAGER, user=world["manager"])
    Application.objects.filter(pk=after.pk).update(earlier=before)

    _, page = people.person(desk_of(world["manager"]), applicant.pk)

    assert [(step.before, step.after) for step in page.reapplications] == [(before, after)]
    labels = [change.label for change in page.reapplications[0].changes]
    assert "Title" in labels
    assert "Hazards" not in labels  # restricted to screeners


def test_conflicts_are_absent_and_the_last_one_takes_the_person_with_it():
    world = cast(applications=2)
    mine, other = world["rows"]
    Link.objects.create(one=mine, other=other, kind=LinkKind.PHONE, found_at=make.AFTER)
    desk = desk_of(world["manager"])
    assert [link.other for link in people.person(desk, mine.applicant_id)[1].linked] == [other]

    Conflict.objects.create(application=other, user=world["manager"], reason="x", declared_at=make.AFTER)

    assert people.person(desk, mine.applicant_id)[1].linked == []
    assert people.person(desk, other.applicant_id) is None
    with clock.set_to(make.AFTER):
        url = reverse("admin:person", args=[other.applicant_id])
        assert signed_in(world["manager"]).get(url).status_code == 404


def test_organizations_and_institutions():
    world = cast(applications=0)
    named = {"institution": "Polar Institute of Tides", "organization_id": make.ORGANIZATION_ID}
    one = make.make_submitted(world["program"], **named)
    two = make.make_submitted(world["program"], institution="Tides Institute Polar")
    desk = desk_of(world["manager"])

    assert [row.application for row in people.organization(desk, make.ORGANIZATION_ID).sent] == [one]
    assert {row.application for row in people.institution(desk, "institute, polar: TIDES").sent} == {one, two}
    assert people.organization(desk, "org-nobody") is None
    assert people.institution(desk, "") is None
    stranger = cast()["manager"]
    assert people.organization(desk_of(stranger), make.ORGANIZATION_ID) is None
    assert people.institution(desk_of(stranger), "Polar Institute of Tides") is None


def test_team_members_have_a_page_of_their_own():
    world = cast(applications=1)
    member = verified()
    share(world["rows"][0], member, at=make.AFTER)

    _, page = people.person(desk_of(world["manager"]), member.pk)

    assert page.sent == []
    assert page.team_of == [world["rows"][0]]


def test_reading_is_noted_and_only_managers_read():
    world, other = cast(), cast()
    pk = world["rows"][0].applicant_id
    url = reverse("admin:person", args=[pk])
    with clock.set_to(make.AFTER):
        assert signed_in(world["manager"]).get(url).status_code == 200
        assert signed_in(other["manager"]).get(url).status_code == 404
        for user in (world["reviewers"][0], make.make_member(world["program"], Role.SCREENER)):
            for address in (
                url,
                reverse("admin:people"),
                reverse("admin:institution") + "?name=x",
                reverse("admin:organization", args=["x"]),
            ):
                assert signed_in(user).get(address).status_code == 403
        assert signed_in(world["manager"]).get(reverse("admin:person", args=[10**8])).status_code == 404
    trail = AuditEvent.objects.filter(action="person.read")
    assert list(trail.values_list("actor", "subject_id")) == [(world["manager"].pk, str(pk))]


def test_a_page_costs_few_queries():
    world = decided()
    client, row = signed_in(world["manager"]), world["rows"][0]
    name = row.answers["institution"]
    with clock.set_to(make.AFTER):
        for url in (
            reverse("admin:person", args=[row.applicant_id]),
            f"{reverse('admin:institution')}?name={name}",
            f"{reverse('admin:search')}?q={name}",
            reverse("admin:exports"),
        ):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            assert len(queries) <= 15, url
