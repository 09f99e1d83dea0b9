"""Somebody manages one program and reviews for another: in the second they see what its reviewers see, and no more."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from applications import decisions, groups, queue
from applications.models import Application, Assignment, Link, LinkKind
from portal import clock
from portal.models import User
from portal.roles import Role
from programs.staff import desk_of
from tests.factories import applications as make
from tests.factories.hidden import CANARIES, Hidden, hidden
from tests.factories.staff import QUEUE, cast, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path / "files"
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def world() -> Hidden:
    """`reviewer` is blind to `application`, and manages a program of their own."""
    return hidden()


@pytest.fixture
def own(world: Hidden) -> dict[str, Any]:
    made = cast(applications=1)
    make.make_member(made["program"], Role.MANAGER, user=world.reviewer)
    return made


def found(user: User, words: str) -> set[Application]:
    desk = desk_of(user)
    return set(queue.search(desk, Application.objects.filter(submitted_at__isnull=False), words))


def test_an_address_or_an_organization_finds_nothing_where_names_are_hidden(
    world: Hidden, own: dict[str, Any]
) -> None:
    mine = own["rows"][0]

    for words in (CANARIES["mail"], CANARIES["organization"]):
        assert found(world.reviewer, words) == set()
        page = signed_in(world.reviewer).get(QUEUE, {"q": words, "cycle": "all"})
        assert list(page.context["cl"].result_list) == []
        assert world.application in found(world.manager, words)
    assert found(world.reviewer, mine.applicant.email) == {mine}


def test_a_pending_decision_and_the_work_of_peers_stay_hidden(world: Hidden, own: dict[str, Any]) -> None:
    decisions.propose_decline(application_id=world.application.pk, by=world.manager, at=make.AFTER)
    mine = own["rows"][0]
    decisions.propose_decline(application_id=mine.pk, by=world.reviewer, at=make.AFTER)

    def beside(user: User, row: Application) -> str:
        return queue.facts(desk_of(user), [row])[row.pk].decision

    assert (beside(world.reviewer, world.application), beside(world.reviewer, mine)) == ("", "decline")
    assert beside(world.manager, world.application) == "decline"

    listed = signed_in(world.reviewer).get(reverse("admin:applications_assignment_changelist"))
    seen = set(listed.context["cl"].result_list)
    of_peers = Assignment.objects.exclude(reviewer=world.reviewer)
    assert seen & set(of_peers.filter(application=world.application)) == set()
    assert seen >= set(of_peers.filter(application=mine))


def test_a_group_of_the_own_program_names_nobody_of_the_other(world: Hidden, own: dict[str, Any]) -> None:
    mine = own["rows"][0]
    one, other = sorted([world.application.pk, mine.pk])
    Link.objects.create(one_id=one, other_id=other, kind=LinkKind.TEXT, share_percent=90, found_at=make.AFTER)
    assert Assignment.objects.filter(application=world.application, reviewer=world.reviewer).exists()

    group = groups.around(desk_of(world.reviewer), mine)
    page = signed_in(world.reviewer).get(reverse("admin:group", args=[mine.cycle_id, mine.pk]))

    assert [member.application for member in group.members] == [mine]
    assert group.hidden >= 1
    assert CANARIES["mail"] not in page.text
