"""Requests through separate forms: send, take, answer, open again, withdraw.

Nothing here moves credit, and nothing here can: this module knows no grant, no decision and no ledger.
"""

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from applications import answers as answering
from applications import conflicts, papers, references, request_letters
from applications.models import Application, Request, RequestAnswer
from applications.request_states import DECIDED, MAY_BECOME, OPEN, RequestState
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import fields, memberships, queries, request_forms
from programs.fields import Answers
from programs.models import MessageKind, Program
from programs.request_models import RequestForm, RequestKind, RequestOutcome, RequestSenders
from programs.texts import UnstorableText, as_typed, clean_text

MOST_A_DAY = 5  # from one person through one form
MOST_OPEN = 10  # of one person, not answered yet, through one form
LONGEST = 6_000  # characters of an answer
TOLD_AT_ONCE = (RequestKind.URGENT, RequestKind.GENERAL)
"""Kinds of which the program's mailbox hears when they come."""


class CannotSend(Refused):
    """The request was not taken and nothing was stored. `problems`: question key -> what to do about it."""

    def __init__(self, text: str, problems: Mapping[str, str] | None = None) -> None:
        self.problems = dict(problems or {})
        super().__init__(text)


class CannotAnswer(Refused):
    """This request cannot be worked on so, or not by this person."""


class CannotWithdraw(Refused):
    """The request is answered already."""


# --- Sending --------------------------------------------------------------------------------------------------------------


def awards_of(person: User, program: Program) -> list[Application]:
    """The awards of a program that somebody holds, which a request can be about; the newest first."""
    held = Application.objects.owned_by(person).filter(program=program, state=State.AWARDED)
    return list(held.select_related("cycle").order_by("-submitted_at", "-pk"))


def answers_before(form: RequestForm, words: str) -> list[Any]:
    """The questions and answers of the program that may spare a request; empty where the form does not look first."""
    return queries.faq_matches(words, program=form.program) if form.faq_first else []


@transaction.atomic
def send(
    *,
    request_form_id: int,
    once: UUID,
    answers: Answers,
    by: User,
    at: datetime,
    application_id: int | None = None,
    words: str = "",
    none_answers: bool = False,
) -> Request:
    """Keep a request, its receipt and the word to the program's mailbox. The same page sent again is the same request.

    once: names the page it was filled in on. answers: question key -> answer, as the form cleaned them. application_id:
    the award it is about. words, none_answers: what was searched first, and that no answer shown covers it. Raises
    CannotSend with everything that is wrong.
    """
    form = (
        RequestForm.objects.select_for_update(of=("self",), no_key=True)
        .select_related("program")
        .get(pk=request_form_id)
    )
    words = " ".join(as_typed(words).split())
    before = Request.objects.filter(applicant=by, once=once).first()
    if before is not None:
        return before
    _refuse_closed(form)
    application = _award(form, application_id, by)
    shown = _looked_first(form, words, none_answers)
    if wrong := answering.check(form.sections, answers):
        raise CannotSend(_("Something is missing or cannot be read."), wrong)
    _refuse_flood(form, by, at)
    kept = answering.without_hidden(form.sections, answers)
    request = Request.objects.create(
        once=once,
        reference=_reference(form.program, at),
        form=form,
        applicant=by,
        application=application,
        form_title=form.title,
        policy=form.policy,
        sections=form.sections,
        answers=kept,
        looked_for=words[:300] if form.faq_first else "",
        faq_shown=shown,
        sent_at=at,
        due_at=at + timedelta(days=form.answer_days),
        **_columns(form, kept),
    )
    request_letters.queue(kind=MessageKind.REQUEST_RECEIPT, asked=request, at=at)
    if form.kind in TOLD_AT_ONCE and form.program.urgent_contact:
        request_letters.queue(
            kind=MessageKind.REQUEST_ALERT, asked=request, at=at, to=form.program.urgent_contact
        )
    papers.take_over(asked=request, by=by, at=at)
    audit.record(
        action="request.send", subject=request, by=by, at=at, form=form.pk, application=application_id
    )
    return request


def _refuse_closed(form: RequestForm) -> None:
    if not form.is_on or form.program.state in request_forms.HIDDEN:
        raise CannotSend(_("This form is closed now."))


