"""A grantee's credits: the balance, where it is in posting, and the statement. The queryset is the permission."""

import csv
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from credits import access, posting, statement
from credits.models import Grant, Stage
from credits.money import plain
from portal import clock


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Every grant this person holds or shares; with only one, its page at once."""
    grants = list(
        access.readable_by(request.user).select_related("organization").order_by("-created_at")  # type: ignore[arg-type]
    )
    if len(grants) == 1:
        return redirect("credits:grant", grants[0].uuid)
    now = clock.now()
    return render(
        request, "credits/mine.html", {"rows": [(grant, posting.of(grant, at=now)) for grant in grants]}
    )


@require_GET
@login_required
def grant(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Balance, expiry and statement of one grant."""
    found = _mine(request, uuid)
    now = clock.now()
    left = (found.expires_on - now.date()).days if found.expires_on else None
    context = {
        "grant": found,
        "posting": posting.of(found, at=now),
        "statement": statement.of(found),
        "is_posted": found.stage == Stage.CONFIRMED,
        "days_left": left,
        "expires_soon": left is not None and 0 <= left <= 60,
        "is_expired": left is not None and left < 0,
    }
    return render(request, "credits/grant.html", context)


@require_GET
@login_required
def statement_csv(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The statement as CSV, oldest line first; amounts with a point and two decimals, times in UTC."""
    found = _mine(request, uuid)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="statement-{found.reference}.csv"'
    writer = csv.writer(response)
    writer.writerow(["time_utc", "what", "amount", "left", "currency", "reference"])
    for line in reversed(statement.of(found).lines):
        writer.writerow(
            [
                f"{line.at:%Y-%m-%d %H:%M:%S}",
                line.label,
                plain(line.amount_cents),
                plain(line.left_cents),
                found.currency,
                found.reference,
            ]
        )
    return response


def _mine(request: HttpRequest, uuid: UUID) -> Grant:
    return get_object_or_404(
        access.readable_by(request.user).select_related("organization", "holder"),  # type: ignore[arg-type]
        uuid=uuid,
    )
