"""Reviewers and screeners of a rehearsal at their pages, over HTTP, all of them at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random

from django.db import connections

from applications import review
from applications.models import Application, Assignment, AssignmentState, GateOutcome
from applications.states import State
from portal.models import User
from portal.rehearsal import processes
from portal.rehearsal.visitors import Form, Traffic, UnexpectedPage, Visitor
from portal.rehearsal.world import Clock, World

NEXT = "/admin/applications/application/next/"
REVIEW = re.compile(r"/admin/applications/application/(\d+)/review/$")
PASSWORD = "only-known-in-this-rehearsal-47"
AT_ONCE = 4  # more wait in the two web processes only
SHARE_RECUSED = 0.01
SHARE_GATE_FAILED = 0.03
SHARE_CLEAR_DECLINE = 0.25


@dataclass
class Work:
    """What one person did."""

    done: int = 0
    recused: int = 0
    refused: list[str] = field(default_factory=list)


def gates_and_reviews(world: World, clock: Clock) -> None:
    """Screeners answer every gate, then the reviewers go through their queues until nothing is to do."""
    with ExitStack() as stack:
        port = stack.enter_context(processes.website(world, clock))
        _gates(world, port)
        _reviews(world, port)


def _gates(world: World, port: int) -> None:
    waiting = list(
        Application.objects.filter(cycle=world.cycle, state=State.IN_REVIEW)
        .select_related("program")
        .order_by("pk")
    )
    gated = [application for application in waiting if review.gates_for(application)]
    traffic = Traffic()
    with world.stage("gates", "answers") as stage, world.bar("gates", len(gated), "application") as bar:
        visitor = _signed_in(world.screener, port, traffic)
        for application in gated:
            page = visitor.get(f"/admin/applications/application/{application.pk}/review/")
            dice = world.dice_for("gate", application.source_id)
            for form in [form for form in page.forms if "gate" in form.controls]:
                failed = dice.random() < SHARE_GATE_FAILED
                outcome = GateOutcome.FAILED if failed else GateOutcome.PASSED
                page = visitor.post(page, form, {"outcome": outcome, "note": "Seen in the rehearsal."})
                stage.count += 1
            bar.update()
        stage.facts = dict(traffic.facts())


def _reviews(world: World, port: int) -> None:
    to_do = Assignment.objects.filter(application__cycle=world.cycle, state=AssignmentState.TO_DO)
    sources = dict(Application.objects.filter(cycle=world.cycle).values_list("pk", "source_id"))
    traffic = Traffic()
    with world.stage("reviews", "reviews") as stage, world.bar("reviews", to_do.count(), "review") as bar:

        def work_through(reviewer: User) -> Work:
            try:
                return _queue(world, _signed_in(reviewer, port, traffic), reviewer, sources, bar.update)
            finally:
                connections.close_all()

        recused = 0
        while (
            people := User.objects.filter(pk__in=to_do.order_by().values("reviewer_id")).order_by("pk")
        ).exists():
            with ThreadPoolExecutor(AT_ONCE) as pool:
                done = list(pool.map(work_through, people))
            stage.count += sum(work.done for work in done)
            recused += sum(work.recused for work in done)
            if problems := [text for work in done for text in work.refused]:
                raise UnexpectedPage(f"{len(problems)} reviews were refused, first: {problems[0]}")
            if not any(work.done or work.recused for work in done):
                raise UnexpectedPage(f"{to_do.count()} assignments are left that no queue shows")
        stage.facts = {"recused": recused, **traffic.facts()}


def _queue(world: World, visitor: Visitor, reviewer: User, sources: dict[int, str | None], progress) -> Work:  # type: ignore[no-untyped-def]
    """From one application to the next until the queue is empty."""
    work = Work()
    page = visitor.get(NEXT)
    while (found := REVIEW.search(page.path)) and len(work.refused) < 3:
        source = sources[int(found[1])]
        dice = world.dice_for("review", source, reviewer.email)
        if dice.random() < SHARE_RECUSED and (form := page.form(action="/recuse/")):
            after = visitor.post(page, form, {"kind": "collaborator", "reason": "We wrote a paper together."})
            work.recused += 1
        else:
            form = page.form(mark="data-rubric")
            if form is None:
                raise UnexpectedPage(f"no rubric at {page.path}")
            after = visitor.post(page, form, _entered(world, form, source, dice))
            if "errornote" in after.text and after.path == page.path:
                work.refused.append(f"{page.path}: {after.said}")
            elif after.path != page.path:
                work.done += 1
        progress()
        page = after
    return work


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


def _signed_in(person: User, port: int, traffic: Traffic) -> Visitor:
    visitor = Visitor(port, traffic)
    visitor.sign_in(email=person.email, password=PASSWORD)
    return visitor
