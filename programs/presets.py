"""Programs as data: load a YAML file into the database, and write a program back to the same file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.db.models import ProtectedError

from credits import organizations
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import (
    catalogue,
    cycles,
    form_versions,
    preset_checks,
    preset_files,
    rulebook,
    schedule,
    translations,
)
from programs.models import (
    Criterion,
    Door,
    EligibilityRule,
    FaqEntry,
    FormVersion,
    MessageTemplate,
    Phase,
    Program,
    ProgramState,
    ScheduleException,
)
from programs.preset_files import BadPreset, Document
from programs.request_models import RequestForm
from programs.translation_models import Translation

SHIPPED = Path(__file__).parent / "presets"

# Where each column of Program stands in the file. `slug` and `state` are handled apart; a test holds this complete.
COLUMNS: dict[tuple[str, ...], str] = {
    ("name",): "name",
    ("short_code",): "short_code",
    ("accent",): "accent",
    ("position",): "position",
    ("languages_left_out",): "languages_left_out",
    ("summary",): "summary",
    ("purpose",): "purpose",
    ("priority_topics",): "priority_topics",
    ("process",): "process",
    ("never_funded",): "never_funded",
    ("notices",): "notices",
    ("data_note",): "data_note",
    ("terms", "text"): "terms",
    ("terms", "version"): "terms_version",
    ("award", "mode"): "award_mode",
    ("award", "currency"): "currency",
    ("award", "default_cents"): "award_default_cents",
    ("award", "cap_cents"): "award_cap_cents",
    ("award", "four_eyes_above_cents"): "four_eyes_above_cents",
    ("term", "mode"): "term_mode",
    ("term", "months"): "term_months",
    ("term", "ends_on"): "term_ends_on",
    ("term", "starts"): "term_starts",
    ("term", "late_usage_days"): "late_usage_days",
    ("after_award", "acceptance_days"): "acceptance_days",
    ("after_award", "summary_required"): "summary_required",
    ("after_award", "summary_due_days"): "summary_due_days",
    ("after_award", "second_half_after_summary"): "second_half_after_summary",
    ("after_award", "top_ups_allowed"): "top_ups_allowed",
    ("after_award", "urgent_authority_cents"): "urgent_authority_cents",
    ("models",): "models_offered",
    ("provider", "name"): "provider",
    ("provider", "organization_id_format"): "organization_id_format",
    ("provider", "organization_id_when"): "organization_id_when",
    ("calendar", "rule"): "schedule_rule",
    ("calendar", "time_zone"): "time_zone",
    ("calendar", "cut_off_time"): "cut_off_time",
    ("calendar", "holidays_of"): "holidays_of",
    ("calendar", "decided_by_days"): "decided_by_days",
    ("calendar", "opens_on"): "opens_on",
    ("evaluation", "decline_mode"): "decline_mode",
    ("evaluation", "reviews_wanted"): "reviews_wanted",
    ("evaluation", "review_days"): "review_days",
    ("evaluation", "blind_first_look"): "blind_first_look",
    ("evaluation", "first_looks"): "first_looks",
    ("evaluation", "assigns_by_itself"): "assigns_by_itself",
    ("evaluation", "remind_half_time"): "remind_half_time",
    ("evaluation", "remind_soon"): "remind_soon",
    ("evaluation", "remind_overdue"): "remind_overdue",
    ("evaluation", "reapply_after_on"): "reapply_after_on",
    ("evaluation", "reapply_wait_days"): "reapply_wait_days",
    ("evaluation", "urgent_contact"): "urgent_contact",
}


@dataclass(frozen=True)
class Part:
    """A list that belongs to a program: its place in the file, its model, its columns and what names an entry.

    unsaid: values that a file leaves out, because they are what is meant without them.
    """

    path: tuple[str, ...]
    model: type[models.Model]
    columns: tuple[str, ...]
    named_by: tuple[str, ...]
    related_name: str
    ordered: bool = True
    unsaid: Mapping[str, Any] = field(default_factory=dict)


PARTS = (
    Part(
        ("calendar", "exceptions"),
        ScheduleException,
        ("regular_on", "moved_to_on", "reason"),
        ("regular_on",),
        "schedule_exceptions",
        ordered=False,
    ),
    Part(
        ("criteria",),
        Criterion,
        (
            "key",
            "name",
            "description",
            "kind",
            "weight_percent",
            "scale_max",
            "phase",
            "required",
            "not_applicable",
            "independent",
            "anchors",
            "show_if",
        ),
        ("key",),
        "criteria",
        unsaid={"phase": Phase.BLIND, "required": True, "not_applicable": False, "independent": False},
    ),
    Part(
        ("rules",),
        EligibilityRule,
        ("kind", "outcome", "sentence", "as_of", "parameters"),
        ("kind",),
        "rules",
    ),
    Part(("doors",), Door, ("key", "kind", "title", "text", "url"), ("key",), "doors"),
    Part(
        ("request_forms",),
        RequestForm,
        (
            "key",
            "kind",
            "is_on",
            "title",
            "lead",
            "senders",
            "answer_days",
            "faq_first",
            "policy",
            "outcomes",
            "sections",
        ),
        ("key",),
        "request_forms",
    ),
    Part(("faq",), FaqEntry, ("key", "question", "answer"), ("key",), "faq"),
    Part(
        ("messages",),
        MessageTemplate,
        ("kind", "language", "subject", "body"),
        ("kind", "language"),
        "message_templates",
        ordered=False,
    ),
    Part(
        ("translations",),
        Translation,
        ("language", "place", "original", "text"),
        ("language", "place"),
        "translations",
        ordered=False,
    ),
)


class CannotLoad(Refused):
    """The file is sound, but what is in the database does not let it in."""


MOST_NAMED = 12
"""Entries of a list that a sentence about a difference names one by one."""


@dataclass(frozen=True)
class Loaded:
    """What one file did. `changes` are sentences; empty means that nothing was different."""

    slug: str
    created: bool = False
    changes: list[str] = field(default_factory=list)


@dataclass
class _Read:
    """A program with its parts, not saved, whether it came from a file or from the database."""

    program: Program
    entries: dict[str, list[models.Model]]
    sections: list[dict[str, Any]]


def shipped() -> list[Path]:
    """The files of the programs that ship, in the order of their names."""
    return sorted(SHIPPED.glob("*.yaml"))


def load(*, text: str, name: str, by: User | None, at: datetime, dry_run: bool = False) -> Loaded:
    """Bring one program to what a file says; a second load of the same file changes nothing.

    The slug finds the program. A new one takes the file's state, an existing one keeps its own. Questions that differ
    become a new published form version. name: how messages call the file. dry_run: say what would change.
    Raises BadPreset with line and key, CannotLoad, and CannotOpen when a new program asks to be open and is not ready.
    """
    document, lines = preset_files.read(text, name=name)
    wanted = _from_document(document, lines, name)
    after = _document(wanted)
    with transaction.atomic():
        program = Program.objects.select_for_update(of=("self",)).filter(slug=document["slug"]).first()
        before = export(program) if program else {}
        changes = differences(before, after) if program else []
        if dry_run or (program and not changes):
            return Loaded(document["slug"], created=program is None, changes=changes)
        _refuse_taken_code(wanted.program)
        saved = _apply(program, wanted)
        _publish(saved, wanted.sections, by=by, at=at)
        audit.record(
            action="program.load", subject=saved, by=by, at=at, created=program is None, changes=len(changes)
        )
        if program is None and after["state"] == ProgramState.OPEN:
            catalogue.open_program(program_id=saved.pk, by=by, at=at)
        elif program and before.get("calendar") != after.get("calendar"):
            cycles.replan(program_id=saved.pk, at=at)
        return Loaded(saved.slug, created=program is None, changes=changes)


def export(program: Program) -> Document:
    """The program as a document: everything that `load` reads, with the questions of the form in use."""
    entries = {}
    for part in PARTS:
        manager = getattr(program, part.related_name)
        order = ("position", "pk") if part.ordered else part.named_by
        entries[part.related_name] = list(manager.order_by(*order))
    version = form_versions.current(program)
    return _document(_Read(program, entries, version.sections if version else []))


def export_text(program: Program) -> str:
    """The same as the canonical YAML text."""
    return preset_files.write(export(program))


def differences(before: Document, after: Document) -> list[str]:
    """What changes from one document to another, a sentence each. The state is not compared: it is not the file's."""
    found: list[str] = []
    for key in preset_files.KEYS:
        old, new = before.get(key), after.get(key)
        if key == "state" or old == new:
            continue
        if key == "form":
            found.append(_form_difference(old or {}, new or {}))
        elif isinstance(new, dict) and isinstance(old, dict):
            found += [
                f"{key}.{inner}: {_brief(old.get(inner))} → {_brief(new.get(inner))}"
                for inner in preset_files.KEYS[key][0]
                if old.get(inner) != new.get(inner)
            ]
        elif key in preset_files.NAMED_BY:
            found.append(f"{key}: {_list_difference(old or [], new or [], preset_files.NAMED_BY[key])}")
        else:
            found.append(f"{key}: {_brief(old)} → {_brief(new)}")
    return found


