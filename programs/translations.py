"""Texts of programs in other languages. Whoever reads gets each text in their language, or as it was written.

A translation names the text that it translates. So a published form, a frozen rulebook and the program of today are all
served by the same rows, a text that was changed since is shown as it is now written, and nothing is ever empty.
Answers hold the values of options, never their labels. Source: docs/languages.md.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import get_language

from portal import audit
from portal.models import User
from programs import fields
from programs.models import FormVersion, Program
from programs.texts import clean_text
from programs.translation_models import Translation

ORIGINAL = "en"
TEXTS = ("name", "summary", "purpose", "data_note", "terms")
LISTED = ("notices", "never_funded")
TITLED = ("priority_topics", "process")
ROWS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "criteria": ("criteria", "key", ("name", "description")),
    "rules": ("rules", "kind", ("sentence",)),
    "doors": ("doors", "key", ("title", "text")),
    "request_forms": ("request_forms", "key", ("title", "lead", "policy")),
    "faq": ("faq", "key", ("question", "answer")),
}
"""First word of a place -> the related rows, the column that names one, and its texts that the public reads."""

FORM = "form."
Say = Callable[[str], str]
Row = TypeVar("Row", bound=models.Model)
_loaded: ContextVar[dict[tuple[int, str, bool], dict[str, str]] | None] = ContextVar("loaded", default=None)


@dataclass(frozen=True)
class Line:
    """One text on the way into another language. `stale`: what it says was written for an earlier text, `before`."""

    place: str
    original: str
    text: str = ""
    stale: bool = False
    before: str = ""

    @property
    def where(self) -> str:
        """Its place as people say it: "priority_topics.2.title" -> "Priority topics, 2, title"."""
        words = self.place.removeprefix(FORM).replace("/", ".").replace("_", " ").replace("-", " ")
        said = ", ".join(words.split("."))
        return said[:1].upper() + said[1:]


# --- Showing ------------------------------------------------------------------------------------------------------------


@contextmanager
def remembered() -> Iterator[None]:
    """Within this block (one request) the texts of a program are read once."""
    token = _loaded.set({})
    try:
        yield
    finally:
        _loaded.reset(token)


def is_foreign() -> bool:
    """Whether the reader reads another language than the one programs are written in."""
    language = (get_language() or ORIGINAL).partition("-")[0]
    return language != ORIGINAL and language in dict(settings.LANGUAGES)


def say(program: Program, *, form: bool = False) -> Say:
    """How the texts of a program read in the active language. form: those of its forms too, which are many.

    One query, none in the original language or when they are known already.
    """
    return say_all([program], form=form)[program.pk]


def say_all(programs: Iterable[Program], *, form: bool = False) -> dict[int, Say]:
    """The same for several programs, by their id. One query for all of them."""
    listed = list(programs)
    says: dict[int, Say] = {program.pk: str for program in listed}
    if not is_foreign():
        return says
    language = str(get_language()).partition("-")[0]
    wanted = {program.pk for program in listed if language not in program.languages_left_out}
    kept = _loaded.get()
    kept = {} if kept is None else kept
    missing = [pk for pk in wanted if (pk, language, form) not in kept]
    if missing:
        # A text that stands on the program's page and in a form is kept once, at its first place, on the page.
        wanted_places = Q() if form else ~Q(place__startswith=FORM)
        rows = Translation.objects.filter(wanted_places, program__in=missing, language=language).order_by(
            "pk"
        )
        for pk in missing:
            kept[pk, language, form] = {}
        for pk, original, text in rows.values_list("program_id", "original", "text"):
            kept[pk, language, form][original] = text
    return says | {pk: _sayer(kept[pk, language, form]) for pk in wanted}


def _sayer(words: Mapping[str, str]) -> Say:
    return lambda text: words.get(text) or text


def shown(program: Program) -> Program:
    """A program as it reads in the active language: a copy for pages, which cannot be saved."""
    return shown_all([program])[0]


def shown_all(programs: Sequence[Program]) -> list[Program]:
    """The same for several, in their order. One query."""
    says = say_all(programs)
    return [_shown(program, says[program.pk]) for program in programs]


def _shown(program: Program, translate: Say) -> Program:
    if translate is str:
        return program
    reading = copy(program)
    for column in TEXTS:
        setattr(reading, column, translate(getattr(program, column)))
    for column in LISTED:
        setattr(reading, column, [translate(text) for text in getattr(program, column)])
    for column in TITLED:
        entries = [
            {**entry, "title": translate(entry["title"]), "text": translate(entry["text"])}
            for entry in getattr(program, column)
        ]
        setattr(reading, column, entries)
    reading.models_offered = models_offered(program.models_offered, translate)
    setattr(reading, "save", _refuse_to_save)  # noqa: B010 - a method of this copy alone
    return reading


def _refuse_to_save(*args: object, **kwargs: object) -> None:
    raise TypeError("a translated copy is for reading")


def models_offered(offered: Iterable[Mapping[str, Any]], translate: Say) -> list[dict[str, Any]]:
    """The models of a program with their names and conditions translated."""
    return [
        {**model, **{name: translate(model[name]) for name in ("name", "condition") if model.get(name)}}
        for model in offered
    ]


def shown_rows(rows: Iterable[Row], kind: str) -> list[Row]:
    """Criteria, rules, doors or questions (see ROWS) as they read in the active language: copies for pages."""
    listed = list(rows)
    programs = {row.program for row in listed}  # type: ignore[attr-defined]
    says = say_all(programs)
    reading = {program.pk: _shown(program, says[program.pk]) for program in programs}
    found = [_shown_row(row, kind, says[row.program_id]) for row in listed]  # type: ignore[attr-defined]
    for row in found:
        row.program = reading[row.program_id]  # type: ignore[attr-defined]
    return found


def _shown_row(row: Row, kind: str, translate: Say) -> Row:
    if translate is str:
        return row
    reading = copy(row)
    for column in ROWS[kind][2]:
        setattr(reading, column, translate(getattr(row, column)))
    setattr(reading, "save", _refuse_to_save)  # noqa: B010
    return reading


def shown_version(version: FormVersion, program: Program) -> FormVersion:
    """A form as it reads in the active language; keys and values are those of the original."""
    translate = say(program, form=True)
    if translate is str:
        return version
    reading = copy(version)
    reading.sections = shown_sections(version.sections, translate)
    setattr(reading, "save", _refuse_to_save)  # noqa: B010
    return reading


def shown_sections(sections: fields.Sections, translate: Say) -> list[dict[str, Any]]:
    """Pure: the sections of a form with every text that a person reads put through `translate`."""
    return [
        {
            **section,
            **_said(section, ("title", "lead"), translate),
            "questions": [_shown_question(question, translate) for question in section["questions"]],
        }
        for section in sections
    ]


def _shown_question(question: fields.Question, translate: Say) -> dict[str, Any]:
    reading = {**question, **_said(question, ("label", "help", "placeholder"), translate)}
    if "policy" in question:
        reading["policy"] = {**question["policy"], **_said(question["policy"], ("text",), translate)}
    if "choices" in question:
        reading["choices"] = [_shown_choice(choice, translate) for choice in question["choices"]]
    return reading


def _shown_choice(choice: Mapping[str, Any], translate: Say) -> dict[str, Any]:
    reading = {**choice, **_said(choice, ("label", "help", "condition"), translate)}
    if choice.get("condition"):
        reading["condition_original"] = choice["condition"]  # what is agreed to is named by the original text
    return reading


def _said(holder: Mapping[str, Any], names: tuple[str, ...], translate: Say) -> dict[str, str]:
    return {name: translate(holder[name]) for name in names if holder.get(name)}


# --- The texts of a program, each at its place --------------------------------------------------------------------------


def places(program: Program, rows: Mapping[str, Iterable[Any]], sections: fields.Sections) -> dict[str, str]:
    """Pure: place -> original, in the order of the page, each different text once.

    rows: the related rows by the name of their relation (see ROWS).
    """
    found: dict[str, str] = {}
    known: set[str] = set()
    for place, text in _all_places(program, rows, sections):
        if text and text not in known:
            known.add(text)
            found[place] = text
    return found


def _all_places(
    program: Program, rows: Mapping[str, Iterable[Any]], sections: fields.Sections
) -> Iterator[tuple[str, str]]:
    for column in TEXTS:
        yield column, getattr(program, column)
    for column in TITLED:
        for number, entry in enumerate(getattr(program, column), 1):
            yield f"{column}.{number}.title", entry["title"]
            yield f"{column}.{number}.text", entry["text"]
    for column in LISTED:
        for number, text in enumerate(getattr(program, column), 1):
            yield f"{column}.{number}", text
    for model in program.models_offered:
        for name in ("name", "condition"):
            yield f"models.{model['slug']}.{name}", model.get(name, "")
    for kind, (relation, named_by, columns) in ROWS.items():
        for row in rows.get(relation, ()):
            for column in columns:
                yield f"{kind}.{getattr(row, named_by)}.{column}", getattr(row, column)
    for section in sections:
        yield from _form_places(section)
    for form in rows.get("request_forms", ()):
        for section in form.sections:
            yield from _form_places(section, f"{FORM}{form.key}/")


def _form_places(section: fields.Section, base: str = FORM) -> Iterator[tuple[str, str]]:
    for name in ("title", "lead"):
        yield f"{base}section.{section['key']}.{name}", section.get(name, "")
    for question in section["questions"]:
        place = f"{base}{question['key']}"
        for name in ("label", "help", "placeholder"):
            yield f"{place}.{name}", question.get(name, "")
        yield f"{place}.policy", question.get("policy", {}).get("text", "")
        for choice in question.get("choices", ()):
            for name in ("label", "help", "condition"):
                yield f"{place}.{choice['value']}.{name}", choice.get(name, "")


def lines(originals: Mapping[str, str], there: Iterable[Translation]) -> list[Line]:
    """Pure: every text with its translation; one that was written for an earlier text is marked stale."""
    rows = list(there)
    by_text = {row.original: row.text for row in rows if row.text}
    by_place = {row.place: row for row in rows if row.text}
    alive = set(originals.values())
    found = []
    for place, original in originals.items():
        row = by_place.get(place)
        if original in by_text:
            found.append(Line(place, original, by_text[original]))
        elif row is not None and row.original not in alive:
            found.append(Line(place, original, row.text, stale=True, before=row.original))
        else:
            found.append(Line(place, original))
    return found


def of_program(program: Program, language: str, sections: fields.Sections) -> list[Line]:
    """The texts of a program and their translations. A handful of queries."""
    rows = {
        relation: list(getattr(program, relation).order_by("position", "pk"))
        for relation, _named_by, _columns in ROWS.values()
    }
    return lines(places(program, rows, sections), program.translations.filter(language=language))


@transaction.atomic
def save(
    *,
    program_id: int,
    language: str,
    texts: Mapping[str, str],
    sections: fields.Sections,
    by: User,
    at: datetime,
) -> int:
    """Keep translations by their place, for the texts as they read now; an empty text takes one away.

    Places that are not given stay as they are. Returns how many changed; unknown places are left out.
    """
    program = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    before = {line.place: line for line in of_program(program, language, sections)}
    changed = 0
    for place, typed in texts.items():
        line, text = before.get(place), clean_text(typed)
        if line is None or (text == line.text and not line.stale):
            continue
        changed += 1
        program.translations.filter(Q(place=place) | Q(original=line.original), language=language).delete()
        if text:
            program.translations.create(language=language, place=place, original=line.original, text=text)
    if changed:
        audit.record(
            action="program.translate", subject=program, by=by, at=at, language=language, changed=changed
        )
    return changed
