"""Reports: a year or a cycle of one program in numbers, each table as CSV, and the switch of the public figures."""

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from applications import boards, obligation_figures, public_figures, reports
from applications.admin import charts
from portal import clock
from portal.roles import Role
from programs import staff
from programs.models import Cycle, CycleState, Program


def urls(site: AdminSite) -> list[URLPattern]:
    view = site.admin_view
    return [
        path("reports/", view(lead), name="reports"),
        path("reports/<int:program_id>/<int:year>/", view(year_report), name="report_of_year"),
        path("reports/<int:program_id>/<int:year>/table/", view(year_table), name="report_of_year_table"),
        path("reports/cycle/<int:pk>/", view(cycle_report), name="report_of_cycle"),
        path("reports/cycle/<int:pk>/table/", view(cycle_table), name="report_of_cycle_table"),
        path("reports/<int:program_id>/public/", view(public), name="report_public"),
    ]


def _manager(request: HttpRequest) -> staff.Desk:
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER):
        raise PermissionDenied
    return desk


def _program(request: HttpRequest, program_id: int) -> Program:
    desk = _manager(request)
    if not (desk.everything or desk.holds(Role.MANAGER, program_id=program_id)):
        raise Http404
    return desk.programs.get(program_id) or get_object_or_404(Program, pk=program_id)


@require_GET
def lead(request: HttpRequest) -> HttpResponse:
    """To the report of the program and year that matter most now."""
    cycle = boards.default_cycle(_manager(request))
    if cycle is None or cycle.state == CycleState.PLANNED:
        context = {**admin.site.each_context(request), "title": "Reports"}
        return render(request, "admin/applications/no_cycle.html", context)
    return redirect("admin:report_of_year", cycle.program_id, cycle.evaluation_on.year)


@require_GET
def year_report(request: HttpRequest, program_id: int, year: int) -> HttpResponse:
    return _page(request, _year(request, program_id, year))


@require_GET
def cycle_report(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _of_cycle(request, pk))


@require_POST
def year_table(request: HttpRequest, program_id: int, year: int) -> HttpResponse:
    return _table(request, _year(request, program_id, year))


@require_POST
def cycle_table(request: HttpRequest, pk: int) -> HttpResponse:
    return _table(request, _of_cycle(request, pk))


def _year(request: HttpRequest, program_id: int, year: int) -> reports.Period:
    program = _program(request, program_id)
    lately = {(cycle.program_id, cycle.evaluation_on.year) for cycle in _recent(request)}
    if (program_id, year) not in lately and year not in reports.years(program):
        raise Http404
    return reports.Period(program, year=year)


def _of_cycle(request: HttpRequest, pk: int) -> reports.Period:
    cycle = get_object_or_404(boards.cycles(_manager(request)).exclude(state=CycleState.PLANNED), pk=pk)
    return reports.Period(cycle.program, cycle=cycle)


def _table(request: HttpRequest, period: reports.Period) -> HttpResponse:
    """One table (POST table=field) as an attachment; noted in the trail."""
    table = request.POST.get("table", "")
    if table not in reports.TABLES:
        raise Http404
    desk = staff.desk(request)
    report = reports.of(desk, period)
    reports.note_download(report=report, table=table, by=desk.user, at=clock.now())
    answer = HttpResponse(reports.as_csv(report, table), content_type="text/csv; charset=utf-8")
    when = f"{period.cycle.evaluation_on:%Y-%m}" if period.cycle else str(period.year)
    name = f"{period.program.short_code}-{when}-{table.replace('_', '-')}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _page(request: HttpRequest, period: reports.Period) -> HttpResponse:
    desk = staff.desk(request)
    program = period.program
    report = reports.of(desk, period)
    here = request.path
    shows, editions = public_figures.standing(program.pk)
    breakdowns = [
        (key, report.titles[key], rows, [_bar(line, rows) for line in rows[: reports.SMALL]])
        for key, rows in report.breakdowns.items()
    ]
    context = {
        **admin.site.each_context(request),
        "title": period.name,
        "accent": program.accent,
        "program": program,
        "period": period,
        "report": report,
        "total": report.total,
        "others": _others(_recent(request), here),
        "table_url": f"{here}table/",
        "breakdowns": breakdowns,
        "cycles_chart": charts.columns(
            [line.applications for line in report.cycles], [line.name for line in report.cycles], marks=12
        ),
        "pace_charts": [
            (title, key, charts.columns(values, [f"{row.week:%-d %b}" for row in report.pace], height=80))
            for title, key, values in (
                ("Sent", "sent", [row.sent for row in report.pace]),
                ("Reviews in", "reviews", [row.reviews for row in report.pace]),
                ("Released", "released", [row.released for row in report.pace]),
            )
        ],
        "agreement_chart": charts.columns(
            [number for _, number in report.agreement.steps],
            [name for name, _ in report.agreement.steps],
            width=300,
            height=90,
        ),
        "after": obligation_figures.of(desk, period, at=clock.now()),
        "shows_figures": shows,
        "editions": editions[:5],
        "k": public_figures.K,
        "holds_role": desk.holds(Role.MANAGER, program_id=program.pk),
        "now": clock.now(),
    }
    return render(request, "admin/applications/reports/report.html", context)


def _bar(line: reports.Line, rows: list[reports.Line]) -> tuple[reports.Line, float, float]:
    """A line with two lengths in percent of the longest: applications, and the awards among them."""
    most = max(row.applications for row in rows)
    return line, round(100 * line.applications / most, 1), round(100 * line.awards / most, 1)


def _recent(request: HttpRequest) -> list[Cycle]:
    """The latest cycles of every program this person manages, asked once for each request."""
    found = getattr(request, "_recent_cycles", None)
    if found is None:
        found = request._recent_cycles = boards.recent_cycles(_manager(request), number=24)
    return found


def _others(cycles: list[Cycle], here: str) -> list[tuple[str, str, bool]]:
    """What the page can switch to: years first, then cycles."""
    found: dict[str, str] = {}
    for cycle in cycles:
        url = reverse("admin:report_of_year", args=[cycle.program_id, cycle.evaluation_on.year])
        found.setdefault(url, f"{cycle.program.short_code}, {cycle.evaluation_on.year}")
    for cycle in cycles:
        url = reverse("admin:report_of_cycle", args=[cycle.pk])
        found[url] = f"{cycle.program.short_code}, {cycle}"
    return [(url, name, url == here) for url, name in found.items()]


@require_POST
def public(request: HttpRequest, program_id: int) -> HttpResponse:
    """Show the yearly figures of a program to everybody, or stop. For those who manage it, not for onlookers."""
    program = _program(request, program_id)
    desk = staff.desk(request)
    if not desk.holds(Role.MANAGER, program_id=program_id):
        raise PermissionDenied
    on = request.POST.get("show") == "yes"
    public_figures.switch(program_id=program.pk, on=on, by=desk.user, at=clock.now())
    messages.success(
        request,
        f"{program} shows its yearly figures now."
        if on
        else f"{program} does not show its figures any more.",
    )
    return redirect("admin:reports")
