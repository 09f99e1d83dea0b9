"""An applicant's pages: fit, sections, preview and sending, status, withdrawing. The queryset is the permission."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import (
    again,
    asked,
    attachments,
    awards,
    collaborators,
    form_change,
    institutions,
    intake,
    merging,
    presentation,
    request_queue,
    standing,
)
from applications import answers as answering
from applications.forms import SectionForm, section_form
from applications.models import Application, Request, Right
from applications.standing import Phase
from applications.states import State
from applications.views import common, files, old_form, typed
from portal import clock, texts
from portal.models import User
from portal.refusals import Refused
from programs import fields, translations
from programs import queries as program_queries

Section = Mapping[str, Any]


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Everything this person started or sent, or that is shared with them, newest first."""
    now = clock.now()
    own = Application.objects.readable_by(request.user).order_by("-created_at", "-pk")
    drafts = list(
        own.filter(state=State.DRAFT).select_related("program", "form_version", "applicant", "amends")
    )
    others = (
        awards.ending_in(own.exclude(state=State.DRAFT))
        .select_related("program", "cycle__program", "cycle__rules_version", "applicant", "amends")
        .defer("answers")
    )
    rows = [(application, standing.of(application, at=now)) for application in others]
    everything = [*drafts, *(application for application, _standing in rows)]
    for application, program in zip(
        everything, translations.shown_all([application.program for application in everything]), strict=True
    ):
        application.program = program
    sent = [row for row in rows if row[1].phase != Phase.WITHDRAWN]
    withdrawn = [row for row in rows if row[1].phase == Phase.WITHDRAWN]
    context: dict[str, object] = {
        "drafts": [
            (draft, presentation.title(draft.form_version.sections, draft.answers)) for draft in drafts
        ],
        "sent": sent,
        "withdrawn": withdrawn,
        "any": bool(drafts or rows),
        "requests": _requests_read(request.user),  # type: ignore[arg-type]
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


def _requests_read(person: User) -> list[Request]:
    """What somebody asked by separate forms, with the names of form and program in the reader's language."""
    rows = request_queue.mine(person)
    says = translations.say_all([row.form.program for row in rows])
    for row, program in zip(rows, translations.shown_all([row.form.program for row in rows]), strict=True):
        row.form_title = says[program.pk](row.form_title)
        row.form.program = program
    return rows


@require_http_methods(["GET", "POST"])
def section(request: HttpRequest, public_id: UUID, key: str) -> HttpResponse:
    """One section of the form. POST keeps everything typed, then says what is missing or goes on."""
    if not request.user.is_authenticated:
        return typed.sign_in(request)
    application = common.editable(request, public_id)
    part = _section(application, key)
    if part is None:
        return old_form.page(request, application, key)
    now = clock.now()
    status = standing.of(application, at=now)
    if status.phase != Phase.DRAFT and not status.can_edit:
        return redirect("applications:status", application.public_id)
    if request.method == "GET":
        return _opened(request, application, part, status)
    typed.forget(request)
    version, base = _version(request.POST), _base(request.POST)
    old_form.keep_strays(request, application, part, base)
    was_current = version == application.answers_version
    taken = files.take(request, application, part)
    form = section_form(
        part,
        answers=application.answers,
        data=request.POST,
        strict=not taken.pressed,
        files=files.shown(application, part, taken),
    )
    valid = form.is_valid() and not taken.refused
    changes = institutions.settled([part], answering.store(part, form.cleaned_data))
    try:
        application.answers_version = intake.save_answers(
            application_id=application.pk,
            changes=changes,
            version=application.answers_version if was_current else version,
            base=base,
            by=request.user,
            at=now,
        )
    except intake.StaleTab as error:
        return _render_stale(request, application, part, form, status=status, error=error, base=base)
    except intake.CannotSubmit as error:
        return _render_section(request, application, part, form, status, refusal=error, base=base)
    except intake.CannotEdit as error:
        messages.warning(request, str(error))
        return redirect("applications:status", application.public_id)
    application.refresh_from_db(fields=["answers", "saved_at"])
    moved = form_change.carry_over(application_id=application.pk, by=request.user, at=now)
    if moved and "leave" not in request.POST:
        messages.info(request, _("Saved, and carried over to the new form. What changed is said below."))
        return redirect(common.first_open(common.editable(request, public_id)))
    if "leave" in request.POST:
        messages.success(request, _("Saved. You can go on with it at any time, on any device."))
        return redirect("applications:mine")
    if not valid:
        return _render_section(request, application, part, form, status, base=merging.after(base, changes))
    if taken.pressed:
        return redirect(f"{request.path}#div_id_{taken.at}")
    if status.phase == Phase.OPEN:
        messages.success(request, _("Your change is saved and counts."))
    return redirect(_next(application, key))


@require_POST
def autosave(request: HttpRequest, public_id: UUID, key: str) -> JsonResponse:
    """Keep what is typed in one section, or say why not.

    {"version": n, "base": {key: mark}, "data": {name: [values]}} -> {"version", "base", "saved"}; the base that comes
    back holds the marks of what was taken from this page (applications.merging).
    """
    if not request.user.is_authenticated:
        return JsonResponse(
            {"error": _("You are signed out. Sign in in another tab, then go on here.")}, status=401
        )
    application = common.editable(request, public_id)
    part = _section(application, key)
    if part is None:
        return old_form.script(application, key)
    try:
        version, base, data = _posted_json(request)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except RequestDataTooBig:
        return JsonResponse({"error": _("This is too long to be saved. Please shorten it.")}, status=413)
    now = clock.now()
    if standing.phase_of(application, at=now) != Phase.DRAFT:
        return JsonResponse({"error": _("Sent applications are saved with the button.")}, status=409)
    if old_form.strays(application, part, data, base):
        return old_form.script(application, key)
    form = section_form(part, answers=application.answers, data=data)
    form.is_valid()
    changes = institutions.settled([part], answering.store(part, form.cleaned_data))
    try:
        version = intake.save_answers(
            application_id=application.pk,
            changes=changes,
            version=version,
            base=base,
            by=request.user,
            at=now,
        )
    except intake.StaleTab as error:
        clashes = _labels(part, error.clashes)
        return JsonResponse(
            {"error": str(error), "version": error.current_version, "clashes": clashes}, status=409
        )
    except Refused as error:
        return JsonResponse({"error": str(error)}, status=409)
    typed.forget(request, reverse("applications:section", args=[public_id, key]))
    answer: dict[str, Any] = {"version": version, "saved": _("Saved %(now)s UTC") % {"now": f"{now:%H:%M}"}}
    if base is not None:
        answer["base"] = merging.after(base, changes)
    return JsonResponse(answer)


@require_http_methods(["GET", "POST"])
@login_required
def review_and_send(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """All answers to read through, what still stops them, and for the applicant the button that sends them."""
    find = common.owned if request.method == "POST" else common.editable
    application = find(request, public_id)
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
            application = find(request, public_id)
        else:
            return redirect("applications:status", application.public_id)
    sections = asked.sections(application)
    problems = answering.check(sections, application.answers)
    cycle = program_queries.next_cycle(application.program, at=now)
    context = _form_context(application, problems) | {
        "refusal": "" if problems else refusal,
        "shown": presentation.shown(
            sections,
            application.answers,
            problems=problems,
            files=attachments.by_question(application),
        ),
        "problems": problems,
        "cycle": cycle,
        "clock": program_queries.clock_of(application.program, cycle, at=now),
        "current": "send",
        "is_owner": application.applicant_id == request.user.pk,
        "live": _live_before(application, now),
    }
    return render(request, "applications/send.html", context)


@require_GET
@login_required
def status(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The receipt and all that may be said. Silent states give the same bytes; nothing here asks for the state."""
    application = common.readable(request, public_id)
    now = clock.now()
    standing_now = standing.of(application, at=now)
    is_owner = application.applicant_id == request.user.pk
    shared = None if is_owner else collaborators.place_of(request.user, application)
    may_edit = is_owner or (shared is not None and shared.right == Right.EDIT)
    if standing_now.phase == Phase.DRAFT:
        page = "applications:preview"
        return redirect(
            common.first_open(application) if may_edit else reverse(page, args=[application.public_id])
        )
    sections = application.form_version.sections
    context = {
        "application": application,
        "program": application.program,
        "cycle": application.cycle,
        "standing": standing_now,
        "shown": presentation.shown(
            sections, application.answers, with_empty=False, files=attachments.by_question(application)
        ),
        "count": sum(1 for question in application.answers if application.answers[question] is not None),
        "next_cycle": program_queries.next_cycle(application.program, at=now),
        "is_owner": is_owner,
        "shared": shared,
        "may_edit": may_edit and standing_now.can_edit,
        "people": list(collaborators.people(application)),
        "first_section": sections[0]["key"] if sections else "",
    }
    return render(request, "applications/status.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def withdraw(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take an application back, after one question."""
    application = common.owned(request, public_id)
    now = clock.now()
    standing_now = standing.of(application, at=now)
    if request.method == "POST":
        try:
            intake.withdraw(application_id=application.pk, by=request.user, at=now)
        except intake.CannotWithdraw as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Withdrawn. You can apply again in any later evaluation."))
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


# --- Helpers ------------------------------------------------------------------------------------------------------------


def _section(application: Application, key: str) -> Section | None:
    return next((part for part in asked.sections(application) if part["key"] == key), None)


def _version(data: Mapping[str, Any]) -> int | None:
    """The number of the saved answers that the page was loaded with; -1, which is always stale, when it is no number."""
    text = str(data.get("version", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _base(data: Mapping[str, Any]) -> dict[str, str] | None:
    """The marks that the page was drawn with; None for a page or a script that keeps none."""
    return merging.marks_from(data["base"]) if "base" in data else None


def _labels(part: Section, keys: Sequence[str]) -> list[str]:
    return [question["label"] for question in fields.expanded(part) if question["key"] in keys]


def _live_before(application: Application, now: datetime) -> str:
    """Why a draft cannot be sent yet beside another application of the same person; empty when nothing is in its way."""
    if application.amends_id is not None:
        return awards.why_not(awards.of(application), at=now, sending=application)
    past = again.before(program=application.program, person=application.applicant, at=now)
    return intake.one_at_a_time(past.live) if past.live else ""


def _posted_json(request: HttpRequest) -> tuple[int | None, dict[str, str] | None, QueryDict]:
    """Raises ValueError with a sentence for a body that is not what our script sends."""
    wrong = _("The page sent something we cannot read. Reload it; what was saved is still there.")
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
    return _version({"version": body.get("version", "")}), _base(body), data


def _form_context(application: Application, problems: Mapping[str, str]) -> dict[str, Any]:
    """What the rail beside the form needs: each section with how far it is."""
    rail = []
    for part in application.form_version.sections:
        keys = [question["key"] for question in fields.expanded(part)]
        open_here = sum(1 for key in problems if key in keys)
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
        "news": form_change.news(application),
        "steps": len(rail) + is_draft,
    }


def _opened(
    request: HttpRequest, application: Application, part: Section, status: standing.Standing
) -> HttpResponse:
    """A section as it is saved, or with what its writer typed before signing in again."""
    waits, listed = typed.back(request), files.shown(application, part)
    report = "fix" in request.GET
    form = section_form(part, answers=application.answers, data=waits, report=report, files=listed)
    return _render_section(request, application, part, form, status, base=_base(waits or {}))


def _render_section(
    request: HttpRequest,
    application: Application,
    part: Section,
    form: SectionForm,
    status: standing.Standing,
    *,
    stale: str = "",
    clashes: Sequence[str] = (),
    refusal: intake.CannotSubmit | None = None,
    base: Mapping[str, str] | None = None,
    code: int = 200,
) -> HttpResponse:
    now = clock.now()
    sections = asked.sections(application)
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
        "clashes": _labels(part, clashes),
        "base": json.dumps(merging.marks(part, application.answers) if base is None else base),
        "is_owner": application.applicant_id == request.user.pk,
        "refusal": refusal,
        "elsewhere": _elsewhere(application, refusal, part),
        "saved": _("Not saved yet")
        if form.is_bound and request.method == "GET"
        else _saved(application.saved_at, now),
    }
    return render(request, "applications/section.html", context, status=code)


def _render_stale(
    request: HttpRequest, application: Application, part: Section, form: SectionForm, **more: Any
) -> HttpResponse:
    """What was typed, and a form that takes the place of the other version when it is sent once more: of the answers
    that clash, and of no others. more: status, error and base.
    """
    error, base = more["error"], more["base"]
    application.refresh_from_db(fields=["answers", "answers_version", "saved_at"])
    if base is not None:
        now = merging.marks(part, application.answers)
        base = {**base, **{key: now.get(key, "") for key in error.clashes}}
    return _render_section(
        request,
        application,
        part,
        form,
        more["status"],
        stale=str(error),
        clashes=error.clashes,
        base=base,
        code=409,
    )


def _saved(saved_at: datetime, now: datetime) -> str:
    today = saved_at.astimezone(UTC).date() == now.astimezone(UTC).date()
    return (
        _("Saved %(saved_at)s UTC") % {"saved_at": f"{saved_at:%H:%M}"}
        if today
        else _("Saved %(saved_at)s, %(saved_at_2)s UTC")
        % {"saved_at": texts.day_short(saved_at), "saved_at_2": f"{saved_at:%H:%M}"}
    )


def _elsewhere(
    application: Application, refusal: intake.CannotSubmit | None, part: Section
) -> list[dict[str, str]]:
    """Problems that a change of this section makes in other sections of a sent application."""
    if refusal is None:
        return []
    here = {question["key"] for question in fields.expanded(part)}
    return [
        {"section": section["key"], "title": section["title"], "message": refusal.problems[question["key"]]}
        for section in application.form_version.sections
        for question in fields.expanded(section)
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
