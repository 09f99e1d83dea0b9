"""An application to look at: as reviewers read it, to print, and as a PDF file."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from applications import dossier, presentation, standing
from applications import paper as papers
from applications import pdf as pdf_files
from applications.standing import Phase
from applications.views import common
from portal import clock
from portal.limits import TooOften, count
from programs import rulebook

FILES_PER_HOUR = 30


@require_GET
@login_required
def preview(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What a reviewer has on the screen, by the same code as the reviewer's page; ?look=first is the blind look."""
    application = common.readable(request, public_id)
    program = application.program
    first_look = rulebook.for_application(application).blind_first_look and request.GET.get("look") == "first"
    parts, withheld, restricted = dossier.as_reviewer(application, first_look=first_look)
    context = {
        "application": application,
        "program": program,
        "title": application.title
        or presentation.title(application.form_version.sections, application.answers),
        "parts": parts,
        "withheld": withheld,
        "restricted": restricted,
        "first_look": first_look,
        "rules": rulebook.for_application(application),
        "is_draft": standing.phase_of(application, at=clock.now()) == Phase.DRAFT,
        "may_edit": common.may_edit(request, application),
    }
    return render(request, "applications/preview.html", context)


@require_GET
@login_required
def printed(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """All answers on one page, for paper."""
    application = common.readable(request, public_id)
    context = {
        "application": application,
        "program": application.program,
        "paper": papers.of(application),
    }
    return render(request, "applications/printed.html", context)


@require_GET
@login_required
def pdf(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The same as a file. Saved, never shown on our pages."""
    application = common.readable(request, public_id)
    try:
        count("pdf", request.user.pk, most=FILES_PER_HOUR, seconds=3600)
    except TooOften as error:
        messages.warning(request, str(error))
        return redirect("applications:printed", application.public_id)
    paper = papers.of(application)
    name = slugify(paper.reference or "draft") or "application"
    print_view = settings.SITE_URL + reverse("applications:printed", args=[application.public_id])
    content = pdf_files.render(paper, site=settings.SITE_NAME, page=print_view)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
