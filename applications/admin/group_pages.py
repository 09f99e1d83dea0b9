"""Groups of applications that hang together: the list of a cycle, one group with its differences, and a verdict."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from applications import desk, groups
from applications.admin import evaluation
from applications.models import Application
from portal import clock
from programs import staff
from programs.models import Cycle

PER_PAGE = 25
READS = ("everyone", "manager")


@require_GET
def board(request: HttpRequest, pk: int) -> HttpResponse:
    cycle = evaluation.cycle_of(request, pk)
    found = groups.of_cycle(staff.desk(request), cycle)
    context: dict[str, Any] = evaluation.context(request, cycle, "admin:groups_of") | {
        "title": "Groups",
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("p")),
        "number": len(found),
        "members": sum(len(group.members) for group in found),
        "findings": groups.findings(cycle),
    }
    return render(request, "admin/applications/evaluation/groups.html", context)


@require_GET
def group(request: HttpRequest, pk: int, application: int) -> HttpResponse:
    """One group. `?with=<id>` compares the answers of that member with those of the first."""
    cycle, one = _one(request, pk, application)
    found = groups.around(staff.desk(request), one)
    ids = [member.application.pk for member in found.members]
    chosen = evaluation.whole(request.GET.get("with"))
    second = (
        chosen if chosen in ids and chosen != one.pk else next((key for key in ids if key != one.pk), None)
    )
    sides = Application.objects.filter(pk__in=[one.pk, second]).select_related("form_version").in_bulk()
    context: dict[str, Any] = evaluation.context(request, cycle, "admin:groups_of") | {
        "title": f"Group of {one.reference}",
        "application": one,
        "group": found,
        "common": [
            (name, value)
            for name, value in (found.members[0].facts.items() if found.members else ())
            if value and name not in found.differing
        ],
        "rows": [(row, [row.facts[name] for name in found.differing]) for row in found.members],
        "second": sides.get(second) if second else None,
        "changes": groups.compared(sides[one.pk], sides[second], audiences=READS) if second else [],
        "verdicts": groups.verdicts(staff.desk(request), one),
    }
    return render(request, "admin/applications/evaluation/group.html", context)


@require_POST
def not_the_same(request: HttpRequest, pk: int, application: int) -> HttpResponse:
    """Take one member out of its group. POST: member, reason."""
    _, one = _one(request, pk, application)
    at_desk = staff.desk(request)
    found = groups.around(at_desk, one)
    ids = {member.application.pk: member.application for member in found.members}
    member = evaluation.whole(request.POST.get("member"))
    if member not in ids:
        messages.error(request, "This application is not in the group any more.")
        return redirect("admin:group", pk, application)
    try:
        groups.not_the_same(
            application_id=member,
            others=[other for other in ids if other != member],
            reason=evaluation.text_of(request, "reason"),
            by=at_desk.user,
            at=clock.now(),
        )
    except groups.CannotSay as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{ids[member].reference} is not the same as the others. That stays.")
    left = next((other for other in ids if other != member), application)
    return redirect("admin:group", pk, application if member != application else left)


def _one(request: HttpRequest, pk: int, application: int) -> tuple[Cycle, Application]:
    cycle = evaluation.cycle_of(request, pk)
    rows = desk.decidable(staff.desk(request)).select_related("program", "cycle", "applicant", "form_version")
    return cycle, get_object_or_404(rows, pk=application)
