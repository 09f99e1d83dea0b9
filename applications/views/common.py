"""What several pages of applicants share: finding the application that somebody may see, and the way on."""

from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from applications import answers as answering
from applications import asked, collaborators
from applications.models import Application, Right
from applications.models.intake import ApplicationQuerySet
from programs import translations


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
    application = get_object_or_404(
        rows.select_related("program", "form_version", "cycle__rules_version", "applicant", "amends"),
        public_id=public_id,
    )
    if application.cycle is not None:  # the same program: joined once, for its rows are wide
        application.cycle.program = application.program
    return as_read(application)


def as_read(application: Application) -> Application:
    """The same application with the texts of its program and form in the reader's language. Two queries at most."""
    program = application.program
    application.form_version = translations.shown_version(application.form_version, program)
    application.program = translations.shown(program)
    return application


def first_open(application: Application) -> str:
    """The section to go on with: the first that still needs something, else the last step."""
    sections = asked.sections(application)
    waiting = answering.check_by_section(sections, application.answers)
    for part in sections:
        if part["key"] in waiting:
            return reverse("applications:section", args=[application.public_id, part["key"]])
    return reverse("applications:review_and_send", args=[application.public_id])
