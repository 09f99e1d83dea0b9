"""The API's part for attached files: the same checks, limits and permissions as on the pages.

A file is always an answer to a question of the form. It is looked at before it belongs to anything, and sent back to be
saved, never to be shown.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
from ninja import File, Path, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from applications import attachments, file_store, standing
from applications.api import CLOSED, Need, find
from applications.models import Application, Attachment, AttachmentState
from applications.standing import Phase
from applications.views.files import UPLOADS_PER_HOUR
from portal import clock
from portal.api_shapes import READS, WRITES, ApiError, ErrorOut, missing
from portal.limits import TooOften, count
from portal.models import User
from portal.refusals import Refused

router = Router(tags=["Attached files"])

BYTES = {
    "description": "The file.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
LINKS = {
    name: {"operationId": name, "parameters": {"id": "$response.body#/attachments/0/id"}}
    for name in ("downloadFile", "removeFile")
}
Key = Annotated[
    str, Path(max_length=40, pattern="^[-a-zA-Z0-9_]+$", description="The key of a question of type “file”.")
]


class AttachmentOut(Schema):
    """One attached file."""

    id: UUID
    question: str = Field(description="The key of the question it answers.")
    name: str
    content_type: str = Field(description="By its content, whatever it was called.")
    size_bytes: int
    sha256: str = Field(description="Of the copy that is kept, without what a file tells about its maker.")
    pages: int | None
    state: Literal["waiting", "clean", "refused"] = Field(
        description="Waiting for the scanner: nobody reads it yet. Refused: it was found harmful and is gone."
    )
    uploaded_at: datetime


class AttachmentsOut(Schema):
    attachments: list[AttachmentOut]


@router.get(
    "/applications/{uuid:id}/attachments",
    response={200: AttachmentsOut, READS: ErrorOut},
    url_name="attachments",
    operation_id="listAttachments",
    summary="The files of an application",
    openapi_extra={"responses": {200: {"links": LINKS}}},
)
def list_attachments(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """In the order of the form. Also of an application that is shared with you."""
    application = find(request, id, Need.READ)
    return {
        "attachments": [_shown(row) for rows in attachments.by_question(application).values() for row in rows]
    }


@router.post(
    "/applications/{uuid:id}/attachments/{key}",
    response={201: AttachmentOut, WRITES: ErrorOut},
    url_name="attach",
    operation_id="attachFile",
    summary="Attach a file",
)
def attach(
    request: HttpRequest, id: UUID, key: Key, file: Annotated[UploadedFile, File(description="The file.")]
) -> Status:
    """`multipart/form-data` with one part named `file`. PDF, PNG and JPEG are taken, by content.

    409 `refused` says why one is not; 409 `closed` after the cut-off; 404 for a question that takes no files.
    """
    application = _open(request, id)
    if key not in attachments.file_questions(application.form_version.sections):
        raise missing()
    try:
        count("uploads", request.user.pk, most=UPLOADS_PER_HOUR, seconds=3600)
        made = attachments.add(
            application_id=application.pk,
            question_key=key,
            name=str(file.name),
            chunks=file.chunks(),
            by=cast("User", request.user),
            at=clock.now(),
        )
    except TooOften as error:
        headers = {"Retry-After": str(error.wait_seconds)}
        raise ApiError(429, "too_often", str(error), headers=headers) from error
    except Refused as error:
        raise ApiError(409, "refused", str(error)) from error
    return Status(201, _shown(made))


@router.get(
    "/attachments/{uuid:id}",
    response={READS: ErrorOut},
    url_name="attachment",
    operation_id="downloadFile",
    summary="Download a file",
    openapi_extra={"responses": {200: BYTES}},
)
def download(request: HttpRequest, id: UUID) -> HttpResponse:
    """The copy that is kept. 404 for a file that waits for the scanner, was refused, or is not yours to read."""
    attachment = _readable(request, id)
    try:
        content = file_store.opened(attachment.stored_name)
    except (FileNotFoundError, ValueError):
        raise missing() from None
    response = FileResponse(
        content, as_attachment=True, filename=attachment.name, content_type="application/octet-stream"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "no-store, private"
    return cast("HttpResponse", response)


@router.api_operation(
    ["DELETE"],
    "/attachments/{uuid:id}",
    response={204: None, WRITES: ErrorOut},
    url_name="attachment",
    operation_id="removeFile",
    summary="Take a file out",
)
def remove(request: HttpRequest, id: UUID) -> Status:
    """Out of a draft, or of a sent application before its cut-off (409 `closed` after it, 409 `refused` if it would be
    incomplete without). A second time it is not there any more: 404.
    """
    row = Attachment.objects.filter(
        public_id=id, application__in=Application.objects.editable_by(request.user)
    ).first()
    if row is None:
        raise missing()
    _open(request, Application.objects.values_list("public_id", flat=True).get(pk=row.application_id))
    try:
        attachments.remove(attachment_id=row.pk, by=cast("User", request.user), at=clock.now())
    except Refused as error:
        raise ApiError(409, "refused", str(error)) from error
    return Status(204, None)


def _open(request: HttpRequest, public_id: UUID) -> Application:
    """One that this person may change now, said by what its applicant may know."""
    application = find(request, public_id, Need.EDIT)
    told = standing.of(application, at=clock.now())
    if told.phase != Phase.DRAFT and not told.can_edit:
        raise ApiError(409, "closed", str(CLOSED))
    return application


def _readable(request: HttpRequest, public_id: UUID) -> Attachment:
    """A clean file of an own or a shared application. The staff side reads files on its pages only."""
    row = Attachment.objects.filter(
        public_id=public_id,
        state=AttachmentState.CLEAN,
        application__in=Application.objects.readable_by(request.user),
    ).first()
    if row is None:
        raise missing()
    return row


def _shown(row: Attachment) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "question": row.question_key,
        "name": row.name,
        "content_type": row.content_type,
        "size_bytes": row.size_bytes,
        "sha256": row.sha256,
        "pages": row.pages,
        "state": row.state,
        "uploaded_at": row.uploaded_at,
    }
