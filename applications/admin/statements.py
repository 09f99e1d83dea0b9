"""Statements of organizations and pools for any days, and the trial balance at any instant: pages, CSV and PDF."""

from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from applications import posting, statement_files, statement_pdf
from credits import statements, trial_balance
from credits.models import Organization
from credits.statements import Statement
from portal import clock
from portal.roles import Role
from programs import staff

SEES_WHOLE_LEDGER = (Role.FINANCE, Role.AUDITOR, Role.OPERATOR)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Choose a pool, or an organization by its ID."""
    desk = _desk(request)
    entered = request.GET.get("organization", "").strip()[:80]
    seen = Organization.objects.filter(pk__in=posting.grants(desk).order_by().values("organization_id"))
    found = seen.filter(external_id=entered).first() if entered else None
    if found is not None:
        return redirect("admin:organization_statement", found.pk)
    context = admin.site.each_context(request) | {
        "title": "Statements",
        "entered": entered,
        "pools": posting.pools(desk),
        "organizations": list(seen.order_by("-pk")[:12]),
        "whole": desk.sees(*SEES_WHOLE_LEDGER),
    }
    return render(request, "admin/credits/statements.html", context)


@require_GET
def of_organization(request: HttpRequest, pk: int) -> HttpResponse:
    """One organization: the balances of those of its grants that this person sees."""
    grants = posting.grants(_desk(request))
    rows = Organization.objects.filter(pk__in=grants.order_by().values("organization_id"))
    organization = get_object_or_404(rows, pk=pk)

    def make(first: date, last: date) -> list[Statement]:
        return statements.of_organization(organization, grants, first=first, last=last)

    return _answer(request, f"Organization {organization.external_id}", make)


@require_GET
def of_pool(request: HttpRequest, pk: int) -> HttpResponse:
    """One pool of a program whose money this person sees."""
    pool = get_object_or_404(posting.pools_seen(_desk(request)), pk=pk)

    def make(first: date, last: date) -> list[Statement]:
        return [statements.of_pool(pool, first=first, last=last)]

    return _answer(request, f"Pool {pool.code.removeprefix('pool:').replace(':', ', ')}", make)


@require_GET
def trial(request: HttpRequest) -> HttpResponse:
    """The trial balance: at any instant that has passed, as the books stood then."""
    if not staff.desk(request).sees(*SEES_WHOLE_LEDGER):
        raise PermissionDenied
    now = clock.now()
    entered = request.GET.get("at", "")
    at, problem = _instant(entered, now)
    found = trial_balance.at_instant(at)
    if request.GET.get("as") == "csv" and not problem:
        return _file(statement_files.trial_balance(found), "csv", f"trial-balance-{at:%Y-%m-%d-%H%M}")
    context = admin.site.each_context(request) | {
        "title": "Trial balance",
        "found": found,
        "totals": [
            (
                currency,
                sum(line.debit_cents for line in found.lines if line.currency == currency),
                sum(line.credit_cents for line in found.lines if line.currency == currency),
            )
            for currency in found.totals
        ],
        "entered": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "problem": problem,
        "now": now,
    }
    return render(request, "admin/credits/trial_balance.html", context, status=422 if problem else 200)


def _instant(text: str, now: datetime) -> tuple[datetime, str]:
    """The instant that was typed, in UTC without a zone, and what is wrong with it."""
    if not text:
        return now, ""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        return now, "Write the instant like 2026-12-31T23:59:59. The figures below are of now."
    return found if found.tzinfo else found.replace(tzinfo=UTC), ""


def _desk(request: HttpRequest) -> staff.Desk:
    desk = staff.desk(request)
    if not desk.sees(*staff.SEES_MONEY):
        raise PermissionDenied
    return desk


def _answer(request: HttpRequest, title: str, make: Any) -> HttpResponse:
    """A statement as a page, CSV or PDF (?as=), for the days from= and to=; this year when none are given."""
    at = clock.now()
    today = at.astimezone(UTC).date()
    default, problem = (today.replace(month=1, day=1), today), ""
    try:
        days = statements.period(request.GET.get("from", ""), request.GET.get("to", ""), default=default)
    except statements.WrongPeriod as error:
        days, problem = default, str(error)
    wanted = request.GET.get("as", "")
    if wanted not in ("", "csv", "pdf") or (wanted and problem):
        raise Http404
    found = make(*days)
    name = slugify(f"statement {title} {days[0]} {days[1]}")
    if wanted == "csv":
        return _file(statement_files.statement(found), "csv", name)
    if wanted == "pdf":
        facts = [("Of", title)]
        site = settings.SITE_NAME
        return _file(
            statement_pdf.render(found, title="Statement of credits", facts=facts, site=site, at=at),
            "pdf",
            name,
        )
    context = admin.site.each_context(request) | {
        "title": title,
        "statements": found,
        "first": days[0],
        "last": days[1],
        "problem": problem,
        "query": f"from={days[0]}&to={days[1]}",
        "is_pool": title.startswith("Pool "),
        "index": reverse("admin:statements"),
    }
    return render(request, "admin/credits/statement.html", context, status=422 if problem else 200)


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    types = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
    answer = HttpResponse(content, content_type=types[kind])
    answer["Content-Disposition"] = f'attachment; filename="{name[:120]}.{kind}"'
    return answer
