"""The texts of letters: written per program, checked for their placeholders, seen as somebody would get them."""

import contextlib
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from applications import notices
from applications.letter_texts import Lines
from portal.admin_base import DeskAdmin, DeskForm
from portal.roles import Role
from programs import staff
from programs.admin.cycle import ProgramFilter
from programs.models import MessageTemplate, Program

SAMPLE: dict[str, object] = {
    "name": "Ada Example",
    "program": "the program",
    "title": "Reading frames of soil archaea",
    "reference": "XYZ-2026-12-0042",
    "evaluation_date": "Monday 7 December 2026",
    "decided_by_date": "Monday 21 December 2026",
    "amount": "$6,000",
    "months": "6",
    "link": "https://credits.example.org/applications/",
    "due_date": "Monday 14 December 2026",
    "count": "12",
    "inviter": "Ada Example (ada@example.org)",
    "right": "read and edit",
    "done": "8",
    "total": "20",
    "list": Lines("- the program, December 2026: 12 to do, due Monday 14 December 2026"),
    "form": "Access to a retired model",
    "answer": "Yes. The model can be called from your organization as of today.",
    "outcome": "approved",
    "answer_by": "Monday 14 December 2026",
}


class LetterForm(DeskForm):
    class Meta:
        model = MessageTemplate
        fields = ("program", "kind", "language", "subject", "body")
        widgets = {"body": forms.Textarea(attrs={"rows": 16})}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for field in ("subject", "body"):
            for problem in notices.problems(data.get(field, ""), ""):
                self.add_error(field, problem)
        return data


@admin.register(MessageTemplate)
class MessageTemplateAdmin(DeskAdmin):
    form = LetterForm
    change_form_template = "admin/programs/messagetemplate/change_form.html"
    fields = (("program", "kind", "language"), "subject", "body")
    list_display = ("kind", "program", "subject", "language")
    list_filter = (ProgramFilter, "kind")
    list_select_related = ("program",)
    ordering = ("program_id", "kind", "pk")
    actions = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        desk = staff.desk(request)
        if desk.everything:
            return queryset
        return queryset.filter(program_id__in=desk.program_ids(*staff.SEES_PROGRAM))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        desk = staff.desk(request)
        mine = obj is None or desk.everything or desk.holds(Role.MANAGER, program_id=obj.program_id)
        return mine and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("program", "kind", "language") if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "program":
            desk = staff.desk(request)
            ids = list(desk.programs) if desk.everything else desk.program_ids(Role.MANAGER)
            kwargs["queryset"] = Program.objects.filter(pk__in=ids).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        template = kwargs.get("obj")
        context |= {"placeholders": sorted(notices.PLACEHOLDERS | {"count"})}
        if template is not None:
            context |= {"accent": template.program.accent, "title": f"{template}"}
            values = SAMPLE | {"program": template.program.name}
            with contextlib.suppress(KeyError, ValueError):  # the form says what is wrong
                context |= {
                    "sample_subject": notices.fill(template.subject, values),
                    "sample_body": notices.fill(template.body, values),
                }
        return super().render_change_form(request, context, *args, **kwargs)
