"""The reviewer queue: the changelist of applications. Every row and every page of one passes through desk.visible."""

from functools import cache, cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.html import format_html

from applications import desk as desk_queries
from applications import queue
from applications.admin import bulk, filters, navigation, pages, reviewing
from applications.models import Application, DecisionKind
from credits.money import format_money
from portal import clock, texts
from portal.admin_base import ReadOnlyAdmin
from portal.roles import Role
from programs import staff

UPDATE = format_html('<span class="label">{}</span>', "update of an award")


class QueueList(ChangeList):
    """The list with what stands beside its rows, fetched for the page and not for each row."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows = super().get_queryset(request, exclude_parameters)
        base = self.root_queryset
        for spec in self.filter_specs:
            if getattr(spec, "is_scope", False):
                narrowed = spec.queryset(request, base)
                base = base if narrowed is None else narrowed
        self.scope_base = base
        self.desk = staff.desk(request)
        self.request = request
        return rows

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        known = [cycle for spec in self.filter_specs for cycle in getattr(spec, "past", ())]
        found = queue.facts(self.desk, self.result_list, known)
        for row in self.result_list:
            row.beside = found[row.pk]

    @cached_property
    def facets(self) -> queue.Facets:
        return queue.facets(self.desk, self.scope_base)

    @cached_property
    def my_counts(self) -> dict[str, int]:
        return navigation.my_counts(self.request)


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    list_display = ("work", "flags", "group", "asked", "looked", "standing", "sent")
    list_display_links = None
    list_filter = (
        filters.MineFilter,
        filters.CycleFilter,
        filters.LooksFilter,
        filters.GateFilter,
        filters.FlagFilter,
        filters.FieldFilter,
        filters.StateFilter,
    )
    search_fields = ("reference",)
    search_help_text = "Reference, or words of the title"
    ordering = ("cycle_id", "state", "pk")  # the order of the index application_in_cycle
    sortable_by = ()
    actions = ("propose_awards", "propose_declines", "defer", "put_on_list", "undo_decisions")

    # --- who sees what

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return desk_queries.visible(staff.desk(request), queryset)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("answers")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Bulk decisions are for managers; which rows, the operation asks again for each."""
        return request.user.has_perm("applications.add_decision") and staff.desk(request).holds(Role.MANAGER)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return queue.search(staff.desk(request), queryset, search_term), False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only the filters of the list: a column in the address would answer questions that no page answers."""
        return lookup in {choice.parameter_name for choice in self.list_filter}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QueueList

    # --- pages

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return pages.history_page(request, object_id)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        name = "applications_application"

        def kept(page: Any) -> Any:
            """Somebody who lost their last role while typing is told so; the sign-in page would drop their words."""
            inner = view(page)

            def wrapper(request: HttpRequest, pk: int) -> HttpResponse:
                if request.method == "POST" and reviewing.has_lost_the_desk(request):
                    return page(request, pk)
                return inner(request, pk)

            return wrapper

        return [
            path("next/", view(reviewing.go_next), name=f"{name}_next"),
            path("bulk/", view(bulk.run), name=f"{name}_bulk"),
            path("<int:pk>/review/", kept(reviewing.review_page), name=f"{name}_review"),
            path("<int:pk>/review/save/", kept(reviewing.autosave), name=f"{name}_autosave"),
            path("<int:pk>/review/recuse/", view(reviewing.recuse), name=f"{name}_recuse"),
            path("<int:pk>/gate/", view(reviewing.answer_gate), name=f"{name}_gate"),
            path("<int:pk>/thread/", view(reviewing.say), name=f"{name}_thread"),
            path("<int:pk>/copy/<slug:key>/", view(reviewing.redact), name=f"{name}_redact"),
            path("<int:pk>/decide/", view(pages.decide), name=f"{name}_decide"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return pages.application_page(request, object_id)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        desk = staff.desk(request)
        programs = list(desk.programs.values())
        context = {
            "title": "Queue",
            "accent": programs[0].accent if len(programs) == 1 else "none",
            "whole_programs": desk.sees(Role.MANAGER, Role.SCREENER),
            "reviews": desk.holds(Role.REVIEWER),
            "next_freeze": cache(
                lambda: queue.next_freeze(desk, at=clock.now())
            ),  # asked by an empty list only
            "has_import_permission": False,
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    # --- columns: everything comes from row.beside

    @admin.display(description="Application")
    def work(self, row: Any) -> str:
        return format_html(
            '<a class="row-link" href="{}">{}</a><span class="under"><span class="ref">{}</span>{} {}</span>',
            reverse("admin:applications_application_change", args=[row.pk]),
            row.beside.title,
            row.reference,
            row.beside.field,
            UPDATE if row.amends_id else "",
        )

    @admin.display(description="Flags")
    def flags(self, row: Any) -> str:
        return (
            render_to_string("admin/components/flags.html", {"flags": row.beside.flags})
            if row.beside.flags
            else ""
        )

    @admin.display(description="Group")
    def group(self, row: Any) -> str:
        if not row.beside.similar:
            return ""
        number = row.beside.similar + 1
        return format_html(
            '<span class="group" title="{} applications read alike"><span>{}</span>'
            '<span class="visually-hidden"> similar applications</span></span>',
            number,
            number,
        )

    @admin.display(description="Asked")
    def asked(self, row: Any) -> str:
        program = row.beside.program
        currency = program.currency if program else "USD"
        return format_money(row.requested_cents, currency) if row.requested_cents else ""

    @admin.display(description="Looks")
    def looked(self, row: Any) -> str:
        return render_to_string(
            "admin/components/looks.html", {"looks": row.beside.looks, "wanted": row.beside.wanted}
        )

    @admin.display(description="State")
    def standing(self, row: Any) -> str:
        if row.beside.mine:
            return format_html(
                '<span class="state is-{}">{}</span>', row.beside.mine, queue.MINE[row.beside.mine]
            )
        if row.state != "in_review":
            return format_html('<span class="state is-off">{}</span>', row.get_state_display())
        if row.beside.decision:
            return format_html(
                '<span class="state is-draft">{} pending</span>', DecisionKind(row.beside.decision).label
            )
        return format_html('<span class="state is-none">{}</span>', "–")

    @admin.display(description="Sent")
    def sent(self, row: Application) -> str:
        return texts.day_short(row.submitted_at) if row.submitted_at else ""

    # --- bulk: a confirmation page first, then one operation for each row

    @admin.action(description="Propose the default award", permissions=["decide"])
    def propose_awards(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return bulk.confirm(request, "award", queryset)

    @admin.action(description="Decline", permissions=["decide"])
    def propose_declines(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return bulk.confirm(request, "decline", queryset)

    @admin.action(description="Defer to the next evaluation", permissions=["decide"])
    def defer(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return bulk.confirm(request, "defer", queryset)

    @admin.action(description="Put on the waiting list", permissions=["decide"])
    def put_on_list(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return bulk.confirm(request, "wait", queryset)

    @admin.action(description="Undo the pending decision", permissions=["decide"])
    def undo_decisions(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return bulk.confirm(request, "undo", queryset)
