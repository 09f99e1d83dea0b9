"""The page of a cycle's reviews as a whole: how far they agree, how each reviewer scores, raw and calibrated ranking."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from applications import calibration, desk
from applications.admin import board_pages
from applications.models import Application, Assignment, AssignmentState
from applications.states import SENT
from programs import staff

ROWS = 50


@require_GET
def agreement_board(request: HttpRequest, pk: int) -> HttpResponse:
    """Alpha, calibration and both rankings of one cycle. Applications this person has yet to review are left out."""
    cycle = board_pages.cycle_of(request, pk)
    at_desk = staff.desk(request)
    waiting = Assignment.objects.filter(reviewer=at_desk.user, state=AssignmentState.TO_DO)
    seen = Application.objects.filter(cycle=cycle, state__in=SENT).exclude(
        pk__in=waiting.values("application_id")
    )
    allowed = list(desk.visible(at_desk, seen).order_by().values_list("pk", flat=True))
    pages = Paginator(range(len(allowed)), ROWS)
    page = pages.get_page(request.GET.get("page"))
    context = board_pages.context(request, cycle, "admin:agreement_of") | {
        "title": "Agreement",
        "alpha": calibration.agreement(cycle),
        "everybody": calibration.everybody(cycle),
        "reviewers": calibration.reviewers(cycle),
        "placed": calibration.placed(cycle, allowed=allowed, first=(page.number - 1) * ROWS, number=ROWS),
        "page": page,
        "fewest": calibration.scoring.FEWEST,
    }
    return render(request, "admin/applications/agreement.html", context)
