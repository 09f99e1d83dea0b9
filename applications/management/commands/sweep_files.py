"""manage.py sweep_files"""

import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from applications import file_sweep


class Command(BaseCommand):
    help = (
        "Compare attached files with their rows: files without a row that are older than a day are removed, rows without "
        "a file are named. The clock does this once a day. Prints JSON; ends with 1 when something needs a person."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only look, remove nothing")
        parser.add_argument(
            "--however-many", action="store_true", help="remove even when it is a large part of all files"
        )

    def handle(self, *args: object, dry_run: bool, however_many: bool, **options: object) -> None:
        done = file_sweep.sweep(dry_run=dry_run, however_many=however_many)
        self.stdout.write(json.dumps(done.as_json()))
        if done.held_back and not dry_run:
            raise CommandError(
                f"{done.orphans} of {done.files} files have no row, so nothing was removed. Is this the database of these "
                "files? If it is, run it again with --however-many."
            )
        if done.missing:
            raise CommandError(f"{done.missing_count} attachments have no file. Restore them from a backup.")
