"""Files of many rows, made in the background: asked for, worked through in chunks, fetched, removed.

The rows of Export are the queue. A worker claims one for a while and writes chunk after chunk; after each one the row
says how much of the file is safe. When the worker dies, the next one copies that much and goes on behind it.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from applications import cells, export_rows
from applications.export_shapes import Column, Wanted
from applications.models import (
    UNDER_WAY,
    Conflict,
    Export,
    ExportFormat,
    ExportKind,
    ExportState,
    Recusal,
)
from credits.models import LedgerAccount
from credits.movements import AccountKind
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs.models import Cycle, Program
from programs.staff import desk_of

logger = logging.getLogger(__name__)

CHUNK = 500
LEASE = timedelta(minutes=2)
MOST_CLAIMS = 20
KEPT = timedelta(days=7)
PER_HOUR = 10
SLICE_SECONDS = 240  # a task works this long at most, then lets the next sweep go on


class CannotExport(Refused):
    """This export is not for this person, or asks for something that is not there."""


class TooManyExports(Refused):
    """The person asked for as many as an hour allows."""


class NotReady(Refused):
    """There is no file to fetch, or no longer one for this person."""


@dataclass(frozen=True)
class Ran:
    """What one sweep did."""

    finished: int = 0
    failed: int = 0
    rows: int = 0


# --- Asking, leaving, fetching -----------------------------------------------------------------------------------------


def mine(user: User) -> QuerySet[Export]:
    """The exports of one person, newest first. Nobody sees another's."""
    return Export.objects.filter(made_by=user).select_related("program").order_by("-pk")


@transaction.atomic
def start(
    *,
    kind: ExportKind,
    file_format: ExportFormat,
    program_id: int,
    by: User,
    at: datetime,
    cycle_id: int | None = None,
    pool: str = "",
    columns: Sequence[str] = (),
) -> Export:
    """Ask for a file. columns: keys of applications.export_rows, none for all. Raises CannotExport, TooManyExports."""
    User.objects.select_for_update(of=("self",)).get(pk=by.pk)  # so that ten at once are not eleven
    lately = Export.objects.filter(made_by=by, created_at__gt=at - timedelta(hours=1)).count()
    if lately >= PER_HOUR:
        raise TooManyExports(f"You asked for {PER_HOUR} exports within an hour. Please wait a little.")
    desk = desk_of(by)
    program = Program.objects.filter(pk=program_id).first()
    if program is None or not export_rows.may(desk, kind, program_id):
        raise CannotExport("This export is not among yours.")
    shape = export_rows.KINDS[kind]
    if cycle_id is not None and not (
        shape.by_cycle and Cycle.objects.filter(pk=cycle_id, program=program).exists()
    ):
        raise CannotExport("Choose a cycle of this program.")
    if shape.by_pool and not pools_of(program).filter(code=pool).exists():
        raise CannotExport("Choose a pool of this program.")
    there = [column.key for column in shape.columns(desk, Wanted(program, cycle_id, pool))]
    if unknown := set(columns) - set(there):
        raise CannotExport(f"There is no column {sorted(unknown)[0]}.")
    wanted = {
        "cycle": cycle_id,
        "pool": pool if shape.by_pool else "",
        "columns": [key for key in there if not columns or key in columns],
    }
    export = Export.objects.create(
        made_by=by, program=program, kind=kind, file_format=file_format, wanted=wanted, created_at=at
    )
    audit.record(
        action="export.start",
        subject=export,
        by=by,
        at=at,
        kind=kind,
        format=file_format,
        program=program.slug,
        cycle=cycle_id,
        pool=wanted["pool"],
        columns=wanted["columns"],
    )
    return export


def pools_of(program: Program) -> QuerySet[LedgerAccount]:
    """The pools that a statement can be made of, newest first."""
    return LedgerAccount.objects.filter(kind=AccountKind.POOL, program=program.slug).order_by("-code")


@transaction.atomic
def cancel(*, public_id: UUID, by: User, at: datetime) -> bool:
    """End an export that is not finished; its rows are thrown away. False when it had ended before."""
    export = mine(by).select_for_update(of=("self",)).filter(public_id=public_id, state__in=UNDER_WAY).first()
    if export is None:
        return False
    name = export.stored_name
    _end(export, ExportState.CANCELLED, at=at)
    audit.record(action="export.cancel", subject=export, by=by, at=at, rows=export.done)
    transaction.on_commit(lambda: _forget(name))
    return True


def fetch(*, public_id: UUID, by: User, at: datetime) -> tuple[Export, Path]:
    """The finished file of this person, noted in the trail. Raises NotReady.

    Asked again at each fetch: the role must still be held, and nothing may be in the file that a conflict declared
    since has taken from this person; such a file is removed.
    """
    export = mine(by).filter(public_id=public_id).first()
    if export is None or export.state != ExportState.READY or export.expires_at is None:
        raise NotReady("There is no file to fetch. Make the export again.")
    path = path_of(export.stored_name)
    if at >= export.expires_at or not path.exists() or not _still_theirs(export):
        _remove([export])
        raise NotReady("This file is not there any more. Make the export again.")
    audit.record(action="export.download", subject=export, by=by, at=at, kind=export.kind, rows=export.done)
    return export, path


