"""Move or leave out one evaluation, from the preview of the coming ones."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal import clock
from portal.roles import Role
from programs import shifts, staff
from programs.admin.program_pages import seen_program
from programs.models import Program


class ShiftForm(forms.Form):
    """What happens to one evaluation."""

    regular_on = forms.DateField(widget=forms.HiddenInput)
    what = forms.ChoiceField(
        label="This evaluation",
        choices=[
            ("move", "is held on another day"),
            ("skip", "is left out"),
            ("back", "falls as the rule says"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what happens."},
    )
    moved_to_on = forms.DateField(
        label="On",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    reason = forms.CharField(
        label="Reason", max_length=200, required=False, help_text="Kept and shown beside the date."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("what") == "move" and not data.get("moved_to_on") and "moved_to_on" not in self.errors:
            self.add_error("moved_to_on", "Say on which day.")
        if data.get("what") in ("move", "skip") and not data.get("reason"):
            self.add_error("reason", "Give a reason.")
        return data


@require_http_methods(["GET", "POST"])
def shift(request: HttpRequest, pk: int) -> HttpResponse:
    """?on=<day of the rule>: what happens to this evaluation. A refusal keeps what was typed."""
    program = seen_program(request, pk, Role.MANAGER)
    day = _day(request.GET.get("on", ""))
    if request.method == "GET":
        if day is None:
            return redirect("admin:programs_program_change", pk)
        row = program.schedule_exceptions.filter(regular_on=day).first()
        form = ShiftForm(
            initial={
                "regular_on": day,
                "what": "skip" if row is not None and row.moved_to_on is None else "move",
                "moved_to_on": row.moved_to_on if row else None,
                "reason": row.reason if row else "",
            },
            label_suffix="",
        )
        return _page(request, program, form, day)
    form = ShiftForm(request.POST, label_suffix="")
    if form.is_valid():
        data, by, at = form.cleaned_data, staff.desk(request).user, clock.now()
        day = data["regular_on"]
        try:
            if data["what"] == "back":
                shifts.put_back(program_id=pk, regular_on=day, by=by, at=at)
            else:
                shifts.shift(
                    program_id=pk,
                    regular_on=day,
                    moved_to_on=data["moved_to_on"] if data["what"] == "move" else None,
                    reason=data["reason"],
                    by=by,
                    at=at,
                )
        except shifts.CannotShift as error:
            form.add_error("moved_to_on" if data["what"] == "move" else None, str(error))
        else:
            messages.success(request, "The calendar follows. Cycles in use stand as they are.")
            return redirect(f"{reverse('admin:programs_program_change', args=[pk])}#h-cal")
    return _page(request, program, form, day or _day(request.POST.get("regular_on", "")), 422)


def _page(
    request: HttpRequest, program: Program, form: ShiftForm, day: date | None, status: int = 200
) -> HttpResponse:
    context = admin.site.each_context(request) | {
        "title": "Move or leave out an evaluation",
        "accent": program.accent,
        "program": program,
        "form": form,
        "day": day,
    }
    return render(request, "admin/programs/program/shift.html", context, status=status)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
