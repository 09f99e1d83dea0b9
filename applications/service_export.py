"""The complete record of applications for operators: no person asks, so nobody's conflicts leave anything out."""

from collections.abc import Iterator

from applications import cells
from applications.models import Application

COLUMNS = (
    "reference",
    "program",
    "evaluation_on",
    "state",
    "title",
    "field",
    "institution",
    "country",
    "requested_cents",
    "requested_months",
    "organization_id",
    "applicant",
    "submitted_at",
)


def rows(*, cycle_id: int | None = None) -> Iterator[list[str]]:
    """Every application that was sent, in the order of its number; text that a spreadsheet would run is quoted."""
    found = Application.objects.filter(submitted_at__isnull=False)
    if cycle_id is not None:
        found = found.filter(cycle_id=cycle_id)
    listed = found.order_by("pk").values_list(
        "reference",
        "program__slug",
        "cycle__evaluation_on",
        "state",
        "title",
        "field",
        "institution",
        "country",
        "requested_cents",
        "requested_months",
        "organization_id_text",
        "applicant__email",
        "submitted_at",
    )
    for row in listed.iterator(chunk_size=5_000):
        yield [cells.cell(None if value is None else str(value)) for value in row]
