"""The yearly figures of a program, for everybody, where the program shows them."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from applications import public_figures
from applications.models import YearFigures
from applications.report_names import NOT_STATED, TITLES
from applications.small_numbers import OTHERS
from programs.models import Program, ProgramState


@require_GET
def figures(request: HttpRequest, slug: str) -> HttpResponse:
    """One section for each finished year. A program that shows none has no such page."""
    program = get_object_or_404(Program.objects.exclude(state=ProgramState.DRAFT), slug=slug)
    if not public_figures.is_on(program.pk):
        raise Http404
    context = {
        "program": program,
        "years": [_edition(row) for row in public_figures.shown(program)],
        "k": public_figures.K,
    }
    return render(request, "programs/figures.html", context)


def _edition(row: YearFigures) -> dict[str, Any]:
    """An edition with its words in the reader's language."""
    words = {OTHERS: _("All others"), NOT_STATED: _("Not stated")}
    tables = []
    for table in row.content["tables"]:
        most = max((line["applications"] for line in table["rows"]), default=0)
        lines = [
            {
                **line,
                "name": words.get(line["name"], line["name"]),
                "share": round(100 * line["applications"] / most, 1),
            }
            for line in table["rows"]
        ]
        tables.append({"key": table["key"], "title": TITLES[table["key"]], "rows": lines})
    totals = row.content["totals"]
    rate = None
    if totals and totals["awards"] is not None:
        rate = round(100 * totals["awards"] / totals["applications"], 1)
    return {
        "year": row.year,
        "totals": totals,
        "rate": rate,
        "tables": tables,
        "currency": row.content["currency"],
    }