def _still_theirs(export: Export) -> bool:
    by = export.made_by
    if not by.is_active or not export_rows.may(desk_of(by), export.kind, export.program_id):
        return False
    if export.kind == ExportKind.LEDGER:
        return True
    since = export.created_at
    conflicts = Conflict.objects.filter(
        user=by, application__program_id=export.program_id, declared_at__gte=since
    )
    recusals = Recusal.objects.filter(reviewer=by, application__program_id=export.program_id, at__gte=since)
    return not conflicts.exists() and not recusals.exists()


# --- Work ---------------------------------------------------------------------------------------------------------------


def run_due(*, at: datetime, limit: int = 5, seconds: float = SLICE_SECONDS, chunk: int = CHUNK) -> Ran:
    """Work through what waits, and through what a dead worker left, for some seconds. Safe to run twice and by many."""
    began = time.monotonic()

    def now() -> datetime:
        return at + timedelta(seconds=time.monotonic() - began)

    finished = failed = rows = 0
    for _ in range(limit):
        export = _claim(at=now())
        if export is None:
            break
        before = export.done
        state = _guarded(export, now=now, until=began + seconds, chunk=chunk)
        rows += export.done - before
        finished += state == ExportState.READY
        failed += state == ExportState.FAILED
        if time.monotonic() - began > seconds:
            break
    return Ran(finished, failed, rows)


def _guarded(export: Export, *, now: Callable[[], datetime], until: float, chunk: int) -> ExportState:
    """Work; a fault leaves the export to a later sweep, and after too many tries it ends with a sentence."""
    if export.claims > MOST_CLAIMS:
        return _fail(export, "It could not be made. Please tell an operator.", at=now())
    try:
        return _work(export, now=now, until=until, chunk=chunk)
    except Exception:  # one export's fault must not stop the others; the row stays due when its lease ends
        logger.exception("export %s met a fault", export.pk)
        return ExportState.RUNNING


