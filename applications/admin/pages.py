"""The pages of one application: review it, answer its gate, decide it. Each asks desk.visible first."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import decisions, desk, dossier, review
from applications.admin import forms
from applications.models import Application, Confidence, GateOutcome, RecusalKind, ReviewState
from credits import money
from portal import clock
from portal.roles import Role
from programs import rulebook, staff


def _application(request: HttpRequest, pk: int) -> Application:
    """The application, if this person may see it: a stranger's and a conflicted one's answer is 404."""
    rows = desk.visible(staff.desk(request)).select_related(
        "program", "cycle__rules_version", "form_version", "applicant"
    )
    return get_object_or_404(rows, pk=pk)


def _context(request: HttpRequest, application: Application, found: dossier.Dossier) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": application.title or application.reference,
        "accent": application.program.accent,
        "application": application,
        "program": application.program,
        "rules": rulebook.for_application(application),
        "dossier": found,
        "zone": application.program.time_zone,
        "is_open": dossier.is_open(application),
    }


# --- Review -----------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def review_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Read and score one application; a POST hands the review in and goes on to the next."""
    application = _application(request, pk)
    at_desk = staff.desk(request)
    found = dossier.of(at_desk, application)
    screens = at_desk.holds(Role.SCREENER, program_id=application.program_id)
    if found.assignment is None and not screens:
        return redirect("admin:applications_application_change", pk)
    problems: list[str] = []
    status = 200
    if request.method == "POST":
        form = _review_form(request, application)
        if form.is_valid():
            try:
                review.send_in(application_id=pk, look=form.look, by=at_desk.user, at=clock.now())
            except review.BadReview as error:
                problems, status = list(error.problems.values()), 422
                _keep_quietly(application, form, at_desk)
            except review.CannotReview as error:
                messages.error(request, str(error))
                return redirect("admin:index")
            else:
                return _go_on(request, application, at_desk)
        else:
            problems, status = [text for errors in form.errors.values() for text in errors], 422
        found = dossier.of(at_desk, application)
    mine = desk.load_in(at_desk, application) if found.assignment else None
    context = _context(request, application, found) | {
        "problems": problems,
        "load": mine,
        "screens": screens,
        "confidences": Confidence.choices,
        "outcomes": GateOutcome.choices,
        "kinds": RecusalKind.choices,
        "is_in": found.mine is not None and found.mine.state == ReviewState.IN,
    }
    return render(request, "admin/applications/application/review.html", context, status=status)


@require_POST
def autosave(request: HttpRequest, pk: int) -> JsonResponse:
    """Keep a review as it stands. JSON {"text": ...}: 200 saved, 409 refused, 422 off the scale."""
    application = _application(request, pk)
    form = _review_form(request, application)
    if not form.is_valid():
        return JsonResponse({"text": next(iter(form.errors.values()))[0]}, status=422)
    at = clock.now()
    try:
        review.save(application_id=pk, look=form.look, by=staff.desk(request).user, at=at)
    except review.BadReview as error:
        return JsonResponse({"text": str(error)}, status=422)
    except review.CannotReview as error:
        return JsonResponse({"text": str(error)}, status=409)
    return JsonResponse({"text": f"Saved {at:%H:%M} UTC"})


