"""Papers that came of awards: add, change, take out, and those that arrive through a request form.

A paper has one title and every address it is known by: DOIs in one spelling, web addresses as they stand. The server
opens none of them; a title is fetched by its DOI only from the address in the settings (paper_titles).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import idutils
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from applications.models import (
    AGREED,
    Application,
    Decision,
    DecisionState,
    Paper,
    PaperLink,
    Request,
    TitleSource,
)
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import values
from programs.models import Program
from programs.request_models import RequestKind
from programs.texts import UnstorableText, clean_text

MOST_LINKS = 5  # of one paper
MOST_PAPERS = 200  # of one person
LONGEST_TITLE = 300


class CannotKeepPaper(Refused):
    """The paper is not on the list. `problems`: field -> what to do about it."""

    def __init__(self, text: str, problems: Mapping[str, str] | None = None) -> None:
        self.problems = dict(problems or {})
        super().__init__(text)


@dataclass(frozen=True)
class Typed:
    """What somebody typed about a paper. links: one to a line; awards: ids of applications."""

    links: str
    title: str = ""
    may_highlight: bool = False
    sensitive: bool = False
    awards: Collection[int] = ()


def of(person: User) -> list[Paper]:
    """The papers of one person, the newest first, with links and awards. Three queries."""
    rows = Paper.objects.filter(holder=person).select_related("program").prefetch_related("links", "awards")
    return list(rows.order_by("-added_at", "-pk"))


def awards_of(person: User) -> list[Application]:
    """The awards that a paper of this person can belong to, the newest first; updates of an award are the award."""
    agreed = Decision.objects.filter(kind__in=AGREED, state=DecisionState.RELEASED).values("application_id")
    held = Application.objects.owned_by(person).filter(
        pk__in=agreed, state=State.AWARDED, amends__isnull=True
    )
    return list(held.select_related("program").order_by("-submitted_at", "-pk"))


def fetches_titles() -> bool:
    """Whether this installation can ask for a title by its DOI."""
    return bool(settings.DOI_RESOLVER_URL)


@transaction.atomic
def add(*, typed: Typed, program: Program, by: User, at: datetime, asked: Request | None = None) -> Paper:
    """Put a paper on the list of a person. Raises CannotKeepPaper with everything that is wrong.

    Without a title it needs a DOI, and an installation that asks for titles.
    """
    if Paper.objects.filter(holder=by).count() >= MOST_PAPERS:
        raise CannotKeepPaper(_("Your list is full. Write to us."))
    paper = Paper(holder=by, program=program, request=asked, added_at=at)
    links = _fill(paper, typed, by, at)
    paper.save(force_insert=True)
    _keep_links(paper, links)
    paper.awards.set(_own_awards(typed.awards, by))
    audit.record(action="paper.add", subject=paper, by=by, at=at, sensitive=paper.sensitive)
    return paper


@transaction.atomic
def change(*, paper_id: int, typed: Typed, by: User, at: datetime) -> Paper:
    """Change anything about a paper, its permission and its awards too. Raises CannotKeepPaper."""
    paper = _locked(paper_id, by)
    links = _fill(paper, typed, by, at)
    paper.save()
    paper.links.all().delete()
    _keep_links(paper, links)
    paper.awards.set(_own_awards(typed.awards, by))
    audit.record(
        action="paper.change",
        subject=paper,
        by=by,
        at=at,
        sensitive=paper.sensitive,
        may_highlight=paper.may_highlight,
    )
    return paper


@transaction.atomic
def remove(*, paper_id: int, by: User, at: datetime) -> None:
    """Take a paper off the list; that it was there stays in the trail."""
    paper = _locked(paper_id, by)
    audit.record(action="paper.remove", subject=paper, by=by, at=at)
    paper.delete()


@transaction.atomic
def take_over(*, asked: Request, by: User, at: datetime) -> list[Paper]:
    """Put what came through a form for papers on the sender's list; what is there already only gets the award.

    The form may be one for anybody, so a paper need not belong to an award. Requests of other kinds give nothing.
    """
    if asked.form.kind != RequestKind.PAPER or not asked.links:
        return []
    award = asked.application
    if award is not None and award.amends is not None:
        award = award.amends
    known = list(
        Paper.objects.filter(holder=by, links__sha256__in=[_digest(link) for link in asked.links]).distinct()
    )
    for paper in known:
        if award is not None:
            paper.awards.add(award)
        if asked.sensitive and not paper.sensitive:
            paper.sensitive, paper.changed_at = True, at
            paper.save(update_fields=["sensitive", "changed_at"])
    if known or Paper.objects.filter(holder=by).count() >= MOST_PAPERS:
        return known
    typed = Typed(
        links="\n".join(asked.links[:MOST_LINKS]),
        title=asked.title,
        may_highlight=bool(asked.may_highlight),
        sensitive=asked.sensitive,
        awards=[award.pk] if award is not None else [],
    )
    return [add(typed=typed, program=asked.form.program, by=by, at=at, asked=asked)]


def normalised(text: str) -> list[str]:
    """Addresses typed one to a line, each once and in one spelling. Raises values.BadAnswer."""
    question = {"key": "links", "type": "doi_list", "label": "", "max": MOST_LINKS}
    return values.cleaned(question, text) or []


def is_doi(link: str) -> bool:
    """Whether a normalised address is a DOI."""
    return not link.startswith(("http://", "https://")) and bool(idutils.is_doi(link))


def address(link: str) -> str:
    """Where a browser goes for it."""
    return f"https://doi.org/{link}" if is_doi(link) else link


def _fill(paper: Paper, typed: Typed, by: User, at: datetime) -> list[str]:
    """Judge what was typed and put it into an unsaved paper; returns its addresses. Raises CannotKeepPaper."""
    wrong: dict[str, str] = {}
    links: list[str] = []
    title = ""
    try:
        links = normalised(typed.links)
    except values.BadAnswer as error:
        wrong["links"] = str(error)
    if not links and "links" not in wrong:
        wrong["links"] = _("Name its DOI or a web address.")
    try:
        title = clean_text(typed.title, one_line=True)
    except UnstorableText as error:
        wrong["title"] = str(error)
    if len(title) > LONGEST_TITLE:
        wrong["title"] = _("The title has more than %(most)s characters.") % {"most": LONGEST_TITLE}
    to_fetch = fetches_titles() and any(is_doi(link) for link in links)
    if not title and not to_fetch and "title" not in wrong and "links" not in wrong:
        wrong["title"] = _("Write the title.")
    if twice := _listed(links, by, paper):
        wrong["links"] = twice
    if wrong:
        raise CannotKeepPaper(_("The paper is not on your list yet."), wrong)
    if title != paper.title or not title:
        paper.title = title
        paper.title_source = TitleSource.TYPED if title else TitleSource.WANTED
    paper.title_tries, paper.title_next_at = 0, None if paper.title else at
    paper.may_highlight, paper.sensitive, paper.changed_at = typed.may_highlight, typed.sensitive, at
    return links


def _listed(links: Sequence[str], by: User, paper: Paper) -> str:
    """What to say about an address that stands at another paper of this person."""
    rows = PaperLink.objects.filter(holder=by, sha256__in=[_digest(link) for link in links])
    there = rows.exclude(paper=paper.pk).select_related("paper").first()
    if there is None:
        return ""
    return _("%(link)s is on your list already: “%(title)s”. Open that paper to change it or its awards.") % {
        "link": there.link[:120],
        "title": there.paper.title or there.link[:120],
    }


def _keep_links(paper: Paper, links: Iterable[str]) -> None:
    rows = [
        PaperLink(
            paper=paper,
            holder_id=paper.holder_id,
            position=position,
            link=link,
            sha256=_digest(link),
            is_doi=is_doi(link),
        )
        for position, link in enumerate(links)
    ]
    try:
        with transaction.atomic():
            PaperLink.objects.bulk_create(rows)
    except IntegrityError:  # the same paper in another window, at this moment
        words = _("This paper is on your list already.")
        raise CannotKeepPaper(words, {"links": words}) from None


def _own_awards(ids: Collection[int], by: User) -> list[Application]:
    wanted = set(ids)
    return [award for award in awards_of(by) if award.pk in wanted]


def _locked(paper_id: int, by: User) -> Paper:
    return Paper.objects.select_for_update(of=("self",)).get(pk=paper_id, holder=by)


def _digest(link: str) -> str:
    return sha256(link.encode()).hexdigest()