@transaction.atomic
def _claim(*, at: datetime) -> Export | None:
    """Take the oldest export that nobody works on. Its file becomes this worker's own: up to the safe place, as a copy."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=at)
    export = (
        Export.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(free, state__in=UNDER_WAY)
        .select_related("made_by", "program")
        .order_by("pk")
        .first()
    )
    if export is None:
        return None
    old, export.stored_name = export.stored_name, secrets.token_hex(16)
    _copy_start(old, export)
    export.state = ExportState.RUNNING
    export.claims = F("claims") + 1
    export.claimed_until = at + LEASE
    export.save(
        update_fields=["state", "claims", "claimed_until", "stored_name", "written_bytes", "cursor", "done"]
    )
    export.refresh_from_db(fields=["claims"])
    transaction.on_commit(lambda: _forget(old))
    return export


def _copy_start(old: str, export: Export) -> None:
    """A file is written by one worker only: one that was thought dead may still be writing to the old one."""
    target = path_of(export.stored_name)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.open("xb") as out:
        target.chmod(0o600)
        if not old:
            return
        try:
            with path_of(old).open("rb") as source:
                left = export.written_bytes
                while left and (piece := source.read(min(left, 1 << 20))):
                    out.write(piece)
                    left -= len(piece)
        except FileNotFoundError:
            left = 1
    if left:  # the disk lost it: from the start
        target.write_bytes(b"")
        export.written_bytes = export.cursor = export.done = 0


def _work(export: Export, *, now: Callable[[], datetime], until: float, chunk: int) -> ExportState:
    """Write chunk after chunk until the end, the time, a cancel, or a fault that a person has to hear of."""
    wanted = _wanted(export)
    try:
        with path_of(export.stored_name).open("r+b") as file:
            while True:
                desk = desk_of(export.made_by)  # read again: a role may end while rows are written
                if not export_rows.may(desk, export.kind, export.program_id):
                    raise CannotExport("Your role in this program has ended.")
                columns = export_rows.columns(desk, export.kind, wanted)
                if export.written_bytes == 0:
                    export.total = export_rows.count(desk, export.kind, wanted)
                    _refuse_too_long(export)
                    _append(file, export, [[column.label for column in columns]])
                rows = export_rows.page(desk, export.kind, wanted, after=export.cursor, size=chunk)
                _append(file, export, [[column.read(row) for column in columns] for row in rows])
                if rows:
                    export.cursor = export_rows.place_of(export.kind, rows[-1])
                    export.done += len(rows)
                if not _keep(export, claimed_until=now() + LEASE):
                    return ExportState.CANCELLED
                if len(rows) < chunk:
                    break
                if time.monotonic() > until:
                    _keep(export, claimed_until=now())
                    return ExportState.RUNNING
        return _finish(export, columns, at=now())
    except CannotExport as error:
        return _fail(export, str(error), at=now())


def _refuse_too_long(export: Export) -> None:
    if export.file_format == ExportFormat.XLSX and export.total > cells.MOST_ROWS:
        raise CannotExport(f"A sheet holds {cells.MOST_ROWS:,} rows. Choose CSV, or one cycle.")


def _wanted(export: Export) -> Wanted:
    return Wanted(
        export.program,
        export.wanted.get("cycle"),
        export.wanted.get("pool", ""),
        tuple(export.wanted.get("columns", ())),
    )


def _append(file: Any, export: Export, rows: Collection[Sequence[Any]]) -> None:
    """Add rows behind the safe place and bring them to the disk before the database says they are there."""
    file.seek(export.written_bytes)
    file.truncate()
    file.write(cells.lines(rows))
    file.flush()
    os.fsync(file.fileno())
    export.written_bytes = file.tell()


def _keep(export: Export, *, claimed_until: datetime) -> bool:
    """Say how far it is. False when it was cancelled, or when another worker took it."""
    return bool(
        Export.objects.filter(pk=export.pk, claims=export.claims, state=ExportState.RUNNING).update(
            total=max(export.total, export.done),
            done=export.done,
            cursor=export.cursor,
            written_bytes=export.written_bytes,
            claimed_until=claimed_until,
        )
    )


def _finish(export: Export, columns: Sequence[Column], *, at: datetime) -> ExportState:
    path = path_of(export.stored_name)
    if export.file_format == ExportFormat.XLSX:
        _keep(export, claimed_until=at + 5 * LEASE)  # a workbook is written in one go
        made = path.with_suffix(".xlsx")
        cells.workbook(path, made, sheet=export.get_kind_display(), numbers=export_rows.numbers(columns))
        made.chmod(0o600)
        made.replace(path)
    with transaction.atomic():
        changed = Export.objects.filter(pk=export.pk, claims=export.claims, state=ExportState.RUNNING).update(
            state=ExportState.READY,
            total=export.done,
            size_bytes=path.stat().st_size,
            finished_at=at,
            expires_at=at + KEPT,
            claimed_until=None,
        )
        if not changed:
            _forget(export.stored_name)
            return ExportState.CANCELLED
        audit.record(action="export.finish", subject=export, by=None, at=at, rows=export.done)
    return ExportState.READY


def _fail(export: Export, why: str, *, at: datetime) -> ExportState:
    name = export.stored_name
    with transaction.atomic():
        locked = Export.objects.select_for_update(of=("self",)).get(pk=export.pk)
        if locked.state not in UNDER_WAY or locked.claims != export.claims:
            return ExportState.CANCELLED
        locked.problem = why[:300]
        _end(locked, ExportState.FAILED, at=at)
        audit.record(action="export.fail", subject=export, by=None, at=at, rows=export.done)
    _forget(name)
    return ExportState.FAILED


def _end(export: Export, state: ExportState, *, at: datetime) -> None:
    export.state, export.stored_name, export.claimed_until, export.finished_at = state, "", None, at
    export.save(update_fields=["state", "stored_name", "claimed_until", "finished_at", "problem"])


# --- The store ----------------------------------------------------------------------------------------------------------


def remove_old(*, at: datetime) -> int:
    """Remove the files whose time is over; returns how many. Repeating it is harmless."""
    over = Export.objects.filter(state=ExportState.READY, expires_at__lte=at)
    return _remove(list(over.order_by("pk")[:500]))


def _remove(exports: Sequence[Export]) -> int:
    """The rows stay and say that the file is gone; the row changes first, so that none names a missing file."""
    removed = 0
    for export in exports:
        removed += Export.objects.filter(pk=export.pk, state=ExportState.READY).update(
            state=ExportState.GONE, stored_name=""
        )
        _forget(export.stored_name)
    return removed


def path_of(stored_name: str) -> Path:
    """Where the file of an export lies. No web server serves this folder."""
    if len(stored_name) != 32 or not stored_name.isalnum():
        raise ValueError("no name of an export")
    return Path(settings.MEDIA_ROOT) / "exports" / stored_name


def file_name(export: Export) -> str:
    """How the file is called when it is saved: AIS-applications-2026-12-08.csv."""
    return f"{export.program.short_code}-{export.kind}-{export.created_at:%Y-%m-%d}.{export.file_format}"


def pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces, for an answer that is not held in memory."""
    with path.open("rb") as file:
        while piece := file.read(1 << 16):
            yield piece


def _forget(stored_name: str) -> None:
    if stored_name:
        with suppress(FileNotFoundError):
            path_of(stored_name).unlink()
