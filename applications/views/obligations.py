"""What follows an award: its summary, the number to cite, its papers and what was asked about datasets."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import citing, obligation_words, obligations, papers, summaries
from applications.models import (
    AGREED,
    OWED,
    Application,
    Decision,
    DecisionState,
    Obligation,
    ObligationState,
    Request,
    RequestAnswer,
)
from applications.states import State
from applications.views import common, typed
from applications.views.files import TOO_MUCH, UPLOADS_PER_HOUR
from credits.models import Grant
from portal import clock
from portal.limits import count
from portal.refusals import Refused
from portal.uploads import TOO_LARGE
from programs import request_forms, translations
from programs.request_models import RequestKind
from programs.texts import word_count

LARGEST_DRAFT_BYTES = 200_000


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The summary of an award to write and hand in, and what else follows an award. Without one there is no page."""
    if not request.user.is_authenticated:
        return typed.sign_in(request)
    application = award_of(request, public_id)
    if application.amends is not None:
        return redirect("applications:obligations", application.amends.public_id)
    obligation = _obligation(application)
    refusals: dict[str, str] = {}
    stale = False
    if request.method == "POST":
        if obligation is None:
            raise Http404
        typed.forget(request)
        try:
            done = _take(request, obligation, refusals)
        except summaries.StaleSummary:
            stale, done = True, False
        if done and not refusals:
            return redirect("applications:obligations", application.public_id)
        obligation = _obligation(application)
    context = _context(request, application, obligation, refusals=refusals, stale=stale)
    return render(request, "applications/obligations.html", context, status=422 if refusals or stale else 200)


def _take(request: HttpRequest, obligation: Obligation, refusals: dict[str, str]) -> bool:
    """Do what the pressed button says; a file that was chosen is attached with any. Raises StaleSummary."""
    text, what = request.POST.get("text", ""), request.POST.get("do", "save")
    version = _number(request.POST.get("version"))
    at, by = clock.now(), request.user
    key: dict[str, Any] = {"obligation_id": obligation.pk, "by": by, "at": at}
    try:
        version = summaries.save(text=text, version=version, **key)
        file = request.FILES.get("file")
        if file is not None:
            count("uploads", by.pk, most=UPLOADS_PER_HOUR, seconds=3600)
            summaries.attach(name=str(file.name), chunks=file.chunks(), **key)
        elif what == "attach":
            refusals["file"] = str(
                TOO_MUCH if TOO_LARGE in request.META else _("Choose a file first, then attach it.")
            )
        if what == "detach":
            summaries.detach(**key)
    except summaries.StaleSummary:
        raise
    except summaries.CannotHandIn as error:
        refusals["text"] = str(error)
    except Refused as error:
        refusals["file"] = str(error)
    if what == "hand_in" and not refusals:
        try:
            summaries.hand_in(text=text, version=version, **key)
            messages.success(request, _("Handed in. We read it and write to you."))
        except Refused as error:
            refusals["text"] = str(error)
    elif what == "save" and not refusals:
        messages.success(request, _("Saved. It is not handed in yet."))
    return True


@require_POST
def autosave(request: HttpRequest, public_id: UUID) -> JsonResponse:
    """Keep what is typed: {"version": n, "data": {"text": [...]}} -> {"version", "saved"}, or say why not."""
    if not request.user.is_authenticated:
        return JsonResponse(
            {"error": _("You are signed out. Sign in in another tab, then go on here.")}, status=401
        )
    obligation = _obligation(award_of(request, public_id))
    if obligation is None:
        raise Http404
    try:
        version, text = _posted(request)
    except ValueError:
        return JsonResponse({"error": _("This could not be read. Reload the page.")}, status=400)
    except RequestDataTooBig:
        return JsonResponse({"error": _("This is too long to be saved. Please shorten it.")}, status=413)
    now = clock.now()
    try:
        version = summaries.save(
            obligation_id=obligation.pk, text=text, version=version, by=request.user, at=now
        )
    except summaries.StaleSummary as error:
        return JsonResponse({"error": str(error), "version": error.current_version}, status=409)
    except Refused as error:
        return JsonResponse({"error": str(error)}, status=422)
    typed.forget(request, reverse("applications:obligations", args=[public_id]))
    return JsonResponse({"version": version, "saved": _("Saved %(now)s UTC") % {"now": f"{now:%H:%M}"}})


