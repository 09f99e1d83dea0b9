"""Papers: addresses in one spelling, refused twice, and titles asked by DOI from one address alone."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import IntegrityError, transaction

from applications import paper_titles, papers
from applications.models import Paper, PaperLink, TitleSource
from applications.papers import Typed
from portal.models import User
from programs.models import Program
from tests.factories.applications import BEFORE, make_program, make_user

pytestmark = pytest.mark.django_db

HOSTILE = "10.5281/../../admin?x=http://127.0.0.1/#f"


class Resolver(BaseHTTPRequestHandler):
    """Answers by the last part of the DOI, and writes down what it was asked."""

    asked: list[str] = []
    headers_seen: list[dict[str, str]] = []

    def do_GET(self) -> None:
        Resolver.asked.append(self.path)
        Resolver.headers_seen.append(dict(self.headers))
        what = self.path.rpartition("%2F")[2]
        body = {
            "plain": json.dumps({"title": "  Soil\nat night "}),
            "works": json.dumps({"message": {"title": ["Soil in works"]}}),
            "huge": json.dumps({"title": "x" * 600_000}),
            "odd": "[[[",
            "list": json.dumps({"title": [17]}),
            "nul": json.dumps({"title": "a\u0000b"}),
        }.get(what, "")
        moved = what == "moved"
        self.send_response(302 if moved else 200 if body else 404)
        if moved:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/works%2Fplain")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def resolver(settings: object) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Resolver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Resolver.asked, Resolver.headers_seen = [], []
    settings.DOI_RESOLVER_URL = f"http://127.0.0.1:{server.server_address[1]}/works"  # type: ignore[attr-defined]
    yield settings.DOI_RESOLVER_URL  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.fixture
def program() -> Program:
    return make_program()


def add(program: Program, links: str, title: str = "T", *, by: User | None = None, **more: object) -> Paper:
    return papers.add(
        typed=Typed(links=links, title=title, **more), program=program, by=by or make_user(), at=BEFORE
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://doi.org/10.5281/ZENODO.9", ["10.5281/zenodo.9"]),
        ("doi: 10.5281/zenodo.9;", ["10.5281/zenodo.9"]),
        ("10.5281/zenodo.9\nhttps://DOI.org/10.5281/Zenodo.9", ["10.5281/zenodo.9"]),
        ("https://example.org/A?b=c", ["https://example.org/A?b=c"]),
    ],
)
def test_addresses_are_kept_in_one_spelling(program: Program, typed: str, kept: list[str]) -> None:
    assert [row.link for row in add(program, typed).links.all()] == kept


@pytest.mark.parametrize(
    ("links", "title", "field"),
    [
        ("", "T", "links"),
        ("javascript:alert(1)", "T", "links"),
        ("\n".join(f"https://example.org/{n}" for n in range(6)), "T", "links"),
        ("10.5281/zenodo.9", "", "title"),
        ("10.5281/zenodo.9", "a\x00b", "title"),
        ("10.5281/zenodo.9", "x" * 301, "title"),
    ],
)
def test_what_is_refused_names_its_field(program: Program, links: str, title: str, field: str) -> None:
    with pytest.raises(papers.CannotKeepPaper) as error:
        add(program, links, title)

    assert list(error.value.problems) == [field]
    assert not Paper.objects.exists()


def test_one_person_lists_an_address_once_and_the_database_says_so_too(program: Program) -> None:
    person = make_user()
    first = add(program, "10.5281/zenodo.9\nhttps://example.org/p", by=person)

    with pytest.raises(papers.CannotKeepPaper, match="not on your list yet"):
        add(program, "https://example.org/p", by=person)
    add(program, "https://example.org/p")  # somebody else's list
    papers.change(
        paper_id=first.pk, typed=Typed(links="https://example.org/p", title="New"), by=person, at=BEFORE
    )
    row = PaperLink.objects.get(paper=first)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    with pytest.raises(Paper.DoesNotExist):
        papers.remove(paper_id=first.pk, by=make_user(), at=BEFORE)


def test_nothing_is_asked_without_the_setting(program: Program) -> None:
    paper = add(program, "10.5281/plain")
    Paper.objects.update(title="", title_source=TitleSource.WANTED, title_next_at=BEFORE)

    assert paper_titles.fetch_due(at=BEFORE) == 0
    paper.refresh_from_db()
    assert (paper.title, paper.title_tries) == ("", 0)


@pytest.mark.parametrize(
    ("doi", "title"),
    [("10.5281/plain", "Soil at night"), ("10.5281/works", "Soil in works")]
    + [(f"10.5281/{what}", "") for what in ("huge", "odd", "list", "nul", "moved", "gone")],
)
def test_a_title_comes_from_the_one_address_or_not_at_all(
    program: Program, resolver: str, doi: str, title: str
) -> None:
    paper = add(program, doi, "")

    came = paper_titles.fetch_due(at=BEFORE)

    paper.refresh_from_db()
    assert (came, paper.title, paper.title_tries) == (int(bool(title)), title, 1)
    assert Resolver.asked == ["/works/" + doi.replace("/", "%2F")]  # one call, no redirect followed
    assert not any("cookie" in name.lower() or "referer" in name.lower() for name in Resolver.headers_seen[0])
    if not title:
        assert paper_titles.fetch_due(at=BEFORE + timedelta(minutes=59)) == 0
        assert len(Resolver.asked) == 1
        for hours in (2, 10, 30, 80, 200):
            paper_titles.fetch_due(at=BEFORE + timedelta(hours=hours))
        assert len(Resolver.asked) == paper_titles.TRIES


def test_a_hostile_doi_stays_below_the_address_and_web_addresses_are_never_opened(
    program: Program, resolver: str
) -> None:
    paper = add(program, "10.5281/plain", "")
    PaperLink.objects.filter(paper=paper).update(link=HOSTILE)
    paper_titles.fetch_due(at=BEFORE)
    assert len(Resolver.asked) == 1
    assert Resolver.asked[0].startswith("/works/10.5281%2F..%2F..%2Fadmin%3Fx%3Dhttp")

    with pytest.raises(papers.CannotKeepPaper):
        add(program, resolver + "/x", "")
    typed = add(program, resolver + "/x", "Typed")
    assert (typed.title_next_at, paper_titles.fetch_due(at=BEFORE), len(Resolver.asked)) == (None, 0, 1)
