"""Who may read an attached file: the one answer for the page, the list and the address of the file."""

from dataclasses import dataclass

from applications import attachments, desk, dossier, obligation_desk, summaries
from applications.models import Application, Attachment, AttachmentState, Review
from portal.models import User
from programs import staff


@dataclass(frozen=True)
class Reading:
    """A file as one person may have it. `name` says nothing about the applicant in a blind look."""

    attachment: Attachment
    name: str


def may_read(user: User, attachment: Attachment) -> bool:
    """Whether this person may have this file now."""
    return reading(user, attachment) is not None


def reading(user: User, attachment: Attachment) -> Reading | None:
    """The file as this person may have it, None when they may not.

    The applicant and those they share the application with have it. On the staff side it takes an application that
    this person may see (desk.visible), a question that their role reads and no blind look at an answer that names
    somebody; a summary is read by those who see its obligation. Nobody reads what the scanner has not passed, and staff nothing that was taken out again.
    """
    if attachment.state != AttachmentState.CLEAN or not user.is_active:
        return None
    if Application.objects.readable_by(user).filter(pk=attachment.application_id).exists():
        return Reading(attachment, attachment.name)
    if not user.is_staff:
        return None
    at_desk = staff.desk_of(user)
    if attachment.question_key == summaries.FILE_KEY:
        handed_in = obligation_desk.visible(at_desk).filter(summaries__file=attachment)
        return Reading(attachment, attachment.name) if handed_in.exists() else None
    application = (
        desk.visible(at_desk)
        .filter(pk=attachment.application_id)
        .select_related("program", "form_version")
        .first()
    )
    if application is None:
        return None
    mine = Review.objects.filter(application=application, reviewer=user).first()
    may = dossier.access(at_desk, application, mine=mine, assignment=None)
    for listed in attachments.listed(application, audiences=may.audiences, blind=may.blind):
        if listed.attachment.pk == attachment.pk and listed.readable:
            return Reading(attachment, listed.name)
    return None
