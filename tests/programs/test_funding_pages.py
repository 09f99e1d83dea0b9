"""The pages on which a pool is funded: who asks, who decides, what a double click does."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from credits import funding, queries
from credits.models import FundingRequest, FundingState, Transfer
from portal import clock
from portal.models import User
from portal.roles import Role
from programs.models import Program
from tests.factories import applications as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def program() -> Program:
    return make.make_program()


def signed_in(program: Program, role: Role) -> tuple[Client, User]:
    client, user = Client(), make.make_member(program, role)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client, user


def pools(program: Program) -> str:
    return reverse("admin:programs_program_pools", args=[program.pk])


def page(request: FundingRequest) -> str:
    return reverse("admin:credits_fundingrequest_change", args=[request.pk])


def wish(program: Program, by: User, reason: str = "New topics.") -> FundingRequest:
    return funding.ask(
        program=program.slug,
        period="2026",
        currency="USD",
        amount_cents=5_000_00,
        reason=reason,
        by=by,
        at=make.AFTER,
    )


def test_a_manager_asks_and_a_finance_approver_approves_twice_by_mistake(program):
    manager, _ = signed_in(program, Role.MANAGER)
    finance, _ = signed_in(program, Role.FINANCE)
    typed = {"period": "2026", "amount_cents": "5,000", "reason": "New topics."}

    for _click in range(2):
        assert manager.post(pools(program), typed).status_code == 302
    request = FundingRequest.objects.get()
    listed = finance.get(reverse("admin:credits_fundingrequest_changelist")).text
    shown = finance.get(page(request)).text
    for _click in range(2):
        assert finance.post(page(request), {"do": "approve"}).status_code == 302

    assert page(request) in listed
    assert "Approve: put $5,000 into the pool" in shown
    assert Transfer.objects.count() == 1
    assert queries.pool_balance(f"pool:{program.slug}:2026") == 5_000_00
    assert "Funded" in finance.get(pools(program)).text
    assert "Approve: put" not in finance.get(page(request)).text


def test_another_manager_refuses_with_a_reason_and_who_asked_takes_back(program):
    asks, me = signed_in(program, Role.MANAGER)
    other, _ = signed_in(program, Role.MANAGER)
    refused, taken = wish(program, me), wish(program, me, "Another reason.")

    without = other.post(page(refused), {"do": "refuse", "answer": ""})
    other.post(page(refused), {"do": "refuse", "answer": "Next year."})
    own = asks.post(page(taken), {"do": "approve"})
    asks.post(page(taken), {"do": "take_back"})
    late = other.post(page(taken), {"do": "approve"})

    refused.refresh_from_db(), taken.refresh_from_db()
    assert (without.status_code, own.status_code, late.status_code) == (409, 404, 409)
    assert "Give a reason" in without.text
    assert "is decided: taken back" in late.text
    assert (refused.state, refused.answer) == (FundingState.REFUSED, "Next year.")
    assert taken.state == FundingState.TAKEN_BACK
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    ("role", "sees", "decides"),
    [
        (Role.REVIEWER, (404, 403), 403),
        (Role.SCREENER, (404, 403), 403),
        (Role.AUDITOR, (200, 200), 404),
        (Role.OPERATOR, (200, 200), 404),
    ],
)
def test_others_look_at_most(program, role, sees, decides):
    request = wish(program, make.make_member(program, Role.MANAGER))
    client, _ = signed_in(program, role)

    seen = client.get(pools(program)).status_code, client.get(page(request)).status_code
    acts = [client.post(page(request), {"do": do}).status_code for do in ("approve", "take_back")]
    asked = client.post(pools(program), {"period": "2026", "amount_cents": "1", "reason": "x"})

    request.refresh_from_db()
    assert seen == sees or (seen[0], 404) == (sees[0], seen[1])
    assert all(code in (decides, 404) for code in acts)
    assert asked.status_code == 404
    assert (request.state, FundingRequest.objects.count()) == (FundingState.ASKED, 1)


def test_requests_of_other_programs_are_not_found(program):
    foreign = wish(make.make_program(), make.make_user())
    for role in (Role.MANAGER, Role.FINANCE):
        client, _ = signed_in(program, role)

        assert client.get(page(foreign)).status_code == 404
        assert client.post(page(foreign), {"do": "approve"}).status_code == 404
        assert page(foreign) not in client.get(reverse("admin:credits_fundingrequest_changelist")).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount_cents": "0"}, "more than nothing"),
        ({"amount_cents": "much"}, "in digits"),
        ({"reason": ""}, "This field is required"),
        ({"period": "1999"}, "Select a valid choice"),
    ],
)
def test_what_was_typed_stays_when_it_is_refused(program, typed, said):
    client, _ = signed_in(program, Role.MANAGER)

    answer = client.post(
        pools(program), {"period": "2026", "amount_cents": "75", "reason": "Kept words."} | typed
    )

    assert answer.status_code == 422
    assert said in answer.text
    assert "Kept words." in answer.text or "reason" in typed


def test_the_pages_take_few_queries_at_any_size(program):
    client, me = signed_in(program, Role.MANAGER)
    request = wish(program, make.make_member(program, Role.MANAGER))
    first = wish(program, me)
    funding.approve(request_id=first.pk, by=request.asked_by, at=make.AFTER)
    urls = [pools(program), page(request), reverse("admin:credits_fundingrequest_changelist")]

    def taken(url: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(url).status_code == 200
        return len(found)

    few = [taken(url) for url in urls]
    for number in range(30):
        decided = wish(program, me, f"Reason {number}.")
        if number % 2:
            funding.approve(request_id=decided.pk, by=request.asked_by, at=make.AFTER)

    assert [taken(url) for url in urls] == few
    assert max(few) <= 15
