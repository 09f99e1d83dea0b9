"""A grantee's credits: the balance, where it is in posting, and the statement. The queryset is the permission."""

import csv
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from credits import (
    access,
    balances,
    burn_chart,
    organization_changes,
    organizations,
    posting,
    statement,
)
from credits.forms import AnotherOrganizationForm
from credits.models import Grant, Stage
from credits.models.organization_change import WAITING
from credits.money import plain
from portal import clock
from portal.models import User
from portal.refusals import Refused


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
    held = balances.of([grant for grant in grants if grant.stage == Stage.CONFIRMED])
    rows = [
        (
            grant,
            posting.of(grant, at=now),
            held.get(grant.pk),
            balances.state_of(held[grant.pk], at=now) if grant.pk in held else None,
        )
        for grant in grants
    ]
    return render(request, "credits/mine.html", {"rows": rows})


@require_GET
@login_required
def grant(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Balance, expiry and statement of one grant."""
    found = _mine(request, uuid)
    now = clock.now()
    left = (found.expires_on - now.date()).days if found.expires_on else None
    context = (_balance(request, found, now) if found.stage == Stage.CONFIRMED else {}) | {
        "grant": found,
        "posting": posting.of(found, at=now),
        "statement": statement.of(found),
        "is_posted": found.stage == Stage.CONFIRMED,
        "days_left": left,
        "expires_soon": left is not None and 0 <= left <= 60,
        "is_expired": left is not None and left < 0,
    }
    return render(request, "credits/grant.html", context)


def _balance(request: HttpRequest, found: Grant, now: datetime) -> dict[str, Any]:
    """Where a posted grant is, its drawing and forecast, and the lots of the same organization that this person reads."""
    readable = access.readable_by(request.user).filter(organization=found.organization_id)  # type: ignore[arg-type]
    rows = balances.of_organization(found, list(readable))
    mine = next(row for row in rows if row.grant.pk == found.pk)
    outlook = balances.outlook(rows, at=now)
    return {
        "balance": mine,
        "state": balances.state_of(mine, at=now),
        "forecast": outlook,
        "outlook": outlook.of(found.pk),
        "chart": burn_chart.of(mine, outlook.of(found.pk), at=now),
        "reported_until": max(mine.used_on, default=None),
        "lots": [(row, balances.state_of(row, at=now), outlook.of(row.grant.pk)) for row in rows],
        "lots_left_cents": sum(row.left_cents for row in rows),
    }


@require_http_methods(["GET", "POST"])
@login_required
def organization(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The holder asks that the rest of a grant goes to another organization, and reads the answer."""
    rows = Grant.objects.select_related("organization")
    found = get_object_or_404(rows, uuid=uuid, holder=request.user)
    user: User = request.user  # type: ignore[assignment]
    is_form = request.method == "POST" and "take_back" not in request.POST
    form = AnotherOrganizationForm(request.POST if is_form else None)
    if request.method == "POST":
        try:
            if not is_form:
                change = get_object_or_404(
                    found.organization_changes, pk=_number(request.POST["take_back"]), wished_by=user
                )
                organization_changes.take_back(change_id=change.pk, by=user, at=clock.now())
                return redirect("credits:organization", uuid)
            if form.is_valid():
                organization_changes.wish(
                    grant_id=found.pk,
                    organization_id=form.cleaned_data["organization_id"],
                    format=organizations.format_of(found.organization),
                    reason=form.cleaned_data["reason"],
                    by=user,
                    at=clock.now(),
                )
                return redirect("credits:organization", uuid)
        except Refused as error:
            form.add_error(None, str(error))
    changes = organization_changes.of_grant(found)
    context = {
        "grant": found,
        "changes": changes,
        "waits": any(change.state in WAITING for change in changes),
        "why_not": organization_changes.why_not(found),
        "form": form,
    }
    return render(request, "credits/another_organization.html", context, status=422 if form.errors else 200)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else 0


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
