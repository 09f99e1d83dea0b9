"""From the draft to the summary, as the migrations up to 0029 leave them, in one step."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

from portal.squashed import InstallTriggers, sql_of


class Migration(migrations.Migration):
    replaces = [
        ("applications", "0001_tables"),
        ("applications", "0002_attachments_and_institutions"),
        ("applications", "0003_collaborators_and_contact"),
        ("applications", "0004_title_words"),
        ("applications", "0005_form_change"),
        ("applications", "0006_fewer_indexes"),
        ("applications", "0007_late_entries"),
        ("applications", "0008_batches_keep_rules"),
        ("applications", "0009_decisions_with_two_people"),
        ("applications", "0010_four_eyes"),
        ("applications", "0011_requests"),
        ("applications", "0012_review_in_two_looks"),
        ("applications", "0013_amendments"),
        ("applications", "0014_assigning_links_reminders"),
        ("applications", "0015_seals_and_gates"),
        ("applications", "0016_exports_and_figures"),
        ("applications", "0017_released_moment_is_kept"),
        ("applications", "0018_small_machines"),
        ("applications", "0019_reviews_set_aside"),
        ("applications", "0020_narrower_updates"),
        ("applications", "0021_accepted_awards_counted"),
        ("applications", "0022_test_letters"),
        ("applications", "0023_obligations_and_papers"),
        ("applications", "0024_awards_after_release"),
        ("applications", "0025_sketches_drawn_anew"),
        ("applications", "0026_posted_again_whole"),
        ("applications", "0027_gates_of_awards"),
        ("applications", "0028_letters_about_credit"),
        ("applications", "0029_sponsors"),
    ]

    initial = True

    dependencies = [
        ("credits", "0013_usage_by_moment"),
        ("pghistory", "0007_auto_20250421_0444"),
        ("portal", "0002_api_tokens"),
        ("programs", "0012_letters_about_credit"),
    ]

    operations = [
        migrations.CreateModel(
            name="Application",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("reference", models.CharField(blank=True, max_length=32, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("submitted", "Submitted"),
                            ("in_review", "In review"),
                            ("awarded", "Awarded"),
                            ("declined", "Declined"),
                            ("deferred", "Deferred"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="draft",
                        max_length=16,
                    ),
                ),
                ("answers", models.JSONField(default=dict)),
                (
                    "answers_version",
                    models.PositiveIntegerField(default=0, help_text="Goes up by one at every save."),
                ),
                ("created_at", models.DateTimeField()),
                ("saved_at", models.DateTimeField()),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "source_id",
                    models.CharField(
                        blank=True, help_text="Row name in an import.", max_length=128, null=True
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=300)),
                ("field", models.CharField(blank=True, max_length=64)),
                ("institution", models.CharField(blank=True, max_length=300)),
                ("country", models.CharField(blank=True, max_length=2)),
                ("career_stage", models.CharField(blank=True, max_length=64)),
                ("requested_cents", models.BigIntegerField(blank=True, null=True)),
                ("requested_months", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("requested_models", models.JSONField(blank=True, default=list)),
                ("organization_id_text", models.CharField(blank=True, max_length=128)),
                ("email_domain", models.CharField(blank=True, max_length=253)),
                (
                    "email_key",
                    models.CharField(
                        blank=True, help_text="Canonical form of the applicant's address.", max_length=254
                    ),
                ),
                (
                    "applicant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "cycle",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applications",
                        to="programs.cycle",
                    ),
                ),
                (
                    "form_version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.formversion",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applications",
                        to="programs.program",
                    ),
                ),
                (
                    "earlier",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The application of the same person that this one started from.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="later",
                        to="applications.application",
                    ),
                ),
                ("institution_kind", models.CharField(blank=True, db_default="", max_length=64)),
                (
                    "carried_from",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The form that the draft used before a newer one took its place.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.formversion",
                    ),
                ),
                (
                    "set_aside",
                    models.JSONField(
                        blank=True,
                        db_default={},
                        default=dict,
                        help_text="Answers of questions that the newer form does not ask: key -> {label, type, value}.",
                    ),
                ),
                (
                    "came_from",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The cycle that deferred it, set once that cycle's decided-by date is over.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.cycle",
                    ),
                ),
                (
                    "amends",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The awarded application that this one updates.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="amendments",
                        to="applications.application",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["cycle", "state", "id"], name="application_in_cycle"),
                    models.Index(fields=["applicant"], name="application_by_person"),
                    models.Index(fields=["email_key"], name="application_by_email_key"),
                    models.Index(
                        condition=models.Q(("organization_id_text", ""), _negated=True),
                        fields=["organization_id_text"],
                        name="application_by_org_id",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.search.SearchVector("title", config="simple"),
                        name="application_by_title_words",
                    ),
                    models.Index(
                        condition=models.Q(("amends__isnull", False)),
                        fields=["amends"],
                        name="application_by_award",
                    ),
                    models.Index(
                        condition=models.Q(("earlier__isnull", False)),
                        fields=["earlier"],
                        name="application_by_earlier",
                    ),
                    models.Index(
                        condition=models.Q(("carried_from__isnull", False)),
                        fields=["carried_from"],
                        name="application_by_old_form",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("source_id__isnull", False)),
                        fields=("program", "source_id"),
                        name="one_application_per_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["draft", "withdrawn"]),
                            models.Q(
                                ("cycle__isnull", False),
                                ("reference__isnull", False),
                                ("submitted_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="sent_has_moment_and_cycle",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "withdrawn"), ("withdrawn_at__isnull", False)),
                            models.Q(
                                models.Q(("state", "withdrawn"), _negated=True),
                                ("withdrawn_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="withdrawn_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "draft",
                                    "submitted",
                                    "in_review",
                                    "awarded",
                                    "declined",
                                    "deferred",
                                    "withdrawn",
                                ],
                            )
                        ),
                        name="application_state_is_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("amends__isnull", True), ("state", "draft")),
                        fields=("program", "applicant"),
                        name="one_draft_per_program",
                        violation_error_message="You have a draft for this program.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["draft", "withdrawn"]), _negated=True),
                            ("amends__isnull", True),
                        ),
                        fields=("cycle", "applicant"),
                        name="one_live_application_per_cycle",
                        violation_error_message="You have an application in this cycle.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("amends__isnull", False), ("state__in", ["draft", "submitted"])),
                        fields=("amends",),
                        name="one_live_amendment_per_award",
                        violation_error_message="This award has an updated application already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["draft", "withdrawn"]), _negated=True),
                            ("amends__isnull", False),
                        ),
                        fields=("amends", "cycle"),
                        name="one_amendment_per_award_and_cycle",
                    ),
                    models.UniqueConstraint(
                        fields=("reference",),
                        name="one_application_per_reference",
                        opclasses=["varchar_pattern_ops"],
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="state_follows_table",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{draft:submitted,draft:withdrawn,submitted:in_review,submitted:withdrawn,in_review:awarded,in_review:declined,in_review:deferred,in_review:withdrawn,deferred:in_review,deferred:withdrawn,declined:withdrawn}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="2b531bc0758e890ea3fd020eb7353074dacac149",
                            operation="UPDATE",
                            pgid="pgtrigger_state_follows_table_033a0",
                            table="applications_application",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
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
                ],
            },
        ),
        migrations.CreateModel(
            name="ApplicationRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("answers", models.JSONField()),
                ("made_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="applications.application",
                    ),
                ),
                (
                    "form_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.formversion",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("application", "number"), name="one_revision_per_number")
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="revision_append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="1e563ad24777508e774ab73be8328579c6fa0157",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_revision_append_only_a400c",
                            table="applications_applicationrevision",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Assignment",
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
                        choices=[("to_do", "To do"), ("done", "Done"), ("recused", "Recused")],
                        default="to_do",
                        max_length=8,
                    ),
                ),
                ("assigned_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="applications.application",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["reviewer", "state", "application"], name="assignment_queue")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("application", "reviewer"), name="one_assignment_per_reviewer"
                    )
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="assignment_meets_no_conflict",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n        IF EXISTS (SELECT FROM new_values asked JOIN applications_recusal gone\n                       ON gone.application_id = asked.application_id AND gone.reviewer_id = asked.reviewer_id\n                    WHERE asked.state <> 'recused') THEN\n            RAISE EXCEPTION 'This person stepped back from the application.' USING ERRCODE = 'check_violation';\n        END IF;\n        IF EXISTS (SELECT FROM new_values asked JOIN applications_conflict tied\n                       ON tied.application_id = asked.application_id AND tied.user_id = asked.reviewer_id\n                    WHERE asked.state <> 'recused') THEN\n            RAISE EXCEPTION 'This person has a conflict with the application.' USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NULL;\n    ",
                            hash="57f4c797c0f69ca6c00cbdb9feb225d1897f1ffe",
                            level="STATEMENT",
                            operation="INSERT",
                            pgid="pgtrigger_assignment_meets_no_conflict_cdea5",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="applications_assignment",
                            when="AFTER",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="assignment_stays_without_conflict",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n        IF EXISTS (SELECT FROM new_values asked JOIN applications_recusal gone\n                       ON gone.application_id = asked.application_id AND gone.reviewer_id = asked.reviewer_id\n                    WHERE asked.state = 'to_do') THEN\n            RAISE EXCEPTION 'This person stepped back from the application.' USING ERRCODE = 'check_violation';\n        END IF;\n        IF EXISTS (SELECT FROM new_values asked JOIN applications_conflict tied\n                       ON tied.application_id = asked.application_id AND tied.user_id = asked.reviewer_id\n                    WHERE asked.state = 'to_do') THEN\n            RAISE EXCEPTION 'This person has a conflict with the application.' USING ERRCODE = 'check_violation';\n        END IF;\n        RETURN NULL;\n    ",
                            hash="3f8ce38bf9049d01401f336ba2e39ecb3e1f9bef",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_assignment_stays_without_conflict_4de2b",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="applications_assignment",
                            when="AFTER",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("formed_at", models.DateTimeField()),
                ("applications_count", models.PositiveIntegerField()),
                (
                    "manifest_sha256",
                    models.CharField(help_text="Over the references, in order.", max_length=64),
                ),
                (
                    "rules",
                    models.JSONField(
                        default=dict,
                        help_text="Number and SHA-256 of the version of the rules (programs.rulebook).",
                    ),
                ),
                ("screened_at", models.DateTimeField(blank=True, null=True)),
                ("assigned_at", models.DateTimeField(blank=True, null=True)),
                (
                    "cycle",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batch", to="programs.cycle"
                    ),
                ),
            ],
            options={
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="batch_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="f3027bb37e26107026d0dd9e466c8549344c6b2d",
                            operation="DELETE",
                            pgid="pgtrigger_batch_is_kept_6ccee",
                            table="applications_batch",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="batch_is_frozen",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."cycle_id" IS DISTINCT FROM (NEW."cycle_id") OR OLD."formed_at" IS DISTINCT FROM (NEW."formed_at") OR OLD."applications_count" IS DISTINCT FROM (NEW."applications_count") OR OLD."manifest_sha256" IS DISTINCT FROM (NEW."manifest_sha256") OR OLD."rules" IS DISTINCT FROM (NEW."rules"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="5b382a6dd8196bcd87b7259fbb7840c3a48fb010",
                            operation="UPDATE",
                            pgid="pgtrigger_batch_is_frozen_fb195",
                            table="applications_batch",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Conflict",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("declared_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conflicts",
                        to="applications.application",
                    ),
                ),
                (
                    "declared_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conflicts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "evidence",
                    models.JSONField(
                        blank=True,
                        db_default=[],
                        default=list,
                        help_text="What a computed conflict rests on: [{kind, text}]. Managers only.",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("declared", "Declared"),
                            ("own", "Own application"),
                            ("sponsor", "Sponsors the applicant"),
                            ("team", "On the team, or a colleague of somebody on it"),
                            ("mail_domain", "Same mail domain"),
                            ("institution", "Same institution"),
                            ("named", "Named by the applicant"),
                            ("avoided", "On the person's own list"),
                            ("coauthor", "Published together"),
                            ("worked_together", "Applied together before"),
                        ],
                        db_default="declared",
                        default="declared",
                        max_length=16,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["user", "application"], name="conflict_by_person")],
                "constraints": [
                    models.UniqueConstraint(fields=("application", "user"), name="one_conflict_per_person")
                ],
            },
        ),
        migrations.CreateModel(
            name="Decision",
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
                            ("award", "Award"),
                            ("decline", "Decline"),
                            ("change", "Change without more credit"),
                            ("defer", "Deferral"),
                            ("waitlist", "Waiting list"),
                            ("later", "Credit between evaluations"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("released", "Released"),
                            ("void", "Undone"),
                            ("carried", "Carried into a later evaluation"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("amount_cents", models.BigIntegerField(blank=True, null=True)),
                ("months", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("granted_models", models.JSONField(blank=True, default=list)),
                ("reason", models.TextField(blank=True, help_text="Staff only.")),
                (
                    "four_eyes_above_cents",
                    models.BigIntegerField(help_text="The program's limit when it was proposed."),
                ),
                ("proposed_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_terms_version", models.CharField(blank=True, max_length=32)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="applications.application",
                    ),
                ),
                (
                    "approved_by",
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
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decision",
                        to="credits.grant",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "released_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "approved_binding",
                    models.BinaryField(
                        help_text="Hash of what was approved; the database writes it.",
                        max_length=32,
                        null=True,
                    ),
                ),
                (
                    "counted_cents",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="With the other awards of the same person or organization in twelve months.",
                    ),
                ),
                (
                    "overrides",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Values of Override, separated by commas.",
                        max_length=40,
                    ),
                ),
                (
                    "place",
                    models.PositiveSmallIntegerField(blank=True, help_text="On the waiting list.", null=True),
                ),
                (
                    "to_cycle",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="Where a deferral leads; set at release.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.cycle",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["state", "kind"], name="decision_by_state")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "award"), _negated=True),
                            models.Q(("amount_cents__gt", 0), ("amount_cents__isnull", False)),
                            _connector="OR",
                        ),
                        name="award_has_amount",
                        violation_error_message="An award needs an amount above zero.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="approver_is_another_person",
                        violation_error_message="The second person must not be the one who proposed it.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at__isnull", True), ("approved_by__isnull", True)),
                            models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="approval_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "released"), _negated=True),
                            models.Q(("released_at__isnull", False), ("released_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="released_has_who_and_when",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "award"), ("state", "released"), _negated=True),
                            ("grant__isnull", False),
                            _connector="OR",
                        ),
                        name="released_award_has_grant",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "released"), _negated=True),
                            models.Q(("kind", "award"), _negated=True),
                            models.Q(
                                ("amount_cents__lte", models.F("four_eyes_above_cents")),
                                ("counted_cents__lte", models.F("four_eyes_above_cents")),
                                ("overrides", ""),
                            ),
                            ("approved_by__isnull", False),
                            _connector="OR",
                        ),
                        name="large_award_has_second_person",
                        violation_error_message="An award above the limit needs a second person.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("overrides", ""), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="override_has_reason",
                        violation_error_message="An award against the ranking or despite a flag needs a reason.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "waitlist"), _negated=True),
                            models.Q(("place__isnull", False), ("state__in", ["pending", "void"])),
                            _connector="OR",
                        ),
                        name="waiting_list_has_place_and_is_not_released",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "defer"), _negated=True),
                            models.Q(("state__in", ["released", "carried"]), _negated=True),
                            models.Q(("to_cycle__isnull", False), models.Q(("reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="released_deferral_has_cycle_and_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "carried"), _negated=True), ("kind", "defer"), _connector="OR"
                        ),
                        name="only_deferrals_are_carried",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "change"), _negated=True),
                            models.Q(("amount_cents__isnull", True), ("grant__isnull", True)),
                            _connector="OR",
                        ),
                        name="change_has_no_credit",
                        violation_error_message="A change without more credit has no amount.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ("pending", "released")), models.Q(("kind", "later"), _negated=True)
                        ),
                        fields=("application",),
                        name="one_decision_per_application",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "applications_decisionevent" ("accepted_at", "accepted_terms_version", "amount_cents", "application_id", "approved_at", "approved_binding", "approved_by_id", "counted_cents", "four_eyes_above_cents", "grant_id", "granted_models", "id", "kind", "later_id", "months", "overrides", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "place", "proposed_at", "proposed_by_id", "reason", "released_at", "released_by_id", "state", "to_cycle_id") SELECT new_values."accepted_at", new_values."accepted_terms_version", new_values."amount_cents", new_values."application_id", new_values."approved_at", new_values."approved_binding", new_values."approved_by_id", new_values."counted_cents", new_values."four_eyes_above_cents", new_values."grant_id", new_values."granted_models", new_values."id", new_values."kind", new_values."later_id", new_values."months", new_values."overrides", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."place", new_values."proposed_at", new_values."proposed_by_id", new_values."reason", new_values."released_at", new_values."released_by_id", new_values."state", new_values."to_cycle_id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;',
                            hash="4d81e7841f5cfc00517832fecb6ec0266aa259b2",
                            level="STATEMENT",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_87166",
                            referencing="REFERENCING NEW TABLE AS new_values ",
                            table="applications_decision",
                            when="AFTER",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "applications_decisionevent" ("accepted_at", "accepted_terms_version", "amount_cents", "application_id", "approved_at", "approved_binding", "approved_by_id", "counted_cents", "four_eyes_above_cents", "grant_id", "granted_models", "id", "kind", "later_id", "months", "overrides", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "place", "proposed_at", "proposed_by_id", "reason", "released_at", "released_by_id", "state", "to_cycle_id") SELECT new_values."accepted_at", new_values."accepted_terms_version", new_values."amount_cents", new_values."application_id", new_values."approved_at", new_values."approved_binding", new_values."approved_by_id", new_values."counted_cents", new_values."four_eyes_above_cents", new_values."grant_id", new_values."granted_models", new_values."id", new_values."kind", new_values."later_id", new_values."months", new_values."overrides", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."place", new_values."proposed_at", new_values."proposed_by_id", new_values."reason", new_values."released_at", new_values."released_by_id", new_values."state", new_values."to_cycle_id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;',
                            hash="42765b47ff3fa173a583ee873c1d73a0e8479820",
                            level="STATEMENT",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_e24d6",
                            referencing="REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ",
                            table="applications_decision",
                            when="AFTER",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GateResult",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "outcome",
                    models.CharField(choices=[("passed", "No concern"), ("failed", "Concern")], max_length=8),
                ),
                ("note", models.CharField(blank=True, max_length=500)),
                ("decided_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gate_results",
                        to="applications.application",
                    ),
                ),
                (
                    "criterion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="programs.criterion"
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "expired_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the answers changed under it; set by the database.",
                        null=True,
                    ),
                ),
                (
                    "judged_sha256",
                    models.CharField(
                        blank=True, db_default="", help_text="Over the answers that were read.", max_length=64
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("application", "criterion"), name="one_result_per_gate")
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
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
                        help_text="The event and the person: one letter for each.",
                        max_length=120,
                        unique=True,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("receipt", "Receipt, to the applicant at submit"),
                            ("withdrawn", "Withdrawn, to the applicant"),
                            ("assignment", "Assignment, to the reviewer"),
                            ("remind_half_time", "Reminder at half-time, to the reviewer"),
                            ("remind_soon", "Reminder two days before, to the reviewer"),
                            ("remind_overdue", "Reminder when overdue, to the reviewer"),
                            ("remind_digest", "Reminder of several cycles at once, to the reviewer"),
                            ("award", "Award, to the applicant at release"),
                            ("posted", "Posted, to the grantee when the provider confirmed"),
                            ("summary_reminder", "Reminder before a summary is due, to the grantee"),
                            ("summary_overdue", "A summary is overdue, to the grantee"),
                            ("summary_returned", "A summary comes back with words, to the grantee"),
                            ("summary_accepted", "A summary is accepted, to the grantee"),
                            ("credit_ends", "Credit ends soon, to the grantee"),
                            ("credit_used", "Much of the credit is used, to the grantee"),
                            ("credit_ended", "The term of the credit is over, to the grantee"),
                            ("told_decline", "Decline, to the applicant where the program tells"),
                            ("invitation", "Invitation, to a co-investigator"),
                            ("request_receipt", "Receipt of a request, to whoever sent it"),
                            ("request_answer", "Answer to a request, to whoever sent it"),
                            ("request_alert", "A request has come, to the program's mailbox"),
                            ("accept_reminder", "Reminder to accept, to the awardee"),
                            ("award_lapsed", "Award not accepted in time, to the awardee"),
                            ("award_declined", "Award declined by its holder, to the managers"),
                            ("post_again", "Credit posted again, to its holder"),
                            ("later_given", "Top-up given, to whoever asked"),
                            ("later_declined", "Top-up declined, to whoever asked"),
                            ("member_invitation", "Invitation to shared credits"),
                            ("claim_answer", "Where the credits are, to whoever asked"),
                            ("contact", "Question, to the contact address"),
                            ("test", "Test, to oneself"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "values",
                    models.JSONField(
                        blank=True, default=dict, help_text="For the placeholders of the template."
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("parked", "Parked after too many tries"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("last_error", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="applications.application",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.program",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "address",
                    models.EmailField(blank=True, help_text="Where there is no recipient.", max_length=254),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["next_attempt_at"],
                        name="notice_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sent_at__isnull", False), ("state", "sent")),
                            models.Q(models.Q(("state", "sent"), _negated=True), ("sent_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="sent_notice_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("address", ""), ("recipient__isnull", False)),
                            models.Q(("recipient__isnull", True), models.Q(("address", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="notice_has_one_address",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("program__isnull", False), ("kind", "contact"), _connector="OR"),
                        name="notice_of_a_program",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Recusal",
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
                ("reason", models.CharField(blank=True, max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recusals",
                        to="applications.application",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recusals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("application", "reviewer"), name="one_recusal_per_reviewer"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Review",
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
                        choices=[("draft", "Draft"), ("in", "In"), ("aside", "Set aside")],
                        default="draft",
                        max_length=8,
                    ),
                ),
                (
                    "clear_decline",
                    models.BooleanField(
                        default=False, help_text="One look is enough: this cannot be awarded."
                    ),
                ),
                (
                    "confidence",
                    models.CharField(
                        blank=True, choices=[("low", "Low"), ("fair", "Fair"), ("high", "High")], max_length=8
                    ),
                ),
                ("note", models.TextField(blank=True, help_text="Staff only.")),
                (
                    "total",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="Weighted mean of the scores, kept at submit.",
                        max_digits=4,
                        null=True,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("saved_at", models.DateTimeField()),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="applications.application",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "blind_submitted_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the part without names was handed in; names open with it.",
                        null=True,
                    ),
                ),
                (
                    "blind_total",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="The total before names were seen.",
                        max_digits=4,
                        null=True,
                    ),
                ),
                (
                    "decline_code",
                    models.CharField(
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
                (
                    "rules_version",
                    models.ForeignKey(
                        blank=True,
                        help_text="The rubric it was handed in under.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.programversion",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["reviewer", "state"], name="review_by_reviewer")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("application", "reviewer"), name="one_review_per_reviewer"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "draft"), ("submitted_at__isnull", False), _connector="OR"
                        ),
                        name="review_in_has_moment",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
                        name="review_follows_table",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{draft:in,in:aside,aside:in}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="a014bb452e2b97eaf527c325fe5bbb2a323607dc",
                            operation="UPDATE",
                            pgid="pgtrigger_review_follows_table_2ed02",
                            table="applications_review",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Score",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "value",
                    models.PositiveSmallIntegerField(
                        blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                (
                    "criterion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="programs.criterion"
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scores",
                        to="applications.review",
                    ),
                ),
                ("not_applicable", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("review", "criterion"), name="one_score_per_criterion"),
                    models.CheckConstraint(
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
                ],
            },
        ),
        migrations.CreateModel(
            name="ScreeningCheck",
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
                            ("country", "Country list"),
                            ("disposable_email", "Disposable mail address"),
                            ("academic_email", "Academic mail address"),
                            ("institution_kind", "Kind of institution"),
                            ("amount_cap", "Amount at most"),
                            ("months_cap", "Months at most"),
                            ("duplicate_person", "Same person twice"),
                            ("near_duplicate", "Near-duplicate text"),
                            ("shared_organization", "Organization ID in two applications"),
                            ("waiting_time", "Waiting time after an application"),
                            ("option", "Option with a condition"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[("pass", "Passed"), ("flag", "Flagged"), ("block", "Blocked")], max_length=8
                    ),
                ),
                ("sentence", models.CharField(max_length=300)),
                ("details", models.JSONField(blank=True, default=dict)),
                ("checked_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checks",
                        to="applications.application",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["kind"], name="check_by_kind")],
                "constraints": [
                    models.UniqueConstraint(fields=("application", "kind"), name="one_check_per_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("outcome", "pass"), _negated=True),
                        name="passed_checks_leave_no_row",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TextSketch",
            fields=[
                (
                    "application",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="sketch",
                        serialize=False,
                        to="applications.application",
                    ),
                ),
                (
                    "signature",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                (
                    "bands",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["bands"], name="sketch_by_band"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Institution",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "identity",
                    models.CharField(
                        help_text="ror:<id>, or name:<hash of country and name> where there is no id.",
                        max_length=80,
                        unique=True,
                    ),
                ),
                ("ror_id", models.CharField(blank=True, max_length=9, null=True, unique=True)),
                ("name", models.CharField(max_length=300)),
                ("country", models.CharField(blank=True, max_length=2)),
                (
                    "aliases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=300), blank=True, default=list, size=None
                    ),
                ),
                (
                    "domains",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=253), blank=True, default=list, size=None
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        blank=True, help_text="The first type that the source names.", max_length=40
                    ),
                ),
                (
                    "rank",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="From the types: places of learning and those that fund research come first in the list.",
                    ),
                ),
                ("folded_name", models.CharField(max_length=300)),
                (
                    "words",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        models.Func(models.F("words"), function="array_to_tsvector"),
                        fastupdate=False,
                        name="institution_by_words",
                    ),
                    models.Index(fields=["folded_name"], name="institution_by_name"),
                ],
            },
        ),
        migrations.CreateModel(
            name="InstitutionWord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("word", models.CharField(max_length=40, unique=True)),
                (
                    "keys",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=8),
                        help_text="applications.institution_words.typo_keys",
                        size=None,
                    ),
                ),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["keys"], name="institution_word_by_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("question_key", models.CharField(max_length=40)),
                ("name", models.CharField(help_text="As shown to people; never a path.", max_length=140)),
                (
                    "stored_name",
                    models.CharField(
                        blank=True, help_text="Random; empty when no file is kept.", max_length=64
                    ),
                ),
                ("content_type", models.CharField(max_length=40)),
                ("size_bytes", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("pages", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits for the scanner"),
                            ("clean", "Attached"),
                            ("refused", "Refused"),
                        ],
                        max_length=8,
                    ),
                ),
                ("refused_reason", models.CharField(blank=True, max_length=300)),
                (
                    "scanned_at",
                    models.DateTimeField(
                        blank=True, help_text="Empty when no scanner looked at it.", null=True
                    ),
                ),
                ("uploaded_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="applications.application",
                    ),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["sha256"], name="attachment_by_content"),
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["uploaded_at"],
                        name="attachment_waiting",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "clean", "refused"])),
                        name="attachment_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "refused"), ("refused_reason", ""), _connector="OR"),
                        name="only_refused_files_have_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Collaborator",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("email", models.EmailField(help_text="Lower case.", max_length=254)),
                (
                    "domains",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=253),
                        blank=True,
                        default=list,
                        help_text="Mail domains of institutions, of the invited address and of the account, for conflicts.",
                        size=None,
                    ),
                ),
                (
                    "right",
                    models.CharField(
                        choices=[("view", "May read"), ("edit", "May read and edit")], max_length=8
                    ),
                ),
                ("invited_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="collaborators",
                        to="applications.application",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="collaborations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["user", "application"],
                        name="collaborator_by_person",
                    ),
                    models.Index(fields=["invited_by", "invited_at"], name="collaborator_by_inviter"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("application", "email"),
                        name="one_invitation_per_address",
                        violation_error_message="This address is invited already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True), ("user__isnull", False)),
                        fields=("application", "user"),
                        name="one_place_per_collaborator",
                        violation_error_message="This person has access already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("right__in", ["view", "edit"])),
                        name="collaborator_right_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("accepted_at__isnull", True), ("user__isnull", True)),
                            models.Q(("accepted_at__isnull", False), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="collaborator_accepted_has_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="collaborator_ended_has_who",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=150)),
                ("email", models.EmailField(max_length=254)),
                (
                    "urgent",
                    models.BooleanField(
                        default=False,
                        help_text="From somebody with an award, to the program's urgent address.",
                    ),
                ),
                ("text", models.TextField()),
                ("sent_at", models.DateTimeField(help_text="When the person pressed the button.")),
                (
                    "program",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.program",
                    ),
                ),
                (
                    "user",
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
                "indexes": [models.Index(fields=["email", "sent_at"], name="contact_by_address")],
            },
        ),
        migrations.CreateModel(
            name="LateEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code_hash", models.CharField(max_length=64, unique=True)),
                ("reason", models.CharField(max_length=300)),
                ("expires_at", models.DateTimeField()),
                ("uses_allowed", models.PositiveSmallIntegerField(default=1)),
                ("uses", models.PositiveSmallIntegerField(default=0)),
                ("made_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "cycle",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="late_entries",
                        to="programs.cycle",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "late entries",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("uses__lte", models.F("uses_allowed"))),
                        name="late_entry_not_used_too_often",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="late_entry_has_reason"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BatchEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("deferred", models.BooleanField(default=False)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="batch_entries",
                        to="applications.application",
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="applications.batch",
                    ),
                ),
                (
                    "late",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Came after the manifest was drawn, with a code.",
                    ),
                ),
                (
                    "late_entry",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="applications.lateentry",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("late_entry__isnull", False)),
                        fields=["late_entry"],
                        name="entry_by_late_entry",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("deferred", False)),
                        fields=("application",),
                        name="one_batch_per_application",
                    ),
                    models.UniqueConstraint(fields=("batch", "position"), name="one_entry_per_position"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("late", True), ("late_entry__isnull", False)),
                            models.Q(("late", False), ("late_entry__isnull", True)),
                            _connector="OR",
                        ),
                        name="late_entry_names_its_code",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CutLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveIntegerField(help_text="Awards above the line when it was drawn.")),
                (
                    "lowest_mean",
                    models.DecimalField(
                        decimal_places=4, help_text="Mean of the last one above it.", max_digits=6
                    ),
                ),
                ("set_at", models.DateTimeField()),
                (
                    "cycle",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cut_line",
                        to="programs.cycle",
                    ),
                ),
                (
                    "set_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("place__gt", 0)), name="cut_line_has_place")
                ],
            },
        ),
        migrations.CreateModel(
            name="Request",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "once",
                    models.UUIDField(help_text="The page it was sent from: pressed twice is sent once."),
                ),
                ("reference", models.CharField(max_length=32, unique=True)),
                ("form_title", models.CharField(max_length=120)),
                ("policy", models.TextField(blank=True)),
                ("sections", models.JSONField()),
                ("answers", models.JSONField()),
                (
                    "looked_for",
                    models.CharField(
                        blank=True, help_text="What was searched in the questions first.", max_length=300
                    ),
                ),
                (
                    "faq_shown",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Keys of the answers that were shown and did not help.",
                    ),
                ),
                ("title", models.CharField(max_length=300)),
                (
                    "links",
                    models.JSONField(
                        blank=True, default=list, help_text="DOIs and addresses in one spelling."
                    ),
                ),
                ("may_highlight", models.BooleanField(blank=True, null=True)),
                (
                    "sensitive",
                    models.BooleanField(default=False, help_text="For managers and screeners only."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("in_work", "In work"),
                            ("answered", "Answered"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="new",
                        max_length=16,
                    ),
                ),
                ("sent_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(help_text="When an answer was promised.")),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "applicant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        blank=True,
                        help_text="The application whose award it is about.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="applications.application",
                    ),
                ),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="programs.requestform",
                    ),
                ),
                (
                    "taken_by",
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
                        condition=models.Q(("state__in", ("new", "in_work"))),
                        fields=["form", "due_at"],
                        name="request_open",
                    ),
                    models.Index(fields=["applicant", "sent_at"], name="request_by_person"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("applicant", "once"), name="one_request_per_page"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["new", "in_work", "answered", "approved", "declined", "withdrawn"])
                        ),
                        name="request_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("taken_at__isnull", True), ("taken_by__isnull", True)),
                            models.Q(("taken_at__isnull", False), ("taken_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="request_taken_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state__in", ["in_work", "answered", "approved", "declined"]), _negated=True
                            ),
                            ("taken_by__isnull", False),
                            _connector="OR",
                        ),
                        name="request_in_work_has_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", False),
                                ("state__in", ("answered", "approved", "declined")),
                            ),
                            models.Q(
                                models.Q(("state__in", ("answered", "approved", "declined")), _negated=True),
                                ("decided_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="request_decided_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "withdrawn"), ("withdrawn_at__isnull", False)),
                            models.Q(
                                models.Q(("state", "withdrawn"), _negated=True),
                                ("withdrawn_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="request_withdrawn_has_moment",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="request_follows_table",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{new:in_work,new:answered,new:approved,new:declined,new:withdrawn,in_work:new,in_work:answered,in_work:approved,in_work:declined,in_work:withdrawn,answered:in_work,approved:in_work,declined:in_work}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="9f69ca3adda395386d1efb5a0a86774b69646878",
                            operation="UPDATE",
                            pgid="pgtrigger_request_follows_table_4a789",
                            table="applications_request",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="request_is_frozen",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."once" IS DISTINCT FROM (NEW."once") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."form_id" IS DISTINCT FROM (NEW."form_id") OR OLD."applicant_id" IS DISTINCT FROM (NEW."applicant_id") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."form_title" IS DISTINCT FROM (NEW."form_title") OR OLD."policy" IS DISTINCT FROM (NEW."policy") OR OLD."sections" IS DISTINCT FROM (NEW."sections") OR OLD."answers" IS DISTINCT FROM (NEW."answers") OR OLD."sent_at" IS DISTINCT FROM (NEW."sent_at"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="344ab30a92a7cfe8554f42141bfb8ce61df19fd8",
                            operation="UPDATE",
                            pgid="pgtrigger_request_is_frozen_00957",
                            table="applications_request",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="request_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="056c7b3f251269c389d55b6c9ad756489feb762b",
                            operation="DELETE",
                            pgid="pgtrigger_request_is_kept_2f351",
                            table="applications_request",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RequestAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("answered", "Answered"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField()),
                ("conditions", models.TextField(blank=True)),
                (
                    "until_on",
                    models.DateField(
                        blank=True, help_text="Last day of an approval; empty means no end.", null=True
                    ),
                ),
                ("answered_at", models.DateTimeField()),
                (
                    "answered_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replies",
                        to="applications.request",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("request", "number"), name="one_request_answer_per_number"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome", "approved"),
                            models.Q(("conditions", ""), ("until_on__isnull", True)),
                            _connector="OR",
                        ),
                        name="only_approvals_have_conditions",
                        violation_error_message="Conditions and a last day belong to an approval.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="request_answer_has_text"
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="request_answer_stands",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="48f7555c4273e325f260824a68ad51b15c2f0b03",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_request_answer_stands_2cfd4",
                            table="applications_requestanswer",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
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
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="redactions",
                        to="applications.application",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["application", "question_key", "-id"], name="redaction_newest")
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="redaction_append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="2bf01d4a42a4b12c0f6a0d92317c7eb70081f407",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_redaction_append_only_e3885",
                            table="applications_redaction",
                            when="BEFORE",
                        ),
                    )
                ],
            },
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
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="thread",
                        to="applications.application",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["application", "id"], name="thread_in_order")],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="thread_append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="4ee306ad22d17f47673a29adb090c38cf659be57",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_thread_append_only_a2a26",
                            table="applications_threadmessage",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Absence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_on", models.DateField()),
                ("until_on", models.DateField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="absences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("until_on__gte", models.F("from_on"))),
                        name="absence_ends_after_it_begins",
                        violation_error_message="The last day lies before the first.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AssignmentPlan",
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
                            ("batch", "The whole batch"),
                            ("rebalance", "Moves between reviewers"),
                            ("import", "From a file"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "Proposed"), ("applied", "In effect"), ("void", "Set aside")],
                        default="proposed",
                        max_length=8,
                    ),
                ),
                (
                    "seed",
                    models.BigIntegerField(
                        help_text="Of the random order among equals; a repeat gives the same plan."
                    ),
                ),
                ("looks", models.JSONField(default=list)),
                ("gates", models.JSONField(default=list, help_text="[application, screener].")),
                (
                    "summary",
                    models.JSONField(
                        default=dict, help_text="Counts for each person, and shortfalls with their reasons."
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("applied_at", models.DateTimeField(blank=True, null=True)),
                (
                    "applied_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plans",
                        to="applications.batch",
                    ),
                ),
                (
                    "made_by",
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
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")),
                        fields=("batch", "kind"),
                        name="one_proposal_of_a_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "applied"), _negated=True),
                            ("applied_at__isnull", False),
                            _connector="OR",
                        ),
                        name="applied_plan_has_moment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ConflictSweep",
            fields=[
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="conflict_sweep",
                        serialize=False,
                        to="applications.batch",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ConflictWithdrawal",
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
                            ("declared", "Declared"),
                            ("own", "Own application"),
                            ("sponsor", "Sponsors the applicant"),
                            ("team", "On the team, or a colleague of somebody on it"),
                            ("mail_domain", "Same mail domain"),
                            ("institution", "Same institution"),
                            ("named", "Named by the applicant"),
                            ("avoided", "On the person's own list"),
                            ("coauthor", "Published together"),
                            ("worked_together", "Applied together before"),
                        ],
                        max_length=16,
                    ),
                ),
                ("was", models.CharField(help_text="What the conflict said.", max_length=200)),
                ("reason", models.CharField(max_length=300)),
                ("withdrawn_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="applications.application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["application", "user"], name="conflict_withdrawal_by_pair")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="conflict_withdrawal_has_reason",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GateDuty",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("assigned_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                (
                    "application",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gate_duty",
                        to="applications.application",
                    ),
                ),
                (
                    "screener",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gate_duties",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Link",
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
                            ("text", "Texts read alike"),
                            ("organization", "Same organization ID"),
                            ("file", "Same file attached"),
                            ("mailbox", "Same mailbox"),
                            ("phone", "Same telephone number"),
                            ("lab", "Same lab: institution and a person in common"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "share_percent",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="Of texts: how much is common.", null=True
                    ),
                ),
                ("found_at", models.DateTimeField()),
                (
                    "one",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="applications.application",
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="applications.application",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("one", "other", "kind"), name="one_link_of_a_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("one__lt", models.F("other"))), name="link_has_an_order"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LinkFinding",
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
                            ("text", "Texts read alike"),
                            ("organization", "Same organization ID"),
                            ("file", "Same file attached"),
                            ("mailbox", "Same mailbox"),
                            ("phone", "Same telephone number"),
                            ("lab", "Same lab: institution and a person in common"),
                        ],
                        max_length=12,
                    ),
                ),
                ("number", models.PositiveIntegerField(help_text="How many applications have it.")),
                ("found_at", models.DateTimeField()),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="link_findings",
                        to="applications.batch",
                    ),
                ),
                (
                    "example",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="applications.application",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LinkVerdict",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("given_at", models.DateTimeField()),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "one",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="applications.application",
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="applications.application",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("one", "other"), name="one_verdict_per_pair"),
                    models.CheckConstraint(
                        condition=models.Q(("one__lt", models.F("other"))), name="verdict_has_an_order"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="verdict_has_reason"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("half_time", "Half of the time is over"),
                            ("soon", "Due within two days"),
                            ("overdue", "Overdue"),
                        ],
                        max_length=12,
                    ),
                ),
                ("on", models.DateField()),
                (
                    "cycle",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="programs.cycle"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "cycle", "stage", "on"), name="one_reminder_a_day"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReminderDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("on", models.DateField(unique=True)),
                ("letters", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ReviewerLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("most", models.PositiveIntegerField()),
                (
                    "cycle",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="programs.cycle",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="programs.program"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="limits",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "program", "cycle"),
                        name="one_limit_per_person_and_cycle",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewerProfile",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="reviewer_profile",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        default=list,
                        help_text="Fields and topics, as forms name them.",
                        size=None,
                    ),
                ),
                ("institution", models.CharField(blank=True, max_length=200)),
                ("ror_id", models.CharField(blank=True, max_length=9)),
                ("orcid", models.CharField(blank=True, max_length=19)),
                (
                    "coauthor_orcids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=19), blank=True, default=list, size=None
                    ),
                ),
                (
                    "works",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        blank=True,
                        default=list,
                        help_text="DOIs of publications of the last years.",
                        size=None,
                    ),
                ),
                (
                    "avoided_emails",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.EmailField(max_length=254), blank=True, default=list, size=None
                    ),
                ),
                (
                    "avoided_institutions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), blank=True, default=list, size=None
                    ),
                ),
                ("saved_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Tie",
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
                            ("institution", "Institution"),
                            ("orcid", "ORCID iD"),
                            ("work", "Publication"),
                            ("named", "Person named as a conflict"),
                            ("lab", "Person at an institution"),
                            ("phone", "Telephone number"),
                        ],
                        max_length=12,
                    ),
                ),
                ("mark", models.BigIntegerField()),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ties",
                        to="applications.application",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["mark"], name="tie_by_mark")],
            },
        ),
        migrations.CreateModel(
            name="FiguresPage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_on", models.BooleanField(default=False)),
                ("changed_at", models.DateTimeField()),
                (
                    "changed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="figures_page",
                        to="programs.program",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="YearFigures",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("year", models.PositiveSmallIntegerField()),
                ("content", models.JSONField(help_text="Shape: applications.public_figures.")),
                ("made_at", models.DateTimeField()),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="year_figures",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("program", "year"), name="one_edition_of_a_year")
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="edition_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="5db4799d5756b58688bd07eaeca10bc76133296f",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_edition_is_kept_2661f",
                            table="applications_yearfigures",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("applications", "Applications"),
                            ("queue", "My queue"),
                            ("reviews", "Reviews and scores"),
                            ("decisions", "Decisions"),
                            ("grants", "Grants"),
                            ("ledger", "Pool statement"),
                            ("people", "People"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "file_format",
                    models.CharField(
                        choices=[("csv", "CSV"), ("xlsx", "XLSX")], max_length=4, verbose_name="format"
                    ),
                ),
                (
                    "wanted",
                    models.JSONField(default=dict, help_text="The filter: cycle, states, pool, columns."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("gone", "Removed"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                (
                    "total",
                    models.PositiveIntegerField(default=0, help_text="Rows that were there when it began."),
                ),
                ("done", models.PositiveIntegerField(default=0)),
                ("cursor", models.BigIntegerField(default=0, help_text="The last row that is in the file.")),
                ("written_bytes", models.BigIntegerField(default=0)),
                ("claims", models.PositiveIntegerField(default=0, help_text="How many workers took it up.")),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("stored_name", models.CharField(blank=True, max_length=32)),
                ("size_bytes", models.BigIntegerField(default=0)),
                ("problem", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="programs.program"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["made_by", "-id"], name="export_by_person"),
                    models.Index(
                        condition=models.Q(("state__in", ("waiting", "running"))),
                        fields=["id"],
                        name="exports_to_do",
                    ),
                    models.Index(
                        condition=models.Q(("state", "ready")),
                        fields=["expires_at"],
                        name="exports_to_remove",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "applications",
                                    "queue",
                                    "reviews",
                                    "decisions",
                                    "grants",
                                    "ledger",
                                    "people",
                                ],
                            )
                        ),
                        name="export_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["waiting", "running", "ready", "failed", "cancelled", "gone"])
                        ),
                        name="export_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ready"), _negated=True),
                            models.Q(
                                ("expires_at__isnull", False),
                                ("finished_at__isnull", False),
                                models.Q(("stored_name", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="ready_export_has_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "ready"),
                            ("state__in", ("waiting", "running")),
                            ("stored_name", ""),
                            _connector="OR",
                        ),
                        name="ended_export_keeps_no_file",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="export_follows_table",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{waiting:cancelled,waiting:failed,waiting:running,running:cancelled,running:failed,running:ready,ready:gone}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="b09c2182a582708a73620f244858e1f1c6df6052",
                            operation="UPDATE",
                            pgid="pgtrigger_export_follows_table_6e056",
                            table="applications_export",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="export_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="593cc0a553001266f78209e65db1e44e5a846961",
                            operation="DELETE",
                            pgid="pgtrigger_export_is_kept_3f682",
                            table="applications_export",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HeldAcceptance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "counted_cents",
                    models.BigIntegerField(
                        help_text="With the other awards of the organization in twelve months."
                    ),
                ),
                ("limit_cents", models.BigIntegerField()),
                ("named_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="held",
                        to="applications.decision",
                    ),
                ),
                (
                    "named_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at__isnull", True), ("approved_by__isnull", True)),
                            models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="held_approval_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("counted_cents__gt", 0)), name="held_counts_something"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Obligation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("summary", "One-page summary")], default="summary", max_length=16
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("handed_in", "Handed in"),
                            ("returned", "Returned"),
                            ("accepted", "Accepted"),
                            ("waived", "Waived"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                (
                    "days_before",
                    models.PositiveSmallIntegerField(help_text="Due so many days before the credit ends."),
                ),
                (
                    "due_on",
                    models.DateField(
                        blank=True,
                        help_text="Follows the end of the credit; empty until the end is known.",
                        null=True,
                    ),
                ),
                (
                    "late_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the due day had passed without a summary. It stays.",
                        null=True,
                    ),
                ),
                ("draft_text", models.TextField(blank=True)),
                ("draft_version", models.PositiveIntegerField(default=0)),
                ("saved_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("waived_reason", models.TextField(blank=True, help_text="Staff only.")),
                (
                    "application",
                    models.ForeignKey(
                        help_text="The application that was awarded first; its updates owe nothing of their own.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="obligations",
                        to="applications.application",
                    ),
                ),
                (
                    "draft_file",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="applications.attachment",
                    ),
                ),
                (
                    "waived_by",
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
                        condition=models.Q(("state__in", ("open", "returned"))),
                        fields=["due_on"],
                        name="obligation_owed",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("application", "kind"), name="one_obligation_per_award_and_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["open", "handed_in", "returned", "accepted", "waived"])
                        ),
                        name="obligation_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", False), ("state__in", ("accepted", "waived"))),
                            models.Q(
                                models.Q(("state__in", ("accepted", "waived")), _negated=True),
                                ("settled_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="obligation_settled_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state", "waived"),
                                ("waived_by__isnull", False),
                                models.Q(("waived_reason", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(("state", "waived"), _negated=True),
                                ("waived_by__isnull", True),
                                ("waived_reason", ""),
                            ),
                            _connector="OR",
                        ),
                        name="obligation_waived_has_reason",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="obligation_follows_table",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{open:handed_in,open:waived,handed_in:returned,handed_in:accepted,handed_in:waived,returned:handed_in,returned:waived}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="2bbf6b00a6c162ca06bbd3eb69834e0bbb3a3a16",
                            operation="UPDATE",
                            pgid="pgtrigger_obligation_follows_table_99d4a",
                            table="applications_obligation",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="obligation_is_frozen",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="028f20bab5df1a2a11fbdd2ebd070bb4a77f8e38",
                            operation="UPDATE",
                            pgid="pgtrigger_obligation_is_frozen_22c1e",
                            table="applications_obligation",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="obligation_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="9edb5c18fab31f883308d8627421d646a36975d8",
                            operation="DELETE",
                            pgid="pgtrigger_obligation_is_kept_46613",
                            table="applications_obligation",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Paper",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("title", models.CharField(blank=True, max_length=300)),
                (
                    "title_source",
                    models.CharField(
                        choices=[
                            ("typed", "Typed by the holder"),
                            ("fetched", "Fetched by its DOI"),
                            ("wanted", "To be fetched by its DOI"),
                        ],
                        default="typed",
                        max_length=8,
                    ),
                ),
                ("title_tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "title_next_at",
                    models.DateTimeField(blank=True, help_text="When its DOI is asked next.", null=True),
                ),
                ("may_highlight", models.BooleanField(default=False)),
                (
                    "sensitive",
                    models.BooleanField(default=False, help_text="For managers and screeners only."),
                ),
                ("added_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                (
                    "awards",
                    models.ManyToManyField(blank=True, related_name="papers", to="applications.application"),
                ),
                (
                    "holder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="papers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        help_text="To which it was reported.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="papers",
                        to="programs.program",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        blank=True,
                        help_text="The form through which it was reported, with its other answers.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="papers",
                        to="applications.request",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("title_next_at__isnull", False)),
                        fields=["title_next_at"],
                        name="paper_titles_wanted",
                    ),
                    models.Index(fields=["program", "added_at"], name="papers_by_program"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("title", ""), _negated=True),
                            ("title_source", "wanted"),
                            _connector="OR",
                        ),
                        name="paper_has_title_or_wants_one",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PaperLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("link", models.CharField(max_length=2000)),
                ("sha256", models.CharField(help_text="Of the link, for the index.", max_length=64)),
                ("is_doi", models.BooleanField(default=False)),
                (
                    "holder",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "paper",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="applications.paper",
                    ),
                ),
            ],
            options={
                "ordering": ("position",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("holder", "sha256"),
                        name="one_paper_per_holder_and_link",
                        violation_error_message="This paper is on your list already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Summary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("text", models.TextField(blank=True)),
                ("is_late", models.BooleanField(default=False)),
                ("handed_in_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("returned", "Returned"), ("accepted", "Accepted")],
                        max_length=12,
                    ),
                ),
                (
                    "answer",
                    models.TextField(blank=True, help_text="What the grantee reads with the outcome."),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="summaries",
                        to="applications.attachment",
                    ),
                ),
                (
                    "handed_in_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "obligation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="summaries",
                        to="applications.obligation",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "summaries",
                "constraints": [
                    models.UniqueConstraint(fields=("obligation", "number"), name="one_summary_per_number"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("text", ""), _negated=True), ("file__isnull", False), _connector="OR"
                        ),
                        name="summary_has_text_or_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("answer", ""),
                                ("answered_at__isnull", True),
                                ("answered_by__isnull", True),
                                ("outcome", ""),
                            ),
                            models.Q(
                                ("answered_at__isnull", False),
                                ("answered_by__isnull", False),
                                ("outcome", "accepted"),
                            ),
                            models.Q(
                                ("answered_at__isnull", False),
                                ("answered_by__isnull", False),
                                ("outcome", "returned"),
                                models.Q(("answer", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="summary_answer_is_whole",
                        violation_error_message="A summary that is returned needs words.",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="summary_is_frozen",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."obligation_id" IS DISTINCT FROM (NEW."obligation_id") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."text" IS DISTINCT FROM (NEW."text") OR OLD."file_id" IS DISTINCT FROM (NEW."file_id") OR OLD."is_late" IS DISTINCT FROM (NEW."is_late") OR OLD."handed_in_by_id" IS DISTINCT FROM (NEW."handed_in_by_id") OR OLD."handed_in_at" IS DISTINCT FROM (NEW."handed_in_at"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="0b1999ab384f84688350d36c52275b64ea0a96eb",
                            operation="UPDATE",
                            pgid="pgtrigger_summary_is_frozen_08f25",
                            table="applications_summary",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="summary_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="5af09ac636f256839ed9f58f5d6a028a5df389e6",
                            operation="DELETE",
                            pgid="pgtrigger_summary_is_kept_99c3f",
                            table="applications_summary",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AwardEnding",
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
                        choices=[("declined", "Declined by its holder"), ("lapsed", "Not accepted in time")],
                        max_length=8,
                    ),
                ),
                ("words", models.CharField(blank=True, help_text="What the holder wrote.", max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the clock.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ending",
                        to="applications.decision",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("by__isnull", False), ("kind", "declined")),
                            models.Q(("by__isnull", True), ("kind", "lapsed"), ("words", "")),
                            _connector="OR",
                        ),
                        name="award_ending_has_who",
                    )
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="award_ending_stands",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="3208541819b6ba94ccee2db8f5fa6321f8ce8533",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_award_ending_stands_9fa93",
                            table="applications_awardending",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AwardMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("email", models.EmailField(help_text="Lower case.", max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[("view", "May look"), ("manage", "May look and manage members")],
                        max_length=8,
                    ),
                ),
                ("invited_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "conduct_version",
                    models.CharField(
                        blank=True, help_text="The rules of conduct that were accepted.", max_length=32
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        help_text="The award; its updates are of the same pool.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="members",
                        to="applications.application",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="award_places",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["invited_by", "invited_at"], name="member_by_inviter")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("application", "email"),
                        name="one_member_per_address",
                        violation_error_message="This address is invited already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True), ("user__isnull", False)),
                        fields=("application", "user"),
                        name="one_place_per_member",
                        violation_error_message="This person is a member already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["view", "manage"])), name="member_role_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("accepted_at__isnull", True), ("conduct_version", ""), ("user__isnull", True)
                            ),
                            models.Q(
                                ("accepted_at__isnull", False),
                                ("user__isnull", False),
                                models.Q(("conduct_version", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="member_accepted_the_conduct",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="member_ended_has_who",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LaterCredit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("top_up", "Top-up"),
                            ("urgent", "Urgent credit"),
                            ("again", "Posted again"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Asked"),
                            ("proposed", "Waits for a second person"),
                            ("given", "Given"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="asked",
                        max_length=12,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("use_case", models.TextField()),
                ("asked_cents", models.BigIntegerField()),
                ("asked_months", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "runs_out_on",
                    models.DateField(
                        blank=True, help_text="When what is there runs out, as said.", null=True
                    ),
                ),
                (
                    "needed_by",
                    models.DateField(blank=True, help_text="By when an answer is needed.", null=True),
                ),
                ("amount_cents", models.BigIntegerField(blank=True, null=True)),
                ("months", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("reason", models.TextField(blank=True, help_text="Staff only.")),
                ("proposed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "authority_cents",
                    models.BigIntegerField(
                        blank=True,
                        help_text="What one person may give through the urgent lane, when it was proposed.",
                        null=True,
                    ),
                ),
                ("answer", models.TextField(blank=True, help_text="What the person who asked reads.")),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        help_text="The award.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="later_credit",
                        to="applications.application",
                    ),
                ),
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
                    "proposed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        help_text="The decision whose grant came to nothing, where it is posted again.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="applications.decision",
                    ),
                ),
                (
                    "request",
                    models.OneToOneField(
                        blank=True,
                        help_text="The urgent request it answers.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="later_credit",
                        to="applications.request",
                    ),
                ),
            ],
            options={
                "verbose_name": "credit between evaluations",
                "verbose_name_plural": "credit between evaluations",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("asked", "proposed"))),
                        fields=["asked_at"],
                        name="later_credit_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ("asked", "proposed")), models.Q(("kind", "again"), _negated=True)
                        ),
                        fields=("application", "kind"),
                        name="one_live_wish_per_award",
                        violation_error_message="This award has one that is not answered yet.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["top_up", "urgent", "again"])),
                        name="later_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "proposed", "given", "declined", "withdrawn"])
                        ),
                        name="later_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("asked_cents__gt", 0)), name="later_asks_for_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "again"), ("replaces__isnull", False)),
                            models.Q(models.Q(("kind", "again"), _negated=True), ("replaces__isnull", True)),
                            _connector="OR",
                        ),
                        name="posted_again_replaces_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "urgent"), ("request__isnull", False)),
                            models.Q(models.Q(("kind", "urgent"), _negated=True), ("request__isnull", True)),
                            _connector="OR",
                        ),
                        name="urgent_credit_answers_a_request",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["proposed", "given"]), _negated=True),
                            models.Q(
                                ("amount_cents__gt", 0),
                                ("proposed_at__isnull", False),
                                ("proposed_by__isnull", False),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="later_proposal_is_whole",
                        violation_error_message="A proposal needs an amount, a person and a reason.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("state__in", ["given", "declined", "withdrawn"]),
                            ),
                            models.Q(
                                ("decided_at__isnull", True),
                                ("decided_by__isnull", True),
                                ("state__in", ("asked", "proposed")),
                            ),
                            _connector="OR",
                        ),
                        name="later_decided_has_who_and_when",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "declined"), _negated=True),
                            models.Q(("answer", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="later_decline_has_words",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="later_follows_table",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{asked:proposed,asked:declined,asked:withdrawn,proposed:asked,proposed:given,proposed:declined,proposed:withdrawn}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="9a4ad6821a704b8dafa7c1e7ec9ce5bc6dc46fda",
                            operation="UPDATE",
                            pgid="pgtrigger_later_follows_table_d0a11",
                            table="applications_latercredit",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="later_wish_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."replaces_id" IS DISTINCT FROM (NEW."replaces_id") OR OLD."request_id" IS DISTINCT FROM (NEW."request_id") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."asked_at" IS DISTINCT FROM (NEW."asked_at") OR OLD."use_case" IS DISTINCT FROM (NEW."use_case") OR OLD."asked_cents" IS DISTINCT FROM (NEW."asked_cents") OR OLD."asked_months" IS DISTINCT FROM (NEW."asked_months") OR OLD."runs_out_on" IS DISTINCT FROM (NEW."runs_out_on") OR OLD."needed_by" IS DISTINCT FROM (NEW."needed_by"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="c598c4db620fb0e9e06c507d34b116561414414c",
                            operation="UPDATE",
                            pgid="pgtrigger_later_wish_is_kept_c3785",
                            table="applications_latercredit",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="later_answer_stands",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.\"state\" IN ('given', 'declined', 'withdrawn'))",
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="d46bff59e962eebdef733d20ed9d7a30146615c8",
                            operation="UPDATE",
                            pgid="pgtrigger_later_answer_stands_974eb",
                            table="applications_latercredit",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="later_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="4e3de5bf73bc04a3007c26608e36b1e20a325578",
                            operation="DELETE",
                            pgid="pgtrigger_later_stays_644c9",
                            table="applications_latercredit",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="later",
            field=models.OneToOneField(
                blank=True,
                help_text="What it answers, between the evaluations.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decision",
                to="applications.latercredit",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount_cents__gt", 0),
                        ("grant__isnull", False),
                        ("kind", "later"),
                        ("later__isnull", False),
                        ("state", "released"),
                    ),
                    models.Q(models.Q(("kind", "later"), _negated=True), ("later__isnull", True)),
                    _connector="OR",
                ),
                name="later_credit_is_given_at_once",
            ),
        ),
        migrations.CreateModel(
            name="DecisionEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("award", "Award"),
                            ("decline", "Decline"),
                            ("change", "Change without more credit"),
                            ("defer", "Deferral"),
                            ("waitlist", "Waiting list"),
                            ("later", "Credit between evaluations"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("released", "Released"),
                            ("void", "Undone"),
                            ("carried", "Carried into a later evaluation"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("amount_cents", models.BigIntegerField(blank=True, null=True)),
                ("months", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("granted_models", models.JSONField(blank=True, default=list)),
                ("reason", models.TextField(blank=True, help_text="Staff only.")),
                (
                    "four_eyes_above_cents",
                    models.BigIntegerField(help_text="The program's limit when it was proposed."),
                ),
                ("proposed_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_terms_version", models.CharField(blank=True, max_length=32)),
                (
                    "application",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="applications.application",
                    ),
                ),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="credits.grant",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="applications.decision",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "released_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "approved_binding",
                    models.BinaryField(
                        help_text="Hash of what was approved; the database writes it.",
                        max_length=32,
                        null=True,
                    ),
                ),
                (
                    "counted_cents",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="With the other awards of the same person or organization in twelve months.",
                    ),
                ),
                (
                    "overrides",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Values of Override, separated by commas.",
                        max_length=40,
                    ),
                ),
                (
                    "place",
                    models.PositiveSmallIntegerField(blank=True, help_text="On the waiting list.", null=True),
                ),
                (
                    "to_cycle",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Where a deferral leads; set at release.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.cycle",
                    ),
                ),
                (
                    "later",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="What it answers, between the evaluations.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="applications.latercredit",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Sponsorship",
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
                            ("asked", "Waits for a second person"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                            ("taken_back", "Taken back"),
                            ("ended", "Ended"),
                        ],
                        default="asked",
                        max_length=12,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("answer", models.CharField(blank=True, help_text="Why it was refused.", max_length=300)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "applicant",
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
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "label",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sponsorship",
                        to="credits.enforcement",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.organization",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="programs.program"
                    ),
                ),
                (
                    "sponsor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sponsorships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["applicant", "sponsor"], name="sponsors_of_a_person")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "approved", "refused", "taken_back", "ended"])
                        ),
                        name="sponsor_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="sponsorship_has_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sponsor", models.F("applicant")), _negated=True),
                        name="nobody_sponsors_themself",
                        violation_error_message="Nobody sponsors their own work.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_by__isnull", True), ("state", "asked")),
                            models.Q(
                                models.Q(("state", "asked"), _negated=True),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="sponsorship_decided_has_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["approved", "refused", "ended"]), _negated=True),
                            models.Q(
                                models.Q(("decided_by", models.F("sponsor")), _negated=True),
                                models.Q(("decided_by", models.F("applicant")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="sponsorship_two_people",
                        violation_error_message="Another person than the sponsor decides this.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("label__isnull", False), ("state__in", ["approved", "ended"])),
                            models.Q(
                                models.Q(("state__in", ["approved", "ended"]), _negated=True),
                                ("label__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="sponsorship_approved_has_label",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False), ("ended_by__isnull", False), ("state", "ended")
                            ),
                            models.Q(
                                models.Q(("state", "ended"), _negated=True),
                                ("ended_at__isnull", True),
                                ("ended_by__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="sponsorship_ended_has_who",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["asked", "approved"])),
                        fields=("sponsor", "applicant", "organization"),
                        name="sponsorship_stands_once",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="sponsorship_is_fixed",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."program_id" IS DISTINCT FROM (NEW."program_id") OR OLD."applicant_id" IS DISTINCT FROM (NEW."applicant_id") OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."sponsor_id" IS DISTINCT FROM (NEW."sponsor_id") OR OLD."asked_at" IS DISTINCT FROM (NEW."asked_at"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="13fb867d534eae287fdd665db02daf7c0dd545d8",
                            operation="UPDATE",
                            pgid="pgtrigger_sponsorship_is_fixed_5a191",
                            table="applications_sponsorship",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="sponsorship_follows_table",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{asked:approved,asked:refused,asked:taken_back,approved:ended}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="b7cf3803b81e6ec4a2ad15df232117c8485a1e9d",
                            operation="UPDATE",
                            pgid="pgtrigger_sponsorship_follows_table_ec400",
                            table="applications_sponsorship",
                            when="BEFORE",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="sponsorship_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="d9d185f2803caa4a17fe4bd60e3f28f2a66a5365",
                            operation="DELETE",
                            pgid="pgtrigger_sponsorship_stays_b956e",
                            table="applications_sponsorship",
                            when="BEFORE",
                        ),
                    ),
                ],
            },
        ),
        InstallTriggers(),
        *sql_of(
            "applications",
            "0010_four_eyes",
            "0015_seals_and_gates",
            "0017_released_moment_is_kept",
            "0018_small_machines",
            "0021_accepted_awards_counted",
            "0024_awards_after_release",
            "0026_posted_again_whole",
            "0027_gates_of_awards",
        ),
    ]