@require_GET
@login_required
def of_grant(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """From a grant to what follows its award."""
    lot = get_object_or_404(Grant, uuid=uuid)
    own = Application.objects.owned_by(request.user)
    application = get_object_or_404(own, decisions__grant=lot.decided_id)
    return redirect("applications:obligations", application.public_id)


def award_of(request: HttpRequest, public_id: UUID) -> Application:
    """An own application that was awarded and told so, or 404."""
    application = common.owned(request, public_id)
    told = Decision.objects.filter(application=application, kind__in=AGREED, state=DecisionState.RELEASED)
    if application.state != State.AWARDED or not told.exists():
        raise Http404
    return application


def _obligation(application: Application) -> Obligation | None:
    found = Obligation.objects.select_related("draft_file").filter(application=application).first()
    if found is not None:
        found.application = application
    return found


def _context(
    request: HttpRequest,
    application: Application,
    obligation: Obligation | None,
    *,
    refusals: dict[str, str],
    stale: bool,
) -> dict[str, object]:
    now = clock.now()
    waits = typed.back(request) if request.method == "GET" else None
    words = (waits or request.POST).get("text")
    text = words if words is not None else obligation.draft_text if obligation else ""
    version = obligation.draft_version if obligation else 0
    half = obligations.second_half(application.pk)
    owed = obligation is not None and obligation.state in OWED
    versions = list(obligation.summaries.select_related("file").order_by("-number")) if obligation else []
    forms = request_forms.public().filter(program=application.program, kind=RequestKind.DATASET)
    of_award = Q(application=application) | Q(application__amends=application)
    asked = Request.objects.filter(of_award, form__kind=RequestKind.DATASET)
    newest_first = RequestAnswer.objects.order_by("-number")
    return {
        "application": application,
        "program": application.program,
        "obligation": obligation,
        "box": obligation_words.box(obligation, at=now),
        "is_owed": owed,
        "is_returned": owed and obligation is not None and obligation.state == ObligationState.RETURNED,
        "versions": versions,
        "last": versions[0] if versions else None,
        "text": text,
        # What waited was typed over the text of then: if that has changed, it must not go over it unseen.
        "version": version if waits is None else waits.get("version", version),
        "words": word_count(text),
        "most_words": summaries.MOST_WORDS,
        "most_megabytes": summaries.MOST_MEGABYTES,
        "warning": summaries.warning(obligation.draft_file) if obligation and owed else "",
        "refusals": refusals,
        "stale": stale,
        "half": half,
        "half_words": obligation_words.about_half(half) if half else "",
        "number": citing.number_of(application),
        "sentence": citing.sentence(application),
        "papers": [paper for paper in papers.of(request.user) if application in paper.awards.all()],
        "dataset_form": next(iter(translations.shown_rows(list(forms[:1]), "request_forms")), None),
        "datasets": [
            (row, next(iter(row.replies.all()), None))
            for row in asked.prefetch_related(Prefetch("replies", newest_first)).order_by("-sent_at")[:20]
        ],
    }


def _posted(request: HttpRequest) -> tuple[int | None, str]:
    """The number and the text that a script sent. Raises ValueError, RequestDataTooBig."""
    if len(request.body) > LARGEST_DRAFT_BYTES:
        raise RequestDataTooBig
    sent = json.loads(request.body)
    data = sent["data"] if isinstance(sent, dict) and isinstance(sent.get("data"), dict) else None
    given = data.get("text") if data is not None else None
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], str):
        raise ValueError("no text")
    return _number(sent.get("version")), given[0]


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 10 else None
