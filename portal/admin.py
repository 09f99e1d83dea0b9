"""The audit trail, to read."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator

from portal import audit_words
from portal.admin_base import ReadOnlyAdmin
from portal.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_name", "what", "subject", "details_shortly")
    fields = ("at", "actor_name", "subject", "action", "details_line", "recorded_at")
    list_select_related = ("actor",)
    list_per_page = 50
    search_fields = ("action",)
    search_help_text = "What was done, or a record: program 3"
    ordering = ("-at", "-pk")

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Without what the applicants of applications did with which this person has a conflict."""
        applications, people = self.admin_site.hidden_from(request)  # type: ignore[attr-defined]
        if applications:
            subjects = [str(pk) for pk in applications]
            queryset = queryset.exclude(subject_type="applications.application", subject_id__in=subjects)
            queryset = queryset.exclude(actor__in=people)
        return queryset

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip().split()
        if not words:
            return queryset, False
        if len(words) == 2 and words[1].isdecimal():
            return queryset.filter(subject_type__endswith=f".{words[0].lower()}", subject_id=words[1]), False
        said = Q(action__in=audit_words.matching(search_term))
        if len(words) == 1:
            said |= Q(action__startswith=words[0].lower())
        return queryset.filter(said), False

    @admin.display(description="What", ordering="action")
    def what(self, row: AuditEvent) -> str:
        """In words, with the name that auditors search by and other programs know below it."""
        return format_html('{}<span class="under mono">{}</span>', str(row), row.action)

    @admin.display(description="Who")
    def actor_name(self, row: AuditEvent) -> str:
        return str(row.actor) if row.actor else "the clock"

    @admin.display(description="Record")
    def subject(self, row: AuditEvent) -> str:
        return f"{row.subject_type.partition('.')[2]} {row.subject_id}"

    @admin.display(description="Details")
    def details_line(self, row: AuditEvent) -> str:
        """As they are stored, without what is empty."""
        found = ((name, value) for name, value in row.details.items() if value not in (None, "", []))
        return ", ".join(
            f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in found
        )

    @admin.display(description="Details")
    def details_shortly(self, row: AuditEvent) -> str:
        return Truncator(self.details_line(row)).chars(120)
