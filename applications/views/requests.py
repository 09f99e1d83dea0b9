"""Separate forms: fill one in, see where a request stands, take it back. The queryset is the permission."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import blake2b
from json import dumps
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from applications import answers as answering
from applications import institutions, presentation, requests
from applications.forms import SectionForm, section_form
from applications.models import Application, Request
from applications.request_states import DECIDED, OPEN
from applications.views import typed
from portal import clock
from portal.limits import TooOften, count
from programs import request_forms, translations
from programs.request_models import RequestForm, RequestSenders
from programs.texts import as_typed

WORDS = 300  # characters of a search
PER_HOUR = 20  # tries of one person

ONCE, AWARD, LOOK_FOR, NONE_FITS, MARK = "page-once", "the-award", "look-for", "none-fits", "page-mark"
"""Names that the page posts itself. The dash keeps them apart from the keys of questions."""

Problem = dict[str, str]


@require_http_methods(["GET", "POST"])
def fill_in(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """The page of one form. ?q= looks for an answer first where the form wants that; ?award= names the award."""
    form = get_object_or_404(request_forms.public(), program__slug=slug, key=key)
    if not request.user.is_authenticated:
        if request.method == "POST":
            return typed.sign_in(request)
        return _page(request, form, [])
    held = requests.awards_of(request.user, form.program)
    if form.senders == RequestSenders.HOLDERS and not held:
        return _page(request, form, held)
    if request.method == "GET":
        waits = typed.back(request)
        questions = section_form(_as_read(form), answers={}, data=waits)
        once = _uuid(waits.get(ONCE, "")) if waits else None
        return _page(request, form, held, questions=questions, once=once or uuid.uuid4(), waits=waits)
    typed.forget(request)
    return _send(request, form, held)


def _send(request: HttpRequest, form: RequestForm, held: Sequence[Application]) -> HttpResponse:
    posted, part = request.POST, _as_read(form)
    questions = section_form(part, answers={}, data=posted, strict=True)
    questions.is_valid()
    once = _uuid(posted.get(ONCE, "")) or uuid.uuid4()
    award = next((award for award in held if str(award.public_id) == posted.get(AWARD)), None)
    own = _own_problems(form, posted, award)
    refusal, code = "", 422
    if posted.get(MARK) != _mark(form):
        refusal = _(
            "The questions were changed while you wrote. What you typed is kept: look at it, then send again."
        )
        code = 409
    elif not own and not questions.problems():
        try:
            count("request", request.user.pk, most=PER_HOUR, seconds=3600)
            sent = requests.send(
                request_form_id=form.pk,
                once=once,
                answers=institutions.settled([part], answering.store(part, questions.cleaned_data)),
                application_id=award.pk if award else None,
                words=posted.get(LOOK_FOR, ""),
                none_answers=NONE_FITS in posted,
                by=request.user,  # type: ignore[arg-type]
                at=clock.now(),
            )
        except (requests.CannotSend, TooOften) as error:
            refusal = str(error)
        else:
            messages.success(request, _("Sent. This page is your receipt."))
            return redirect("applications:request", sent.public_id)
    return _page(request, form, held, questions=questions, once=once, own=own, refusal=refusal, code=code)


def _own_problems(form: RequestForm, posted: Mapping[str, Any], award: Application | None) -> list[Problem]:
    """What is missing among the things that the page asks itself, for the summary."""
    found = []
    words = _words(posted.get(LOOK_FOR, ""))
    if form.faq_first and not words:
        found.append(_problem(_("Look first"), _("Write in a few words what it is about."), LOOK_FOR))
    elif NONE_FITS not in posted and requests.answers_before(form, words):
        found.append(_problem(_("The answers above"), _("Say that none of them covers it."), NONE_FITS))
    if form.senders == RequestSenders.HOLDERS and award is None:
        found.append(_problem(_("The award"), _("Choose the award that it is about."), AWARD))
    return found


def _as_read(form: RequestForm) -> Mapping[str, Any]:
    """The questions in the reader's language; keys and values are those of the original."""
    return request_forms.one_section(
        translations.shown_sections(form.sections, translations.say(form.program, form=True))
    )


