"""Letters about requests: put into the outbox, the values of their placeholders, texts for programs that wrote none."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from applications.letter_texts import Lines
from applications.models import Notice, Request, RequestAnswer
from portal import texts
from programs.models import MessageKind
from programs.request_models import RequestOutcome

PLACEHOLDERS = frozenset({"form", "answer", "outcome", "answer_by"})

BUILT_IN: dict[str, tuple[str, str]] = {
    MessageKind.REQUEST_RECEIPT: (
        gettext_noop("We have your request {reference}"),
        gettext_noop(
            "Dear {name},\n\n“{title}” has arrived at {program} ({form}). Its reference is {reference}.\n\n"
            "We usually answer by {answer_by}. You can read it again, or withdraw it, here:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.REQUEST_ANSWER: (
        gettext_noop("Your request {reference}: {outcome}"),
        gettext_noop(
            "Dear {name},\n\nthis is our answer to “{title}” ({form}).\n\n{answer}\n\nIt also stands here:\n{link}\n\n"
            "{program}"
        ),
    ),
    MessageKind.REQUEST_ALERT: (
        gettext_noop("New request {reference}: {form}"),
        gettext_noop(
            "A request has come to {program}: “{title}” ({form}), reference {reference}.\n\n"
            "An answer is promised by {answer_by}. Take it here:\n{link}\n"
        ),
    ),
}


def queue(
    *,
    kind: MessageKind,
    asked: Request,
    at: datetime,
    answer: RequestAnswer | None = None,
    to: str = "",
) -> Notice:
    """Put a letter about a request into the outbox, in the caller's transaction: to whoever sent it, or to `to`."""
    key = f"{kind}:{asked.pk}" + (f":{answer.number}" if answer else "")
    stored = {"request": asked.pk} | ({"answer": answer.pk} if answer else {})
    notice, _made = Notice.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "program_id": asked.form.program_id,
            "application": asked.application,  # whoever has a conflict with it sees no letter about it either
            "recipient": None if to else asked.applicant,
            "address": to,
            "values": stored,
            "next_attempt_at": at,
            "created_at": at,
        },
    )
    return notice


_OUTCOMES = {
    RequestOutcome.ANSWERED: lambda: _("answered"),
    RequestOutcome.APPROVED: lambda: _("approved"),
    RequestOutcome.DECLINED: lambda: _("declined"),
}


def values_of(stored: Mapping[str, object], kind: str) -> dict[str, object]:
    """The placeholders of one letter. stored: request and perhaps answer, by primary key."""
    asked = Request.objects.select_related("form__program", "applicant").get(pk=int(str(stored["request"])))
    answer = RequestAnswer.objects.get(pk=int(str(stored["answer"]))) if "answer" in stored else None
    return placeholders(asked, answer, kind=kind)


def placeholders(asked: Request, answer: RequestAnswer | None, *, kind: str) -> dict[str, object]:
    """The same for rows at hand; an answer need not be stored yet, so that it can be previewed."""
    zone = ZoneInfo(asked.form.program.time_zone)
    page = reverse("applications:request", args=[asked.public_id])
    if kind == MessageKind.REQUEST_ALERT:
        page = reverse("admin:applications_request_change", args=[asked.pk])
    found: dict[str, object] = {
        "name": asked.applicant.name or _("colleague"),
        "title": asked.title,
        "form": asked.form_title,
        "reference": asked.reference,
        "answer_by": texts.day_long(asked.due_at.astimezone(zone).date()),
        "link": settings.SITE_URL + page,
    }
    if answer is not None:
        found |= {"outcome": _OUTCOMES[RequestOutcome(answer.outcome)](), "answer": Lines(said(answer))}
    return found


def said(answer: RequestAnswer) -> str:
    """The whole answer as text: what was written, the conditions of an approval and its last day."""
    parts = [answer.text]
    if answer.conditions:
        parts.append(f"{_('Conditions:')}\n{answer.conditions}")
    if answer.until_on:
        parts.append(_("The approval holds until %(day)s.") % {"day": texts.day_long(answer.until_on)})
    return "\n\n".join(parts)
