"""The release page: what a release would do, what stands in its way, and the release itself with its report."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from applications import boards, release, release_checks
from applications.admin import board_pages
from applications.models import DecisionKind
from applications.release_checks import Checked, Refusal, Row
from portal import clock
from portal.models import User
from programs import rulebook, staff
from programs.models import Cycle

LISTED = 100
PER_REASON = 25


@dataclass(frozen=True)
class Group:
    """Refusals for the same reason: the first of them, and how many there are."""

    reason: str
    number: int
    listed: list[Refusal]


@dataclass(frozen=True)
class Posted:
    """What came of a POST: a report, or a sentence about why nothing was released. status: of the answer."""

    done: release.Released | None = None
    said: str = ""
    status: int = 200


@require_http_methods(["GET", "POST"])
def release_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Check everything pending and show it; a POST releases all that is free, or the ticked rows among it."""
    desk = staff.desk(request)
    cycle = board_pages.cycle_of(request, pk)
    posted = _posted(request, cycle, desk.user) if request.method == "POST" else Posted()
    if request.method == "POST":  # the pool and the line, as they are now
        cycle = board_pages.cycle_of(request, pk)
    at = clock.now()
    checked = release_checks.check(cycle=cycle, by=desk.user, at=at)
    free = checked.free
    awards = [row for row in free if row.kind == DecisionKind.AWARD]
    waits = boards.waits(cycle)
    number, unseen = release_checks.unseen(cycle, desk.user, most=PER_REASON) if waits.in_review else (0, [])
    rules = rulebook.for_cycle(cycle)
    cents = sum(row.amount_cents for row in awards)
    context = board_pages.context(request, cycle, "admin:release") | {
        "title": _title(free, checked),
        "groups": _groups(checked.refusals),
        "unseen": Group("Nobody has looked at it yet, and it is undecided.", number, unseen)
        if number
        else None,
        "refused": len(checked.refusals),
        "hidden": checked.hidden,
        "free": free[:LISTED],
        "free_number": len(free),
        "unread": boards.unread(desk, cycle),
        "stamp": _stamp(free),
        "awards": len(awards),
        "awards_cents": cents,
        "declines": sum(row.kind == DecisionKind.DECLINE for row in free),
        "deferrals": sum(row.kind == DecisionKind.DEFER for row in free),
        "changes": sum(row.kind == DecisionKind.CHANGE for row in free),
        "waits": waits,
        "left_cents": None if waits.pool_cents is None else waits.pool_cents - cents,
        "limit_cents": min(rules.four_eyes_above_cents, cycle.program.four_eyes_above_cents),
        "second_missing": checked.alone,
        "gates_open": checked.gated,
        "currency": rules.currency,
        "quiet": rules.is_quiet,
        "done": posted.done,
        "said": posted.said,
        "bulk_url": reverse("admin:decide_bulk", args=[pk]),
    }
    return render(request, "admin/applications/release.html", context, status=posted.status)


def _posted(request: HttpRequest, cycle: Cycle, by: User) -> Posted:
    if request.POST.get("sure") != "yes":
        return Posted(
            said="Tick that you have no undeclared tie to these people. Nothing was released.", status=422
        )
    at = clock.now()
    only: list[int] | None = None
    if request.POST.get("reach") in ("free", "ticked"):
        free = release_checks.check(cycle=cycle, by=by, at=at).free
        seen = request.POST.get("stamp")
        if seen is not None and seen != _stamp(free):
            return _changed(free)
        if request.POST["reach"] == "ticked":
            ticked = board_pages.ids(request.POST.getlist("row"))
            free = [row for row in free if row.application_id in ticked]
            if not free:
                return Posted(said="Tick the decisions first. Nothing was released.", status=422)
        only = [row.decision_id for row in free]
    try:
        done = release.release(
            cycle_id=cycle.pk,
            by=by,
            at=at,
            decision_ids=only,
            whole_batch=request.POST.get("reach") != "ticked",
        )
    except release.CannotRelease as error:
        return Posted(said=f"{error} Nothing was released.", status=422)
    if not (done.awards or done.declines or done.deferrals or done.changes):
        return Posted(said="Nothing is pending any more: it was released or undone meanwhile.")
    return Posted(done=done)


def _changed(free: Sequence[Row]) -> Posted:
    if not free:
        return Posted(said="Nothing is pending any more: it was released or undone meanwhile.")
    return Posted(
        said="The decisions changed since this page was drawn: some were added, undone or released by somebody else. "
        "Look again, then confirm. Nothing was released.",
        status=422,
    )


def _stamp(rows: Sequence[Row]) -> str:
    """Names exactly these decisions. A decision never changes its terms; another one takes its place."""
    return sha256(",".join(str(row.decision_id) for row in rows).encode()).hexdigest()[:32]


def _groups(refusals: Sequence[Refusal]) -> list[Group]:
    by_reason: dict[str, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        by_reason[refusal.reason].append(refusal)
    groups = [Group(reason, len(rows), rows[:PER_REASON]) for reason, rows in by_reason.items()]
    return sorted(groups, key=lambda group: -group.number)


def _title(free: Sequence[Row], checked: Checked) -> str:
    if not checked.rows:
        return "Nothing to release"
    return f"Release {len(free):,} of {len(checked.rows):,} decisions"
