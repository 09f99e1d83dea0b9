"""Funding a pool by two people: one asks, another decides, and the credit moves once."""

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import InternalError

from credits import funding, ledger, queries
from credits.models import FundingRequest, FundingState, Transfer
from portal.models import AuditEvent
from tests.factories.credits import NOON, PERIOD, POOL, PROGRAM, person

pytestmark = pytest.mark.django_db


def asked(**changes):
    given = {
        "program": PROGRAM,
        "period": PERIOD,
        "currency": "USD",
        "amount_cents": 25_000_00,
        "reason": "The second half of the year.",
        "at": NOON,
    } | changes
    return funding.ask(**{"by": person()} | given)


def test_an_approved_request_funds_the_pool_once_however_often_it_is_approved():
    request, finance = asked(), person()

    first = funding.approve(request_id=request.pk, by=finance, at=NOON)
    again = funding.approve(request_id=request.pk, by=finance, at=NOON)

    transfer = Transfer.objects.get()
    assert queries.pool_balance(POOL) == 25_000_00
    assert (first.state, again.transfer_id) == (FundingState.FUNDED, transfer.pk)
    assert transfer.key == f"fund:{PROGRAM}:{PERIOD}:request-{request.pk}"
    assert (transfer.made_by, transfer.approved_by) == (request.asked_by.subject_key, finance.subject_key)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "funding.ask",
        "pool.fund",
        "funding.funded",
    ]


def test_a_wish_that_is_sent_twice_is_one_request():
    first = asked()

    second = asked(by=first.asked_by, reason="The second half  of the year.")

    assert second.pk == first.pk
    assert AuditEvent.objects.filter(action="funding.ask").count() == 1


def test_nobody_approves_or_refuses_their_own_request():
    request = asked()

    with pytest.raises(funding.CannotDecide, match="Another person"):
        funding.approve(request_id=request.pk, by=request.asked_by, at=NOON)
    with pytest.raises(funding.CannotDecide, match="Another person"):
        funding.refuse(request_id=request.pk, answer="No.", by=request.asked_by, at=NOON)

    assert queries.pool_balance(POOL) == 0
    assert funding.waiting(PROGRAM) == 1


def test_the_database_refuses_what_the_operations_would():
    request, other = asked(), person()
    rows = FundingRequest.objects.filter(pk=request.pk)
    own = {"state": "refused", "decided_by": request.asked_by, "decided_at": NOON}

    for error, name, change in (
        (IntegrityError, "funding_two_people", own),
        (IntegrityError, "funding_funded_has_transfer", own | {"state": "funded", "decided_by": other}),
        (IntegrityError, "funding_decided_has_who", {"state": "refused"}),
        (InternalError, "Cannot update", {"amount_cents": 1}),
    ):
        with pytest.raises(error, match=name), transaction.atomic():
            rows.update(**change)
    for error, match, act in (
        (IntegrityError, "funding_amount_positive", lambda: _insert(amount_cents=0)),
        (InternalError, "Cannot delete", rows.delete),
    ):
        with pytest.raises(error, match=match), transaction.atomic():
            act()


def _insert(**fields):
    given = {"program": PROGRAM, "period": PERIOD, "currency": "USD", "reason": "x", "asked_at": NOON}
    return FundingRequest.objects.create(asked_by=person(), **given | fields)


def test_what_is_decided_stays_decided():
    refused, taken, funded = (asked(reason=f"Reason {number}.") for number in range(3))
    finance, second = person(), person()
    funding.refuse(request_id=refused.pk, answer="  Next year. ", by=finance, at=NOON)
    funding.refuse(request_id=refused.pk, answer="Other words.", by=finance, at=NOON)
    funding.take_back(request_id=taken.pk, by=taken.asked_by, at=NOON)
    funding.take_back(request_id=taken.pk, by=taken.asked_by, at=NOON)
    funding.approve(request_id=funded.pk, by=finance, at=NOON)

    refused.refresh_from_db()
    assert refused.answer == "Next year."
    for request in (refused, taken, funded):
        with pytest.raises(funding.CannotDecide, match="is decided"):
            funding.approve(request_id=request.pk, by=second, at=NOON)
        with pytest.raises(InternalError, match="Cannot update"), transaction.atomic():
            FundingRequest.objects.filter(pk=request.pk).update(answer="Other words.")
    assert queries.pool_balance(POOL) == 25_000_00


def test_only_who_asked_takes_it_back_and_a_refusal_has_a_reason():
    request = asked()

    with pytest.raises(funding.CannotDecide, match="Only the person"):
        funding.take_back(request_id=request.pk, by=person(), at=NOON)
    with pytest.raises(funding.CannotDecide, match="Give a reason"):
        funding.refuse(request_id=request.pk, answer=" ", by=person(), at=NOON)

    assert FundingRequest.objects.get().state == FundingState.ASKED


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "what the credit is for"),
        ({"amount_cents": 0}, "more than nothing"),
        ({"amount_cents": -5}, "more than nothing"),
        ({"amount_cents": 10**15 + 1}, "too large"),
        ({"period": "20/26"}, "for one year"),
    ],
)
def test_what_cannot_be_asked_for_is_said(changes, said):
    with pytest.raises(funding.CannotAsk, match=said):
        asked(**changes)

    assert not FundingRequest.objects.exists()


def test_what_the_ledger_refuses_keeps_the_request_waiting(monkeypatch):
    request = asked()

    def stopped(**_movement):
        raise ledger.PostingStopped("Posting is stopped.")

    monkeypatch.setattr(ledger, "fund", stopped)

    with pytest.raises(ledger.PostingStopped), transaction.atomic():
        funding.approve(request_id=request.pk, by=person(), at=NOON)

    request.refresh_from_db()
    assert request.state == FundingState.ASKED


def test_waiting_requests_come_first():
    old, new, done = (asked(reason=f"Reason {number}.") for number in range(3))
    funding.take_back(request_id=done.pk, by=done.asked_by, at=NOON)
    asked(program="another")

    assert list(funding.requests([PROGRAM])) == [new, old, done]
    assert funding.requests(None).count() == 4
