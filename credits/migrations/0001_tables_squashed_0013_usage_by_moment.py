"""The ledger, grants and their deliveries, usage and cases, as the migrations up to 0013 leave them, in one step."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

from portal.squashed import InstallTriggers, sql_of


class Migration(migrations.Migration):
    replaces = [
        ("credits", "0001_tables"),
        ("credits", "0002_ledger_trigger"),
        ("credits", "0003_append_only"),
        ("credits", "0004_fewer_indexes"),
        ("credits", "0005_funding_requests"),
        ("credits", "0006_cases"),
        ("credits", "0007_second_halves"),
        ("credits", "0008_enforcement_and_events"),
        ("credits", "0009_gates_before_sending"),
        ("credits", "0010_reconciliations"),
        ("credits", "0011_usage_and_terms"),
        ("credits", "0012_lots_keep_their_first"),
        ("credits", "0013_usage_by_moment"),
    ]

    initial = True

    dependencies = [
        ("portal", "0001_tables"),
    ]

    operations = [
        *sql_of("credits", "0001_tables"),
        migrations.CreateModel(
            name="ChainHead",
            fields=[
                ("chain", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField(default=0)),
                ("hash", models.BinaryField(max_length=32)),
                (
                    "frozen",
                    models.BooleanField(
                        default=False, help_text="A broken check stops posting until a person has looked."
                    ),
                ),
            ],
            options={
                "db_table": "ledger_chain_head",
            },
        ),
        migrations.CreateModel(
            name="LedgerCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                ("problems", models.JSONField(default=list)),
                ("transfers", models.BigIntegerField(default=0)),
                (
                    "anchor",
                    models.CharField(
                        blank=True, help_text="Digest of all chain heads at that moment.", max_length=64
                    ),
                ),
            ],
            options={
                "db_table": "ledger_check",
            },
        ),
        migrations.CreateModel(
            name="Block",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("chain", models.SmallIntegerField()),
                ("sequence", models.BigIntegerField()),
                ("first_transfer", models.BigIntegerField()),
                ("last_transfer", models.BigIntegerField()),
                ("count", models.BigIntegerField()),
                (
                    "members",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, null=True, size=None
                    ),
                ),
                ("previous_hash", models.BinaryField(max_length=32)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": "ledger_block",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("chain__gte", 0),
                            ("chain__lt", 16),
                            (
                                "id",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("sequence"), "*", models.Value(16)
                                    ),
                                    "+",
                                    models.F("chain"),
                                ),
                            ),
                            ("sequence__gte", 1),
                        ),
                        name="ledger_block_number",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Organization",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.SlugField(max_length=32)),
                ("external_id", models.CharField(max_length=80, verbose_name="organization ID")),
                ("name", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "external_id"),
                        name="one_organization_per_provider_id",
                        violation_error_message="This organization is registered already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("reference", models.CharField(max_length=64, unique=True)),
                (
                    "program",
                    models.SlugField(db_index=False, help_text="Slug of the program.", max_length=64),
                ),
                ("provider", models.SlugField(db_index=False, max_length=32)),
                ("pool", models.CharField(help_text="Code of the pool that pays for it.", max_length=120)),
                ("amount_cents", models.BigIntegerField(verbose_name="amount")),
                ("currency", models.CharField(default="USD", max_length=3)),
                (
                    "term_months",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="term in months"),
                ),
                ("starts_on", models.DateField(blank=True, null=True)),
                (
                    "expires_on",
                    models.DateField(
                        blank=True, help_text="The last day on which the credit can be used.", null=True
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("reserved", "Reserved"),
                            ("sent", "Sent"),
                            ("confirmed", "Confirmed"),
                            ("failed", "Failed"),
                            ("void", "Cancelled"),
                        ],
                        default="reserved",
                        max_length=12,
                    ),
                ),
                (
                    "failure",
                    models.CharField(blank=True, help_text="Why the provider refused it.", max_length=300),
                ),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "ended_at",
                    models.DateTimeField(blank=True, help_text="When it failed or was cancelled.", null=True),
                ),
                (
                    "models",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                (
                    "holder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="credits.organization",
                    ),
                ),
                (
                    "half_of",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The grant whose award this is the second half of.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="halves",
                        to="credits.grant",
                    ),
                ),
                (
                    "waits_for",
                    models.CharField(
                        blank=True,
                        choices=[("summary", "The summary of the award")],
                        db_default="",
                        default="",
                        help_text="It is not sent before.",
                        max_length=16,
                    ),
                ),
                (
                    "moved_from",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The grant whose rest came here when its organization was changed.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moved_to",
                        to="credits.grant",
                    ),
                ),
                (
                    "late_usage_days",
                    models.PositiveSmallIntegerField(
                        db_default=3,
                        default=3,
                        help_text="Usage reported so many days after the end still counts.",
                    ),
                ),
                (
                    "latest_end_on",
                    models.DateField(
                        blank=True, help_text="A last day that the program set for all its credit.", null=True
                    ),
                ),
                (
                    "term_starts",
                    models.CharField(
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
                (
                    "first",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="After changes of organization: the grant that was decided.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="later_lots",
                        to="credits.grant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("stage", "reserved")), fields=["id"], name="grants_to_send"
                    ),
                    models.Index(fields=["program", "stage"], name="grants_by_program"),
                    models.Index(fields=["pool", "stage"], include=("amount_cents",), name="grants_by_pool"),
                    models.Index(
                        condition=models.Q(("expires_on__isnull", False), ("stage", "confirmed")),
                        fields=["expires_on", "id"],
                        name="grants_to_expire",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_cents__gt", 0)), name="grant_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="grant_currency_form"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("stage__in", ["reserved", "sent", "confirmed", "failed", "void"])
                        ),
                        name="grant_stage_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("term_months__isnull", True),
                            models.Q(("term_months__gte", 1), ("term_months__lte", 120)),
                            _connector="OR",
                        ),
                        name="grant_term_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("stage__in", ["reserved", "void"]),
                            models.Q(("organization__isnull", False), ("sent_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="grant_sent_has_organization",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", False), ("stage__in", ["failed", "void"])),
                            models.Q(
                                models.Q(("stage__in", ["failed", "void"]), _negated=True),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="grant_ended_has_moment",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("half_of__isnull", False)),
                        fields=("half_of",),
                        name="one_second_half_per_grant",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("waits_for", ""),
                            models.Q(
                                ("half_of__isnull", False),
                                ("stage__in", ["reserved", "void"]),
                                ("waits_for__in", ["summary"]),
                            ),
                            _connector="OR",
                        ),
                        name="grant_waits_only_as_second_half",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("confirmed_at__isnull", False),
                                ("stage", "confirmed"),
                                models.Q(
                                    ("starts_on__isnull", False),
                                    ("term_starts", "first_use"),
                                    _connector="OR",
                                ),
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
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_on__isnull", True),
                            models.Q(
                                ("expires_on__gt", models.F("starts_on")),
                                ("starts_on__isnull", False),
                                ("term_months__isnull", False),
                            ),
                            models.Q(
                                ("expires_on__lte", models.F("latest_end_on")),
                                ("latest_end_on__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="grant_expiry_after_start",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("moved_from__isnull", False)),
                        fields=("moved_from",),
                        name="grant_moves_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("first__isnull", False)),
                        fields=("first", "id"),
                        name="lots_by_their_first",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("first__isnull", True), ("moved_from__isnull", True)),
                            models.Q(
                                ("first__isnull", False),
                                ("moved_from__isnull", False),
                                ("stage", "confirmed"),
                            ),
                            _connector="OR",
                        ),
                        name="grant_that_moved_names_its_first",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="grant_keeps_its_first",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."first_id" IS DISTINCT FROM (NEW."first_id"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="5c49176ae4faeed661aa5dcf8c73ba1d5d25e191",
                            operation="UPDATE",
                            pgid="pgtrigger_grant_keeps_its_first_4fc24",
                            table="credits_grant",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=120)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("source", "Source"),
                            ("pool", "Pool"),
                            ("reserved", "Reserved"),
                            ("in_transit", "In transit"),
                            ("granted", "Granted"),
                            ("frozen", "Frozen"),
                            ("consumed", "Consumed"),
                            ("expired", "Expired"),
                        ],
                        max_length=16,
                    ),
                ),
                ("program", models.CharField(blank=True, help_text="Slug of the program.", max_length=64)),
                ("currency", models.CharField(max_length=3)),
                ("may_overdraw", models.BooleanField(default=False)),
                ("balance_cents", models.BigIntegerField(default=0, editable=False, verbose_name="balance")),
                ("version", models.BigIntegerField(default=0, editable=False)),
                (
                    "grant",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="credits.grant",
                    ),
                ),
            ],
            options={
                "verbose_name": "ledger account",
                "db_table": "ledger_account",
                "constraints": [
                    models.UniqueConstraint(fields=("code",), name="ledger_account_code_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("may_overdraw", True), ("balance_cents__gte", 0), _connector="OR"
                        ),
                        name="ledger_account_not_below_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("may_overdraw", False), ("kind", "source"), _connector="OR"),
                        name="ledger_account_only_source_overdraws",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "source",
                                    "pool",
                                    "reserved",
                                    "in_transit",
                                    "granted",
                                    "frozen",
                                    "consumed",
                                    "expired",
                                ],
                            )
                        ),
                        name="ledger_account_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="ledger_account_currency_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("grant__isnull", False),
                                ("kind__in", ("reserved", "in_transit", "granted", "frozen")),
                                (
                                    "code",
                                    django.db.models.functions.text.Concat(
                                        models.F("kind"),
                                        models.Value(":"),
                                        django.db.models.functions.comparison.Cast(
                                            models.F("grant_id"), models.TextField()
                                        ),
                                        output_field=models.TextField(),
                                    ),
                                ),
                            ),
                            models.Q(
                                models.Q(
                                    ("kind__in", ("reserved", "in_transit", "granted", "frozen")),
                                    _negated=True,
                                ),
                                ("grant__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="ledger_account_code_names_its_grant",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Names the business fact. The same fact posts once.", max_length=160
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fund", "Fund"),
                            ("hold", "Reserve"),
                            ("send", "Send"),
                            ("post", "Confirm"),
                            ("void", "Return"),
                            ("use", "Use"),
                            ("expire", "Expire"),
                            ("freeze", "Freeze"),
                            ("thaw", "Release"),
                            ("move", "Change of organization"),
                            ("reverse", "Correction"),
                        ],
                        max_length=8,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_cents", models.BigIntegerField(verbose_name="amount")),
                (
                    "group_key",
                    models.CharField(blank=True, help_text="Movements of one event share it.", max_length=80),
                ),
                (
                    "made_by",
                    models.CharField(help_text="Subject key of a person, or “machine”.", max_length=16),
                ),
                (
                    "approved_by",
                    models.CharField(
                        blank=True, help_text="Subject key of the second person.", max_length=16, null=True
                    ),
                ),
                ("happened_at", models.DateTimeField()),
                (
                    "recorded_at",
                    models.DateTimeField(db_default=models.Func(function="clock_timestamp"), editable=False),
                ),
                (
                    "content_hash",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            models.F("kind"),
                            models.F("currency"),
                            models.F("source_id"),
                            models.F("destination_id"),
                            models.F("amount_cents"),
                            models.F("resolves_id"),
                            models.F("reverses_id"),
                            function="ledger_content_hash",
                        ),
                        output_field=models.BinaryField(),
                    ),
                ),
                (
                    "destination",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers_in",
                        to="credits.ledgeraccount",
                    ),
                ),
                (
                    "resolves",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The hold it ends.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="endings",
                        to="credits.transfer",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversals",
                        to="credits.transfer",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers_out",
                        to="credits.ledgeraccount",
                    ),
                ),
            ],
            options={
                "db_table": "ledger_transfer",
                "constraints": [
                    models.UniqueConstraint(fields=("key",), name="ledger_transfer_key_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("resolves__isnull", False)),
                        fields=("resolves",),
                        name="ledger_one_ending",
                        violation_error_message="This reservation has ended already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("reverses__isnull", False)),
                        fields=("reverses",),
                        name="ledger_one_reversal",
                        violation_error_message="This movement has been corrected already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_cents__gt", 0)), name="ledger_transfer_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source", models.F("destination")), _negated=True),
                        name="ledger_transfer_two_accounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "fund",
                                    "hold",
                                    "send",
                                    "post",
                                    "void",
                                    "use",
                                    "expire",
                                    "freeze",
                                    "thaw",
                                    "move",
                                    "reverse",
                                ],
                            )
                        ),
                        name="ledger_transfer_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("made_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="ledger_transfer_four_eyes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind__in", ("fund", "move", "reverse")), _negated=True),
                            ("approved_by__isnull", False),
                            _connector="OR",
                        ),
                        name="ledger_transfer_approved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind__in", ("post", "void")), ("resolves__isnull", False)),
                            models.Q(
                                models.Q(("kind__in", ("post", "void")), _negated=True),
                                ("resolves__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="ledger_transfer_endings_resolve",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "reverse"), ("reverses__isnull", False)),
                            models.Q(
                                models.Q(("kind", "reverse"), _negated=True), ("reverses__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="ledger_transfer_reversals_reverse",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "version", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.BigIntegerField()),
                ("amount_cents", models.BigIntegerField(verbose_name="amount")),
                ("balance_after_cents", models.BigIntegerField(verbose_name="balance after")),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="credits.ledgeraccount",
                    ),
                ),
                (
                    "transfer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="credits.transfer",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "entries",
                "db_table": "ledger_entry",
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="The provider knows the grant by this key.", max_length=80, unique=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("sent", "Sent"),
                            ("unknown", "Outcome unknown"),
                            ("confirmed", "Confirmed"),
                            ("refused", "Refused"),
                        ],
                        default="pending",
                        max_length=12,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        help_text="Not before this moment; a worker's claim pushes it ahead."
                    ),
                ),
                (
                    "sent_at",
                    models.DateTimeField(
                        blank=True, help_text="The first call, or the export of the row.", null=True
                    ),
                ),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "alerted_at",
                    models.DateTimeField(blank=True, help_text="When it was put before a person.", null=True),
                ),
                ("last_error", models.CharField(blank=True, max_length=300)),
                (
                    "grant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="delivery",
                        to="credits.grant",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("pending", "sent", "unknown"))),
                        fields=["next_attempt_at", "id"],
                        name="deliveries_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["pending", "sent", "unknown", "confirmed", "refused"])
                        ),
                        name="delivery_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", False), ("state__in", ("confirmed", "refused"))),
                            models.Q(
                                models.Q(("state__in", ("confirmed", "refused")), _negated=True),
                                ("settled_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_settled_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "pending"), ("sent_at__isnull", False), _connector="OR"),
                        name="delivery_sent_has_moment",
                    ),
                ],
            },
        ),
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
                "triggers": [
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
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
                ],
            },
        ),
        migrations.CreateModel(
            name="Case",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.SlugField(
                        db_index=False, help_text="What it is about: credits.cases.KINDS.", max_length=32
                    ),
                ),
                (
                    "key",
                    models.CharField(help_text="Names the fact, so that it is told once.", max_length=200),
                ),
                ("words", models.CharField(max_length=500)),
                ("opened_at", models.DateTimeField()),
                (
                    "program",
                    models.SlugField(
                        blank=True,
                        db_index=False,
                        help_text="Slug; empty when nothing says which.",
                        max_length=64,
                    ),
                ),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, help_text="What was found and done.", max_length=500),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cases",
                        to="credits.grant",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cases",
                        to="credits.organization",
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("settled_at__isnull", True)),
                        fields=["program", "id"],
                        name="cases_open_by_program",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("key",), name="case_told_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("reason", ""), ("settled_at__isnull", True), ("settled_by__isnull", True)
                            ),
                            models.Q(
                                ("settled_at__isnull", False),
                                ("settled_by__isnull", False),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="case_settled_has_who_and_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("key", ""), _negated=True), models.Q(("words", ""), _negated=True)
                        ),
                        name="case_says_something",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="case_is_told_once",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."settled_at" IS NOT NULL OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."words" IS DISTINCT FROM (NEW."words") OR OLD."opened_at" IS DISTINCT FROM (NEW."opened_at") OR OLD."grant_id" IS DISTINCT FROM (NEW."grant_id") OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."program" IS DISTINCT FROM (NEW."program"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="e2bff7cb91904a318f9cd40a9778792643b2fd8b",
                            operation="UPDATE",
                            pgid="pgtrigger_case_is_told_once_9a5fe",
                            table="credits_case",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="case_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="57c98f30ac0c1a2b71eb08b51fbb71f1e6fa62f9",
                            operation="DELETE",
                            pgid="pgtrigger_case_stays_fed96",
                            table="credits_case",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InboundEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_id", models.CharField(max_length=128, verbose_name="id of the event")),
                ("type", models.CharField(blank=True, max_length=64)),
                ("happened_at", models.DateTimeField(blank=True, help_text="As its sender says.", null=True)),
                ("received_at", models.DateTimeField()),
                ("body_sha256", models.CharField(max_length=64, verbose_name="digest of the body")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("done", "Taken in"),
                            ("ignored", "Left alone"),
                            ("case", "Put before a person"),
                        ],
                        max_length=8,
                    ),
                ),
                ("words", models.CharField(blank=True, max_length=300, verbose_name="what came of it")),
                (
                    "grant",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="credits.grant",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="credits.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("event_id",), name="event_told_once"),
                    models.CheckConstraint(
                        condition=models.Q(("event_id", ""), _negated=True), name="event_has_id"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome", ""), ("outcome__in", ["done", "ignored", "case"]), _connector="OR"
                        ),
                        name="event_outcome_known",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="event_is_settled_once",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (NOT (OLD."outcome" = \'\') OR OLD."event_id" IS DISTINCT FROM (NEW."event_id") OR OLD."body_sha256" IS DISTINCT FROM (NEW."body_sha256") OR OLD."received_at" IS DISTINCT FROM (NEW."received_at"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="ddfa62f0c0266cfffe7093aa0fdb2fc9a8b99948",
                            operation="UPDATE",
                            pgid="pgtrigger_event_is_settled_once_b788d",
                            table="credits_inboundevent",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="event_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="ac805eea33923f067385c8ead024da1c689a73a3",
                            operation="DELETE",
                            pgid="pgtrigger_event_stays_dee08",
                            table="credits_inboundevent",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrganizationChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("wished", "Wished by the grantee"),
                            ("asked", "Waits for a second person"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("taken_back", "Taken back"),
                        ],
                        max_length=12,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("answer", models.CharField(blank=True, help_text="Why it was refused.", max_length=300)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="The first member of staff who says yes.",
                        null=True,
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
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="organization_changes",
                        to="credits.grant",
                    ),
                ),
                (
                    "new_grant",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="came_by_change",
                        to="credits.grant",
                    ),
                ),
                (
                    "to_organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.organization",
                    ),
                ),
                (
                    "transfer",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="organization_change",
                        to="credits.transfer",
                    ),
                ),
                (
                    "wished_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["wished", "asked", "done", "refused", "taken_back"])
                        ),
                        name="organization_change_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="organization_change_has_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("wished_by__isnull", False), ("asked_by__isnull", False), _connector="OR"
                        ),
                        name="organization_change_has_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["asked", "done"]), _negated=True),
                            models.Q(("asked_at__isnull", False), ("asked_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="organization_change_asked_has_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True),
                                ("decided_by__isnull", True),
                                ("state__in", ("wished", "asked")),
                            ),
                            models.Q(
                                models.Q(("state__in", ("wished", "asked")), _negated=True),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="organization_change_decided_has_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="organization_change_two_people",
                        violation_error_message="Another person than the first decides this.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("new_grant__isnull", False), ("state", "done"), ("transfer__isnull", False)
                            ),
                            models.Q(
                                models.Q(("state", "done"), _negated=True),
                                ("new_grant__isnull", True),
                                ("transfer__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="organization_change_done_has_grant",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["wished", "asked"])),
                        fields=("grant",),
                        name="organization_change_waits_once",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="organization_change_is_fixed",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (NOT (OLD."state" IN (\'wished\', \'asked\')) OR OLD."grant_id" IS DISTINCT FROM (NEW."grant_id") OR OLD."to_organization_id" IS DISTINCT FROM (NEW."to_organization_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."wished_by_id" IS DISTINCT FROM (NEW."wished_by_id") OR (OLD."state" = \'asked\' AND OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id")))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="07c71653afe6cf550af78bb21c0d5ac66d8a7b21",
                            operation="UPDATE",
                            pgid="pgtrigger_organization_change_is_fixed_3aa58",
                            table="credits_organizationchange",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="organization_change_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="f121f43b1584028d36b0e56dbea8b3093a81b298",
                            operation="DELETE",
                            pgid="pgtrigger_organization_change_stays_2be44",
                            table="credits_organizationchange",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Enforcement",
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
                        choices=[("hold", "Hold"), ("suspend", "Suspension"), ("label", "Label")],
                        max_length=8,
                    ),
                ),
                ("reason", models.CharField(help_text="Staff only.", max_length=300)),
                ("event_id", models.CharField(blank=True, max_length=128, verbose_name="by event")),
                ("happened_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "lifted_event_id",
                    models.CharField(blank=True, max_length=128, verbose_name="lifted by event"),
                ),
                (
                    "lifted_reason",
                    models.CharField(blank=True, max_length=300, verbose_name="why it was lifted"),
                ),
                (
                    "imposed_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: an event of the provider.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "lifted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="enforcements",
                        to="credits.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["hold", "suspend", "label"])),
                        name="enforcement_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="enforcement_has_reason",
                        violation_error_message="Give a reason. Managers read it.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("event_id", ""), ("imposed_by__isnull", False)),
                            models.Q(("imposed_by__isnull", True), models.Q(("event_id", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="enforcement_has_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("lifted_at__isnull", True),
                                ("lifted_by__isnull", True),
                                ("lifted_event_id", ""),
                                ("lifted_reason", ""),
                            ),
                            models.Q(
                                ("lifted_at__isnull", False),
                                models.Q(("lifted_reason", ""), _negated=True),
                                models.Q(
                                    models.Q(("lifted_by__isnull", False), ("lifted_event_id", "")),
                                    models.Q(
                                        ("lifted_by__isnull", True),
                                        models.Q(("lifted_event_id", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="enforcement_lifted_has_who_and_why",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind__in", ["hold", "suspend"]), ("lifted_at__isnull", True)),
                        fields=("organization", "kind"),
                        name="enforcement_stands_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "label"), ("lifted_at__isnull", True)),
                        fields=("organization", "reason"),
                        name="enforcement_label_stands_once",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="enforcement_is_fixed",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."lifted_at" IS NOT NULL OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."imposed_by_id" IS DISTINCT FROM (NEW."imposed_by_id") OR OLD."event_id" IS DISTINCT FROM (NEW."event_id") OR OLD."happened_at" IS DISTINCT FROM (NEW."happened_at"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="1c368c207c7735ac50c4fdc3a0b4a1581b699cfb",
                            operation="UPDATE",
                            pgid="pgtrigger_enforcement_is_fixed_7811b",
                            table="credits_enforcement",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="enforcement_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="5176bdc3cef43dcf531233ac94907bff4fe80f5c",
                            operation="DELETE",
                            pgid="pgtrigger_enforcement_stays_d0bf6",
                            table="credits_enforcement",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Waits for its turn"),
                            ("listing", "Reading the provider's list"),
                            ("comparing", "Comparing"),
                            ("done", "Done"),
                            ("failed", "Could not be finished"),
                        ],
                        default="asked",
                        max_length=12,
                    ),
                ),
                (
                    "source",
                    models.CharField(help_text="“provider”, or the name of the file.", max_length=120),
                ),
                ("asked_at", models.DateTimeField()),
                (
                    "listed_from",
                    models.DateTimeField(
                        help_text="What was confirmed shortly before this moment or later may be missing in the list."
                    ),
                ),
                (
                    "touched_at",
                    models.DateTimeField(help_text="The latest sign of life of whoever works on it."),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("listed", models.IntegerField(default=0)),
                ("equal", models.IntegerField(default=0)),
                ("unsettled", models.IntegerField(default=0)),
                ("ours_only", models.IntegerField(default=0)),
                ("theirs_only", models.IntegerField(default=0)),
                ("differing", models.IntegerField(default=0)),
                ("new_cases", models.IntegerField(default=0)),
                ("failure", models.CharField(blank=True, max_length=300)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "listing", "comparing", "done", "failed"])
                        ),
                        name="reconciliation_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True),
                                ("state__in", ("asked", "listing", "comparing")),
                            ),
                            models.Q(
                                models.Q(("state__in", ("asked", "listing", "comparing")), _negated=True),
                                ("finished_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="reconciliation_finished_has_moment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProviderLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("organization", models.CharField(max_length=80)),
                ("amount_cents", models.BigIntegerField()),
                ("currency", models.CharField(max_length=8)),
                (
                    "reconciliation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="credits.reconciliation",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["reconciliation", "key"], name="provider_lines_by_key")],
            },
        ),
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
                (
                    "grant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="warnings",
                        to="credits.grant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("grant", "kind", "mark"), name="one_warning_per_mark")
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="grant_warning_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="0027775ba6dccbc8ac5b6f7034fe5ef3206d6c60",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_grant_warning_is_kept_6697e",
                            table="credits_grantwarning",
                            when="BEFORE",
                        ),
                    )
                ],
            },
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
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="usage",
                        to="credits.organization",
                    ),
                ),
            ],
            options={
                "verbose_name": "day of usage",
                "verbose_name_plural": "days of usage",
                "indexes": [models.Index(fields=["-day", "-id"], name="usage_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "day", "currency"), name="one_usage_per_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("posted_cents__gte", 0), ("told_cents__gte", models.F("posted_cents"))
                        ),
                        name="usage_takes_no_more_than_told",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
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
                ],
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
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.case",
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
                    "usage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="credits.usage",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("told_cents__gte", 0)), name="usage_correction_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "taken_back"]),
                            models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="usage_correction_two_people",
                        violation_error_message="Another person than the one who asked decides this.",
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
                        name="usage_correction_decided_has_who",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "asked")),
                        fields=("usage",),
                        name="one_usage_correction_waits",
                        violation_error_message="A correction of this day waits already.",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
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
                ],
            },
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
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "usage",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="told",
                        to="credits.usage",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="usage_reports_by_moment")],
                "constraints": [
                    models.UniqueConstraint(fields=("usage", "number"), name="one_usage_report_per_number")
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="usage_report_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="c25aab9c1dcdf293d95a857c0518d51ab79542c8",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_usage_report_is_kept_875e1",
                            table="credits_usagereport",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        InstallTriggers(),
        *sql_of(
            "credits",
            "0002_ledger_trigger",
            "0003_append_only",
            "0009_gates_before_sending",
            "0011_usage_and_terms",
        ),
    ]