def _problem(label: str, message: str, name: str) -> Problem:
    return {"label": label, "message": message, "anchor": f"id_{name}", "key": name}


def _page(
    request: HttpRequest,
    form: RequestForm,
    held: Sequence[Application],
    *,
    questions: SectionForm | None = None,
    once: UUID | None = None,
    own: Sequence[Problem] = (),
    refusal: str = "",
    code: int = 200,
    waits: QueryDict | None = None,
) -> HttpResponse:
    """waits: what was typed before its writer signed in; it stands in the fields as if it had just been sent."""
    posted = request.method == "POST"
    sent = request.POST if posted else waits
    words = _words(request.GET.get("q", "") if sent is None else sent.get(LOOK_FOR, ""))
    entries = requests.answers_before(form, words) if words else []
    chosen = request.GET.get("award", "") if sent is None else sent.get(AWARD, "")
    context = {
        "request_form": translations.shown_rows([form], "request_forms")[0],
        "program": translations.shown(form.program),
        "for_holders": form.senders == RequestSenders.HOLDERS,
        "questions": questions,
        "look_first": form.faq_first and not words and sent is None,
        "words": words,
        "entries": entries,
        "none_fits": sent is not None and NONE_FITS in sent,
        "held": held,
        "chosen": chosen or (str(held[0].public_id) if len(held) == 1 else ""),
        "once": once,
        "mark": _mark(form),
        "summary": [*own, *(questions.problems() if questions is not None and posted else ())],
        "wrong": {problem["key"]: problem["message"] for problem in own},
        "refusal": refusal,
    }
    return render(request, "applications/request_form.html", context, status=code)


@require_http_methods(["GET"])
@login_required
def status(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The receipt of a request, where it stands, what happens next and when, and its answers."""
    found = _own(request, public_id)
    now = clock.now()
    replies = list(found.replies.order_by("-number"))
    say = translations.say(found.form.program, form=True)
    context = {
        "request_row": found,
        "form_title": say(found.form_title),
        "policy": say(found.policy),
        "program": translations.shown(found.form.program),
        "due_on": _local_day(found, found.due_at),
        "decided_on": _local_day(found, found.decided_at),
        "withdrawn_on": _local_day(found, found.withdrawn_at),
        "is_open": found.state in OPEN,
        "is_decided": found.state in DECIDED,
        "is_late": found.state in OPEN and now > found.due_at,
        "replies": replies,
        "shown": presentation.shown(
            translations.shown_sections(found.sections, say), found.answers, with_empty=False
        ),
    }
    return render(request, "applications/request.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def withdraw(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take a request back, after one question."""
    found = _own(request, public_id)
    if request.method == "POST":
        try:
            requests.withdraw(request_id=found.pk, by=request.user, at=clock.now())  # type: ignore[arg-type]
        except requests.CannotWithdraw as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Withdrawn. Nobody works on it any more."))
        return redirect("applications:request", found.public_id)
    if found.state not in OPEN:
        return redirect("applications:request", found.public_id)
    context = {"request_row": found, "program": translations.shown(found.form.program)}
    return render(request, "applications/request_withdraw.html", context)


def _own(request: HttpRequest, public_id: UUID) -> Request:
    rows = Request.objects.filter(applicant=request.user).select_related("form__program", "application")  # type: ignore[misc]
    return get_object_or_404(rows, public_id=public_id)


def _local_day(found: Request, moment: datetime | None) -> date | None:
    return moment.astimezone(ZoneInfo(found.form.program.time_zone)).date() if moment else None


def _words(text: str) -> str:
    return " ".join(as_typed(text).split())[:WORDS]


def _mark(form: RequestForm) -> str:
    """Stands for the questions as the page shows them."""
    return blake2b(dumps(form.sections, sort_keys=True).encode(), digest_size=8).hexdigest()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
