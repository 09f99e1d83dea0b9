"""Reviewers and screeners of a rehearsal at their pages, over HTTP, all of them at once."""

import math
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from django.db import connections

from applications.models import Application, Assignment, AssignmentState, GateOutcome
from portal.models import User
from portal.rehearsal import deciding
from portal.rehearsal.visitors import PASSWORD, Form, Page, Traffic, UnexpectedPage, Visitor
from portal.rehearsal.world import World

HOME = "/admin/"
REVIEW = re.compile(r"/admin/applications/application/(\d+)/review/$")
ROW = re.compile(r"/admin/applications/application/(\d+)/(?:review|change)/")
MORE = re.compile(r"[?&]p=\d+")
AT_ONCE = 4  # more wait in the two web processes only
SHARE_RECUSED = 0.01
SHARE_GATE_FAILED = 0.03
SHARE_CLEAR_DECLINE = 0.25
MOST_ATTEMPTS = 8  # to sign in
WAIT_SECONDS = 10
ROUNDS = 3  # what one screener may not see, another one finds in the list


@dataclass
class Work:
    """What one person did."""

    done: int = 0
    recused: int = 0
    refused: list[str] = field(default_factory=list)


def signed_in(world: World, person: User, port: int, traffic: Traffic) -> Visitor:
    """A visitor with the session of this person, opened once; many people from one address have to wait for a while."""
    visitor = world.sessions.get(person.pk)
    if visitor is not None:
        visitor.traffic = traffic
        return visitor
    visitor = Visitor(port, traffic)
    for attempt in range(MOST_ATTEMPTS):
        try:
            visitor.sign_in(email=person.email, password=PASSWORD)
        except UnexpectedPage as error:
            if not str(error).endswith(": 429") or attempt == MOST_ATTEMPTS - 1:
                raise
            time.sleep(WAIT_SECONDS)
        else:
            break
    world.sessions[person.pk] = visitor
    return visitor


# --- Gates ------------------------------------------------------------------------------------------------------------


def answer_gates(world: World, port: int) -> None:
    """The screeners share the list of open gates that their desk leads to."""
    traffic = Traffic()
    sources = _sources(world)
    with world.stage("gates", "answers") as stage, world.bar("gates", 0, "application") as bar:
        visitors = [signed_in(world, screener, port, traffic) for screener in world.screeners]
        for turn in range(ROUNDS):
            with ThreadPoolExecutor(AT_ONCE) as pool:
                work = [
                    pool.submit(_screen, world, visitor, (place + turn) % len(visitors), sources, bar.update)
                    for place, visitor in enumerate(visitors)
                ]
            answered = sum(one.result() for one in work)
            stage.count += answered
            if not answered or world.options.each:
                break
        world.keep_traffic(stage, traffic)
        if world.options.each:
            stage.facts["at_pages"] = stage.count
            deciding.answer_gates(world, stage)


def _screen(
    world: World, visitor: Visitor, share: int, sources: dict[int, str | None], progress: Callable[[], object]
) -> int:
    """Answer every gate of the rows of the list that fall to this screener."""
    done = 0
    start = visitor.get(HOME).link("gate=open")
    for address in _rows(visitor, start) if start else ():
        pk = int(ROW.search(address)[1])  # type: ignore[index]
        if done >= world.options.each > 0:
            break
        if pk % len(world.screeners) != share:
            continue
        page = visitor.get(address)
        keys = [form.controls["gate"].values[0] for form in page.forms if "gate" in form.controls]
        dice = world.dice_for("gate", sources[pk])
        for key in keys:
            form = next(form for form in page.forms if key in form.controls.get("gate", _NOTHING).values)
            outcome = GateOutcome.FAILED if dice.random() < SHARE_GATE_FAILED else GateOutcome.PASSED
            page = visitor.post(page, form, {"outcome": outcome, "note": "Seen in the rehearsal."})
            if "gate is answered" not in page.text:
                raise UnexpectedPage(f"{page.path}: {page.said}")
            done += 1
        progress()
    return done


@dataclass(frozen=True)
class _Nothing:
    values: tuple[str, ...] = ()


_NOTHING = _Nothing()


def _rows(visitor: Visitor, start: str) -> Iterable[str]:
    """The rows of a list, over all its pages, drawn before any of them is opened."""
    page = visitor.get(start)
    found = page.linked(ROW)
    seen, more = {start}, [start.partition("?")[0] + _query(link) for link in page.linked(MORE)]
    while more:
        address = more.pop(0)
        if address in seen:
            continue
        seen.add(address)
        page = visitor.get(address)
        found += page.linked(ROW)
        more += [start.partition("?")[0] + _query(link) for link in page.linked(MORE)]
    return dict.fromkeys(found)


def _query(address: str) -> str:
    return "?" + address.partition("?")[2]


@dataclass(frozen=True)
class _Desks:
    """Who is at work at once, and where."""

    people: list[User]
    port: int
    traffic: Traffic
    progress: Callable[[], object]
    leave: int = 0


# --- Reviews ----------------------------------------------------------------------------------------------------------


