"""Letters about summaries: put into the outbox, what their placeholders stand for, texts for programs that wrote none."""

from collections.abc import Mapping
from datetime import date, datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from applications import citing
from applications.letter_texts import Lines
from applications.models import OWED, Application, Notice, Obligation, Summary, SummaryOutcome
from credits.models import Grant
from credits.money import format_money
from portal import texts
from programs.models import MessageKind

PLACEHOLDERS = frozenset({"award_number", "cite"})
"""Besides {answer}, which letters about requests have too: here what was written, and what follows from it."""

BUILT_IN: dict[str, tuple[str, str]] = {
    MessageKind.SUMMARY_REMINDER: (
        gettext_noop("The summary of award {award_number} is due on {due_date}"),
        gettext_noop(
            "Dear {name},\n\nthe credits of your award {award_number} come to their end, and we look forward to what you "
            "found. The one-page summary of “{title}” is due on {due_date}. You can write it on this page or add a PDF; "
            "what you have typed there is kept:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.SUMMARY_OVERDUE: (
        gettext_noop("The summary of award {award_number} was due on {due_date}"),
        gettext_noop(
            "Dear {name},\n\nthe one-page summary of “{title}” was due on {due_date} and has not come. Your credits stay "
            "as they are. New credits from {program} can follow once it is here:\n{link}\n\n"
            "We do not remind you again. If something is in the way, answer this letter.\n\n{program}"
        ),
    ),
    MessageKind.SUMMARY_RETURNED: (
        gettext_noop("Your summary of award {award_number} comes back with a question"),
        gettext_noop(
            "Dear {name},\n\nthank you for the summary of “{title}”. Before we can accept it, we ask for this:\n\n"
            "{answer}\n\nYour text is still there; change it and hand it in again:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.SUMMARY_ACCEPTED: (
        gettext_noop("Your summary of award {award_number} is accepted"),
        gettext_noop(
            "Dear {name},\n\nthank you: the summary of “{title}” is accepted.\n\n{answer}\n\n"
            "When you publish, please cite the award:\n{cite}\n\nPapers can be added here:\n{link}\n\n{program}"
        ),
    ),
}


def letter(
    *,
    kind: MessageKind,
    obligation: Obligation,
    at: datetime,
    key: str,
    summary: Summary | None = None,
    due_on: date | None = None,
) -> Notice:
    """One letter to the holder of an award. due_on: the day it reminds of; with another day it says nothing any more."""
    application = obligation.application
    stored: dict[str, object] = {"obligation": obligation.pk}
    if summary is not None:
        stored["summary"] = summary.pk
    if due_on is not None:
        stored["due_on"] = due_on.isoformat()
    return Notice(
        key=key,
        kind=kind,
        program_id=application.program_id,
        application=application,
        recipient_id=application.applicant_id,
        values=stored,
        next_attempt_at=at,
        created_at=at,
    )


def values_of(stored: Mapping[str, object]) -> dict[str, object] | None:
    """What the placeholders stand for now; None for a reminder of what is done, or of a day that moved."""
    obligation = Obligation.objects.select_related(
        "application__program", "application__amends", "application__applicant"
    ).get(pk=int(str(stored["obligation"])))
    due_on = obligation.due_on
    if "due_on" in stored and (
        obligation.state not in OWED or due_on is None or due_on.isoformat() != stored["due_on"]
    ):
        return None
    found: dict[str, object] = {
        "link": settings.SITE_URL
        + reverse("applications:obligations", args=[obligation.application.public_id]),
        "due_date": texts.day_long(due_on) if due_on else "",
    }
    if "summary" in stored:
        summary = Summary.objects.get(pk=int(str(stored["summary"])))
        parts = [summary.answer]
        if summary.outcome == SummaryOutcome.ACCEPTED:
            parts = [summary.answer or _("There is nothing else for you to do."), _second_half(obligation)]
        found["answer"] = Lines("\n\n".join(part for part in parts if part))
    return found


def award_values(application: Application) -> dict[str, object]:
    """The number of an award and the sentence to cite it with, for every letter about one."""
    return {"award_number": citing.number_of(application), "cite": citing.sentence(application)}


def _second_half(obligation: Obligation) -> str:
    """A sentence about credit that goes out now, "" where there is none."""
    half = Grant.objects.filter(
        half_of__decision__application_id=obligation.application_id, waits_for=""
    ).first()
    if half is None:
        return ""
    amount = format_money(half.amount_cents, half.currency)
    return _("The second half of your credits, %(amount)s, is on its way to your organization.") % {
        "amount": amount
    }
