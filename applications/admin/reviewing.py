"""The pages of a review: read, score, step back, answer gates, make copies, talk. Each asks desk.visible first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import desk, dossier, looks, queue, redactions, review, threads
from applications.admin import forms, navigation
from applications.admin.common import application_of, context_of
from applications.models import (
    Application,
    Confidence,
    DeclineCode,
    GateOutcome,
    RecusalKind,
    Review,
    ReviewState,
)
from portal import clock
from portal.refusals import Refused
from portal.roles import Role
from programs import rulebook, staff

NOTE_SHOWN = 10_000


@dataclass(frozen=True)
class Entered:
    """What stands in the fields of a review: as it was saved, or as it was just entered and not taken."""

    note: str = ""
    confidence: str = ""
    clear_decline: bool = False
    decline_code: str = ""


@require_http_methods(["GET", "POST"])
def review_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Read and score one application; a POST hands in the part that is open and goes on."""
    try:
        application = application_of(request, pk)
    except Http404:
        return _gone(request, pk)
    at_desk = staff.desk(request)
    found = dossier.of(at_desk, application)
    screens = at_desk.holds(Role.SCREENER, program_id=application.program_id)
    if found.assignment is None and not screens:
        return redirect("admin:applications_application_change", pk)
    if request.method != "POST":
        return _page(request, application, found, entered=_saved(found.mine))
    form = forms.ReviewForm(request.POST, criteria=[line.criterion for line in found.rubric if line.is_open])
    if not form.is_valid():
        problems = [(text, "") for errors in form.errors.values() for text in errors]
        return _page(request, application, found, problems=problems, status=422)
    try:
        done = review.send_in(application_id=pk, look=form.look, by=at_desk.user, at=clock.now())
    except review.BadReview as error:
        _keep_quietly(application, form, at_desk)
        found = dossier.of(at_desk, application)
        return _page(request, application, found, problems=_linked(error.problems, found), status=422)
    except review.ChangedElsewhere as error:
        return _page(request, application, found, problems=[(str(error), "")], status=409)
    except review.CannotReview as error:
        return _closed(request, application.reference or "", str(error), status=409)
    if done.state == ReviewState.DRAFT:
        messages.success(request, "Look 1 is in and sealed. Now with names: score what is left.")
        return redirect("admin:applications_application_review", pk)
    return _go_on(request, application, at_desk)


