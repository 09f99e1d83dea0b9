"""Triggers that seal what was scored without names, let gates expire, and hold awards back behind open gates."""

from pathlib import Path

from django.db import migrations

UNDO = """
DROP TRIGGER application_gates_update ON applications_application;
DROP TRIGGER decision_gates_update ON applications_decision;
DROP TRIGGER decision_gates_insert ON applications_decision;
DROP TRIGGER gates_expire ON applications_application;
DROP TRIGGER score_keeps_its_look ON applications_score;
DROP FUNCTION application_has_its_gates();
DROP FUNCTION decision_has_its_gates();
DROP FUNCTION award_has_its_gates(bigint[]);
DROP FUNCTION open_gates(bigint[]);
DROP FUNCTION gate_applies(jsonb, jsonb);
DROP FUNCTION gates_expire();
DROP FUNCTION answers_digest(jsonb);
DROP FUNCTION score_keeps_its_look();
DROP FUNCTION score_is_sealed(bigint, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("applications", "0014_assigning_links_reminders")]

    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
    ]
