"""Form versions: a draft is edited and checked, a published one is read."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html

from portal import clock
from portal.admin_base import DeskAdmin
from portal.refusals import Refused
from portal.roles import Role
from programs import fields, form_differences, form_edits, form_versions, staff
from programs.admin import form_builder
from programs.admin.cycle import ProgramFilter
from programs.admin.question_form import TYPE_WORDS, maps_to_words
from programs.models import FormVersion

LARGEST = form_versions.LARGEST_CHARS


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
        pages = ("edit", "source", "differences", "publish", "copy")
        return [
            *(
                path(f"<int:pk>/{name}/", view(getattr(self, name)), name=f"programs_formversion_{name}")
                for name in pages
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The builder of a draft; a published version to read."""
        version = self.get_object(request, object_id)
        if version is None or not self.has_view_permission(request, version):
            raise Http404
        if version.published_at is None and self._may_change(request, version):
            return self._builder(request, version, form_builder.selected(version.sections, request.GET))
        context = {
            "outline": outline(version),
            "problems": [],
            "before": form_versions.published_before(version),
        }
        return self._page(request, version, "change_form", context | (extra_context or {}))

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One press of a button in the builder."""
        version = self._own(request, pk)
        try:
            by = staff.desk(request).user
            here, said = form_builder.act_on_version(version, request.POST, by=by, at=clock.now())
        except form_builder.NotFilledIn as error:
            kind = "question" if request.POST.get("question") else "section"
            here = form_builder.Selected(kind, request.POST[kind])
            return self._builder(request, version, here, error.form)
        except Refused as error:
            messages.error(request, str(error))
            here = form_builder.selected(version.sections, request.POST)
        else:
            messages.success(request, said)
        return redirect(f"{reverse('admin:programs_formversion_change', args=[pk])}{here.query}")

    def _builder(
        self,
        request: HttpRequest,
        version: FormVersion,
        here: form_builder.Selected,
        refused: Any = None,
    ) -> HttpResponse:
        context = form_builder.page_of_version(version, here, refused)
        code = 422 if refused is not None else 200
        return self._page(request, version, "builder", context | {"refused": refused is not None}, code)

    def source(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The draft as JSON, for those who would rather write it."""
        version = self.get_queryset(request).filter(pk=pk).first()
        if version is None or version.published_at or not self._may_change(request, version):
            raise Http404
        typed = json.dumps(version.sections, indent=2, ensure_ascii=False)
        problems, status = fields.problems(version.sections), 200
        if request.method == "POST":
            typed = request.POST.get("sections", "")[:LARGEST]
            problems = _save(version, typed, staff.desk(request).user)
            if not problems:
                messages.success(request, "The draft is saved.")
                return redirect("admin:programs_formversion_change", version.pk)
            status = 422
        return self._page(request, version, "source", {"typed": typed, "problems": problems}, status)

    def differences(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What is different from an earlier version, by question and property."""
        version = self.get_queryset(request).select_related("program").filter(pk=pk).first()
        if version is None or not self.has_view_permission(request, version):
            raise Http404
        others = list(
            FormVersion.objects.filter(program_id=version.program_id, number__lt=version.number).order_by(
                "-number"
            )
        )
        wanted = request.GET.get("from", "")
        earlier = next((other for other in others if str(other.number) == wanted), None)
        earlier = earlier or form_versions.published_before(version) or (others[0] if others else None)
        changes = form_differences.differences(earlier.sections, version.sections) if earlier else []
        context = {"others": others, "earlier": earlier, "changes": changes}
        return self._page(request, version, "differences", context)

    def publish(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what changes for applicants and ask; then freeze the draft. New applications use it from then on."""
        version = self.get_queryset(request).select_related("program").filter(pk=pk).first()
        if version is None or not self._may_change(request, version):
            raise Http404
        if request.method == "POST":
            try:
                form_versions.publish(form_version_id=pk, by=staff.desk(request).user, at=clock.now())
            except Refused as error:
                messages.error(request, str(error))
            else:
                messages.success(request, f"Version {version.number} is published. New applications use it.")
            return redirect("admin:programs_formversion_change", pk)
        before = form_versions.published_before(version)
        changes = form_differences.differences(before.sections, version.sections) if before else []
        context = {
            "before": before,
            "changes": changes,
            "noticed": form_differences.for_applicants(changes),
            "problems": fields.problems(version.sections),
            "drafts": version.program.applications.filter(state="draft").count(),
            "sections_number": len(form_edits.readable(version.sections)),
        }
        return self._page(request, version, "publish", context)

    def copy(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Start the next version from this one."""
        version = self._own(request, pk)
        fresh = form_versions.draft(
            program=version.program, sections=version.sections, by=staff.desk(request).user, at=clock.now()
        )
        messages.success(request, f"Version {fresh.number} is a draft now. Change it, then publish it.")
        return redirect("admin:programs_formversion_change", fresh.pk)

    def _may_change(self, request: HttpRequest, version: FormVersion) -> bool:
        return self._manages(request, version) and request.user.has_perm("programs.change_formversion")

    def _page(
        self, request: HttpRequest, version: FormVersion, name: str, context: dict[str, Any], code: int = 200
    ) -> HttpResponse:
        common = {
            **self.admin_site.each_context(request),
            "title": f"{version.program}, form {version}",
            "accent": version.program.accent,
            "opts": self.opts,
            "version": version,
            "program": version.program,
            "may_change": self._may_change(request, version),
        }
        return render(request, f"admin/programs/formversion/{name}.html", common | context, status=code)

    def _own(self, request: HttpRequest, pk: int) -> FormVersion:
        version = self.get_queryset(request).filter(pk=pk).first()
        if version is None or request.method != "POST" or not self._may_change(request, version):
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
    notes = [TYPE_WORDS.get(question["type"], question["type"].replace("_", " ")).lower()]
    if question.get("max_words"):
        notes.append(f"at most {question['max_words']:,} words")
    elif question.get("max_chars"):
        notes.append(f"at most {question['max_chars']:,} characters")
    if question.get("show_if"):
        shown = question["show_if"]
        notes.append(f"asked if {shown['question']} is {' or '.join(map(str, shown['any_of']))}")
    if question.get("maps_to"):
        notes.append(f"fills {maps_to_words(question['maps_to']).lower()}")
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
