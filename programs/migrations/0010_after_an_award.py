"""What follows an award: when its term starts and ends, late usage, acceptance, summaries, top-ups, the urgent lane."""

import django.core.validators
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0009_languages_offered"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="program",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="program",
            name="update_update",
        ),
        migrations.AddField(
            model_name="program",
            name="acceptance_days",
            field=models.PositiveSmallIntegerField(
                db_default=60,
                default=60,
                help_text="An award that nobody accepts goes back to the pool after these days; 0 means never.",
                validators=[django.core.validators.MaxValueValidator(365)],
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="late_usage_days",
            field=models.PositiveSmallIntegerField(
                db_default=3,
                default=3,
                help_text="Usage of a day in the term still counts when it is reported this many days after the end.",
                validators=[django.core.validators.MaxValueValidator(60)],
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="second_half_after_summary",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Half of an award at once, half when the summary is accepted.",
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="summary_due_days",
            field=models.PositiveSmallIntegerField(
                db_default=14,
                default=14,
                help_text="Before the end of the credit.",
                validators=[django.core.validators.MaxValueValidator(365)],
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="summary_required",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Grantees owe a one-page summary of their findings.",
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="term_ends_on",
            field=models.DateField(
                blank=True, help_text="No credit of this program lasts longer than this day.", null=True
            ),
        ),
        migrations.AddField(
            model_name="program",
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
        migrations.AddField(
            model_name="program",
            name="top_ups_allowed",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Grantees may ask for more credit on an award."
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="urgent_authority_cents",
            field=models.BigIntegerField(
                blank=True,
                help_text="The most that one person may give through the urgent lane; empty means no credit there.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="acceptance_days",
            field=models.PositiveSmallIntegerField(
                db_default=60,
                default=60,
                help_text="An award that nobody accepts goes back to the pool after these days; 0 means never.",
                validators=[django.core.validators.MaxValueValidator(365)],
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="late_usage_days",
            field=models.PositiveSmallIntegerField(
                db_default=3,
                default=3,
                help_text="Usage of a day in the term still counts when it is reported this many days after the end.",
                validators=[django.core.validators.MaxValueValidator(60)],
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="second_half_after_summary",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Half of an award at once, half when the summary is accepted.",
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="summary_due_days",
            field=models.PositiveSmallIntegerField(
                db_default=14,
                default=14,
                help_text="Before the end of the credit.",
                validators=[django.core.validators.MaxValueValidator(365)],
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="summary_required",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Grantees owe a one-page summary of their findings.",
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="term_ends_on",
            field=models.DateField(
                blank=True, help_text="No credit of this program lasts longer than this day.", null=True
            ),
        ),
        migrations.AddField(
            model_name="programevent",
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
        migrations.AddField(
            model_name="programevent",
            name="top_ups_allowed",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Grantees may ask for more credit on an award."
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="urgent_authority_cents",
            field=models.BigIntegerField(
                blank=True,
                help_text="The most that one person may give through the urgent lane; empty means no credit there.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="program",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "programs_programevent" ("accent", "acceptance_days", "assigns_by_itself", "award_cap_cents", "award_default_cents", "award_mode", "blind_first_look", "currency", "cut_off_time", "data_note", "decided_by_days", "decline_mode", "first_looks", "four_eyes_above_cents", "holidays_of", "id", "languages_left_out", "late_usage_days", "models_offered", "name", "never_funded", "notices", "opens_on", "organization_id_format", "organization_id_when", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "priority_topics", "process", "provider", "purpose", "reapply_after_on", "reapply_wait_days", "remind_half_time", "remind_overdue", "remind_soon", "review_days", "reviews_wanted", "schedule_rule", "second_half_after_summary", "short_code", "slug", "state", "summary", "summary_due_days", "summary_required", "term_ends_on", "term_mode", "term_months", "term_starts", "terms", "terms_version", "time_zone", "top_ups_allowed", "urgent_authority_cents", "urgent_contact") VALUES (NEW."accent", NEW."acceptance_days", NEW."assigns_by_itself", NEW."award_cap_cents", NEW."award_default_cents", NEW."award_mode", NEW."blind_first_look", NEW."currency", NEW."cut_off_time", NEW."data_note", NEW."decided_by_days", NEW."decline_mode", NEW."first_looks", NEW."four_eyes_above_cents", NEW."holidays_of", NEW."id", NEW."languages_left_out", NEW."late_usage_days", NEW."models_offered", NEW."name", NEW."never_funded", NEW."notices", NEW."opens_on", NEW."organization_id_format", NEW."organization_id_when", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."priority_topics", NEW."process", NEW."provider", NEW."purpose", NEW."reapply_after_on", NEW."reapply_wait_days", NEW."remind_half_time", NEW."remind_overdue", NEW."remind_soon", NEW."review_days", NEW."reviews_wanted", NEW."schedule_rule", NEW."second_half_after_summary", NEW."short_code", NEW."slug", NEW."state", NEW."summary", NEW."summary_due_days", NEW."summary_required", NEW."term_ends_on", NEW."term_mode", NEW."term_months", NEW."term_starts", NEW."terms", NEW."terms_version", NEW."time_zone", NEW."top_ups_allowed", NEW."urgent_authority_cents", NEW."urgent_contact"); RETURN NULL;',
                    hash="dd663c628165c0bc715a85f0bddd8ceebd8d6180",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_5a554",
                    table="programs_program",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="program",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "programs_programevent" ("accent", "acceptance_days", "assigns_by_itself", "award_cap_cents", "award_default_cents", "award_mode", "blind_first_look", "currency", "cut_off_time", "data_note", "decided_by_days", "decline_mode", "first_looks", "four_eyes_above_cents", "holidays_of", "id", "languages_left_out", "late_usage_days", "models_offered", "name", "never_funded", "notices", "opens_on", "organization_id_format", "organization_id_when", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "priority_topics", "process", "provider", "purpose", "reapply_after_on", "reapply_wait_days", "remind_half_time", "remind_overdue", "remind_soon", "review_days", "reviews_wanted", "schedule_rule", "second_half_after_summary", "short_code", "slug", "state", "summary", "summary_due_days", "summary_required", "term_ends_on", "term_mode", "term_months", "term_starts", "terms", "terms_version", "time_zone", "top_ups_allowed", "urgent_authority_cents", "urgent_contact") VALUES (NEW."accent", NEW."acceptance_days", NEW."assigns_by_itself", NEW."award_cap_cents", NEW."award_default_cents", NEW."award_mode", NEW."blind_first_look", NEW."currency", NEW."cut_off_time", NEW."data_note", NEW."decided_by_days", NEW."decline_mode", NEW."first_looks", NEW."four_eyes_above_cents", NEW."holidays_of", NEW."id", NEW."languages_left_out", NEW."late_usage_days", NEW."models_offered", NEW."name", NEW."never_funded", NEW."notices", NEW."opens_on", NEW."organization_id_format", NEW."organization_id_when", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."priority_topics", NEW."process", NEW."provider", NEW."purpose", NEW."reapply_after_on", NEW."reapply_wait_days", NEW."remind_half_time", NEW."remind_overdue", NEW."remind_soon", NEW."review_days", NEW."reviews_wanted", NEW."schedule_rule", NEW."second_half_after_summary", NEW."short_code", NEW."slug", NEW."state", NEW."summary", NEW."summary_due_days", NEW."summary_required", NEW."term_ends_on", NEW."term_mode", NEW."term_months", NEW."term_starts", NEW."terms", NEW."terms_version", NEW."time_zone", NEW."top_ups_allowed", NEW."urgent_authority_cents", NEW."urgent_contact"); RETURN NULL;',
                    hash="73884d16c5e87f8d68d9730842701422565785e5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_7f86c",
                    table="programs_program",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="program",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("second_half_after_summary", False), ("summary_required", True), _connector="OR"
                ),
                name="second_half_needs_summary",
                violation_error_message="The second half follows a summary, so a summary is needed.",
            ),
        ),
        migrations.AddConstraint(
            model_name="program",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("urgent_authority_cents__isnull", True),
                    ("urgent_authority_cents__gt", 0),
                    _connector="OR",
                ),
                name="urgent_authority_above_zero",
                violation_error_message="Give an amount above zero, or leave it empty.",
            ),
        ),
        migrations.AddConstraint(
            model_name="program",
            constraint=models.CheckConstraint(
                condition=models.Q(("term_starts__in", ["posting", "decision", "first_use"])),
                name="term_start_is_known",
            ),
        ),
    ]