def review_all(world: World, port: int) -> None:
    """The reviewers go through their queues until nothing is to do but the one application that all leave for later."""
    to_do = Assignment.objects.filter(application__cycle=world.cycle, state=AssignmentState.TO_DO)
    to_do = to_do.exclude(application_id=world.held)
    traffic = Traffic()
    with world.stage("reviews", "reviews") as stage, world.bar("reviews", to_do.count(), "review") as bar:
        recused = 0
        while people := list(
            User.objects.filter(pk__in=to_do.order_by().values("reviewer_id")).order_by("pk")
        ):
            done = _at_work(world, _Desks(people, port, traffic, bar.update, leave=world.held))
            stage.count += sum(work.done for work in done)
            recused += sum(work.recused for work in done)
            if not any(work.done or work.recused for work in done):
                raise UnexpectedPage(f"{to_do.count()} assignments are left that no queue shows")
            if world.options.each:
                break
        world.keep_traffic(stage, traffic)
        stage.facts["recused"] = recused
        if world.options.each:
            stage.facts["at_pages"] = stage.count
            deciding.review_rest(world, stage, to_do)


def look_at_the_rest(world: World, port: int, traffic: Traffic) -> int:
    """Whoever left something for later opens the desk again and does it; how many reviews came in."""
    left = Assignment.objects.filter(application__cycle=world.cycle, state=AssignmentState.TO_DO)
    done = 0
    while people := list(User.objects.filter(pk__in=left.order_by().values("reviewer_id")).order_by("pk")):
        work = _at_work(world, _Desks(people, port, traffic, lambda: None))
        done += sum(one.done for one in work)
        if not any(one.done or one.recused for one in work):
            raise UnexpectedPage(f"{left.count()} assignments are left that no queue shows")
    return done


@dataclass
class _Desk:
    """One reviewer at work. leave: the application they skip; sources: application id -> where its chance comes from."""

    world: World
    visitor: Visitor
    reviewer: User
    sources: dict[int, str | None]
    leave: int
    work: Work = field(default_factory=Work)


def _at_work(world: World, desks: _Desks) -> list[Work]:
    sources = _sources(world)

    def work_through(reviewer: User) -> Work:
        try:
            visitor = signed_in(world, reviewer, desks.port, desks.traffic)
            return _queue(_Desk(world, visitor, reviewer, sources, desks.leave), desks.progress)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(work_through, desks.people))
    if problems := [text for work in done for text in work.refused]:
        raise UnexpectedPage(f"{len(problems)} reviews were refused, first: {problems[0]}")
    return done


def _queue(desk: _Desk, progress: Callable[[], object]) -> Work:
    """From the desk to the first application, and from one to the next until the queue is empty."""
    visitor, skipped = desk.visitor, False
    home = visitor.get(HOME)
    first = next(iter(home.linked(REVIEW)), None)
    page = visitor.get(first) if first else home
    each = desk.world.options.each or math.inf
    while (found := REVIEW.search(page.path)) and len(desk.work.refused) < 3 and desk.work.done < each:
        if int(found[1]) != desk.leave:
            page = _handle(desk, page, desk.sources[int(found[1])])
            progress()
            continue
        skip = page.link("/next/?after=")
        if skipped or skip is None:
            break
        skipped, page = True, visitor.get(skip)
    return desk.work


def _handle(desk: _Desk, page: Page, source: str | None) -> Page:
    """Score one application, or step back from it; what comes next."""
    visitor, work = desk.visitor, desk.work
    dice = desk.world.dice_for("review", source, desk.reviewer.email)
    if dice.random() < SHARE_RECUSED and (form := page.form(action="/recuse/")):
        work.recused += 1
        return visitor.post(page, form, {"kind": "collaborator", "reason": "We wrote a paper together."})
    form = page.form(mark="data-rubric")
    if form is None:
        raise UnexpectedPage(f"no rubric at {page.path}")
    after = visitor.post(page, form, _entered(desk.world, form, source, dice))
    if "errornote" in after.text and after.path == page.path:
        work.refused.append(f"{page.path}: {after.said}")
    elif after.path != page.path:
        work.done += 1
    return after


def _entered(world: World, form: Form, source: str | None, dice: Random) -> dict[str, str | None]:
    """Scores around a quality that belongs to the application, each reviewer a little off."""
    quality = world.dice_for("quality", source).gauss(0.5, 0.2)
    entered: dict[str, str | None] = {}
    hopeless = quality < 0.3 and dice.random() < SHARE_CLEAR_DECLINE
    for name, control in form.controls.items():
        scale = [int(value) for value in control.values if value.isdecimal()]
        if name.startswith("score-") and scale:
            entered[name] = str(
                min(max(scale), max(min(scale), round(dice.gauss(quality, 0.12) * max(scale))))
            )
    if "confidence" in form.controls:
        entered["confidence"] = dice.choice([value for value in form.controls["confidence"].values if value])
    if "note" in form.controls:
        entered["note"] = "Written by the rehearsal."
    if hopeless and "clear_decline" in form.controls:
        entered["clear_decline"] = form.controls["clear_decline"].values[0]
    return entered


def _sources(world: World) -> dict[int, str | None]:
    return dict(Application.objects.filter(cycle=world.cycle).values_list("pk", "source_id"))
