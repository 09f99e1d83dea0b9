"""Bulk decisions: a page that says how many and asks, then a report of every refusal."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from applications import bulk, decisions
from applications import desk as desk_queries
from portal import clock
from programs import rulebook, staff

MOST = 20_000

TITLES = {
    "award": ("Propose {n} awards", "Propose awards"),
    "decline": ("Decline {n} applications", "Decline"),
    "undo": ("Undo {n} pending decisions", "Undo"),
}


def confirm(request: HttpRequest, kind: str, queryset: QuerySet[Any], *, back: str = "") -> HttpResponse:
    """Say how many rows an action reaches, over all pages of the list, and ask."""
    rows = desk_queries.decidable(staff.desk(request)).filter(pk__in=queryset.order_by().values("pk"))
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    return _ask(request, kind, ids, back=back or request.get_full_path())


def _ask(request: HttpRequest, kind: str, ids: list[int], *, back: str) -> HttpResponse:
    desk = staff.desk(request)
    sample = list(
        desk_queries.decidable(desk).filter(pk__in=ids[:200]).select_related("program").order_by("pk")[:12]
    )
    rules = rulebook.for_cycles(desk_queries.decidable(desk).filter(pk__in=ids).values("cycle_id"))
    total = (
        sum(
            decisions.default_amount_cents(row, rules.get(row.cycle_id))
            for row in desk_queries.decidable(desk)
            .filter(pk__in=ids)
            .select_related("program")
            .defer("answers")
        )
        if kind == "award"
        else 0
    )
    currencies = {program.currency for program in desk.programs.values()}
    context = {
        **admin.site.each_context(request),
        "title": TITLES[kind][0].format(n=f"{len(ids):,}"),
        "kind": kind,
        "ids": ",".join(map(str, ids)),
        "number": len(ids),
        "too_many": len(ids) > MOST,
        "sample": sample,
        "total_cents": total,
        "currency": currencies.pop() if len(currencies) == 1 else "",
        "at_once": bulk.AT_ONCE,
        "back": back,
    }
    return render(request, "admin/applications/bulk_confirm.html", context)


@require_POST
@permission_required("applications.add_decision", raise_exception=True)
def run(request: HttpRequest) -> HttpResponse:
    """Do what was confirmed, item by item, and report. POST: kind, ids (comma-separated), reason, back."""
    kind, back = request.POST.get("kind", ""), _safe(request, request.POST.get("back", ""))
    try:
        ids = sorted({int(part) for part in request.POST.get("ids", "").split(",") if part})
    except ValueError:
        return HttpResponseBadRequest("The list of applications cannot be read. Go back and choose again.")
    if kind not in TITLES or not ids:
        return redirect(back)
    desk = staff.desk(request)
    allowed = list(desk_queries.decidable(desk).filter(pk__in=ids[:MOST]).values_list("pk", flat=True))
    report = bulk.decide(
        kind=kind,
        application_ids=sorted(allowed),
        reason=request.POST.get("reason", "")[:1000].replace("\x00", ""),
        by=desk.user,
        at=clock.now(),
    )
    context = {
        **admin.site.each_context(request),
        "title": TITLES[kind][1],
        "kind": kind,
        "report": report,
        "left": ",".join(map(str, report.left)),
        "reason": request.POST.get("reason", ""),
        "back": back,
    }
    return render(request, "admin/applications/bulk_report.html", context)


def _safe(request: HttpRequest, url: str) -> str:
    """An address to go back to, on this host only."""
    if url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return url
    return "/admin/"
