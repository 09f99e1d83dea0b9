import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0011_requests"),
        ("programs", "0005_urgent_lanes_as_forms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Redaction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("question_key", models.CharField(max_length=64)),
                ("text", models.TextField(help_text="What reviewers read instead.")),
                (
                    "original_sha256",
                    models.CharField(help_text="Over the answer it was made from.", max_length=64),
                ),
                (
                    "lifted",
                    models.BooleanField(default=False, help_text="Reviewers read the answer itself again."),
                ),
                ("reason", models.CharField(max_length=300)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ThreadMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.TextField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="score",
            name="score_on_a_scale",
        ),
        migrations.AddField(
            model_name="gateresult",
            name="expired_at",
            field=models.DateTimeField(
                blank=True, help_text="When the answers changed under it; set by the database.", null=True
            ),
        ),
        migrations.AddField(
            model_name="gateresult",
            name="judged_sha256",
            field=models.CharField(
                blank=True, db_default="", help_text="Over the answers that were read.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="blind_submitted_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the part without names was handed in; names open with it.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="blind_total",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="The total before names were seen.",
                max_digits=4,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="decline_code",
            field=models.CharField(
                blank=True,
                choices=[
                    ("out_of_scope", "Outside what the program supports"),
                    ("no_question", "No research question"),
                    ("not_feasible", "Cannot be done as described"),
                    ("needs_no_credit", "Needs no credit, or another door"),
                    ("policy", "Against the usage policy"),
                    ("empty", "Empty, test or advertising"),
                    ("other", "Another reason"),
                ],
                db_default="",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="rules_version",
            field=models.ForeignKey(
                blank=True,
                help_text="The rubric it was handed in under.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="programs.programversion",
            ),
        ),
        migrations.AddField(
            model_name="score",
            name="not_applicable",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="recusal",
            name="kind",
            field=models.CharField(
                choices=[
                    ("collaborator", "Worked together lately"),
                    ("same_institution", "Same institution"),
                    ("mentor", "Taught or advised one of them"),
                    ("competitor", "Works on the same question"),
                    ("personal", "Personal relation"),
                    ("financial", "Financial interest"),
                    ("expertise", "Too far from my field"),
                    ("other", "Another reason"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="score",
            name="value",
            field=models.PositiveSmallIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)]
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="review",
            trigger=pgtrigger.compiler.Trigger(
                name="review_follows_table",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{draft:in}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="c4efa62eee55434f840679330dcdbfc3beb7b242",
                    operation="UPDATE",
                    pgid="pgtrigger_review_follows_table_2ed02",
                    table="applications_review",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="review",
            trigger=pgtrigger.compiler.Trigger(
                name="look_without_names_is_sealed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."blind_submitted_at" IS DISTINCT FROM (NEW."blind_submitted_at") AND OLD."blind_submitted_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="a73d560989661a4e5e8832a457c2620476411f6a",
                    operation="UPDATE",
                    pgid="pgtrigger_look_without_names_is_sealed_aa851",
                    table="applications_review",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="score",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("not_applicable", False),
                        ("value__gte", 1),
                        ("value__isnull", False),
                        ("value__lte", 10),
                    ),
                    models.Q(("not_applicable", True), ("value__isnull", True)),
                    _connector="OR",
                ),
                name="score_on_a_scale",
                violation_error_message="A score lies on the scale, or the criterion does not apply.",
            ),
        ),
        migrations.AddField(
            model_name="redaction",
            name="application",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="redactions",
                to="applications.application",
            ),
        ),
        migrations.AddField(
            model_name="redaction",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="threadmessage",
            name="application",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="thread",
                to="applications.application",
            ),
        ),
        migrations.AddField(
            model_name="threadmessage",
            name="author",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="redaction",
            index=models.Index(fields=["application", "question_key", "-id"], name="redaction_newest"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="redaction",
            trigger=pgtrigger.compiler.Trigger(
                name="redaction_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="2bf01d4a42a4b12c0f6a0d92317c7eb70081f407",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_redaction_append_only_e3885",
                    table="applications_redaction",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="threadmessage",
            index=models.Index(fields=["application", "id"], name="thread_in_order"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="threadmessage",
            trigger=pgtrigger.compiler.Trigger(
                name="thread_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="4ee306ad22d17f47673a29adb090c38cf659be57",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_thread_append_only_a2a26",
                    table="applications_threadmessage",
                    when="BEFORE",
                ),
            ),
        ),
    ]
