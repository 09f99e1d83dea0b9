"""How much of a program is translated into each language that it is offered in."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject

from programs import fields, languages, translations
from programs.models import Program
from programs.translation_models import Translation

_ALL = "progress_translations"


@dataclass(frozen=True)
class Progress:
    """One language. done: texts that are translated as they read now."""

    language: str
    name: str
    done: int
    total: int


def with_texts(rows: QuerySet[Program]) -> QuerySet[Program]:
    """Programs that bring the texts of their lists and all their translations along."""
    found: dict[str, Any] = {}
    for relation, named_by, columns in translations.ROWS.values():
        model: Any = Program._meta.get_field(relation).related_model
        more = ("sections",) if relation == "request_forms" else ()
        row = JSONObject(**{name: name for name in (named_by, *columns, *more)})
        listed = model.objects.filter(program=OuterRef("pk")).order_by("position", "pk")
        found[f"progress_{relation}"] = ArraySubquery(listed.values(row=row))
    texts = JSONObject(language="language", place="place", original="original", text="text")
    found[_ALL] = ArraySubquery(
        Translation.objects.filter(program=OuterRef("pk")).order_by("pk").values(row=texts)
    )
    return rows.annotate(**found)


def of(program: Program, sections: fields.Sections) -> Sequence[Progress]:
    """Each offered language, with the form in use. One query, none for a program from `with_texts`."""
    if _ALL not in program.__dict__:
        program = with_texts(Program.objects.filter(pk=program.pk)).get()
    rows = {
        relation: [SimpleNamespace(**row) for row in getattr(program, f"progress_{relation}")]
        for relation, _named_by, _columns in translations.ROWS.values()
    }
    originals = translations.places(program, rows, sections)
    there = [Translation(**row) for row in getattr(program, _ALL)]
    found = []
    for code in languages.offered(program.languages_left_out):
        listed = translations.lines(originals, [row for row in there if row.language == code])
        done = sum(1 for line in listed if line.text and not line.stale)
        found.append(Progress(code, languages.others()[code], done, len(listed)))
    return found
