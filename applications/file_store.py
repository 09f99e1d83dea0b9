"""Where attached files lie, and the two programs that look at them first: our own inspection and a scanner.

The folder belongs to the portal alone; no web server serves it. Names in it are random.
"""

import hashlib
import json
import logging
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from applications import file_inspection
from portal.refusals import Refused

logger = logging.getLogger(__name__)
PLACE = 2  # leading characters of a name that are its folder, so that no folder grows without end


class TooLarge(Refused):
    """More bytes came than may come."""


class CannotInspect(Refused):
    """The file is not one that is taken. The message says why, "" when its kind is not known."""


class Verdict(Enum):
    """What the scanner said."""

    CLEAN = "clean"
    HARMFUL = "harmful"
    NOT_REACHED = "not reached"
    NO_SCANNER = "no scanner"


@dataclass(frozen=True)
class Kept:
    """A file in the store."""

    stored_name: str
    content_type: str
    pages: int | None
    size_bytes: int
    sha256: str


@contextmanager
def received(chunks: Iterable[bytes], *, most_bytes: int) -> Iterator[Path]:
    """Write what is uploaded to a file that is gone afterwards. Raises TooLarge."""
    path = root() / "incoming" / secrets.token_hex(16)
    _private_folder(path.parent)
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            size = 0
            for chunk in chunks:
                size += len(chunk)
                if size > most_bytes:
                    raise TooLarge("The file is too large.")
                file.write(chunk)
        yield path
    finally:
        path.unlink(missing_ok=True)


def keep_clean_copy(source: Path) -> Kept:
    """Inspect a file in a process of its own and keep the copy it writes. Raises CannotInspect; nothing is kept then."""
    stored_name = secrets.token_hex(16)
    target = path_of(stored_name)
    _private_folder(target.parent)
    try:
        found = _inspected(source, target)
        target.chmod(0o600)
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Kept(stored_name, found["content_type"], found["pages"], target.stat().st_size, digest)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _inspected(source: Path, target: Path) -> dict[str, Any]:
    command = [sys.executable, "-I", str(Path(file_inspection.__file__)), str(source), str(target)]
    slow = _("The file takes too long to be checked. Save a simpler copy and add that.")
    try:
        done = subprocess.run(command, capture_output=True, timeout=file_inspection.SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise CannotInspect(slow) from None
    try:
        found = json.loads(done.stdout)
    except ValueError:  # it was stopped at one of its limits
        logger.warning("inspection of an upload ended with %s", done.returncode)
        raise CannotInspect(slow) from None
    if "refused" in found:
        text = _(found["refused"]) if found["refused"] else ""
        raise CannotInspect(text % found["numbers"] if found.get("numbers") else text)
    return found


def scan(path: Path) -> Verdict:
    """Ask the scanner of SCANNER_COMMAND. Its exit code is the answer: 0 clean, 1 harmful, anything else no answer."""
    if not settings.SCANNER_COMMAND:
        return Verdict.NO_SCANNER
    words = shlex.split(settings.SCANNER_COMMAND)
    command = [word.replace("{file}", str(path)) for word in words]
    if not any("{file}" in word for word in words):
        command.append(str(path))
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=settings.SCANNER_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.error("the scanner gave no answer: %s", type(error).__name__)
        return Verdict.NOT_REACHED
    if done.returncode not in (0, 1):
        logger.error("the scanner ended with %s", done.returncode)
        return Verdict.NOT_REACHED
    return Verdict.HARMFUL if done.returncode else Verdict.CLEAN


def path_of(stored_name: str) -> Path:
    """Where a kept file lies. Only names that this module gave out are looked for."""
    if len(stored_name) != 32 or not stored_name.isalnum():
        raise ValueError("no name of a kept file")
    return root() / stored_name[:PLACE] / stored_name


def opened(stored_name: str) -> BinaryIO:
    """Open a kept file for reading. Raises FileNotFoundError."""
    return path_of(stored_name).open("rb")


def forget(stored_name: str) -> None:
    """Remove a kept file; one that is gone already is no error."""
    if stored_name:
        path_of(stored_name).unlink(missing_ok=True)


def root() -> Path:
    """The folder of all attached files."""
    return Path(settings.MEDIA_ROOT) / "attachments"


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
