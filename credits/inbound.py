"""What a provider tells us: signed events in Standard Webhooks form, each taken in once.

verify() decides whether a call comes from the provider; take() does what the event says, in one transaction with the row
that remembers its id. An authentic event that does not fit changes nothing and becomes a case. docs/ledger.md, "Events".
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.core.cache import cache
from django.db import transaction
from django.db.models import Max
from redis.exceptions import RedisError

from credits import cases, delivery, enforcement, ledger, organizations, usage
from credits.models import (
    Delivery,
    EnforcementKind,
    EventOutcome,
    Grant,
    InboundEvent,
    Organization,
    UsageSource,
)
from credits.money import MOST_CENTS
from portal.database import with_retries
from portal.refusals import Refused

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=5)
LARGEST_BODY_BYTES = 64 * 1024
MOST_SIGNATURES = 10
COUNTED_DAYS = 7
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_STAMP = re.compile(r"[0-9]{1,12}")
_CURRENCY = re.compile(r"[A-Z]{3}")

FORGED, STALE, TOO_LARGE, UNREADABLE = "forged", "stale", "too large", "unreadable"
REFUSED_CALLS = (FORGED, STALE, TOO_LARGE, UNREADABLE)
"""Why a call was turned away before anybody knew that it was the provider's. These are counted and nothing else."""

STANDING = {name: kind for kind, name in enforcement.EVENTS.items()}
ABOUT_STANDING = (*STANDING, enforcement.CLEARED)
"""Types that follow each other: an older one does not undo a newer one, whichever comes first."""


class NotAuthentic(Refused):
    """The call is not the provider's, or too old. why: FORGED or STALE."""

    def __init__(self, text: str, why: str) -> None:
        self.why = why
        super().__init__(text)


class Malformed(Refused):
    """An authentic call whose body is no event. It has become a case."""


class DoesNotFit(Refused):
    """An authentic event that contradicts what we know. It becomes a case."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call did. outcome: a value of EventOutcome, or "repeated"."""

    outcome: str
    words: str


@dataclass(slots=True)
class _Event:
    """An event on its way in; organization and grant are filled as they become known."""

    id: str
    type: str
    happened_at: datetime
    data: dict[str, object]
    organization: Organization | None = None
    grant: Grant | None = None


def decoded_keys(texts: Sequence[str]) -> list[bytes]:
    """The bytes of signing keys (whsec_ and base64, 24 bytes or more). Raises ValueError for one that is none."""
    keys = []
    for text in texts:
        encoded = text.removeprefix("whsec_").rstrip("=")
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except binascii.Error as error:
            raise ValueError("a key is whsec_ and base64") from error
        if len(key) < 24:
            raise ValueError("a key has at least 24 bytes")
        keys.append(key)
    return keys


def verify(
    *, keys: Sequence[bytes], event_id: str, stamp: str, signatures: str, body: bytes, at: datetime
) -> None:
    """Raise NotAuthentic unless one of the signatures is by one of the keys over id.timestamp.body, and fresh.

    stamp: seconds since 1970 as the header says. All keys are tried against all signatures whatever matched before,
    and each comparison takes the same time. Source: the Standard Webhooks specification.
    """
    if not _ID.fullmatch(event_id) or not _STAMP.fullmatch(stamp):
        raise NotAuthentic("The id or the timestamp is missing or malformed.", FORGED)
    signed = f"{event_id}.{stamp}.".encode() + body
    wanted = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    matches = 0
    for part in signatures.split(" ")[:MOST_SIGNATURES]:
        version, _, encoded = part.partition(",")
        try:
            given = base64.b64decode(encoded.encode("ascii"), validate=True) if version == "v1" else b""
        except ValueError:
            continue
        matches += sum(hmac.compare_digest(given, digest) for digest in wanted)
    if not matches:
        raise NotAuthentic("No signature matches.", FORGED)
    if abs(at.timestamp() - int(stamp)) > WINDOW.total_seconds():
        raise NotAuthentic("The timestamp is more than five minutes away.", STALE)


def take(*, event_id: str, body: bytes, at: datetime) -> Taken:
    """Do what an authentic event says, once; returns after the commit.

    The same id again changes nothing. Types that we do not know are kept and left alone. Raises Malformed when the body
    is no event, and ledger.PostingStopped, after which the same call may come again.
    """
    try:
        event = _read(event_id, body)
    except Malformed as error:
        cases.open_case(
            kind="event", key=f"event:{event_id}:unreadable", words=f"Event {event_id}: {error}", at=at
        )
        raise
    return with_retries(partial(_take, event, hashlib.sha256(body).hexdigest(), at))


def count_refused(why: str, *, at: datetime) -> None:
    """Count one call that was turned away at the door; one log line a minute at most, and never what it said."""
    key = _count_key(why, at.date())
    try:
        if not cache.add(key, 1, timeout=int(timedelta(days=COUNTED_DAYS + 1).total_seconds())):
            cache.incr(key)
        if cache.add("inbound:logged", 1, timeout=60):
            logger.warning(
                "provider events: calls are turned away (%s); the page of events has the count", why
            )
    except (RedisError, ValueError) as error:
        logger.warning("provider events: a refused call was not counted: %s", type(error).__name__)


