"""Form versions: a draft is edited and checked, a published one is read."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.html import format_html

from portal import clock
from portal.admin_base import DeskAdmin
from portal.refusals import Refused
from portal.roles import Role
from programs import fields, form_versions, staff
from programs.admin.cycle import ProgramFilter
from programs.models import FormVersion

TYPE_WORDS = {
    "short_text": "a line",
    "long_text": "text",
    "single_choice": "one of a list",
    "multiple_choice": "several of a list",
    "yes_no": "yes or no",
    "doi_list": "list of DOIs",
    "organization_id": "organization ID",
    "orcid": "ORCID",
    "url": "web address",
    "acknowledgement": "tick to agree",
    "text": "text to read",
}
LARGEST = 400_000


@admin.register(FormVersion)
class FormVersionAdmin(DeskAdmin):
    list_display = ("version", "questions", "published_at", "created_at")
    list_display_links = None
    list_filter = (ProgramFilter,)
    list_select_related = ("program",)
    ordering = ("program_id", "-number")
    actions = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        desk = staff.desk(request)
        if desk.everything:
            return queryset
        return queryset.filter(program_id__in=desk.program_ids(*staff.SEES_PROGRAM))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or self._manages(request, obj))

    def _manages(self, request: HttpRequest, version: FormVersion) -> bool:
        desk = staff.desk(request)
        return desk.everything or desk.holds(Role.MANAGER, program_id=version.program_id)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/publish/", view(self.publish), name="programs_formversion_publish"),
            path("<int:pk>/copy/", view(self.copy), name="programs_formversion_copy"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        if version is None or not self.has_view_permission(request, version):
            raise Http404
        typed = json.dumps(version.sections, indent=2, ensure_ascii=False)
        problems = fields.problems(version.sections) if version.published_at is None else []
        status = 200
        if request.method == "POST" and self.has_change_permission(request, version):
            typed = request.POST.get("sections", "")[:LARGEST]
            problems = _save(version, typed, staff.desk(request).user)
            if not problems:
                messages.success(request, "The draft is saved.")
                return redirect("admin:programs_formversion_change", version.pk)
            status = 422
        context = {
            **self.admin_site.each_context(request),
            "title": f"{version.program}, form {version}",
            "accent": version.program.accent,
            "opts": self.opts,
            "version": version,
            "program": version.program,
            "typed": typed,
            "problems": problems,
            "outline": [] if problems and status == 422 else outline(version),
            "may_change": self._manages(request, version)
            and request.user.has_perm("programs.change_formversion"),
            **(extra_context or {}),
        }
        return render(request, "admin/programs/formversion/change_form.html", context, status=status)

    def publish(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Freeze a draft; new applications use it from now on."""
        version = self._own(request, pk)
        try:
            form_versions.publish(form_version_id=pk, by=staff.desk(request).user, at=clock.now())
        except Refused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"Version {version.number} is published. New applications use it.")
        return redirect("admin:programs_formversion_change", pk)

    def copy(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Start the next version from this one."""
        version = self._own(request, pk)
        fresh = form_versions.draft(
            program=version.program, sections=version.sections, by=staff.desk(request).user, at=clock.now()
        )
        messages.success(request, f"Version {fresh.number} is a draft now. Change it, then publish it.")
        return redirect("admin:programs_formversion_change", fresh.pk)

    def _own(self, request: HttpRequest, pk: int) -> FormVersion:
        version = self.get_queryset(request).filter(pk=pk).first()
        if version is None or request.method != "POST" or not self.has_change_permission(request, version):
            raise Http404
        return version

    @admin.display(description="Form")
    def version(self, row: FormVersion) -> str:
        return format_html(
            '<span class="dot accent-{}"></span><a class="row-link" href="{}/change/">{}, version {}</a>{}',
            row.program.accent,
            row.pk,
            row.program.name,
            row.number,
            format_html(' <span class="label is-warning">draft</span>') if row.published_at is None else "",
        )

    @admin.display(description="Questions")
    def questions(self, row: FormVersion) -> int:
        return sum(len(section.get("questions", ())) for section in row.sections if isinstance(section, dict))


def _save(version: FormVersion, typed: str, by: Any) -> list[str]:
    """Keep a draft; what stands against it, a sentence each."""
    try:
        sections = json.loads(typed)
    except ValueError as error:
        return [f"This is not JSON: {error}."]
    try:
        form_versions.change(form_version_id=version.pk, sections=sections, by=by, at=clock.now())
    except form_versions.BadForm as error:
        return error.problems
    except Refused as error:
        return [str(error)]
    return []


def outline(version: FormVersion) -> list[dict[str, Any]]:
    """The form as a list to read: sections, questions, and what limits each."""
    return [
        {
            "title": section["title"],
            "lead": section.get("lead", ""),
            "questions": [_question(question) for question in section["questions"]],
        }
        for section in version.sections
    ]


def _question(question: dict[str, Any]) -> dict[str, Any]:
    notes = [TYPE_WORDS.get(question["type"], question["type"].replace("_", " "))]
    if question.get("max_words"):
        notes.append(f"at most {question['max_words']:,} words")
    elif question.get("max_chars"):
        notes.append(f"at most {question['max_chars']:,} characters")
    if question.get("show_if"):
        shown = question["show_if"]
        notes.append(f"asked if {shown['question']} is {' or '.join(map(str, shown['any_of']))}")
    if question.get("maps_to"):
        notes.append(f"fills {question['maps_to']}")
    labels = []
    if question.get("required"):
        labels.append("required")
    if question.get("blind"):
        labels.append("blind")
    if question.get("audience", "everyone") != "everyone":
        labels.append(f"{question['audience']} only")
    return {
        "label": question.get("label", question["key"]),
        "help": question.get("help", ""),
        "notes": notes,
        "labels": labels,
        "choices": [choice["label"] for choice in question.get("choices", ())],
    }
