"""What about deliveries a person must look at: grants that may not go, calls without an outcome, another content there."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef

from credits import cases
from credits.models import Case, Delivery, Grant

logger = logging.getLogger(__name__)

REFUSED_TO_SEND = "transfer"  # the kind of its case
WITHOUT_OUTCOME = "delivery"  # as above
MOST = 20  # of one alert; what is over becomes one case


def open_about_sending() -> Exists:
    """For a query of grants: whether a refused sending waits for a person. Until then it is not tried again."""
    return Exists(Case.objects.filter(kind=REFUSED_TO_SEND, grant=OuterRef("pk"), settled_at=None))


def refused_to_send(grant: Grant, why: str, *, at: datetime) -> None:
    """A reserved grant that may not go. Each refusal after a settled one is told anew."""
    logger.error("dispatch: grant %s is refused: %s", grant.pk, why)
    earlier = Case.objects.filter(kind=REFUSED_TO_SEND, grant=grant).count()
    cases.open_case(
        kind=REFUSED_TO_SEND,
        key=f"send:{grant.pk}:{earlier + 1}",
        words=f"{why} It is tried again once this case is settled.",
        at=at,
        grant_id=grant.pk,
    )


def other_content(delivery: Delivery, why: str, *, at: datetime) -> None:
    """The provider has something else under our key."""
    logger.error("delivery %s needs a person: %s", delivery.pk, why)
    cases.open_case(
        kind=WITHOUT_OUTCOME,
        key=f"delivery:{delivery.pk}:conflict",
        words=f"{delivery.grant}: {why}. Find out what the provider has under the key {delivery.key}.",
        at=at,
        grant_id=delivery.grant_id,
    )


def without_outcome(late: Sequence[Delivery], *, at: datetime) -> None:
    """Deliveries that have waited too long; a case for each of the first, and one for the others."""
    told = []
    for number, delivery in enumerate(late):
        logger.error("delivery %s has had no outcome for 24 hours", delivery.pk)
        if number < MOST:
            last = delivery.last_error or "not called yet"
            words = (
                f"{delivery.grant} has had no outcome for 24 hours ({last}). It is asked about every hour."
            )
            told.append(cases.Told(WITHOUT_OUTCOME, f"delivery:{delivery.pk}:late", words, delivery.grant_id))
    if len(late) > MOST:
        words = f"{len(late) - MOST:,} more deliveries have had no outcome for 24 hours."
        told.append(cases.Told(WITHOUT_OUTCOME, f"delivery:late:more:{late[-1].pk}", words))
    cases.open_many(told=told, at=at)
