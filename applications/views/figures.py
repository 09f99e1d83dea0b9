"""The yearly figures of a program, for everybody, where the program shows them."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from applications import public_figures
from applications.models import YearFigures
from applications.report_names import NOT_STATED, TITLES, in_words_of_today
from applications.small_numbers import OTHERS
from programs import form_versions, translations
from programs.models import Program, ProgramState


@require_GET
def figures(request: HttpRequest, slug: str) -> HttpResponse:
    """One section for each finished year. A program that shows none has no such page."""
    program = get_object_or_404(Program.objects.exclude(state=ProgramState.DRAFT), slug=slug)
    if not public_figures.is_on(program.pk):
        raise Http404
    version = form_versions.current(program)
    say = translations.say(program, form=True)
    names = {key: in_words_of_today(key, version.sections if version else [], say) for key in TITLES}
    context = {
        "program": translations.shown(program),
        "years": [_edition(row, names) for row in public_figures.shown(program)],
        "k": public_figures.K,
    }
    return render(request, "programs/figures.html", context)


def _edition(row: YearFigures, names: dict[str, dict[str, str]]) -> dict[str, Any]:
    """An edition with its words in the reader's language."""
    tables = []
    for table in row.content["tables"]:
        words = {**names[table["key"]], OTHERS: _("All others"), NOT_STATED: _("Not stated")}
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
