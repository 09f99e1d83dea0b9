"""When a decision was released is as frozen as what was released: the sums of twelve months are counted by it."""

from pathlib import Path

from django.db import migrations

BEFORE = "NEW.released_by_id, NEW.counted_cents"
AFTER = "NEW.released_by_id, NEW.released_at, NEW.approved_at, NEW.counted_cents"


def _function(*, kept: bool) -> str:
    """The function of migration 0010, with or without the two moments among what is kept."""
    text = Path(__file__).with_name("0010_four_eyes.sql").read_text(encoding="utf-8")
    start = text.index("CREATE FUNCTION decision_approval()")
    body = text[start : text.index("CREATE TRIGGER decision_approval_insert")]
    body = body.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    if kept:
        body = body.replace(BEFORE, AFTER).replace(BEFORE.replace("NEW", "OLD"), AFTER.replace("NEW", "OLD"))
    return body


class Migration(migrations.Migration):
    dependencies = [("applications", "0016_exports_and_figures")]

    operations = [migrations.RunSQL(_function(kept=True), _function(kept=False))]
