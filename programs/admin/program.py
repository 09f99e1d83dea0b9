"""The program editor: rules, award, calendar, rubric, doors and questions of one program."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html

from credits.money import with_code
from portal import clock, texts
from portal.admin_base import NATIVE_PICKERS, DeskAdmin, DeskForm
from portal.refusals import Refused
from portal.roles import Role
from programs import catalogue, cycles, form_versions, schedule, staff, starting_points
from programs.admin import program_pages
from programs.admin import translations as translation_pages
from programs.admin.fields import AnchorsField, CentsField, LinesField, ModelsField, TitledLinesField
from programs.models import (
    Criterion,
    CriterionKind,
    CycleState,
    Door,
    EligibilityRule,
    FaqEntry,
    Program,
    ProgramState,
    ScheduleException,
)

CALENDAR_FIELDS = {"schedule_rule", "time_zone", "cut_off_time", "decided_by_days", "opens_on", "review_days"}
LISTS = {
    "priority_topics": (TitledLinesField, "One a line: title | text."),
    "process": (TitledLinesField, "What happens, in order. One a line: title | text."),
    "never_funded": (LinesField, "One a line."),
    "notices": (LinesField, "Shown on top of the page. One a line."),
    "models_offered": (ModelsField, "One a line: slug | name. A limited model adds | its condition."),
}


class ProgramForm(DeskForm):
    class Meta:
        model = Program
        exclude = ("state",)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for problem in schedule.problems(data.get("schedule_rule", ""), data.get("time_zone", "")):
            self.add_error("schedule_rule", problem)
        return data


class Part(admin.StackedInline):
    form = DeskForm
    formfield_overrides = NATIVE_PICKERS
    extra = 0
    show_change_link = False
    classes = ("collapse",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(f"programs.delete_{self.opts.model_name}")


class CriterionInline(Part):
    model = Criterion
    fk_name = "program"
    verbose_name_plural = "Rubric"
    ordering = ("position", "pk")
    fields = (
        ("name", "key", "kind"),
        "description",
        ("weight_percent", "scale_max", "position"),
        ("phase", "required", "not_applicable", "independent"),
        "anchors",
        "show_if",
    )

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "anchors":
            return AnchorsField(label="Anchors", help_text="What a value means, one a line: 3 | text.")
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "description" and field is not None:
            field.widget.attrs["rows"] = 2
        return field


class RuleInline(Part):
    model = EligibilityRule
    verbose_name_plural = "Eligibility"
    ordering = ("position", "pk")
    fields = (("kind", "outcome", "as_of", "position"), "sentence", "parameters")


class FaqInline(Part):
    model = FaqEntry
    verbose_name_plural = "Questions and answers"
    ordering = ("position", "pk")
    fields = (("question", "key", "position"), "answer")


class DoorInline(Part):
    model = Door
    verbose_name_plural = "Other doors"
    ordering = ("position", "pk")
    fields = (("title", "key"), ("kind", "url", "position"), "text")


class ExceptionRows(BaseInlineFormSet):
    """Exceptions are judged together, against the rule that is on the same page."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        today = clock.now().astimezone(ZoneInfo(_zone_or_utc(self.instance))).date()
        for form in kept:
            days = [
                form.cleaned_data[name]
                for name in ("regular_on", "moved_to_on")
                if form.cleaned_data.get(name)
            ]
            if form.has_changed() and min(days) < today:
                form.add_error(
                    None, f"{min(days):%-d %B %Y} has passed. Only days that lie ahead can be moved."
                )
        moved = {form.cleaned_data["regular_on"]: form.cleaned_data.get("moved_to_on") for form in kept}
        ahead = {
            day: to for day, to in moved.items() if day >= today and any(form.has_changed() for form in kept)
        }
        if ahead and not schedule.problems(self.instance.schedule_rule, self.instance.time_zone):
            problems = schedule.problems(self.instance.schedule_rule, self.instance.time_zone, ahead)
            if problems:
                raise ValidationError(problems)


def _zone_or_utc(program: Program) -> str:
    return "UTC" if schedule.problems(program.schedule_rule, program.time_zone) else program.time_zone


