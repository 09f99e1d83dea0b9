"""An applicant's pages: fit, sections, preview and sending, status, withdrawing. The queryset is the permission."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import answers as answering
from applications import fit, intake, presentation, standing
from applications.forms import SectionForm, section_form
from applications.models import Application
from applications.standing import Phase
from applications.states import SENT, State
from portal import clock, texts
from portal.refusals import Refused
from programs import form_versions
from programs import queries as program_queries
from programs.models import Program

Section = Mapping[str, Any]


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Everything this person started or sent, newest first."""
    now = clock.now()
    own = Application.objects.owned_by(request.user).order_by("-created_at", "-pk")
    drafts = list(own.filter(state=State.DRAFT).select_related("program", "form_version"))
    others = (
        own.exclude(state=State.DRAFT)
        .select_related("program", "cycle__program", "applicant")
        .defer("answers")
    )
    rows = [(application, standing.of(application, at=now)) for application in others]
    sent = [row for row in rows if row[1].phase != Phase.WITHDRAWN]
    withdrawn = [row for row in rows if row[1].phase == Phase.WITHDRAWN]
    context: dict[str, object] = {
        "drafts": [
            (draft, presentation.title(draft.form_version.sections, draft.answers)) for draft in drafts
        ],
        "sent": sent,
        "withdrawn": withdrawn,
        "any": bool(drafts or rows),
    }
    if not drafts and not rows:
        context["open_cards"] = [card for card in program_queries.cards(at=now) if card.clock.is_open]
    elif drafts:
        programs = [draft.program for draft in drafts]
        cycles = program_queries.next_cycles(programs, at=now)
        context["clocks"] = {
            program.pk: program_queries.clock_of(program, cycles.get(program.pk), at=now)
            for program in programs
        }
    return render(request, "applications/mine.html", context)


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """The short step before the form. Open to everyone to look at; going on needs an account."""
    program = get_object_or_404(program_queries.public(), slug=slug)
    version = form_versions.current(program)
    now = clock.now()
    if version is None:
        return render(
            request, "applications/start.html", _start_context(program, request, None, refusal="No form yet.")
        )
    part = fit.section(version)
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
    context["findings"] = fit.blocks(program, version, answers, request.user)
    if context["findings"]:
        return render(request, "applications/start.html", context)
    if fit.is_red_team(version, answers) and "go_on" not in request.POST:
        return render(request, "applications/start.html", context | {"red_team": True})
    if not request.user.is_authenticated:
        request.session[f"fit:{program.slug}"] = answers
        messages.info(request, "You fit. Sign in or make an account to go on; your answers are kept.")
        return redirect(f"{reverse('account_login')}?next={request.path}")
    try:
        draft = intake.start(program_id=program.pk, answers=answers, by=request.user, at=now)
    except intake.CannotStart as error:
        return render(
            request, "applications/start.html", context | {"refusal": str(error), "findings": error.findings}
        )
    request.session.pop(f"fit:{program.slug}", None)
    return redirect("applications:section", draft.public_id, draft.form_version.sections[0]["key"])


@require_http_methods(["GET", "POST"])
@login_required
def section(request: HttpRequest, public_id: UUID, key: str) -> HttpResponse:
    """One section of the form. POST keeps everything typed, then says what is missing or goes on."""
    application = _mine(request, public_id)
    part = _section_or_404(application, key)
    now = clock.now()
    status = standing.of(application, at=now)
    if status.phase != Phase.DRAFT and not status.can_edit:
        return redirect("applications:status", application.public_id)
    if request.method == "GET":
        form = section_form(part, answers=application.answers, report="fix" in request.GET)
        return _render_section(request, application, part, form, status)
    form = section_form(part, answers=application.answers, data=request.POST, strict=True)
    valid = form.is_valid()
    changes = answering.store(part, form.cleaned_data)
    try:
        application.answers_version = intake.save_answers(
            application_id=application.pk,
            changes=changes,
            version=_version(request.POST),
            by=request.user,
            at=now,
        )
    except intake.StaleTab as error:
        application.answers_version = error.current_version
        return _render_section(request, application, part, form, status, stale=str(error), code=409)
    except intake.CannotSubmit as error:
        return _render_section(request, application, part, form, status, refusal=error)
    except intake.CannotEdit as error:
        messages.warning(request, str(error))
        return redirect("applications:status", application.public_id)
    application.answers = {**application.answers, **changes}
    if "leave" in request.POST:
        messages.success(request, "Saved. You can go on with it at any time, on any device.")
        return redirect("applications:mine")
    if not valid:
        return _render_section(request, application, part, form, status)
    if status.phase == Phase.OPEN:
        messages.success(request, "Your change is saved and counts.")
    return redirect(_next(application, key))


