"""Read-only records: batches, decisions, letters, and what people found. Rows follow desk.visible."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html

from applications import decisions, desk, looks, notices, queue
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    Batch,
    Decision,
    DecisionState,
    GateResult,
    Notice,
    NoticeState,
    Review,
    ScreeningCheck,
)
from credits.money import with_code
from portal import clock
from portal.admin_base import ReadOnlyAdmin
from portal.roles import Role
from programs import staff
from programs.models import MessageTemplate


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("cycle_name", "formed_at", "applications_count", "screened_at", "assigned_at")
    list_select_related = ("cycle__program",)
    ordering = ("-formed_at", "-pk")
    fields = (
        "cycle",
        "formed_at",
        "applications_count",
        "manifest_sha256",
        "screened_at",
        "assigned_at",
        "rules",
    )

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        at_desk = staff.desk(request)
        if at_desk.everything:
            return queryset
        return queryset.filter(cycle__program_id__in=at_desk.program_ids(Role.MANAGER, Role.AUDITOR))

    @admin.display(description="Batch", ordering="cycle__evaluation_on")
    def cycle_name(self, row: Batch) -> str:
        return f"{row.cycle.program}, {row.cycle}"


class SecondPerson(admin.SimpleListFilter):
    title = "waits for"
    parameter_name = "wants"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("second", "A second person: me")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "second":
            return queryset
        return queryset.filter(pk__in=desk.second_person_wanted(staff.desk(request)).values("pk"))


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ("what", "reference", "amount", "state", "proposed_by", "proposed_at", "approved_by")
    list_select_related = ("application__program", "proposed_by", "approved_by")
    list_filter = (SecondPerson, "state", "kind")
    search_fields = ("application__reference",)
    search_help_text = "Reference"
    ordering = ("-pk",)
    change_form_template = "admin/applications/decision/change_form.html"

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        at_desk = staff.desk(request)
        rows = Application.objects.all()
        if not at_desk.everything:
            rows = rows.filter(program_id__in=at_desk.program_ids(Role.MANAGER, Role.FINANCE, Role.AUDITOR))
        allowed = desk.without_conflict(at_desk, rows)
        return queryset.filter(application__in=allowed)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip().upper()
        return (queryset.filter(application__reference__startswith=words) if words else queryset), False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.approve)
        return [
            path("<int:pk>/approve/", view, name="applications_decision_approve"),
            *super().get_urls(),
        ]

    def approve(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _approve(self, request, pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        decision = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if decision is not None:
            context = {
                "title": f"{decision.get_kind_display()} for {decision.application.reference}",
                "decision": decision,
                "application": decision.application,
                "program": decision.application.program,
                "zone": decision.application.program.time_zone,
                "accent": decision.application.program.accent,
                "needs_second": decision.needs_second_person,
                "may_approve": decision.proposed_by_id != request.user.pk
                and staff.desk(request).holds(
                    Role.MANAGER, Role.FINANCE, program_id=decision.application.program_id
                ),
                "may_open": staff.desk(request).everything
                or staff.desk(request).holds(Role.MANAGER, program_id=decision.application.program_id),
            }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @admin.display(description="Decision", ordering="kind")
    def what(self, row: Decision) -> str:
        return row.get_kind_display()

    @admin.display(description="Application")
    def reference(self, row: Decision) -> str:
        return format_html('<span class="ref">{}</span>', row.application.reference)

    @admin.display(description="Amount", ordering="amount_cents")
    def amount(self, row: Decision) -> str:
        return with_code(row.amount_cents, row.application.program.currency)


def _approve(model_admin: DecisionAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """The second person's yes to an award above the limit."""
    decision = model_admin.get_queryset(request).filter(pk=pk, state=DecisionState.PENDING).first()
    if decision is None or request.method != "POST":
        raise Http404
    try:
        decisions.approve(decision_id=pk, by=staff.desk(request).user, at=clock.now())
    except decisions.CannotDecide as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "You approved the award. It waits for release.")
    return redirect(reverse("admin:applications_decision_change", args=[pk]))


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = (
        "letter",
        "to",
        "code",
        "state",
        "sent_at",
        "last_error",
    )
    list_select_related = ("recipient", "program")
    list_filter = ("state", "kind")
    search_fields = ("application__reference",)
    search_help_text = "Reference or the recipient's address"
    ordering = ("-pk",)
    change_form_template = "admin/applications/notice/change_form.html"
    actions = ("send_again",)

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(pk__in=desk.letters(staff.desk(request)).values("pk"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip()
        if "@" in words:
            address = Q(recipient__email=words.lower()) | Q(address=words.lower())
            return queryset.filter(address), False
        return (
            queryset.filter(application__reference__startswith=words.upper()) if words else queryset
        ), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        notice = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if notice is not None:
            subject, body, problem = _rendered(notice)
            context = {
                "title": notice.get_kind_display(),
                "accent": notice.program.accent if notice.program else "none",
                "notice": notice,
                "subject_line": subject,
                "body": body,
                "problem": problem,
                "waits": notice.state != NoticeState.SENT,
                "zone": notice.program.time_zone if notice.program else "UTC",
            }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @admin.display(description="To", ordering="recipient__email")
    def to(self, row: Notice) -> str:
        return row.to

    @admin.display(description="Program", ordering="program")
    def code(self, row: Notice) -> str:
        return row.program.short_code if row.program else ""

    @admin.display(description="Letter", ordering="kind")
    def letter(self, row: Notice) -> str:
        return row.get_kind_display()

    @admin.action(description="Send again", permissions=["view"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = list(queryset.exclude(state=NoticeState.SENT).values_list("pk", flat=True)[: queue.CAP])
        number = notices.retry(notice_ids=ids, by=staff.desk(request).user, at=clock.now())
        self.message_user(request, f"{number:,} letters go again with the next sweep.", messages.SUCCESS)


def _rendered(notice: Notice) -> tuple[str, str, str]:
    """The letter as it would be sent now, or why it cannot be."""
    try:
        subject, body = notices.render(notice)
    except MessageTemplate.DoesNotExist:
        return "", "", "The program has no text for this kind of letter."
    except notices.NothingToSay:
        return "", "", "What it reminds of is done; it will not be sent."
    except (KeyError, ValueError) as error:
        return "", "", f"The text has a placeholder that cannot be filled: {error}"
    return subject, body, ""


class OfApplication(ReadOnlyAdmin):
    """A record that belongs to an application and is seen where the application is seen."""

    list_select_related = ("application",)
    search_fields = ("application__reference",)
    search_help_text = "Reference"
    ordering = ("-pk",)

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(application__in=desk.visible(staff.desk(request)))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip().upper()
        return (queryset.filter(application__reference__startswith=words) if words else queryset), False


@admin.register(Assignment)
class AssignmentAdmin(OfApplication):
    list_display = ("application", "reviewer", "state", "assigned_at", "due_at")
    list_select_related = ("application", "reviewer")
    list_filter = ("state",)

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset, at_desk = super().scope(request, queryset), staff.desk(request)
        if at_desk.everything:
            return queryset
        managed = Q(application__program_id__in=at_desk.program_ids(Role.MANAGER))
        return queryset.filter(Q(reviewer=at_desk.user) | managed)


@admin.register(Review)
class ReviewAdmin(OfApplication):
    """Reviewers find their own here; a peer's review is read on the application's page, once their own is in."""

    list_display = ("application", "reviewer", "state", "total", "clear_decline", "submitted_at")
    list_select_related = ("application", "reviewer")
    list_filter = ("state", "clear_decline")

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = super().scope(request, queryset)
        at_desk = staff.desk(request)
        if at_desk.everything:
            return queryset
        waiting = Assignment.objects.filter(reviewer=at_desk.user, state=AssignmentState.TO_DO)
        whole = Q(application__program_id__in=at_desk.program_ids(Role.MANAGER))
        return queryset.filter(
            Q(reviewer=at_desk.user) | whole & ~Q(application__in=waiting.values("application_id"))
        )


@admin.register(ScreeningCheck)
class ScreeningCheckAdmin(OfApplication):
    list_display = ("application", "kind", "outcome", "sentence", "checked_at")
    list_filter = ("kind", "outcome")
    fields = ("application", "kind", "outcome", "sentence", "checked_at")

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = super().scope(request, queryset)
        at_desk = staff.desk(request)
        return queryset if at_desk.everything else queryset.exclude(looks.hidden_checks(at_desk))


@admin.register(GateResult)
class GateResultAdmin(OfApplication):
    list_display = ("application", "criterion", "outcome", "decided_by", "decided_at")
    list_select_related = ("application", "criterion", "decided_by")
    list_filter = ("outcome",)

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Of the programs in which this person's role has gates; reviewers read them on the application's page."""
        queryset, at_desk = super().scope(request, queryset), staff.desk(request)
        if at_desk.everything:
            return queryset
        return queryset.filter(application__program_id__in=at_desk.program_ids(Role.MANAGER, Role.SCREENER))
