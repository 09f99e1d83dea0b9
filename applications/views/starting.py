"""How an application begins: the short step before the form, and once more from earlier answers."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from applications import again as before
from applications import answers as answering
from applications import fit, form_change, intake, standing
from applications.forms import SectionForm, section_form
from applications.models import Application
from applications.states import State
from applications.views import common
from portal import clock
from programs import form_versions, translations
from programs import queries as program_queries
from programs.models import Program


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """The short step before the form. Open to everyone to look at; going on needs an account."""
    program = get_object_or_404(program_queries.public(), slug=slug)
    version = form_versions.current(program)
    now = clock.now()
    if version is None:
        return render(
            request,
            "applications/start.html",
            _start_context(program, request, None, refusal=_("No form yet.")),
        )
    shown = translations.shown_version(version, program)
    part = fit.section(shown)
    kept = request.session.get(f"fit:{program.slug}", {}) if request.method == "GET" else {}
    form = section_form(
        part, answers=kept, data=request.POST if request.method == "POST" else None, strict=True
    )
    context = _start_context(program, request, form)
    if request.method == "GET":
        return render(request, "applications/start.html", context)
    if not form.is_valid():
        return render(request, "applications/start.html", context)
    answers = answering.store(part, form.cleaned_data)
    context["findings"] = fit.blocks(program, version, answers, request.user, at=now)
    if context["findings"]:
        return render(request, "applications/start.html", context)
    if fit.is_red_team(version, answers) and "go_on" not in request.POST:
        return render(request, "applications/start.html", context | {"red_team": True})
    if not request.user.is_authenticated:
        request.session[f"fit:{program.slug}"] = answers
        messages.info(request, _("You fit. Sign in or make an account to go on; your answers are kept."))
        return redirect(f"{reverse('account_login')}?next={request.path}")
    try:
        draft = intake.start(program_id=program.pk, answers=answers, by=request.user, at=now)
    except intake.CannotStart as error:
        return render(
            request, "applications/start.html", context | {"refusal": str(error), "findings": error.findings}
        )
    request.session.pop(f"fit:{program.slug}", None)
    return redirect("applications:section", draft.public_id, draft.form_version.sections[0]["key"])


@require_POST
@login_required
def again(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Start a new draft from the answers of a closed application."""
    application = common.owned(request, public_id)
    now = clock.now()
    if not standing.of(application, at=now).may_apply_again:  # never with an update of an award
        return redirect("applications:status", application.public_id)
    try:
        draft = intake.start(
            program_id=application.program_id,
            answers=fit.reusable(application),
            by=request.user,
            at=now,
            earlier_id=application.pk,
        )
    except intake.CannotStart as error:
        messages.warning(request, str(error))
        return redirect("applications:status", application.public_id)
    if draft.created_at == now:
        text = _("Your earlier answers are filled in. Read them through; agreements are asked afresh.")
    else:
        text = _("You have a draft for this program. It is as you left it; nothing was put over it.")
    messages.info(request, text)
    return redirect(common.first_open(draft))


@require_POST
@login_required
def use_new_form(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Carry a draft over to the form that was published meanwhile."""
    application = common.editable(request, public_id)
    if form_change.carry_over(application_id=application.pk, by=request.user, at=clock.now()):
        messages.success(request, _("Your answers are carried over to the new form."))
    return redirect(common.first_open(common.editable(request, public_id)))


def _start_context(
    program: Program, request: HttpRequest, form: SectionForm | None, refusal: str = ""
) -> dict[str, Any]:
    now = clock.now()
    cycle = program_queries.next_cycle(program, at=now)
    draft = sent = None
    if request.user.is_authenticated:
        own = Application.objects.owned_by(request.user).filter(program=program, amends=None)
        own = own.only("public_id", "saved_at")
        draft = own.filter(state=State.DRAFT).first()
        sent = before.before(program=program, person=request.user, at=now).live
    shown = translations.shown(program)
    return {
        "program": shown,
        "form": form,
        "refusal": refusal,
        "card": program_queries.card(shown, cycle, at=now),
        "cycle": cycle,
        "doors": translations.shown_rows(
            program_queries.open_doors(program.doors.select_related("program").order_by("position", "pk")),
            "doors",
        ),
        "draft": draft,
        "sent": sent,
    }
