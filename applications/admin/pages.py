"""The page of one application for its manager, and what is decided there. Each asks desk.visible first."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from applications import ahead, decisions, dossier, trail, waiting_list
from applications.admin import forms
from applications.admin.common import application_of, context_of
from applications.models import Application, DecisionKind
from credits import money
from portal import clock
from portal.roles import Role
from programs import rulebook, staff

# --- Decide -----------------------------------------------------------------------------------------------------------


@require_GET
def application_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """One application for its manager: answers, reviews, gates and the decision. Others are led to their review."""
    if not object_id.isdecimal() or len(object_id) > 18:
        raise Http404
    application = application_of(request, int(object_id))
    if not _manages(staff.desk(request), application):
        return redirect("admin:applications_application_review", application.pk)
    return _decision_page(request, application)


@require_GET
def history_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """What happened to one application, for its manager, in words. Others are led to their review."""
    if not object_id.isdecimal() or len(object_id) > 18:
        raise Http404
    application = application_of(request, int(object_id))
    desk, program = staff.desk(request), application.program
    if not _manages(desk, application):
        return redirect("admin:applications_application_review", application.pk)
    events = trail.of(desk, application)
    context = {
        **admin.site.each_context(request),
        "title": application.title or str(application.reference or application),
        "accent": program.accent,
        "application": application,
        "program": program,
        "zone": program.time_zone,
        "events": events[: trail.MOST],
        "most": trail.MOST if len(events) > trail.MOST else None,
    }
    return render(request, "admin/applications/application/trail.html", context)


def _manages(desk: staff.Desk, application: Application) -> bool:
    return desk.everything or desk.holds(Role.MANAGER, program_id=application.program_id)


def _decision_page(
    request: HttpRequest, application: Application, *, problems: list[str] | None = None, data: Any = None
) -> HttpResponse:
    at_desk = staff.desk(request)
    found = dossier.of(at_desk, application)
    decision = dossier.standing_decision(application)
    amount = (decision.amount_cents if decision else None) or decisions.default_amount_cents(application)
    entered = data or {}
    chosen = (
        entered.getlist("granted_models")
        if data is not None
        else decision.granted_models
        if decision and decision.amount_cents
        else rulebook.for_application(application).standard_models
    )
    context = context_of(request, application, found) | {
        "decision": decision,
        "past": dossier.past_decisions(application),
        "ahead": ahead.stoppers(at_desk, application, found, decision, at=clock.now())
        if dossier.is_open(application)
        else [],
        "problems": problems or [],
        "may_decide": at_desk.holds(Role.MANAGER, program_id=application.program_id),
        "may_approve": decision is not None and decision.proposed_by_id != at_desk.user.pk,
        "needs_second": decision is not None and decision.needs_second_person,
        "amount": entered.get("amount") or money.plain(amount).removesuffix(".00"),
        "months": entered.get("months") or _months(application, decision),
        "reason": entered.get("reason", decision.reason if decision else ""),
        "offered": [
            (str(model["slug"]), str(model["name"]), bool(model.get("limited")), str(model["slug"]) in chosen)
            for model in rulebook.for_application(application).models_offered
        ],
    }
    status = 422 if problems else 200
    return render(request, "admin/applications/application/decision.html", context, status=status)


def _months(application: Application, decision: Any) -> int | None:
    if decision is not None and decision.months:
        return int(decision.months)
    rules = rulebook.for_application(application)
    if rules.term_mode == "none":
        return None
    longest = rules.term_months or 0
    return min(application.requested_months or longest, longest) if rules.term_mode == "stated" else longest


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Propose, approve or undo. POST: do (award, decline, approve, undo) and the fields of forms.AwardForm."""
    application = application_of(request, pk)
    at_desk = staff.desk(request)
    if not at_desk.holds(Role.MANAGER, program_id=application.program_id):
        raise Http404
    try:
        said = _do(request, application, at_desk)
    except _Problems as error:
        return _decision_page(request, application, problems=error.problems, data=request.POST)
    except decisions.CannotDecide as error:
        return _decision_page(request, application, problems=[str(error)], data=request.POST)
    messages.success(request, said)
    return redirect(reverse("admin:applications_application_change", args=[pk]))


class _Problems(Exception):
    """What is wrong with a form, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems


def _do(request: HttpRequest, application: Application, at_desk: staff.Desk) -> str:
    what, at = request.POST.get("do"), clock.now()
    if what == "award":
        form = forms.AwardForm(request.POST, rules=rulebook.for_application(application))
        _refuse_invalid(form)
        decision = decisions.propose_award(
            application_id=application.pk,
            amount_cents=form.cleaned_data["amount"],
            months=form.cleaned_data["months"],
            granted_models=form.cleaned_data["granted_models"],
            reason=form.cleaned_data["reason"],
            by=at_desk.user,
            at=at,
        )
        waits = decision.needs_second_person
        what = "change without more credit" if decision.kind == DecisionKind.CHANGE else "award"
        return f"The {what} is proposed. " + (
            "A second person has to approve it." if waits else "It waits for release."
        )
    if what == "decline":
        reason = forms.ReasonForm(request.POST)
        _refuse_invalid(reason)
        decisions.propose_decline(
            application_id=application.pk, reason=reason.cleaned_data["reason"], by=at_desk.user, at=at
        )
        return "The decline is proposed. It waits for release."
    if what in ("defer", "wait"):
        return _put_off(request, application, at_desk)
    standing = dossier.standing_decision(application)
    if standing is None:
        raise decisions.CannotDecide("There is no decision to change any more.")
    if request.POST.get("decision") not in (None, str(standing.pk)):
        raise decisions.CannotDecide(
            "Another decision took its place since you opened this page. Look at it first."
        )
    if what == "approve":
        decisions.approve(decision_id=standing.pk, by=at_desk.user, at=at)
        return "The award is approved. It waits for release."
    if what == "undo":
        decisions.undo(decision_id=standing.pk, by=at_desk.user, at=at)
        return "The decision is undone. The application is undecided again."
    raise Http404


def _put_off(request: HttpRequest, application: Application, at_desk: staff.Desk) -> str:
    form = forms.ReasonForm(request.POST)
    _refuse_invalid(form)
    reason, at = form.cleaned_data["reason"], clock.now()
    if request.POST["do"] == "defer":
        decisions.propose_deferral(application_id=application.pk, reason=reason, by=at_desk.user, at=at)
        return "The deferral is proposed. It waits for release."
    listed = waiting_list.add(application_id=application.pk, reason=reason, by=at_desk.user, at=at)
    return f"It is on the waiting list, in place {listed.place}. It is not released from there."


def _refuse_invalid(form: Any) -> None:
    if not form.is_valid():
        raise _Problems([text for errors in form.errors.values() for text in errors])
