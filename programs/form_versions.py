"""Draft, check and publish the questions of a program. A published version stands for ever."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import fields
from programs.models import FormVersion, Program


class BadForm(Refused):
    """The description of a form does not hold together. `problems` lists every reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


class FormIsPublished(Refused):
    """A published version cannot change."""


class CannotKeep(Refused):
    """The description is too large, or holds a character that no database column takes."""


LARGEST_CHARS = 400_000
"""Of a whole description as JSON."""


@transaction.atomic
def draft(
    *, program: Program, sections: list[dict[str, object]], by: User | None, at: datetime
) -> FormVersion:
    """Start the next version. The sections may still have problems; `publish` refuses them."""
    Program.objects.select_for_update(of=("self",)).get(pk=program.pk)
    last = program.form_versions.aggregate(last=Max("number"))["last"] or 0
    version = FormVersion.objects.create(program=program, number=last + 1, sections=sections)
    audit.record(action="form.draft", subject=version, by=by, at=at, number=version.number)
    return version


@transaction.atomic
def change(*, form_version_id: int, sections: list[dict[str, object]], by: User, at: datetime) -> FormVersion:
    """Replace the sections of a draft. Raises FormIsPublished, or BadForm with every problem."""
    version = FormVersion.objects.select_for_update(of=("self",)).get(pk=form_version_id)
    if version.published_at:
        raise FormIsPublished(f"{version} is published. Start a new version from it.".capitalize())
    _refuse_problems(sections)
    version.sections = sections
    version.save(update_fields=["sections"])
    audit.record(action="form.change", subject=version, by=by, at=at)
    return version


@transaction.atomic
def edit(
    *,
    form_version_id: int,
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    by: User,
    at: datetime,
) -> FormVersion:
    """Make one change to a draft as it stands now; two editors at once lose nothing of each other's.

    change: a pure function of programs.form_edits; what it raises leaves the draft as it was. The result may be
    incomplete: `publish` refuses that. Raises FormIsPublished and CannotKeep.
    """
    version = FormVersion.objects.select_for_update(of=("self",)).get(pk=form_version_id)
    if version.published_at:
        raise FormIsPublished(f"{version} is published. Start a new version from it.".capitalize())
    sections = change(version.sections)
    refuse_unkept(sections)
    if sections != version.sections:
        version.sections = sections
        version.save(update_fields=["sections"])
        audit.record(action="form.change", subject=version, by=by, at=at)
    return version


@transaction.atomic
def publish(*, form_version_id: int, by: User | None, at: datetime) -> FormVersion:
    """Freeze a version; new drafts use it from now on. Publishing twice changes nothing. Raises BadForm."""
    version = FormVersion.objects.select_for_update(of=("self",)).get(pk=form_version_id)
    if version.published_at is None:
        _refuse_problems(version.sections)
        version.published_at = at
        version.save(update_fields=["published_at"])
        audit.record(action="form.publish", subject=version, by=by, at=at, number=version.number)
    return version


def current(program: Program) -> FormVersion | None:
    """The version that new applications use."""
    return program.form_versions.filter(published_at__isnull=False).order_by("-number").first()


def newest(program: Program) -> FormVersion | None:
    """The same version without its questions, for those who ask for its number first."""
    published = program.form_versions.filter(published_at__isnull=False)
    return published.defer("sections").order_by("-number").first()


def published_before(version: FormVersion) -> FormVersion | None:
    """The published version that stands before this one."""
    earlier = FormVersion.objects.filter(program_id=version.program_id, published_at__isnull=False)
    return earlier.filter(number__lt=version.number).order_by("-number").first()


def refuse_unkept(sections: list[dict[str, Any]]) -> None:
    """Raise CannotKeep for a description that is too large, or holds a character that no column takes."""
    text = json.dumps(sections, ensure_ascii=False)
    if len(text) > LARGEST_CHARS:
        raise CannotKeep(f"A form has at most {LARGEST_CHARS:,} characters in all.")
    if "\\u0000" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise CannotKeep("The text holds a character that cannot be stored. Type it again without it.")


def _refuse_problems(sections: list[dict[str, object]]) -> None:
    problems = fields.problems(sections)
    if problems:
        raise BadForm(problems)
