"""Files of an application: attach, take out, scan again, list. The only writer of Attachment.

A file is looked at before it belongs to anything: kind by content, size, pages, a clean copy, a scanner where there is
one. What the answers of an application hold is the list of ids, so a revision freezes what was attached.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from applications import file_names, file_store, intake
from applications.blinding import telling
from applications.file_store import Verdict
from applications.models import Application, ApplicationRevision, Attachment, AttachmentState
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import fields, values

logger = logging.getLogger(__name__)
MEGABYTE = 1_000_000
BY_SCANNER = gettext_noop("The scanner found something harmful in this file, so it was not kept.")


class CannotAttach(Refused):
    """The file is not attached. The message says why and is safe to show."""


class Harmful(CannotAttach):
    """The scanner found something; of the file only its size is known any more."""

    def __init__(self, text: str, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        super().__init__(text)


def add(
    *, application_id: int, question_key: str, name: str, chunks: Iterable[bytes], by: User, at: datetime
) -> Attachment:
    """Attach one file to a question of a draft, or of a sent application before its cut-off (then as a revision).

    name: as the browser sent it. chunks: the bytes. With a scanner that cannot be reached the file is kept and waits;
    nobody reads it before it was scanned. Raises CannotAttach, or intake.CannotEdit or CannotSubmit when the
    application takes no change.
    """
    application = Application.objects.select_related("form_version").get(pk=application_id)
    question = _question(application, question_key)
    _refuse_closed(application)
    _refuse_full(application, question)
    name = file_names.cleaned(name)
    try:
        kept, verdict = looked_at(name=name, chunks=chunks, megabytes=values.megabyte_limit(question))
    except Harmful as error:
        _note_harmful(application, question_key, name, error.size_bytes, by=by, at=at)
        raise
    try:
        return _attach(application_id, question, name, kept, verdict, by=by, at=at)
    except BaseException:
        file_store.forget(kept.stored_name)
        raise


def looked_at(*, name: str, chunks: Iterable[bytes], megabytes: int) -> tuple[file_store.Kept, Verdict]:
    """Keep a clean copy of an upload, belonging to nothing yet; who calls forgets it when they cannot use it.

    name: cleaned. Raises CannotAttach, its subclass Harmful for what the scanner found; nothing is kept then.
    """
    try:
        with file_store.received(chunks, most_bytes=megabytes * MEGABYTE) as path:
            size_bytes = path.stat().st_size
            if not size_bytes:
                raise CannotAttach(_("The file is empty."))
            verdict = file_store.scan(path)
            if verdict == Verdict.HARMFUL:
                raise Harmful(_(BY_SCANNER), size_bytes)
            kept = file_store.keep_clean_copy(path)
    except file_store.TooLarge:
        raise CannotAttach(
            _("The file is larger than %(megabytes)s MB. Make it smaller and add it again.")
            % {"megabytes": megabytes}
        ) from None
    except file_store.CannotInspect as error:
        raise CannotAttach(str(error) or file_names.why_not(name)) from None
    if file_names.contradicts(name, kept.content_type):
        file_store.forget(kept.stored_name)
        raise CannotAttach(
            _("The name ends in .%(ending)s, but the content is a %(kind)s. Rename it and add it again.")
            % {"ending": file_names.ending(name)[:10], "kind": _(file_names.KINDS[kept.content_type])}
        )
    return kept, verdict


def row_of(
    name: str,
    kept: file_store.Kept,
    verdict: Verdict,
    *,
    application_id: int,
    key: str,
    by: User,
    at: datetime,
) -> Attachment:
    """The row of a file that was looked at, not stored yet. key: the question, or what else of the application it is."""
    return Attachment(
        application_id=application_id,
        question_key=key,
        name=file_names.for_kind(name, kept.content_type),
        stored_name=kept.stored_name,
        content_type=kept.content_type,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
        pages=kept.pages,
        state=AttachmentState.WAITING if verdict == Verdict.NOT_REACHED else AttachmentState.CLEAN,
        scanned_at=at if verdict == Verdict.CLEAN else None,
        uploaded_by=by,
        uploaded_at=at,
    )


@transaction.atomic
def _attach(
    application_id: int,
    question: fields.Question,
    name: str,
    kept: file_store.Kept,
    verdict: Verdict,
    *,
    by: User,
    at: datetime,
) -> Attachment:
    application = _locked(application_id)
    _refuse_closed(application)
    _refuse_full(application, question)
    attachment = row_of(name, kept, verdict, application_id=application_id, key=question["key"], by=by, at=at)
    attachment.save(force_insert=True)
    ids = [*_ids(application, question["key"]), str(attachment.public_id)]
    _save(application, question["key"], ids, by=by, at=at)
    audit.record(
        action="attachment.add", subject=application, by=by, at=at, attachment=str(attachment.public_id)
    )
    return attachment


@transaction.atomic
def remove(*, attachment_id: int, by: User, at: datetime) -> None:
    """Take a file out of its application; once more does nothing. Raises intake.CannotEdit or CannotSubmit.

    What was never sent is deleted. A file that stands in a revision is kept with it and shown to nobody on the staff side.
    """
    attachment = Attachment.objects.get(pk=attachment_id)
    application = _locked(attachment.application_id)
    _refuse_closed(application)
    key, own_id = attachment.question_key, str(attachment.public_id)
    ids = _ids(application, key)
    if own_id in ids:
        _save(application, key, [other for other in ids if other != own_id], by=by, at=at)
        audit.record(action="attachment.remove", subject=application, by=by, at=at, attachment=own_id)
    was_sent = ApplicationRevision.objects.filter(
        application=application, **{f"answers__{key}__contains": [own_id]}
    ).exists()
    if not was_sent:
        stored_name = attachment.stored_name
        attachment.delete()
        transaction.on_commit(lambda: file_store.forget(stored_name))


def scan_waiting(*, limit: int, at: datetime) -> int:
    """Scan the files that came while the scanner could not be reached, the oldest first; returns how many are settled.

    Stops at the first that still gets no answer. A harmful file is deleted, its row says so, and a draft loses it.
    """
    settled = 0
    waiting = Attachment.objects.filter(state=AttachmentState.WAITING).order_by("uploaded_at", "pk")
    for attachment in waiting[:limit]:
        path = file_store.path_of(attachment.stored_name)
        verdict = file_store.scan(path) if path.exists() else Verdict.HARMFUL
        if verdict == Verdict.NOT_REACHED:
            break
        settled += _settle(attachment.pk, verdict, at=at)
    return settled


@transaction.atomic
def _settle(attachment_id: int, verdict: Verdict, *, at: datetime) -> int:
    found = Attachment.objects.filter(pk=attachment_id).first()
    if found is None:  # taken out meanwhile
        return 0
    application = _locked(found.application_id)
    attachment = Attachment.objects.select_for_update().filter(pk=attachment_id).first()
    if attachment is None or attachment.state != AttachmentState.WAITING:
        return 0
    attachment.scanned_at = None if verdict == Verdict.NO_SCANNER else at
    attachment.state = AttachmentState.CLEAN
    if verdict == Verdict.HARMFUL:
        stored_name, attachment.stored_name = attachment.stored_name, ""
        attachment.state, attachment.refused_reason = AttachmentState.REFUSED, BY_SCANNER
        transaction.on_commit(lambda: file_store.forget(stored_name))
        _drop_from_draft(application, attachment)
        audit.record(
            action="attachment.refuse",
            subject=application,
            by=None,
            at=at,
            attachment=str(attachment.public_id),
        )
    attachment.save(update_fields=["scanned_at", "state", "stored_name", "refused_reason"])
    return 1


def _drop_from_draft(application: Application, attachment: Attachment) -> None:
    ids = _ids(application, attachment.question_key)
    if application.state == State.DRAFT and str(attachment.public_id) in ids:
        rest = [other for other in ids if other != str(attachment.public_id)]
        application.answers = {**application.answers, attachment.question_key: rest or None}
        application.save(update_fields=["answers"])


# --- Reading ----------------------------------------------------------------------------------------------------------------


def file_questions(sections: fields.Sections) -> dict[str, fields.Question]:
    """The questions of a form that take files, by key."""
    return {
        question["key"]: question for question in fields.questions(sections) if question["type"] == "file"
    }


def by_question(
    application: Application, answers: Mapping[str, Any] | None = None
) -> dict[str, list[Attachment]]:
    """The files that answers name, in their order: question key -> attachments. One query, none without file questions.

    answers: those of a revision; otherwise the application's own. Ids of another application are never found.
    """
    answers = application.answers if answers is None else answers
    keys = file_questions(application.form_version.sections)
    named = {key: _as_ids(answers.get(key)) for key in keys}
    if not any(named.values()):
        return {key: [] for key in keys}
    wanted = [UUID(own_id) for ids in named.values() for own_id in ids]
    rows = {
        str(row.public_id): row
        for row in Attachment.objects.filter(application=application, public_id__in=wanted)
    }
    return {key: [rows[own_id] for own_id in ids if own_id in rows] for key, ids in named.items()}


@dataclass(frozen=True)
class Listed:
    """A file as the staff side lists it. `name` says nothing about the applicant in a blind look; `note` is kind and state."""

    attachment: Attachment
    key: str
    name: str
    note: str
    readable: bool


def listed(application: Application, *, audiences: Collection[str], blind: bool) -> list[Listed]:
    """The files that somebody on the staff side may know of, in the order of the form. At most one query.

    audiences: the audiences of questions that this person reads. blind: names are withheld, and whole answers that are
    marked as telling who applies.
    """
    questions = file_questions(application.form_version.sections)
    found: list[Listed] = []
    for key, rows in by_question(application).items():
        question = questions[key]
        if question.get("audience", "everyone") not in audiences or (blind and telling(question)):
            continue
        for row in rows:
            name = f"attachment-{len(found) + 1}.{row.extension}" if blind else row.name
            readable = row.state == AttachmentState.CLEAN
            found.append(Listed(row, key, name, f"{row.what}. {_standing(row)}", readable))
    return found


def _standing(attachment: Attachment) -> str:
    """What the scanner said, for the staff side."""
    if attachment.state == AttachmentState.CLEAN:
        return "Scanned" if attachment.scanned_at else "Not scanned"
    return attachment.refused_reason or "Waits for the scanner"


def left(application: Application, question: fields.Question) -> int:
    """How many more files a question takes."""
    return max(0, values.file_limit(question) - len(_ids(application, question["key"])))


# --- Helpers ----------------------------------------------------------------------------------------------------------------


def _question(application: Application, key: str) -> fields.Question:
    question = file_questions(application.form_version.sections).get(key)
    if question is None:
        raise CannotAttach(_("This question takes no files."))
    return question


def _ids(application: Application, key: str) -> list[str]:
    return _as_ids(application.answers.get(key))


def _as_ids(answer: object) -> list[str]:
    try:
        return values.cleaned({"key": "files", "type": "file", "label": ""}, answer) or []
    except values.BadAnswer:
        return []


def _refuse_full(application: Application, question: fields.Question) -> None:
    if not left(application, question):
        most = values.file_limit(question)
        raise CannotAttach(
            ngettext(
                "%(most)s file is the most here. Remove one to add another.",
                "%(most)s files are the most here. Remove one to add another.",
                most,
            )
            % {"most": most}
        )


def _refuse_closed(application: Application) -> None:
    if application.state not in (State.DRAFT, State.SUBMITTED):
        raise intake.CannotEdit(_("%(application)s can no longer be changed.") % {"application": application})


def _save(application: Application, key: str, ids: list[str], *, by: User, at: datetime) -> None:
    """Put the list into the answers of a draft at once, into a sent application as any other change of it.

    A draft keeps the number of its answers: no page ever posts this list, so none can overwrite it.
    """
    if application.state != State.DRAFT:
        intake.save_answers(
            application_id=application.pk, changes={key: ids or None}, version=None, by=by, at=at
        )
        return
    application.answers = {**application.answers, key: ids or None}
    application.saved_at = at
    application.save(update_fields=["answers", "saved_at"])


def _note_harmful(
    application: Application, key: str, name: str, size_bytes: int, *, by: User, at: datetime
) -> None:
    """Nothing of the file is kept but that it came: people decide what that means."""
    attachment = Attachment.objects.create(
        application=application,
        question_key=key,
        name=name,
        size_bytes=size_bytes,
        state=AttachmentState.REFUSED,
        refused_reason=BY_SCANNER,
        scanned_at=at,
        uploaded_by=by,
        uploaded_at=at,
    )
    audit.record(
        action="attachment.refuse", subject=application, by=by, at=at, attachment=str(attachment.public_id)
    )


def _locked(application_id: int) -> Application:
    intake.share_cycle(application_id)
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("form_version")
        .get(pk=application_id)
    )
