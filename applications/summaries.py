"""The one-page summary of an award: kept while it is written, handed in, accepted or returned, in every version."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applications import attachments, conflicts, file_names, file_store, obligation_letters, obligations
from applications.models import (
    OWED,
    Attachment,
    AttachmentState,
    Notice,
    Obligation,
    ObligationState,
    Summary,
    SummaryOutcome,
)
from credits import grants
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships
from programs.models import MessageKind
from programs.texts import UnstorableText, as_typed, clean_text, word_count

MOST_WORDS = 600  # about one page
MOST_CHARS = 12_000
DRAFT_CHARS = 100_000  # a draft may be far too long; only handing in is strict
MOST_MEGABYTES = 5
MOST_PAGES = 2  # more are taken, with a warning
LONGEST_ANSWER = 4_000
FILE_KEY = "award.summary"  # no question of a form can have a key with a dot


class CannotHandIn(Refused):
    """The summary is not taken as it is. The message says why; what was typed is kept."""


class StaleSummary(Refused):
    """Another window saved in between. `current_version` is the one that stands."""

    def __init__(self, current_version: int) -> None:
        self.current_version = current_version
        super().__init__(
            _(
                "The summary was changed in another window. Nothing you typed here is lost: copy what you need, then "
                "reload the page."
            )
        )


class CannotJudge(Refused):
    """This summary cannot be accepted, returned or waived so, or not by this person."""


@dataclass(frozen=True)
class Judged:
    """A summary that was accepted, or an obligation that was waived. half_goes: a second half of credit follows."""

    obligation: Obligation
    half_goes: bool
    note: str = ""


# --- Writing --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save(*, obligation_id: int, text: str, version: int | None, by: User, at: datetime) -> int:
    """Keep what was typed, whatever it is; returns the number that stands. Raises StaleSummary, CannotHandIn.

    version: the number the page was loaded with; None skips the check.
    """
    obligation = _for_holder(obligation_id, by)
    _refuse_not_owed(obligation)
    return _keep(obligation, text, version, at)


def _keep(obligation: Obligation, text: str, version: int | None, at: datetime) -> int:
    text = as_typed(text)[:DRAFT_CHARS]
    if text == obligation.draft_text:
        return obligation.draft_version
    if version is not None and version != obligation.draft_version:
        raise StaleSummary(obligation.draft_version)
    obligation.draft_text = text
    obligation.draft_version += 1
    obligation.saved_at = at
    obligation.save(update_fields=["draft_text", "draft_version", "saved_at"])
    return obligation.draft_version


def attach(*, obligation_id: int, name: str, chunks: Iterable[bytes], by: User, at: datetime) -> Attachment:
    """Put a PDF beside the text, in place of the one that was there. Raises CannotHandIn, attachments.CannotAttach."""
    with transaction.atomic():
        _refuse_not_owed(_for_holder(obligation_id, by))
    name = file_names.cleaned(name)
    kept, verdict = attachments.looked_at(name=name, chunks=chunks, megabytes=MOST_MEGABYTES)
    try:
        if kept.content_type != "application/pdf":
            raise attachments.CannotAttach(
                _("A summary is a PDF of one page, or text. Save it as a PDF and add that.")
            )
        with transaction.atomic():
            obligation = _for_holder(obligation_id, by)
            _refuse_not_owed(obligation)
            row = attachments.row_of(
                name, kept, verdict, application_id=obligation.application_id, key=FILE_KEY, by=by, at=at
            )
            row.save(force_insert=True)
            _put_file(obligation, row, at)
            obligations.note(obligation, "attach", by=by, at=at, attachment=str(row.public_id))
            return row
    except BaseException:
        file_store.forget(kept.stored_name)
        raise


@transaction.atomic
def detach(*, obligation_id: int, by: User, at: datetime) -> None:
    """Take the file of the draft out; without one nothing happens. Raises CannotHandIn."""
    obligation = _for_holder(obligation_id, by)
    _refuse_not_owed(obligation)
    if obligation.draft_file_id is not None:
        _put_file(obligation, None, at)
        obligations.note(obligation, "detach", by=by, at=at)


def _put_file(obligation: Obligation, row: Attachment | None, at: datetime) -> None:
    """Change the file of the draft. One that was handed in stays with its version; another is deleted."""
    before = obligation.draft_file
    obligation.draft_file, obligation.saved_at = row, at
    obligation.save(update_fields=["draft_file", "saved_at"])
    if before is not None and not before.summaries.exists():
        stored_name = before.stored_name
        before.delete()
        transaction.on_commit(lambda: file_store.forget(stored_name))


@transaction.atomic
def hand_in(*, obligation_id: int, text: str, version: int | None, by: User, at: datetime) -> Summary:
    """Hand in the text and the file as a new version. Handing in twice is one version.

    Raises CannotHandIn with nothing to read, too many words or a refused file, StaleSummary; a text that cannot be
    stored is UnstorableText. Who calls keeps what was typed (save).
    """
    obligation = _for_holder(obligation_id, by)
    if obligation.state == ObligationState.HANDED_IN:
        return obligation.summaries.latest("number")
    _refuse_not_owed(obligation)
    if (
        version is not None
        and version != obligation.draft_version
        and as_typed(text) != obligation.draft_text
    ):
        raise StaleSummary(obligation.draft_version)
    text = clean_text(text)
    _refuse_bad(text, obligation.draft_file)
    summary = Summary.objects.create(
        obligation=obligation,
        number=obligation.summaries.count() + 1,
        text=text,
        file=obligation.draft_file,
        is_late=obligation.due_on is not None and obligation.due_on < obligations.today(at),
        handed_in_by=by,
        handed_in_at=at,
    )
    if summary.is_late and obligation.late_at is None:
        obligation.late_at = at
    _keep(obligation, text, None, at)
    obligation.state = ObligationState.HANDED_IN
    obligation.save(update_fields=["state", "late_at"])
    obligations.note(obligation, "hand_in", by=by, at=at, number=summary.number)
    return summary


def _refuse_bad(text: str, file: Attachment | None) -> None:
    if not text and file is None:
        raise CannotHandIn(_("Write the summary, or add it as a PDF."))
    words = word_count(text)
    if words > MOST_WORDS or len(text) > MOST_CHARS:
        raise CannotHandIn(
            _("The summary has %(words)s words; %(most)s are the most. One page is enough.")
            % {"words": f"{words:,}", "most": MOST_WORDS}
        )
    if file is not None and file.state == AttachmentState.REFUSED:
        raise CannotHandIn(_("The file was refused. Remove it, or add another."))


def warning(file: Attachment | None) -> str:
    """What to think about before handing a file in: it is taken all the same."""
    if file is None or not file.pages or file.pages <= MOST_PAGES:
        return ""
    return ngettext(
        "The PDF has %(pages)s page; one was asked for.",
        "The PDF has %(pages)s pages; one was asked for, and it may come back. You can hand it in all the same.",
        file.pages,
    ) % {"pages": file.pages}


# --- Judging --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def accept(*, obligation_id: int, number: int, words: str, by: User, at: datetime) -> Judged:
    """Accept the version that was read: it is settled, a second half of credit goes out, the holder is told.

    number: of the version that this person saw. words: for the holder, may be empty. Accepting again changes nothing.
    Raises CannotJudge.
    """
    obligation = _for_work(obligation_id, by)
    if obligation.state == ObligationState.ACCEPTED:
        return Judged(obligation, half_goes=False)
    summary = _read(obligation, number)
    _answer(summary, SummaryOutcome.ACCEPTED, _clean(words), by, at)
    obligation.state, obligation.settled_at = ObligationState.ACCEPTED, at
    obligation.save(update_fields=["state", "settled_at"])
    obligations.note(obligation, "accept", by=by, at=at, number=number)
    judged = _with_half(obligation, by, at)
    _tell(MessageKind.SUMMARY_ACCEPTED, summary, at)
    return judged


@transaction.atomic
def give_back(*, obligation_id: int, number: int, words: str, by: User, at: datetime) -> Summary:
    """Return the version that was read, with words; the holder changes it and hands it in again. Raises CannotJudge."""
    obligation = _for_work(obligation_id, by)
    summary = _read(obligation, number)
    if not (words := _clean(words)):
        raise CannotJudge("Write what you ask for.")
    _answer(summary, SummaryOutcome.RETURNED, words, by, at)
    obligation.state = ObligationState.RETURNED
    obligation.save(update_fields=["state"])
    obligations.note(obligation, "return", by=by, at=at, number=number)
    _tell(MessageKind.SUMMARY_RETURNED, summary, at)
    return summary


@transaction.atomic
def waive(*, obligation_id: int, reason: str, by: User, at: datetime) -> Judged:
    """Ask for no summary any more, with a reason that staff read; a second half goes out. Raises CannotJudge."""
    obligation = _for_work(obligation_id, by)
    if obligation.state == ObligationState.WAIVED:
        return Judged(obligation, half_goes=False)
    if obligation.state == ObligationState.ACCEPTED:
        raise CannotJudge("The summary is accepted; there is nothing to waive.")
    if not (reason := _clean(reason)):
        raise CannotJudge("Say why nothing is owed any more.")
    obligation.state, obligation.settled_at = ObligationState.WAIVED, at
    obligation.waived_by, obligation.waived_reason = by, reason
    obligation.save(update_fields=["state", "settled_at", "waived_by", "waived_reason"])
    obligations.note(obligation, "waive", by=by, at=at)
    return _with_half(obligation, by, at)


def reason_against(*, user: User, obligation: Obligation) -> str | None:
    """Why this person may not judge this summary, or None."""
    if obligation.application.applicant_id == user.pk:
        return "This is your own award."
    return conflicts.reason_against(user=user, application=obligation.application)


def _with_half(obligation: Obligation, by: User, at: datetime) -> Judged:
    try:
        with transaction.atomic():
            half = obligations.let_second_half_go(application_id=obligation.application_id, by=by, at=at)
    except grants.CannotChangeGrant as error:
        return Judged(obligation, half_goes=False, note=f"The second half stays where it is: {error}")
    return Judged(obligation, half_goes=half is not None)


def _read(obligation: Obligation, number: int) -> Summary:
    """The version that waits, if it is the one that was read."""
    if obligation.state != ObligationState.HANDED_IN:
        raise CannotJudge(f"It is {obligation.get_state_display().lower()}; nothing waits to be read.")
    summary = obligation.summaries.latest("number")
    if summary.number != number:
        raise CannotJudge("A newer version was handed in meanwhile. Read that one.")
    return summary


def _answer(summary: Summary, outcome: SummaryOutcome, words: str, by: User, at: datetime) -> None:
    summary.outcome, summary.answer = outcome, words
    summary.answered_by, summary.answered_at = by, at
    summary.save(update_fields=["outcome", "answer", "answered_by", "answered_at"])


def _tell(kind: MessageKind, summary: Summary, at: datetime) -> None:
    key = f"{kind}:{summary.obligation_id}:{summary.number}"
    letter = obligation_letters.letter(
        kind=kind, obligation=summary.obligation, at=at, key=key, summary=summary
    )
    Notice.objects.bulk_create([letter], ignore_conflicts=True)


def _clean(words: str) -> str:
    try:
        words = clean_text(words)
    except UnstorableText as error:
        raise CannotJudge(str(error)) from None
    if len(words) > LONGEST_ANSWER:
        raise CannotJudge(f"At most {LONGEST_ANSWER:,} characters.")
    return words


def _locked(obligation_id: int) -> Obligation:
    return (
        Obligation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("application__program", "application__applicant", "draft_file")
        .get(pk=obligation_id)
    )


def _for_holder(obligation_id: int, by: User) -> Obligation:
    obligation = _locked(obligation_id)
    if obligation.application.applicant_id != by.pk:
        raise CannotHandIn(_("Only the holder of the award hands in its summary."))
    return obligation


def _refuse_not_owed(obligation: Obligation) -> None:
    if obligation.state not in OWED:
        raise CannotHandIn(
            _("The summary is with us now and cannot be changed.")
            if obligation.state == ObligationState.HANDED_IN
            else _("Nothing is owed for this award any more.")
        )


def _for_work(obligation_id: int, by: User) -> Obligation:
    obligation = _locked(obligation_id)
    if not memberships.holds(by, obligation.application.program, Role.MANAGER):
        raise CannotJudge("Only a manager of this program judges its summaries.")
    if reason := reason_against(user=by, obligation=obligation):
        raise CannotJudge(reason)
    return obligation
