"""A stand-in for a provider: a real HTTP server with signed calls, a memory that survives kill -9, and faults to order.

python -m credits.providers.fake --port 9100 --state grants.jsonl [--plan faults.json | --fault-rate 0.3 --seed 1]

With --events-url it also tells the portal things: POST /v1/emit {"type": ..., "data": {...}} sends one signed event there
and answers what came back. Events are signed with --event-key or PROVIDER_EVENT_KEYS.

It runs on the standard library alone and checks signatures with its own code, so that a mistake in ours cannot hide in
a shared one. Signing keys come from --key or PROVIDER_SIGNING_KEYS. The plan is a JSON list of what happens to the
calls that give a grant, one after the other; afterwards all is well. It is read again when the file changes.
"""

import argparse
import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote
from urllib.request import Request, urlopen

WINDOW_SECONDS = 300
LARGEST_BODY_BYTES = 64 * 1024
FAULTS = (
    "ok",
    "timeout_after_effect",
    "timeout_before_effect",
    "error_500",
    "error_500_after_effect",
    "reset",
    "reset_after_effect",
    "slow",
    "duplicate",
    "refuse",
)
NEEDED = {"key": str, "reference": str, "organization": str, "amount_cents": int, "currency": str}


class Book:
    """What was granted, in memory and in an append-only file of JSON lines. One lock around every change."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, dict[str, Any]] = {}
        self._reversed: set[str] = set()
        self._organizations = path.with_suffix(".organizations.json")
        self.replays = 0
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        # A line cut by a kill was never answered, so it did not happen.
        complete = known[: known.rfind("\n") + 1]
        if complete != known:
            path.write_text(complete, encoding="utf-8")
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the server lives
        for line in complete.splitlines():
            self._apply(json.loads(line))

    def _apply(self, fact: dict[str, Any]) -> None:
        if fact["fact"] == "grant":
            self._grants[fact["order"]["key"]] = fact["order"]
        else:
            self._reversed.add(fact["key"])

    def _write(self, fact: dict[str, Any]) -> None:
        self._file.write(json.dumps(fact) + "\n")
        self._file.flush()
        self._apply(fact)

    def grant(self, order: dict[str, Any]) -> int:
        """201 for a new grant, 200 for a repeat, 409 for the same key with other content."""
        with self._lock:
            known = self._grants.get(order["key"])
            if known is not None:
                self.replays += 1
                return 200 if known == order else 409
            self._write({"fact": "grant", "order": order})
            return 201

    def reverse(self, key: str) -> bool:
        with self._lock:
            if key in self._grants and key not in self._reversed:
                self._write({"fact": "reverse", "key": key})
            return key in self._grants

    def get(self, key: str) -> dict[str, Any] | None:
        return self._grants.get(key)

    def page(self, after: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Up to `limit` grants that stand, in the order of their keys behind `after`, and where to go on."""
        with self._lock:
            keys = sorted(key for key in self._grants if key > after and key not in self._reversed)
            rows = [self._grants[key] for key in keys[:limit]]
            return rows, keys[limit - 1] if len(keys) > limit else None

    def organization(self, external_id: str) -> dict[str, Any] | None:
        """How an organization stands. The file beside the state says otherwise of some: {"ID": {"status": "suspended",
        "country": "FR"}}, or null for an ID that nobody has; every other ID is active.
        """
        said: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            said = json.loads(self._organizations.read_text(encoding="utf-8"))
        facts = said.get(external_id, {})
        return None if facts is None else {"id": external_id, "status": "active", **facts}

    def totals(self) -> dict[str, Any]:
        """Count and sum of grants that stand, per organization too; duplicates are references granted more than once."""
        with self._lock:
            standing = [order for key, order in self._grants.items() if key not in self._reversed]
            organizations: dict[str, dict[str, int]] = {}
            for order in standing:
                total = organizations.setdefault(order["organization"], {"count": 0, "sum_cents": 0})
                total["count"] += 1
                total["sum_cents"] += order["amount_cents"]
            return {
                "count": len(standing),
                "sum_cents": sum(order["amount_cents"] for order in standing),
                "duplicates": len(standing) - len({order["reference"] for order in standing}),
                "replays": self.replays,
                "reversed": len(self._reversed),
                "organizations": organizations,
            }


class Faults:
    """Which call goes wrong, and how: from a plan file, or by chance with a seed."""

    def __init__(self, plan: Path | None, rate: float, seed: int) -> None:
        self._lock = threading.Lock()
        self._plan, self._rate, self._random = plan, rate, random.Random(seed)
        self._read_at = 0
        self._queue: list[str] = []

    def next(self, *, lookup: bool) -> str:
        with self._lock:
            if self._plan and not lookup:
                return self._planned(self._plan)
            if self._random.random() >= self._rate:
                return "ok"
            if lookup:
                return self._random.choice(["error_500", "reset", "slow", "timeout_before_effect"])
            # A refusal is an answer and not a fault, so chance never refuses.
            return self._random.choice([fault for fault in FAULTS if fault not in ("ok", "refuse")])

    def _planned(self, plan: Path) -> str:
        with contextlib.suppress(OSError):
            changed_at = plan.stat().st_mtime_ns
            if changed_at != self._read_at:
                self._read_at, self._queue = changed_at, json.loads(plan.read_text(encoding="utf-8"))
        behaviour = self._queue.pop(0) if self._queue else "ok"
        return behaviour if behaviour in FAULTS else "ok"


