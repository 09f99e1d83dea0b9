"""Something to read and to fetch: the numbers of the year before, and exports in different states."""

from datetime import datetime, timedelta

from applications import exports, public_figures
from applications.models import ExportFormat, ExportKind
from portal.models import User
from programs.models import Program

YEAR_BEFORE = {
    "counts": {
        "field": [
            ("biology", 212, 61),
            ("physics", 118, 34),
            ("environment", 96, 31),
            ("computing", 74, 12),
            ("chemistry", 41, 3),
            ("earth", 9, 2),
            ("other", 3, 1),
        ],
        "country": [
            ("US", 160, 44),
            ("DE", 88, 27),
            ("IN", 81, 22),
            ("BR", 70, 19),
            ("KE", 62, 14),
            ("JP", 54, 12),
            ("NZ", 35, 5),
            ("GH", 3, 1),
        ],
        "career_stage": [("doctoral", 187, 52), ("postdoc", 164, 47), ("senior", 120, 33), ("", 82, 12)],
        "institution_kind": [("university", 401, 112), ("institute", 96, 24), ("nonprofit", 56, 8)],
    },
    "applications": 553,
    "awards": 144,
    "awarded_cents": 1_152_000_00,
    "median_days": 9,
}
"""Invented, like everything here; it goes through the same rule for small numbers as any other year."""


def tell(persons: dict[str, User], at: datetime) -> None:
    """One program shows its figures, and its manager has asked for three files."""
    program = Program.objects.get(slug="ai-for-science")
    manager = persons["manager"]
    public_figures.keep(program=program, year=at.year - 1, at=at, **YEAR_BEFORE)  # type: ignore[arg-type]
    public_figures.switch(program_id=program.pk, on=True, by=manager, at=at)
    for kind, file_format, minutes in (
        (ExportKind.DECISIONS, ExportFormat.CSV, 90),
        (ExportKind.APPLICATIONS, ExportFormat.XLSX, 40),
    ):
        asked = at - timedelta(minutes=minutes)
        exports.start(kind=kind, file_format=file_format, program_id=program.pk, by=manager, at=asked)
        exports.run_due(at=asked)
    export = exports.start(
        kind=ExportKind.PEOPLE,
        file_format=ExportFormat.CSV,
        program_id=program.pk,
        by=manager,
        at=at - timedelta(minutes=20),
    )
    exports.cancel(public_id=export.public_id, by=manager, at=at - timedelta(minutes=19))
