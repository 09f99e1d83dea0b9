"""Credit between the evaluations: what is asked, one wish with its decision, urgent requests, and posting again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods

from applications import (
    awards,
    conflicts,
    four_eyes,
    later_credit,
    later_queue,
    obligations,
    presentation,
    request_queue,
    shared_ids,
    top_ups,
)
from applications import desk as desk_queries
from applications.models import Application, LaterCredit, LaterKind, LaterState, Request
from applications.models.later import LIVE
from applications.request_states import OPEN
from credits import money
from portal import clock
from portal.models import AuditEvent
from portal.roles import Role
from programs import rulebook, staff
from programs.request_models import RequestKind
from programs.rulebook import Rulebook


def urls(site: AdminSite) -> list[URLPattern]:
    view = site.admin_view
    return [
        path("boards/later/", view(board), name="later_board"),
        path("boards/later/<int:pk>/", view(wish_page), name="later_wish"),
        path("boards/later/again/<int:pk>/", view(again), name="later_again"),
        path("boards/later/urgent/<int:pk>/", view(urgent), name="later_urgent"),
    ]


class ProposalForm(forms.Form):
    """How much, for how long, and why. The operation judges it; here only the shapes are read."""

    amount = forms.CharField(max_length=40, error_messages={"required": "Enter the amount."})
    months = forms.IntegerField(required=False, min_value=1, max_value=120)
    reason = forms.CharField(
        max_length=later_credit.LONGEST, error_messages={"required": "Give the reason. It is kept for staff."}
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency

    def clean_amount(self) -> int:
        try:
            return money.parse_money(self.cleaned_data["amount"], self.currency)
        except money.NotAnAmount as error:
            raise forms.ValidationError(str(error)) from None


def _money_desk(request: HttpRequest) -> staff.Desk:
    desk = staff.desk(request)
    if not desk.sees(*staff.SEES_MONEY):
        raise PermissionDenied
    return desk


@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """What waits with its age, open urgent requests, what can be posted again, and what was decided last."""
    desk, at = _money_desk(request), clock.now()
    wanted = ("application__program", "asked_by", "proposed_by")
    rows = later_queue.visible(desk).select_related(*wanted)
    live = list(rows.filter(state__in=LIVE).order_by("needed_by", "asked_at", "pk")[:200])
    mine = set(later_queue.waiting(desk).values_list("pk", flat=True))
    context = {
        **admin.site.each_context(request),
        "title": "Credit between evaluations",
        "now": at,
        "live": [(wish, later_queue.tone(wish, at=at), wish.pk in mine) for wish in live],
        "urgent": _urgent_requests(desk),
        "again": list(later_queue.to_post_again(desk)[:50]),
        "decided": list(rows.exclude(state__in=LIVE).order_by("-decided_at", "-pk")[:30]),
    }
    return render(request, "admin/applications/later/board.html", context)


def _urgent_requests(desk: staff.Desk) -> list[Request]:
    """Open urgent requests about awards that nobody has given credit on, for the people on call."""
    return list(
        _urgent_visible(desk)
        .filter(state__in=OPEN, later_credit__isnull=True)
        .select_related("form__program", "application")
        .order_by("due_at", "pk")[:50]
    )


def _urgent_visible(desk: staff.Desk) -> Any:
    """Urgent requests about awards of the programs for which this person may be on call, without conflicts."""
    rows = Request.objects.filter(form__kind=RequestKind.URGENT, application__isnull=False)
    if not desk.everything:
        rows = rows.filter(form__program_id__in=desk.program_ids(Role.MANAGER, Role.FINANCE))
    return rows.filter(application__in=_free(desk))


def _free(desk: staff.Desk) -> Any:
    return desk_queries.without_conflict(desk, Application.objects.all())


@require_http_methods(["GET", "POST"])
def wish_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One wish with what is needed to decide it. POST do=propose, approve, take_back or decline."""
    desk = _money_desk(request)
    rows = later_queue.visible(desk).select_related(
        "application__program",
        "application__cycle__rules_version",
        "application__applicant",
        "asked_by",
        "proposed_by",
        "decided_by",
        "request",
        "replaces__grant",
        "decision__grant",
    )
    wish = get_object_or_404(rows, pk=pk)
    rules = rulebook.for_application(wish.application)
    form = ProposalForm(currency=rules.currency, initial=_initial(wish, rules))
    if request.method == "POST":
        form = ProposalForm(
            request.POST if request.POST.get("do") == "propose" else None, currency=rules.currency
        )
        problem = _do(request, wish, desk, form)
        if problem is None:
            return redirect("admin:later_wish", pk)
        return _wish_page(request, desk, wish, rules, form, problem=problem)
    return _wish_page(request, desk, wish, rules, form)


