"""People of a rehearsal at the real pages: a session of their own, the forms as they stand on the page, what they enter.

Knows HTML forms and nothing of the portal's views, so a page that changed is met as a person meets it.
"""

import http.client
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

MOST_REDIRECTS = 5
PATIENCE_SECONDS = 300  # a bulk decision over hundreds of rows, on a busy machine
PASSWORD = "only-known-in-this-rehearsal-47"
QUERIES_HEADER = "X-Rehearsal-Queries"
_NAMES = re.compile(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=/)")


class UnexpectedPage(Exception):
    """A page answered in a way in which the visitor cannot go on; the text says where and what stood there."""


@dataclass
class Control:
    """One input, select or textarea. `values`: what may be chosen; `entered`: what is."""

    name: str
    kind: str
    values: list[str] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)


@dataclass
class Form:
    """One form of a page with its controls by name, as a browser would send them."""

    action: str
    marks: frozenset[str]  # names of its attributes, such as data-rubric
    controls: dict[str, Control] = field(default_factory=dict)

    def filled(self, changes: Mapping[str, str | None]) -> list[tuple[str, str]]:
        """What is sent: what stood there, with changes; None takes a control out."""
        sent = []
        for control in self.controls.values():
            if control.kind == "submit" and control.name not in changes:
                continue
            if control.name in changes:
                new = changes[control.name]
                sent += [] if new is None else [(control.name, new)]
            else:
                sent += [(control.name, value) for value in control.entered]
        return sent + [
            (name, value)
            for name, value in changes.items()
            if value is not None and name not in self.controls
        ]


class _Reader(HTMLParser):
    """Forms and links of a page. Nested parts of a disabled fieldset are left out, as browsers do."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.by_id: dict[str, Form] = {}
        self._form: Form | None = None
        self._select: Control | None = None
        self._text: Control | None = None
        self._fieldsets: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        match tag:
            case "a" if found.get("href"):
                self.links.append(found["href"])
            case "form":
                self._form = Form(found.get("action", ""), frozenset(found))
                self.forms.append(self._form)
                if "id" in found:
                    self.by_id[found["id"]] = self._form
            case "fieldset":
                self._fieldsets.append("disabled" in found)
            case "input" | "button" | "select" | "textarea":
                self._control(tag, found)
            case "option" if self._select is not None:
                self._select.values.append(found.get("value", ""))
                if "selected" in found:
                    self._select.entered = [found.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._form = None
            case "fieldset" if self._fieldsets:
                self._fieldsets.pop()
            case "select" if self._select is not None:
                if not self._select.entered and self._select.values:
                    self._select.entered = self._select.values[:1]
                self._select = None
            case "textarea":
                self._text = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.entered[0] += data

    def _control(self, tag: str, found: Mapping[str, str]) -> None:
        form = self.by_id.get(found["form"]) if "form" in found else self._form
        name = found.get("name", "")
        if form is None or not name or "disabled" in found or any(self._fieldsets):
            return
        kind = {"select": "select", "textarea": "textarea", "button": "submit"}.get(
            tag, found.get("type", "text").lower()
        )
        control = form.controls.setdefault(name, Control(name, kind))
        if kind == "select":
            self._select = control
        elif kind == "textarea":
            control.entered, self._text = [""], control
        else:
            value = found.get("value", "on" if kind == "checkbox" else "")
            control.values.append(value)
            if kind not in ("radio", "checkbox") or "checked" in found:
                control.entered.append(value)


def forms_of(text: str) -> list[Form]:
    """The forms of a page in their order."""
    reader = _Reader()
    reader.feed(text)
    return reader.forms


@dataclass
class Page:
    """What came back in the end, after all redirects."""

    path: str
    text: str
    forms: list[Form]
    links: list[str] = field(default_factory=list)

    def link(self, part: str) -> str | None:
        """The address behind the first link that has `part` in it, as it is asked for from this page."""
        return next((urljoin(self.path, link) for link in self.links if part in link), None)

    def linked(self, pattern: re.Pattern[str]) -> list[str]:
        """The addresses behind all links that match, each once, in their order."""
        return list(dict.fromkeys(urljoin(self.path, link) for link in self.links if pattern.search(link)))

    def fact(self, name: str) -> str:
        """What stands beside a name in a list of facts, as plain words; nothing where the name is missing."""
        found = re.search(rf"<dt>{re.escape(name)}</dt>\s*<dd[^>]*>(.*?)</dd>", self.text, re.DOTALL)
        return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split()) if found else ""

    def form(self, *, mark: str = "", action: str = "") -> Form | None:
        """The first form with that attribute, or whose address ends so."""
        for form in self.forms:
            if (mark and mark in form.marks) or (action and urlsplit(form.action).path.endswith(action)):
                return form
        return None

    @property
    def said(self) -> str:
        """What the page tells about a refusal: its notes and messages, as plain words."""
        notes = re.findall(
            r'<(?:div|ul|p)[^>]*class="[^"]*(?:errornote|messagelist|errorlist)[^"]*"[^>]*>(.*?)</(?:div|ul|p)>',
            self.text,
            re.DOTALL,
        )
        return " ".join(re.sub(r"<[^>]*>", " ", " ".join(notes)).split())[:500]


@dataclass
class Kind:
    """The requests to one kind of page: how long each took, and the most queries that one needed."""

    milliseconds: list[float] = field(default_factory=list)
    most_queries: int = 0


class Traffic:
    """How long the requests of one stage took, by kind of page; many visitors add to it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.milliseconds: list[float] = []
        self.kinds: dict[str, Kind] = {}

    def add(self, milliseconds: float, method: str = "GET", path: str = "", queries: int = 0) -> None:
        with self._lock:
            self.milliseconds.append(milliseconds)
            kind = self.kinds.setdefault(f"{method} {_NAMES.sub('/N', urlsplit(path).path)}", Kind())
            kind.milliseconds.append(milliseconds)
            kind.most_queries = max(kind.most_queries, queries)

    def merge(self, other: "Traffic") -> None:
        """Add what another stage or person met."""
        with self._lock:
            self.milliseconds += other.milliseconds
            for name, kind in other.kinds.items():
                mine = self.kinds.setdefault(name, Kind())
                mine.milliseconds += kind.milliseconds
                mine.most_queries = max(mine.most_queries, kind.most_queries)

    def facts(self) -> dict[str, int]:
        """Requests, and their median and 95th percentile in milliseconds."""
        return timing(self.milliseconds)

    def by_kind(self) -> dict[str, dict[str, int]]:
        """The same for each kind of page, with the most queries that one needed."""
        return {
            name: {**timing(kind.milliseconds), "most_queries": kind.most_queries}
            for name, kind in self.kinds.items()
        }


