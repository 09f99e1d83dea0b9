"""Letters: queued with the fact they tell, in one transaction, and sent later by a sweep.

A letter is rendered when it is sent, from the template as it stands then, so a corrected template reaches every letter
that still waits. A quiet decline queues nothing.
"""

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import Formatter
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, TextField, Value, When
from django.db.models.functions import Cast, Concat
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from applications import (
    award_letters,
    credit_letters,
    letter_texts,
    links,
    obligation_letters,
    request_letters,
)
from applications.letter_texts import one_line
from applications.models import (
    CONTACT,
    TEST,
    Application,
    AwardLetter,
    Collaborator,
    ContactMessage,
    Decision,
    DecisionKind,
    DecisionState,
    Notice,
    NoticeState,
    Request,
    RequestAnswer,
    Right,
)
from applications.states import State
from credits.models import Stage
from credits.money import format_money
from portal import languages, texts
from portal.models import User
from programs import translations
from programs.models import MessageKind, MessageTemplate, Program

logger = logging.getLogger(__name__)

TRIES = 8
PLACEHOLDERS = frozenset(
    {
        "name",
        "program",
        "title",
        "reference",
        "evaluation_date",
        "decided_by_date",
        "amount",
        "months",
        "link",
        "due_date",
        "inviter",
        "right",
        "done",
        "total",
        "list",
        *request_letters.PLACEHOLDERS,
        *obligation_letters.PLACEHOLDERS,
        *credit_letters.PLACEHOLDERS,
    }
)
"""What a template may name in braces; which of them have a value depends on the kind of letter."""

REMINDERS = frozenset(kind for kind in MessageKind if kind.startswith("remind_"))


class NothingToSay(Exception):
    """What a letter was to remind of is done. It is dropped."""


@dataclass(frozen=True)
class SendReport:
    """What one sweep did, in letters."""

    sent: int = 0
    failed: int = 0
    parked: int = 0


def queue(
    *,
    kind: MessageKind,
    application: Application,
    recipient: User,
    at: datetime,
    values: dict[str, object] | None = None,
) -> Notice:
    """Put one letter into the outbox, in the caller's transaction. One letter for each event and person."""
    key = f"{kind}:{application.pk}:{recipient.pk}"
    notice, _ = Notice.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "program_id": application.program_id,
            "application": application,
            "recipient": recipient,
            "values": values or {},
            "next_attempt_at": at,
            "created_at": at,
        },
    )
    return notice


def queue_invitation(*, collaborator: Collaborator, application: Application, at: datetime) -> Notice:
    """Put the letter to an invited address into the outbox, in the caller's transaction."""
    notice, _ = Notice.objects.get_or_create(
        key=f"{MessageKind.INVITATION}:{collaborator.pk}",
        defaults={
            "kind": MessageKind.INVITATION,
            "program_id": application.program_id,
            "application": application,
            "address": collaborator.email,
            "values": {"collaborator": collaborator.pk},
            "next_attempt_at": at,
            "created_at": at,
        },
    )
    return notice


def drop_invitation(*, collaborator: Collaborator) -> None:
    """Take a letter that was not sent yet out of the outbox: its invitation is over."""
    Notice.objects.filter(
        key=f"{MessageKind.INVITATION}:{collaborator.pk}", state=NoticeState.WAITING
    ).delete()


def queue_contact(*, message: ContactMessage, to: str, at: datetime) -> Notice:
    """Put a question from the contact page into the outbox, in the caller's transaction."""
    return Notice.objects.create(
        key=f"{CONTACT}:{message.pk}",
        kind=CONTACT,
        program_id=message.program_id,
        address=to,
        values={"message": message.pk},
        next_attempt_at=at,
        created_at=at,
    )


def queue_many(notices: Iterable[Notice]) -> None:
    """Put many letters into the outbox at once; those whose key is there already are left alone."""
    Notice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=5_000)


