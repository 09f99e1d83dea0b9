"""Signed calls to a provider over HTTP.

POST {url}/v1/grants gives, GET {url}/v1/grants/{key} looks up, POST {url}/v1/grants/{key}/reverse takes back. Every
call is signed in Standard Webhooks form, HMAC-SHA256 over id.timestamp.body, with the key of the grant as the id; with
two signing keys it carries two signatures, so that a key can be changed while both ends run.

The address comes from the settings alone. Redirects are not followed and proxies of the environment are not used, so
that an answer can never send an order elsewhere.
"""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from standardwebhooks.webhooks import Webhook

from credits.providers.base import Answer, CannotList, Found, Listed, Order, Outcome, Standing

LARGEST_ANSWER_BYTES = 64 * 1024
CONNECT_SECONDS = 3
LISTED_AT_ONCE = 100  # grants on one page of the list
LIST_TRIES = 4
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Of the 4xx answers these say nothing about the order: our key or address is wrong, or it should come later.
NOT_ABOUT_THE_ORDER = {401, 403, 404, 405, 407, 408, 421, 425, 426, 429, 431}


class HttpProvider:
    """The "http" adapter. Raises ValueError for an address or keys that cannot work."""

    automatic = True

    def __init__(
        self, *, url: str, signing_keys: Sequence[str], timeout_seconds: float, allow_plain_http: bool = False
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("the address must be a plain http or https URL")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK and not allow_plain_http:
            raise ValueError("outside this machine the address must be https")
        if not signing_keys:
            raise ValueError("at least one signing key is needed")
        self._url = url.rstrip("/")
        self._signers = [Webhook(key) for key in signing_keys]
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = False

    def grant(self, order: Order) -> Answer:
        """Give the credit of an order. GRANTED, REFUSED, CONFLICT or UNKNOWN."""
        return self._post("/v1/grants", order)

    def reverse(self, order: Order) -> Answer:
        """Take the unused credit of an order back. GRANTED means that the provider did so."""
        return self._post(f"/v1/grants/{quote(order.key, safe='')}/reverse", order)

    def lookup(self, order: Order) -> Answer:
        """Ask for an order by its key. Only the provider's own "not_found" counts as ABSENT, never any 404."""
        status, body = self._call("GET", f"/v1/grants/{quote(order.key, safe='')}", order.key, "")
        if status == 200:
            return _compare(order, body)
        if status == 404 and _error_code(body) == "not_found":
            return Answer(Outcome.ABSENT)
        return Answer(Outcome.UNKNOWN, _describe(status, body))

    def find_organization(self, external_id: str) -> Found:
        """Ask how an organization stands: GET {url}/v1/organizations/{id}. Without a clear answer, NOT_ASKED."""
        path = f"/v1/organizations/{quote(external_id, safe='')}"
        status, body = self._call("GET", path, f"organization:{external_id}", "")
        if status == 404 and _error_code(body) == "not_found":
            return Found(Standing.UNKNOWN)
        if status != 200 or not isinstance(body, dict) or body.get("id") != external_id:
            return Found(Standing.NOT_ASKED)
        country = body.get("country")
        known = isinstance(country, str) and len(country) == 2 and country.isascii() and country.isalpha()
        suspended = body.get("status") == "suspended"
        return Found(
            Standing.SUSPENDED if suspended else Standing.ACTIVE, str(country).upper() if known else ""
        )

    def list_grants(self) -> Iterator[Listed]:
        """Every grant that stands there. GET {url}/v1/grants?limit=&after= answers {"grants": [...], "next": key or null}."""
        after: str | None = ""
        while after is not None:
            body = self._page(after)
            rows = body.get("grants")
            if not isinstance(rows, list):
                raise CannotList("The provider's list has another form.")
            for row in rows:
                yield _listed(row)
            following = body.get("next")
            if following is not None and (not isinstance(following, str) or following == after or not rows):
                raise CannotList("The provider's list does not go on.")
            after = following

    def _page(self, after: str) -> dict[str, Any]:
        """One page; reading may be repeated freely."""
        path = f"/v1/grants?limit={LISTED_AT_ONCE}&after={quote(after, safe='')}"
        problem = ""
        for attempt in range(LIST_TRIES):
            if attempt:
                time.sleep(0.1 * 2**attempt)
            status, body = self._call("GET", path, f"list:{after}", "")
            if status == 200 and isinstance(body, dict):
                return body
            problem = _describe(status, body)
        raise CannotList(f"The provider's list did not come whole: {problem}.")

    def _post(self, path: str, order: Order) -> Answer:
        body = json.dumps(content(order), sort_keys=True, separators=(",", ":"))
        status, answer = self._call("POST", path, order.key, body)
        if status in (200, 201):
            return _compare(order, answer)
        if status == 409:
            return Answer(Outcome.CONFLICT, _describe(status, answer))
        if status is not None and 400 <= status < 500 and status not in NOT_ABOUT_THE_ORDER:
            return Answer(Outcome.REFUSED, _describe(status, answer))
        return Answer(Outcome.UNKNOWN, _describe(status, answer))

    def _call(self, method: str, path: str, key: str, body: str) -> tuple[int | None, object]:
        """One signed call; (None, reason) when no complete answer came back."""
        # The receiver compares the signature's time with its own clock, so this is the wire's time, not portal.clock.
        sent_at = datetime.fromtimestamp(int(time.time()), UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": " ".join(signer.sign(key, sent_at, body) for signer in self._signers),
        }
        try:
            with self._session.request(
                method,
                self._url + path,
                data=body.encode() or None,
                headers=headers,
                timeout=(min(CONNECT_SECONDS, self._timeout_seconds), self._timeout_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                raw = response.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
                status = response.status_code
        except (requests.RequestException, OSError, ValueError) as error:
            return None, type(error).__name__
        except Exception as error:  # noqa: BLE001 - urllib3 raises its own kinds while the body is read
            return None, type(error).__name__
        if len(raw) > LARGEST_ANSWER_BYTES:
            return None, "the answer is too long"
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, None


def content(order: Order) -> dict[str, Any]:
    """The order as it stands in the body of a call."""
    body: dict[str, Any] = {
        "key": order.key,
        "reference": order.reference,
        "program": order.program,
        "organization": order.organization,
        "amount_cents": order.amount_cents,
        "currency": order.currency,
        "models": list(order.models),
        "term_months": order.term_months,
    }
    if order.latest_end_on is not None:
        body["latest_end_on"] = order.latest_end_on.isoformat()
    return body


def _compare(order: Order, body: object) -> Answer:
    """GRANTED only when the provider repeats key, organization, amount and currency of our order."""
    if not isinstance(body, dict):
        return Answer(Outcome.UNKNOWN, "the answer is not a JSON object")
    ours = content(order)
    differing = [
        name for name in ("key", "organization", "amount_cents", "currency") if body.get(name) != ours[name]
    ]
    if differing:
        return Answer(Outcome.CONFLICT, f"the provider has another {', '.join(differing)}")
    return Answer(Outcome.GRANTED)


def _listed(row: object) -> Listed:
    if not isinstance(row, dict):
        raise CannotList("The provider's list has another form.")
    key, organization, cents, currency = (
        row.get(name) for name in ("key", "organization", "amount_cents", "currency")
    )
    if not (isinstance(key, str) and isinstance(organization, str) and isinstance(currency, str)):
        raise CannotList("A grant in the provider's list lacks its key, organization or currency.")
    if type(cents) is not int or not key:
        raise CannotList("A grant in the provider's list has no amount in whole cents.")
    return Listed(key[:200], organization[:80], cents, currency[:8])


def _error_code(body: object) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code", ""))[:60] if isinstance(error, dict) else ""


def _describe(status: int | None, body: object) -> str:
    """One printable line about an answer."""
    if status is None:
        return f"no answer: {body}"
    error = body.get("error") if isinstance(body, dict) else None
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    parts = [str(status), _error_code(body), "".join(c for c in message if c.isprintable())[:160]]
    return " ".join(part for part in parts if part)
