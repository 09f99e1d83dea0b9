"""The program editor: rules, award, calendar, rubric, doors and questions of one program."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html

from credits import funding
from credits.money import with_code
from portal import clock
from portal.admin_base import NATIVE_PICKERS, DeskAdmin
from portal.refusals import Refused
from portal.roles import Role
from programs import (
    catalogue,
    cycles,
    rulebook,
    schedule,
    staff,
    standing,
    starting_points,
    translation_progress,
)
from programs.admin import (
    calendar_pages,
    editor_page,
    funding_pages,
    program_pages,
    reading,
    usage_pages,
    version_pages,
)
from programs.admin import translations as translation_pages
from programs.admin.parts import CriterionInline, DoorInline, FaqInline, Part, PartForm
from programs.admin.program_form import FIELDSETS, ProgramForm
from programs.admin.rule_forms import RuleInline
from programs.models import Program, ProgramState, ScheduleException
from programs.rule_words import in_words

CALENDAR_FIELDS = {"schedule_rule", "time_zone", "cut_off_time", "decided_by_days", "opens_on", "review_days"}


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


class ExceptionForm(PartForm):
    layout = (("regular_on", "moved_to_on"), ("reason",))

    class Meta:
        labels = {"regular_on": "The day the rule gives", "moved_to_on": "Moved to", "reason": "Reason"}
        help_texts = {"moved_to_on": "Empty means that no evaluation is held."}


class ExceptionInline(Part):
    form = ExceptionForm
    formset = ExceptionRows
    formfield_overrides = NATIVE_PICKERS
    model = ScheduleException
    verbose_name_plural = "Shifted or skipped dates"
    one = verbose_name = "date"
    lead = "The coming evaluations stand beside this page; each can be moved from there too."
    ordering = ("regular_on",)


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
    fieldsets = FIELDSETS

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

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """A program that is being saved is locked, so that the second of two savers sees what the first one did."""
        if request.method == "POST" and connection.in_atomic_block and object_id.isdecimal():
            list(Program.objects.select_for_update(of=("self",)).filter(pk=int(object_id)).values_list("pk"))
        if request.method == "GET" and object_id.isdecimal() and len(object_id) < 19:
            rows = standing.with_standing(self.get_queryset(request))
            return translation_progress.with_texts(rows).filter(pk=object_id).first()
        return super().get_object(request, object_id, from_field)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whoever may only look reads lists and amounts as text."""
        found = super().get_fieldsets(request, obj)
        return found if obj is None or self.has_change_permission(request, obj) else reading.fieldsets(found)

    # --- saving

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The calendar follows its rule: cycles that nobody has used yet are planned again."""
        super().save_related(request, form, formsets, change)
        program, at, by = form.instance, clock.now(), staff.desk(request).user
        if not change:
            starting_points.set_up(program_id=program.pk, by=by, at=at)
            staff.forget(request)
            messages.info(
                request, "You manage it. A first form, a rubric and letters are there to be changed."
            )
        if program.state not in cycles.PLANNED_FOR:
            return
        shifted = any(
            formset.model is ScheduleException
            and (formset.new_objects or formset.changed_objects or formset.deleted_objects)
            for formset in formsets
        )
        if change and (CALENDAR_FIELDS & set(form.changed_data) or shifted):
            number = cycles.replan(program_id=program.pk, at=at)
            messages.info(
                request,
                f"The calendar was planned again: {number} cycles ahead. Cycles in use stand as they are.",
            )
        self._say_from_when(request, program, rulebook.keep(program_id=program.pk, by=by, at=at))

    def _say_from_when(self, request: HttpRequest, program: Program, now: Any) -> None:
        """Evaluations under way keep the rules they began with; the next one takes these."""
        rows = editor_page.cycles_at_work(program, at=clock.now())
        held = [kept for kept in editor_page.kept(rows) if kept.version.pk != now.pk]
        first = editor_page.applies_from(rows)
        for kept in held:
            names = " and ".join(str(cycle) for cycle in kept.cycles)
            text = f"{names} {'keeps' if len(kept.cycles) == 1 else 'keep'} the rules of version {kept.version.number}"
            messages.info(
                request, f"{text}; version {now.number} applies from {first or 'the next evaluation'}."
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
            path("<int:pk>/dates/", view(calendar_pages.shift), name="programs_program_shift"),
            path("<int:pk>/pools/", view(funding_pages.pools), name="programs_program_pools"),
            path("<int:pk>/usage/", view(usage_pages.usage_of), name="programs_program_usage"),
            path("<int:pk>/versions/", view(version_pages.versions), name="programs_program_versions"),
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
        edited, at = kwargs.get("obj"), clock.now()
        form = context["adminform"].form
        context["page_map"] = editor_page.page_map(
            form, self.get_fieldsets(request, edited), context["inline_admin_formsets"]
        )
        if edited is not None:
            context |= self._beside(request, edited, context["inline_admin_formsets"], at=at)
        return super().render_change_form(request, context, *args, **kwargs)

    def _beside(self, request: HttpRequest, edited: Program, inlines: Any, *, at: datetime) -> dict[str, Any]:
        """What stands beside the form. What a refused form has typed on its object and its rows is not read."""
        program = edited
        exceptions = next((each.formset for each in inlines if each.formset.model is ScheduleException), None)
        if request.method == "POST" or exceptions is None:
            program = standing.with_standing(Program.objects.filter(pk=edited.pk)).get()
            shifted = list(program.schedule_exceptions.all())
        else:
            shifted = list(exceptions.get_queryset())
        rows = editor_page.cycles_at_work(program, at=at)
        coming = editor_page.evaluations(program, rows, shifted, at=at)
        checks = editor_page.checks(program)
        return {
            "title": str(program),
            "accent": program.accent,
            "program": program,
            "missing": [check for check in checks if check.tone == "danger"],
            "checks": checks,
            "draft_form": standing.of(program).draft_id,
            "may_copy": request.user.has_perm("programs.add_program"),
            "dates": coming,
            "left_out": editor_page.left_out(program, shifted, at=at),
            "pools": editor_page.pools(program, coming, at=at),
            "funding_waits": funding.waiting(program.slug),
            "kept": editor_page.kept(rows),
            "applies_from": editor_page.applies_from(rows),
            "may_change": self.has_change_permission(request, program),
        }

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
        return f"{in_words(row.schedule_rule)}, {row.time_zone}"