def assignment_letter(
    *,
    program: Program,
    cycle_id: int,
    reviewer: User,
    count: int,
    at: datetime,
    due: datetime,
    event: str = "",
) -> Notice:
    """One letter to a reviewer for all applications assigned at once. event: what came after the batch was dealt."""
    return Notice(
        key=f"{MessageKind.ASSIGNMENT}:cycle-{cycle_id}:{reviewer.pk}" + (f":{event}" if event else ""),
        kind=MessageKind.ASSIGNMENT,
        program=program,
        recipient=reviewer,
        values={"count": count, "due_date": _day(due, program)},
        next_attempt_at=at,
        created_at=at,
    )


def queue_posted(*, at: datetime) -> int:
    """Queue the letter for each grant that its provider confirmed and whose holder was not told; returns how many.

    Found by absence, because credits knows no application and no letter. Programs without the template send none.
    """
    told = Notice.objects.filter(key=OuterRef("letter_key"))
    template = MessageTemplate.objects.filter(
        program=OuterRef("application__program"), kind=MessageKind.POSTED
    )
    due = (
        Decision.objects.annotate(letter_key=_posted_key())
        .filter(~Exists(told), Exists(template), state=DecisionState.RELEASED, grant__stage=Stage.CONFIRMED)
        .select_related("application__program", "grant")
        .order_by("pk")[:5_000]
    )
    letters = [
        Notice(
            key=decision.letter_key,
            kind=MessageKind.POSTED,
            program=decision.application.program,
            application=decision.application,
            recipient_id=decision.application.applicant_id,
            values={"amount_cents": decision.grant.amount_cents, "currency": decision.grant.currency},
            next_attempt_at=at,
            created_at=at,
        )
        for decision in due
        if decision.grant is not None
    ]
    queue_many(letters)
    return len(letters)


def _posted_key() -> Concat:
    """One letter for an award, and one for each credit that came later."""
    whose = (Cast("application_id", TextField()), Value(":"), Cast("application__applicant_id", TextField()))
    own = Concat(Value(":"), Cast("pk", TextField()), output_field=TextField())
    each = Case(When(kind=DecisionKind.LATER, then=own), default=Value(""), output_field=TextField())
    return Concat(Value(f"{MessageKind.POSTED}:"), *whose, each, output_field=TextField())


def send_due(*, limit: int, at: datetime) -> SendReport:
    """Send the letters that wait, each in its own transaction. Many workers may run this at once.

    A letter that cannot be sent is tried again later, with growing pauses, and parked after TRIES.
    """
    sent = failed = parked = 0
    for _turn in range(limit):
        with transaction.atomic():
            notice = (
                Notice.objects.select_for_update(of=("self",), skip_locked=True)
                .filter(state=NoticeState.WAITING, next_attempt_at__lte=at)
                .select_related("program", "recipient", "application__cycle")
                .order_by("next_attempt_at", "pk")
                .first()
            )
            if notice is None:
                break
            try:
                error = _try_to_send(notice)
            except NothingToSay:
                notice.delete()
                continue
            notice.attempts += 1
            if error is None:
                notice.state, notice.sent_at, notice.last_error = NoticeState.SENT, at, ""
                sent += 1
            else:
                notice.last_error = error[:500]
                notice.next_attempt_at = at + _pause(notice.attempts)
                failed += 1
                if notice.attempts >= TRIES:
                    notice.state = NoticeState.PARKED
                    parked += 1
            notice.save(update_fields=["state", "sent_at", "attempts", "last_error", "next_attempt_at"])
    return SendReport(sent=sent, failed=failed, parked=parked)


@transaction.atomic
def retry(*, notice_ids: Iterable[int], by: User, at: datetime) -> int:
    """Let parked or failed letters be tried again now; returns how many."""
    waiting = Q(state__in=(NoticeState.PARKED, NoticeState.WAITING))
    return Notice.objects.filter(waiting, pk__in=list(notice_ids)).update(
        state=NoticeState.WAITING, attempts=0, next_attempt_at=at
    )


def render(notice: Notice) -> tuple[str, str]:
    """Subject and body as they would be sent now. Raises MessageTemplate.DoesNotExist or KeyError (bad placeholder)."""
    if notice.kind == CONTACT:
        return _contact_letter(notice)
    if notice.kind == TEST:
        from applications import letter_tests  # which renders the letter itself here

        return letter_tests.rendered(notice)
    return _rendered(notice, lambda: _values(notice))


