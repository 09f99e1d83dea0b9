"""A small server of ours that keeps to the published contract of Stripe's credit grants, with faults to order."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

SECRET = "sk_test_" + "a" * 24
NEEDED = {"amount[type]": "monetary", "applicability_config[scope][price_type]": "metered"}


class StripeServer:
    """Customers, credit grants and idempotency keys in memory. `plan` holds what the next POSTs suffer."""

    def __init__(self) -> None:
        self.customers: dict[str, dict[str, Any]] = {}
        self.grants: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.plan: list[str] = []
        self.calls: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.page = 100
        self.used: set[str] = set()
        self._numbers, self._lock = count(1), threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                owner._handle(self, "GET", {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                assert (self.headers.get("content-type") or "").startswith(
                    "application/x-www-form-urlencoded"
                ) or not body
                owner._handle(self, "POST", dict(parse_qsl(body.decode(), keep_blank_values=True)))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def customer(self, name: str, **fields: Any) -> str:
        self.customers[name] = {"id": name, "object": "customer", **fields}
        return name

    def _handle(self, call: Any, method: str, form: dict[str, str]) -> None:
        path = urlsplit(call.path)
        self.calls.append((method, call.path, form, dict(call.headers.items())))
        if call.headers.get("authorization") != f"Bearer {SECRET}":
            return self._say(call, 401, _error("invalid_request_error", "", "Invalid API Key provided."))
        with self._lock:
            if method == "GET":
                status, body = self._get(unquote(path.path), parse_qs(path.query))
                return self._say(call, status, body)
            fault = self.plan.pop(0) if self.plan else "ok"
            if fault == "429":
                return self._say(
                    call, 429, _error("invalid_request_error", "rate_limit", "Too many requests.")
                )
            if fault == "in use":
                words = _error(
                    "idempotency_error", "idempotency_key_in_use", "Another request holds this key."
                )
                return self._say(call, 409, words)
            if fault == "proxy":
                return self._say(call, 400, {"message": "bad gateway of ours"})
            status, body = self._once(call, unquote(path.path), form, fault)
        if fault == "cut":
            call.close_connection = True
            with suppress(OSError):
                call.connection.close()
            return None
        return self._say(call, status, body)

    def _once(self, call: Any, path: str, form: dict[str, str], fault: str) -> tuple[int, dict[str, Any]]:
        """Every answer is kept by its idempotency key, that of a failure inside too."""
        key = call.headers.get("idempotency-key", "")
        asked = json.dumps([path, form], sort_keys=True)
        if key in self.answers:
            first, status, body = self.answers[key]
            if first != asked:
                return 400, _error(
                    "idempotency_error", "", "Keys for idempotent requests are for the same parameters."
                )
            return status, body
        status, body = (500, _error("api_error", "", "Sorry.")) if fault == "500" else self._post(path, form)
        if status != 400:
            self.answers[key] = (asked, status, body)
        return (500, _error("api_error", "", "Sorry.")) if fault == "500 after" else (status, body)

    def _post(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if path == "/v1/billing/credit_grants":
            return self._create(form)
        *_, name, how = path.split("/")
        found = next((grant for grant in self.grants if grant["id"] == name), None)
        if found is None or how not in ("void", "expire"):
            return 404, _error("invalid_request_error", "resource_missing", "No such credit grant.", "id")
        if how == "void" and name in self.used:
            return 400, _error("invalid_request_error", "", "It was used and cannot be voided.")
        found["voided_at" if how == "void" else "expires_at"] = 1_800_000_000
        return 200, found

    def _create(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        for name, value in NEEDED.items():
            if form.get(name) != value:
                return 400, _error("invalid_request_error", "parameter_missing", f"Missing {name}.", name)
        if form["customer"] not in self.customers:
            return 400, _error("invalid_request_error", "resource_missing", "No such customer.", "customer")
        if form.get("amount[monetary][currency]") == "eur":
            return 402, _error("card_error", "", "This account takes no euros.")
        made = {
            "id": f"credgr_{next(self._numbers)}",
            "object": "billing.credit_grant",
            "customer": form["customer"],
            "category": form["category"],
            "amount": {
                "type": "monetary",
                "monetary": {
                    "currency": form["amount[monetary][currency]"],
                    "value": int(form["amount[monetary][value]"]),
                },
            },
            "expires_at": int(form["expires_at"]) if "expires_at" in form else None,
            "metadata": {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")},
            "voided_at": None,
        }
        self.grants.append(made)
        return 200, made

    def _get(self, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        if path.startswith("/v1/customers/"):
            found = self.customers.get(path.rpartition("/")[2])
            missing = _error("invalid_request_error", "resource_missing", "No such customer.", "id")
            return (200, found) if found else (404, missing)
        wanted = query.get("customer", [""])[0]
        if wanted and wanted not in self.customers:
            return 400, _error("invalid_request_error", "resource_missing", "No such customer.", "customer")
        rows = [grant for grant in reversed(self.grants) if not wanted or grant["customer"] == wanted]
        if "starting_after" in query:
            rows = rows[[row["id"] for row in rows].index(query["starting_after"][0]) + 1 :]
        size = min(self.page, int(query["limit"][0]))
        return 200, {"object": "list", "data": rows[:size], "has_more": len(rows) > size, "url": path}

    def _say(self, call: Any, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        with suppress(OSError):
            call.send_response(status)
            call.send_header("content-type", "application/json")
            call.send_header("content-length", str(len(data)))
            call.end_headers()
            call.wfile.write(data)


def _error(kind: str, code: str, message: str, param: str = "") -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": message, "param": param}}
