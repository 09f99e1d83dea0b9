"""The boards on which a manager decides: the ranking, the money board with its movable line, the waiting list."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Window
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import (
    boards,
    calibration,
    decisions,
    four_eyes,
    later_queue,
    overrides,
    release,
    waiting_list,
    what_if,
)
from applications import desk as desk_queries
from applications.admin import board_pages, bulk, charts
from credits import burn, pools
from portal import clock
from portal.roles import Role
from programs import rulebook, staff
from programs.models import Cycle

PER_PAGE = 50
AROUND = 12
MOST_PARTS = 12


# --- Decide -----------------------------------------------------------------------------------------------------------


@require_GET
def decide_board(request: HttpRequest, pk: int) -> HttpResponse:
    """The ranking of a cycle with its decisions, the sum against the pool, and a movable cut line (`?cut=40`)."""
    cycle = board_pages.cycle_of(request, pk)
    desk = staff.desk(request)
    tab = request.GET.get("tab", "all")
    tab = tab if tab in boards.TABS else "all"
    line = getattr(cycle, "cut_line", None)
    cut = board_pages.whole(request.GET.get("cut")) or (line.place if line else 0)
    health = boards.health([cycle])[0]
    rows = boards.ranking(cycle, desk, tab=tab).defer("answers")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("p"))
    rules = rulebook.for_cycle(cycle)
    context = board_pages.context(request, cycle, "admin:decide_of") | {
        "title": "Decide and release",
        "health": health,
        "rules": rules,
        "tab": tab,
        "tabs": _tabs(health),
        "page": page,
        "rows": boards.ranked(list(page.object_list), cycle, first_place=page.start_index()),
        "cut": cut,
        "line": line,
        "what_if": _what_if(cycle, desk, cut, health.pool_cents) if cut else None,
        "pool": charts.pool(health),
        "code": release.pool_code(cycle),
        "limit_cents": four_eyes.limit_cents(rules, cycle.program),
        "drawn": clock.now().isoformat(),
    }
    return render(request, "admin/applications/decide.html", context)


def _tabs(health: boards.CycleHealth) -> list[tuple[str, str, int]]:
    changes = [("changes", "Changes", health.changes)] if health.changes else []
    return [
        ("all", "Ranking", health.applications),
        ("undecided", "Undecided", health.undecided),
        ("awards", "Awards", health.awards),
        *changes,
        ("declines", "Declines", health.declines),
        ("deferrals", "Deferrals", health.deferrals),
        ("waiting", "Waiting list", health.listed),
        ("second", "Second person", health.second_person),
    ]


def _what_if(cycle: Cycle, desk: staff.Desk, cut: int, pool_cents: int | None) -> dict[str, Any]:
    """What awarding the best `cut` would cost, at pending or default amounts."""
    plan = what_if.draw(cycle, desk, cut)
    return {
        "plan": plan,
        "number": plan.number,
        "cents": plan.cents,
        "left_cents": None if pool_cents is None else pool_cents - plan.cents,
        "lowest": plan.lowest,
    }


@require_POST
def decide_bulk(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask before a bulk decision: over ticked rows, over a whole tab, or over the two sides of the cut line."""
    cycle = board_pages.cycle_of(request, pk)
    desk = staff.desk(request)
    back = reverse("admin:decide_of", args=[pk])
    kind, cut = request.POST.get("kind", ""), board_pages.whole(request.POST.get("cut"))
    if kind not in bulk.TITLES:
        return redirect(back)
    tab = request.POST.get("tab", "all")
    rows = boards.ranking(cycle, desk, tab=tab if tab in boards.TABS else "all").values_list("pk", flat=True)
    reach = request.POST.get("reach")
    if reach == "best" and cut:
        ids = list(rows[:cut])
    elif reach == "rest" and cut:
        ids = list(rows[cut:])
    elif reach == "tab":
        ids = list(rows)
    else:
        ids = sorted(board_pages.ids(request.POST.getlist("row")))
    if not ids:
        messages.warning(request, "Tick the applications first.")
        return redirect(back)
    chosen = desk_queries.decidable(desk).filter(cycle=cycle, pk__in=ids)
    return bulk.confirm(request, kind, chosen, back=back)


