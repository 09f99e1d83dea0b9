"""A form version as applicants see it: the public page of each section, drawn from a draft, keeping nothing."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from applications.forms import section_form
from programs import fields, form_edits, request_forms, staff
from programs.models import FormVersion
from programs.request_models import RequestForm


@require_http_methods(["GET", "POST"])
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """One section (?section=key) of a version. POST checks what is typed as the real page would, and forgets it."""
    version = _version(request, pk)
    sections = form_edits.readable(version.sections)
    at = form_edits.problems_at(fields.problems(version.sections), sections)
    part = next((part for part in sections if part["key"] == request.GET.get("section")), None)
    part = part or (sections[0] if sections else None)
    context: dict[str, Any] = {
        "version": version,
        "program": version.program,
        "rail": sections,
        "section": part,
    }
    if part is not None:
        shown, left_out, alone = _drawable(part, at)
        data = request.POST if request.method == "POST" else None
        form = section_form(shown, answers={}, data=data, strict=True)
        context |= {
            "form": form,
            "checked": data is not None,
            "summary": form.problems() if data is not None else [],
            "left_out": left_out,
            "alone": alone,
            "number": sections.index(part) + 1,
            "steps": len(sections) + 1,
        }
    return render(request, "applications/form_preview.html", context)


@require_http_methods(["GET", "POST"])
def request_form(request: HttpRequest, pk: int) -> HttpResponse:
    """A separate form as people see it, with its changed questions. POST checks what is typed, and forgets it."""
    desk = staff.desk(request)
    rows = RequestForm.objects.select_related("program")
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids(*staff.SEES_PROGRAM))
    form = rows.filter(pk=pk).first()
    if form is None or not request.user.has_perm("programs.view_requestform"):
        raise Http404
    description = form.sections if form.draft is None else form.draft
    sections = form_edits.readable(description)
    at = form_edits.problems_at(request_forms.problems(description), sections)
    shown, _left_out, _alone = _drawable(request_forms.one_section(sections), at)
    data = request.POST if request.method == "POST" else None
    questions = section_form(shown, answers={}, data=data, strict=True)
    context = {
        "request_form": form,
        "program": form.program,
        "questions": questions,
        "preview": f"request-{form.pk}",
        "builder_url": reverse("admin:programs_requestform_questions", args=[pk]),
        "checked": data is not None,
        "summary": questions.problems() if data is not None else [],
    }
    return render(request, "applications/request_form.html", context)


def _version(request: HttpRequest, pk: int) -> FormVersion:
    desk = staff.desk(request)
    rows = FormVersion.objects.select_related("program")
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids(*staff.SEES_PROGRAM))
    version = rows.filter(pk=pk).first()
    if version is None or not request.user.has_perm("programs.view_formversion"):
        raise Http404
    return version


def _drawable(
    part: Mapping[str, Any], at: Mapping[str, list[str]]
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """The section without questions that cannot be drawn yet; those; and those that depend on another section.

    The last are shown here in any case: their condition is settled by answers that a preview does not have.
    """
    here: set[str] = set()
    shown, left_out, alone = [], [], []
    for question in part["questions"]:
        if at.get(f"question:{question['key']}"):
            left_out.append(question)
            continue
        condition = question.get("show_if")
        if condition and condition["question"] not in here:
            alone.append(question)
            question = {name: value for name, value in question.items() if name != "show_if"}  # noqa: PLW2901
        here.add(question["key"])
        shown.append(question)
    return {**part, "questions": shown}, left_out, alone
