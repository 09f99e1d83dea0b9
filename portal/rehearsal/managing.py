"""Managers of a rehearsal at their boards, over HTTP: the line, decisions in bulk, the second person, the release."""

import re
from collections.abc import Iterator

from applications import release
from applications.models import Application, Decision, DecisionState
from applications.states import State
from portal.rehearsal import deciding, reviewing
from portal.rehearsal.opening import let_in
from portal.rehearsal.visitors import Form, Page, Traffic, UnexpectedPage, Visitor
from portal.rehearsal.world import Clock, World
from portal.samples import answers as samples

NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?")
OPENED = re.compile(r"/admin/applications/application/\d+/change/$")
SHARE_FIRST_LINE = 0.25  # where the manager tries the line first
MOST_MOVES = 14
MOST_TURNS = 200  # looks at one list, so that a page that never changes is told apart from long work
AT_THE_AWARD_PAGE = 12  # grantees who accept at the page; the others by the operation behind it


def _number(text: str) -> float:
    found = NUMBER.search(text)
    if found is None:
        raise UnexpectedPage(f"no number in {text!r}")
    return float(found[0].replace(",", ""))


def _board(visitor: Visitor, part: str) -> Page:
    """A board of the cycle, found from the desk."""
    decide = visitor.get(reviewing.HOME).link("/decide/")
    if decide is None:
        raise UnexpectedPage("the desk leads to no ranking")
    page = visitor.get(decide)
    if part in page.path:
        return page
    address = page.link(part)
    if address is None:
        raise UnexpectedPage(f"the ranking does not lead to {part}")
    return visitor.get(address)


# --- The first manager ------------------------------------------------------------------------------------------------


def decide(world: World, port: int) -> None:
    """The line moves until the pool just holds; then all above it are proposed, all below declined, in bulk."""
    traffic = Traffic()
    visitor = reviewing.signed_in(world, world.managers[0], port, traffic)
    with world.stage("decisions", "decisions") as stage:
        money, place = _line(visitor, _board(visitor, "/money/"))
        stage.facts = {"line": place, "line_moves": money.fact("Awards"), "sum_above": money.fact("Sum")}
        keep = money.form(action="/line/") or money.form(action="/cut/")
        if keep is None:
            raise UnexpectedPage(f"{money.path} does not let the line be kept")
        visitor.post(money, keep, {})
        refused = _bulk(visitor, money, "best", "award") + _bulk(visitor, money, "rest", "decline")
        refused += _rest_of_tab(visitor)
        pending = Decision.objects.filter(application__cycle=world.cycle, state=DecisionState.PENDING)
        stage.count = pending.count()
        stage.sum_cents = sum(filter(None, pending.values_list("amount_cents", flat=True)))
        world.keep_traffic(stage, traffic)
        stage.facts["refused_in_bulk"] = refused


def _line(visitor: Visitor, page: Page) -> tuple[Page, int]:
    """Halve the way to the lowest place at which the pool would be empty; the board there, and the place."""
    form = page.form(mark="data-line")
    if form is None:
        raise UnexpectedPage(f"no line to move at {page.path}")
    most = int(_number(re.search(r'id="cut"[^>]*max="(\d+)"', page.text)[1]))  # type: ignore[index]
    low, high, place = 1, most, max(1, int(most * SHARE_FIRST_LINE))
    best = (page, 1)
    for _ in range(MOST_MOVES):
        page = visitor.get(f"{page.path.partition('?')[0]}?cut={place}")
        if page.fact("Left in the pool").startswith("-") or _number(page.fact("Left in the pool")) < 0:
            high = place - 1
        else:
            best, low = (page, place), place + 1
        if low > high:
            break
        place = (low + high) // 2
    return visitor.get(f"{page.path.partition('?')[0]}?cut={best[1]}"), best[1]


def _bulk(visitor: Visitor, page: Page, reach: str, kind: str) -> int:
    """The bulk decision of one side of the line, confirmed, step by step; how many rows were refused."""
    form = next((f for f in page.forms if reach in _values(f, "reach") and kind in _values(f, "kind")), None)
    if form is None:
        raise UnexpectedPage(f"{page.path} offers no {kind} of {reach}")
    return _confirmed(visitor, visitor.post(page, form, {"kind": kind}))


def _values(form: Form, name: str) -> list[str]:
    control = form.controls.get(name)
    return control.values if control else []


