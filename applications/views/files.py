"""Files of an application and the list of institutions: JSON for the scripts of the form, and the files themselves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from applications import attachments, file_access, file_store, institutions, standing
from applications.forms import Files
from applications.models import Application, Attachment
from applications.standing import Phase
from portal import clock
from portal.limits import TooOften, count
from portal.refusals import Refused
from portal.uploads import TOO_LARGE

UPLOADS_PER_HOUR = 30
LOOKUPS_PER_MINUTE = 300
SIGNED_OUT = gettext_lazy("You are signed out. Sign in in another tab, then go on here.")
CLOSED = gettext_lazy("This application can no longer be changed.")
TOO_MUCH = gettext_lazy("The files are too large to be sent. Choose smaller ones, one at a time.")


# --- For the section page ---------------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What the posted form of a section did with files. at: the question whose button was
    pressed. refused: question key -> (name, why not).
    """

    changed: bool = False
    pressed: bool = False
    at: str = ""
    refused: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def take(request: HttpRequest, application: Application, part: Mapping[str, Any]) -> Taken:
    """Attach and take out what the form of a section asks for, and bring `application` up to date.

    Works with any button of the form: who chose a file and pressed "Save" means it to be attached.
    """
    keys = [question["key"] for question in part["questions"] if question["type"] == "file"]
    if not keys:
        return Taken()
    taken = Taken(pressed="attach" in request.POST or "detach" in request.POST, at=keys[0])
    if request.POST.get("attach") in keys:
        taken.at = request.POST["attach"]
    for key in keys:
        for file in request.FILES.getlist(key):
            _take_one(request, application, key, file, taken)
    if "attach" in request.POST and not request.FILES:
        refusal = TOO_MUCH if TOO_LARGE in request.META else _("Choose a file first, then attach it.")
        taken.refused[taken.at] = [(_("No file"), refusal)]
    if "detach" in request.POST:
        _take_out(request, application, keys, taken)
    if taken.changed:
        application.refresh_from_db(fields=["answers", "answers_version", "saved_at"])
    return taken


def _take_one(
    request: HttpRequest, application: Application, key: str, file: UploadedFile, taken: Taken
) -> None:
    try:
        _add(request, application, key, file)
        taken.changed = True
    except Refused as error:
        taken.refused.setdefault(key, []).append((str(file.name)[:100], str(error)))


def _take_out(request: HttpRequest, application: Application, keys: list[str], taken: Taken) -> None:
    try:
        wanted = UUID(request.POST["detach"])
    except ValueError:
        return
    attachment = application.attachments.filter(public_id=wanted, question_key__in=keys).first()
    if attachment is None:
        return
    taken.at = attachment.question_key
    try:
        attachments.remove(attachment_id=attachment.pk, by=request.user, at=clock.now())
        taken.changed = True
    except Refused as error:
        taken.refused.setdefault(attachment.question_key, []).append((attachment.name, str(error)))


def shown(application: Application, part: Mapping[str, Any], taken: Taken | None = None) -> Files | None:
    """What the page of a section shows of files; None, and no query, for a section without such a question."""
    if not any(question["type"] == "file" for question in part["questions"]):
        return None
    refused = taken.refused if taken else {}
    return Files(application.public_id, attachments.by_question(application), refused)


# --- For scripts ------------------------------------------------------------------------------------------------------------


@require_POST
def attach(request: HttpRequest, public_id: UUID, key: str) -> JsonResponse:
    """Attach one file: 201 with what to show, 422 with the reason why not."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": SIGNED_OUT}, status=401)
    application = _editable(request, public_id)
    if key not in attachments.file_questions(application.form_version.sections):
        raise Http404
    if not _is_open(application):
        return JsonResponse({"error": CLOSED}, status=409)
    file = request.FILES.get("file")
    if file is None:
        return JsonResponse({"error": _("No file arrived. It may be too large.")}, status=422)
    try:
        attachment = _add(request, application, key, file)
    except TooOften as error:
        return JsonResponse({"error": str(error)}, status=429)
    except Refused as error:
        return JsonResponse({"error": str(error)}, status=422)
    return JsonResponse(_as_json(attachment, application), status=201)


@require_POST
def detach(request: HttpRequest, public_id: UUID) -> JsonResponse:
    """Take one file out of its application."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": SIGNED_OUT}, status=401)
    attachment = get_object_or_404(
        Attachment.objects.select_related("application"),
        public_id=public_id,
        application__in=Application.objects.editable_by(request.user),
    )
    application = _editable(request, attachment.application.public_id)
    if not _is_open(application):
        return JsonResponse({"error": CLOSED}, status=409)
    try:
        attachments.remove(attachment_id=attachment.pk, by=request.user, at=clock.now())
    except Refused as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse(_versions(application))


@require_GET
@login_required
def file(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One file, to be saved and never to be shown here: no type that a browser would open, and a page without rights."""
    attachment = get_object_or_404(Attachment, public_id=public_id)
    reading = file_access.reading(request.user, attachment)
    if reading is None:
        raise Http404
    try:
        content = file_store.opened(attachment.stored_name)
    except (FileNotFoundError, ValueError):
        raise Http404 from None
    response = FileResponse(
        content, as_attachment=True, filename=reading.name, content_type="application/octet-stream"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "no-store, private"
    return response


@require_GET
def found_institutions(request: HttpRequest) -> JsonResponse:
    """The institutions whose names begin like ?q=, for the list under the line."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": SIGNED_OUT}, status=401)
    try:
        count("institutions", request.user.pk, most=LOOKUPS_PER_MINUTE, seconds=60)
    except TooOften as error:
        return JsonResponse({"error": str(error)}, status=429)
    found = institutions.search(request.GET.get("q", ""))
    return JsonResponse({"results": [asdict(entry) for entry in found]})


def _add(request: HttpRequest, application: Application, key: str, file: UploadedFile) -> Attachment:
    count("uploads", request.user.pk, most=UPLOADS_PER_HOUR, seconds=3600)
    return attachments.add(
        application_id=application.pk,
        question_key=key,
        name=str(file.name),
        chunks=file.chunks(),
        by=request.user,
        at=clock.now(),
    )


def _editable(request: HttpRequest, public_id: UUID) -> Application:
    return get_object_or_404(
        Application.objects.editable_by(request.user).select_related(
            "program", "form_version", "cycle__program", "cycle__rules_version", "applicant"
        ),
        public_id=public_id,
    )


def _is_open(application: Application) -> bool:
    """Said by what the applicant may know, so that a silent decision answers like an application under review."""
    status = standing.of(application, at=clock.now())
    return status.phase == Phase.DRAFT or status.can_edit


def _as_json(attachment: Attachment, application: Application) -> dict[str, Any]:
    waits = attachment.state == "waiting"
    return {
        "id": str(attachment.public_id),
        "name": attachment.name,
        "what": f"{attachment.what}. "
        + (_("Attached; it can be opened once it is scanned") if waits else _("Checked and attached")),
        "readable": not waits,
        **_versions(application),
    }


def _versions(application: Application) -> dict[str, int]:
    """The number of the answers before and after: a page that has the one may go on with the other, no other page may."""
    before = application.answers_version
    application.refresh_from_db(fields=["answers_version"])
    return {"from": before, "version": application.answers_version}
