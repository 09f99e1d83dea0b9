"""What several pages of applicants share: finding the application that somebody may see, and the way on."""

from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from applications import answers as answering
from applications import collaborators
from applications.models import Application, Right
from applications.models.intake import ApplicationQuerySet


def owned(request: HttpRequest, public_id: UUID) -> Application:
    """The applicant's own, or 404."""
    return _or_404(Application.objects.owned_by(request.user), public_id)


def readable(request: HttpRequest, public_id: UUID) -> Application:
    """An own or a shared one, or 404."""
    return _or_404(Application.objects.readable_by(request.user), public_id)


def editable(request: HttpRequest, public_id: UUID) -> Application:
    """An own one, or one shared for editing, or 404."""
    return _or_404(Application.objects.editable_by(request.user), public_id)


def may_edit(request: HttpRequest, application: Application) -> bool:
    """Whether this person has more than reading: the applicant, or somebody invited to edit."""
    if application.applicant_id == request.user.pk:
        return True
    place = collaborators.place_of(request.user, application)
    return place is not None and place.right == Right.EDIT


def _or_404(rows: ApplicationQuerySet, public_id: UUID) -> Application:
    return get_object_or_404(
        rows.select_related("program", "form_version", "cycle__program", "cycle__rules_version", "applicant"),
        public_id=public_id,
    )


def first_open(application: Application) -> str:
    """The section to go on with: the first that still needs something, else the last step."""
    sections = application.form_version.sections
    waiting = answering.check_by_section(sections, application.answers)
    for part in sections:
        if part["key"] in waiting:
            return reverse("applications:section", args=[application.public_id, part["key"]])
    return reverse("applications:review_and_send", args=[application.public_id])