def _page(
    request: HttpRequest,
    application: Application,
    found: dossier.Dossier,
    *,
    entered: Entered | None = None,
    problems: list[tuple[str, str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page with what is saved, or after a refusal with what was entered: nothing typed is lost."""
    at_desk = staff.desk(request)
    if entered is None:
        entered, found = _typed(request.POST), _with_scores(found, request.POST)
    context = context_of(request, application, found) | {
        "problems": problems or [],
        "load": desk.load_in(navigation.loads(request), application) if found.assignment else None,
        "screens": at_desk.holds(Role.SCREENER, program_id=application.program_id),
        "entered": entered,
        "confidences": Confidence.choices,
        "decline_codes": DeclineCode.choices,
        "outcomes": GateOutcome.choices,
        "kinds": RecusalKind.choices,
        "is_in": found.mine is not None and found.mine.state == ReviewState.IN,
        "more_looks": found.part == review.Part.BLIND and any(not line.is_open for line in found.rubric),
    }
    return render(request, "admin/applications/application/review.html", context, status=status)


def _linked(problems: Mapping[str, str], found: dossier.Dossier) -> list[tuple[str, str]]:
    """Each problem with the id of the field it is about, where the page has one."""
    fields = {line.criterion.key: f"{line.criterion.key}-1" for line in found.rubric if line.is_open}
    return [(text, fields.get(key, "")) for key, text in problems.items()]


def _saved(mine: Review | None) -> Entered:
    if mine is None:
        return Entered()
    return Entered(mine.note, mine.confidence, mine.clear_decline, mine.decline_code)


def _typed(data: QueryDict) -> Entered:
    return Entered(
        note=data.get("note", "")[:NOTE_SHOWN],
        confidence=data.get("confidence", ""),
        clear_decline=bool(data.get("clear_decline")),
        decline_code=data.get("decline_code", ""),
    )


def _with_scores(found: dossier.Dossier, data: QueryDict) -> dossier.Dossier:
    """The rubric with the scores that were entered, where they lie on the scale."""
    lines = []
    for line in found.rubric:
        given = data.get(f"score-{line.criterion.key}")
        if line.is_open and given is not None:
            known = {str(value): value for value, _ in line.scale}
            line = replace(  # noqa: PLW2901 - a line with another value
                line, value=known.get(given), not_applicable=given == forms.NOT_APPLICABLE
            )
        lines.append(line)
    return replace(found, rubric=lines)


def has_lost_the_desk(request: HttpRequest) -> bool:
    """Signed in, and no member of staff any more: they see no application, and are told why."""
    return request.user.is_authenticated and not request.user.is_staff


def _gone(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody who had this application and does not see it any more: told why, with what they typed. 404 for others."""
    at_desk = staff.desk(request)
    why = queue.not_mine_why(at_desk, pk) if request.method == "POST" else ""
    if not why:
        raise Http404
    return _closed(request, "", why, status=404)


def _closed(request: HttpRequest, reference: str, why: str, *, status: int) -> HttpResponse:
    """One sentence and what was typed; nothing of the application itself."""
    context = {
        **admin.site.each_context(request),
        "title": f"Not saved: {reference}" if reference else "Not saved",
        "why": why,
        "entered": _typed(request.POST),
        "scores": [
            (name.removeprefix("score-"), value[:10])
            for name, value in request.POST.items()
            if name.startswith("score-") and value
        ],
    }
    return render(request, "admin/applications/application/closed.html", context, status=status)


@require_POST
def autosave(request: HttpRequest, pk: int) -> JsonResponse:
    """Keep a review as it stands. JSON {"text", "saw"}: 200 saved, 409 refused, 422 off the scale, 404 not yours."""
    try:
        application = application_of(request, pk)
    except Http404:
        why = queue.not_mine_why(staff.desk(request), pk)
        if not why:
            raise
        return JsonResponse({"text": f"Not saved. {why} What you typed is still on this page."}, status=404)
    at_desk = staff.desk(request)
    form = forms.ReviewForm(request.POST, criteria=_open_criteria(application, at_desk))
    if not form.is_valid():
        return JsonResponse({"text": next(iter(form.errors.values()))[0]}, status=422)
    at = clock.now()
    try:
        saved = review.save(application_id=pk, look=form.look, by=at_desk.user, at=at)
    except review.BadReview as error:
        return JsonResponse({"text": str(error)}, status=422)
    except (review.CannotReview, review.ChangedElsewhere) as error:
        return JsonResponse({"text": str(error)}, status=409)
    return JsonResponse({"text": f"Saved {at:%H:%M} UTC", "saw": saved.saved_at.isoformat()})


def _open_criteria(application: Application, at_desk: staff.Desk) -> list[Any]:
    """The criteria of the part that is open for this person."""
    mine = Review.objects.filter(application=application, reviewer=at_desk.user).first()
    rules = rulebook.for_application(application)
    part = review.part_of(rules=rules, mine=mine, knows_names=not looks.is_blind(at_desk, application, mine))
    return review.open_criteria(rules, part)


def _keep_quietly(application: Application, form: forms.ReviewForm, at_desk: staff.Desk) -> None:
    """An incomplete review is kept as a draft, so that nothing entered is lost with the refusal."""
    try:
        review.save(application_id=application.pk, look=form.look, by=at_desk.user, at=clock.now())
    except Refused:
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


@require_GET
def go_next(request: HttpRequest) -> HttpResponse:
    """The next application of my queue; `?after=<id>` goes on behind one, which is how "skip" works."""
    after = request.GET.get("after", "")
    return _to(
        desk.next_to_review(
            staff.desk(request), after=int(after) if after.isdecimal() and len(after) < 19 else None
        )
    )


@require_http_methods(["GET", "POST"])
def recuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Step back from an application, with the kind of reason."""
    application = application_of(request, pk)
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


# --- Screeners: gates and copies --------------------------------------------------------------------------------------


@require_POST
def answer_gate(request: HttpRequest, pk: int) -> HttpResponse:
    """A screener's answer at a gate."""
    application = application_of(request, pk)
    form = forms.GateForm(request.POST)
    if not form.is_valid():
        return _refused(request, pk, form)
    if form.cleaned_data["gate"] not in {gate.key for gate in review.gates_for(application)}:
        raise Http404
    try:
        review.answer_gate(
            application_id=pk,
            criterion_key=form.cleaned_data["gate"],
            outcome=GateOutcome(form.cleaned_data["outcome"]),
            note=form.cleaned_data["note"],
            saw=form.cleaned_data["saw"],
            by=staff.desk(request).user,
            at=clock.now(),
        )
    except review.CannotReview as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The gate is answered.")
    return redirect("admin:applications_application_review", pk)


@require_http_methods(["GET", "POST"])
def redact(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """A screener's copy of one answer: made, replaced or lifted."""
    application = application_of(request, pk)
    at_desk = staff.desk(request)
    if not at_desk.holds(Role.SCREENER, program_id=application.program_id):
        raise Http404
    answer = next(
        (
            row
            for part in dossier.of(at_desk, application).parts
            for row in part.answers
            if row.redactable == key
        ),
        None,
    )
    if answer is None:
        raise Http404
    form = forms.RedactForm(request.POST or None, initial={"question": key})
    problems: list[str] = []
    if request.method == "POST":
        problems = [text for errors in form.errors.values() for text in errors]
        if not problems:
            try:
                _copy(application, key, form, at_desk)
            except redactions.CannotRedact as error:
                problems = [str(error)]
            else:
                messages.success(request, f"Reviewers now read your version of “{answer.label}”.")
                return redirect("admin:applications_application_review", pk)
    standing = redactions.of(application).get(key)
    context = {
        **admin.site.each_context(request),
        "title": f"Copy for reviewers: {answer.label}",
        "application": application,
        "accent": application.program.accent,
        "answer": answer,
        "key": key,
        "standing": standing,
        "text": request.POST.get("text") or (standing.text if standing else application.answers.get(key, "")),
        "reason": request.POST.get("reason", ""),
        "problems": problems,
    }
    status = 422 if problems else 200
    return render(request, "admin/applications/application/redact.html", context, status=status)


def _copy(application: Application, key: str, form: forms.RedactForm, at_desk: staff.Desk) -> None:
    common: dict[str, Any] = {
        "application_id": application.pk,
        "question_key": key,
        "reason": form.cleaned_data["reason"],
        "by": at_desk.user,
        "at": clock.now(),
    }
    if form.cleaned_data["lift"]:
        redactions.lift(**common)
    else:
        redactions.redact(text=form.cleaned_data["text"], **common)


# --- Thread -----------------------------------------------------------------------------------------------------------


@require_POST
def say(request: HttpRequest, pk: int) -> HttpResponse:
    """A message to the thread of an application."""
    application = application_of(request, pk)
    back = request.POST.get("back") == "decision"
    page = "admin:applications_application_change" if back else "admin:applications_application_review"
    form = forms.ThreadForm(request.POST)
    if not form.is_valid():
        return _refused(request, pk, form, page=page)
    try:
        threads.write(
            application_id=application.pk,
            text=form.cleaned_data["text"],
            by=staff.desk(request).user,
            at=clock.now(),
        )
    except threads.CannotWrite as error:
        return _closed_message(request, str(error))
    return redirect(page, pk)


def _closed_message(request: HttpRequest, why: str) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Not sent",
        "why": why,
        "entered": Entered(note=request.POST.get("text", "")[:NOTE_SHOWN]),
        "scores": [],
    }
    return render(request, "admin/applications/application/closed.html", context, status=409)


def _refused(
    request: HttpRequest, pk: int, form: Any, *, page: str = "admin:applications_application_review"
) -> HttpResponse:
    for errors in form.errors.values():
        messages.error(request, errors[0])
    return redirect(page, pk)
