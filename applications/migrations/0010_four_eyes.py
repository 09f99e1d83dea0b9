"""Triggers that keep four eyes: approvals bound to what was approved, sums counted again at release."""

from pathlib import Path

from django.db import migrations

UNDO = """
DROP TRIGGER decision_released_update ON applications_decision;
DROP TRIGGER decision_released_insert ON applications_decision;
DROP TRIGGER application_voids_approval ON applications_application;
DROP TRIGGER decision_approval_update ON applications_decision;
DROP TRIGGER decision_approval_insert ON applications_decision;
DROP FUNCTION decision_released();
DROP FUNCTION decision_release_check(bigint[]);
DROP FUNCTION application_voids_approval();
DROP FUNCTION decision_approval();
DROP FUNCTION decision_refuse(text, text);
DROP FUNCTION award_totals(bigint[], timestamptz, bigint[]);
DROP FUNCTION decision_binding(bigint, text, bigint, smallint, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0009_decisions_with_two_people"),
        ("credits", "0001_tables"),
        ("programs", "0003_rules_versions"),
    ]

    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
    ]
