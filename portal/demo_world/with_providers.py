"""What providers told about the demo's awards, who moved to another organization, and which employees answer for whom."""

import json
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from applications import awards, sponsors
from applications.models import Application, Assignment
from credits import inbound, organization_changes, reconcile
from credits.models import Delivery, DeliveryState, Grant
from credits.providers.base import Listed
from portal.demo_world.people import COLLEAGUES
from portal.models import User
from portal.samples import answers as samples

if TYPE_CHECKING:
    from portal.demo_world.build import Telling

SAFETY, SOCIETY = "external-researcher-access", "openai-researcher-access"
HELD, MOVED, SPONSORED = 2, 9, 0  # places of stories in SAFETY
DIFFERS, TO_SPONSOR = 12, 9  # in SOCIETY


def tell(tellings: list["Telling"], persons: dict[str, User], at: datetime) -> None:
    """A hold, a change of organization, two sponsors and three cases. Called once all awards are posted and in use."""
    by_slug = {telling.program.slug: telling for telling in tellings}
    safety, society = by_slug[SAFETY], by_slug[SOCIETY]
    _held(_grant(safety, HELD), at)
    _moved(safety, persons, at)
    _unknown(safety, at)
    _sponsored(safety, SPONSORED, at - timedelta(days=12), by=persons["manager"])
    _sponsored(society, TO_SPONSOR, at - timedelta(days=1))
    _compared(_grant(society, DIFFERS), persons["operator"], at - timedelta(hours=2))


def _application(telling: "Telling", place: int) -> Application:
    application = telling.applications[place]
    application.refresh_from_db()
    return application


def _grant(telling: "Telling", place: int) -> Grant:
    """A grant whose organization is named."""
    decision = awards.current(_application(telling, place))
    assert decision is not None
    assert decision.grant is not None
    return decision.grant


def _event(name: str, kind: str, data: dict[str, object], at: datetime) -> None:
    """One call of a provider, received a minute after what it tells of."""
    told = {"type": kind, "timestamp": (at - timedelta(minutes=1)).isoformat(), "data": data}
    inbound.take(event_id=f"evt_demo_{name}", body=json.dumps(told).encode(), at=at)


def _used(name: str, provider: str, organization: str, cents: int, at: datetime) -> None:
    """What an organization used on the day before."""
    data = {
        "organization": organization,
        "provider": provider,
        "day": (at.date() - timedelta(days=1)).isoformat(),
        "amount_cents": cents,
        "currency": "USD",
    }
    _event(name, "usage.reported", data, at)


def _held(grant: Grant, at: datetime) -> None:
    """The provider puts an organization on hold; a call that was under way is used all the same, which is a case."""
    assert grant.organization is not None
    reason = "Traffic far above the usual of this organization; under review at the provider."
    data: dict[str, object] = {"organization": grant.organization.external_id, "reason": reason}
    _event("held", "organization.held", data | {"provider": grant.provider}, at - timedelta(days=2))
    _used("after-hold", grant.provider, grant.organization.external_id, 4_12, at)


def _moved(telling: "Telling", persons: dict[str, User], at: datetime) -> None:
    """A holder changed institutions; two people of the staff said yes, and the provider still has to be told."""
    grant = _grant(telling, MOVED)
    form = telling.program.organization_id_format
    new_id = samples.organization_id(form, random.Random("organization:moved"))
    change = organization_changes.wish(
        grant_id=grant.pk,
        organization_id=new_id,
        format=form,
        reason="I moved to another institute, and the project with me.",
        by=persons["moved"],
        at=at - timedelta(days=5),
    )
    organization_changes.take_up(change_id=change.pk, by=persons["manager"], at=at - timedelta(days=4))
    organization_changes.approve(change_id=change.pk, by=persons["finance"], at=at - timedelta(days=3))
    _used("moved", grant.provider, new_id, 12_80, at)


def _unknown(telling: "Telling", at: datetime) -> None:
    """The provider tells of an organization that nobody named here."""
    stranger = samples.organization_id(
        telling.program.organization_id_format, random.Random("organization:stranger")
    )
    _used("stranger", telling.program.provider, stranger, 31_00, at - timedelta(hours=1))


def _sponsored(telling: "Telling", place: int, at: datetime, *, by: User | None = None) -> None:
    """An employee who did not review it answers for the work of an award; by: the manager who approves, None for not yet."""
    application, grant = _application(telling, place), _grant(telling, place)
    assert grant.organization is not None
    looked = Assignment.objects.filter(application=application).values("reviewer__email")
    colleagues = [email for email, _name in COLLEAGUES[telling.program.slug]]
    sponsor = User.objects.filter(email__in=colleagues).exclude(email__in=looked).earliest("pk")
    asked = sponsors.ask(
        program_id=telling.program.pk,
        email=application.applicant.email,
        organization_id=grant.organization.external_id,
        reason="The tests need prompts that the usage policy would stop. I know the protocol and answer for it.",
        by=sponsor,
        at=at,
    )
    if by is not None:
        sponsors.approve(sponsorship_id=asked.pk, by=by, at=at + timedelta(days=1))


def _compared(differing: Grant, operator: User, at: datetime) -> None:
    """The provider's list agrees with ours, but for one amount."""
    posted = Delivery.objects.filter(state=DeliveryState.CONFIRMED).select_related("grant__organization")
    theirs = [
        Listed(
            key=row.key,
            organization=row.grant.organization.external_id if row.grant.organization else "",
            amount_cents=row.grant.amount_cents - (100_00 if row.grant_id == differing.pk else 0),
            currency=row.grant.currency,
        )
        for row in posted.order_by("pk")
    ]
    run = reconcile.take_list(theirs=theirs, name="grants-at-the-provider.csv", by=operator, at=at)
    reconcile.carry_out(run=run, at=at)
