"""Cycles, to see and to reach their boards; only the decided-by date can be moved."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from portal import texts
from portal.admin_base import DeskAdmin
from portal.roles import Role
from programs import staff
from programs.models import Cycle, CycleState, Program


class ProgramFilter(admin.SimpleListFilter):
    """The programs of this desk, and no other."""

    title = "program"
    parameter_name = "program"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), str(program)) for pk, program in staff.desk(request).programs.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        return (
            queryset.filter(program_id=int(value))
            if value.isdecimal() and len(value) < 10
            else queryset.none()
        )


@admin.register(Cycle)
class CycleAdmin(DeskAdmin):
    list_display = ("name", "state", "cut_off", "cut_off_utc", "decided_by_on", "boards")
    list_display_links = None
    list_filter = (ProgramFilter, "state")
    list_select_related = ("program",)
    ordering = ("-evaluation_on", "program_id")
    actions = None
    fields = (
        "program",
        "evaluation_on",
        "shifted_from_on",
        "opens_at",
        "cut_off_at",
        "review_due_at",
        "decided_by_on",
        "state",
        "closed_at",
    )

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        desk = staff.desk(request)
        if desk.everything:
            return queryset
        return queryset.filter(program_id__in=desk.program_ids(*staff.SEES_PROGRAM))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        if obj is None:
            return allowed
        desk = staff.desk(request)
        mine = desk.everything or desk.holds(Role.MANAGER, program_id=obj.program_id)
        return allowed and mine and obj.state != CycleState.CLOSED

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(name for name in self.fields if name != "decided_by_on")

    @admin.display(description="Cycle", ordering="evaluation_on")
    def name(self, row: Cycle) -> str:
        program: Program = row.program
        return format_html(
            '<span class="dot accent-{}"></span><a class="row-link" href="{}/change/">{}</a> <span class="muted">{}</span>',
            program.accent,
            row.pk,
            str(row),
            program.name,
        )

    @admin.display(description="Cut-off", ordering="cut_off_at")
    def cut_off(self, row: Cycle) -> str:
        local = row.cut_off_at.astimezone(ZoneInfo(row.program.time_zone))
        return f"{texts.day(local.date())}, {local:%H:%M %Z}"

    @admin.display(description="UTC")
    def cut_off_utc(self, row: Cycle) -> str:
        return texts.utc(row.cut_off_at, row.program.time_zone)

    @admin.display(description="Boards")
    def boards(self, row: Cycle) -> str:
        if row.state == CycleState.PLANNED:
            return ""
        links = [("batch_board_of", "Batch"), ("decide_of", "Decide"), ("release", "Release")]
        return format_html_join(
            " · ",
            '<a href="{}">{}</a>',
            ((reverse(f"admin:{name}", args=[row.pk]), text) for name, text in links),
        )
