"""The search box: what is found, by whom, and that it follows an index."""

import pytest
from django.db import connection
from django.urls import reverse

from applications import search
from applications.models import Application, Conflict
from portal import clock
from portal.models import User
from portal.roles import Role
from programs.staff import desk_of
from tests.factories import applications as make
from tests.factories.staff import cast, signed_in

pytestmark = pytest.mark.django_db


def found(user: User, text: str) -> search.Found:
    return search.find(desk_of(user), text)


def test_a_manager_finds_by_everything_that_names_an_application():
    world = cast(applications=0, reviewers=0)
    person = make.make_user("ada.quist@lab.example.org", name="Ada Quist")
    sent = make.make_submitted(
        world["program"], applicant=person, title="Tides under ice", organization_id=make.ORGANIZATION_ID
    )
    manager = world["manager"]

    assert found(manager, sent.reference).applications == [sent]
    assert found(manager, sent.reference.lower()[:-2]).applications == [sent]
    assert found(manager, "ice tid").applications == [sent]
    assert found(manager, "ADA.QUIST@lab.example.org").people == [person]
    assert found(manager, "quis ada").people == [person]
    assert found(manager, make.ORGANIZATION_ID.upper()).organizations == [make.ORGANIZATION_ID]
    words = sent.answers["institution"].split()
    assert found(manager, " ".join(reversed(words))).institutions == [search.Place(" ".join(reversed(words)))]
    for nothing in ("", "   ", "\x00", "qu", "uist", "&|!:*()", "@", "ada.quist@lab", "'; --"):
        assert found(manager, nothing).number == 0, nothing


@pytest.mark.parametrize("who", ["reviewer", "screener", "other manager", "conflict"])
def test_nobody_finds_what_is_not_theirs(who):
    world, other = cast(), cast()
    hidden = world["rows"][0]
    person = hidden.applicant
    User.objects.filter(pk=person.pk).update(name="Zelda Canary")
    if who == "conflict":
        user = world["manager"]
        for row in Application.objects.filter(applicant=person):
            Conflict.objects.create(application=row, user=user, reason="x", declared_at=make.AFTER)
    elif who == "screener":
        user = make.make_member(world["program"], Role.SCREENER)
    else:
        user = other["manager"] if who == "other manager" else other["reviewers"][0]

    texts = [person.email, "Zelda Canary", hidden.answers["institution"]]
    texts += [] if who == "screener" else [hidden.reference, hidden.title]
    for text in texts:
        result = found(user, text)
        assert hidden not in result.applications
        assert (result.people, result.organizations, result.institutions) == ([], [], [])


def test_the_pages_of_the_box():
    world = cast()
    hidden = cast()["rows"][0]
    manager, reviewer = signed_in(world["manager"]), signed_in(world["reviewers"][0])
    row, url = world["rows"][0], reverse("admin:search")
    with clock.set_to(make.AFTER):
        there = reverse("admin:applications_application_change", args=[row.pk])
        assert manager.get(url, {"q": row.reference}).url == there
        assert reviewer.get(url, {"q": row.reference}).url == there
        assert "Nothing found" in manager.get(url, {"q": hidden.reference}).text
        assert "What are you looking for" in manager.get(url).text
        assert row.applicant.email in manager.get(url, {"q": row.applicant.email}).text
        assert "Nothing found" in reviewer.get(url, {"q": row.applicant.email}).text
        finance = signed_in(make.make_member(world["program"], Role.FINANCE))
        assert finance.get(url, {"q": row.reference}).status_code == 403


def test_names_and_titles_are_found_by_an_index():
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    make.make_many(program, 3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE portal_user; ANALYZE applications_application; SET enable_seqscan = off")
    rows = User.objects.annotate(w=search.SearchVector("name", config="simple")).filter(
        w=search.SearchQuery("quist:*", config="simple", search_type="raw")
    )

    assert "person_by_name_words" in rows.explain()
    assert found(manager, "Study 17").number