def _confirmed(visitor: Visitor, page: Page) -> int:
    refused = 0
    form = page.form(action="/bulk/")
    if form is None:
        raise UnexpectedPage(f"nothing to confirm at {page.path}: {page.said}")
    while form is not None:
        page = visitor.post(page, form, {})
        said = re.search(r"<h1>([\d,]+) done, ([\d,]+) refused</h1>", page.text)
        if said is None:
            raise UnexpectedPage(f"no report at {page.path}: {page.said}")
        refused += int(said[2].replace(",", ""))
        form = page.form(action="/bulk/")
    return refused


def _rest_of_tab(visitor: Visitor) -> int:
    """Whatever a bulk award was refused for, such as a clear decline of a reviewer, is declined from the list."""
    page = _board(visitor, "/decide/")
    undecided = page.link("tab=undecided")
    if undecided is None:
        raise UnexpectedPage("the ranking has no list of what is undecided")
    page = visitor.get(undecided)
    form = next((f for f in page.forms if "tab" in _values(f, "reach")), None)
    if form is None:  # nothing in the list
        return 0
    return _confirmed(visitor, visitor.post(page, form, {"reach": "tab", "kind": "decline"}))


# --- Coverage ---------------------------------------------------------------------------------------------------------


def refused_for_coverage(world: World, port: int) -> None:
    """The release is refused while one application has no look; it is looked at."""
    traffic = Traffic()
    visitor = reviewing.signed_in(world, world.managers[0], port, traffic)
    held = Application.objects.get(pk=world.held)
    with world.stage("coverage", "reviews") as stage:
        page = _board(visitor, "/release/")
        listed = "obody has looked at" in page.text and str(held.reference) in page.text
        answer = _release(visitor, page)
        refused = "Nothing was released" in answer.said and "nobody has looked at" in answer.said
        still = Application.objects.filter(cycle=world.cycle, state=State.IN_REVIEW).count()
        world.facts["coverage"] = {"listed": listed, "refused": refused, "undecided": still}
        stage.count = reviewing.look_at_the_rest(world, port, traffic)
        world.keep_traffic(stage, traffic)


def _release(visitor: Visitor, page: Page) -> Page:
    form = next((f for f in page.forms if "free" in _values(f, "reach") and "sure" in f.controls), None)
    if form is None:
        raise UnexpectedPage(f"{page.path} offers no release: {page.said}")
    return visitor.post(page, form, {"sure": "yes", "reach": "free"})


# --- The second manager -----------------------------------------------------------------------------------------------


def approve(world: World, port: int) -> None:
    """What else stands in the way is declined by the first manager; what needs a second person is opened and approved."""
    first, second = Traffic(), Traffic()
    with world.stage("approvals", "approvals") as stage:
        declined = _clear_the_way(reviewing.signed_in(world, world.managers[0], port, first))
        deciding.note_refusals(world)
        visitor = reviewing.signed_in(world, world.managers[1], port, second)
        for page in _turns(visitor, _second_list, OPENED):
            opened = visitor.get(page)
            form = next((f for f in opened.forms if "approve" in _values(f, "do")), None)
            if form is None:
                raise UnexpectedPage(f"{page}: nothing to approve: {opened.said}")
            visitor.post(opened, form, {"do": "approve"})
            stage.count += 1
        # Only the first reason against a decision is told: some have another one behind the missing second person. And
        # what the second manager has a conflict with waits for a third, whom this rehearsal does not have.
        declined += _clear_the_way(
            reviewing.signed_in(world, world.managers[0], port, first), nobody_approves=True
        )
        approved = Decision.objects.filter(
            application__cycle=world.cycle, state=DecisionState.PENDING, approved_by=world.managers[1]
        )
        stage.sum_cents = sum(filter(None, approved.values_list("amount_cents", flat=True)))
        first.merge(second)
        world.keep_traffic(stage, first)
        stage.facts["declined_in_the_way"] = declined


def _second_list(visitor: Visitor) -> Page:
    address = _board(visitor, "/decide/").link("tab=second")
    if address is None:
        raise UnexpectedPage("the ranking has no list for the second person")
    return visitor.get(address)


def _turns(visitor: Visitor, look, pattern: re.Pattern[str]) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """The rows of a list that gets shorter as they are handled, until it is empty."""
    before: list[str] = []
    for _ in range(MOST_TURNS):
        rows = look(visitor).linked(pattern)
        if not rows:
            return
        if rows == before:
            raise UnexpectedPage(f"the list does not get shorter: {rows[0]}")
        yield from rows
        before = rows
    raise UnexpectedPage("a list without an end")