def preview_answer(asked: Request, answer: RequestAnswer) -> tuple[str, str]:
    """The letter that an answer would send; nothing is stored. Raises KeyError for a template that cannot be filled."""
    kind = MessageKind.REQUEST_ANSWER
    notice = Notice(kind=kind, program=asked.form.program, recipient=asked.applicant)
    return _rendered(
        notice,
        lambda: _values(notice) | request_letters.placeholders(asked, answer, kind=kind),
    )


def _rendered(notice: Notice, values_now: Callable[[], dict[str, object]]) -> tuple[str, str]:
    """values_now: the placeholders, asked for in the language of the letter."""
    wanted = _language(notice)
    written = None
    if "change" not in notice.values:
        found = MessageTemplate.objects.filter(
            program=notice.program, kind=notice.kind, language__in=(wanted, languages.ORIGINAL)
        )
        written = min(found, key=lambda template: template.language != wanted, default=None)
    with translation.override(written.language if written else wanted):
        template, values = written or _built_in(notice), values_now()
        subject = " ".join(fill(template.subject, values).split())
        return subject, fill(template.body, values).strip() + "\n"


def _language(notice: Notice) -> str:
    """The language its reader chose; of somebody who has no account yet, that of the person who invites."""
    if notice.recipient is None and "collaborator" in notice.values:
        place = Collaborator.objects.select_related("invited_by").get(pk=notice.values["collaborator"])
        return languages.of(place.invited_by)
    if notice.recipient is None and "member" in notice.values:
        return languages.of(award_letters.inviter(notice.values))
    return languages.of(notice.recipient)


def fill(text: str, values: dict[str, object]) -> str:
    """Put values into {placeholders}. A value is plain text and is never read as a placeholder itself.

    Raises KeyError for an unknown placeholder and ValueError for a lone brace.
    """
    parts = []
    for literal, name, _spec, _conversion in Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            parts.append(one_line(values[name]))
    return "".join(parts)


def problems(subject: str, body: str) -> list[str]:
    """What is wrong with a template's placeholders, a sentence each."""
    found = []
    for text in (subject, body):
        try:
            names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
        except ValueError:
            found.append("A brace stands alone. Write {{ or }} for a brace in the text.")
            continue
        known = PLACEHOLDERS | {"count"}
        found.extend(
            f"{{{name}}} is not a placeholder. Use one of: {', '.join(sorted(known))}."
            for name in names
            if name not in known
        )
    return found


def _try_to_send(notice: Notice) -> str | None:
    """Send; returns the error as text, or None. Any fault of one letter must leave the others going."""
    try:
        subject, body = render(notice)
        EmailMessage(
            subject,
            body,
            settings.DEFAULT_FROM_EMAIL,
            [notice.to],
            reply_to=_reply_to(notice),
            headers={
                "Message-ID": f"<{notice.key.replace(':', '.')}@{settings.SITE_URL.split('//')[-1].split(':')[0]}>"
            },
        ).send()
    except NothingToSay:
        raise
    except Exception as error:  # whatever it is: the letter would stop every later sweep as well
        logger.exception("letter %s could not be sent", notice.pk)
        return f"{type(error).__name__}: {error}"
    return None


def _values(notice: Notice) -> dict[str, object]:
    application, program = notice.application, notice.program
    values: dict[str, object] = dict.fromkeys(PLACEHOLDERS | {"count"}, "")
    name = notice.recipient.name if notice.recipient else ""
    values |= {
        "name": name or _("colleague"),
        "program": translations.say(program)(program.name) if program else "",
    }
    values["link"] = settings.SITE_URL + reverse("admin:index")
    if application is not None:
        cycle = application.cycle
        values |= {
            "title": application.title,
            "reference": application.reference or "",
            "link": settings.SITE_URL + reverse("applications:status", args=[application.public_id]),
        }
        if cycle is not None:
            values |= {
                "evaluation_date": texts.day_long(cycle.evaluation_on),
                "decided_by_date": texts.day_long(cycle.decided_by_on),
            }
        if application.state == State.AWARDED:
            values |= obligation_letters.award_values(application)
    if notice.kind in REMINDERS:
        return values | _reminder_values(notice)
    if notice.kind in AwardLetter:
        return values | _told(award_letters.values_of(notice))
    for name, letters in (("credit", credit_letters), ("obligation", obligation_letters)):
        if name in notice.values:
            return values | _told(letters.values_of(notice.values))
    if "request" in notice.values:
        return values | request_letters.values_of(notice.values, notice.kind)
    if "collaborator" in notice.values:
        return values | _invitation_values(int(notice.values["collaborator"]))
    values |= notice.values
    if "amount_cents" in notice.values:
        values["amount"] = format_money(
            int(notice.values["amount_cents"]), str(notice.values.get("currency", "USD"))
        )
    return values


