"""The languages that a program leaves out."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import programs.languages


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0008_holidays_and_options"),
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
            name="languages_left_out",
            field=models.JSONField(blank=True, default=list, validators=[programs.languages.check_left_out]),
        ),
        migrations.AddField(
            model_name="programevent",
            name="languages_left_out",
            field=models.JSONField(blank=True, default=list, validators=[programs.languages.check_left_out]),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="program",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "programs_programevent" ("accent", "assigns_by_itself", "award_cap_cents", "award_default_cents", "award_mode", "blind_first_look", "currency", "cut_off_time", "data_note", "decided_by_days", "decline_mode", "first_looks", "four_eyes_above_cents", "holidays_of", "id", "languages_left_out", "models_offered", "name", "never_funded", "notices", "opens_on", "organization_id_format", "organization_id_when", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "priority_topics", "process", "provider", "purpose", "reapply_after_on", "reapply_wait_days", "remind_half_time", "remind_overdue", "remind_soon", "review_days", "reviews_wanted", "schedule_rule", "short_code", "slug", "state", "summary", "term_mode", "term_months", "terms", "terms_version", "time_zone", "urgent_contact") VALUES (NEW."accent", NEW."assigns_by_itself", NEW."award_cap_cents", NEW."award_default_cents", NEW."award_mode", NEW."blind_first_look", NEW."currency", NEW."cut_off_time", NEW."data_note", NEW."decided_by_days", NEW."decline_mode", NEW."first_looks", NEW."four_eyes_above_cents", NEW."holidays_of", NEW."id", NEW."languages_left_out", NEW."models_offered", NEW."name", NEW."never_funded", NEW."notices", NEW."opens_on", NEW."organization_id_format", NEW."organization_id_when", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."priority_topics", NEW."process", NEW."provider", NEW."purpose", NEW."reapply_after_on", NEW."reapply_wait_days", NEW."remind_half_time", NEW."remind_overdue", NEW."remind_soon", NEW."review_days", NEW."reviews_wanted", NEW."schedule_rule", NEW."short_code", NEW."slug", NEW."state", NEW."summary", NEW."term_mode", NEW."term_months", NEW."terms", NEW."terms_version", NEW."time_zone", NEW."urgent_contact"); RETURN NULL;',
                    hash="251b2e4281ed75b0853885e0837619d773308d90",
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
                    func='INSERT INTO "programs_programevent" ("accent", "assigns_by_itself", "award_cap_cents", "award_default_cents", "award_mode", "blind_first_look", "currency", "cut_off_time", "data_note", "decided_by_days", "decline_mode", "first_looks", "four_eyes_above_cents", "holidays_of", "id", "languages_left_out", "models_offered", "name", "never_funded", "notices", "opens_on", "organization_id_format", "organization_id_when", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "priority_topics", "process", "provider", "purpose", "reapply_after_on", "reapply_wait_days", "remind_half_time", "remind_overdue", "remind_soon", "review_days", "reviews_wanted", "schedule_rule", "short_code", "slug", "state", "summary", "term_mode", "term_months", "terms", "terms_version", "time_zone", "urgent_contact") VALUES (NEW."accent", NEW."assigns_by_itself", NEW."award_cap_cents", NEW."award_default_cents", NEW."award_mode", NEW."blind_first_look", NEW."currency", NEW."cut_off_time", NEW."data_note", NEW."decided_by_days", NEW."decline_mode", NEW."first_looks", NEW."four_eyes_above_cents", NEW."holidays_of", NEW."id", NEW."languages_left_out", NEW."models_offered", NEW."name", NEW."never_funded", NEW."notices", NEW."opens_on", NEW."organization_id_format", NEW."organization_id_when", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."priority_topics", NEW."process", NEW."provider", NEW."purpose", NEW."reapply_after_on", NEW."reapply_wait_days", NEW."remind_half_time", NEW."remind_overdue", NEW."remind_soon", NEW."review_days", NEW."reviews_wanted", NEW."schedule_rule", NEW."short_code", NEW."slug", NEW."state", NEW."summary", NEW."term_mode", NEW."term_months", NEW."terms", NEW."terms_version", NEW."time_zone", NEW."urgent_contact"); RETURN NULL;',
                    hash="70562cdf7757e812fc439749734c2dbb84449f90",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_7f86c",
                    table="programs_program",
                    when="AFTER",
                ),
            ),
        ),
    ]
