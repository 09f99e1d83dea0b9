"""Requests for credit in a pool: asked by one person, decided by another."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0004_fewer_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FundingRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "program",
                    models.SlugField(db_index=False, help_text="Slug of the program.", max_length=64),
                ),
                ("period", models.CharField(help_text="The year of the pool.", max_length=16)),
                ("currency", models.CharField(max_length=3)),
                ("amount_cents", models.BigIntegerField(verbose_name="amount")),
                ("reason", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Waits for a second person"),
                            ("funded", "Funded"),
                            ("refused", "Refused"),
                            ("taken_back", "Taken back"),
                        ],
                        default="asked",
                        max_length=12,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("answer", models.CharField(blank=True, help_text="Why it was refused.", max_length=300)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "transfer",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="funding_request",
                        to="credits.transfer",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["program", "-id"], name="funding_by_program")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_cents__gt", 0), ("amount_cents__lte", 1000000000000000)),
                        name="funding_amount_positive",
                        violation_error_message="Ask for more than nothing.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["asked", "funded", "refused", "taken_back"])),
                        name="funding_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="funding_currency_form"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True), ("decided_by__isnull", True), ("state", "asked")
                            ),
                            models.Q(
                                models.Q(("state", "asked"), _negated=True),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="funding_decided_has_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "taken_back"]),
                            models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="funding_two_people",
                        violation_error_message="Another person than the one who asked decides this.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "funded"), ("transfer__isnull", False)),
                            models.Q(
                                models.Q(("state", "funded"), _negated=True), ("transfer__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="funding_funded_has_transfer",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "asked")),
                        fields=("program", "period", "amount_cents", "reason", "asked_by"),
                        name="funding_asked_once",
                        violation_error_message="You have asked for this already.",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fundingrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="funding_request_is_fixed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NOT (OLD."state" = \'asked\') OR OLD."program" IS DISTINCT FROM (NEW."program") OR OLD."period" IS DISTINCT FROM (NEW."period") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."amount_cents" IS DISTINCT FROM (NEW."amount_cents") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="729f83f005fe8548393788878efd94aef97aa82b",
                    operation="UPDATE",
                    pgid="pgtrigger_funding_request_is_fixed_46d00",
                    table="credits_fundingrequest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fundingrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="funding_request_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="daa63c1dec9d94b8c6df8d322ebdbbfbfae223cc",
                    operation="DELETE",
                    pgid="pgtrigger_funding_request_stays_4b59c",
                    table="credits_fundingrequest",
                    when="BEFORE",
                ),
            ),
        ),
    ]
