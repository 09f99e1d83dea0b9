"""The grant of an application that somebody has a conflict with is on no page of theirs, nor in a count."""

from typing import Any

import pytest
from django.urls import reverse

from applications import decisions, posting, release
from applications import desk as desk_queries
from applications.models import Application, Conflict
from credits.models import Delivery, Grant, LedgerAccount, Transfer
from portal import clock
from portal.roles import Role
from programs import staff
from tests.factories import applications as make
from tests.factories.staff import cast, fund, review_all, signed_in

pytestmark = pytest.mark.django_db

WHO = [Role.MANAGER, Role.FINANCE, Role.OPERATOR, Role.AUDITOR, None]


@pytest.fixture
def world() -> dict[str, Any]:
    """Two awards that were released; each has its grant."""
    world = cast(applications=2, reviewers=1, reviews_wanted=1)
    fund(world["program"])
    review_all(world)
    for row in world["rows"]:
        decisions.propose_award(application_id=row.pk, by=world["manager"], at=make.AFTER)
    release.release(cycle_id=world["cycle"].pk, by=world["manager"], at=make.AFTER)
    return world


def _person(world: dict[str, Any], role: Role | None) -> Any:
    """Somebody with a conflict with the first application; a superuser for None."""
    user = make.make_superuser() if role is None else make.make_member(world["program"], role)
    Conflict.objects.create(application=world["rows"][0], user=user, reason="Sponsor", declared_at=make.AFTER)
    return user


@pytest.mark.parametrize("role", WHO)
def test_the_board_leaves_it_out(world: dict[str, Any], role: Role | None) -> None:
    hidden, shown = (Grant.objects.get(decision__application=row) for row in world["rows"])
    user = _person(world, role)

    assert list(posting.grants(staff.desk_of(user))) == [shown]
    with clock.set_to(make.AFTER):
        page = signed_in(user).get(reverse("admin:grants_board"), {"stage": "acceptance"}).text
    assert shown.reference in page
    assert hidden.reference not in page


@pytest.mark.parametrize("role", WHO)
def test_the_records_leave_it_out(world: dict[str, Any], role: Role | None) -> None:
    hidden, shown = (Grant.objects.get(decision__application=row) for row in world["rows"])
    client = signed_in(_person(world, role))
    listed = client.get(reverse("admin:credits_grant_changelist"))

    assert shown.reference in listed.text
    assert hidden.reference not in listed.text
    assert client.get(reverse("admin:credits_grant_change", args=[shown.pk])).status_code == 200
    assert client.get(reverse("admin:credits_grant_change", args=[hidden.pk])).status_code == 302
    for row in Delivery.objects.filter(grant=hidden):
        assert client.get(reverse("admin:credits_delivery_change", args=[row.pk])).status_code == 302


@pytest.mark.parametrize("role", [Role.FINANCE, None])
def test_the_ledger_shows_no_amount_of_it(world: dict[str, Any], role: Role | None) -> None:
    hidden, shown = (Grant.objects.get(decision__application=row) for row in world["rows"])
    client = signed_in(_person(world, role))
    accounts, transfers = ("admin:credits_ledgeraccount", "admin:credits_transfer")

    for grant, status in ((shown, 200), (hidden, 302)):
        account = LedgerAccount.objects.filter(grant=grant).earliest("pk")
        moved = Transfer.objects.filter(destination=account).earliest("pk")
        listed = (
            client.get(reverse(f"{accounts}_changelist")).text
            + client.get(reverse(f"{transfers}_changelist")).text
        )
        assert (account.code in listed) == (status == 200)
        assert (moved.key in listed) == (status == 200)
        assert client.get(reverse(f"{accounts}_change", args=[account.pk])).status_code == status
        assert client.get(reverse(f"{transfers}_change", args=[moved.pk])).status_code == status
    pool = client.get(reverse(f"{accounts}_change", args=[LedgerAccount.objects.get(kind="pool").pk])).text
    assert "not shown" in pool
    assert Transfer.objects.filter(destination__grant=shown).earliest("pk").key in pool
    assert Transfer.objects.filter(destination__grant=hidden).earliest("pk").key not in pool


def test_it_is_not_counted(world: dict[str, Any]) -> None:
    user = _person(world, Role.MANAGER)
    stages = posting.stages(posting.grants(staff.desk_of(user)), at=make.AFTER)
    counted = desk_queries.grants_without_conflict(staff.desk_of(user), Grant.objects.all())

    assert sum(stage.number for stage in stages) == 1
    assert counted.count() == 1


def test_a_colleague_of_the_applicant_does_not_see_it(world: dict[str, Any]) -> None:
    Application.objects.filter(pk=world["rows"][0].pk).update(email_domain="unia.example.org")
    user = make.make_member(world["program"], Role.FINANCE, email="x@unia.example.org")

    assert [grant.decision.application_id for grant in posting.grants(staff.desk_of(user))] == [
        world["rows"][1].pk
    ]
