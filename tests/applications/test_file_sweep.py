"""Files without rows and rows without files: what the sweep removes, what it leaves alone, what it says."""

import io
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from applications import attachments, file_store, file_sweep
from applications.models import Application, Attachment
from applications.tick import tick
from tests.factories.applications import BEFORE, make_draft, make_program
from tests.factories.files import ask, make_attachment

pytestmark = pytest.mark.django_db

TWO_DAYS = timedelta(days=2).total_seconds()


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def draft() -> Application:
    program = make_program()
    ask(program)
    return make_draft(program)


def stray(name: str = "ab" + "0" * 30, *, old: bool = True, folder: str = "") -> Path:
    """A file without a row, as a process leaves it that dies between the two."""
    path = file_store.root() / (folder or name[:2]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    return aged(path) if old else path


def aged(path: Path) -> Path:
    then = path.stat().st_mtime - TWO_DAYS
    os.utime(path, (then, then))
    return path


def test_without_a_store_there_is_nothing_to_do() -> None:
    assert file_sweep.sweep() == file_sweep.Swept()
    assert file_sweep.daily() is None


def test_a_file_without_a_row_goes_and_one_with_a_row_stays(draft) -> None:
    attachment = make_attachment(draft)
    kept = aged(file_store.path_of(attachment.stored_name))
    orphan = stray()

    done = file_sweep.sweep()

    assert (done.files, done.orphans, done.removed, done.missing) == (2, 1, 1, [])
    assert (kept.exists(), orphan.exists()) == (True, False)


def test_a_crash_between_file_and_row_is_what_leaves_one(draft, monkeypatch) -> None:
    def dies(stored_name: str) -> None:
        raise SystemExit

    monkeypatch.setattr(attachments, "_attach", lambda *_args, **_more: dies(""))
    monkeypatch.setattr(file_store, "forget", lambda _name: None)  # a killed process tidies nothing
    with pytest.raises(SystemExit):
        make_attachment(draft)
    [path] = [path for path in file_store.root().rglob("*") if path.is_file()]

    assert file_sweep.sweep().removed == 0
    aged(path)
    assert file_sweep.sweep().removed == 1
    assert not path.exists()


def test_a_running_upload_is_left_alone_even_when_this_clock_is_ahead() -> None:
    young, incoming = stray(old=False), stray("0" * 32, old=False, folder="incoming")

    tick(at=BEFORE + timedelta(days=400))

    assert young.exists()
    assert incoming.exists()


def test_half_written_uploads_go_after_a_day() -> None:
    path = stray("0" * 32, folder="incoming")

    assert file_sweep.sweep().left_behind == 1
    assert not path.exists()


def test_a_row_without_its_file_is_named_and_kept(draft) -> None:
    attachment = make_attachment(draft)
    file_store.forget(attachment.stored_name)

    done = file_sweep.sweep()

    assert (done.missing, done.missing_count) == ([str(attachment.public_id)], 1)
    assert Attachment.objects.filter(pk=attachment.pk).exists()


def test_a_refused_file_has_none_and_is_not_missed(draft) -> None:
    attachment = make_attachment(draft)
    file_store.forget(attachment.stored_name)
    Attachment.objects.filter(pk=attachment.pk).update(state="refused", stored_name="")

    assert file_sweep.sweep().missing == []


def test_a_store_of_another_database_is_not_emptied() -> None:
    strays = [stray(f"{number:032x}") for number in range(file_sweep.FEW + 1)]

    done = file_sweep.sweep()

    assert (done.held_back, done.removed, done.orphans) == (True, 0, len(strays))
    assert all(path.exists() for path in strays)
    assert file_sweep.sweep(however_many=True).removed == len(strays)


def test_looking_removes_nothing() -> None:
    path = stray()

    assert (file_sweep.sweep(dry_run=True).orphans, path.exists()) == (1, True)


def test_foreign_files_in_the_folder_are_not_ours_to_remove() -> None:
    for path in (stray("README", folder="ab"), stray("backup.tar", folder="notes")):
        file_sweep.sweep()
        assert path.exists()


def test_the_clock_sweeps_once_a_day(draft) -> None:
    make_attachment(draft)
    first = stray()
    tick(at=BEFORE)
    second = stray("cd" + "0" * 30)
    tick(at=BEFORE)
    assert (first.exists(), second.exists()) == (False, True)

    aged(file_store.root() / "swept")
    tick(at=BEFORE)

    assert not second.exists()


def test_the_command_prints_json_and_ends_with_one_when_a_person_is_needed(draft) -> None:
    attachment = make_attachment(draft)
    stray()
    out = io.StringIO()
    call_command("sweep_files", stdout=out)
    assert json.loads(out.getvalue())["removed"] == 1

    file_store.forget(attachment.stored_name)
    with pytest.raises(CommandError, match="1 attachments have no file"):
        call_command("sweep_files", stdout=io.StringIO())
