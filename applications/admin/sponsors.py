"""Sponsored work: an employee asks, a manager decides; the list, the form and the page of one."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from applications import sponsors
from applications.models import Sponsorship, SponsorState
from portal import clock
from portal.admin_base import ReadOnlyAdmin
from portal.database import with_retries
from portal.refusals import Refused
from programs import staff


def urls(site: AdminSite) -> list[URLPattern]:
    return [path("boards/sponsors/new/", site.admin_view(new), name="sponsor_new")]


class AskForm(forms.Form):
    program = forms.TypedChoiceField(
        label="Program", coerce=int, error_messages={"required": "Choose the program."}
    )
    email = forms.EmailField(
        label="Mail address of the applicant",
        help_text="That of their account here.",
        error_messages={"required": "Enter the applicant's mail address."},
    )
    organization_id = forms.CharField(
        label="Organization ID",
        max_length=80,
        help_text="The organization whose account gets the label.",
        error_messages={"required": "Enter the organization ID."},
    )
    reason = forms.CharField(
        label="What the work is, and why it needs this",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The manager who approves it reads this, and the label says it.",
        error_messages={"required": "Say what the work is."},
    )
    sure = forms.BooleanField(
        label="I know that I see nothing of this applicant's applications from now on",
        error_messages={"required": "Tick this to say that you mean it."},
    )

    def __init__(self, *args: Any, desk: staff.Desk, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        choices = [(program.pk, str(program)) for program in sponsors.programs_to_ask_in(desk)]
        self.fields["program"].choices = choices  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """An employee asks that the work of an applicant is approved."""
    desk = staff.desk(request)
    if not sponsors.programs_to_ask_in(desk):
        raise Http404
    form = AskForm(request.POST or None, desk=desk)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = sponsors.ask(
                program_id=data["program"],
                email=data["email"],
                organization_id=data["organization_id"],
                reason=data["reason"],
                by=desk.user,
                at=clock.now(),
            )
        except Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Asked for. A manager of the program decides it.")
            return redirect("admin:applications_sponsorship_change", made.pk)
    context = admin.site.each_context(request) | {"title": "Sponsor an applicant's work", "form": form}
    return render(
        request, "admin/applications/sponsors/new.html", context, status=422 if form.errors else 200
    )


@admin.register(Sponsorship)
class SponsorshipAdmin(ReadOnlyAdmin):
    """What one asked for, and for managers and auditors what was asked in their programs."""

    list_display = ("who", "organization", "program", "state", "sponsor", "asked_at", "decided_by")
    list_display_links = None
    list_filter = ("state", "program")
    list_select_related = ("applicant", "organization", "program", "sponsor", "decided_by")
    actions = None
    change_list_template = "admin/applications/sponsors/list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sponsorship]:
        return sponsors.seen(staff.desk(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ()

    @admin.display(description="Applicant")
    def who(self, row: Sponsorship) -> str:
        url = reverse("admin:applications_sponsorship_change", args=[row.pk])
        return format_html('<a class="row-link" href="{}">{}</a>', url, row.applicant)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One request with the buttons of whoever may decide it, take it back or end it."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        desk = staff.desk(request)
        acts = _acts(request, desk, row)
        problem = ""
        if request.method == "POST":
            act = acts.get(request.POST.get("do", ""))
            if act is None:
                raise PermissionDenied
            try:
                done = with_retries(partial(act, sponsorship_id=row.pk, by=desk.user, at=clock.now()))
            except Refused as error:
                problem = str(error)
            else:
                messages.success(request, f"{row.applicant}: {done.get_state_display().lower()}.")
                return redirect("admin:applications_sponsorship_change", row.pk)
        context = self.admin_site.each_context(request) | {
            "title": "Sponsored work",
            "row": row,
            "acts": list(acts),
            "is_open": row.state == SponsorState.ASKED,
            "problem": problem,
        }
        return render(
            request, "admin/applications/sponsors/one.html", context, status=409 if problem else 200
        )


def _acts(request: HttpRequest, desk: staff.Desk, row: Sponsorship) -> dict[str, Callable[..., Sponsorship]]:
    """What this person may do with it now, by the name of the button."""
    found: dict[str, Callable[..., Sponsorship]] = {}
    is_mine = row.sponsor_id == desk.user.pk
    if is_mine and row.state == SponsorState.ASKED:
        found["take_back"] = sponsors.take_back
    if sponsors.may_decide(desk, row):
        found["approve"] = sponsors.approve
        found["refuse"] = partial(sponsors.refuse, answer=request.POST.get("answer", ""))
    manages = desk.holds(*sponsors.DECIDES, program_id=row.program_id)
    if row.state == SponsorState.APPROVED and (is_mine or manages):
        found["end"] = partial(sponsors.end, reason=request.POST.get("reason", ""))
    return found
