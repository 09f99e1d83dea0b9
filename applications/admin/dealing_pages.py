"""The assignment page of a cycle: proposals before they take effect, moves between reviewers, assignments from a file."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from applications import assignment, assignment_files, plans, rebalancing
from applications.admin import evaluation
from applications.models import AssignmentPlan, Batch
from portal import clock
from portal.refusals import Refused
from programs import staff
from programs.models import CycleState


@require_GET
def board(request: HttpRequest, pk: int) -> HttpResponse:
    return _board(request, pk)


def _board(request: HttpRequest, pk: int, problems: list[tuple[int, str]] | None = None) -> HttpResponse:
    cycle = evaluation.cycle_of(request, pk)
    waiting, past = plans.of_cycle(cycle)
    rows = plans.people(cycle, waiting[0] if waiting else None, at=clock.now())
    loads = [row.load for row in rows if row.away_until is None]
    context: dict[str, Any] = evaluation.context(request, cycle, "admin:dealing_of") | {
        "title": "Assignment",
        "batch": getattr(cycle, "batch", None),
        "rows": rows,
        "shown": [plans.shown(staff.desk(request), plan, rows) for plan in waiting],
        "past": past,
        "most": max((row.after if row.after is not None else row.load for row in rows), default=0),
        "spread": max(loads) - min(loads) if loads else None,
        "open": cycle.state == CycleState.IN_REVIEW,
        "problems": problems or [],
    }
    return render(
        request, "admin/applications/evaluation/assignment.html", context, status=422 if problems else 200
    )


@require_POST
def propose(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw a plan: of the whole batch while it is not dealt, of moves afterwards. POST: relieve (ids), if any."""
    cycle = evaluation.cycle_of(request, pk)
    batch = get_object_or_404(Batch, cycle=cycle)
    by, at = staff.desk(request).user, clock.now()
    relieve = tuple(number for text in request.POST.getlist("relieve") if (number := evaluation.whole(text)))
    try:
        if batch.assigned_at is None:
            plan = assignment.propose(batch_id=batch.pk, by=by, at=at)
        else:
            plan = rebalancing.propose(batch_id=batch.pk, by=by, at=at, relieve=relieve)
    except assignment.CannotPlan as error:
        messages.error(request, str(error))
    else:
        looks = len(plan.looks)
        messages.success(
            request,
            f"Proposed: {looks:,} look{'' if looks == 1 else 's'}. Nothing has changed yet."
            if looks or plan.gates
            else "There is nothing to move: everybody has about the same, and nothing is missing that could be given.",
        )
    return redirect("admin:dealing_of", pk)


@require_POST
def take_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Check a CSV of assignments and keep it as a proposal; every bad line is named."""
    cycle = evaluation.cycle_of(request, pk)
    batch = get_object_or_404(Batch, cycle=cycle)
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > assignment_files.LARGEST_BYTES:
        messages.error(request, "Choose a CSV of at most 4 MB.")
        return redirect("admin:dealing_of", pk)
    try:
        plan = assignment_files.propose(
            batch_id=batch.pk, content=file.read(), by=staff.desk(request).user, at=clock.now()
        )
    except assignment_files.BadFile as error:
        messages.error(request, str(error))
        return _board(request, pk, error.problems)
    except assignment.CannotPlan as error:
        messages.error(request, str(error))
    else:
        known = plan.summary.get("known", 0)
        messages.success(
            request,
            f"The file gives {len(plan.looks):,} new looks; {known:,} stood already. Nothing has changed yet.",
        )
    return redirect("admin:dealing_of", pk)


@require_POST
def apply(request: HttpRequest, pk: int, plan: int) -> HttpResponse:
    """Let a proposal take effect."""
    cycle = evaluation.cycle_of(request, pk)
    found = get_object_or_404(AssignmentPlan.objects.filter(batch__cycle=cycle), pk=plan)
    try:
        done = assignment.apply(plan_id=found.pk, by=staff.desk(request).user, at=clock.now())
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, f"{done.assignments:,} looks are given out. Everybody concerned gets one letter."
        )
    return redirect("admin:dealing_of", pk)


@require_POST
def set_aside(request: HttpRequest, pk: int, plan: int) -> HttpResponse:
    """Let a proposal lapse."""
    cycle = evaluation.cycle_of(request, pk)
    found = get_object_or_404(AssignmentPlan.objects.filter(batch__cycle=cycle), pk=plan)
    assignment.set_aside(plan_id=found.pk, by=staff.desk(request).user, at=clock.now())
    messages.success(request, "The proposal is set aside.")
    return redirect("admin:dealing_of", pk)
