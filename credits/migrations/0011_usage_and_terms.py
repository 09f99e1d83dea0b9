"""Usage by organization and day, warnings, and terms whose clock may start at the decision or at first use."""

from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0010_reconciliations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="GrantWarning",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("days", "Days before the end"),
                            ("used", "Percent used"),
                            ("ended", "The end"),
                        ],
                        max_length=8,
                    ),
                ),
                ("mark", models.PositiveSmallIntegerField(help_text="Days, percent, or 0 for the end.")),
                ("passed_at", models.DateTimeField()),
                (
                    "is_told",
                    models.BooleanField(help_text="False: a later mark was passed at the same moment."),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "told_cents",
                    models.BigIntegerField(help_text="What the provider says.", verbose_name="used"),
                ),
                ("posted_cents", models.BigIntegerField(verbose_name="taken from credit")),
                ("reports", models.PositiveIntegerField(help_text="The number of its last report.")),
            ],
            options={
                "verbose_name": "day of usage",
                "verbose_name_plural": "days of usage",
            },
        ),
        migrations.CreateModel(
            name="UsageCorrection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("told_cents", models.BigIntegerField(verbose_name="right figure")),
                ("reason", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Waits for a second person"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("taken_back", "Taken back"),
                        ],
                        default="asked",
                        max_length=12,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="UsageReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("told_cents", models.BigIntegerField(verbose_name="used")),
                ("moved_cents", models.BigIntegerField(verbose_name="moved")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("event", "Signed event"),
                            ("file", "File"),
                            ("manual", "Entered by hand"),
                            ("correction", "Correction by two people"),
                            ("cover", "Rest taken later"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        blank=True, help_text="The event, or the file, that told it.", max_length=200
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="grant",
            name="grant_confirmed_has_start",
        ),
        migrations.RemoveConstraint(
            model_name="grant",
            name="grant_expiry_after_start",
        ),
        migrations.AddField(
            model_name="grant",
            name="late_usage_days",
            field=models.PositiveSmallIntegerField(
                db_default=3, default=3, help_text="Usage reported so many days after the end still counts."
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="latest_end_on",
            field=models.DateField(
                blank=True, help_text="A last day that the program set for all its credit.", null=True
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="term_starts",
            field=models.CharField(
                choices=[
                    ("posting", "When the provider confirms the credit"),
                    ("decision", "When the award is released"),
                    ("first_use", "When the credit is first used"),
                ],
                db_default="posting",
                default="posting",
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("expires_on__isnull", False), ("stage", "confirmed")),
                fields=["expires_on", "id"],
                name="grants_to_expire",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("confirmed_at__isnull", False),
                        ("stage", "confirmed"),
                        models.Q(("starts_on__isnull", False), ("term_starts", "first_use"), _connector="OR"),
                    ),
                    models.Q(
                        models.Q(("stage", "confirmed"), _negated=True),
                        ("confirmed_at__isnull", True),
                        ("starts_on__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="grant_confirmed_has_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_on__isnull", True),
                    models.Q(
                        ("expires_on__gt", models.F("starts_on")),
                        ("starts_on__isnull", False),
                        ("term_months__isnull", False),
                    ),
                    models.Q(
                        ("expires_on__lte", models.F("latest_end_on")), ("latest_end_on__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="grant_expiry_after_start",
            ),
        ),
        migrations.AddField(
            model_name="grantwarning",
            name="grant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="warnings",
                to="credits.grant",
            ),
        ),
        migrations.AddField(
            model_name="usage",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="usage",
                to="credits.organization",
            ),
        ),
        migrations.AddField(
            model_name="usagecorrection",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="usagecorrection",
            name="case",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="credits.case",
            ),
        ),
        migrations.AddField(
            model_name="usagecorrection",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="usagecorrection",
            name="usage",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="corrections", to="credits.usage"
            ),
        ),
        migrations.AddField(
            model_name="usagereport",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="usagereport",
            name="usage",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="told",
                to="credits.usage",
            ),
        ),
        migrations.AddConstraint(
            model_name="grantwarning",
            constraint=models.UniqueConstraint(fields=("grant", "kind", "mark"), name="one_warning_per_mark"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grantwarning",
            trigger=pgtrigger.compiler.Trigger(
                name="grant_warning_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="0027775ba6dccbc8ac5b6f7034fe5ef3206d6c60",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_grant_warning_is_kept_6697e",
                    table="credits_grantwarning",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="usage",
            index=models.Index(fields=["-day", "-id"], name="usage_by_day"),
        ),
        migrations.AddConstraint(
            model_name="usage",
            constraint=models.UniqueConstraint(
                fields=("organization", "day", "currency"), name="one_usage_per_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="usage",
            constraint=models.CheckConstraint(
                condition=models.Q(("posted_cents__gte", 0), ("told_cents__gte", models.F("posted_cents"))),
                name="usage_takes_no_more_than_told",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usage",
            trigger=pgtrigger.compiler.Trigger(
                name="usage_names_one_day",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."day" IS DISTINCT FROM (NEW."day") OR OLD."currency" IS DISTINCT FROM (NEW."currency"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="b24e1dd97dd1b037c645be54a2b5af9e597d7972",
                    operation="UPDATE",
                    pgid="pgtrigger_usage_names_one_day_cc705",
                    table="credits_usage",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usage",
            trigger=pgtrigger.compiler.Trigger(
                name="usage_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="e3487ed5395deff8c3325fb059b1b17f28a33742",
                    operation="DELETE",
                    pgid="pgtrigger_usage_stays_20e7f",
                    table="credits_usage",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="usagecorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("told_cents__gte", 0)), name="usage_correction_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="usagecorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["asked", "taken_back"]),
                    models.Q(("decided_by", models.F("asked_by")), _negated=True),
                    _connector="OR",
                ),
                name="usage_correction_two_people",
                violation_error_message="Another person than the one who asked decides this.",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagecorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("state", "asked")),
                    models.Q(
                        models.Q(("state", "asked"), _negated=True),
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="usage_correction_decided_has_who",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagecorrection",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "asked")),
                fields=("usage",),
                name="one_usage_correction_waits",
                violation_error_message="A correction of this day waits already.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usagecorrection",
            trigger=pgtrigger.compiler.Trigger(
                name="usage_correction_is_fixed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NOT (OLD."state" = \'asked\') OR OLD."usage_id" IS DISTINCT FROM (NEW."usage_id") OR OLD."told_cents" IS DISTINCT FROM (NEW."told_cents") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="767ff6eeabfee3222a05591ca80b801715a2f51b",
                    operation="UPDATE",
                    pgid="pgtrigger_usage_correction_is_fixed_c472b",
                    table="credits_usagecorrection",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usagecorrection",
            trigger=pgtrigger.compiler.Trigger(
                name="usage_correction_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="89111bdfabc6056e349f03b86db1f4b87d41ab05",
                    operation="DELETE",
                    pgid="pgtrigger_usage_correction_stays_7b2fd",
                    table="credits_usagecorrection",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="usagereport",
            constraint=models.UniqueConstraint(
                fields=("usage", "number"), name="one_usage_report_per_number"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usagereport",
            trigger=pgtrigger.compiler.Trigger(
                name="usage_report_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c25aab9c1dcdf293d95a857c0518d51ab79542c8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_usage_report_is_kept_875e1",
                    table="credits_usagereport",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"),
            "DROP FUNCTION grant_term_is_set_once() CASCADE",
        ),
    ]
