"""The ledger, grants and their deliveries, as the migrations up to 0005 leave them, in one step."""

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
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
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
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("stage", "reserved")), fields=["id"], name="grants_to_send"
                    ),
                    models.Index(fields=["program", "stage"], name="grants_by_program"),
                    models.Index(fields=["pool", "stage"], include=("amount_cents",), name="grants_by_pool"),
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
                            models.Q(
                                ("confirmed_at__isnull", False),
                                ("stage", "confirmed"),
                                ("starts_on__isnull", False),
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
                            _connector="OR",
                        ),
                        name="grant_expiry_after_start",
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
        InstallTriggers(),
        *sql_of("credits", "0002_ledger_trigger", "0003_append_only"),
    ]
