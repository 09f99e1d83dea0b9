"""Organizations at a provider: their grants, holds and labels; events of the provider; another organization for a grant."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from applications import organization_desk
from credits import enforcement, inbound, ledger, organization_changes
from credits.models import (
    FREEZES,
    ChangeState,
    Enforcement,
    EnforcementKind,
    InboundEvent,
    Organization,
    OrganizationChange,
)
from credits.models.organization_change import WAITING
from portal import clock
from portal.admin_base import ReadOnlyAdmin
from portal.database import with_retries
from portal.refusals import Refused
from programs import staff

CONFIRM = "Tick this to say that you mean it."


def urls(site: AdminSite) -> list[URLPattern]:
    view = site.admin_view
    return [
        path("boards/organizations/<int:pk>/impose/", view(impose), name="organization_impose"),
        path("boards/organizations/lift/<int:pk>/", view(lift), name="organization_lift"),
        path("boards/grants/<int:pk>/organization/", view(another), name="grant_organization"),
    ]


class ImposeForm(forms.Form):
    """A hold, a suspension or a label, with the reason that managers read."""

    kind = forms.ChoiceField(
        label="What",
        choices=[
            (EnforcementKind.HOLD, "Hold: while somebody looks"),
            (EnforcementKind.SUSPEND, "Suspension: the provider does not serve it"),
            (EnforcementKind.LABEL, "Label: a fact to know; nothing is frozen"),
        ],
        error_messages={"required": "Choose what it is."},
    )
    reason = forms.CharField(
        label="Reason",
        max_length=300,
        help_text="Managers, finance approvers, operators and auditors read it; reviewers and grantees do not.",
        error_messages={"required": "Give a reason. Managers read it."},
    )
    sure = forms.BooleanField(
        label="I know that a hold or a suspension freezes everything unspent there at once",
        error_messages={"required": CONFIRM},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)


class LiftForm(forms.Form):
    reason = forms.CharField(
        label="Why it is lifted",
        max_length=300,
        help_text="It is kept beside the reason for which it was imposed.",
        error_messages={"required": "Say why it is lifted. It is kept."},
    )
    sure = forms.BooleanField(label="", error_messages={"required": CONFIRM})

    def __init__(self, *args: Any, freezes: bool, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["sure"].label = (
            "I know that frozen credit can be used again, unless another hold stands"
            if freezes
            else "I know that the label is gone for everybody"
        )


class AnotherForm(forms.Form):
    """The organization that the rest of a grant goes to; its ID is typed twice."""

    organization_id = forms.CharField(
        label="Organization ID", max_length=80, error_messages={"required": "Enter the organization ID."}
    )
    again = forms.CharField(
        label="The same ID once more",
        max_length=80,
        error_messages={"required": "Enter the ID a second time."},
    )
    reason = forms.CharField(
        label="Why it changes",
        max_length=300,
        help_text="The person who approves it reads this.",
        error_messages={"required": "Say why it changes."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, second = data.get("organization_id", ""), data.get("again", "")
        if first and second and first.strip() != second.strip():
            self.add_error("again", "The two differ. Copy it from the provider's settings again.")
        return data


# --- One organization -------------------------------------------------------------------------------------------------------


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    """Organizations, seen through their grants."""

    list_display = ("external_id", "provider", "name", "on_hold", "created_at")
    list_filter = ("provider",)
    search_fields = ("external_id__startswith",)
    search_help_text = "The start of an organization ID"
    ordering = ("-id",)

    def scope(self, request: HttpRequest, queryset: QuerySet[Organization]) -> QuerySet[Organization]:
        seen = organization_desk.organizations(staff.desk(request)).order_by().values("pk")
        return queryset.filter(pk__in=seen).annotate(is_held=enforcement.held("pk"))

    @admin.display(description="Credit")
    def on_hold(self, row: Any) -> str:
        return format_html('<span class="label is-danger">{}</span>', "on hold") if row.is_held else ""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One organization: what stands against it, its grants, what the provider told about it."""
        found = self.get_object(request, object_id)
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        if request.method == "POST":
            raise PermissionDenied
        return _page(request, found, ImposeForm())


