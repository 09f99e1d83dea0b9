"""Sending with a code after the cut-off."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from applications import late_entries
from applications.views import common
from portal import clock, limits
from portal.refusals import Refused

TRIES_AN_HOUR = 20


@require_POST
@login_required
def send(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Send a draft into the evaluation that a code opens."""
    application = common.owned(request, public_id)
    try:
        limits.count("late-entry", request.user.pk, most=TRIES_AN_HOUR, seconds=3600)
        late_entries.send(
            application_id=application.pk,
            code=request.POST.get("code", ""),
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
        )
    except Refused as error:
        messages.error(request, _("Not sent: %(error)s") % {"error": error})
        return redirect("applications:review_and_send", application.public_id)
    return redirect("applications:status", application.public_id)