@require_POST
def autosave(request: HttpRequest, public_id: UUID, key: str) -> JsonResponse:
    """Keep what is typed in one section: {"version": n, "data": {name: [values]}} -> the new version, or why not."""
    if not request.user.is_authenticated:
        return JsonResponse(
            {"error": "You are signed out. Sign in in another tab, then go on here."}, status=401
        )
    application = _mine(request, public_id)
    part = _section_or_404(application, key)
    try:
        version, data = _posted_json(request)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except RequestDataTooBig:
        return JsonResponse({"error": "This is too long to be saved. Please shorten it."}, status=413)
    now = clock.now()
    if standing.phase_of(application, at=now) != Phase.DRAFT:
        return JsonResponse({"error": "Sent applications are saved with the button."}, status=409)
    form = section_form(part, answers=application.answers, data=data)
    form.is_valid()
    try:
        version = intake.save_answers(
            application_id=application.pk,
            changes=answering.store(part, form.cleaned_data),
            version=version,
            by=request.user,
            at=now,
        )
    except intake.StaleTab as error:
        return JsonResponse({"error": str(error), "version": error.current_version}, status=409)
    except Refused as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse({"version": version, "saved": f"Saved {now:%H:%M} UTC"})


@require_http_methods(["GET", "POST"])
@login_required
def review_and_send(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The application as reviewers will read it, what still stops it, and the button that sends it."""
    application = _mine(request, public_id)
    now = clock.now()
    status = standing.of(application, at=now)
    if status.phase != Phase.DRAFT:
        return redirect("applications:status", application.public_id)
    refusal = ""
    if request.method == "POST":
        try:
            intake.submit(application_id=application.pk, by=request.user, at=now)
        except intake.CannotSubmit as error:
            refusal = str(error)
            application.refresh_from_db()
        else:
            return redirect("applications:status", application.public_id)
    sections = application.form_version.sections
    problems = answering.check(sections, application.answers)
    cycle = program_queries.next_cycle(application.program, at=now)
    context = _form_context(application, problems) | {
        "refusal": "" if problems else refusal,
        "shown": presentation.shown(sections, application.answers, problems=problems),
        "problems": problems,
        "cycle": cycle,
        "clock": program_queries.clock_of(application.program, cycle, at=now),
        "current": "send",
    }
    return render(request, "applications/send.html", context)


@require_GET
@login_required
def status(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The receipt and all that may be said. Silent states give the same bytes; nothing here asks for the state."""
    application = _mine(request, public_id)
    now = clock.now()
    standing_now = standing.of(application, at=now)
    if standing_now.phase == Phase.DRAFT:
        return redirect(_first_open(application))
    sections = application.form_version.sections
    context = {
        "application": application,
        "program": application.program,
        "cycle": application.cycle,
        "standing": standing_now,
        "shown": presentation.shown(sections, application.answers, with_empty=False),
        "count": sum(1 for question in application.answers if application.answers[question] is not None),
        "next_cycle": program_queries.next_cycle(application.program, at=now),
        "first_section": sections[0]["key"] if sections else "",
    }
    return render(request, "applications/status.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def withdraw(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take an application back, after one question."""
    application = _mine(request, public_id)
    now = clock.now()
    standing_now = standing.of(application, at=now)
    if request.method == "POST":
        try:
            intake.withdraw(application_id=application.pk, by=request.user, at=now)
        except intake.CannotWithdraw as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Withdrawn. You can apply again in any later evaluation.")
        if standing_now.phase == Phase.DRAFT:
            return redirect("applications:mine")
        return redirect("applications:status", application.public_id)
    if not standing_now.can_withdraw and standing_now.phase != Phase.DRAFT:
        return redirect("applications:status", application.public_id)
    return render(
        request,
        "applications/withdraw.html",
        {"application": application, "program": application.program, "standing": standing_now},
    )


@require_POST
@login_required
def again(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Start a new draft from the answers of a closed application."""
    application = _mine(request, public_id)
    now = clock.now()
    if not standing.of(application, at=now).may_apply_again:
        return redirect("applications:status", application.public_id)
    try:
        draft = intake.start(
            program_id=application.program_id, answers=fit.reusable(application), by=request.user, at=now
        )
    except intake.CannotStart as error:
        messages.warning(request, str(error))
        return redirect("applications:status", application.public_id)
    messages.info(
        request, "Your earlier answers are filled in. Read them through; agreements are asked afresh."
    )
    return redirect(_first_open(draft))


# --- Helpers ------------------------------------------------------------------------------------------------------------


def _mine(request: HttpRequest, public_id: UUID) -> Application:
    return get_object_or_404(
        Application.objects.owned_by(request.user).select_related(
            "program", "form_version", "cycle__program", "applicant"
        ),
        public_id=public_id,
    )


def _section_or_404(application: Application, key: str) -> Section:
    for part in application.form_version.sections:
        if part["key"] == key:
            return part
    raise Http404


def _version(data: Mapping[str, Any]) -> int | None:
    """The number of the saved answers that the page was loaded with; -1, which is always stale, when it is no number."""
    text = str(data.get("version", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _posted_json(request: HttpRequest) -> tuple[int | None, QueryDict]:
    """Raises ValueError with a sentence for a body that is not what our script sends."""
    wrong = "The page sent something we cannot read. Reload it; what was saved is still there."
    try:
        body = json.loads(request.body)
    except (UnicodeDecodeError, RecursionError, json.JSONDecodeError):
        raise ValueError(wrong) from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise ValueError(wrong)
    data = QueryDict(mutable=True)
    for name, listed in body["data"].items():
        if not isinstance(listed, list) or not all(isinstance(value, str) for value in listed):
            raise ValueError(wrong)
        data.setlist(name, listed)
    return _version({"version": body.get("version", "")}), data


def _start_context(
    program: Program, request: HttpRequest, form: SectionForm | None, refusal: str = ""
) -> dict[str, Any]:
    now = clock.now()
    cycle = program_queries.next_cycle(program, at=now)
    draft = sent = None
    if request.user.is_authenticated:
        own = Application.objects.owned_by(request.user).filter(program=program).only("public_id", "saved_at")
        draft = own.filter(state=State.DRAFT).first()
        sent = own.filter(cycle=cycle, state__in=SENT).first() if cycle else None
    return {
        "program": program,
        "form": form,
        "refusal": refusal,
        "card": program_queries.card(program, cycle, at=now),
        "cycle": cycle,
        "doors": program.doors.order_by("position", "pk"),
        "draft": draft,
        "sent": sent,
    }


def _form_context(application: Application, problems: Mapping[str, str]) -> dict[str, Any]:
    """What the rail beside the form needs: each section with how far it is."""
    rail = []
    for part in application.form_version.sections:
        keys = [question["key"] for question in part["questions"]]
        open_here = sum(1 for key in problems if key in keys or key.removesuffix("_other") in keys)
        begun = any(application.answers.get(key) is not None for key in keys)
        rail.append(
            {
                "key": part["key"],
                "title": part["title"],
                "to_do": open_here,
                "begun": begun,
                "done": not open_here and begun,
            }
        )
    is_draft = application.state == State.DRAFT
    return {
        "application": application,
        "program": application.program,
        "rail": rail,
        "is_draft": is_draft,
        "steps": len(rail) + is_draft,
    }


def _render_section(
    request: HttpRequest,
    application: Application,
    part: Section,
    form: SectionForm,
    status: standing.Standing,
    *,
    stale: str = "",
    refusal: intake.CannotSubmit | None = None,
    code: int = 200,
) -> HttpResponse:
    now = clock.now()
    sections = application.form_version.sections
    keys = [section["key"] for section in sections]
    position = keys.index(part["key"])
    cycle = application.cycle or program_queries.next_cycle(application.program, at=now)
    context = _form_context(application, answering.check(sections, application.answers)) | {
        "section": part,
        "form": form,
        "summary": form.problems(),
        "number": position + 1,
        "left": len(keys) - position - (status.phase != Phase.DRAFT),
        "previous": keys[position - 1] if position else "",
        "current": part["key"],
        "is_last": position == len(keys) - 1,
        "cycle": cycle,
        "clock": program_queries.clock_of(application.program, cycle, at=now),
        "stale": stale,
        "refusal": refusal,
        "elsewhere": _elsewhere(application, refusal, part),
        "saved": _saved(application.saved_at, now),
    }
    return render(request, "applications/section.html", context, status=code)


def _saved(saved_at: datetime, now: datetime) -> str:
    today = saved_at.astimezone(UTC).date() == now.astimezone(UTC).date()
    return (
        f"Saved {saved_at:%H:%M} UTC" if today else f"Saved {texts.day_short(saved_at)}, {saved_at:%H:%M} UTC"
    )


def _elsewhere(
    application: Application, refusal: intake.CannotSubmit | None, part: Section
) -> list[dict[str, str]]:
    """Problems that a change of this section makes in other sections of a sent application."""
    if refusal is None:
        return []
    here = {question["key"] for question in part["questions"]}
    return [
        {"section": section["key"], "title": section["title"], "message": refusal.problems[question["key"]]}
        for section in application.form_version.sections
        for question in section["questions"]
        if question["key"] in refusal.problems and question["key"] not in here
    ]


def _next(application: Application, key: str) -> str:
    keys = [part["key"] for part in application.form_version.sections]
    position = keys.index(key)
    if position + 1 < len(keys):
        return reverse("applications:section", args=[application.public_id, keys[position + 1]])
    if application.submitted_at:
        return reverse("applications:status", args=[application.public_id])
    return reverse("applications:review_and_send", args=[application.public_id])


def _first_open(application: Application) -> str:
    """The section to go on with: the first that still needs something, else the last step."""
    sections = application.form_version.sections
    waiting = answering.check_by_section(sections, application.answers)
    for part in sections:
        if part["key"] in waiting:
            return reverse("applications:section", args=[application.public_id, part["key"]])
    return reverse("applications:review_and_send", args=[application.public_id])