def _do(request: HttpRequest, wish: LaterCredit, desk: staff.Desk, form: ProposalForm) -> str | None:
    """Do what was pressed; returns what is wrong, "" for errors of the form, None when it is done."""
    what, at, by = request.POST.get("do"), clock.now(), desk.user
    if not desk.holds(Role.MANAGER, Role.FINANCE, program_id=wish.application.program_id):
        raise Http404
    if what == "propose" and not form.is_valid():
        return ""
    try:
        if what == "propose":
            data = form.cleaned_data
            done = later_credit.propose(
                later_id=wish.pk,
                amount_cents=data["amount"],
                months=data["months"],
                reason=data["reason"],
                by=by,
                at=at,
            )
            given = done.state == LaterState.GIVEN
            said = (
                "Given; the holder hears of it." if given else "Proposed. A second person has to approve it."
            )
        elif what == "approve":
            later_credit.approve(later_id=wish.pk, by=by, at=at)
            said = "Approved and given; the holder hears of it."
        elif what == "take_back":
            later_credit.take_back(later_id=wish.pk, by=by, at=at)
            said = "The proposal is taken back. It waits for another one."
        elif what == "decline":
            later_credit.decline(later_id=wish.pk, answer=request.POST.get("answer", ""), by=by, at=at)
            said = "Declined; the holder reads your words."
        else:
            raise Http404
    except later_credit.CannotGive as error:
        return str(error)
    messages.success(request, said)
    return None


def _initial(wish: LaterCredit, rules: Rulebook) -> dict[str, Any]:
    asked = money.plain(wish.asked_cents).removesuffix(".00")
    return {"amount": asked, "months": wish.asked_months or rules.term_months or ""}


def _wish_page(
    request: HttpRequest,
    desk: staff.Desk,
    wish: LaterCredit,
    rules: Rulebook,
    form: ProposalForm,
    *,
    problem: str = "",
) -> HttpResponse:
    at, application = clock.now(), wish.application
    award = awards.of(application)
    pool, left = later_queue.pool_left_cents(application, at=at)
    cap = rules.award_cap_cents
    organization = next((row.organization for row in reversed(award.lots) if row.organization), None)
    holds = desk.holds(Role.MANAGER, program_id=application.program_id)
    second = desk.holds(Role.MANAGER, Role.FINANCE, program_id=application.program_id)
    counted = four_eyes.totals(application_ids=[application.pk], at=at, pending_ids=[])
    context = {
        **admin.site.each_context(request),
        "title": wish.get_kind_display(),
        "accent": application.program.accent,
        "program": application.program,
        "zone": application.program.time_zone,
        "now": at,
        "wish": wish,
        "tone": later_queue.tone(wish, at=at),
        "application": application,
        "rules": rules,
        "award": award,
        "lot": top_ups.lot(award, at=at),
        "pool": pool,
        "pool_left_cents": left,
        "cap_left_cents": max(0, cap - award.granted_cents) if cap else None,
        "counted_cents": counted.get(application.pk, 0),
        "limit": later_queue.limit_words(application),
        "authority_cents": later_credit.authority_cents(application),
        "urgent_cents": later_credit.urgent_cents(application, at=at),
        "shared": shared_ids.named_by_others(organization, holder_id=application.applicant_id)
        if organization
        else [],
        "owed": obligations.overdue(
            holder_id=application.applicant_id, program_id=application.program_id, at=at
        ),
        "conflict": conflicts.reason_against(user=desk.user, application=application),
        "others": list(application.later_credit.exclude(pk=wish.pk).order_by("-asked_at")[:10]),
        "may_propose": holds and wish.state == LaterState.ASKED,
        "may_approve": second and wish.state == LaterState.PROPOSED and wish.proposed_by_id != desk.user.pk,
        "may_take_back": holds and wish.state == LaterState.PROPOSED and wish.kind != LaterKind.AGAIN,
        "may_decline": second and wish.is_live,
        "form": form,
        "problem": problem,
        "entered": request.POST.get("answer", ""),
        "trail": AuditEvent.objects.filter(subject_type=wish._meta.label_lower, subject_id=str(wish.pk))
        .select_related("actor")
        .order_by("-pk")[:20],
    }
    code = 422 if problem or form.errors else 200
    return render(request, "admin/applications/later/wish.html", context, status=code)


