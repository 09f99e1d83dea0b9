"""Cases about money: the list, and the page on which a person says what was found and done."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html

from applications import case_desk
from credits import cases
from credits.models import Case
from portal import clock
from portal.admin_base import ReadOnlyAdmin
from programs import staff


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("settled", "Settled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() in ("open", "settled"):
            return queryset.filter(settled_at__isnull=self.value() == "open")
        return queryset


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = case_desk.cases(staff.desk(request)).order_by().values_list("kind", flat=True).distinct()
        return sorted(((kind, cases.words_of(kind)) for kind in kinds), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """Every case this person may see; each opens the page that settles it."""

    list_display = ("what", "grant", "opened_at", "state")
    list_display_links = None
    list_filter = (StateFilter, KindFilter, "program")
    list_select_related = ("grant", "settled_by")
    search_fields = ("key__startswith", "grant__reference__startswith", "organization__external_id__exact")
    search_help_text = "The start of a reference or key, or a whole organization ID"
    actions = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        return queryset.filter(pk__in=case_desk.cases(staff.desk(request)).order_by().values("pk"))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (F("settled_at").desc(nulls_first=True), "-pk")

    @admin.display(description="Case")
    def what(self, case: Case) -> str:
        url = reverse("admin:credits_case_change", args=[case.pk])
        about = " · ".join(filter(None, [cases.words_of(case.kind), case.program]))
        return format_html(
            '<a class="row-link" href="{}">{}</a><span class="under muted">{}</span>', url, case.words, about
        )

    @admin.display(description="State")
    def state(self, case: Case) -> str:
        return "Open" if case.is_open else f"Settled by {case.settled_by}"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One case with what it is about; POST settles it with a reason."""
        case = self.get_object(request, object_id)
        if case is None or not self.has_view_permission(request, case):
            raise Http404
        desk = staff.desk(request)
        may = case_desk.may_settle(desk, case)
        problem, entered = "", request.POST.get("reason", "")
        if request.method == "POST":
            if not may:
                raise Http404
            try:
                cases.settle(case=case, by=desk.user, at=clock.now(), reason=entered)
            except cases.CannotSettle as error:
                problem = str(error)
            else:
                messages.success(request, "The case is settled.")
                return redirect(f"{reverse('admin:credits_case_changelist')}?state=open")
        context = self.admin_site.each_context(request) | {
            "title": f"Case {case.pk}",
            "case": case,
            "kind": cases.words_of(case.kind),
            "program": next((p for p in desk.programs.values() if p.slug == case.program), None),
            "may_settle": may and case.is_open,
            "problem": problem,
            "entered": entered,
        }
        return render(request, "admin/credits/case.html", context, status=422 if problem else 200)
