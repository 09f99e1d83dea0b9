"""What is posted again is the whole award, its second half included."""

from pathlib import Path

from django.db import migrations

ONE = "AND g.stage IN ('failed', 'void') AND g.amount_cents = NEW.amount_cents"
WHOLE = """AND g.stage IN ('failed', 'void') AND d.amount_cents = NEW.amount_cents
               AND NOT EXISTS (SELECT 1 FROM credits_grant half
                                WHERE half.half_of_id = g.id AND half.stage NOT IN ('failed', 'void'))"""


def _function(*, whole: bool) -> str:
    text = Path(__file__).with_name("0024_awards_after_release.sql").read_text(encoding="utf-8")
    body = text[
        text.index("CREATE FUNCTION later_credit_fits()") : text.index("CREATE TRIGGER later_credit_fits")
    ]
    body = body.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    return body.replace(ONE, WHOLE) if whole else body


class Migration(migrations.Migration):
    dependencies = [("applications", "0025_sketches_drawn_anew")]

    operations = [migrations.RunSQL(_function(whole=True), _function(whole=False))]
