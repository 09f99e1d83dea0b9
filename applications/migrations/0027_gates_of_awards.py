"""What must be true of an award when its credit is sent: decision, second person, binding, country, gates."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__)
CREDITS = HERE.parents[2] / "credits" / "migrations"


def _again(path: Path, name: str, end: str) -> str:
    """A function as an earlier migration made it, to be put back."""
    text = path.read_text(encoding="utf-8")
    start = text.index(f"CREATE FUNCTION {name}(")
    return text[start : text.index(end, start)].replace("CREATE", "CREATE OR REPLACE", 1) + end


UNDO = f"""
{_again(HERE.with_name("0021_accepted_awards_counted.sql"), "grant_bound", "END $$;")}
{_again(CREDITS / "0009_gates_before_sending.sql", "ledger_award_gate", "WHERE false $$;")}
DROP FUNCTION approved_for_another(bigint, bigint);
DROP FUNCTION country_is_refused(bigint, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0026_posted_again_whole"),
        ("credits", "0009_gates_before_sending"),
    ]

    operations = [
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
    ]
