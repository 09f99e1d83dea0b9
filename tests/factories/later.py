"""Wishes for credit between the evaluations, and people who decide them, for tests."""

import uuid
from datetime import timedelta

from django.test import Client

from applications import later_credit, top_ups
from applications.models import Decision, DecisionKind, DecisionState, LaterCredit
from credits.models import Grant
from programs.request_models import RequestKind
from tests.factories.amending import POSTED, Awarded
from tests.factories.requests import make_request, make_request_form

DAY = timedelta(days=1)
ASKED = POSTED + DAY


def world(**fields: object) -> Awarded:
    """An award of $6,000 that is posted; the limit of one person is $10,000 unless said otherwise."""
    return Awarded(**{"top_ups_allowed": True, "urgent_authority_cents": 500_00, **fields})


def ask(w: Awarded, cents: int = 1_000_00, **more: object) -> LaterCredit:
    return top_ups.ask(
        application_id=w.application.pk,
        use_case="The second half of the runs.",
        amount_cents=cents,
        by=w.holder,
        at=ASKED,
        **more,
    )


def propose(w: Awarded, wish: LaterCredit, cents: int | None = None, **more: object) -> LaterCredit:
    return later_credit.propose(
        later_id=wish.pk,
        amount_cents=cents or wish.asked_cents,
        reason="The runs are worth it.",
        by=more.pop("by", w.manager),
        at=more.pop("at", ASKED),
        **more,
    )


def urgent_request(w: Awarded, kind: RequestKind = RequestKind.URGENT, **more: object):
    form = make_request_form(w.program, kind=kind, outcomes=["answered"])
    return make_request(form, by=more.pop("by", w.holder), at=ASKED, application=w.application, **more)


def give_urgent(w: Awarded, cents: int, **more: object) -> LaterCredit:
    return later_credit.urgent(
        request_id=more.pop("request", None) or urgent_request(w).pk,
        amount_cents=cents,
        reason="The talk is on Friday.",
        by=more.pop("by", w.manager),
        at=more.pop("at", ASKED),
        **more,
    )


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def row(w: Awarded, wish: LaterCredit, **changes: object) -> Decision:
    """A decision as the code would write it, changed."""
    grant = Grant.objects.create(
        reference=f"X-{uuid.uuid4().hex[:8]}",
        program=w.program.slug,
        provider=w.grant.provider,
        pool=w.grant.pool,
        holder=w.holder,
        organization=w.grant.organization,
        amount_cents=wish.amount_cents or 1_00,
        created_at=ASKED,
    )
    return Decision.objects.create(
        **{
            "application": w.application,
            "kind": DecisionKind.LATER,
            "state": DecisionState.RELEASED,
            "later": wish,
            "grant": grant,
            "amount_cents": wish.amount_cents,
            "months": wish.months,
            "four_eyes_above_cents": 10_000_00,
            "proposed_by": wish.proposed_by,
            "proposed_at": ASKED,
            "released_by": wish.proposed_by,
            "released_at": ASKED,
            **changes,
        }
    )