@require_http_methods(["GET", "POST"])
def recuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Step back from an application, with the kind of reason."""
    application = _application(request, pk)
    form = forms.RecuseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        at_desk = staff.desk(request)
        onward = desk.next_to_review(at_desk, after=pk)
        try:
            review.recuse(
                application_id=pk,
                kind=RecusalKind(form.cleaned_data["kind"]),
                reason=form.cleaned_data["reason"],
                by=at_desk.user,
                at=clock.now(),
            )
        except review.CannotReview as error:
            messages.error(request, str(error))
        else:
            messages.success(
                request, f"You stepped back from {application.reference}. It went to somebody else."
            )
        return _to(onward)
    context = {
        **admin.site.each_context(request),
        "title": f"Step back from {application.reference}",
        "application": application,
        "accent": application.program.accent,
        "form": form,
        "kinds": RecusalKind.choices,
    }
    return render(request, "admin/applications/application/recuse.html", context)


@require_GET
def go_next(request: HttpRequest) -> HttpResponse:
    """The next application of my queue; `?after=<id>` goes on behind one, which is how "skip" works."""
    after = request.GET.get("after", "")
    return _to(
        desk.next_to_review(
            staff.desk(request), after=int(after) if after.isdecimal() and len(after) < 19 else None
        )
    )


@require_POST
def answer_gate(request: HttpRequest, pk: int) -> HttpResponse:
    """A screener's answer at a gate."""
    application = _application(request, pk)
    form = forms.GateForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, errors[0])
        return redirect("admin:applications_application_review", pk)
    gates = {gate.key for gate in review.gates_for(application)}
    if form.cleaned_data["gate"] not in gates:
        raise Http404
    try:
        review.answer_gate(
            application_id=pk,
            criterion_key=form.cleaned_data["gate"],
            outcome=GateOutcome(form.cleaned_data["outcome"]),
            note=form.cleaned_data["note"],
            by=staff.desk(request).user,
            at=clock.now(),
        )
    except review.CannotReview as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The gate is answered.")
    return redirect("admin:applications_application_review", pk)


def _review_form(request: HttpRequest, application: Application) -> forms.ReviewForm:
    return forms.ReviewForm(request.POST, criteria=rulebook.for_application(application).scores)


def _keep_quietly(application: Application, form: forms.ReviewForm, at_desk: staff.Desk) -> None:
    """An incomplete review is kept as a draft, so that nothing entered is lost with the refusal."""
    try:
        review.save(application_id=application.pk, look=form.look, by=at_desk.user, at=clock.now())
    except (review.BadReview, review.CannotReview):
        return


def _go_on(request: HttpRequest, application: Application, at_desk: staff.Desk) -> HttpResponse:
    onward = desk.next_to_review(at_desk, after=application.pk)
    left = desk.to_do_count(at_desk)
    rest = f"{left} to go." if left else "That was the last one."
    messages.success(request, f"Your review of {application.reference} is in. {rest}")
    return _to(onward)


def _to(onward: Application | None) -> HttpResponse:
    if onward is None:
        return redirect("admin:index")
    return redirect("admin:applications_application_review", onward.pk)


# --- Decide -----------------------------------------------------------------------------------------------------------


@require_GET
def application_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """One application for its manager: answers, reviews, gates and the decision. Others are led to their review."""
    if not object_id.isdecimal() or len(object_id) > 18:
        raise Http404
    application = _application(request, int(object_id))
    at_desk = staff.desk(request)
    manages = at_desk.everything or at_desk.holds(Role.MANAGER, program_id=application.program_id)
    if not manages:
        return redirect("admin:applications_application_review", application.pk)
    return _decision_page(request, application)


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
    context = _context(request, application, found) | {
        "decision": decision,
        "past": dossier.past_decisions(application),
        "problems": problems or [],
        "may_decide": at_desk.holds(Role.MANAGER, program_id=application.program_id),
        "may_approve": decision is not None and decision.proposed_by_id != at_desk.user.pk,
        "needs_second": decision is not None
        and (decision.amount_cents or 0) > decision.four_eyes_above_cents,
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
    application = _application(request, pk)
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
        waits = (decision.amount_cents or 0) > decision.four_eyes_above_cents
        return "The award is proposed. " + (
            "A second person has to approve it." if waits else "It waits for release."
        )
    if what == "decline":
        reason = forms.ReasonForm(request.POST)
        _refuse_invalid(reason)
        decisions.propose_decline(
            application_id=application.pk, reason=reason.cleaned_data["reason"], by=at_desk.user, at=at
        )
        return "The decline is proposed. It waits for release."
    standing = dossier.standing_decision(application)
    if standing is None:
        raise decisions.CannotDecide("There is no decision to change any more.")
    if what == "approve":
        decisions.approve(decision_id=standing.pk, by=at_desk.user, at=at)
        return "The award is approved. It waits for release."
    if what == "undo":
        decisions.undo(decision_id=standing.pk, by=at_desk.user, at=at)
        return "The decision is undone. The application is undecided again."
    raise Http404


def _refuse_invalid(form: Any) -> None:
    if not form.is_valid():
        raise _Problems([text for errors in form.errors.values() for text in errors])