@require_POST
def cut_line(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the line after a place (`cut`), or take it away (`erase`)."""
    cycle = board_pages.cycle_of(request, pk)
    desk, at = staff.desk(request), clock.now()
    cut = board_pages.whole(request.POST.get("cut"))
    try:
        if request.POST.get("erase"):
            overrides.erase(cycle_id=cycle.pk, by=desk.user, at=at)
            messages.success(request, "The line is gone. No award is below it any more.")
        else:
            line = overrides.draw(cycle_id=cycle.pk, place=cut, by=desk.user, at=at)
            messages.success(
                request,
                f"The line is kept after place {line.place:,}. An award below it needs a reason and a second person.",
            )
    except overrides.CannotDraw as error:
        messages.error(request, str(error))
    back = "admin:money_board_of" if request.POST.get("back") == "money" else "admin:decide_of"
    return redirect(f"{reverse(back, args=[pk])}?cut={cut}" if cut else reverse(back, args=[pk]))


# --- Waiting list -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def waiting(request: HttpRequest, pk: int) -> HttpResponse:
    """The waiting list of a cycle in its order. POST: do (up, down, promote) with a decision."""
    cycle = board_pages.cycle_of(request, pk)
    desk = staff.desk(request)
    if request.method == "POST":
        if not desk.holds(Role.MANAGER, program_id=cycle.program_id):
            raise Http404
        _move(request, cycle, desk)
        return redirect("admin:waiting_list", pk)
    seen = desk_queries.decidable(desk).filter(cycle=cycle)
    rules = rulebook.for_cycle(cycle)
    rows = list(waiting_list.of(cycle).filter(application__in=seen))
    for row in rows:
        row.application.program, row.application.cycle = cycle.program, cycle
    context = board_pages.context(request, cycle, "admin:waiting_list") | {
        "title": "Waiting list",
        "rows": [(row, decisions.default_amount_cents(row.application, rules)) for row in rows],
        "ids": [row.application_id for row in rows],
        "left_cents": waiting_list.left_cents(cycle),
        "currency": rules.currency,
        "is_open": cycle.state == "in_review",
    }
    return render(request, "admin/applications/waiting_list.html", context)


def _move(request: HttpRequest, cycle: Cycle, desk: staff.Desk) -> None:
    what, at = request.POST.get("do"), clock.now()
    asked = board_pages.ids([request.POST.get("decision", "")])
    seen = desk_queries.decidable(desk).filter(cycle=cycle)
    row = waiting_list.of(cycle).filter(pk__in=asked, application__in=seen).first()
    if row is None:
        messages.error(request, "It is not on the waiting list any more.")
        return
    try:
        if what == "promote":
            award = waiting_list.promote(
                decision_id=row.pk,
                by=desk.user,
                at=at,
                reason=request.POST.get("reason", "")[:1000].replace("\x00", ""),
            )
            more = " A second person has to approve it." if award.needs_second_person else ""
            messages.success(request, f"The award of {row.application.reference} is proposed.{more}")
        elif what in ("up", "down"):
            waiting_list.move(decision_id=row.pk, up=what == "up", by=desk.user, at=at)
    except decisions.CannotDecide as error:
        messages.error(request, f"{row.application.reference}: {error}")


# --- Money ------------------------------------------------------------------------------------------------------------


@require_GET
def money_board(request: HttpRequest, pk: int) -> HttpResponse:
    """The pools of a program by period, and the line that can be moved: what awarding the best would come to."""
    cycle = board_pages.cycle_of(request, pk)
    desk = staff.desk(request)
    line = getattr(cycle, "cut_line", None)
    cut = board_pages.whole(request.GET.get("cut")) or (line.place if line else 0)
    rules = rulebook.for_cycle(cycle)
    ranked = boards.ranking(cycle, desk).defer("answers")
    rows = ranked.annotate(amount=what_if.amount(rules), most=Window(Count("pk")))
    near = list(rows[max(0, cut - AROUND) : cut + AROUND])
    most = near[0].most if near else ranked.count()
    if cut > most:
        cut = most
        near = list(rows[max(0, cut - AROUND) : cut + AROUND])
    first = max(0, cut - AROUND)
    calibrated = {
        row.application_id: row.calibrated
        for row in calibration.placed(
            cycle, allowed=[row.pk for row in near if not row.awaits_me], number=2 * AROUND
        )
    }
    today = clock.now().date()
    found = pools.lines(programs=[cycle.program.slug], today=today, burned_since=burn.since(today))
    pending = boards.pending_by_period(cycle.program)
    code = release.pool_code(cycle)
    balance = next((row.left_cents for row in found if row.code == code), None)
    plan = _what_if(cycle, desk, cut, balance)
    context = board_pages.context(request, cycle, "admin:money_board_of") | {
        "title": "Money",
        "pools": [(row, pending.get(row.period, 0)) for row in found],
        "unfunded": [
            (period, cents)
            for period, cents in pending.items()
            if period not in {row.period for row in found}
        ],
        "here": code,
        "burn": burn.of(found, today=today),
        "between": later_queue.between(cycle),
        "cut": cut,
        "most": most,
        "line": line,
        "plan": plan,
        "parts": [
            (
                name,
                [
                    (part, charts.share(part.number, plan["number"]))
                    for part in plan["plan"].parts[key][:MOST_PARTS]
                ],
            )
            for key, name in what_if.GROUPS.items()
        ],
        "rows": [
            (row, calibrated.get(row.application.pk))
            for row in boards.ranked(near, cycle, first_place=first + 1, with_gates=False)
        ],
        "currency": rules.currency,
    }
    return render(request, "admin/applications/money_board.html", context)
