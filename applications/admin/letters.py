"""The texts of letters: written per program, checked for their placeholders, seen as somebody would get them."""

import contextlib
from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from applications import desk as desk_queries
from applications import letter_tests, notices
from applications.letter_tests import SAMPLE
from applications.models import Notice
from portal import clock
from portal.admin_base import DeskAdmin, DeskForm
from portal.roles import Role
from programs import staff
from programs.admin.cycle import ProgramFilter
from programs.models import MessageTemplate, Program


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
    list_display = ("kind", "program", "subject", "in_language")
    list_filter = (ProgramFilter, "kind")
    list_select_related = ("program",)
    ordering = ("program_id", "kind", "pk")
    actions = None

    @admin.display(description="language", ordering="language")
    def in_language(self, template: MessageTemplate) -> str:
        return dict(settings.LANGUAGES).get(template.language, template.language)

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


@require_POST
def test_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one letter of the outbox to whoever asks, marked as a test."""
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER, Role.OPERATOR):
        raise PermissionDenied
    letter = get_object_or_404(desk_queries.letters(desk), pk=pk)
    _say(request, lambda: letter_tests.of_letter(notice_id=letter.pk, by=desk.user, at=clock.now()))
    return redirect("admin:applications_notice_change", pk)


@require_POST
def test_text(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the text of a kind of letter, filled with an example, to whoever asks."""
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER):
        raise PermissionDenied
    rows = MessageTemplate.objects.all()
    if not desk.everything:
        rows = rows.filter(program_id__in=desk.program_ids(Role.MANAGER))
    template = get_object_or_404(rows, pk=pk)
    _say(request, lambda: letter_tests.of_text(template_id=template.pk, by=desk.user, at=clock.now()))
    return redirect("admin:programs_messagetemplate_change", pk)


def _say(request: HttpRequest, send: Callable[[], Notice]) -> None:
    try:
        notice = send()
    except letter_tests.CannotTest as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"A test goes to {notice.to} with the next sweep.")