def _clear_the_way(visitor: Visitor, *, nobody_approves: bool = False) -> int:
    """Decline from the refusals of the release page whatever no second person helps, or all of it."""
    done = 0
    for _ in range(MOST_TURNS):
        page = _board(visitor, "/release/")
        groups = re.split(r'<h3 class="group-head">', page.text)[1:]
        ids = [
            found
            for group in groups
            if nobody_approves or "second person" not in group.partition("</h3>")[0]
            for found in re.findall(
                r'href="(/admin/applications/application/\d+/change/)"', group.partition("</ul>")[0]
            )
        ]
        if not ids:
            return done
        for address in ids:
            opened = visitor.get(address)
            form = next((f for f in opened.forms if "decline" in _values(f, "do")), None)
            if form is None:
                raise UnexpectedPage(f"{address}: nothing to decline: {opened.said}")
            visitor.post(opened, form, {"do": "decline"})
            done += 1
    raise UnexpectedPage("the refusals do not come to an end")


# --- Release and acceptance -------------------------------------------------------------------------------------------


def release_all(world: World, port: int, clock: Clock) -> None:
    """Confirm the release at its page; the same click again changes nothing."""
    traffic = Traffic()
    visitor = reviewing.signed_in(world, world.managers[0], port, traffic)
    with world.stage("release", "decisions") as stage:
        page = _board(visitor, "/release/")
        done = _release(visitor, page)
        if "done-card" not in done.text:
            raise UnexpectedPage(f"nothing was released: {done.said}")
        again = _release(visitor, page)
        _decide_the_hidden(reviewing.signed_in(world, world.managers[1], port, traffic))
        decided = Decision.objects.filter(application__cycle=world.cycle, state=DecisionState.RELEASED)
        awards = decided.filter(kind="award")
        stage.count = decided.count()
        stage.sum_cents = sum(filter(None, awards.values_list("amount_cents", flat=True)))
        world.keep_traffic(stage, traffic)
        stage.facts |= {"awards": awards.count(), "declines": decided.filter(kind="decline").count()}
    if "done-card" in again.text:
        raise UnexpectedPage("the second click released something")
    once_more = release.release(cycle_id=world.cycle.pk, by=world.managers[0], at=clock.now())
    world.facts["released_again"] = once_more.awards + once_more.declines


def _decide_the_hidden(visitor: Visitor) -> None:
    """What the first manager has a conflict with is on no page of theirs: the second one declines and releases it."""
    _rest_of_tab(visitor)
    page = _board(visitor, "/release/")
    if any("free" in _values(form, "reach") for form in page.forms):
        _release(visitor, page)


def _to_accept(page: Page) -> Form | None:
    """The form that takes the terms and the organization; it is gone once they were taken."""
    asked = ({"terms", "organization_id"} & form.controls.keys() for form in page.forms)
    return next((form for form, there in zip(page.forms, asked, strict=True) if there), None)


def accept_some(world: World, port: int) -> dict[str, int]:
    """The first grantees accept at the page of their award, some with a mistyped organization ID first."""
    traffic = Traffic()
    awarded = Application.objects.filter(cycle=world.cycle, state=State.AWARDED).select_related("applicant")
    wrong = refused = done = 0
    for application in awarded.order_by("pk")[:AT_THE_AWARD_PAGE]:
        let_in(application.applicant)
        visitor = reviewing.signed_in(world, application.applicant, port, traffic)
        mine = visitor.get("/applications/")
        address = mine.link(f"/{application.public_id}/")
        page = visitor.get(address) if address else mine
        form = _to_accept(page)
        if form is None and (award := page.link("/award/")):
            page = visitor.get(award)
            form = _to_accept(page)
        if form is None:
            raise UnexpectedPage(f"{page.path}: no award to accept")
        dice = world.dice_for("organization", application.source_id)
        text = application.organization_id_text or samples.organization_id(
            world.program.organization_id_format, dice
        )
        entered: dict[str, str | None] = {
            "terms": "on",
            "owner": "on",
            "organization_id": text,
            "organization_id_again": text,
        }
        if done % 5 == 0:
            wrong += 1
            page = visitor.post(
                page, form, entered | {"organization_id": f"{text}?", "organization_id_again": f"{text}?"}
            )
            refused += "invalid-feedback" in page.text
            form = _to_accept(page) or form
        page = visitor.post(page, form, entered)
        if _to_accept(page) is not None:
            raise UnexpectedPage(f"{page.path}: the award was not accepted")
        done += 1
    return {"at_the_page": done, "wrong_ids": wrong, "refused": refused} | _kept(world, traffic)


def _kept(world: World, traffic: Traffic) -> dict[str, int]:
    world.pages.merge(traffic)
    return traffic.facts()