@require_http_methods(["POST"])
def impose(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a hold, a suspension or a label on an organization."""
    found = _organization(request, pk)
    desk = staff.desk(request)
    if not organization_desk.may_enforce(desk, found):
        raise Http404
    form = ImposeForm(request.POST)
    if form.is_valid():
        kind = EnforcementKind(form.cleaned_data["kind"])
        act = partial(
            enforcement.impose,
            organization_id=found.pk,
            kind=kind,
            reason=form.cleaned_data["reason"],
            by=desk.user,
            at=clock.now(),
        )
        try:
            with_retries(act)
        except (enforcement.CannotEnforce, ledger.PostingStopped) as error:
            form.add_error(None, str(error))
        else:
            frozen = " What was unspent is frozen." if kind in FREEZES else ""
            messages.success(request, f"The {kind.label.lower()} stands.{frozen}")
            return redirect("admin:credits_organization_change", found.pk)
    return _page(request, found, form)


@require_http_methods(["GET", "POST"])
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """End one hold, suspension or label; asks for the reason first."""
    row = get_object_or_404(Enforcement.objects.select_related("imposed_by"), pk=pk)
    found = _organization(request, row.organization_id)
    desk = staff.desk(request)
    if not organization_desk.may_enforce(desk, found):
        raise Http404
    freezes = row.kind in FREEZES
    form = LiftForm(request.POST or None, freezes=freezes)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        act = partial(enforcement.lift, enforcement_id=pk, reason=reason, by=desk.user, at=clock.now())
        try:
            with_retries(act)
        except (enforcement.CannotEnforce, ledger.PostingStopped) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The {row.get_kind_display().lower()} is lifted.")
            if freezes and enforcement.is_held(found.pk):
                messages.warning(request, "What is frozen stays so, because another one stands.")
            return redirect("admin:credits_organization_change", found.pk)
    context = admin.site.each_context(request) | {
        "title": f"Lift the {row.get_kind_display().lower()}",
        "organization": found,
        "row": row,
        "frozen": organization_desk.frozen(desk, found) if freezes else {},
        "others": freezes and enforcement.freezing().filter(organization=found).exclude(pk=pk).exists(),
        "form": form,
    }
    return render(request, "admin/credits/lift.html", context, status=422 if form.errors else 200)


def _page(request: HttpRequest, found: Organization, form: ImposeForm) -> HttpResponse:
    desk = staff.desk(request)
    rows = enforcement.of_organization(found.pk)
    context = admin.site.each_context(request) | {
        "title": found.external_id,
        "organization": found,
        "standing": [row for row in rows if row.stands],
        "past": [row for row in rows if not row.stands],
        "is_held": any(row.stands and row.kind in FREEZES for row in rows),
        "frozen": organization_desk.frozen(desk, found),
        "lots": organization_desk.lots(desk, found),
        "events": organization_desk.events(desk).filter(organization=found).order_by("-pk")[:10],
        "may_enforce": organization_desk.may_enforce(desk, found),
        "may_change": desk.sees(*organization_desk.ASKS),
        "form": form,
    }
    return render(request, "admin/credits/organization.html", context, status=422 if form.errors else 200)


def _organization(request: HttpRequest, pk: int) -> Organization:
    return get_object_or_404(organization_desk.organizations(staff.desk(request)), pk=pk)


# --- Another organization for a grant -----------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def another(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask that the rest of a grant goes to another organization; what was asked before stands below."""
    desk = staff.desk(request)
    rows = organization_desk.grants(desk).select_related("organization", "holder")
    grant = get_object_or_404(rows, pk=pk, organization__isnull=False)
    program = organization_desk.program_of(grant)
    may_ask = program is not None and organization_desk.may_ask(desk, grant)
    form = AnotherForm(request.POST or None)
    if request.method == "POST":
        if not may_ask or program is None:
            raise Http404
        if form.is_valid():
            act = partial(
                organization_changes.ask,
                grant_id=grant.pk,
                organization_id=form.cleaned_data["organization_id"],
                format=program.organization_id_format,
                reason=form.cleaned_data["reason"],
                by=desk.user,
                at=clock.now(),
            )
            try:
                made = with_retries(act)
            except Refused as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, "Asked for. Another person approves it before anything moves.")
                return redirect("admin:credits_organizationchange_change", made.pk)
    changes = organization_changes.of_grant(grant)
    context = admin.site.each_context(request) | {
        "title": f"Another organization for {grant}",
        "accent": program.accent if program else "",
        "program": program,
        "grant": grant,
        "left_cents": organization_changes.left_cents(grant),
        "why_not": organization_changes.why_not(grant),
        "changes": changes,
        "waits": any(change.state in WAITING for change in changes),
        "may_ask": may_ask,
        "form": form,
    }
    return render(
        request, "admin/credits/another_organization.html", context, status=422 if form.errors else 200
    )


