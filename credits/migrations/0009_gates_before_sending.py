"""Gates before credit is sent or moved: organization, enforcement, and whatever those who award credit know."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__)


def _fixed_before() -> str:
    """grant_is_fixed as migration 0003 made it."""
    text = HERE.with_name("0003_append_only.sql").read_text(encoding="utf-8")
    start = text.index("CREATE FUNCTION grant_is_fixed()")
    return text[start : text.index("END $$;", start)].replace("CREATE", "CREATE OR REPLACE", 1) + "END $$;"


UNDO = f"""
DROP TRIGGER ledger_gates ON ledger_transfer;
DROP FUNCTION ledger_gates();
DROP FUNCTION ledger_lot_gate(text, bigint, bigint, text, text, text, boolean, credits_grant, credits_grant);
DROP FUNCTION ledger_award_gate(bigint[]);
{_fixed_before()}
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0008_enforcement_and_events"), ("portal", "0001_tables")]

    operations = [
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
    ]
