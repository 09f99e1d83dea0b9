"""The pages of cases: who sees which, who settles them, and that a conflict hides them."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from applications import case_desk, decisions, release
from applications.models import Conflict
from credits import cases
from credits.models import Case, Grant
from portal import clock
from portal.roles import Role
from programs import staff
from tests.factories import applications as make
from tests.factories.credits import organization
from tests.factories.staff import cast, fund, review_all, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> dict[str, Any]:
    """One released award, and three cases: about its grant, about its program, and about nothing we know."""
    world = cast(applications=1, reviewers=1, reviews_wanted=1)
    fund(world["program"])
    review_all(world)
    decisions.propose_award(application_id=world["rows"][0].pk, by=world["manager"], at=make.AFTER)
    release.release(cycle_id=world["cycle"].pk, by=world["manager"], at=make.AFTER)
    grant = Grant.objects.get(decision__application=world["rows"][0])
    slug = world["program"].slug
    for key, fields in {"grant": {"grant_id": grant.pk}, "program": {"program": slug}, "stray": {}}.items():
        cases.open_case(kind="event", key=key, words=f"About {key} it is.", at=make.AFTER, **fields)
    return world | {"grant": grant}


def page(case: Case) -> str:
    return reverse("admin:credits_case_change", args=[case.pk])


@pytest.mark.parametrize(
    "role, seen",
    [
        (Role.MANAGER, {"grant", "program"}),
        (Role.OPERATOR, {"grant", "program", "stray"}),
        (Role.AUDITOR, {"grant", "program", "stray"}),
        (Role.REVIEWER, set()),
    ],
)
def test_cases_follow_the_money_a_person_sees_and_a_conflict_hides_them(world, role, seen):
    user = make.make_member(world["program"], role)
    assert {case.key for case in case_desk.waiting(staff.desk_of(user))} == seen

    Conflict.objects.create(application=world["rows"][0], user=user, reason="Sponsor", declared_at=make.AFTER)

    assert {case.key for case in case_desk.cases(staff.desk_of(user))} == seen - {"grant"}
    hidden = Case.objects.get(key="grant")
    assert signed_in(user).get(page(hidden)).status_code in (404, 403)


def test_a_case_about_an_organization_with_a_hidden_grant_is_hidden(world):
    user = make.make_member(world["program"], Role.OPERATOR)
    Conflict.objects.create(application=world["rows"][0], user=user, reason="Sponsor", declared_at=make.AFTER)
    world["grant"].organization = organization()
    world["grant"].save()
    cases.open_case(
        kind="event",
        key="org",
        words="About it.",
        at=make.AFTER,
        organization_id=world["grant"].organization_id,
    )

    assert "org" not in {case.key for case in case_desk.cases(staff.desk_of(user))}


def test_a_person_settles_a_case_with_a_reason_once(world):
    client, auditor = (
        signed_in(make.make_member(world["program"], role)) for role in (Role.FINANCE, Role.AUDITOR)
    )
    case = Case.objects.get(key="grant")
    with clock.set_to(make.AFTER):
        home, board = client.get(reverse("admin:index")).text, client.get(reverse("admin:grants_board")).text
        assert "3 cases about money wait for a person" in home
        assert "About grant it is." in board
        listed = client.get(reverse("admin:credits_case_changelist"), {"state": "open", "kind": "event"}).text
        assert "About grant it is." in listed
        assert "Settle the case" not in auditor.get(page(case)).text
        assert auditor.post(page(case), {"reason": "Mine."}).status_code == 404
        refused = client.post(page(case), {"reason": " "})
        assert refused.status_code == 422
        assert "Say what you found" in refused.text
        for _ in range(2):  # a double click
            assert client.post(page(case), {"reason": "Sent twice; nothing to do."}).status_code == 302
        assert client.post(page(case), {"reason": "Another."}).status_code == 422
        assert "2 cases about money wait for a person" in client.get(reverse("admin:index")).text

    case.refresh_from_db()
    assert case.reason == "Sent twice; nothing to do."


def test_the_page_compares_a_list_that_somebody_brought(world, settings):
    settings.PROVIDER_ADAPTER = "manual"
    finance, auditor, manager = (
        signed_in(make.make_member(world["program"], role))
        for role in (Role.FINANCE, Role.AUDITOR, Role.MANAGER)
    )
    url = reverse("admin:reconcile")
    text = "key,organization_id,amount,currency\nnobody,org-1,5,USD\n"
    with clock.set_to(make.AFTER):
        assert manager.get(url).status_code == 403
        assert "Compare</button>" not in auditor.get(url).text
        assert auditor.post(url, {"file": SimpleUploadedFile("a.csv", text.encode())}).status_code == 403
        for wrong, why in [(b"key\n", "no column"), (b"\xff\xfe", "not UTF-8"), (b"", "no column")]:
            answer = finance.post(url, {"file": SimpleUploadedFile("a.csv", wrong + b" ")})
            assert answer.status_code == 422
            assert why in answer.text
        assert "comes as a CSV" in finance.post(url, {"do": "ask"}).text
        page = finance.post(url, {"file": SimpleUploadedFile("a.csv", text.encode())}, follow=True).text
        assert "1 difference, 1 of them new" in page
        assert "Theirs only" in page
        assert "under a key that we never gave: nobody" in finance.get(reverse("admin:grants_board")).text
