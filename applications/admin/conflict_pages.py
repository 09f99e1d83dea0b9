"""Conflicts of a cycle: what was computed and declared, declare one, take one back with a reason."""

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import conflict_lists, declarations, desk, looks
from applications.admin import evaluation
from applications.models import ConflictKind
from portal import clock
from portal.models import User
from programs import staff

PER_PAGE = 50
SAME_ANSWER = "There is no such application in this cycle, or no such person in the program."


@require_GET
def board(request: HttpRequest, pk: int) -> HttpResponse:
    cycle = evaluation.cycle_of(request, pk)
    at_desk = staff.desk(request)
    kind = request.GET.get("kind", "")
    kind = kind if kind in ConflictKind.values else ""
    counts = conflict_lists.counts(at_desk, cycle)
    page = Paginator(conflict_lists.of_cycle(at_desk, cycle, kind=kind), PER_PAGE).get_page(
        request.GET.get("p")
    )
    context: dict[str, Any] = evaluation.context(request, cycle, "admin:conflicts_of") | {
        "title": "Conflicts",
        "kind": kind,
        "counts": counts,
        "total": sum(number for _, _, number in counts),
        "page": page,
        "rows": [(row, conflict_lists.may_go(row)) for row in page.object_list],
        "taken_back": conflict_lists.taken_back(at_desk, cycle),
    }
    return render(request, "admin/applications/evaluation/conflicts.html", context)


@require_POST
def declare(request: HttpRequest, pk: int) -> HttpResponse:
    """A manager declares a conflict of a member. POST: reference, person (mail address), reason."""
    cycle = evaluation.cycle_of(request, pk)
    at_desk = staff.desk(request)
    reference = evaluation.text_of(request, "reference").strip().upper()
    application = desk.visible(at_desk).filter(cycle=cycle, reference=reference).first()
    person = User.objects.filter(
        email__iexact=evaluation.text_of(request, "person").strip(),
        memberships__program=cycle.program_id,
        memberships__ended_at=None,
    ).first()
    if application is None or person is None:
        messages.error(request, SAME_ANSWER)
        return redirect("admin:conflicts_of", pk)
    try:
        declarations.declare(
            application_id=application.pk,
            user_id=person.pk,
            reason=evaluation.text_of(request, "reason"),
            by=at_desk.user,
            at=clock.now(),
        )
    except declarations.CannotDeclare as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{person} sees nothing of {reference} any more.")
    return redirect("admin:conflicts_of", pk)


@require_POST
def withdraw(request: HttpRequest, pk: int, conflict: int) -> HttpResponse:
    """A manager takes a conflict of somebody else back. POST: reason."""
    cycle = evaluation.cycle_of(request, pk)
    at_desk = staff.desk(request)
    row = get_object_or_404(conflict_lists.of_cycle(at_desk, cycle), pk=conflict)
    try:
        declarations.withdraw(
            conflict_id=row.pk, reason=evaluation.text_of(request, "reason"), by=at_desk.user, at=clock.now()
        )
    except declarations.CannotWithdraw as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, f"The conflict of {row.user} with {row.application.reference} is taken back."
        )
    return redirect("admin:conflicts_of", pk)


@require_http_methods(["GET", "POST"])
def mine(request: HttpRequest, pk: int) -> HttpResponse:
    """Declare a conflict of one's own with an application one sees. Afterwards it is gone for this person."""
    at_desk = staff.desk(request)
    application = get_object_or_404(desk.visible(at_desk).select_related("program"), pk=pk)
    said = ""
    if request.method == "POST":
        try:
            declarations.declare(
                application_id=application.pk,
                user_id=at_desk.user.pk,
                reason=evaluation.text_of(request, "reason"),
                by=at_desk.user,
                at=clock.now(),
            )
        except declarations.CannotDeclare as error:
            said = str(error)
        else:
            messages.success(request, "Kept. You see nothing of this application any more.")
            return redirect("admin:index")
    context = {
        **admin.site.each_context(request),
        "title": "I have a conflict of interest",
        "application": application,
        "name": looks.titles(at_desk, [application])[application.pk],
        "accent": application.program.accent,
        "said": said,
    }
    status = 422 if said else 200
    return render(request, "admin/applications/evaluation/conflict_mine.html", context, status=status)
