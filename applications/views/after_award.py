"""What a grantee does with an award beside accepting it: decline it, ask where the credit is, ask for more."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from applications import awards, claims, declining, top_ups
from applications.awards import Award
from applications.models import Application, Decision, LaterCredit, LaterKind
from applications.states import State
from applications.views import typed
from applications.views.award import later_shown
from credits.money import NotAnAmount, parse_money
from portal import clock
from portal.limits import TooOften, count
from programs import rulebook, translations

TRIES_PER_HOUR = 20


def _award(request: HttpRequest, public_id: UUID) -> tuple[Application, Decision]:
    """The awarded application of whoever asks, and its standing decision; anything else is a 404."""
    rows = Application.objects.owned_by(request.user).select_related(
        "program", "cycle__program", "cycle__rules_version", "amends"
    )
    application = get_object_or_404(rows, public_id=public_id, state=State.AWARDED)
    decision = awards.current(application)
    if decision is None or decision.grant is None:
        raise Http404
    return application, decision


@require_http_methods(["GET", "POST"])
@login_required
def decline(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Give an award back, after one page that says what it means."""
    application, decision = _award(request, public_id)
    if request.method == "POST":
        try:
            declining.decline(
                application_id=application.pk,
                words=request.POST.get("words", ""),
                by=request.user,  # type: ignore[arg-type]
                at=clock.now(),
            )
        except declining.CannotDecline as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Declined. The credits are back with the program."))
        return redirect("applications:award", application.public_id)
    if not awards.waits(decision):
        return redirect("applications:award", application.public_id)
    context = {
        "application": application,
        "program": translations.shown(application.program),
        "decision": decision,
        "grant": decision.grant,
        "longest": declining.LONGEST,
    }
    return render(request, "applications/decline_award.html", context)


@require_POST
@login_required
def claim(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask where the credit is."""
    application, _decision = _award(request, public_id)
    try:
        count("claim", request.user.pk, most=TRIES_PER_HOUR, seconds=3600)
        claims.claim(
            application_id=application.pk,
            words=request.POST.get("words", ""),
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
        )
    except (claims.CannotClaim, TooOften) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Asked. A person here looks into it; the answer comes here and by mail."))
    return redirect(reverse("applications:award", args=[application.public_id]) + "#where")


class MoreCredit(forms.Form):
    """What the holder of an award says about the credit they need."""

    use_case = forms.CharField(
        max_length=top_ups.LONGEST, error_messages={"required": gettext_lazy("Say what the credits are for.")}
    )
    amount = forms.CharField(
        max_length=40, error_messages={"required": gettext_lazy("Enter the amount that you need.")}
    )
    months = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=60,
        error_messages={"invalid": gettext_lazy("Enter a number of months.")},
    )
    runs_out_on = forms.DateField(
        required=False, error_messages={"invalid": gettext_lazy("Choose a day, or leave it empty.")}
    )

    def __init__(self, *args: object, currency: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.currency = currency

    def clean_amount(self) -> int:
        try:
            return parse_money(self.cleaned_data["amount"], self.currency)
        except NotAnAmount as error:
            raise forms.ValidationError(str(error)) from None


@require_http_methods(["GET", "POST"])
def top_up(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask for more credit on an award, and read what was asked before."""
    if not request.user.is_authenticated:
        return typed.sign_in(request)
    application, _decision = _award(request, public_id)
    if application.amends is not None:
        return redirect("applications:top_up", application.amends.public_id)
    award, now = awards.of(application), clock.now()
    rules = rulebook.for_application(application)
    if request.method == "POST":
        typed.forget(request)
        form = MoreCredit(request.POST, currency=rules.currency)
    else:
        waits = typed.back(request)
        form = MoreCredit(currency=rules.currency, initial=waits.dict() if waits is not None else None)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            count("top-up", request.user.pk, most=TRIES_PER_HOUR, seconds=3600)
            top_ups.ask(
                application_id=application.pk,
                use_case=form.cleaned_data["use_case"],
                amount_cents=form.cleaned_data["amount"],
                months=form.cleaned_data["months"],
                runs_out_on=form.cleaned_data["runs_out_on"],
                by=request.user,  # type: ignore[arg-type]
                at=now,
            )
        except (top_ups.CannotAsk, TooOften) as error:
            refusal = str(error)
        else:
            messages.success(request, _("Sent. The answer comes here and by mail, whichever it is."))
            return redirect("applications:top_up", application.public_id)
    return _top_up_page(request, award, form, refusal)


def _top_up_page(request: HttpRequest, award: Award, form: MoreCredit, refusal: str) -> HttpResponse:
    root, now = award.application, clock.now()
    rules = rulebook.for_application(root)
    cap = rules.award_cap_cents
    context = {
        "application": root,
        "program": translations.shown(root.program),
        "rules": rules,
        "award": award,
        "lot": top_ups.lot(award, at=now),
        "left_cents": max(0, cap - award.granted_cents) if cap else None,
        "why_not": top_ups.why_not(award, at=now),
        "live": top_ups.live(award),
        "asked": later_shown(root),
        "form": form,
        "refusal": refusal,
        "longest": top_ups.LONGEST,
    }
    return render(request, "applications/top_up.html", context, status=422 if form.errors or refusal else 200)


@require_POST
@login_required
def withdraw_top_up(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take back what one asked for. public_id: of the wish."""
    rows = LaterCredit.objects.filter(application__applicant=request.user).exclude(kind=LaterKind.AGAIN)  # type: ignore[misc]
    wish = get_object_or_404(rows.select_related("application"), public_id=public_id)
    try:
        top_ups.withdraw(later_id=wish.pk, by=request.user, at=clock.now())  # type: ignore[arg-type]
    except top_ups.CannotWithdraw as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Taken back. Nobody works on it any more."))
    return redirect("applications:top_up", wish.application.public_id)
