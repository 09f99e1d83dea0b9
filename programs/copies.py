"""Programs from other programs and from files, for people: a clone, and an import whose changes were seen first."""

import difflib
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from portal import audit
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import form_versions, memberships, preset_files, presets
from programs.models import Program, ProgramState


class CannotCopy(Refused):
    """The new program cannot have this name."""


class ChangedMeanwhile(Refused):
    """What an import would change is no longer what was shown."""


@dataclass(frozen=True)
class Proposal:
    """What a file would do. `seen` stands for it; `lines` compare the texts: " ", "+" or "-" with the line."""

    slug: str
    program: Program | None
    changes: list[str]
    lines: list[tuple[str, str]]
    seen: str


@transaction.atomic
def clone(*, program_id: int, slug: str, name: str, short_code: str, by: User, at: datetime) -> Program:
    """A draft with everything of a program but its cycles, people and applications; `by` manages it.

    Raises CannotCopy when the slug is taken, presets.CannotLoad for a short code that is, BadPreset for a wrong one.
    """
    source = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    if Program.objects.filter(slug=slug).exists():
        raise CannotCopy(f"There is a program with the address “{slug}” already.")
    document = presets.export(source) | {
        "slug": slug,
        "name": name,
        "short_code": short_code,
        "state": str(ProgramState.DRAFT),
    }
    done = presets.load(text=preset_files.write(document), name="the copy", by=by, at=at)
    if not done.created:  # somebody made one of this name in the same moment
        raise CannotCopy(f"There is a program with the address “{slug}” already.")
    copy = Program.objects.get(slug=slug)
    newest = source.form_versions.order_by("-number").first()
    if newest is not None and not copy.form_versions.exists():
        form_versions.draft(program=copy, sections=newest.sections, by=by, at=at)
    memberships.give(program=copy, user=by, role=Role.MANAGER, by=by, at=at)
    audit.record(action="program.clone", subject=copy, by=by, at=at, source=source.pk)
    return copy


def propose(*, text: str, name: str, at: datetime) -> Proposal:
    """Say what a file would change, and change nothing. Raises what presets.load raises."""
    would = presets.load(text=text, name=name, by=None, at=at, dry_run=True)
    program = Program.objects.filter(slug=would.slug).first()
    before = presets.export_text(program) if program else ""
    after = preset_files.write(preset_files.read(text, name=name)[0])
    lines = [
        (line[0], line[2:])
        for line in difflib.ndiff(before.splitlines(), after.splitlines())
        if line[0] in "+- "
    ]
    return Proposal(would.slug, program, would.changes, _around(lines), _mark(before, text))


@transaction.atomic
def import_file(*, text: str, name: str, seen: str, by: User, at: datetime) -> presets.Loaded:
    """Do what `propose` showed. Who brings a new program manages it.

    Raises ChangedMeanwhile when the program or the file is not the one that was shown, and what presets.load raises.
    """
    slug = str(preset_files.read(text, name=name)[0]["slug"])
    program = Program.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    if _mark(presets.export_text(program) if program else "", text) != seen:
        raise ChangedMeanwhile("The program was changed since this was shown. Look at the differences again.")
    done = presets.load(text=text, name=name, by=by, at=at)
    if done.created:
        memberships.give(program=Program.objects.get(slug=slug), user=by, role=Role.MANAGER, by=by, at=at)
    return done


def _mark(before: str, text: str) -> str:
    return sha256(f"{before}\0{text}".encode()).hexdigest()[:32]


def _around(lines: list[tuple[str, str]], near: int = 2) -> list[tuple[str, str]]:
    """Only the lines that differ, with two around each; a gap is one line "…"."""
    changed = [at for at, (sign, _) in enumerate(lines) if sign != " "]
    kept = {at for place in changed for at in range(place - near, place + near + 1) if 0 <= at < len(lines)}
    found: list[tuple[str, str]] = []
    for at in sorted(kept):
        if found and at - 1 not in kept:
            found.append((" ", "…"))
        found.append(lines[at])
    return found
