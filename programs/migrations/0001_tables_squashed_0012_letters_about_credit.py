"""Programs and everything that configures them, as the migrations up to 0012 leave them, in one step."""

import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import programs.languages
import programs.request_models
from portal.squashed import InstallTriggers


class Migration(migrations.Migration):
    replaces = [
        ("programs", "0001_tables"),
        ("programs", "0002_invitation_and_waiting"),
        ("programs", "0003_rules_versions"),
        ("programs", "0004_request_forms"),
        ("programs", "0005_urgent_lanes_as_forms"),
        ("programs", "0006_assigning_and_reminders"),
        ("programs", "0007_translations"),
        ("programs", "0008_holidays_and_options"),
        ("programs", "0009_languages_offered"),
        ("programs", "0010_after_an_award"),
        ("programs", "0011_letters_about_summaries"),
        ("programs", "0012_letters_about_credit"),
    ]

    initial = True

    dependencies = [
        ("pghistory", "0007_auto_20250421_0444"),
        ("portal", "0001_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="Program",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "short_code",
                    models.CharField(
                        help_text="Starts every reference, such as AIS-2026-12-004217.",
                        max_length=6,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z][A-Z0-9]{1,5}$", "Two to six capital letters or digits."
                            )
                        ],
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Being set up"),
                            ("open", "Open"),
                            ("paused", "Paused"),
                            ("closed", "Closed"),
                            ("archived", "Archived"),
                        ],
                        default="draft",
                        max_length=16,
                    ),
                ),
                (
                    "accent",
                    models.CharField(
                        choices=[
                            ("external-researcher", "Indigo"),
                            ("ai-for-science", "Teal"),
                            ("openai-researcher", "Rust"),
                        ],
                        default="external-researcher",
                        max_length=32,
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=100, help_text="Order in the directory, lowest first."
                    ),
                ),
                ("summary", models.CharField(help_text="Who it is for, in two sentences.", max_length=300)),
                ("purpose", models.TextField(help_text="Markdown.")),
                (
                    "priority_topics",
                    models.JSONField(blank=True, default=list, help_text="List of {title, text}."),
                ),
                (
                    "process",
                    models.JSONField(
                        blank=True, default=list, help_text="List of {title, text}: what happens, in order."
                    ),
                ),
                ("never_funded", models.JSONField(blank=True, default=list, help_text="List of sentences.")),
                (
                    "notices",
                    models.JSONField(
                        blank=True, default=list, help_text="List of sentences shown on top of the page."
                    ),
                ),
                (
                    "data_note",
                    models.TextField(blank=True, help_text="Who sees an applicant's data. Markdown."),
                ),
                (
                    "terms",
                    models.TextField(
                        blank=True, help_text="What a grantee accepts before credits are posted. Markdown."
                    ),
                ),
                ("terms_version", models.CharField(default="1", max_length=32)),
                ("currency", models.CharField(default="USD", max_length=3)),
                (
                    "award_mode",
                    models.CharField(
                        choices=[
                            ("fixed", "The same amount for everyone"),
                            ("capped", "Set per project, up to a cap"),
                            ("undisclosed", "Set per project, told when posted"),
                        ],
                        max_length=16,
                    ),
                ),
                ("award_default_cents", models.BigIntegerField(blank=True, null=True)),
                ("award_cap_cents", models.BigIntegerField(blank=True, null=True)),
                (
                    "four_eyes_above_cents",
                    models.BigIntegerField(
                        default=0, help_text="An award above this needs a second person before release."
                    ),
                ),
                (
                    "term_mode",
                    models.CharField(
                        choices=[
                            ("none", "No term stated"),
                            ("months", "A number of months"),
                            ("stated", "The stated timeline, up to a maximum"),
                        ],
                        default="none",
                        max_length=16,
                    ),
                ),
                ("term_months", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "models_offered",
                    models.JSONField(
                        blank=True, default=list, help_text="List of {slug, name, limited, condition}."
                    ),
                ),
                ("provider", models.SlugField(max_length=32)),
                (
                    "organization_id_format",
                    models.CharField(help_text="A format of credits.organizations.", max_length=32),
                ),
                (
                    "organization_id_when",
                    models.CharField(
                        choices=[
                            ("apply", "May be given in the application, else at acceptance"),
                            ("acceptance", "Asked at acceptance"),
                        ],
                        default="apply",
                        max_length=16,
                    ),
                ),
                (
                    "schedule_rule",
                    models.CharField(
                        default="FREQ=MONTHLY;BYDAY=1MO", help_text="iCalendar RRULE.", max_length=200
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(default="America/Los_Angeles", help_text="IANA name.", max_length=64),
                ),
                (
                    "cut_off_time",
                    models.TimeField(
                        default="00:00", help_text="On the evaluation day, in the program's zone."
                    ),
                ),
                ("decided_by_days", models.PositiveSmallIntegerField(default=14)),
                (
                    "opens_on",
                    models.DateField(blank=True, help_text="No application before this date.", null=True),
                ),
                (
                    "decline_mode",
                    models.CharField(
                        choices=[
                            ("quiet", "Quiet: no message, the decided-by date speaks"),
                            ("told", "Told: a message at release"),
                        ],
                        default="quiet",
                        max_length=16,
                    ),
                ),
                (
                    "reviews_wanted",
                    models.PositiveSmallIntegerField(
                        default=2,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ],
                    ),
                ),
                (
                    "review_days",
                    models.PositiveSmallIntegerField(
                        default=7, help_text="From evaluation day to a review's due date."
                    ),
                ),
                ("blind_first_look", models.BooleanField(default=False)),
                (
                    "reapply_after_on",
                    models.DateField(blank=True, help_text="Program revision date.", null=True),
                ),
                ("reapply_wait_days", models.PositiveSmallIntegerField(default=0)),
                (
                    "urgent_contact",
                    models.EmailField(
                        blank=True,
                        help_text="Mailbox that hears at once of urgent and general requests, beside their queue; empty means none.",
                        max_length=254,
                    ),
                ),
                (
                    "assigns_by_itself",
                    models.BooleanField(
                        default=True,
                        help_text="A batch is dealt to its reviewers as soon as it is screened, without a proposal.",
                    ),
                ),
                (
                    "first_looks",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Looks dealt with the batch; the others follow unless the first one is a clear decline. Empty: all at once.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ],
                    ),
                ),
                (
                    "remind_half_time",
                    models.BooleanField(default=True, help_text="Reviewers, when half of the time is over."),
                ),
                (
                    "remind_overdue",
                    models.BooleanField(default=True, help_text="Reviewers, when the due date is over."),
                ),
                (
                    "remind_soon",
                    models.BooleanField(default=True, help_text="Reviewers, two days before the due date."),
                ),
                (
                    "holidays_of",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Country code; empty takes the country of the time zone.",
                        max_length=8,
                    ),
                ),
                (
                    "languages_left_out",
                    models.JSONField(
                        blank=True, default=list, validators=[programs.languages.check_left_out]
                    ),
                ),
                (
                    "acceptance_days",
                    models.PositiveSmallIntegerField(
                        db_default=60,
                        default=60,
                        help_text="An award that nobody accepts goes back to the pool after these days; 0 means never.",
                        validators=[django.core.validators.MaxValueValidator(365)],
                    ),
                ),
                (
                    "late_usage_days",
                    models.PositiveSmallIntegerField(
                        db_default=3,
                        default=3,
                        help_text="Usage of a day in the term still counts when it is reported this many days after the end.",
                        validators=[django.core.validators.MaxValueValidator(60)],
                    ),
                ),
                (
                    "second_half_after_summary",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Half of an award at once, half when the summary is accepted.",
                    ),
                ),
                (
                    "summary_due_days",
                    models.PositiveSmallIntegerField(
                        db_default=14,
                        default=14,
                        help_text="Before the end of the credit.",
                        validators=[django.core.validators.MaxValueValidator(365)],
                    ),
                ),
                (
                    "summary_required",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Grantees owe a one-page summary of their findings.",
                    ),
                ),
                (
                    "term_ends_on",
                    models.DateField(
                        blank=True,
                        help_text="No credit of this program lasts longer than this day.",
                        null=True,
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
                    "top_ups_allowed",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Grantees may ask for more credit on an award.",
                    ),
                ),
                (
                    "urgent_authority_cents",
                    models.BigIntegerField(
                        blank=True,
                        help_text="The most that one person may give through the urgent lane; empty means no credit there.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("award_mode", "fixed"), _negated=True),
                            models.Q(("award_default_cents__gt", 0), ("award_default_cents__isnull", False)),
                            _connector="OR",
                        ),
                        name="fixed_award_has_amount",
                        violation_error_message="A fixed award needs its amount.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("award_mode", "capped"), _negated=True),
                            models.Q(("award_cap_cents__gt", 0), ("award_cap_cents__isnull", False)),
                            _connector="OR",
                        ),
                        name="capped_award_has_cap",
                        violation_error_message="A capped award needs its cap.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("term_mode", "none"),
                            models.Q(("term_months__gt", 0), ("term_months__isnull", False)),
                            _connector="OR",
                        ),
                        name="term_has_months",
                        violation_error_message="A term needs a number of months.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("second_half_after_summary", False), ("summary_required", True), _connector="OR"
                        ),
                        name="second_half_needs_summary",
                        violation_error_message="The second half follows a summary, so a summary is needed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("urgent_authority_cents__isnull", True),
                            ("urgent_authority_cents__gt", 0),
                            _connector="OR",
                        ),
                        name="urgent_authority_above_zero",
                        violation_error_message="Give an amount above zero, or leave it empty.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("term_starts__in", ["posting", "decision", "first_use"])),
                        name="term_start_is_known",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
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
                ],
            },
        ),
        migrations.CreateModel(
            name="Criterion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.SlugField(max_length=32)),
                ("name", models.CharField(max_length=80)),
                ("description", models.TextField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("score", "Score"), ("gate", "Gate: pass or fail, not a score")],
                        default="score",
                        max_length=8,
                    ),
                ),
                (
                    "weight_percent",
                    models.PositiveSmallIntegerField(
                        default=0, validators=[django.core.validators.MaxValueValidator(100)]
                    ),
                ),
                (
                    "scale_max",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(10),
                        ],
                    ),
                ),
                (
                    "anchors",
                    models.JSONField(
                        blank=True, default=dict, help_text='What a value means: {"1": "...", "5": "..."}.'
                    ),
                ),
                (
                    "show_if",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="A gate only for some: {question, any_of}, as in a form. Empty means all.",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "program",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="criteria",
                        to="programs.program",
                    ),
                ),
                (
                    "left",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="past_criteria",
                        to="programs.program",
                    ),
                ),
                (
                    "independent",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Scored and shown, and no part of the total.",
                        verbose_name="outside the total",
                    ),
                ),
                (
                    "not_applicable",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="A reviewer may say that it does not apply; its weight then falls to the others.",
                        verbose_name="may not apply",
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[("blind", "First look, names hidden"), ("named", "Second look, with names")],
                        db_default="blind",
                        default="blind",
                        help_text="Counts where the first look hides names.",
                        max_length=8,
                    ),
                ),
                (
                    "required",
                    models.BooleanField(
                        db_default=True, default=True, help_text="A review is not complete without it."
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("program", "key"), name="one_criterion_per_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "gate"), _negated=True), ("weight_percent", 0), _connector="OR"
                        ),
                        name="gate_has_no_weight",
                        violation_error_message="A gate passes or fails; it has no weight.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("left__isnull", True), ("program__isnull", False)),
                            models.Q(("left__isnull", False), ("program__isnull", True)),
                            _connector="OR",
                        ),
                        name="criterion_is_used_or_left",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("independent", False), ("weight_percent", 0), _connector="OR"),
                        name="independent_has_no_weight",
                        violation_error_message="A criterion outside the total has no weight.",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "programs_criterionevent" ("anchors", "description", "id", "independent", "key", "kind", "left_id", "name", "not_applicable", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phase", "position", "program_id", "required", "scale_max", "show_if", "weight_percent") VALUES (NEW."anchors", NEW."description", NEW."id", NEW."independent", NEW."key", NEW."kind", NEW."left_id", NEW."name", NEW."not_applicable", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phase", NEW."position", NEW."program_id", NEW."required", NEW."scale_max", NEW."show_if", NEW."weight_percent"); RETURN NULL;',
                            hash="a4bd05844acb3dc92412ac5ef8525b5c8c25dc89",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_f6aec",
                            table="programs_criterion",
                            when="AFTER",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                            func='INSERT INTO "programs_criterionevent" ("anchors", "description", "id", "independent", "key", "kind", "left_id", "name", "not_applicable", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phase", "position", "program_id", "required", "scale_max", "show_if", "weight_percent") VALUES (NEW."anchors", NEW."description", NEW."id", NEW."independent", NEW."key", NEW."kind", NEW."left_id", NEW."name", NEW."not_applicable", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phase", NEW."position", NEW."program_id", NEW."required", NEW."scale_max", NEW."show_if", NEW."weight_percent"); RETURN NULL;',
                            hash="6455629346ce65f04a685ce90c3cc8f54627a6f8",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_c2dde",
                            table="programs_criterion",
                            when="AFTER",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EligibilityRule",
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
                        choices=[("flag", "Flag for people to see"), ("block", "Block")], max_length=8
                    ),
                ),
                (
                    "sentence",
                    models.CharField(
                        help_text="What the applicant reads at a block, staff at a flag.", max_length=300
                    ),
                ),
                ("parameters", models.JSONField(blank=True, default=dict)),
                (
                    "as_of",
                    models.DateField(
                        blank=True, help_text="Date of the list, where there is one.", null=True
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rules",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("program", "kind"), name="one_rule_per_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("kind", "option"), _negated=True),
                        name="option_conditions_stand_in_the_form",
                        violation_error_message="Conditions of an option stand at the option in the form.",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "programs_eligibilityruleevent" ("as_of", "id", "kind", "outcome", "parameters", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id", "sentence") VALUES (NEW."as_of", NEW."id", NEW."kind", NEW."outcome", NEW."parameters", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."program_id", NEW."sentence"); RETURN NULL;',
                            hash="4670303ab040e2c280b193a57fc5e9a892b1ecd0",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_fc436",
                            table="programs_eligibilityrule",
                            when="AFTER",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                            func='INSERT INTO "programs_eligibilityruleevent" ("as_of", "id", "kind", "outcome", "parameters", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id", "sentence") VALUES (NEW."as_of", NEW."id", NEW."kind", NEW."outcome", NEW."parameters", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."program_id", NEW."sentence"); RETURN NULL;',
                            hash="c414514d2a96fa2f1fddb1e2582645478d8736d6",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_e4f84",
                            table="programs_eligibilityrule",
                            when="AFTER",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageTemplate",
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
                        ],
                        max_length=32,
                    ),
                ),
                ("language", models.CharField(default="en", max_length=12)),
                ("subject", models.CharField(max_length=150)),
                ("body", models.TextField(help_text="Plain text.")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="message_templates",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "kind", "language"), name="one_template_per_kind"
                    )
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "programs_messagetemplateevent" ("body", "id", "kind", "language", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "subject") VALUES (NEW."body", NEW."id", NEW."kind", NEW."language", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."program_id", NEW."subject"); RETURN NULL;',
                            hash="f3d218732cde3896a9a3487b9e2fa722e98e2fff",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_cea7c",
                            table="programs_messagetemplate",
                            when="AFTER",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                            func='INSERT INTO "programs_messagetemplateevent" ("body", "id", "kind", "language", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "subject") VALUES (NEW."body", NEW."id", NEW."kind", NEW."language", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."program_id", NEW."subject"); RETURN NULL;',
                            hash="ee1e641a1fe75bc9948d5c03c3eb35fc235b98d3",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_033c3",
                            table="programs_messagetemplate",
                            when="AFTER",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProgramEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("slug", models.SlugField(db_index=False, max_length=64)),
                ("name", models.CharField(max_length=120)),
                (
                    "short_code",
                    models.CharField(
                        help_text="Starts every reference, such as AIS-2026-12-004217.",
                        max_length=6,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z][A-Z0-9]{1,5}$", "Two to six capital letters or digits."
                            )
                        ],
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Being set up"),
                            ("open", "Open"),
                            ("paused", "Paused"),
                            ("closed", "Closed"),
                            ("archived", "Archived"),
                        ],
                        default="draft",
                        max_length=16,
                    ),
                ),
                (
                    "accent",
                    models.CharField(
                        choices=[
                            ("external-researcher", "Indigo"),
                            ("ai-for-science", "Teal"),
                            ("openai-researcher", "Rust"),
                        ],
                        default="external-researcher",
                        max_length=32,
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=100, help_text="Order in the directory, lowest first."
                    ),
                ),
                ("summary", models.CharField(help_text="Who it is for, in two sentences.", max_length=300)),
                ("purpose", models.TextField(help_text="Markdown.")),
                (
                    "priority_topics",
                    models.JSONField(blank=True, default=list, help_text="List of {title, text}."),
                ),
                (
                    "process",
                    models.JSONField(
                        blank=True, default=list, help_text="List of {title, text}: what happens, in order."
                    ),
                ),
                ("never_funded", models.JSONField(blank=True, default=list, help_text="List of sentences.")),
                (
                    "notices",
                    models.JSONField(
                        blank=True, default=list, help_text="List of sentences shown on top of the page."
                    ),
                ),
                (
                    "data_note",
                    models.TextField(blank=True, help_text="Who sees an applicant's data. Markdown."),
                ),
                (
                    "terms",
                    models.TextField(
                        blank=True, help_text="What a grantee accepts before credits are posted. Markdown."
                    ),
                ),
                ("terms_version", models.CharField(default="1", max_length=32)),
                ("currency", models.CharField(default="USD", max_length=3)),
                (
                    "award_mode",
                    models.CharField(
                        choices=[
                            ("fixed", "The same amount for everyone"),
                            ("capped", "Set per project, up to a cap"),
                            ("undisclosed", "Set per project, told when posted"),
                        ],
                        max_length=16,
                    ),
                ),
                ("award_default_cents", models.BigIntegerField(blank=True, null=True)),
                ("award_cap_cents", models.BigIntegerField(blank=True, null=True)),
                (
                    "four_eyes_above_cents",
                    models.BigIntegerField(
                        default=0, help_text="An award above this needs a second person before release."
                    ),
                ),
                (
                    "term_mode",
                    models.CharField(
                        choices=[
                            ("none", "No term stated"),
                            ("months", "A number of months"),
                            ("stated", "The stated timeline, up to a maximum"),
                        ],
                        default="none",
                        max_length=16,
                    ),
                ),
                ("term_months", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "models_offered",
                    models.JSONField(
                        blank=True, default=list, help_text="List of {slug, name, limited, condition}."
                    ),
                ),
                ("provider", models.SlugField(db_index=False, max_length=32)),
                (
                    "organization_id_format",
                    models.CharField(help_text="A format of credits.organizations.", max_length=32),
                ),
                (
                    "organization_id_when",
                    models.CharField(
                        choices=[
                            ("apply", "May be given in the application, else at acceptance"),
                            ("acceptance", "Asked at acceptance"),
                        ],
                        default="apply",
                        max_length=16,
                    ),
                ),
                (
                    "schedule_rule",
                    models.CharField(
                        default="FREQ=MONTHLY;BYDAY=1MO", help_text="iCalendar RRULE.", max_length=200
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(default="America/Los_Angeles", help_text="IANA name.", max_length=64),
                ),
                (
                    "cut_off_time",
                    models.TimeField(
                        default="00:00", help_text="On the evaluation day, in the program's zone."
                    ),
                ),
                ("decided_by_days", models.PositiveSmallIntegerField(default=14)),
                (
                    "opens_on",
                    models.DateField(blank=True, help_text="No application before this date.", null=True),
                ),
                (
                    "decline_mode",
                    models.CharField(
                        choices=[
                            ("quiet", "Quiet: no message, the decided-by date speaks"),
                            ("told", "Told: a message at release"),
                        ],
                        default="quiet",
                        max_length=16,
                    ),
                ),
                (
                    "reviews_wanted",
                    models.PositiveSmallIntegerField(
                        default=2,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ],
                    ),
                ),
                (
                    "review_days",
                    models.PositiveSmallIntegerField(
                        default=7, help_text="From evaluation day to a review's due date."
                    ),
                ),
                ("blind_first_look", models.BooleanField(default=False)),
                (
                    "reapply_after_on",
                    models.DateField(blank=True, help_text="Program revision date.", null=True),
                ),
                ("reapply_wait_days", models.PositiveSmallIntegerField(default=0)),
                (
                    "urgent_contact",
                    models.EmailField(
                        blank=True,
                        help_text="Mailbox that hears at once of urgent and general requests, beside their queue; empty means none.",
                        max_length=254,
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
                        to="programs.program",
                    ),
                ),
                (
                    "assigns_by_itself",
                    models.BooleanField(
                        default=True,
                        help_text="A batch is dealt to its reviewers as soon as it is screened, without a proposal.",
                    ),
                ),
                (
                    "first_looks",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Looks dealt with the batch; the others follow unless the first one is a clear decline. Empty: all at once.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ],
                    ),
                ),
                (
                    "remind_half_time",
                    models.BooleanField(default=True, help_text="Reviewers, when half of the time is over."),
                ),
                (
                    "remind_overdue",
                    models.BooleanField(default=True, help_text="Reviewers, when the due date is over."),
                ),
                (
                    "remind_soon",
                    models.BooleanField(default=True, help_text="Reviewers, two days before the due date."),
                ),
                (
                    "holidays_of",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Country code; empty takes the country of the time zone.",
                        max_length=8,
                    ),
                ),
                (
                    "languages_left_out",
                    models.JSONField(
                        blank=True, default=list, validators=[programs.languages.check_left_out]
                    ),
                ),
                (
                    "acceptance_days",
                    models.PositiveSmallIntegerField(
                        db_default=60,
                        default=60,
                        help_text="An award that nobody accepts goes back to the pool after these days; 0 means never.",
                        validators=[django.core.validators.MaxValueValidator(365)],
                    ),
                ),
                (
                    "late_usage_days",
                    models.PositiveSmallIntegerField(
                        db_default=3,
                        default=3,
                        help_text="Usage of a day in the term still counts when it is reported this many days after the end.",
                        validators=[django.core.validators.MaxValueValidator(60)],
                    ),
                ),
                (
                    "second_half_after_summary",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Half of an award at once, half when the summary is accepted.",
                    ),
                ),
                (
                    "summary_due_days",
                    models.PositiveSmallIntegerField(
                        db_default=14,
                        default=14,
                        help_text="Before the end of the credit.",
                        validators=[django.core.validators.MaxValueValidator(365)],
                    ),
                ),
                (
                    "summary_required",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Grantees owe a one-page summary of their findings.",
                    ),
                ),
                (
                    "term_ends_on",
                    models.DateField(
                        blank=True,
                        help_text="No credit of this program lasts longer than this day.",
                        null=True,
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
                    "top_ups_allowed",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Grantees may ask for more credit on an award.",
                    ),
                ),
                (
                    "urgent_authority_cents",
                    models.BigIntegerField(
                        blank=True,
                        help_text="The most that one person may give through the urgent lane; empty means no credit there.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ScheduleException",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("regular_on", models.DateField(help_text="The day the rule gives.")),
                (
                    "moved_to_on",
                    models.DateField(blank=True, help_text="Empty means: no evaluation.", null=True),
                ),
                ("reason", models.CharField(max_length=200)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="schedule_exceptions",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("program", "regular_on"), name="one_exception_per_day")
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("reviewer", "Reviewer"),
                            ("screener", "Screener"),
                            ("manager", "Program manager"),
                            ("finance", "Finance approver"),
                            ("auditor", "Auditor"),
                            ("operator", "Operator"),
                        ],
                        max_length=16,
                    ),
                ),
                ("since_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["user", "role"], name="membership_by_user")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("program", "user", "role"),
                        name="one_live_role_per_program",
                    )
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "programs_membershipevent" ("ended_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "role", "since_at", "user_id") VALUES (NEW."ended_at", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."program_id", NEW."role", NEW."since_at", NEW."user_id"); RETURN NULL;',
                            hash="33d10c05c8bff1b818e0dbc2a80ce6d47393b459",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_d2cb5",
                            table="programs_membership",
                            when="AFTER",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                            func='INSERT INTO "programs_membershipevent" ("ended_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "role", "since_at", "user_id") VALUES (NEW."ended_at", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."program_id", NEW."role", NEW."since_at", NEW."user_id"); RETURN NULL;',
                            hash="e3b35d33f63f9a97d88226cd927e12fea7c837dc",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_517e6",
                            table="programs_membership",
                            when="AFTER",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageTemplateEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
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
                        ],
                        max_length=32,
                    ),
                ),
                ("language", models.CharField(default="en", max_length=12)),
                ("subject", models.CharField(max_length=150)),
                ("body", models.TextField(help_text="Plain text.")),
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
                        to="programs.messagetemplate",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="MembershipEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("reviewer", "Reviewer"),
                            ("screener", "Screener"),
                            ("manager", "Program manager"),
                            ("finance", "Finance approver"),
                            ("auditor", "Auditor"),
                            ("operator", "Operator"),
                        ],
                        max_length=16,
                    ),
                ),
                ("since_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
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
                        to="programs.membership",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FormVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("sections", models.JSONField(default=list, help_text="Shape: docs/forms.md.")),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="form_versions",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("program", "number"), name="one_form_version_per_number")
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="published_form_is_frozen",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."published_at" IS NOT NULL)',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="ac4acdb0004dea13218dea1b6f9320573f54b3d1",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_published_form_is_frozen_41813",
                            table="programs_formversion",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FaqEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.SlugField(max_length=64)),
                ("question", models.CharField(max_length=200)),
                ("answer", models.TextField(help_text="Markdown.")),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="faq", to="programs.program"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("program", "key"), name="one_faq_entry_per_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="EligibilityRuleEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
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
                        choices=[("flag", "Flag for people to see"), ("block", "Block")], max_length=8
                    ),
                ),
                (
                    "sentence",
                    models.CharField(
                        help_text="What the applicant reads at a block, staff at a flag.", max_length=300
                    ),
                ),
                ("parameters", models.JSONField(blank=True, default=dict)),
                (
                    "as_of",
                    models.DateField(
                        blank=True, help_text="Date of the list, where there is one.", null=True
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
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
                        to="programs.eligibilityrule",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Door",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.SlugField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("program", "Another program"),
                            ("form", "A separate form"),
                            ("outside", "Somewhere else"),
                        ],
                        max_length=16,
                    ),
                ),
                ("title", models.CharField(max_length=120)),
                ("text", models.TextField()),
                ("url", models.CharField(blank=True, max_length=300)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="doors",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("program", "key"), name="one_door_per_key")],
            },
        ),
        migrations.CreateModel(
            name="CriterionEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("key", models.SlugField(db_index=False, max_length=32)),
                ("name", models.CharField(max_length=80)),
                ("description", models.TextField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("score", "Score"), ("gate", "Gate: pass or fail, not a score")],
                        default="score",
                        max_length=8,
                    ),
                ),
                (
                    "weight_percent",
                    models.PositiveSmallIntegerField(
                        default=0, validators=[django.core.validators.MaxValueValidator(100)]
                    ),
                ),
                (
                    "scale_max",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(10),
                        ],
                    ),
                ),
                (
                    "anchors",
                    models.JSONField(
                        blank=True, default=dict, help_text='What a value means: {"1": "...", "5": "..."}.'
                    ),
                ),
                (
                    "show_if",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="A gate only for some: {question, any_of}, as in a form. Empty means all.",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
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
                        to="programs.criterion",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.program",
                    ),
                ),
                (
                    "left",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.program",
                    ),
                ),
                (
                    "independent",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Scored and shown, and no part of the total.",
                        verbose_name="outside the total",
                    ),
                ),
                (
                    "not_applicable",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="A reviewer may say that it does not apply; its weight then falls to the others.",
                        verbose_name="may not apply",
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[("blind", "First look, names hidden"), ("named", "Second look, with names")],
                        db_default="blind",
                        default="blind",
                        help_text="Counts where the first look hides names.",
                        max_length=8,
                    ),
                ),
                (
                    "required",
                    models.BooleanField(
                        db_default=True, default=True, help_text="A review is not complete without it."
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
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
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "number"), name="one_program_version_per_number"
                    )
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="program_version_is_kept",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="eb7f75d3177adbd88466035684eb19389ee75fdf",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_program_version_is_kept_4c30e",
                            table="programs_programversion",
                            when="BEFORE",
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Cycle",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evaluation_on", models.DateField(help_text="Local date in the program's zone.")),
                ("shifted_from_on", models.DateField(blank=True, null=True)),
                ("opens_at", models.DateTimeField()),
                ("cut_off_at", models.DateTimeField()),
                ("decided_by_on", models.DateField()),
                ("review_due_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("open", "Open"),
                            ("in_review", "In review"),
                            ("closed", "Closed"),
                        ],
                        default="planned",
                        max_length=16,
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cycles",
                        to="programs.program",
                    ),
                ),
                (
                    "rules_version",
                    models.ForeignKey(
                        blank=True,
                        help_text="The rules it is evaluated by, kept when its batch is formed (programs.rulebook).",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cycles",
                        to="programs.programversion",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["state", "cut_off_at"], name="cycle_due")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "evaluation_on"), name="one_cycle_per_evaluation_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("opens_at__lt", models.F("cut_off_at"))),
                        name="cycle_opens_before_cut_off",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("decided_by_on__gte", models.F("evaluation_on"))),
                        name="cycle_decides_after",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", False), ("state", "closed")),
                            models.Q(
                                models.Q(("state", "closed"), _negated=True), ("closed_at__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="closed_cycle_has_moment",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
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
                    pgtrigger.compiler.Trigger(
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
                ],
            },
        ),
        migrations.CreateModel(
            name="CycleEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("evaluation_on", models.DateField(help_text="Local date in the program's zone.")),
                ("shifted_from_on", models.DateField(blank=True, null=True)),
                ("opens_at", models.DateTimeField()),
                ("cut_off_at", models.DateTimeField()),
                ("decided_by_on", models.DateField()),
                ("review_due_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("open", "Open"),
                            ("in_review", "In review"),
                            ("closed", "Closed"),
                        ],
                        default="planned",
                        max_length=16,
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
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
                        to="programs.cycle",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.program",
                    ),
                ),
                (
                    "rules_version",
                    models.ForeignKey(
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
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RequestForm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.SlugField(
                        help_text="Ends the form's address. It stays when the title changes.", max_length=40
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("access", "Access to a model"),
                            ("paper", "A published paper"),
                            ("dataset", "Publication of a dataset"),
                            ("urgent", "Urgent, about an award"),
                            ("general", "Anything else"),
                        ],
                        max_length=16,
                    ),
                ),
                ("is_on", models.BooleanField(default=False)),
                ("title", models.CharField(max_length=120)),
                (
                    "lead",
                    models.TextField(blank=True, help_text="What it is for, above the questions. Markdown."),
                ),
                (
                    "senders",
                    models.CharField(
                        choices=[
                            ("anybody", "Anybody who is signed in"),
                            ("holders", "People with an award of the program"),
                        ],
                        default="anybody",
                        max_length=16,
                    ),
                ),
                (
                    "answer_days",
                    models.PositiveSmallIntegerField(
                        default=5,
                        help_text="Days within which a request is usually answered. The receipt names the day; the queue marks what is late.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(180),
                        ],
                    ),
                ),
                (
                    "faq_first",
                    models.BooleanField(
                        default=False,
                        help_text="Look for an answer among the questions of the program before the form opens.",
                    ),
                ),
                (
                    "policy",
                    models.TextField(
                        blank=True, help_text="The conditions, read before the request is sent. Markdown."
                    ),
                ),
                (
                    "outcomes",
                    models.JSONField(
                        default=programs.request_models.default_outcomes, help_text="How a request can end."
                    ),
                ),
                (
                    "sections",
                    models.JSONField(
                        blank=True, default=list, help_text="The questions in use: docs/forms.md."
                    ),
                ),
                (
                    "draft",
                    models.JSONField(
                        blank=True,
                        help_text="Questions being changed. Nobody is asked them until they are published.",
                        null=True,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="request_forms",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "key"),
                        name="one_request_form_per_key",
                        violation_error_message="The program has a request form of this key.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["access", "paper", "dataset", "urgent", "general"])),
                        name="request_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("outcomes", []), _negated=True),
                        name="request_form_has_outcome",
                        violation_error_message="Name at least one way in which a request can end.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("answer_days__gte", 1), ("answer_days__lte", 180)),
                        name="request_answer_days_in_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_on", False), models.Q(("sections", []), _negated=True), _connector="OR"
                        ),
                        name="request_form_on_has_questions",
                        violation_error_message="A form that is on needs its questions.",
                    ),
                ],
                "triggers": [
                    pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "programs_requestformevent" ("answer_days", "draft", "faq_first", "id", "is_on", "key", "kind", "lead", "outcomes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "policy", "position", "program_id", "sections", "senders", "title") VALUES (NEW."answer_days", NEW."draft", NEW."faq_first", NEW."id", NEW."is_on", NEW."key", NEW."kind", NEW."lead", NEW."outcomes", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."policy", NEW."position", NEW."program_id", NEW."sections", NEW."senders", NEW."title"); RETURN NULL;',
                            hash="271650de4af388940f8ab6b4ba507495994304f7",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_2c2a4",
                            table="programs_requestform",
                            when="AFTER",
                        ),
                    ),
                    pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                            func='INSERT INTO "programs_requestformevent" ("answer_days", "draft", "faq_first", "id", "is_on", "key", "kind", "lead", "outcomes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "policy", "position", "program_id", "sections", "senders", "title") VALUES (NEW."answer_days", NEW."draft", NEW."faq_first", NEW."id", NEW."is_on", NEW."key", NEW."kind", NEW."lead", NEW."outcomes", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."policy", NEW."position", NEW."program_id", NEW."sections", NEW."senders", NEW."title"); RETURN NULL;',
                            hash="d0ba357e4338a907ff944d6dae020873a0b222e7",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_2817a",
                            table="programs_requestform",
                            when="AFTER",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RequestFormEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "key",
                    models.SlugField(
                        db_index=False,
                        help_text="Ends the form's address. It stays when the title changes.",
                        max_length=40,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("access", "Access to a model"),
                            ("paper", "A published paper"),
                            ("dataset", "Publication of a dataset"),
                            ("urgent", "Urgent, about an award"),
                            ("general", "Anything else"),
                        ],
                        max_length=16,
                    ),
                ),
                ("is_on", models.BooleanField(default=False)),
                ("title", models.CharField(max_length=120)),
                (
                    "lead",
                    models.TextField(blank=True, help_text="What it is for, above the questions. Markdown."),
                ),
                (
                    "senders",
                    models.CharField(
                        choices=[
                            ("anybody", "Anybody who is signed in"),
                            ("holders", "People with an award of the program"),
                        ],
                        default="anybody",
                        max_length=16,
                    ),
                ),
                (
                    "answer_days",
                    models.PositiveSmallIntegerField(
                        default=5,
                        help_text="Days within which a request is usually answered. The receipt names the day; the queue marks what is late.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(180),
                        ],
                    ),
                ),
                (
                    "faq_first",
                    models.BooleanField(
                        default=False,
                        help_text="Look for an answer among the questions of the program before the form opens.",
                    ),
                ),
                (
                    "policy",
                    models.TextField(
                        blank=True, help_text="The conditions, read before the request is sent. Markdown."
                    ),
                ),
                (
                    "outcomes",
                    models.JSONField(
                        default=programs.request_models.default_outcomes, help_text="How a request can end."
                    ),
                ),
                (
                    "sections",
                    models.JSONField(
                        blank=True, default=list, help_text="The questions in use: docs/forms.md."
                    ),
                ),
                (
                    "draft",
                    models.JSONField(
                        blank=True,
                        help_text="Questions being changed. Nobody is asked them until they are published.",
                        null=True,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
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
                        to="programs.requestform",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Translation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("language", models.CharField(max_length=8)),
                (
                    "place",
                    models.CharField(
                        help_text="Where the text stands, such as faq.who.answer.", max_length=200
                    ),
                ),
                ("original", models.TextField(help_text="The text that was translated.")),
                ("text", models.TextField()),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="translations",
                        to="programs.program",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "language", "place"),
                        name="one_translation_per_place",
                        violation_error_message="This place has a translation.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("text", ""), _negated=True), models.Q(("original", ""), _negated=True)
                        ),
                        name="translation_is_not_empty",
                        violation_error_message="A translation is not empty.",
                    ),
                ],
            },
        ),
        InstallTriggers(),
    ]
