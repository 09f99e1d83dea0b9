"""The versions of a program's rules: which evaluation keeps which, and what differs between two."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal import clock
from programs import rule_differences, rulebook
from programs.admin import editor_page
from programs.admin.program_pages import seen_program

SHOWN = 60


@require_GET
def versions(request: HttpRequest, pk: int) -> HttpResponse:
    """?from=3&to=5 compares two versions; `to` left out means the rules as they stand now."""
    program = seen_program(request, pk)
    rows = list(
        program.versions.select_related("made_by").prefetch_related("cycles").order_by("-number")[:SHOWN]
    )
    by_number = {row.number: row for row in rows}
    one = by_number.get(_whole(request.GET.get("from"))) or _default(rows)
    other = by_number.get(_whole(request.GET.get("to")))
    content: Any = other.content if other else rulebook.content_of(program)
    context = admin.site.each_context(request) | {
        "title": "Versions of the rules",
        "accent": program.accent,
        "program": program,
        "rows": rows,
        "one": one,
        "other": other,
        "differences": rule_differences.between(one.content, content) if one else [],
        "applies_from": editor_page.applies_from(editor_page.cycles_at_work(program, at=clock.now())),
    }
    return render(request, "admin/programs/program/versions.html", context)


def _default(rows: list[Any]) -> Any:
    """The version that an evaluation under way keeps, else the last but one."""
    held = [row for row in rows if any(cycle.state == "in_review" for cycle in row.cycles.all())]
    return held[0] if held else rows[1] if len(rows) > 1 else rows[0] if rows else None


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else 0
