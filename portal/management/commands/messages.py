"""Find the texts of the public site, bring them into the catalogues, and compile those (docs/languages.md)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal import catalogues


class Command(BaseCommand):
    help = "Bring locale/*/LC_MESSAGES/django.po up to date and compile it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--show", action="store_true", help="list the texts that have no translation yet")

    def handle(self, *args: Any, **options: Any) -> None:
        entries = catalogues.found(settings.BASE_DIR)
        for file in sorted(Path(settings.BASE_DIR, "locale").glob("*/LC_MESSAGES/django.po")):
            catalogue = catalogues.merged(catalogues.read(file.read_text()), entries)
            file.write_text(catalogues.write(catalogue))
            file.with_suffix(".mo").write_bytes(catalogues.compiled(catalogue))
            waiting = [
                entry.one for entry in catalogue.entries.values() if not entry.said or not all(entry.said)
            ]
            self.stdout.write(
                f"{file.parent.parent.name}: {len(catalogue.entries)} texts, {len(waiting)} to translate"
            )
            for text in waiting if options["show"] else ():
                self.stdout.write(f"  {text}")
