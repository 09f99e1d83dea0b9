import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0002_invitation_and_waiting"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProgramVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("content", models.JSONField()),
                (
                    "content_sha256",
                    models.CharField(help_text="Over the content as canonical JSON.", max_length=64),
                ),
                ("made_at", models.DateTimeField()),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="criterion",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="criterion",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="cycle",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="cycle",
            name="update_update",
        ),
        migrations.AddField(
            model_name="criterion",
            name="left",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="past_criteria",
                to="programs.program",
            ),
        ),
        migrations.AddField(
            model_name="criterionevent",
            name="left",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="programs.program",
            ),
        ),
        migrations.AlterField(
            model_name="criterion",
            name="program",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="criteria",
                to="programs.program",
            ),
        ),
        migrations.AlterField(
            model_name="criterionevent",
            name="program",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="programs.program",
            ),
        ),
        migrations.AddConstraint(
            model_name="criterion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("left__isnull", True), ("program__isnull", False)),
                    models.Q(("left__isnull", False), ("program__isnull", True)),
                    _connector="OR",
                ),
                name="criterion_is_used_or_left",
            ),
        ),
        migrations.AddField(
            model_name="programversion",
            name="made_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="programversion",
            name="program",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="versions",
                to="programs.program",
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="rules_version",
            field=models.ForeignKey(
                blank=True,
                help_text="The rules it is evaluated by, kept when its batch is formed (programs.rulebook).",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cycles",
                to="programs.programversion",
            ),
        ),
        migrations.AddField(
            model_name="cycleevent",
            name="rules_version",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                help_text="The rules it is evaluated by, kept when its batch is formed (programs.rulebook).",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="programs.programversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="programversion",
            constraint=models.UniqueConstraint(
                fields=("program", "number"), name="one_program_version_per_number"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="criterion",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "programs_criterionevent" ("anchors", "description", "id", "key", "kind", "left_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id", "scale_max", "show_if", "weight_percent") VALUES (NEW."anchors", NEW."description", NEW."id", NEW."key", NEW."kind", NEW."left_id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."program_id", NEW."scale_max", NEW."show_if", NEW."weight_percent"); RETURN NULL;',
                    hash="70b21b0963d7667d88c42beecceea0934790e60b",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_f6aec",
                    table="programs_criterion",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="criterion",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "programs_criterionevent" ("anchors", "description", "id", "key", "kind", "left_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id", "scale_max", "show_if", "weight_percent") VALUES (NEW."anchors", NEW."description", NEW."id", NEW."key", NEW."kind", NEW."left_id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."program_id", NEW."scale_max", NEW."show_if", NEW."weight_percent"); RETURN NULL;',
                    hash="7387b785f2025ae2fbd3f80cc8f64213071b406a",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_c2dde",
                    table="programs_criterion",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="cycle",
            trigger=pgtrigger.compiler.Trigger(
                name="cycle_keeps_its_rules",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."rules_version_id" IS DISTINCT FROM (NEW."rules_version_id") AND OLD."rules_version_id" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="53668dc172b3766986a7dc0613a3dbc299485924",
                    operation="UPDATE",
                    pgid="pgtrigger_cycle_keeps_its_rules_ea013",
                    table="programs_cycle",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="cycle",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "programs_cycleevent" ("closed_at", "cut_off_at", "decided_by_on", "evaluation_on", "id", "opens_at", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "review_due_at", "rules_version_id", "shifted_from_on", "state") VALUES (NEW."closed_at", NEW."cut_off_at", NEW."decided_by_on", NEW."evaluation_on", NEW."id", NEW."opens_at", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."program_id", NEW."review_due_at", NEW."rules_version_id", NEW."shifted_from_on", NEW."state"); RETURN NULL;',
                    hash="a5bdc074d1006bbfd62a84e994c596e0a2d80e91",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_38b17",
                    table="programs_cycle",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="cycle",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "programs_cycleevent" ("closed_at", "cut_off_at", "decided_by_on", "evaluation_on", "id", "opens_at", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "review_due_at", "rules_version_id", "shifted_from_on", "state") VALUES (NEW."closed_at", NEW."cut_off_at", NEW."decided_by_on", NEW."evaluation_on", NEW."id", NEW."opens_at", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."program_id", NEW."review_due_at", NEW."rules_version_id", NEW."shifted_from_on", NEW."state"); RETURN NULL;',
                    hash="7ee1e41f790c187802a5cf230d22a9d45a8a1eb8",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_04f63",
                    table="programs_cycle",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="programversion",
            trigger=pgtrigger.compiler.Trigger(
                name="program_version_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="eb7f75d3177adbd88466035684eb19389ee75fdf",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_program_version_is_kept_4c30e",
                    table="programs_programversion",
                    when="BEFORE",
                ),
            ),
        ),
    ]
