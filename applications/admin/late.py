"""Codes for late entries, on the batch board of a cycle in review."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from applications import boards, late_entries
from applications.desk import visible
from applications.models import BatchEntry, LateEntry
from portal import clock
from portal.refusals import Refused
from portal.roles import Role
from programs import staff
from programs.models import Cycle, CycleState


class CodeForm(forms.Form):
    """Why, for how many, and for how long."""

    reason = forms.CharField(max_length=300, label="Reason", help_text="Kept with the batch.")
    uses = forms.IntegerField(min_value=1, max_value=late_entries.MOST_USES, initial=1, label="Applications")
    days = forms.IntegerField(
        min_value=1, max_value=late_entries.LONGEST.days, initial=3, label="Days that it is open"
    )


@require_POST
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a code; it is shown once."""
    cycle, at = _cycle(request, pk), clock.now()
    form = CodeForm(request.POST)
    if not form.is_valid():
        for field, errors in form.errors.items():
            messages.error(request, f"{form.fields[field].label}: {' '.join(errors)}")
        return redirect("admin:batch_board_of", pk)
    try:
        _, code = late_entries.issue(
            cycle_id=cycle.pk,
            reason=form.cleaned_data["reason"],
            expires_at=at + timedelta(days=form.cleaned_data["days"]),
            uses_allowed=form.cleaned_data["uses"],
            by=staff.desk(request).user,
            at=at,
        )
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The code is {code}. It is shown this once; give it to the applicant.")
    return redirect("admin:batch_board_of", pk)


@require_POST
def end(request: HttpRequest, pk: int, entry: int) -> HttpResponse:
    """Let a code open nothing any more."""
    cycle = _cycle(request, pk)
    row = get_object_or_404(LateEntry, pk=entry, cycle=cycle)
    late_entries.end(late_entry_id=row.pk, by=staff.desk(request).user, at=clock.now())
    messages.success(request, "The code opens nothing any more.")
    return redirect("admin:batch_board_of", pk)


def context(request: HttpRequest, cycle: Cycle) -> dict[str, Any]:
    """What the card on the batch board shows; nothing before the batch is formed."""
    if cycle.state != CycleState.IN_REVIEW and not cycle.late_entries.exists():
        return {}
    at = clock.now()
    seen = visible(staff.desk(request)).filter(cycle=cycle)
    late = BatchEntry.objects.filter(batch__cycle=cycle, late=True, application__in=seen)
    late = late.select_related("application")
    return {
        "late_form": CodeForm(label_suffix="") if cycle.state == CycleState.IN_REVIEW else None,
        "late_codes": [
            (row, row.ended_at is None and row.expires_at > at and row.uses < row.uses_allowed)
            for row in cycle.late_entries.select_related("made_by").order_by("-made_at")
        ],
        "late_applications": list(late.order_by("position")[:100]),
    }


def _cycle(request: HttpRequest, pk: int) -> Cycle:
    """A cycle whose program this person manages; a role is needed, not only sight."""
    desk = staff.desk(request)
    cycle = get_object_or_404(boards.cycles(desk), pk=pk)
    if not (desk.everything or desk.holds(Role.MANAGER, program_id=cycle.program_id)):
        return get_object_or_404(boards.cycles(desk).none(), pk=pk)
    return cycle