def verified(keys: list[bytes], headers: Any, body: bytes, now_seconds: float) -> str:
    """Empty when one signature is right and fresh, else the reason of the refusal."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or len(stamp) > 12 or abs(now_seconds - int(stamp)) > WINDOW_SECONDS:
        return "timestamp outside five minutes"
    signed = message_id.encode() + b"." + stamp.encode() + b"." + body
    wanted = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    for signature in headers.get("webhook-signature", "").split(" "):
        version, _, encoded = signature.partition(",")
        try:
            given = base64.b64decode(encoded, validate=True) if version == "v1" else b""
        except (binascii.Error, ValueError):
            continue
        if any(hmac.compare_digest(given, digest) for digest in wanted):
            return ""
    return "no matching signature"


class Events:
    """Signed events to a portal, in Standard Webhooks form."""

    def __init__(self, url: str, keys: list[bytes]) -> None:
        self._url, self._keys = url, keys

    def send(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Send one event; returns its id, and the status and body that came back (status 0 without an answer).

        wish: type and data; id, timestamp (when it happened) and signed_at (seconds since 1970) where they matter.
        """
        now = time.time()
        happened = wish.get("timestamp") or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        event_id, stamp = str(wish.get("id") or f"evt_{uuid.uuid4().hex}"), int(wish.get("signed_at") or now)
        body = json.dumps(
            {"type": wish["type"], "timestamp": happened, "data": wish.get("data") or {}}
        ).encode()
        signed = f"{event_id}.{stamp}.".encode() + body
        signatures = [hmac.new(key, signed, hashlib.sha256).digest() for key in self._keys]
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": " ".join("v1," + base64.b64encode(each).decode() for each in signatures),
        }
        call = Request(self._url, data=body, headers=headers, method="POST")  # noqa: S310 - from the command line
        try:
            with urlopen(call, timeout=10) as answer:  # noqa: S310 - as above
                return {"id": event_id, "status": answer.status, "body": answer.read(4096).decode()}
        except HTTPError as error:
            return {"id": event_id, "status": error.code, "body": error.read(4096).decode(errors="replace")}
        except OSError as error:
            return {"id": event_id, "status": 0, "body": type(error).__name__}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        *,
        book: Book,
        faults: Faults,
        keys: list[bytes],
        hang: float,
        slow: float,
        events: Events | None = None,
    ) -> None:
        super().__init__(address, Handler)
        self.events = events
        self.book, self.faults, self.keys, self.hang_seconds, self.slow_seconds = (
            book,
            faults,
            keys,
            hang,
            slow,
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is daily business here; anything else is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Dropped(OSError):
    """The connection was cut on purpose."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: totals tell what happened."""

    def do_GET(self) -> None:
        if self.path == "/livez":
            return self._answer(200, {"alive": True})
        if self.path == "/v1/totals":
            return self._answer(200, self.server.book.totals())
        if self.path.partition("?")[0] == "/v1/grants":
            return self._list()
        if self.path.startswith("/v1/organizations/"):
            return self._organization()
        if not self.path.startswith("/v1/grants/"):
            return self._error(404, "no_such_page", "There is nothing here.")
        if problem := verified(self.server.keys, self.headers, b"", time.time()):
            return self._error(401, "signature", problem)
        if (fault := self.server.faults.next(lookup=True)) != "ok":
            self._misbehave(fault)
        key = unquote(self.path.removeprefix("/v1/grants/"))
        order = self.server.book.get(key)
        if order is None:
            return self._error(404, "not_found", "No grant has this key.")
        return self._answer(200, order)

    def _organization(self) -> None:
        if problem := verified(self.server.keys, self.headers, b"", time.time()):
            return self._error(401, "signature", problem)
        found = self.server.book.organization(unquote(self.path.removeprefix("/v1/organizations/")))
        if found is None:
            return self._error(404, "not_found", "No organization has this ID.")
        return self._answer(200, found)

    def _list(self) -> None:
        if problem := verified(self.server.keys, self.headers, b"", time.time()):
            return self._error(401, "signature", problem)
        if (fault := self.server.faults.next(lookup=True)) != "ok":
            self._misbehave(fault)
        asked = parse_qs(self.path.partition("?")[2])
        limit = asked.get("limit", ["100"])[0]
        if not limit.isdigit() or not 0 < int(limit) <= 1000:
            return self._error(400, "malformed", "limit is a number from 1 to 1000.")
        rows, following = self.server.book.page(asked.get("after", [""])[0], int(limit))
        return self._answer(200, {"grants": rows, "next": following})

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY_BYTES:
            self.close_connection = True
            return self._error(413, "too_large", "The body is too large or has no length.")
        body = self.rfile.read(int(length))
        if problem := verified(self.server.keys, self.headers, body, time.time()):
            return self._error(401, "signature", problem)
        try:
            order = json.loads(body)
        except ValueError:
            return self._error(400, "malformed", "The body is not JSON.")
        if self.path == "/v1/emit":
            return self._emit(order)
        if problem := malformed(order):
            return self._error(400, "malformed", problem)
        if self.headers.get("webhook-id") != order["key"]:
            return self._error(400, "malformed", "The message id is not the key of the grant.")
        if unquote(self.path) == f"/v1/grants/{order['key']}/reverse":
            known = self.server.book.reverse(order["key"])
            return (
                self._answer(200, order) if known else self._error(404, "not_found", "No grant has this key.")
            )
        if self.path != "/v1/grants":
            return self._error(404, "no_such_page", "There is nothing here.")
        return self._grant(order)

    def _emit(self, wish: object) -> None:
        if self.server.events is None:
            return self._error(404, "no_such_page", "Start with --events-url and an event key.")
        if not isinstance(wish, dict) or not isinstance(wish.get("type"), str):
            return self._error(400, "malformed", "type is missing.")
        return self._answer(200, self.server.events.send(wish))

    def _grant(self, order: dict[str, Any]) -> None:
        fault = self.server.faults.next(lookup=False)
        if fault == "refuse":
            return self._error(422, "organization_refused", "This organization cannot receive credit.")
        if fault in ("error_500", "reset", "timeout_before_effect"):
            self._misbehave(fault)
        status = self.server.book.grant(order)
        if fault == "duplicate":  # the network delivered the call twice
            status = max(status, self.server.book.grant(order))
            status = 200 if status == 201 else status
        if fault not in ("ok", "duplicate"):
            self._misbehave(fault)
        if status == 409:
            return self._error(409, "key_reused", "This key was granted with other content.")
        return self._answer(status, order)

    def _misbehave(self, fault: str) -> None:
        """Slow comes back and goes on; every other fault ends the call here."""
        if fault == "slow":
            time.sleep(self.server.slow_seconds)
            return
        if fault.startswith("error_500"):
            self._error(500, "fault", "Something went wrong here.")
            self.close_connection = True
            raise Dropped
        if fault.startswith("timeout"):
            self._hang()
        # An abortive close: the client sees a reset and not an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Dropped

    def _hang(self) -> None:
        """Say nothing until the client gives up, or for the longest time."""
        self.connection.settimeout(self.server.hang_seconds)
        with contextlib.suppress(OSError):
            self.connection.recv(1)

    def _error(self, status: int, code: str, message: str) -> None:
        self._answer(status, {"error": {"code": code, "message": message}})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def malformed(order: object) -> str:
    """Empty when the order has everything that is needed, in the right form."""
    if not isinstance(order, dict):
        return "The body is not a JSON object."
    for name, kind in NEEDED.items():
        if type(order.get(name)) is not kind or order[name] == "":
            return f"{name} is missing or has the wrong form."
    if order["amount_cents"] <= 0:
        return "amount_cents must be above zero."
    return ""


def decoded(key: str) -> bytes:
    """The bytes of a whsec_ signing key."""
    return base64.b64decode(key.removeprefix("whsec_") + "==")


def from_environment(name: str) -> list[str]:
    return [key.strip() for key in os.environ.get(name, "").split(",") if key.strip()]


def main() -> NoReturn:
    parser = argparse.ArgumentParser(description="A provider to rehearse with.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free port and prints it")
    parser.add_argument("--state", type=Path, required=True, help="file that remembers what was granted")
    parser.add_argument("--plan", type=Path, help="JSON list of behaviours: " + ", ".join(FAULTS))
    parser.add_argument(
        "--fault-rate", type=float, default=0.0, help="share of calls that go wrong by chance"
    )
    parser.add_argument("--seed", type=int, default=0, help="makes the chance repeatable")
    parser.add_argument(
        "--key", action="append", default=[], help="signing key, whsec_...; may be given twice"
    )
    parser.add_argument("--events-url", default="", help="where signed events go: .../provider/events/")
    parser.add_argument(
        "--event-key", action="append", default=[], help="signs events, whsec_...; may be given twice"
    )
    parser.add_argument("--hang-seconds", type=float, default=30.0, help="how long a timeout lasts at most")
    parser.add_argument("--slow-seconds", type=float, default=0.2, help="how long a slow answer takes")
    options = parser.parse_args()
    keys = options.key or from_environment("PROVIDER_SIGNING_KEYS")
    event_keys = options.event_key or from_environment("PROVIDER_EVENT_KEYS")
    events = Events(options.events_url, [decoded(key) for key in event_keys])
    if not keys:
        parser.error("give --key or set PROVIDER_SIGNING_KEYS")
    options.state.parent.mkdir(parents=True, exist_ok=True)
    server = Server(
        (options.host, options.port),
        book=Book(options.state),
        faults=Faults(options.plan, options.fault_rate, options.seed),
        keys=[decoded(key) for key in keys],
        hang=options.hang_seconds,
        slow=options.slow_seconds,
        events=events if options.events_url and event_keys else None,
    )
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(f"http://{options.host}:{server.server_address[1]}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.1)
    sys.exit(0)


if __name__ == "__main__":
    main()
