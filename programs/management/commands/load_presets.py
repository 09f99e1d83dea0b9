"""Load programs from YAML files: those that ship, or the ones named."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import clock
from portal.refusals import Refused
from programs import memberships, presets


class Command(BaseCommand):
    help = "Load programs from YAML, the shipped ones unless files or slugs are named. Safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "names", nargs="*", metavar="FILE_OR_SLUG", help="a YAML file, or the slug of a shipped program"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")

    def handle(self, *args: Any, names: list[str], dry_run: bool, **options: Any) -> None:
        for path in [self._path(name) for name in names] or presets.shipped():
            try:
                text = path.read_text(encoding="utf-8")
                loaded = presets.load(text=text, name=path.name, by=None, at=clock.now(), dry_run=dry_run)
            except UnicodeDecodeError as error:
                raise CommandError(
                    f"{path.name} is not UTF-8 text: {error.reason} at byte {error.start}."
                ) from error
            except Refused as error:
                raise CommandError(str(error)) from error
            self._report(loaded, dry_run=dry_run)
        if not dry_run:
            memberships.sync_groups()  # this runs at every upgrade, which may bring new permissions

    def _path(self, name: str) -> Path:
        for path in (Path(name), presets.SHIPPED / f"{name}.yaml"):
            if path.is_file():
                return path
        known = ", ".join(path.stem for path in presets.shipped())
        raise CommandError(f"There is no file and no shipped program “{name}”. Shipped are: {known}.")

    def _report(self, loaded: presets.Loaded, *, dry_run: bool) -> None:
        if loaded.created:
            self.stdout.write(f"{loaded.slug}: {'would be added' if dry_run else 'added'}")
        elif not loaded.changes:
            self.stdout.write(f"{loaded.slug}: nothing to change")
        else:
            self.stdout.write(f"{loaded.slug}: {'would change' if dry_run else 'changed'}")
        for change in loaded.changes:
            self.stdout.write(f"  {change}")
