"""Separate forms of a program: their settings, their questions in the form builder, on and off."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html

from portal import clock
from portal.admin_base import DeskAdmin, DeskForm
from portal.refusals import Refused
from portal.roles import Role
from programs import form_differences, form_edits, request_forms, staff
from programs.admin import form_builder
from programs.admin.cycle import ProgramFilter
from programs.models import Program
from programs.request_models import RequestForm, RequestOutcome


class SettingsForm(DeskForm):
    outcomes = forms.MultipleChoiceField(
        label="How a request can end",
        choices=RequestOutcome.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[RequestOutcome.ANSWERED],
        help_text="An approval may have conditions and a last day. None of them moves credit.",
        error_messages={"required": "Name at least one way in which a request can end."},
    )

    class Meta:
        model = RequestForm
        exclude = ("is_on", "sections", "draft")
        labels = {
            "senders": "Who may send it",
            "answer_days": "Days to an answer",
            "faq_first": "Look for an answer first",
            "policy": "Conditions",
        }
        widgets = {"lead": forms.Textarea(attrs={"rows": 4}), "policy": forms.Textarea(attrs={"rows": 5})}


@admin.register(RequestForm)
class RequestFormAdmin(DeskAdmin):
    form = SettingsForm
    change_form_template = "admin/programs/requestform/change_form.html"
    list_display = ("name", "kind", "standing", "senders", "answer_days", "questions")
    list_display_links = None
    list_filter = (ProgramFilter, "kind")
    list_select_related = ("program",)
    ordering = ("program_id", "position", "pk")
    actions = None
    fieldsets = (
        (None, {"fields": (("program", "key"), ("kind", "position"), "title", "lead")}),
        ("Who and when", {"fields": (("senders", "answer_days"), "faq_first")}),
        ("Answer", {"fields": ("outcomes", "policy")}),
    )

    # --- who sees what

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        desk = staff.desk(request)
        if desk.everything:
            return queryset
        return queryset.filter(program_id__in=desk.program_ids(*staff.SEES_PROGRAM))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        desk = staff.desk(request)
        if obj is None or desk.everything:
            return allowed
        return allowed and desk.holds(Role.MANAGER, program_id=obj.program_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("program", "key") if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "program":
            desk = staff.desk(request)
            ids = list(desk.programs) if desk.everything else desk.program_ids(Role.MANAGER)
            kwargs["queryset"] = Program.objects.filter(pk__in=ids).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # --- pages

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        name = "programs_requestform"
        return [
            path("<int:pk>/questions/", view(self.questions_page), name=f"{name}_questions"),
            path("<int:pk>/questions/edit/", view(self.edit), name=f"{name}_edit"),
            path("<int:pk>/<slug:step>/now/", view(self.step), name=f"{name}_step"),
            *super().get_urls(),
        ]

    def response_add(
        self, request: HttpRequest, obj: RequestForm, post_url_continue: Any = None
    ) -> HttpResponse:
        messages.success(request, "The form is kept. Ask something in it, publish that, then switch it on.")
        return redirect("admin:programs_requestform_questions", obj.pk)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        edited = kwargs.get("obj")
        if edited is not None:
            row = self.get_queryset(request).select_related("program").get(pk=edited.pk)
            context |= {
                "title": row.title,
                "accent": row.program.accent,
                "row": row,
                "may_change": self.has_change_permission(request, row),
                "problems": request_forms.problems(row.sections, row.outcomes),
                "asked": [
                    str(question.get("label") or question["key"])
                    for part in form_edits.readable(row.sections)
                    for question in part["questions"]
                ],
                "address": reverse("applications:request_form", args=[row.program.slug, row.key]),
                "queue": f"{reverse('admin:applications_request_changelist')}?form={row.pk}",
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def questions_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form builder over the draft of the questions, or over those in use until the first change."""
        row = self._own(request, pk)
        return self._builder(request, row, form_builder.selected(_described(row), request.GET))

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One press of a button in the builder."""
        row = self._own(request, pk, post=True)
        by, at = staff.desk(request).user, clock.now()

        def keep(change: request_forms.Change) -> None:
            request_forms.edit(request_form_id=pk, change=change, by=by, at=at)

        try:
            here, said = form_builder.act(
                _described(row), request.POST, edit=keep, maps_to=request_forms.MAPS_TO
            )
        except form_builder.NotFilledIn as error:
            kind = "question" if request.POST.get("question") else "section"
            here = form_builder.Selected(kind, request.POST[kind])
            return self._builder(request, row, here, error.form)
        except Refused as error:
            messages.error(request, str(error))
            here = form_builder.selected(_described(row), request.POST)
        else:
            messages.success(request, said)
        return redirect(f"{reverse('admin:programs_requestform_questions', args=[pk])}{here.query}")

    def step(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """POST: publish or discard the changed questions; switch the form on or off."""
        row = self._own(request, pk, post=True)
        by, at = staff.desk(request).user, clock.now()
        try:
            if step == "publish":
                request_forms.publish(request_form_id=pk, by=by, at=at)
                said = "Published. Requests that were sent keep the questions they answered."
            elif step == "discard":
                request_forms.discard(request_form_id=pk, by=by, at=at)
                said = "The changes are thrown away."
            elif step in ("on", "off"):
                request_forms.switch(request_form_id=pk, on=step == "on", by=by, at=at)
                said = f"{row} is {step} now."
            else:
                raise Http404
        except Refused as error:
            messages.error(request, str(error))
            page = "questions" if step == "publish" else "change"
        else:
            messages.success(request, said)
            page = "change"
        return redirect(f"admin:programs_requestform_{page}", pk)

    def _builder(
        self, request: HttpRequest, row: RequestForm, here: form_builder.Selected, refused: Any = None
    ) -> HttpResponse:
        description = _described(row)
        changes = form_differences.differences(row.sections, description) if row.sections else []
        problems = request_forms.problems(description, row.outcomes)
        context = {
            **self.admin_site.each_context(request),
            **form_builder.page(description, here, refused, problems=problems, maps_to=request_forms.MAPS_TO),
            "title": f"Questions of {row}",
            "accent": row.program.accent,
            "opts": self.opts,
            "row": row,
            "program": row.program,
            "builder": f"request-{row.pk}",
            "edit_url": reverse("admin:programs_requestform_edit", args=[row.pk]),
            "kept_note": "Requests that were sent keep theirs.",
            "changes": changes,
            "refused": refused is not None,
        }
        return render(
            request,
            "admin/programs/requestform/builder.html",
            context,
            status=422 if refused is not None else 200,
        )

    def _own(self, request: HttpRequest, pk: int, *, post: bool = False) -> RequestForm:
        row = self.get_queryset(request).select_related("program").filter(pk=pk).first()
        if row is None or not self.has_change_permission(request, row) or (post and request.method != "POST"):
            raise Http404
        return row  # type: ignore[no-any-return]

    # --- columns

    @admin.display(description="Form")
    def name(self, row: RequestForm) -> str:
        return format_html(
            '<span class="dot accent-{}"></span><a class="row-link" href="{}/change/">{}</a>'
            '<span class="under">{}</span>',
            row.program.accent,
            row.pk,
            row.title,
            row.program.name,
        )

    @admin.display(description="Now")
    def standing(self, row: RequestForm) -> str:
        changed = (
            format_html(' <span class="label is-warning">changes</span>') if row.draft is not None else ""
        )
        if row.is_on:
            return format_html('<span class="label is-success">on</span>{}', changed)
        return format_html('<span class="label">off</span>{}', changed)

    @admin.display(description="Questions")
    def questions(self, row: RequestForm) -> int:
        return sum(len(part["questions"]) for part in form_edits.readable(row.sections))


def _described(row: RequestForm) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = row.sections if row.draft is None else row.draft
    return found