def _award(form: RequestForm, application_id: int | None, by: User) -> Application | None:
    held = awards_of(by, form.program)
    if form.senders == RequestSenders.HOLDERS and not held:
        raise CannotSend(_("This form is for people with an award of the program."))
    if application_id is None:
        if form.senders == RequestSenders.HOLDERS:
            raise CannotSend(_("Choose the award that it is about."))
        return None
    found = next((award for award in held if award.pk == application_id), None)
    if found is None:
        raise CannotSend(_("Choose one of your own awards of this program."))
    return found


def _looked_first(form: RequestForm, words: str, none_answers: bool) -> list[str]:
    """Keys of the answers that were shown. Raises CannotSend where nobody looked, or said that none helps."""
    if not form.faq_first:
        return []
    if not words.strip():
        raise CannotSend(_("Look for an answer first: write in a few words what it is about."))
    shown = [entry.key for entry in answers_before(form, words)]
    if shown and not none_answers:
        raise CannotSend(_("Read the answers above, and say that none of them covers it."))
    return shown


def _refuse_flood(form: RequestForm, by: User, at: datetime) -> None:
    mine = Request.objects.filter(form=form, applicant=by)
    if mine.filter(sent_at__gt=at - timedelta(days=1)).count() >= MOST_A_DAY:
        raise CannotSend(_("You have sent several of these today. We answer them before we take more."))
    if mine.filter(state__in=OPEN).count() >= MOST_OPEN:
        raise CannotSend(_("Several of your requests wait for an answer. We take more once they have it."))


def _columns(form: RequestForm, kept: Answers) -> dict[str, Any]:
    """What the answers fill in columns of a request."""
    columns: dict[str, Any] = {"title": "", "links": [], "may_highlight": None, "sensitive": False}
    for question in fields.questions(form.sections):
        name, answer = question.get("maps_to"), kept.get(question["key"])
        if name in columns and answer is not None:
            columns[name] = answer == "yes" if question["type"] == "yes_no" else answer
    columns["title"] = " ".join(str(columns["title"] or form.title).split())[:300]
    return columns


def _reference(program: Program, at: datetime) -> str:
    """A name for people, drawn and not counted: ERA-R-2026-11-004217."""
    while True:
        drawn = f"{program.short_code}-R-{at:%Y-%m}-{secrets.randbelow(references.NUMBERS):06d}"
        if not Request.objects.filter(reference=drawn).exists():
            return drawn


# --- Answering ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def take(*, request_id: int, by: User, at: datetime) -> Request:
    """Say that one works on it. Taking what one has taken changes nothing. Raises CannotAnswer."""
    request = _for_work(request_id, by)
    if request.state == RequestState.IN_WORK and request.taken_by_id == by.pk:
        return request
    if request.state != RequestState.NEW:
        raise CannotAnswer(_whose(request))
    _begin(request, by, at)
    request.save(update_fields=["state", "taken_by", "taken_at"])
    audit.record(action="request.take", subject=request, by=by, at=at)
    return request


@transaction.atomic
def put_back(*, request_id: int, by: User, at: datetime) -> Request:
    """Give a request that is in work back to its queue, one's own or that of somebody who is away."""
    request = _for_work(request_id, by)
    if request.state == RequestState.NEW:
        return request
    if request.state != RequestState.IN_WORK:
        raise CannotAnswer(_whose(request))
    had = request.taken_by_id
    request.state, request.taken_by, request.taken_at = RequestState.NEW, None, None
    request.save(update_fields=["state", "taken_by", "taken_at"])
    audit.record(action="request.put_back", subject=request, by=by, at=at, had=had)
    return request


@transaction.atomic
def answer(
    *,
    request_id: int,
    outcome: str,
    text: str,
    by: User,
    at: datetime,
    conditions: str = "",
    until_on: date | None = None,
) -> RequestAnswer:
    """End a request with an answer and queue its letter. Nothing else follows from it: no credit moves.

    conditions, until_on: of an approval only. Raises CannotAnswer.
    """
    request = _for_work(request_id, by)
    given = RequestAnswer(
        request=request,
        number=request.replies.count() + 1,
        outcome=outcome,
        text=_clean(text),
        conditions=_clean(conditions),
        until_on=until_on,
        answered_by=by,
        answered_at=at,
    )
    _refuse_answer(request, given)
    if request.state == RequestState.NEW:
        _begin(request, by, at)
    given.save(force_insert=True)
    request.state, request.decided_at = RequestState(outcome), at
    request.save(update_fields=["state", "taken_by", "taken_at", "decided_at"])
    request_letters.queue(kind=MessageKind.REQUEST_ANSWER, asked=request, answer=given, at=at)
    audit.record(action="request.answer", subject=request, by=by, at=at, outcome=outcome, number=given.number)
    return given