def refused_calls(*, at: datetime) -> dict[str, int]:
    """How many calls were turned away in the last COUNTED_DAYS days, by why; no entry for none."""
    days = [at.date() - timedelta(days=ago) for ago in range(COUNTED_DAYS)]
    keys = {_count_key(why, day): why for why in REFUSED_CALLS for day in days}
    try:
        found = cache.get_many(keys)
    except RedisError:
        return {}
    sums: dict[str, int] = {}
    for key, number in found.items():
        sums[keys[key]] = sums.get(keys[key], 0) + int(number)
    return sums


# --- One event --------------------------------------------------------------------------------------------------------------


def _take(event: _Event, digest: str, at: datetime) -> Taken:
    row, is_new = InboundEvent.objects.get_or_create(
        event_id=event.id,
        defaults={
            "type": event.type,
            "happened_at": event.happened_at,
            "received_at": at,
            "body_sha256": digest,
        },
    )
    if not is_new:
        if row.body_sha256 != digest:
            words = f"Event {event.id} came again with another content; the first one counts."
            cases.open_case(kind="event", key=f"event:{event.id}:other-content", words=words, at=at)
        return Taken("repeated", "This id was taken in before.")
    outcome, words = _apply(event, at)
    row.outcome, row.words = outcome, words[:300]
    row.organization, row.grant = event.organization, event.grant
    row.save(update_fields=["outcome", "words", "organization", "grant"])
    return Taken(outcome, words)


def _apply(event: _Event, at: datetime) -> tuple[EventOutcome, str]:
    """Run the handler in a savepoint; what it refuses is undone and becomes a case."""
    handler = HANDLERS.get(event.type)
    if handler is None:
        return EventOutcome.IGNORED, "This type is not known here."
    try:
        if event.happened_at > at + WINDOW:
            raise DoesNotFit("It says that it happens in the future.")
        with transaction.atomic():
            return handler(event, at)
    except ledger.PostingStopped:
        raise
    except Refused as error:
        cases.open_case(
            kind="confirmation" if event.type.startswith("grant.") else "event",
            key=f"event:{event.id}",
            words=f"{event.type} {event.id}: {error}",
            at=at,
            grant_id=event.grant.pk if event.grant else None,
            organization_id=event.organization.pk if event.organization else None,
        )
        return EventOutcome.CASE, str(error)


def _confirmed(event: _Event, at: datetime) -> tuple[EventOutcome, str]:
    found = _delivery(event, complete=True)
    delivery.confirm(delivery_id=found.pk, at=at)
    return EventOutcome.DONE, f"{found.grant} is confirmed."


def _refused(event: _Event, at: datetime) -> tuple[EventOutcome, str]:
    found = _delivery(event, complete=False)
    delivery.refuse(delivery_id=found.pk, reason=_text(event, "reason", most=300), at=at)
    return EventOutcome.DONE, f"{found.grant} is refused; its credit is back."


def _used(event: _Event, at: datetime) -> tuple[EventOutcome, str]:
    found = _organization(event)
    day = _day(event)
    try:
        usage.record(
            organization_id=found.pk,
            day=day,
            amount_cents=_cents(event, least=0),
            currency=_currency(event),
            source=UsageSource.EVENT,
            key=event.id,
            by=None,
            at=at,
        )
    except usage.UsageRefused as error:
        if error.case is None:
            raise
        return EventOutcome.CASE, str(error)  # its case is part of this transaction
    return EventOutcome.DONE, f"The use of {day:%Y-%m-%d} is recorded."


def _enforced(event: _Event, at: datetime) -> tuple[EventOutcome, str]:
    found = _organization(event, register_at=at)
    if older := _older(event, found):
        return older
    kind = STANDING[event.type]
    enforcement.impose(
        organization_id=found.pk,
        kind=kind,
        reason=_text(event, "reason", most=300, default="The provider gave no reason."),
        by=None,
        event_id=event.id,
        happened_at=event.happened_at,
        at=at,
    )
    return EventOutcome.DONE, f"{kind.label} of the organization; its unspent credit is frozen."


def _cleared(event: _Event, at: datetime) -> tuple[EventOutcome, str]:
    found = _organization(event)
    if older := _older(event, found):
        return older
    reason = _text(event, "reason", most=300, default="Cleared by the provider.")
    lifted = enforcement.clear(organization_id=found.pk, reason=reason, event_id=event.id, at=at)
    if enforcement.is_held(found.pk):
        return EventOutcome.DONE, "What the provider had imposed is lifted; a hold by staff stands."
    return EventOutcome.DONE, "What the provider had imposed is lifted." if lifted else "Nothing stood."


