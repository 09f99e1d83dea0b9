"""The statement of one grant as a PDF file, for whoever reads its page."""

from datetime import UTC
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from applications import statement_pdf
from credits import access, statements
from portal import clock
from portal.limits import TooOften, count

FILES_PER_HOUR = 30


@require_GET
@login_required
def pdf(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """From the first day of the credit to today, or the days that from= and to= name."""
    rows = access.readable_by(request.user).select_related("organization")  # type: ignore[arg-type]
    grant = get_object_or_404(rows, uuid=uuid)
    try:
        count("pdf", request.user.pk, most=FILES_PER_HOUR, seconds=3600)
    except TooOften as error:
        messages.warning(request, str(error))
        return redirect("credits:grant", grant.uuid)
    at = clock.now()
    today = at.astimezone(UTC).date()
    begun = min(grant.starts_on or today, grant.created_at.astimezone(UTC).date(), today)
    try:
        days = statements.period(
            request.GET.get("from", ""), request.GET.get("to", ""), default=(begun, today)
        )
    except statements.WrongPeriod as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    facts = [(_("Grant"), grant.reference)]
    if grant.organization:
        facts.append((_("Organization ID"), grant.organization.external_id))
    content = statement_pdf.render(
        [statements.of_grant(grant, first=days[0], last=days[1])],
        title=_("Statement of credits"),
        facts=facts,
        site=settings.SITE_NAME,
        at=at,
    )
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="statement-{grant.reference}.pdf"'
    return answer
