"""The staff side: plain Django admin with our own home page, navigation and boards."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import SimpleLazyObject

from portal import clock


class StaffSite(AdminSite):
    """The desk: every page knows the navigation of whoever looks at it, and the first page is their work."""

    site_header = "Research Credits"
    site_title = "Research Credits"
    index_title = "My desk"
    index_template = "admin/index.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if context["has_permission"]:
            context["desk_nav"] = SimpleLazyObject(lambda: _navigation(request))
        return context

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        from applications import home
        from applications.admin import navigation
        from programs import staff

        at = clock.now()
        calls = navigation.attention(request)
        found = home.home(staff.desk(request), at=at, calls=calls, mine=navigation.loads(request))
        return super().index(request, {"home": found, "now": at, **(extra_context or {})})

    def money_of(self, request: HttpRequest) -> list[str] | None:
        """Slugs of the programs whose credits this person sees; None means all of them."""
        from programs import staff

        desk = staff.desk(request)
        if desk.everything:
            return None
        return [desk.programs[pk].slug for pk in desk.program_ids(*staff.SEES_MONEY)]

    def grants_seen(self, request: HttpRequest, grants: Any) -> Any:
        """The grants among these that this person has no conflict with."""
        from applications import desk
        from programs import staff

        return desk.grants_without_conflict(staff.desk(request), grants)

    def grants_hidden(self, request: HttpRequest) -> Any:
        """The grants that this person has a conflict with; asked once for each request."""
        from applications import desk
        from programs import staff

        if not hasattr(request, "_grants_hidden"):
            found = desk.hidden_grants(staff.desk(request)).values_list("pk", flat=True)
            request._grants_hidden = list(found)  # type: ignore[attr-defined]
        return request._grants_hidden  # type: ignore[attr-defined]

    def hidden_from(self, request: HttpRequest) -> tuple[list[int], list[int]]:
        """Ids of the applications this person has a conflict with, and of the people who sent them."""
        from applications import desk
        from programs import staff

        return desk.hidden_records(staff.desk(request))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The boards stand beside the records; each of their views passes through admin_view."""
        from applications.admin import (
            boards,
            evaluation,
            exports,
            later,
            organizations,
            people,
            reports,
            sponsors,
        )

        ours = [*boards.urls(self), *evaluation.urls(self), *later.urls(self)]
        ours += [*exports.urls(self), *organizations.urls(self), *people.urls(self)]
        ours += [*reports.urls(self), *sponsors.urls(self)]
        return [path("", include(ours)), *super().get_urls()]


def _navigation(request: HttpRequest) -> Any:
    from applications.admin import navigation

    return navigation.of(request)