def _labelled(event: _Event, at: datetime) -> tuple[EventOutcome, str]:
    found = _organization(event, register_at=at)
    enforcement.impose(
        organization_id=found.pk,
        kind=EnforcementKind.LABEL,
        reason=_text(event, "label", most=300),
        by=None,
        event_id=event.id,
        happened_at=event.happened_at,
        at=at,
    )
    return EventOutcome.DONE, "The label is kept."


HANDLERS: dict[str, Callable[[_Event, datetime], tuple[EventOutcome, str]]] = {
    "grant.confirmed": _confirmed,
    "grant.refused": _refused,
    "usage.reported": _used,
    "organization.held": _enforced,
    "organization.suspended": _enforced,
    "organization.cleared": _cleared,
    "organization.labelled": _labelled,
}


def _older(event: _Event, organization: Organization) -> tuple[EventOutcome, str] | None:
    """An event that a newer one has overtaken; the organization is locked, so two events are taken in one after the other."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    newest = InboundEvent.objects.filter(
        organization=organization, type__in=ABOUT_STANDING, outcome=EventOutcome.DONE
    ).aggregate(newest=Max("happened_at"))["newest"]
    if newest is None or event.happened_at >= newest:
        return None
    return EventOutcome.IGNORED, f"A newer event, of {newest:%Y-%m-%d %H:%M:%S} UTC, was here first."


# --- Reading ------------------------------------------------------------------------------------------------------------------


def _read(event_id: str, body: bytes) -> _Event:
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON.") from None
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        raise Malformed("The body is not an object with type, timestamp and data.")
    kind, stamp = content.get("type"), content.get("timestamp")
    if not isinstance(kind, str) or not re.fullmatch(r"[a-z0-9_.-]{1,64}", kind):
        raise Malformed("type is missing or malformed.")
    try:
        happened_at = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
        happened_at = happened_at.astimezone(UTC) if happened_at and happened_at.tzinfo else None
    except (ValueError, OverflowError):
        happened_at = None
    if happened_at is None:
        raise Malformed("timestamp is not a moment with its zone, such as 2026-12-07T12:00:00Z.")
    return _Event(event_id, kind, happened_at, content["data"])


def _text(event: _Event, name: str, *, most: int, default: str = "") -> str:
    value = event.data.get(name, default)
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value.strip()) <= most:
        raise DoesNotFit(f"{name} is missing or malformed.")
    return value.strip()


def _cents(event: _Event, *, least: int) -> int:
    value = event.data.get("amount_cents")
    if type(value) is not int or not least <= value <= MOST_CENTS:
        raise DoesNotFit("amount_cents is missing or malformed.")
    return value


def _currency(event: _Event) -> str:
    value = _text(event, "currency", most=3)
    if not _CURRENCY.fullmatch(value):
        raise DoesNotFit("currency is missing or malformed.")
    return value


def _day(event: _Event) -> date:
    try:
        return date.fromisoformat(_text(event, "day", most=10))
    except ValueError:
        raise DoesNotFit("day is not a date such as 2026-12-07.") from None


def _organization(event: _Event, *, register_at: datetime | None = None) -> Organization:
    """The organization that an event names, by its ID and, where that is not enough, its provider.

    register_at: make a row for one that nobody has named here yet, so that what stands against it is known when
    somebody does.
    """
    external_id = _text(event, "organization", most=80)
    rows = Organization.objects.filter(external_id=external_id)
    provider = _text(event, "provider", most=32) if "provider" in event.data else ""
    if provider:
        rows = rows.filter(provider=provider)
    found = list(rows[:2])
    if len(found) > 1:
        raise DoesNotFit("Two providers have an organization of this ID; the event names none of them.")
    if not found and register_at and provider and Organization.objects.filter(provider=provider).exists():
        event.organization = organizations.get_or_register(
            provider=provider, external_id=external_id, format="any", at=register_at
        )
        return event.organization
    if not found:
        raise DoesNotFit(f"No organization here has the ID {external_id}.")
    event.organization = found[0]
    return found[0]


def _delivery(event: _Event, *, complete: bool) -> Delivery:
    """The delivery that an event names; what else it says about it must be what we sent."""
    key = _text(event, "key", most=80)
    found = Delivery.objects.select_related("grant__organization").filter(key=key).first()
    if found is None:
        raise DoesNotFit(f"No delivery has the key {key}.")
    event.grant, event.organization = found.grant, found.grant.organization
    ours: dict[str, object] = {
        "organization": found.grant.organization.external_id if found.grant.organization else "",
        "amount_cents": found.grant.amount_cents,
        "currency": found.grant.currency,
    }
    for name, value in ours.items():
        if (complete or name in event.data) and (
            type(event.data.get(name)) is not type(value) or event.data[name] != value
        ):
            raise DoesNotFit(f"{name} differs from what was sent.")
    return found


def _count_key(why: str, day: date) -> str:
    return f"inbound:{why.replace(' ', '-')}:{day:%Y-%m-%d}"