@admin.register(OrganizationChange)
class OrganizationChangeAdmin(ReadOnlyAdmin):
    """Every change of organization that this person may see; each opens the page that decides it."""

    list_display = ("what", "to_organization", "reason", "state", "asked_by", "opened_at", "decided_by")
    list_display_links = None
    list_filter = ("state",)
    actions = None

    def scope(
        self, request: HttpRequest, queryset: QuerySet[OrganizationChange]
    ) -> QuerySet[OrganizationChange]:
        seen = organization_desk.changes(staff.desk(request)).order_by().values("pk")
        return organization_changes.changes().filter(pk__in=seen)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-pk",)

    @admin.display(description="Grant")
    def what(self, change: OrganizationChange) -> str:
        url = reverse("admin:credits_organizationchange_change", args=[change.pk])
        return format_html('<a class="row-link" href="{}">{}</a>', url, change.grant)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One change: what would move, what to look at first, and the buttons of whoever may decide it."""
        change = self.get_object(request, object_id)
        if change is None or not self.has_view_permission(request, change):
            raise Http404
        desk, grant = staff.desk(request), change.grant
        acts = _acts(request, desk, change)
        problem = ""
        if request.method == "POST":
            act = acts.get(request.POST.get("do", ""))
            if act is None:
                raise Http404
            try:
                done = with_retries(partial(act, by=desk.user, at=clock.now()))
            except (Refused, ledger.CannotPost) as error:
                problem = str(error)
            else:
                messages.success(request, f"{grant}: {done.get_state_display().lower()}.")
                return redirect("admin:credits_organizationchange_change", change.pk)
        context = self.admin_site.each_context(request) | {
            "title": f"Another organization for {grant}",
            "change": change,
            "grant": grant,
            "program": organization_desk.program_of(grant),
            "left_cents": organization_changes.left_cents(grant),
            "why_not": organization_changes.why_not(grant) if change.state in WAITING else "",
            "shared_grants": organization_changes.others_with(change.to_organization, than=grant),
            "shared_applications": organization_desk.also_named_by(change.to_organization, than=grant),
            "acts": list(acts),
            "waits": change.state in WAITING,
            "problem": problem,
        }
        return render(
            request, "admin/credits/organization_change.html", context, status=409 if problem else 200
        )


def _acts(
    request: HttpRequest, desk: staff.Desk, change: OrganizationChange
) -> dict[str, Callable[..., OrganizationChange]]:
    """What this person may do with a change now, by the name of the button."""
    found: dict[str, Callable[..., OrganizationChange]] = {}
    if change.state not in WAITING:
        return found
    act = partial
    if change.asked_by_id == desk.user.pk:
        found["take_back"] = act(organization_changes.take_back, change_id=change.pk)
        return found
    if organization_desk.may_ask(desk, change.grant) and change.grant.holder_id != desk.user.pk:
        step = (
            organization_changes.take_up
            if change.state == ChangeState.WISHED
            else organization_changes.approve
        )
        found["take_up" if change.state == ChangeState.WISHED else "approve"] = act(step, change_id=change.pk)
        answer = request.POST.get("answer", "")
        found["refuse"] = act(organization_changes.refuse, change_id=change.pk, answer=answer)
    return found


# --- Events -------------------------------------------------------------------------------------------------------------------


@admin.register(InboundEvent)
class InboundEventAdmin(ReadOnlyAdmin):
    """What the provider told us, and how many calls were turned away at the door."""

    list_display = ("received_at", "what", "outcome", "about", "event_id")
    list_display_links = None
    list_filter = ("outcome", "type")
    list_select_related = ("organization", "grant")
    search_fields = ("event_id__exact", "organization__external_id__exact")
    search_help_text = "A whole id of an event, or a whole organization ID"
    ordering = ("-id",)
    actions = None
    change_list_template = "admin/credits/events.html"

    def scope(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> QuerySet[InboundEvent]:
        return queryset.filter(pk__in=organization_desk.events(staff.desk(request)).order_by().values("pk"))

    @admin.display(description="What")
    def what(self, row: InboundEvent) -> str:
        return format_html('{}<span class="under">{}</span>', row.type, row.words)

    @admin.display(description="About")
    def about(self, row: InboundEvent) -> str:
        if row.organization is None:
            return ""
        url = reverse("admin:credits_organization_change", args=[row.organization_id])
        return format_html(
            '<a href="{}" class="mono" title="{}">{}…</a>{}',
            url,
            row.organization,
            row.organization.external_id[:12],
            format_html('<span class="under">{}</span>', row.grant) if row.grant else "",
        )

    def has_view_permission(self, request: HttpRequest, obj: InboundEvent | None = None) -> bool:
        return obj is None and super().has_view_permission(request, obj)  # the list says all there is

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        refused = sorted(inbound.refused_calls(at=clock.now()).items())
        days = inbound.COUNTED_DAYS
        return super().changelist_view(
            request, {**(extra_context or {}), "refused_calls": refused, "counted_days": days}
        )
