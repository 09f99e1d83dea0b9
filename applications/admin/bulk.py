"""Bulk decisions: a page that says how many and asks, then a report of every refusal."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from applications import bulk
from applications import desk as desk_queries
from applications.amounts import AmountRule, ByRule
from portal import clock
from programs import staff

MOST = 20_000

TITLES = {
    "award": ("Propose {n} awards", "Propose awards"),
    "decline": ("Decline {n} applications", "Decline"),
    "defer": ("Defer {n} applications", "Defer"),
    "wait": ("Put {n} on the waiting list", "Waiting list"),
    "undo": ("Undo {n} pending decisions", "Undo"),
}


def confirm(request: HttpRequest, kind: str, queryset: QuerySet[Any], *, back: str = "") -> HttpResponse:
    """Say how many rows an action reaches, over all pages of the list, and ask."""
    rows = desk_queries.decidable(staff.desk(request)).filter(pk__in=queryset.order_by().values("pk"))
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    return _ask(request, kind, ids, back=back or request.get_full_path())


def _ask(request: HttpRequest, kind: str, ids: list[int], *, back: str) -> HttpResponse:
    desk = staff.desk(request)
    rows = desk_queries.decidable(desk).filter(pk__in=ids[:MOST])
    sample = list(rows.select_related("program").defer("answers").order_by("pk")[:12])
    by_rule = _by_rule(request)
    currencies = {row.program.currency for row in sample}
    context = {
        **admin.site.each_context(request),
        "title": TITLES[kind][0].format(n=f"{len(ids):,}"),
        "kind": kind,
        "ids": ",".join(map(str, ids[:MOST])),
        "number": len(ids),
        "too_many": len(ids) > MOST,
        "sample": sample,
        "preview": bulk.preview(rows, by_rule) if kind == "award" else None,
        "by_rule": by_rule,
        "rules": [
            (AmountRule.DEFAULT, "The program's default"),
            (AmountRule.ASKED, "What was asked, up to the cap"),
            (AmountRule.SHARE, "A share of what was asked"),
        ],
        "drawn": request.POST.get("drawn") or clock.now().isoformat(),
        "reason": request.POST.get("reason", ""),
        "currency": currencies.pop() if len(currencies) == 1 else "",
        "at_once": bulk.AT_ONCE,
        "back": back,
    }
    return render(request, "admin/applications/bulk_confirm.html", context)


def _by_rule(request: HttpRequest) -> ByRule:
    """The rule for amounts as it was chosen; the default for anything that makes no sense."""
    percent = request.POST.get("percent", "")
    share = int(percent) if percent.isdecimal() and percent.isascii() and len(percent) < 4 else 100
    try:
        return ByRule(AmountRule(request.POST.get("rule", "")), share)
    except ValueError:
        return ByRule()


def _drawn(request: HttpRequest) -> datetime | None:
    try:
        moment = datetime.fromisoformat(request.POST.get("drawn", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


@require_POST
@permission_required("applications.add_decision", raise_exception=True)
def run(request: HttpRequest) -> HttpResponse:
    """Do what was confirmed, item by item, and report. POST: kind, ids (comma-separated), reason, rule, percent, back.

    With `again` the amounts are shown once more, by another rule, and nothing is done.
    """
    kind, back = request.POST.get("kind", ""), _safe(request, request.POST.get("back", ""))
    try:
        ids = sorted({int(part) for part in request.POST.get("ids", "").split(",") if part})[:MOST]
    except ValueError:
        return HttpResponseBadRequest("The list of applications cannot be read. Go back and choose again.")
    if kind not in TITLES or not ids:
        return redirect(back)
    if request.POST.get("again"):
        return _ask(request, kind, ids, back=back)
    desk = staff.desk(request)
    allowed = list(desk_queries.decidable(desk).filter(pk__in=ids).values_list("pk", flat=True))
    report = bulk.decide(
        kind=kind,
        application_ids=sorted(allowed),
        reason=request.POST.get("reason", "")[:1000].replace("\x00", ""),
        by=desk.user,
        at=clock.now(),
        by_rule=_by_rule(request),
        drawn_at=_drawn(request),
    )
    context = {
        **admin.site.each_context(request),
        "title": TITLES[kind][1],
        "kind": kind,
        "report": report,
        "left": ",".join(map(str, report.left)),
        "reason": request.POST.get("reason", ""),
        "by_rule": _by_rule(request),
        "drawn": request.POST.get("drawn", ""),
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