# --- Documents to rows and back -------------------------------------------------------------------------------------------


def _document(read: _Read) -> Document:
    program = read.program
    document: Document = {"preset": preset_files.FORMAT, "slug": program.slug, "state": str(program.state)}
    for path, column in COLUMNS.items():
        _put(document, path, _as_text(getattr(program, column)))
    for part in PARTS:
        entries = [
            {
                column: _as_text(value)
                for column in part.columns
                if (value := getattr(entry, column)) != part.unsaid.get(column, ...)
            }
            for entry in read.entries[part.related_name]
        ]
        _put(document, part.path, entries)
    originals = translations.places(program, read.entries, read.sections)
    for entry in document["translations"]:
        if originals.get(entry["place"]) == entry["original"]:
            del entry["original"]  # only a translation of a text that was changed since has to name it
    document["form"] = {"sections": read.sections}
    return preset_files.tidy(document)


def _as_text(value: Any) -> Any:
    if isinstance(value, time):
        return value.isoformat("minutes" if not value.second else "seconds")
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, str) else value


def _put(document: Document, path: tuple[str, ...], value: object) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    document[path[-1]] = value


def _get(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for step in path:
        document = (document or {}).get(step)  # type: ignore[assignment]
    return document


def _from_document(document: Document, lines: Mapping[preset_files.Path, int], name: str) -> _Read:
    """Make unsaved rows of a document and check each. Raises BadPreset."""
    given = {column: value for path, column in COLUMNS.items() if (value := _get(document, path)) is not None}
    program = Program(slug=document["slug"], state=document.get("state", ProgramState.DRAFT), **given)
    paths = {column: path for path, column in COLUMNS.items()} | {"slug": ("slug",), "state": ("state",)}
    preset_checks.check(program, paths, (), lines, name)
    entries: dict[str, list[Any]] = {}
    for part in PARTS:
        listed = _get(document, part.path) or []
        if part.model is Translation and listed:
            asked = (document.get("form") or {}).get("sections") or []
            if asked:
                preset_checks.check_form(asked, lines, name)
            originals = translations.places(program, entries, asked)
            listed = [{"original": originals.get(entry["place"], ""), **entry} for entry in listed]
        made = [part.model(**entry) for entry in listed]
        for index, row in enumerate(made):
            preset_checks.check(
                row, {column: (column,) for column in part.columns}, (*part.path, index), lines, name
            )
            if isinstance(row, RequestForm):
                preset_checks.check_request_form(row, index, lines, name)
        seen: set[tuple[object, ...]] = set()
        for index, row in enumerate(made):
            named = tuple(getattr(row, column) for column in part.named_by)
            if named in seen:
                at = preset_files.line_of(lines, (*part.path, index))
                raise BadPreset(
                    f"{name}, line {at}: {' '.join(map(str, named))} stands twice in {'.'.join(part.path)}."
                )
            seen.add(named)
        if part.model is MessageTemplate:
            made.sort(key=lambda row: (row.kind, row.language))  # type: ignore[attr-defined]
        if part.model is Translation:
            made.sort(key=lambda row: (row.language, row.place))  # type: ignore[attr-defined]
        if part.model is ScheduleException:
            made.sort(key=lambda row: str(row.regular_on))  # type: ignore[attr-defined]
        entries[part.related_name] = made
    moved = {row.regular_on: row.moved_to_on for row in entries["schedule_exceptions"]}
    for problem in schedule.problems(program.schedule_rule, program.time_zone, moved):
        raise BadPreset(f"{name}, line {preset_files.line_of(lines, ('calendar', 'rule'))}: {problem}")
    if program.organization_id_format not in organizations.FORMATS:
        at = preset_files.line_of(lines, ("provider", "organization_id_format"))
        known = ", ".join(organizations.FORMATS)
        raise BadPreset(f"{name}, line {at}: provider.organization_id_format is one of {known}.")
    sections = (document.get("form") or {}).get("sections") or []
    if sections:
        preset_checks.check_form(sections, lines, name)
    return _Read(program, entries, sections)


# --- Saving ---------------------------------------------------------------------------------------------------------------


def _refuse_taken_code(program: Program) -> None:
    other = Program.objects.filter(short_code=program.short_code).exclude(slug=program.slug).first()
    if other:
        raise CannotLoad(f"The short code {program.short_code} belongs to {other}. Choose another.")


def _apply(existing: Program | None, wanted: _Read) -> Program:
    if existing is None:
        program = wanted.program
        if program.state == ProgramState.OPEN:
            program.state = ProgramState.DRAFT  # catalogue.open_program opens it, when it is complete
        program.save(force_insert=True)
    else:
        program = existing
        for column in COLUMNS.values():
            setattr(program, column, getattr(wanted.program, column))
        program.save(update_fields=list(COLUMNS.values()))
    for part in PARTS:
        _replace(program, part, wanted.entries[part.related_name])
    return program


def _replace(program: Program, part: Part, wanted: Iterable[models.Model]) -> None:
    """Make the rows of one part what the file says, keeping the rows that are there under their names."""
    manager = getattr(program, part.related_name)
    there = {tuple(str(getattr(row, column)) for column in part.named_by): row for row in manager.all()}
    new = []
    for position, row in enumerate(wanted):
        values = {column: getattr(row, column) for column in part.columns}
        if part.ordered:
            values["position"] = position
        kept = there.pop(tuple(str(getattr(row, column)) for column in part.named_by), None)
        if kept is None:
            new.append(part.model(program=program, **values))
        elif any(getattr(kept, column) != value for column, value in values.items()):
            for column, value in values.items():
                setattr(kept, column, value)
            kept.save(update_fields=list(values))
    part.model._default_manager.bulk_create(new)
    for named, row in there.items():
        try:
            if isinstance(row, Criterion):
                rulebook.retire(row)
            else:
                row.delete()
        except ProtectedError:
            raise CannotLoad(
                f"{'.'.join(part.path)}: {' '.join(named)} is in use by earlier work and cannot be removed."
            ) from None


def _publish(
    program: Program, sections: list[dict[str, Any]], *, by: User | None, at: datetime
) -> FormVersion | None:
    version = form_versions.current(program)
    if not sections or (version is not None and version.sections == sections):
        return version
    drafted = form_versions.draft(program=program, sections=sections, by=by, at=at)
    return form_versions.publish(form_version_id=drafted.pk, by=by, at=at)


# --- Words ----------------------------------------------------------------------------------------------------------------


def _brief(value: object) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, list):
        return f"{len(value)} entries"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _list_difference(old: list[dict[str, Any]], new: list[dict[str, Any]], name: str) -> str:
    before, after = ({_called(entry, name): entry for entry in listed} for listed in (old, new))
    said = [
        (verb, names)
        for verb, names in (
            ("added", [key for key in after if key not in before]),
            ("removed", [key for key in before if key not in after]),
            ("changed", [key for key in after if key in before and after[key] != before[key]]),
        )
        if names
    ]
    return "; ".join(f"{verb} {_listed(names)}" for verb, names in said) or "in another order"


def _listed(names: list[str]) -> str:
    """The names, or how many there are: a program has hundreds of translated texts."""
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} ({', '.join(names[:3])}, …)"


def _called(entry: dict[str, Any], name: str) -> str:
    """What names an entry; of letters and translations, with the language if it is not the original one."""
    language = entry.get("language", translations.ORIGINAL)
    return str(entry[name]) if language == translations.ORIGINAL else f"{entry[name]} ({language})"


def _form_difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    before, after = (
        [
            {"key": question["key"], "question": question}
            for section in form.get("sections", [])
            for question in section["questions"]
        ]
        for form in (old, new)
    )
    return f"form: new version; questions {_list_difference(before, after, 'key')}"
