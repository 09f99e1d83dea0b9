"""Ask for credit in a pool, and decide what another person asked for. docs/ledger.md, "Funding a pool"."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When

from credits import ledger
from credits.models import FundingRequest, FundingState
from credits.money import MOST_CENTS, with_code
from portal import audit
from portal.models import User
from portal.refusals import Refused

_PERIOD = re.compile(r"\d{4}")


class CannotAsk(Refused):
    """Nothing can be asked for like this. The message says why."""


class CannotDecide(Refused):
    """The request is decided, or not by this person."""


def ask(
    *, program: str, period: str, currency: str, amount_cents: int, reason: str, by: User, at: datetime
) -> FundingRequest:
    """Ask for credit in the pool of a program (its slug) and a year such as "2026". Nothing moves yet.

    amount_cents: whole cents of the currency, above zero. The same wish by the same person, while it waits, is one
    wish however often it is sent. Raises CannotAsk without a reason and for an amount or year that cannot be.
    """
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise CannotAsk("Say what the credit is for. The person who approves reads it.")
    if amount_cents <= 0:
        raise CannotAsk("Ask for more than nothing.")
    if amount_cents > MOST_CENTS:
        raise CannotAsk("This amount is too large.")
    if not _PERIOD.fullmatch(period):
        raise CannotAsk("A pool is for one year, such as 2026.")
    with transaction.atomic():
        found, is_new = FundingRequest.objects.get_or_create(
            program=program,
            period=period,
            amount_cents=amount_cents,
            reason=reason,
            asked_by=by,
            state=FundingState.ASKED,
            defaults={"currency": currency, "asked_at": at},
        )
        if is_new:
            audit.record(
                action="funding.ask", subject=found, by=by, at=at, amount_cents=amount_cents, period=period
            )
        return found


@transaction.atomic
def approve(*, request_id: int, by: User, at: datetime) -> FundingRequest:
    """Put the credit into the pool, once. Approving again what this person approved changes nothing.

    Raises CannotDecide when it is decided otherwise or `by` asked for it, and what ledger.fund raises.
    """
    wish = _waiting(request_id, FundingState.FUNDED, by=by)
    if wish.state == FundingState.FUNDED:
        return wish
    _refuse_own(wish, by)
    wish.transfer = ledger.fund(
        program=wish.program,
        period=wish.period,
        amount_cents=wish.amount_cents,
        currency=wish.currency,
        made_by=wish.asked_by,
        approved_by=by,
        key=f"fund:{wish.program}:{wish.period}:request-{wish.pk}",
        at=at,
    )
    return _decide(wish, FundingState.FUNDED, by=by, at=at)


@transaction.atomic
def refuse(*, request_id: int, answer: str, by: User, at: datetime) -> FundingRequest:
    """Say no, with a reason. Refusing again changes nothing. Raises CannotDecide."""
    wish = _waiting(request_id, FundingState.REFUSED, by=by)
    if wish.state == FundingState.REFUSED:
        return wish
    _refuse_own(wish, by)
    wish.answer = " ".join(answer.split())[:300]
    if not wish.answer:
        raise CannotDecide("Give a reason. Whoever asked reads it.")
    return _decide(wish, FundingState.REFUSED, by=by, at=at)


@transaction.atomic
def take_back(*, request_id: int, by: User, at: datetime) -> FundingRequest:
    """Withdraw what one asked for oneself. Doing it again changes nothing. Raises CannotDecide."""
    wish = _waiting(request_id, FundingState.TAKEN_BACK, by=by)
    if wish.asked_by_id != by.pk:
        raise CannotDecide("Only the person who asked takes a request back.")
    if wish.state == FundingState.TAKEN_BACK:
        return wish
    return _decide(wish, FundingState.TAKEN_BACK, by=by, at=at)


def requests(programs: Sequence[str] | None) -> QuerySet[FundingRequest]:
    """The requests of some programs (slugs; None means all), waiting ones first, then the newest."""
    rows = (
        FundingRequest.objects.all()
        if programs is None
        else FundingRequest.objects.filter(program__in=programs)
    )
    waits = Case(When(state=FundingState.ASKED, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.select_related("asked_by", "decided_by").order_by(waits, "-pk")


def waiting(program: str) -> int:
    """How many requests of a program wait for a second person. One query."""
    return FundingRequest.objects.filter(program=program, state=FundingState.ASKED).count()


def amount(wish: FundingRequest) -> str:
    """What is asked for, for people: "$25,000 USD"."""
    return with_code(wish.amount_cents, wish.currency)


def _waiting(request_id: int, state: FundingState, *, by: User) -> FundingRequest:
    """The request, locked: it waits, or this person has brought it into `state` before."""
    wish = (
        FundingRequest.objects.select_for_update(of=("self",)).select_related("asked_by").get(pk=request_id)
    )
    if wish.state != FundingState.ASKED and (wish.state != state or wish.decided_by_id != by.pk):
        raise CannotDecide(f"This request is decided: {wish.get_state_display().lower()}.")
    return wish


def _refuse_own(wish: FundingRequest, by: User) -> None:
    if wish.asked_by_id == by.pk:
        raise CannotDecide("You asked for this. Another person decides it.")


def _decide(wish: FundingRequest, state: FundingState, *, by: User, at: datetime) -> FundingRequest:
    wish.state, wish.decided_by, wish.decided_at = state, by, at
    wish.save(update_fields=["state", "decided_by", "decided_at", "answer", "transfer"])
    audit.record(
        action=f"funding.{state.value}",
        subject=wish,
        by=by,
        at=at,
        amount_cents=wish.amount_cents,
        transfer=wish.transfer_id,
    )
    return wish
