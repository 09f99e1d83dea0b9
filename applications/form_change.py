"""A draft and a form that was published after it began: every answer is kept, and the writer is told what changed.

A draft moves to the new version when its writer asks for it, with the next save by button, or before it is sent; never
by itself while a page of the old version is being filled in. Sent applications stay with the form they were sent with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from applications import presentation
from applications.models import Application
from applications.states import State
from portal import audit
from portal.models import User
from programs import fields, form_differences, form_versions, values
from programs.models import FormVersion


@dataclass(frozen=True)
class Carried:
    """The answers under the new form, and what found no place: question key -> {"label", "type", "value"}."""

    answers: dict[str, Any]
    set_aside: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """What a writer is told. newer: a version is there and this draft does not use it yet; else it was carried over."""

    newer: bool
    sentences: list[str]
    kept: list[tuple[str, list[str]]] = field(default_factory=list)


def carried(before: fields.Sections, after: fields.Sections, answers: Mapping[str, Any]) -> Carried:
    """Pure: take answers from one form to another, by the key of the question.

    An answer of the same type stays as it is, even if it is too long now: the writer shortens it, nobody else. One of
    another type is taken if it reads as an answer of the new type. All others are set aside.
    """
    old = {question["key"]: question for question in fields.questions(before)}
    new = {question["key"]: question for question in fields.questions(after)}
    taken: dict[str, Any] = {}
    aside: dict[str, dict[str, Any]] = {}
    for key, value in answers.items():
        if value is None:
            continue
        asked, was = new.get(key), old.get(key)
        if asked is not None and asked["type"] != "text":
            if was is None or was["type"] == asked["type"]:
                taken[key] = value
                continue
            found = _read_as(asked, was, value)
            if found is not None:
                taken[key] = found
                continue
        label, kind = (was["label"], was["type"]) if was else (key, "short_text")
        aside[key] = {"label": label, "type": kind, "value": value}
        if was and "choices" in was:
            aside[key]["choices"] = [
                {"value": choice["value"], "label": choice["label"]} for choice in values.choices(was)
            ]
    return Carried(taken, aside)


@transaction.atomic
def carry_over(*, application_id: int, by: User, at: datetime) -> bool:
    """Move a draft to the newest published form; says whether it moved. A second call changes nothing.

    Answers that found no place are kept in `set_aside`, where the notice shows them.
    """
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "form_version")
        .get(pk=application_id)
    )
    newer = newer_version(application)
    if newer is None:
        return False
    before = application.form_version
    moved = carried(before.sections, newer.sections, application.answers)
    application.answers = moved.answers
    application.set_aside = {**application.set_aside, **moved.set_aside}
    application.carried_from, application.form_version = before, newer
    application.answers_version += 1
    application.save(
        update_fields=["answers", "set_aside", "carried_from", "form_version", "answers_version"]
    )
    audit.record(
        action="application.carry_over",
        subject=application,
        by=by,
        at=at,
        before=before.number,
        after=newer.number,
        set_aside=len(moved.set_aside),
    )
    return True


def former_section(application: Application, key: str) -> dict[str, Any] | None:
    """The section of this key in the newest form before the draft's own; None for a draft whose form was never another."""
    if application.state != State.DRAFT:
        return None
    before = FormVersion.objects.filter(
        program=application.program, published_at__isnull=False, number__lt=application.form_version.number
    )
    for version in before.order_by("-number"):
        for section in version.sections:
            if section["key"] == key:
                found: dict[str, Any] = section
                return found
    return None


@transaction.atomic
def keep_typed(
    *, application_id: int, section: Mapping[str, Any], typed: Mapping[str, Any], by: User, at: datetime
) -> int:
    """Keep what was typed into a section that the draft's form has no more; returns how many answers were set aside.

    An answer whose question moved to another section goes there, unless something else was written there since: then it
    is set aside like those of questions that are not asked any more. Nothing is overwritten.
    """
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("form_version")
        .get(pk=application_id)
    )
    if application.state != State.DRAFT:
        return 0
    moved = carried([section], application.form_version.sections, typed)
    free = {key: value for key, value in moved.answers.items() if application.answers.get(key) is None}
    taken = {
        key: value
        for key, value in moved.answers.items()
        if key not in free and application.answers[key] != value
    }
    aside = {**moved.set_aside, **carried([section], [], taken).set_aside}
    application.answers = {**application.answers, **free}
    application.set_aside = {**application.set_aside, **aside}
    application.answers_version += 1
    application.saved_at = at
    application.save(update_fields=["answers", "set_aside", "answers_version", "saved_at"])
    audit.record(
        action="application.keep_typed",
        subject=application,
        by=by,
        at=at,
        set_aside=len(aside),
        answers=len(free),
    )
    return len(aside)


def newer_version(application: Application) -> FormVersion | None:
    """The published form that a draft does not use yet; None when there is none, or it is no draft any more."""
    if application.state != State.DRAFT:
        return None
    newest = form_versions.newest(application.program)
    if newest is None or newest.number <= application.form_version.number:
        return None
    return newest


def news(application: Application) -> News | None:
    """What to tell the writer of a draft about its form; None when there is nothing to tell."""
    if application.state != State.DRAFT:
        return None
    newer = newer_version(application)
    if newer is not None:
        return News(True, _sentences(application.form_version, newer))
    if application.carried_from is None:
        return None
    kept = [
        (entry["label"], presentation.lines_of(entry, entry["value"]))
        for entry in application.set_aside.values()
    ]
    return News(False, _sentences(application.carried_from, application.form_version), kept)


def _sentences(before: FormVersion, after: FormVersion) -> list[str]:
    return form_differences.for_applicants(form_differences.differences(before.sections, after.sections))


def _read_as(asked: Mapping[str, Any], was: Mapping[str, Any], value: Any) -> Any:
    """The answer as one of the new type, None when it is none. A choice is never guessed from free text."""
    typed = values.typed(was, value)
    if asked["type"] == "multiple_choice" and isinstance(typed, str):
        typed = [typed]
    if asked["type"] == "single_choice" and isinstance(typed, Sequence) and not isinstance(typed, str):
        typed = typed[0] if len(typed) == 1 else None
    if isinstance(typed, list) and asked["type"] not in ("multiple_choice", "doi_list", "people"):
        return None
    try:
        return values.cleaned(asked, typed)
    except values.BadAnswer:
        return None
