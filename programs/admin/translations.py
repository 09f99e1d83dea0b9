"""The texts of a program in another language: the original on the left, its translation on the right."""

from itertools import groupby

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from portal import clock
from portal.roles import Role
from programs import form_versions, staff, translations
from programs.models import Program
from programs.texts import UnstorableText
from programs.translations import Line

GROUPS = {
    "criteria": "Criteria",
    "rules": "Rules",
    "doors": "Other doors",
    "faq": "Questions",
    "request_forms": "Separate forms",
    "form": "The form",
}


@require_http_methods(["GET", "POST"])
def texts(request: HttpRequest, pk: int, language: str) -> HttpResponse:
    """All texts that the public reads, with how far the translation is; ?only=open leaves out what is done."""
    program = _seen(request, pk)
    if language == translations.ORIGINAL or language not in dict(settings.LANGUAGES):
        raise Http404
    desk = staff.desk(request)
    may_change = request.user.has_perm("programs.change_program") and (
        desk.everything or desk.holds(Role.MANAGER, program_id=pk)
    )
    sections = _sections(program)
    lines = translations.of_program(program, language, sections)
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        try:
            changed = translations.save(
                program_id=pk,
                language=language,
                texts=_typed(request, lines),
                sections=sections,
                by=desk.user,
                at=clock.now(),
            )
        except UnstorableText as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{changed} translation{'' if changed == 1 else 's'} saved.")
            return redirect(request.get_full_path())
    done = sum(1 for line in lines if line.text and not line.stale)
    only_open = request.GET.get("only") == "open"
    shown = [line for line in lines if not only_open or line.stale or not line.text]
    context = {
        "title": f"Texts in {LANG_INFO[language]['name']}",
        "program": program,
        "accent": program.accent,
        "language": language,
        "groups": [(name, list(listed)) for name, listed in groupby(shown, key=_group)],
        "total": len(lines),
        "done": done,
        "stale": sum(1 for line in lines if line.stale),
        "only_open": only_open,
        "may_change": may_change,
    }
    return render(request, "admin/programs/translations.html", admin.site.each_context(request) | context)


def _seen(request: HttpRequest, pk: int) -> Program:
    desk = staff.desk(request)
    rows = Program.objects.all()
    if not desk.everything:
        rows = rows.filter(pk__in=desk.program_ids(*staff.SEES_PROGRAM))
    return get_object_or_404(rows, pk=pk)


def _sections(program: Program) -> list[dict[str, object]]:
    """The form in use, or the first draft of a program that has none yet."""
    version = form_versions.current(program) or program.form_versions.order_by("-number").first()
    return version.sections if version else []


def _typed(request: HttpRequest, lines: list[Line]) -> dict[str, str]:
    """What was typed at each place; a stale one counts when it was changed or confirmed."""
    found = {}
    for line in lines:
        typed = request.POST.get(f"text:{line.place}")
        if typed is None:
            continue
        typed = typed.replace("\r\n", "\n").strip()
        if line.stale and typed == line.text and f"holds:{line.place}" not in request.POST:
            continue
        found[line.place] = typed
    return found


def _group(line: Line) -> str:
    return GROUPS.get(line.place.partition(".")[0], "The program")