class ExceptionInline(admin.TabularInline):
    form = DeskForm
    formset = ExceptionRows
    formfield_overrides = NATIVE_PICKERS
    model = ScheduleException
    verbose_name_plural = "Shifted or skipped dates"
    extra = 0
    classes = ("collapse",)
    ordering = ("regular_on",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("programs.delete_scheduleexception")


@admin.register(Program)
class ProgramAdmin(DeskAdmin):
    form = ProgramForm
    change_form_template = "admin/programs/program/change_form.html"
    change_list_template = "admin/programs/program/change_list.html"
    list_display = ("title", "state", "award", "calendar", "decline_mode")
    list_display_links = None
    ordering = ("position", "name")
    actions = None
    inlines = (CriterionInline, RuleInline, ExceptionInline, DoorInline, FaqInline)
    fieldsets = (
        (
            "Identity",
            {"fields": ("name", ("slug", "short_code"), ("accent", "position"), "summary", "purpose")},
        ),
        (
            "What people read",
            {
                "classes": ("collapse",),
                "fields": ("priority_topics", "process", "never_funded", "notices", "data_note"),
            },
        ),
        (
            "Award and term",
            {
                "fields": (
                    ("award_mode", "currency"),
                    ("award_default_cents", "award_cap_cents", "four_eyes_above_cents"),
                    ("term_mode", "term_months"),
                    "models_offered",
                ),
            },
        ),
        ("Terms of an award", {"classes": ("collapse",), "fields": ("terms", "terms_version")}),
        (
            "Calendar",
            {
                "fields": (
                    "schedule_rule",
                    ("time_zone", "cut_off_time"),
                    ("decided_by_days", "review_days", "opens_on"),
                ),
            },
        ),
        (
            "Evaluation",
            {
                "fields": (
                    ("decline_mode", "reviews_wanted"),
                    "blind_first_look",
                    ("reapply_after_on", "reapply_wait_days"),
                    "urgent_contact",
                ),
            },
        ),
        (
            "Provider",
            {"fields": (("provider", "organization_id_format"), "organization_id_when")},
        ),
    )

    # --- who sees what

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        desk = staff.desk(request)
        return queryset if desk.everything else queryset.filter(pk__in=desk.program_ids(*staff.SEES_PROGRAM))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        desk = staff.desk(request)
        if obj is None or desk.everything:
            return allowed
        return allowed and desk.holds(Role.MANAGER, program_id=obj.pk)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "short_code", "currency") if obj else ()

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name.endswith("_cents"):
            return CentsField(
                label=db_field.verbose_name.removesuffix(" cents").capitalize(),
                required=not db_field.null,
                help_text=db_field.help_text or "In units of the currency, such as 20,000.",
            )
        if db_field.name in LISTS:
            kind, help_text = LISTS[db_field.name]
            return kind(label=db_field.verbose_name.capitalize(), help_text=help_text)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    # --- saving

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The calendar follows its rule: cycles that nobody has used yet are planned again."""
        super().save_related(request, form, formsets, change)
        if not change:
            starting_points.set_up(program_id=form.instance.pk, by=staff.desk(request).user, at=clock.now())
            staff.forget(request)
            messages.info(
                request, "You manage it. A first form, a rubric and letters are there to be changed."
            )
        moved = CALENDAR_FIELDS & set(form.changed_data)
        shifted = any(
            formset.model is ScheduleException
            and (formset.new_objects or formset.changed_objects or formset.deleted_objects)
            for formset in formsets
        )
        if change and (moved or shifted) and form.instance.state in cycles.PLANNED_FOR:
            number = cycles.replan(program_id=form.instance.pk, at=clock.now())
            messages.info(
                request,
                f"The calendar was planned again: {number} cycles ahead. Cycles in use stand as they are.",
            )

    # --- pages

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_import = request.user.has_perm("programs.change_program")
        return super().changelist_view(request, {"may_import": may_import, **(extra_context or {})})

    def response_add(self, request: HttpRequest, obj: Program, post_url_continue: Any = None) -> HttpResponse:
        """A new program opens in its editor: the readiness list says what comes next."""
        return redirect("admin:programs_program_change", obj.pk)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/state/<slug:state>/", view(self.set_state), name="programs_program_state"),
            path("<int:pk>/copy/", view(program_pages.clone), name="programs_program_clone"),
            path("<int:pk>/export/", view(program_pages.export), name="programs_program_export"),
            path(
                "<int:pk>/texts/<slug:language>/",
                view(translation_pages.texts),
                name="programs_program_texts",
            ),
            path("import/", view(program_pages.import_), name="programs_program_import"),
            *super().get_urls(),
        ]

    def set_state(self, request: HttpRequest, pk: int, state: str) -> HttpResponse:
        """Open, pause, close or archive a program."""
        program = self.get_queryset(request).filter(pk=pk).first()
        if program is None or request.method != "POST" or not self.has_change_permission(request, program):
            raise Http404
        at, by = clock.now(), staff.desk(request).user
        try:
            if state == ProgramState.OPEN:
                catalogue.open_program(program_id=pk, by=by, at=at)
            elif state in (ProgramState.PAUSED, ProgramState.CLOSED, ProgramState.ARCHIVED):
                catalogue.close_program(program_id=pk, state=ProgramState(state), by=by, at=at)
            else:
                raise Http404
        except Refused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{program} is now {ProgramState(state).label.lower()}.")
        return redirect("admin:programs_program_change", pk)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        edited = kwargs.get("obj")
        if edited is not None:
            program = Program.objects.get(pk=edited.pk)  # a refused form leaves what was typed on its object
            missing = catalogue.missing_for_opening(program)
            context |= {
                "title": str(program),
                "accent": program.accent,
                "program": program,
                "missing": missing,
                "ready": _ready(program),
                "advice": catalogue.advice(program),
                "draft_form": program.form_versions.filter(published_at=None).order_by("-number").first(),
                "may_copy": request.user.has_perm("programs.add_program"),
                "dates": _dates(program),
                "current_form": form_versions.current(program),
                "may_change": self.has_change_permission(request, program),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    # --- columns

    @admin.display(description="Program", ordering="name")
    def title(self, row: Program) -> str:
        return format_html(
            '<span class="dot accent-{}"></span><a class="row-link" href="{}/change/">{}</a> <span class="ref">{}</span>',
            row.accent,
            row.pk,
            row.name,
            row.short_code,
        )

    @admin.display(description="Award")
    def award(self, row: Program) -> str:
        amount = row.award_default_cents if row.award_mode == "fixed" else row.award_cap_cents
        return with_code(amount, row.currency) if amount else row.get_award_mode_display()

    @admin.display(description="Calendar")
    def calendar(self, row: Program) -> str:
        return f"{row.schedule_rule}, {row.time_zone}"


def _ready(program: Program) -> list[tuple[bool, str]]:
    """The readiness list in words: what is there beside what is missing."""
    current = form_versions.current(program)
    scores = list(program.criteria.filter(kind=CriterionKind.SCORE).order_by("position", "pk"))
    weights = sum(criterion.weight_percent for criterion in scores)
    ahead = program.cycles.filter(state__in=(CycleState.PLANNED, CycleState.OPEN)).count()
    found = []
    if current:
        found.append((True, f"Form version {current.number} is published"))
    if weights == 100:
        found.append((True, f"Weights add up: {' + '.join(str(row.weight_percent) for row in scores)}"))
    if not schedule.problems(program.schedule_rule, program.time_zone):
        found.append((True, f"The calendar can be read{f'; {ahead} evaluations ahead' if ahead else ''}"))
    letters = program.message_templates.count()
    if letters:
        found.append((True, f"{letters} letters are written"))
    return found + [(False, text) for text in catalogue.missing_for_opening(program)]


def _dates(program: Program) -> list[dict[str, Any]]:
    """The next 12 evaluations: as stored where cycles exist, else as the rule gives them."""
    at, zone = clock.now(), ZoneInfo(program.time_zone)
    stored = list(program.cycles.filter(cut_off_at__gt=at).order_by("cut_off_at")[:12])
    rows = [(cycle.cut_off_at, cycle.shifted_from_on, cycle.decided_by_on) for cycle in stored]
    if not rows and not schedule.problems(program.schedule_rule, program.time_zone):
        today = at.astimezone(zone).date()
        found = schedule.moments(
            rule=program.schedule_rule,
            time_zone=program.time_zone,
            time_of_day=program.cut_off_time,
            exceptions=dict(program.schedule_exceptions.values_list("regular_on", "moved_to_on")),
            decided_by_days=program.decided_by_days,
            after=today,
            until=today + timedelta(days=372),
        )
        rows = [(moment.cut_off_at, moment.shifted_from, moment.decided_by_on) for moment in found[:12]]
    return [
        {
            "local": f"{texts.day(local.date())}, {local:%H:%M}",
            "utc": cut,
            "shifted_from": shifted,
            "decided_by": decided,
        }
        for cut, shifted, decided in rows
        for local in [cut.astimezone(zone)]
    ]
