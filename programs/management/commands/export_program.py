"""Write a program as the YAML that load_presets reads."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from programs import presets
from programs.models import Program


class Command(BaseCommand):
    help = "Write one program as YAML, to the screen or to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--output", type=Path, metavar="FILE")

    def handle(self, *args: Any, slug: str, output: Path | None, **options: Any) -> None:
        program = Program.objects.filter(slug=slug).first()
        if program is None:
            known = ", ".join(Program.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no program “{slug}”. Known are: {known}.")
        text = presets.export_text(program)
        if output:
            output.write_text(text, encoding="utf-8")
            self.stdout.write(f"{slug}: written to {output}")
        else:
            self.stdout.write(text, ending="")
