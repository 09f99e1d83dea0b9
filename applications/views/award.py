"""The award of an application: asked and granted side by side, accepting it, and the clock of posting."""

from dataclasses import dataclass, replace
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from applications import acceptance, award_members, award_words, awards, claims, declining, top_ups
from applications.awards import Award
from applications.models import Application, Decision, LaterCredit, LaterKind
from applications.states import State
from applications.views import amending
from credits import grants, posting
from credits.models import Grant, Stage
from credits.money import with_code
from portal import clock
from portal.limits import TooOften, count
from programs import request_forms, rulebook, translations
from programs.models import TermMode
from programs.request_models import RequestKind
from programs.rulebook import Rulebook

TRIES_PER_HOUR = 20


class Acceptance(forms.Form):
    """What a grantee confirms. The organization is typed twice, and not asked again once one is bound."""

    terms = forms.BooleanField(error_messages={"required": gettext_lazy("Read the terms and tick the box.")})
    organization_id = forms.CharField(
        max_length=128,
        error_messages={"required": gettext_lazy("Name the organization that gets the credits.")},
    )
    organization_id_again = forms.CharField(
        max_length=128, error_messages={"required": gettext_lazy("Type the organization ID a second time.")}
    )
    owner = forms.BooleanField(
        error_messages={"required": gettext_lazy("Confirm that the organization knows of it.")}
    )

    def __init__(self, *args: object, rules: Rulebook, grant: Grant, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if not rules.terms:
            del self.fields["terms"]
        if grant.organization is not None:
            for name in ("organization_id", "organization_id_again", "owner"):
                del self.fields[name]

    def clean_organization_id_again(self) -> str:
        """The second must be the first; letters of a UUID may differ in case, as its one written form has none."""
        again = str(self.cleaned_data["organization_id_again"]).strip()
        first = str(self.cleaned_data.get("organization_id", again)).strip()
        if first != again and first.lower() != again.lower():
            raise forms.ValidationError(
                _("The two organization IDs differ. Compare them with the provider’s page.")
            )
        return again


@dataclass(frozen=True)
class Row:
    """One term of the award: what was asked and what was granted."""

    name: str
    asked: str
    granted: str
    why: str = ""
    mono: bool = False

    @property
    def same(self) -> bool:
        return self.asked == self.granted


@require_http_methods(["GET", "POST"])
@login_required
def award(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Accept an award and watch it being posted. Without a released award there is no such page."""
    application = get_object_or_404(
        Application.objects.owned_by(request.user)
        .select_related("program", "cycle__program", "cycle__rules_version", "amends")
        .annotate(on_hold=awards.held()),
        public_id=public_id,
        state=State.AWARDED,
    )
    decision = awards.current(application)
    if decision is None and application.amends is not None:
        return redirect(reverse("applications:award", args=[application.amends.public_id]) + "#update")
    if decision is None or decision.grant is None:
        raise Http404
    grant, now = decision.grant, clock.now()
    form = Acceptance(
        request.POST or None,
        rules=_rules(application),
        grant=grant,
        initial={"organization_id": application.organization_id_text},
    )
    if request.method == "POST" and form.is_valid():
        bound = grant.organization.external_id if grant.organization else ""
        try:
            count("accept", request.user.pk, most=TRIES_PER_HOUR, seconds=3600)
            acceptance.accept(
                application_id=application.pk,
                organization_id=form.cleaned_data.get("organization_id", bound),
                terms_accepted=form.cleaned_data.get("terms", False),
                by=request.user,
                at=now,
            )
        except (acceptance.CannotAccept, TooOften) as error:
            form.add_error("organization_id" if "organization_id" in form.fields else None, str(error))
        else:
            messages.success(request, _("Accepted. Nothing is left for you to do; we post the credits."))
            return redirect("applications:award", application.public_id)
    return render(request, "applications/award.html", _context(request, application, decision, form))


def _context(
    request: HttpRequest, application: Application, decision: Decision, form: Acceptance
) -> dict[str, object]:
    now, grant = clock.now(), decision.grant
    assert grant is not None
    updates = amending.shown(application, at=now)
    award: Award = updates["award"]
    state = award_words.of(
        decision,
        last_day=declining.accept_by(decision, application),
        reader=request.user,  # type: ignore[arg-type]
        at=now,
    )
    ends = grant.expires_on or (None if state.is_over else grants.dates_of(grant, confirmed_at=now)[1])
    later = later_shown(award.application)
    why_no_top_up = top_ups.why_not(award, at=now, wishes=later)
    return {
        "application": application,
        "program": translations.shown(application.program),
        "rules": _rules(application),
        "decision": decision,
        "grant": grant,
        "state": state,
        "rows": rows(application, decision, grant),
        "posting": posting.of(grant, at=now, held=state.key == "held"),
        "form": form,
        "to_accept": state.key == "to_accept",
        "may_decline": awards.waits(decision),
        "ends": ends,
        "is_posted": grant.stage == Stage.CONFIRMED,
        "held": _held(application, grant, award),
        "claims": claims.of(decision, at=now),
        "root": award.application,
        "lots": award.lots,
        "later": later,
        "why_no_top_up": why_no_top_up,
        "top_ups_offered": award.application.program.top_ups_allowed,
        "members_number": award_members.members(award.application).count(),
        **updates,
        "forms": translations.shown_rows(
            request_forms.public().filter(program=application.program).exclude(kind=RequestKind.ACCESS),
            "request_forms",
        ),
    }


def _held(application: Application, grant: Grant, award: Award) -> dict[str, object]:
    """What keeps posted credit back or took it elsewhere, as for the page of a grant. No query."""
    lot = next((lot for lot in award.lots if lot.pk == grant.pk and lot.stage == Stage.CONFIRMED), None)
    if lot is None:
        return {}
    now = lot.where_now()
    is_here = now.pk == lot.pk
    return {
        "on_hold": is_here and getattr(application, "on_hold", False),
        "moved_to": None if is_here else now,
    }


def later_shown(root: Application) -> list[LaterCredit]:
    """What was asked on an award beside it, newest first, as its holder may see it: asked, given, declined, withdrawn."""
    rows = root.later_credit.exclude(kind=LaterKind.AGAIN).select_related("decision__grant")
    return list(rows.order_by("-asked_at", "-pk")[:20])


def _rules(application: Application) -> Rulebook:
    """The rules of its cycle with the texts in the reader's language."""
    rules = rulebook.for_application(application)
    translate = translations.say(application.program)
    return replace(
        rules,
        terms=translate(rules.terms),
        models_offered=translations.models_offered(rules.models_offered, translate),
    )


def rows(application: Application, decision: Decision, grant: Grant) -> list[Row]:
    """Asked against granted, term by term. Reasons come from the rules of its cycle, never from a reviewer's note."""
    rules = _rules(application)
    names = {offered["slug"]: offered["name"] for offered in rules.models_offered}
    asked_models = ", ".join(names.get(slug, slug) for slug in application.requested_models)
    granted_models = ", ".join(names.get(slug, slug) for slug in decision.granted_models)
    granted = decision.amount_cents or grant.amount_cents  # where it comes in halves, a grant is one of them
    found = [
        Row(
            _("Amount"),
            with_code(application.requested_cents, rules.currency) or _("Not asked"),
            with_code(granted, grant.currency),
            _why_amount(rules, application.requested_cents, granted)
            if granted == grant.amount_cents
            else _("Half at once, half when your summary is accepted."),
        ),
        Row(
            _("Time"),
            _months(application.requested_months) or _("Not asked"),
            _months(grant.term_months) or _("No term stated"),
            _why_months(rules, application.requested_months, grant.term_months),
        ),
    ]
    if granted_models or asked_models:
        found.append(
            Row(
                _("Models"),
                asked_models or _("Not asked"),
                granted_models or _("The standard models"),
                _("Limited models have conditions of their own.")
                if asked_models and asked_models != granted_models
                else "",
            )
        )
    bound = grant.organization.external_id if grant.organization else ""
    found.append(
        Row(
            _("Organization"),
            application.organization_id_text or _("Not given"),
            bound or (_("Not given") if grant.stage in awards.NOTHING else _("You name it here")),
            mono=bool(bound),
        )
    )
    return found


def _months(months: int | None) -> str:
    return ngettext("%(number)s month", "%(number)s months", months) % {"number": months} if months else ""


def _why_amount(rules: Rulebook, asked: int | None, granted: int) -> str:
    if asked is None or asked == granted:
        return _("The program’s fixed award.") if rules.is_fixed else ""
    if rules.is_fixed:
        return _("The program’s fixed award, the same for everyone.")
    if rules.award_cap_cents and asked > rules.award_cap_cents:
        return _("The program gives at most %(amount)s.") % {
            "amount": with_code(rules.award_cap_cents, rules.currency)
        }
    return _("Set per project, within what the month’s pool allows.")


def _why_months(rules: Rulebook, asked: int | None, granted: int | None) -> str:
    if granted is None or asked == granted:
        return ""
    if rules.term_mode == TermMode.MONTHS:
        return _("The program’s term, the same for everyone.")
    if rules.term_months and granted == rules.term_months and asked and asked > granted:
        return _("The program’s longest term.")
    return _("Set with the award.")