@transaction.atomic
def reopen(*, request_id: int, by: User, at: datetime) -> Request:
    """Work on an answered request again. The answers that were given stand beside the next. Raises CannotAnswer."""
    request = _for_work(request_id, by)
    if request.state not in DECIDED:
        raise CannotAnswer(
            f"{request} is {request.get_state_display().lower()}; there is nothing to open again."
        )
    _begin(request, by, at)
    request.decided_at = None
    request.save(update_fields=["state", "taken_by", "taken_at", "decided_at"])
    audit.record(action="request.reopen", subject=request, by=by, at=at)
    return request


@transaction.atomic
def withdraw(*, request_id: int, by: User, at: datetime) -> Request:
    """Take one's own request back before it is answered. A second call changes nothing. Raises CannotWithdraw."""
    request = Request.objects.select_for_update(of=("self",)).get(pk=request_id)
    if request.applicant_id != by.pk:
        raise CannotWithdraw(_("Only the person who sent it takes it back."))
    if request.state == RequestState.WITHDRAWN:
        return request
    if RequestState.WITHDRAWN not in MAY_BECOME[request.state]:
        raise CannotWithdraw(_("It is answered already."))
    request.state, request.withdrawn_at = RequestState.WITHDRAWN, at
    request.save(update_fields=["state", "withdrawn_at"])
    audit.record(action="request.withdraw", subject=request, by=by, at=at)
    return request


def reason_against(*, user: User, asked: Request) -> str | None:
    """Why this person may not work on this request, or None: it is their own, or they have a conflict with its award."""
    if asked.applicant_id == user.pk:
        return "This is your own request."
    if asked.application is None:
        return None
    return conflicts.reason_against(user=user, application=asked.application)


def _for_work(request_id: int, by: User) -> Request:
    """The locked request, for somebody who may work on it."""
    request = (
        Request.objects.select_for_update(of=("self",))
        .select_related("form__program", "application", "taken_by", "applicant")
        .get(pk=request_id)
    )
    if not memberships.holds(by, request.form.program, Role.MANAGER):
        raise CannotAnswer("Only a manager of this program answers its requests.")
    if reason := reason_against(user=by, asked=request):
        raise CannotAnswer(reason)
    return request


def _begin(asked: Request, by: User, at: datetime) -> None:
    asked.state, asked.taken_by, asked.taken_at = RequestState.IN_WORK, by, at


def _refuse_answer(asked: Request, given: RequestAnswer) -> None:
    elsewhere = asked.state == RequestState.IN_WORK and asked.taken_by_id != given.answered_by_id
    if asked.state not in OPEN or elsewhere:
        raise CannotAnswer(_whose(asked))
    if given.outcome not in asked.form.outcomes or given.outcome not in RequestOutcome.values:
        raise CannotAnswer("This form does not offer that outcome.")
    if not given.text:
        raise CannotAnswer("Write the answer.")
    if len(given.text) + len(given.conditions) > LONGEST:
        raise CannotAnswer(f"An answer has at most {LONGEST:,} characters, its conditions included.")
    if given.outcome != RequestOutcome.APPROVED and (given.conditions or given.until_on):
        raise CannotAnswer("Conditions and a last day belong to an approval.")
    if given.until_on is not None and given.until_on < given.answered_at.date():
        raise CannotAnswer("The last day of the approval has passed.")


def _whose(asked: Request) -> str:
    if asked.state == RequestState.IN_WORK and asked.taken_by is not None:
        return f"{asked.taken_by} works on it. Put it back into the queue first."
    return f"{asked} is {asked.get_state_display().lower()} already."


def _clean(text: str) -> str:
    try:
        return clean_text(text, one_line=False).strip()
    except UnstorableText as error:
        raise CannotAnswer(str(error)) from None