def _reminder_values(notice: Notice) -> dict[str, object]:
    """What is open at this moment. Raises NothingToSay when nothing is."""
    from applications import reminders  # which queues its letters here

    return _told(reminders.values(notice))


def _told(found: dict[str, object] | None) -> dict[str, object]:
    """What a letter says now. Raises NothingToSay for a reminder of what is done."""
    if found is None:
        raise NothingToSay
    return found


def _invitation_values(collaborator_id: int) -> dict[str, object]:
    """What an invitation says. It goes to somebody who does not know us, so nothing in it may look like a link but ours."""
    collaborator = Collaborator.objects.select_related("application", "invited_by").get(pk=collaborator_id)
    inviter = collaborator.invited_by
    token = links.invitation_token(collaborator.public_id)
    name = links.without_links(inviter.name)
    return {
        "inviter": f"{name} ({inviter.email})" if name else inviter.email,
        "title": links.without_links(collaborator.application.title),
        "reference": "",
        "right": _("read and edit") if collaborator.right == Right.EDIT else _("read"),
        "link": settings.SITE_URL + reverse("applications:invitation", args=[token]),
    }


def _contact_letter(notice: Notice) -> tuple[str, str]:
    """A question from the contact page as we read it: plain text, its lines as they were written."""
    message = ContactMessage.objects.select_related("program").get(pk=notice.values["message"])
    about = message.program.name if message.program else "the portal"
    who = f"{one_line(message.name)} <{message.email}>" if message.name else message.email
    known = "signed in" if message.user_id else "not signed in"
    lead = "URGENT, from somebody with an award. " if message.urgent else ""
    return (
        f"{'Urgent question' if message.urgent else 'Question'} about {one_line(about)}",
        f"{lead}{who} ({known}) asks about {about}:\n\n{message.text}\n\nAn answer to this letter goes to them.\n",
    )


def _reply_to(notice: Notice) -> list[str]:
    if notice.kind != CONTACT:
        return []
    return [ContactMessage.objects.values_list("email", flat=True).get(pk=notice.values["message"])]


def _built_in(notice: Notice) -> MessageTemplate:
    """The text of a letter that a program has not written. Raises MessageTemplate.DoesNotExist where there is none."""
    if "change" in notice.values:
        return MessageTemplate(subject=_(letter_texts.CHANGE_SUBJECT), body=_(letter_texts.CHANGE_BODY))
    if notice.kind in REMINDERS:
        from applications import reminders

        subject, body = reminders.BUILT_IN[MessageKind(notice.kind)]
        return MessageTemplate(subject=subject, body=body)
    known = {
        str(MessageKind.INVITATION): (letter_texts.INVITATION_SUBJECT, letter_texts.INVITATION_BODY),
        **request_letters.BUILT_IN,
        **obligation_letters.BUILT_IN,
        **credit_letters.BUILT_IN,
        **award_letters.BUILT_IN,
    }
    if notice.kind not in known:
        raise MessageTemplate.DoesNotExist(f"{notice.program} has no text for “{notice.kind}”.")
    subject, body = known[notice.kind]
    return MessageTemplate(subject=_(subject), body=_(body))


def _day(moment: datetime, program: Program) -> str:
    return f"{moment.astimezone(ZoneInfo(program.time_zone)):%A %-d %B %Y}"


def _pause(attempts: int) -> timedelta:
    """1, 2, 4 ... minutes, at most 6 hours, with a random tenth so that a crowd does not come back at once."""
    minutes = min(2 ** (attempts - 1), 360)
    return timedelta(minutes=minutes * (1 + random.random() / 10))
