"""Usage of the organizations of one program: enter a day, read a file, correct a day by two people."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from credits import ledger, usage, usage_corrections, usage_files, usage_queries
from credits.models import Grant, UsageSource
from credits.money import format_money
from portal import clock
from portal.database import with_retries
from portal.refusals import Refused
from portal.roles import Role
from programs import staff
from programs.admin.fields import CentsField
from programs.models import Program

MAY = (Role.MANAGER, Role.FINANCE)
SHOWN = 50


class DayForm(forms.Form):
    """What one organization used on one day."""

    organization_id = forms.CharField(label="Organization ID", max_length=80)
    day = forms.DateField(
        label="Day (UTC)", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    amount_cents = CentsField(label="Used on that day, in all", required=True)

    def __init__(self, *args: Any, program: Program, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", auto_id="day_%s", **kwargs)
        self.fields["amount_cents"].help_text = f"In {program.currency}. The whole day, not what came on top."


class FileForm(forms.Form):
    """A CSV of many days."""

    file = forms.FileField(
        label="CSV",
        help_text="Columns organization_id, day (2026-12-07), amount, currency. A line “total” must match the sum.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    dry_run = forms.BooleanField(label="Only say what would happen", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", auto_id="file_%s", **kwargs)


class CorrectForm(forms.Form):
    """The right figure of a day that was told too high."""

    usage_id = forms.IntegerField(widget=forms.HiddenInput)
    amount_cents = CentsField(label="Right figure", required=True)
    reason = forms.CharField(label="Why", max_length=300)


@require_http_methods(["GET", "POST"])
def usage_of(request: HttpRequest, pk: int) -> HttpResponse:
    """Days of usage, what waits for a second person, and the forms of those who may count usage."""
    desk, at = staff.desk(request), clock.now()
    rows = Program.objects.filter(pk=pk)
    if not desk.everything:
        rows = rows.filter(pk__in=desk.program_ids(*staff.SEES_MONEY))
    program = rows.first()
    if program is None:
        raise Http404
    grants = admin.site.grants_seen(request, Grant.objects.filter(program=program.slug))  # type: ignore[attr-defined]
    may = desk.everything or desk.holds(*MAY, program_id=program.pk)
    day_form, file_form = DayForm(program=program), FileForm()
    problem, result, status = "", None, 200
    if request.method == "POST":
        if not may:
            raise Http404
        do = request.POST.get("do", "")
        if do == "record":
            day_form = DayForm(request.POST, program=program)
            if day_form.is_valid() and _record(request, day_form, program, grants, at=at):
                return redirect("admin:programs_program_usage", pk)
            status = 422
        elif do == "file":
            file_form = FileForm(request.POST, request.FILES)
            result = _take(request, file_form, program, at=at) if file_form.is_valid() else None
            status = 200 if result is not None and not result.problems else 422
        else:
            problem = _act(request, do, grants, at=at)
            if not problem:
                return redirect("admin:programs_program_usage", pk)
            status = 409
    context = admin.site.each_context(request) | {
        "title": "Usage",
        "accent": program.accent,
        "program": program,
        "rows": list(usage_queries.days(grants)[:SHOWN]),
        "uncovered": list(usage_queries.uncovered(grants)[:SHOWN]),
        "waiting": list(usage_queries.waiting(grants)[:SHOWN]),
        "day_form": day_form,
        "file_form": file_form,
        "result": result,
        "problem": problem,
        "may": may,
        "me": desk.user.pk,
    }
    return render(request, "admin/programs/program/usage.html", context, status=status)


def _record(request: HttpRequest, form: DayForm, program: Program, grants: Any, *, at: datetime) -> bool:
    """Count the day of the form; whether it was counted."""
    values = form.cleaned_data
    found = usage_queries.organization_of(values["organization_id"], grants)
    if found is None:
        form.add_error("organization_id", "No organization with this ID has credit of this program.")
        return False
    try:
        counted = usage.record(
            organization_id=found.pk,
            day=values["day"],
            amount_cents=values["amount_cents"],
            currency=program.currency,
            source=UsageSource.MANUAL,
            key="",
            by=staff.desk(request).user,
            at=at,
        )
    except (Refused, ledger.CannotPost) as error:
        form.add_error(None, str(error))
        return False
    text = (
        f"Counted: {format_money(counted.moved_cents, program.currency)} was taken from credit."
        if counted.is_new
        else "This figure was counted before. Nothing changed."
    )
    messages.success(request, text)
    if counted.uncovered_cents:
        missing = format_money(counted.uncovered_cents, program.currency)
        messages.warning(request, f"{missing} of that day is not covered by credit. It stands as a case.")
    return True


def _take(
    request: HttpRequest, form: FileForm, program: Program, *, at: datetime
) -> usage_files.Imported | None:
    """Count a file; None when it is refused whole, which the form then says."""
    try:
        return usage_files.take(
            data=form.cleaned_data["file"].read(),
            by=staff.desk(request).user,
            at=at,
            dry_run=form.cleaned_data["dry_run"],
            programs=[program.slug],
        )
    except Refused as error:
        form.add_error("file", str(error))
        return None


def _act(request: HttpRequest, do: str, grants: Any, *, at: datetime) -> str:
    """Do what a button of a row says; returns why not, or nothing. A row of somebody else is a 404."""
    work = _works(request, do, grants)
    if work is None:
        raise Http404
    try:
        done = with_retries(partial(work, by=staff.desk(request).user, at=at))
    except (Refused, ledger.CannotPost) as error:
        return str(error)
    if do == "cover":
        text = f"{format_money(done.moved_cents, done.figure.currency)} was taken from credit."
    else:
        text = f"{done.get_state_display()}."
    messages.success(request, text)
    return ""


def _works(request: HttpRequest, do: str, grants: Any) -> Callable[..., Any] | None:
    if do == "ask":
        form = CorrectForm(request.POST)
        form.is_valid()
        row = usage_queries.days(grants).filter(pk=form.cleaned_data.get("usage_id")).first()
        if row is None:
            return None
        case = usage_corrections.case_of(row)
        return partial(
            usage_corrections.ask,
            usage_id=row.pk,
            told_cents=form.cleaned_data.get("amount_cents", -1),
            reason=form.cleaned_data.get("reason", ""),
            case_id=case.pk if case else None,
        )
    number = request.POST.get("row", "")
    if not number.isdecimal():
        return None
    if do == "cover":
        row = usage_queries.uncovered(grants).filter(pk=number).first()
        return partial(usage.cover, usage_id=row.pk) if row else None
    operation = {
        "approve": usage_corrections.approve,
        "refuse": usage_corrections.refuse,
        "take_back": usage_corrections.take_back,
    }.get(do)
    wish = usage_queries.waiting(grants).filter(pk=number).first()
    return partial(operation, correction_id=wish.pk) if operation and wish else None
