"""Questions from the contact page: kept as a row, and carried to us by a letter in the outbox."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from applications import notices
from applications.models import Application, ContactMessage
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import request_forms
from programs.models import Program
from programs.request_models import RequestForm, RequestKind
from programs.texts import UnstorableText, clean_text

LONGEST = 4_000  # characters
MOST_A_DAY = 5  # from one address


class CannotSend(Refused):
    """The question was not taken; nothing was stored."""


def urgent_forms(person: User) -> list[RequestForm]:
    """The urgent lanes that are open to this person: those of programs of which they hold an award."""
    held = Application.objects.owned_by(person).filter(state=State.AWARDED).values("program")
    return list(request_forms.public().filter(kind=RequestKind.URGENT, program__in=held))


@transaction.atomic
def send(
    *,
    text: str,
    email: str,
    at: datetime,
    name: str = "",
    program: Program | None = None,
    by: User | None = None,
) -> ContactMessage:
    """Keep a question and queue its letter.

    Raises CannotSend: for an address that is none, an empty or too long text, and too many questions. What is urgent
    about an award goes through the program's urgent form (applications.requests).
    """
    try:
        name, text = clean_text(name, one_line=True)[:150], clean_text(text, one_line=False)
    except UnstorableText as error:
        raise CannotSend(str(error)) from None
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise CannotSend(_("Write an e-mail address to which we can answer.")) from None
    if not text:
        raise CannotSend(_("Write your question."))
    if len(text) > LONGEST:
        raise CannotSend(
            _("Shorten this by %(over)s characters; the limit is %(limit)s.")
            % {"over": f"{len(text) - LONGEST:,}", "limit": f"{LONGEST:,}"}
        )
    lately = ContactMessage.objects.filter(email=address, sent_at__gt=at - timedelta(days=1))
    if lately.count() >= MOST_A_DAY:
        raise CannotSend(_("You have sent us several questions today. We answer them before we take more."))
    message = ContactMessage.objects.create(
        name=name, email=address, program=program, text=text, user=by, sent_at=at
    )
    notices.queue_contact(message=message, to=settings.CONTACT_EMAIL, at=at)
    audit.record(action="contact.send", subject=message, by=by, at=at)
    return message
