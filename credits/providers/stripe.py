"""Credit grants of Stripe Billing by plain HTTP: one promotional credit grant for a customer (cus_…) per order.

Contract, as published: POST /v1/billing/credit_grants, form-encoded, with an Idempotency-Key that Stripe keeps for at
least a day, the answer of a 500 included; GET …?customer= lists page by page; POST …/{id}/void and …/{id}/expire take
credit back. Our key stands in the metadata as well, so an order is found again after the day, before anything is
repeated (credits.delivery looks up first).

The address and the secret key come from the settings alone; redirects and the environment's proxies are not followed.
No package is needed beyond the HTTP client of the other adapter.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests

from credits.providers.base import Answer, CannotList, Found, Listed, Order, Outcome, Standing
from credits.providers.http import CONNECT_SECONDS, LIST_TRIES, LOOPBACK

VERSION = "2025-08-27.basil"
LARGEST_ANSWER_BYTES = 512 * 1024
PAGE = 100
MOST_PAGES_OF_A_CUSTOMER = 20
KEY = "research_credits_key"  # the name of our key in the metadata
LATER = {408, 409, 425, 429}
OUR_SIDE = {401, 403, 405}  # our secret key or its rights, nothing about the order
WHOLE_UNITS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
"""Currencies whose smallest unit is the whole one there, and a hundredth here."""


class StripeProvider:
    """The "stripe" adapter. Raises ValueError for an address or a secret key that cannot work."""

    automatic = True

    def __init__(
        self, *, url: str, secret_key: str, timeout_seconds: float, allow_plain_http: bool = False
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("the address must be a plain http or https URL")
        if parts.scheme == "http" and not (allow_plain_http and parts.hostname in LOOPBACK):
            raise ValueError("outside this machine the address must be https")
        if (
            not secret_key.startswith(("sk_", "rk_"))
            or not secret_key.isascii()
            or not secret_key.isprintable()
        ):
            raise ValueError("the secret key starts with sk_ or rk_")
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"authorization": f"Bearer {secret_key}", "stripe-version": VERSION})

    def grant(self, order: Order) -> Answer:
        """Give the credit of an order. GRANTED, REFUSED, CONFLICT or UNKNOWN."""
        if order.currency in WHOLE_UNITS:
            return Answer(Outcome.REFUSED, f"{order.currency} has no hundredths at Stripe")
        status, body = self._call("POST", "/v1/billing/credit_grants", content(order), key=order.key)
        return _compare(order, body) if status == 200 else _refusal(status, body)

    def lookup(self, order: Order) -> Answer:
        """Look for our key among the customer's credit grants."""
        try:
            found = self._find(order)
        except _NoAnswer as error:
            return Answer(Outcome.UNKNOWN, str(error))
        if found is None:
            return Answer(Outcome.ABSENT)
        if found.get("voided_at"):
            return Answer(Outcome.CONFLICT, f"credit grant {_id(found)} was voided there")
        return _compare(order, found)

    def reverse(self, order: Order) -> Answer:
        """Void a grant that was never used; of a used one the rest expires. GRANTED means that one of both happened."""
        try:
            found = self._find(order)
        except _NoAnswer as error:
            return Answer(Outcome.UNKNOWN, str(error))
        if found is None:
            return Answer(Outcome.ABSENT)
        if found.get("voided_at"):
            return Answer(Outcome.GRANTED)
        status, body = self._end(order, found, "void")
        if status == 400 and _error(body).get("type") == "invalid_request_error":
            status, body = self._end(order, found, "expire")
        return Answer(Outcome.GRANTED) if status == 200 else _refusal(status, body)

    def find_organization(self, external_id: str) -> Found:
        """What Stripe says of a customer."""
        status, body = self._call("GET", f"/v1/customers/{quote(external_id, safe='')}")
        missing = status in (400, 404) and _error(body).get("code") == "resource_missing"
        if missing or (status == 200 and body.get("deleted")):
            return Found(Standing.UNKNOWN)
        if status != 200 or body.get("id") != external_id:
            return Found(Standing.NOT_ASKED)
        address = body.get("address")
        country = address.get("country") if isinstance(address, dict) else None
        known = isinstance(country, str) and len(country) == 2 and country.isascii() and country.isalpha()
        return Found(Standing.ACTIVE, str(country).upper() if known else "")

    def list_grants(self) -> Iterator[Listed]:
        """Every credit grant that carries a key of ours and was not voided; others in the same account are not ours."""
        try:
            for row in self._rows({}, most_pages=None):
                key = _metadata(row).get(KEY)
                if key and not row.get("voided_at"):
                    amount = _amount(row)
                    yield Listed(str(key)[:200], _customer(row)[:80], amount[0], amount[1][:8])
        except _NoAnswer as error:
            raise CannotList(f"Stripe's list did not come whole: {error}.") from None

    def _find(self, order: Order) -> dict[str, Any] | None:
        rows = self._rows({"customer": order.organization}, most_pages=MOST_PAGES_OF_A_CUSTOMER)
        return next((row for row in rows if _metadata(row).get(KEY) == order.key), None)

    def _rows(self, wanted: dict[str, str], *, most_pages: int | None) -> Iterator[dict[str, Any]]:
        """The credit grants, newest first. Raises _NoAnswer when a page does not come."""
        after, pages = "", 0
        while True:
            body = self._page(wanted | {"limit": str(PAGE)} | ({"starting_after": after} if after else {}))
            rows = body.get("data")
            if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("id") for row in rows):
                raise _NoAnswer("the list has another form")
            yield from rows
            pages += 1
            if not body.get("has_more"):
                return
            if not rows or rows[-1]["id"] == after or pages == most_pages:
                raise _NoAnswer("the list does not end")
            after = str(rows[-1]["id"])

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        problem = ""
        for attempt in range(LIST_TRIES):
            if attempt:
                time.sleep(0.1 * 2**attempt)
            status, body = self._call("GET", f"/v1/billing/credit_grants?{urlencode(query)}")
            if status == 200:
                return body
            error = _error(body)
            if error.get("code") == "resource_missing" and error.get("param") == "customer":
                return {"data": []}  # there is no such customer, so it has no grant
            problem = _describe(status, body)
            if status is not None and 400 <= status < 500 and status not in LATER:
                break
        raise _NoAnswer(problem)

    def _end(self, order: Order, found: dict[str, Any], how: str) -> tuple[int | None, dict[str, Any]]:
        path = f"/v1/billing/credit_grants/{quote(str(found['id']), safe='')}/{how}"
        return self._call("POST", path, {}, key=f"{order.key}:{how}")

    def _call(
        self, method: str, path: str, form: dict[str, str] | None = None, *, key: str = ""
    ) -> tuple[int | None, dict[str, Any]]:
        """One call; (None, {"reason": …}) when no complete answer came back, {} for a body that is no JSON object."""
        try:
            with self._session.request(
                method,
                self._url + path,
                data=form,
                headers={"idempotency-key": key} if key else None,
                timeout=(min(CONNECT_SECONDS, self._timeout_seconds), self._timeout_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                raw = response.raw.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
                status = response.status_code
        except Exception as error:  # noqa: BLE001 - urllib3 raises its own kinds while the body is read
            return None, {"reason": type(error).__name__}
        if len(raw) > LARGEST_ANSWER_BYTES:
            return None, {"reason": "the answer is too long"}
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        return status, body if isinstance(body, dict) else {}


class _NoAnswer(Exception):
    """No clear answer came; the text says why."""


def content(order: Order) -> dict[str, str]:
    """The order as a form. The same order gives the same form on any day, as its idempotency key demands."""
    form = {
        "customer": order.organization,
        "name": f"Research credits {order.reference}"[:100],
        "category": "promotional",
        "amount[type]": "monetary",
        "amount[monetary][currency]": order.currency.lower(),
        "amount[monetary][value]": str(order.amount_cents),
        "applicability_config[scope][price_type]": "metered",
        f"metadata[{KEY}]": order.key,
        "metadata[reference]": order.reference[:500],
        "metadata[program]": order.program[:500],
    }
    if order.models:
        form["metadata[models]"] = " ".join(order.models)[:500]
    if order.expires_on is not None:  # to the end of that day in UTC
        end = datetime.combine(order.expires_on + timedelta(days=1), time_of_day(), UTC)
        form["expires_at"] = str(int(end.timestamp()))
    return form


def _compare(order: Order, row: dict[str, Any]) -> Answer:
    """GRANTED only when Stripe repeats our key, customer, amount and currency."""
    cents, currency = _amount(row)
    theirs = {
        "key": _metadata(row).get(KEY),
        "customer": _customer(row),
        "amount": cents,
        "currency": currency,
    }
    ours = {
        "key": order.key,
        "customer": order.organization,
        "amount": order.amount_cents,
        "currency": order.currency,
    }
    if not row.get("id"):
        return Answer(Outcome.UNKNOWN, "the answer is no credit grant")
    differing = [name for name in ours if theirs[name] != ours[name]]
    if differing:
        return Answer(Outcome.CONFLICT, f"credit grant {_id(row)} has another {', '.join(differing)}")
    return Answer(Outcome.GRANTED, _id(row))


def _refusal(status: int | None, body: dict[str, Any]) -> Answer:
    """What an answer that is no 200 means for the order."""
    detail = _describe(status, body)
    error = _error(body)
    if error.get("type") == "idempotency_error" and error.get("code") != "idempotency_key_in_use":
        return Answer(Outcome.CONFLICT, detail)
    if status is None or status >= 500 or status in LATER or status in OUR_SIDE or status < 400:
        return Answer(Outcome.UNKNOWN, detail)
    if error.get("type") in ("invalid_request_error", "card_error"):
        return Answer(Outcome.REFUSED, detail)
    return Answer(Outcome.UNKNOWN, detail)  # a 4xx without Stripe's own words comes from something in between


def _error(body: dict[str, Any]) -> dict[str, Any]:
    error = body.get("error")
    return error if isinstance(error, dict) else {}


def _metadata(row: dict[str, Any]) -> dict[str, Any]:
    metadata = row.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _customer(row: dict[str, Any]) -> str:
    customer = row.get("customer")
    return str(customer.get("id", "")) if isinstance(customer, dict) else str(customer or "")


def _amount(row: dict[str, Any]) -> tuple[int, str]:
    """Whole cents and the currency in capitals; (-1, "") for what is no monetary amount."""
    amount = row.get("amount")
    monetary = amount.get("monetary") if isinstance(amount, dict) else None
    value = monetary.get("value") if isinstance(monetary, dict) else None
    if type(value) is not int or not isinstance(monetary, dict):
        return -1, ""
    return value, str(monetary.get("currency", "")).upper()


def _id(row: dict[str, Any]) -> str:
    return "".join(
        character for character in str(row.get("id", "")) if character.isalnum() or character == "_"
    )[:64]


def _describe(status: int | None, body: dict[str, Any]) -> str:
    """One printable line about an answer."""
    if status is None:
        return f"no answer: {body.get('reason', '')}"
    error = _error(body)
    parts = [str(status), str(error.get("type", ""))[:40], str(error.get("code", ""))[:60]]
    parts.append(
        "".join(character for character in str(error.get("message", "")) if character.isprintable())[:140]
    )
    return " ".join(part for part in parts if part)
