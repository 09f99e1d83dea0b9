"""Letters sent to oneself to see them arrive: marked as a test, and never counted as the letter itself.

The row in the outbox names what it is a test of and holds no text, so it tells nobody more than the letter does.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction

from applications import notices
from applications.letter_texts import Lines
from applications.models import Notice
from applications.models.notice import CONTACT, TEST
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs.models import MessageTemplate

MOST_AN_HOUR = 20

SAMPLE: dict[str, object] = {
    "name": "Ada Example",
    "program": "the program",
    "title": "Reading frames of soil archaea",
    "reference": "XYZ-2026-12-0042",
    "evaluation_date": "Monday 7 December 2026",
    "decided_by_date": "Monday 21 December 2026",
    "amount": "$6,000",
    "months": "6",
    "link": "https://credits.example.org/applications/",
    "due_date": "Monday 14 December 2026",
    "count": "12",
    "inviter": "Ada Example (ada@example.org)",
    "right": "read and edit",
    "done": "8",
    "total": "20",
    "list": Lines("- the program, December 2026: 12 to do, due Monday 14 December 2026"),
    "form": "Access to a retired model",
    "answer": "Yes. The model can be called from your organization as of today.",
    "outcome": "approved",
    "answer_by": "Monday 14 December 2026",
    "left": "$1,200",
    "percent": "80%",
    "last_day": "Monday 7 June 2027",
    "days": "30",
    "forecast": "At the pace of the last four weeks the credit runs out about 20 May 2027.",
    "award_number": "XYZ-2026-12-004217",
    "cite": "This work was supported by API credits of the program (award XYZ-2026-12-004217).",
}


class CannotTest(Refused):
    """This letter is for its reader alone, or too many tests were sent."""


def of_letter(*, notice_id: int, by: User, at: datetime) -> Notice:
    """Queue a copy of one letter, as it would be sent now, to the person who asks. Raises CannotTest."""
    letter = Notice.objects.select_related("program").get(pk=notice_id)
    if letter.kind == CONTACT or letter.recipient_id is None:
        raise CannotTest("This letter is for its reader alone: what is in it lets nobody else in.")
    if letter.kind == TEST:
        raise CannotTest("This is a test already.")
    return _queue(letter.program_id, letter.application_id, {"test_of": letter.pk}, by, at)


def of_text(*, template_id: int, by: User, at: datetime) -> Notice:
    """Queue the text of a kind of letter, filled with an example, to the person who asks. Raises CannotTest."""
    template = MessageTemplate.objects.get(pk=template_id)
    return _queue(template.program_id, None, {"test_text": template.pk}, by, at)


def rendered(notice: Notice) -> tuple[str, str]:
    """Subject and body of a test. Raises what notices.render raises for the letter that it is a test of."""
    if "test_text" in notice.values:
        template = MessageTemplate.objects.select_related("program").get(pk=notice.values["test_text"])
        values = SAMPLE | {"program": template.program.name}
        subject, body = notices.fill(template.subject, values), notices.fill(template.body, values)
    else:
        letter = Notice.objects.select_related("program", "recipient", "application__cycle")
        subject, body = notices.render(letter.get(pk=notice.values["test_of"]))
    return f"[Test] {subject}", f"This is a test. Nobody else got it.\n\n{body.strip()}\n"


def _queue(
    program_id: int | None, application_id: int | None, values: dict[str, int], by: User, at: datetime
) -> Notice:
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        mine = Notice.objects.filter(kind=TEST, recipient=by, created_at__gt=at - timedelta(hours=1))
        if mine.count() >= MOST_AN_HOUR:
            raise CannotTest(f"You sent {MOST_AN_HOUR} tests within the last hour. Wait a little.")
        notice = Notice.objects.create(
            key=f"{TEST}:{uuid4()}",
            kind=TEST,
            program_id=program_id,
            application_id=application_id,
            recipient=by,
            values=values,
            next_attempt_at=at,
            created_at=at,
        )
        audit.record(action="letter.test", subject=notice, by=by, at=at, **values)
        return notice
