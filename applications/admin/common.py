"""What the pages of one application share: finding it for whoever asks, and what their templates need."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from applications import desk, dossier
from applications.models import Application
from programs import rulebook, staff


def application_of(request: HttpRequest, pk: int) -> Application:
    """The application, if this person may see it: a stranger's and a conflicted one's answer is 404."""
    rows = dossier.loaded(desk.visible(staff.desk(request)))
    return get_object_or_404(rows, pk=pk)


def context_of(request: HttpRequest, application: Application, found: dossier.Dossier) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": found.title,
        "accent": application.program.accent,
        "application": application,
        "program": application.program,
        "rules": rulebook.for_application(application),
        "dossier": found,
        "zone": application.program.time_zone,
        "is_open": dossier.is_open(application),
    }