@require_http_methods(["GET", "POST"])
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Post a grant again that was refused or lapsed. pk: of its decision. POST: reason."""
    desk = _money_desk(request)
    decision = get_object_or_404(later_queue.to_post_again(desk), pk=pk)
    problem = ""
    if request.method == "POST":
        try:
            wish = later_credit.post_again(
                decision_id=decision.pk, reason=request.POST.get("reason", ""), by=desk.user, at=clock.now()
            )
        except later_credit.CannotGive as error:
            problem = str(error)
        else:
            given = wish.state == LaterState.GIVEN
            said = "The credit is set aside again; the holder hears of it."
            messages.success(request, said if given else "Proposed. A second person has to approve it.")
            return redirect("admin:later_wish", wish.pk)
    context = {
        **admin.site.each_context(request),
        "title": f"Post {decision.grant} again",
        "accent": decision.application.program.accent,
        "program": decision.application.program,
        "decision": decision,
        "grant": decision.grant,
        "why_not": later_credit.why_not_again(decision),
        "problem": problem,
        "entered": request.POST.get("reason", ""),
    }
    return render(request, "admin/applications/later/again.html", context, status=422 if problem else 200)


@require_http_methods(["GET", "POST"])
def urgent(request: HttpRequest, pk: int) -> HttpResponse:
    """Give credit on an urgent request. pk: of the request. Within the authority at once, else for a second person."""
    desk, at = _money_desk(request), clock.now()
    rows = _urgent_visible(desk).select_related(
        "form__program", "applicant", "application__program", "application__cycle__rules_version"
    )
    found = get_object_or_404(rows, pk=pk)
    if before := LaterCredit.objects.filter(request=found).first():
        return redirect("admin:later_wish", before.pk)
    award = awards.of(found.application)
    rules = rulebook.for_application(award.application)
    form = ProposalForm(request.POST or None, currency=rules.currency)
    problem = ""
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            wish = later_credit.urgent(
                request_id=found.pk,
                amount_cents=data["amount"],
                months=data["months"],
                reason=data["reason"],
                by=desk.user,
                at=at,
            )
        except later_credit.CannotGive as error:
            problem = str(error)
        else:
            given = wish.state == LaterState.GIVEN
            said = "Given; the holder hears of it. The request itself still waits for its answer."
            messages.success(
                request, said if given else "Above the authority: a second person has to approve it."
            )
            return redirect("admin:later_wish", wish.pk)
    pool, left = later_queue.pool_left_cents(award.application, at=at)
    seen = request_queue.audiences(desk, found.form.program_id)
    context = {
        **admin.site.each_context(request),
        "title": found.title,
        "accent": found.form.program.accent,
        "program": found.form.program,
        "zone": found.form.program.time_zone,
        "now": at,
        "found": found,
        "award": award,
        "rules": rules,
        "lot": top_ups.lot(award, at=at),
        "pool": pool,
        "pool_left_cents": left,
        "needed_by": later_credit.needed_by(found),
        "authority_cents": later_credit.authority_cents(award.application),
        "urgent_cents": later_credit.urgent_cents(award.application, at=at),
        "shown": presentation.shown(
            request_queue.readable(found.sections, seen), found.answers, with_empty=False
        ),
        "form": form,
        "problem": problem,
    }
    code = 422 if problem or form.errors else 200
    return render(request, "admin/applications/later/urgent.html", context, status=code)
