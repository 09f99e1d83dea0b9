import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0012_review_in_two_looks"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="application",
            name="one_draft_per_program",
        ),
        migrations.RemoveConstraint(
            model_name="application",
            name="one_live_application_per_cycle",
        ),
        migrations.AddField(
            model_name="application",
            name="amends",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="The awarded application that this one updates.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="amendments",
                to="applications.application",
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="kind",
            field=models.CharField(
                choices=[
                    ("award", "Award"),
                    ("decline", "Decline"),
                    ("change", "Change without more credit"),
                    ("defer", "Deferral"),
                    ("waitlist", "Waiting list"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="decisionevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("award", "Award"),
                    ("decline", "Decline"),
                    ("change", "Change without more credit"),
                    ("defer", "Deferral"),
                    ("waitlist", "Waiting list"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                condition=models.Q(("amends__isnull", True), ("state", "draft")),
                fields=("program", "applicant"),
                name="one_draft_per_program",
                violation_error_message="You have a draft for this program.",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["draft", "withdrawn"]), _negated=True), ("amends__isnull", True)
                ),
                fields=("cycle", "applicant"),
                name="one_live_application_per_cycle",
                violation_error_message="You have an application in this cycle.",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                condition=models.Q(("amends__isnull", False), ("state__in", ["draft", "submitted"])),
                fields=("amends",),
                name="one_live_amendment_per_award",
                violation_error_message="This award has an updated application already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["draft", "withdrawn"]), _negated=True), ("amends__isnull", False)
                ),
                fields=("amends", "cycle"),
                name="one_amendment_per_award_and_cycle",
            ),
        ),
        migrations.AddIndex(
            model_name="application",
            index=models.Index(
                condition=models.Q(("amends__isnull", False)), fields=["amends"], name="application_by_award"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "change"), _negated=True),
                    models.Q(("amount_cents__isnull", True), ("grant__isnull", True)),
                    _connector="OR",
                ),
                name="change_has_no_credit",
                violation_error_message="A change without more credit has no amount.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="application",
            trigger=pgtrigger.compiler.Trigger(
                name="amendment_fits_award",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."amends_id" IS NOT NULL)',
                    func="\n    IF NOT EXISTS (\n        SELECT 1 FROM applications_application award\n         WHERE award.id = NEW.amends_id AND award.amends_id IS NULL AND award.state = 'awarded'\n           AND award.applicant_id = NEW.applicant_id AND award.program_id = NEW.program_id\n    ) THEN\n        RAISE EXCEPTION 'an amendment updates an award of the same person in the same program';\n    END IF;\n    IF EXISTS (\n        SELECT 1 FROM applications_application other\n          JOIN programs_cycle cycle ON cycle.id = other.cycle_id\n          JOIN programs_program program ON program.id = other.program_id\n         WHERE other.amends_id = NEW.amends_id AND other.state IN ('in_review', 'deferred')\n           AND (cycle.decided_by_on + 1)::timestamp AT TIME ZONE program.time_zone > NEW.created_at\n    ) THEN\n        RAISE EXCEPTION 'this award has an amendment under evaluation';\n    END IF;\n    RETURN NEW;\n",
                    hash="cf7c6765694f38a19669d4d11dfcd1a7c80ce2db",
                    operation="INSERT",
                    pgid="pgtrigger_amendment_fits_award_5322b",
                    table="applications_application",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="application",
            trigger=pgtrigger.compiler.Trigger(
                name="amends_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."amends_id" IS DISTINCT FROM (NEW."amends_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="992cdd0bdf96d23a8d2c9860d8b1d94dc30ebef8",
                    operation="UPDATE",
                    pgid="pgtrigger_amends_is_kept_542a8",
                    table="applications_application",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="change_is_for_amendment",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"kind\" = 'change')",
                    func="\n    IF NOT EXISTS (\n        SELECT 1 FROM applications_application a WHERE a.id = NEW.application_id AND a.amends_id IS NOT NULL\n    ) THEN\n        RAISE EXCEPTION 'only an amendment is agreed to without credit';\n    END IF;\n    RETURN NEW;\n",
                    hash="4e84380a48e8365aa1592076df3d5d8ef4cde089",
                    operation='INSERT OR UPDATE OF "kind", "application_id"',
                    pgid="pgtrigger_change_is_for_amendment_016ac",
                    table="applications_decision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
