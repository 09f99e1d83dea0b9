"""The triggers that refuse every write to the ledger except a new transfer."""

from pathlib import Path

from django.db import migrations

UNDO = """
DROP FUNCTION grant_is_fixed() CASCADE;
DROP FUNCTION ledger_refuse_filled_account() CASCADE;
DROP FUNCTION ledger_only_by_trigger() CASCADE;
DROP FUNCTION ledger_refuse_truncate() CASCADE;
DROP FUNCTION ledger_refuse_change() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0002_ledger_trigger")]

    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
    ]