def timing(milliseconds: list[float]) -> dict[str, int]:
    if not milliseconds:
        return {"requests": 0}
    ordered = sorted(milliseconds)
    return {
        "requests": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2]),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)]),
    }


class Visitor:
    """One person with one session. Not for two threads at once."""

    def __init__(self, port: int, traffic: Traffic) -> None:
        self.port, self.traffic = port, traffic
        self.cookies: dict[str, str] = {}
        self._line: http.client.HTTPConnection | None = None

    def sign_in(self, *, email: str, password: str) -> None:
        """Through the sign-in page. Raises UnexpectedPage when it stays closed."""
        page = self.get("/accounts/login/")
        form = next((form for form in page.forms if "password" in form.controls), None)
        if form is None:
            raise UnexpectedPage(f"no form to sign in at {page.path}")
        after = self.post(page, form, {"login": email, "password": password})
        if "/login/" in after.path:
            raise UnexpectedPage(f"{email} cannot sign in: {after.said}")

    def get(self, path: str) -> Page:
        """A page, behind its redirects."""
        return self._visit("GET", path)

    def post(self, page: Page, form: Form, changes: Mapping[str, str | None]) -> Page:
        """Send a form of a page as it stands there, with changes."""
        return self._visit("POST", urljoin(page.path, form.action or page.path), form.filled(changes))

    def _visit(self, method: str, path: str, sent: Iterable[tuple[str, str]] = ()) -> Page:
        body = urlencode(list(sent)).encode() if method == "POST" else None
        for _ in range(MOST_REDIRECTS):
            begin = time.perf_counter()
            status, where, text, queries = self._ask(method, path, body)
            self.traffic.add((time.perf_counter() - begin) * 1000, method, path, queries)
            if status in (301, 302, 303):
                where = urljoin(path, where)
                method, path, body = "GET", urlsplit(where)._replace(scheme="", netloc="").geturl(), None
                continue
            if status not in (200, 409, 422):
                raise UnexpectedPage(f"{method} {path}: {status}")
            reader = _Reader()
            reader.feed(text)
            return Page(path, text, reader.forms, reader.links)
        raise UnexpectedPage(f"{path} leads in a circle")

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, str, str, int]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        for attempt in (1, 2):
            line = self._line = self._line or http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=PATIENCE_SECONDS
            )
            try:
                line.request(method, path, body=body, headers=headers)
                answer = line.getresponse()
                text = answer.read().decode(errors="replace")
            except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest):
                line.close()  # the server closed an idle line; ask once more on a new one
                self._line = None
                if attempt == 2:
                    raise
                continue
            for header in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = header.partition(";")[0].partition("=")
                self.cookies[name.strip()] = value
            queries = int(answer.getheader(QUERIES_HEADER, "0"))
            return answer.status, answer.getheader("Location", ""), text, queries
        raise AssertionError("unreachable")
