"""Credit for the pools of a program: ask for it, and decide what somebody else asked for."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from credits import funding, ledger
from credits import queries as credit_queries
from credits.models import FundingRequest, FundingState
from portal import clock
from portal.admin_base import OfProgram
from portal.database import with_retries
from portal.refusals import Refused
from portal.roles import Role
from programs import staff
from programs.admin.fields import CentsField
from programs.models import Program

ASKS = (Role.MANAGER,)
DECIDES = (Role.MANAGER, Role.FINANCE)
SHOWN = 50
YEARS_AHEAD = 2


class AskForm(forms.Form):
    """A wish for more credit in the pool of a year."""

    period = forms.ChoiceField(label="Year of the pool")
    amount_cents = CentsField(label="Amount", required=True)
    reason = forms.CharField(
        label="What it is for", max_length=300, help_text="The person who approves it reads this."
    )

    def __init__(self, *args: Any, program: Program, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["period"].choices = [  # type: ignore[attr-defined]
            (str(year), str(year)) for year in range(at.year, at.year + YEARS_AHEAD + 1)
        ]
        self.fields["amount_cents"].help_text = f"In {program.currency}, such as 25,000."

    def clean_amount_cents(self) -> int:
        cents: int = self.cleaned_data["amount_cents"]
        if not cents:
            raise forms.ValidationError("Ask for more than nothing.")
        return cents


@require_http_methods(["GET", "POST"])
def pools(request: HttpRequest, pk: int) -> HttpResponse:
    """The pools of one program with what waits for a second person, what was decided, and a form to ask."""
    desk, at = staff.desk(request), clock.now()
    rows = Program.objects.filter(pk=pk)
    if not desk.everything:
        rows = rows.filter(pk__in=desk.program_ids(*staff.SEES_MONEY))
    program = rows.first()
    if program is None:
        raise Http404
    may_ask = _holds(desk, program, *ASKS)
    form = AskForm(request.POST or None, program=program, at=at)
    status = 200
    if request.method == "POST":
        if not may_ask:
            raise Http404
        if form.is_valid():
            try:
                funding.ask(
                    program=program.slug, currency=program.currency, by=desk.user, at=at, **form.cleaned_data
                )
            except funding.CannotAsk as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, "Asked for. Another person approves it before any credit moves.")
                return redirect("admin:programs_program_pools", pk)
        status = 422
    requests = list(funding.requests([program.slug])[:SHOWN])
    context = admin.site.each_context(request) | {
        "title": "Pools and funding",
        "accent": program.accent,
        "program": program,
        "pools": credit_queries.pools(program.slug),
        "waiting": [row for row in requests if row.state == FundingState.ASKED],
        "decided": [row for row in requests if row.state != FundingState.ASKED],
        "form": form,
        "may_ask": may_ask,
        "sees_editor": desk.sees(*staff.SEES_PROGRAM),
    }
    return render(request, "admin/programs/program/pools.html", context, status=status)


@admin.register(FundingRequest)
class FundingRequestAdmin(OfProgram):
    """Every request in the programs whose money a person sees; each opens the page that decides it."""

    list_display = ("wish", "period", "reason", "state", "asked_by", "asked_at", "decided_by")
    list_display_links = None
    list_filter = ("state", "program")
    list_select_related = ("asked_by", "decided_by")
    actions = None

    def get_queryset(self, request: HttpRequest) -> Any:
        return self.scope(request, funding.requests(None))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ()

    @admin.display(description="For")
    def wish(self, row: FundingRequest) -> str:
        return format_html(
            '<a class="row-link" href="{}">{}</a><span class="under">{}</span>',
            reverse("admin:credits_fundingrequest_change", args=[row.pk]),
            funding.amount(row),
            row.program,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One request: what would happen, and the buttons of whoever may decide it or take it back."""
        wish = self.get_object(request, object_id)
        if wish is None or not self.has_view_permission(request, wish):
            raise Http404
        desk = staff.desk(request)
        program = Program.objects.get(slug=wish.program)
        is_mine, waits = wish.asked_by_id == desk.user.pk, wish.state == FundingState.ASKED
        may_decide = not is_mine and _holds(desk, program, *DECIDES)
        problem = ""
        if request.method == "POST":
            acts = _acts(request, wish.pk) if may_decide else {}
            if is_mine:
                acts["take_back"] = partial(funding.take_back, request_id=wish.pk)
            act = acts.get(request.POST.get("do", ""))
            if act is None:
                raise Http404
            try:
                done = with_retries(partial(act, by=desk.user, at=clock.now()))
            except (Refused, ledger.CannotPost) as error:
                problem = str(error)
            else:
                messages.success(request, f"{funding.amount(done)}: {done.get_state_display().lower()}.")
                return redirect("admin:programs_program_pools", program.pk)
        context = self.admin_site.each_context(request) | {
            "title": f"{funding.amount(wish)} for {program}",
            "accent": program.accent,
            "program": program,
            "wish": wish,
            "pool": credit_queries.pool_summary(program.slug, wish.period),
            "after_cents": credit_queries.pool_balance(ledger.pool_code(program.slug, wish.period))
            + wish.amount_cents,
            "may_decide": may_decide and waits,
            "may_take_back": is_mine and waits,
            "problem": problem,
        }
        return render(request, "admin/programs/funding.html", context, status=409 if problem else 200)


def _acts(request: HttpRequest, pk: int) -> dict[str, Callable[..., FundingRequest]]:
    return {
        "approve": partial(funding.approve, request_id=pk),
        "refuse": partial(funding.refuse, request_id=pk, answer=request.POST.get("answer", "")),
    }


def _holds(desk: staff.Desk, program: Program, *roles: Role) -> bool:
    return desk.everything or desk.holds(*roles, program_id=program.pk)
