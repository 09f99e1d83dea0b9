"""Updating an award: the button that begins it, what the pages of an award show of it, and the way from the credits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from applications import amendments, awards, standing
from applications.models import Application
from applications.standing import Phase
from applications.views import common
from credits.models import Grant
from portal import clock


@require_POST
@login_required
def amend(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Begin an updated application, or go on with the one that is there."""
    application = common.owned(request, public_id)
    try:
        draft, is_new = amendments.start(application_id=application.pk, by=request.user, at=clock.now())
    except amendments.CannotAmend as error:
        messages.warning(request, str(error))
        return redirect("applications:status", application.public_id)
    if is_new:
        text = _("The answers of your award are filled in. Change what has changed, then read it through.")
    else:
        text = _("You began this updated application already. It is as you left it.")
    messages.info(request, text)
    # Most of it is complete: one starts reading at the front, not at the agreements that are asked afresh.
    return redirect("applications:section", draft.public_id, draft.form_version.sections[0]["key"])


@require_GET
@login_required
def award_of(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """From a grant to the page of its award."""
    lot = get_object_or_404(Grant, uuid=uuid)
    own = Application.objects.owned_by(request.user)
    application = get_object_or_404(own, decisions__grant=lot.decided_id)
    return redirect(reverse("applications:award", args=[application.public_id]) + "#update")


def shown(application: Application, *, at: datetime) -> dict[str, Any]:
    """What the page of an award says about updating it: each amendment as its applicant may see it, and the next step."""
    award = awards.of(application)
    rows = [(amendment, standing.of(amendment, at=at)) for amendment in award.amendments]
    draft = next((row for row, told in rows if told.phase == Phase.DRAFT), None)
    return {
        "award": award,
        "updates": [row for row in rows if row[1].phase not in (Phase.DRAFT, Phase.WITHDRAWN)],
        "draft": draft,
        "why_not": "" if draft else amendments.why_not(award, at=at),
    }
