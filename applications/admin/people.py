"""The search box, and the pages of people, organizations and institutions."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from applications import people, search
from portal import clock
from portal.roles import Role
from programs import staff


def urls(site: AdminSite) -> list[URLPattern]:
    view = site.admin_view
    return [
        path("search/", view(find), name="search"),
        path("people/", view(people_search), name="people"),
        path("people/<int:pk>/", view(person), name="person"),
        path("people/organizations/<str:external_id>/", view(organization), name="organization"),
        path("people/institutions/", view(institution), name="institution"),
    ]


def _manager(request: HttpRequest) -> staff.Desk:
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER):
        raise PermissionDenied
    return desk


@require_GET
def find(request: HttpRequest) -> HttpResponse:
    """The box in the head of every page (`?q=`). A whole reference leads straight to its application."""
    desk = staff.desk(request)
    if not desk.sees(Role.REVIEWER, Role.SCREENER, Role.MANAGER):
        raise PermissionDenied
    found = search.find(desk, request.GET.get("q", ""))
    if found.number == 1 and found.applications and found.applications[0].reference == found.text.upper():
        return redirect("admin:applications_application_change", found.applications[0].pk)
    return _render(request, "search.html", {"title": "Search", "found": found})


@require_GET
def people_search(request: HttpRequest) -> HttpResponse:
    """People and places by name, address, reference or ID."""
    found = search.find(_manager(request), request.GET.get("q", ""))
    return _render(request, "search.html", {"title": "People", "found": found, "only_people": True})


@require_GET
def person(request: HttpRequest, pk: int) -> HttpResponse:
    desk = _manager(request)
    found = people.person(desk, pk)
    if found is None:
        raise Http404
    who, page = found
    people.note_reading(who=who, by=desk.user, at=clock.now())
    institutions = list(
        dict.fromkeys(row.application.institution for row in page.sent if row.application.institution)
    )
    context = {
        "title": str(who),
        "who": who,
        "page": page,
        "institutions": institutions[:5],
        "organizations": _organizations(page),
    }
    return _render(request, "person.html", context)


@require_GET
def organization(request: HttpRequest, external_id: str) -> HttpResponse:
    page = people.organization(_manager(request), external_id)
    if page is None:
        raise Http404
    context = {"title": external_id, "over": "Organization", "page": page, "mono": True}
    return _render(request, "place.html", context)


@require_GET
def institution(request: HttpRequest) -> HttpResponse:
    """`?name=` and, where it is known, `&ror=`."""
    name, ror = request.GET.get("name", "")[:300].replace("\x00", ""), request.GET.get("ror", "")[:9]
    page = people.institution(_manager(request), name, ror)
    if page is None:
        raise Http404
    context = {
        "title": name or f"ROR {ror}",
        "over": "Institution",
        "page": page,
        "ror": ror,
        "organizations": _organizations(page),
    }
    return _render(request, "place.html", context)


def _organizations(page: people.Page) -> list[str]:
    """The organization IDs that were named, each once."""
    named = [row.application.organization_id_text for row in page.sent]
    named += [row.grant.organization.external_id for row in page.sent if row.grant and row.grant.organization]
    return list(dict.fromkeys(text for text in named if text))[:10]


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    whole = {**admin.site.each_context(request), "now": clock.now(), **context}
    return render(request, f"admin/applications/people/{template}", whole)
