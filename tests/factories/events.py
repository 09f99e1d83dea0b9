"""Signed events of a provider, as they arrive at /provider/events/."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from itertools import count
from typing import Any

from django.test import Client

EVENT_KEY = "whsec_" + base64.b64encode(b"the provider signs its events with this").decode()
NEXT_EVENT_KEY = "whsec_" + base64.b64encode(b"and with this one after the rotation ").decode()
DOOR = "/provider/events/"

_numbers = count(1)


def body_of(type: str, happened_at: datetime, **data: Any) -> bytes:
    return json.dumps({"type": type, "timestamp": happened_at.isoformat(), "data": data}).encode()


def signature(body: bytes, event_id: str, stamp: object, *, key: str = EVENT_KEY) -> str:
    secret = base64.b64decode(key.removeprefix("whsec_") + "==")
    digest = hmac.new(secret, f"{event_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers_of(body: bytes, at: datetime, *, event_id: str = "", key: str = EVENT_KEY) -> dict[str, str]:
    event_id, stamp = event_id or f"evt_{next(_numbers)}", int(at.timestamp())
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(body, event_id, stamp, key=key),
    }


def call(body: bytes, headers: dict[str, str], **more: Any) -> Any:
    """POST to the door as a machine does: no session, no cookie, CSRF checks on."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    options = {"content_type": "application/json", **more}
    return client.post(DOOR, body, headers=headers, **options)


def tell(
    type: str, at: datetime, *, happened_at: datetime | None = None, event_id: str = "", **data: Any
) -> Any:
    """One signed event to the door; needs PROVIDER_EVENT_KEYS and the clock at `at`."""
    body = body_of(type, happened_at or at, **data)
    return call(body, headers_of(body, at, event_id=event_id))
