"""Attached files and their rows, compared: what a crash left behind is removed, what is missing is said.

A file is written before its row is, so a process that dies in between leaves a file that nobody can reach. The other way
round, a row without its file, comes from a lost disk or a backup that was only half restored; people mend that.
"""

import logging
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from applications import file_store
from applications.models import Attachment

logger = logging.getLogger(__name__)

OLD_SECONDS = 24 * 3600
"""A file younger than this may belong to an upload that is under way."""
EVERY_SECONDS = 24 * 3600
FEW = 50
"""So many files are removed without a question; above that, no more than a tenth of all."""
MOST_NAMED = 200


@dataclass
class Swept:
    """What a comparison found. missing: ids of attachments whose file is gone, the first of them.

    held_back: nothing was removed, because it would have been a large part of the store: more likely this database does
    not belong to these files.
    """

    files: int = 0
    removed: int = 0
    orphans: int = 0
    young: int = 0
    left_behind: int = 0
    missing: list[str] = field(default_factory=list)
    missing_count: int = 0
    held_back: bool = False

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def sweep(*, dry_run: bool = False, however_many: bool = False) -> Swept:
    """Remove files without a row that are older than a day, and half-written uploads; name the rows without a file.

    Ages are measured by the clock of the disk, so neither a wrong clock here nor a test's takes a running upload for old.
    dry_run: only look. however_many: remove even a large part of the store.
    """
    done = Swept()
    now = _now_on_disk()
    if now is None:
        return done
    found = {path.name: path for path in _kept()}
    # Rows after files: a row that comes in between belongs to a file that is not in the list, and is left alone.
    known = dict(Attachment.objects.exclude(stored_name="").values_list("stored_name", "public_id"))
    done.files = len(found)
    orphans = []
    for name, path in found.items():
        if name not in known:
            age = _age(path, now)
            if age is not None and age >= OLD_SECONDS:
                orphans.append(path)
            else:
                done.young += 1
    done.orphans = len(orphans)
    done.held_back = not however_many and len(orphans) > max(FEW, len(found) // 10)
    half_written = [path for path in _incoming() if (_age(path, now) or 0) >= OLD_SECONDS]
    done.left_behind = len(half_written)
    if not dry_run and not done.held_back:
        for path in (*orphans, *half_written):
            path.unlink(missing_ok=True)
        done.removed = len(orphans)
    gone = [
        str(known[name])
        for name in sorted(known)
        if name not in found and not file_store.path_of(name).exists()
    ]
    done.missing, done.missing_count = gone[:MOST_NAMED], len(gone)
    return done


def daily() -> Swept | None:
    """Sweep if the last sweep of this store is a day old, and log what needs a person; None when it is not due."""
    now = _now_on_disk()
    mark = file_store.root() / "swept"
    if now is None or (mark.exists() and now - mark.stat().st_mtime < EVERY_SECONDS):
        return None
    mark.touch(mode=0o600)
    done = sweep()
    if done.held_back:
        logger.error(
            "%d of %d attached files have no row; none was removed. See manage.py sweep_files",
            done.orphans,
            done.files,
        )
    elif done.removed or done.left_behind:
        logger.warning("files without a row removed=%d half-written=%d", done.removed, done.left_behind)
    if done.missing:
        logger.error(
            "%d attachments have no file, such as %s", done.missing_count, ", ".join(done.missing[:5])
        )
    return done


def _kept() -> Iterator[Path]:
    """Every file under a name that the store gives out."""
    for folder in file_store.root().iterdir():
        if folder.is_dir() and len(folder.name) == file_store.PLACE:
            yield from (path for path in folder.iterdir() if len(path.name) == 32 and path.is_file())


def _incoming() -> list[Path]:
    folder = file_store.root() / "incoming"
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _now_on_disk() -> float | None:
    """The moment by the clock that dates files there; None while there is no store."""
    if not file_store.root().is_dir():
        return None
    probe = file_store.root() / f"probe-{secrets.token_hex(8)}"
    probe.touch(mode=0o600)
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _age(path: Path, now: float) -> float | None:
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:  # taken out meanwhile
        return None
