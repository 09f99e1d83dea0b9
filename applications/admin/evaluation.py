"""Pages between the batch and its reviews: who gets what, who may not, which applications hang together, who knows what."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET

from applications import boards, conflict_lists, plans
from portal import clock
from portal.roles import Role
from programs import staff
from programs.models import Cycle


def urls(site: AdminSite) -> list[URLPattern]:
    from applications.admin import conflict_pages, dealing_pages, group_pages, profile_pages

    view = site.admin_view
    deal = "boards/assignment/"
    return [
        path(deal, view(any_cycle("admin:dealing_of")), name="dealing"),
        path(f"{deal}<int:pk>/", view(dealing_pages.board), name="dealing_of"),
        path(f"{deal}<int:pk>/propose/", view(dealing_pages.propose), name="dealing_propose"),
        path(f"{deal}<int:pk>/import/", view(dealing_pages.take_file), name="dealing_import"),
        path(f"{deal}<int:pk>/<int:plan>/apply/", view(dealing_pages.apply), name="dealing_apply"),
        path(
            f"{deal}<int:pk>/<int:plan>/set-aside/", view(dealing_pages.set_aside), name="dealing_set_aside"
        ),
        path("boards/conflicts/<int:pk>/", view(conflict_pages.board), name="conflicts_of"),
        path("boards/conflicts/<int:pk>/declare/", view(conflict_pages.declare), name="conflict_declare"),
        path(
            "boards/conflicts/<int:pk>/<int:conflict>/withdraw/",
            view(conflict_pages.withdraw),
            name="conflict_withdraw",
        ),
        path("boards/conflicts/mine/<int:pk>/", view(conflict_pages.mine), name="conflict_mine"),
        path("boards/groups/<int:pk>/", view(group_pages.board), name="groups_of"),
        path("boards/groups/<int:pk>/<int:application>/", view(group_pages.group), name="group"),
        path(
            "boards/groups/<int:pk>/<int:application>/not-the-same/",
            view(group_pages.not_the_same),
            name="group_not_the_same",
        ),
        path("boards/profile/", view(profile_pages.mine), name="profile"),
        path("boards/profile/<int:pk>/", view(profile_pages.of_member), name="profile_of"),
    ]


def any_cycle(name: str) -> Any:
    """A view that leads to the page of the cycle that matters most now."""

    @require_GET
    def lead(request: HttpRequest) -> HttpResponse:
        cycle = boards.default_cycle(manager(request))
        if cycle is None:
            context = {**admin.site.each_context(request), "title": "No cycle yet"}
            return render(request, "admin/applications/no_cycle.html", context)
        return redirect(name, cycle.pk)

    return lead


def manager(request: HttpRequest) -> staff.Desk:
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER):
        raise PermissionDenied
    return desk


def cycle_of(request: HttpRequest, pk: int) -> Cycle:
    """A cycle of a program this person manages; any other is a 404."""
    rows = boards.cycles(manager(request)).select_related("program", "rules_version", "batch")
    return get_object_or_404(rows, pk=pk)


def context(request: HttpRequest, cycle: Cycle, here: str) -> dict[str, Any]:
    desk = staff.desk(request)
    others = boards.recent_cycles(desk)
    if cycle not in others:
        others.append(cycle)
    return {
        **admin.site.each_context(request),
        "accent": cycle.program.accent,
        "cycle": cycle,
        "program": cycle.program,
        "zone": cycle.program.time_zone,
        "others": [
            (reverse(here, args=[other.pk]), f"{other.program.short_code}, {other}", other == cycle)
            for other in others
        ],
        "now": clock.now(),
        "holds_role": desk.everything or desk.holds(Role.MANAGER, program_id=cycle.program_id),
    }


def card(request: HttpRequest, cycle: Cycle) -> dict[str, Any]:
    """What the batch board says about conflicts and proposals. Two queries."""
    return {
        "conflict_counts": conflict_lists.counts(staff.desk(request), cycle),
        "proposals": plans.of_cycle(cycle)[0],
    }


def text_of(request: HttpRequest, name: str) -> str:
    """One posted text, without characters that no table keeps."""
    return request.POST.get(name, "")[:1000].replace("\x00", "")


def whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0
