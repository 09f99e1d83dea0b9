import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0007_translations"),
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
            name="holidays_of",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Country code; empty takes the country of the time zone.",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="programevent",
            name="holidays_of",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Country code; empty takes the country of the time zone.",
                max_length=8,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="program",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "programs_programevent" ("accent", "assigns_by_itself", "award_cap_cents", "award_default_cents", "award_mode", "blind_first_look", "currency", "cut_off_time", "data_note", "decided_by_days", "decline_mode", "first_looks", "four_eyes_above_cents", "holidays_of", "id", "models_offered", "name", "never_funded", "notices", "opens_on", "organization_id_format", "organization_id_when", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "priority_topics", "process", "provider", "purpose", "reapply_after_on", "reapply_wait_days", "remind_half_time", "remind_overdue", "remind_soon", "review_days", "reviews_wanted", "schedule_rule", "short_code", "slug", "state", "summary", "term_mode", "term_months", "terms", "terms_version", "time_zone", "urgent_contact") VALUES (NEW."accent", NEW."assigns_by_itself", NEW."award_cap_cents", NEW."award_default_cents", NEW."award_mode", NEW."blind_first_look", NEW."currency", NEW."cut_off_time", NEW."data_note", NEW."decided_by_days", NEW."decline_mode", NEW."first_looks", NEW."four_eyes_above_cents", NEW."holidays_of", NEW."id", NEW."models_offered", NEW."name", NEW."never_funded", NEW."notices", NEW."opens_on", NEW."organization_id_format", NEW."organization_id_when", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."priority_topics", NEW."process", NEW."provider", NEW."purpose", NEW."reapply_after_on", NEW."reapply_wait_days", NEW."remind_half_time", NEW."remind_overdue", NEW."remind_soon", NEW."review_days", NEW."reviews_wanted", NEW."schedule_rule", NEW."short_code", NEW."slug", NEW."state", NEW."summary", NEW."term_mode", NEW."term_months", NEW."terms", NEW."terms_version", NEW."time_zone", NEW."urgent_contact"); RETURN NULL;',
                    hash="154799610358ded90b6b72c69c3f11a62f0cbe12",
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
                    func='INSERT INTO "programs_programevent" ("accent", "assigns_by_itself", "award_cap_cents", "award_default_cents", "award_mode", "blind_first_look", "currency", "cut_off_time", "data_note", "decided_by_days", "decline_mode", "first_looks", "four_eyes_above_cents", "holidays_of", "id", "models_offered", "name", "never_funded", "notices", "opens_on", "organization_id_format", "organization_id_when", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "priority_topics", "process", "provider", "purpose", "reapply_after_on", "reapply_wait_days", "remind_half_time", "remind_overdue", "remind_soon", "review_days", "reviews_wanted", "schedule_rule", "short_code", "slug", "state", "summary", "term_mode", "term_months", "terms", "terms_version", "time_zone", "urgent_contact") VALUES (NEW."accent", NEW."assigns_by_itself", NEW."award_cap_cents", NEW."award_default_cents", NEW."award_mode", NEW."blind_first_look", NEW."currency", NEW."cut_off_time", NEW."data_note", NEW."decided_by_days", NEW."decline_mode", NEW."first_looks", NEW."four_eyes_above_cents", NEW."holidays_of", NEW."id", NEW."models_offered", NEW."name", NEW."never_funded", NEW."notices", NEW."opens_on", NEW."organization_id_format", NEW."organization_id_when", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."priority_topics", NEW."process", NEW."provider", NEW."purpose", NEW."reapply_after_on", NEW."reapply_wait_days", NEW."remind_half_time", NEW."remind_overdue", NEW."remind_soon", NEW."review_days", NEW."reviews_wanted", NEW."schedule_rule", NEW."short_code", NEW."slug", NEW."state", NEW."summary", NEW."term_mode", NEW."term_months", NEW."terms", NEW."terms_version", NEW."time_zone", NEW."urgent_contact"); RETURN NULL;',
                    hash="cf1a746dc809b5b6942b99000399610cff2749f2",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_7f86c",
                    table="programs_program",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="eligibilityrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "option"), _negated=True),
                name="option_conditions_stand_in_the_form",
                violation_error_message="Conditions of an option stand at the option in the form.",
            ),
        ),
    ]
