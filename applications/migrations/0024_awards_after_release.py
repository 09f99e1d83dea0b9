"""What becomes of an award after its release, and credit that is decided between the evaluations."""

import uuid
from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

HERE = Path(__file__)
UNDO = """
DROP TRIGGER later_decision_fits ON applications_decision;
DROP FUNCTION later_decision_fits();
DROP TRIGGER later_credit_fits ON applications_latercredit;
DROP FUNCTION later_credit_fits();
DROP FUNCTION urgent_within_authority(bigint);
DROP FUNCTION urgent_total(bigint);
"""
BOTH = "kind IN ('award', 'later')"
NAMED = "a.organization_id_text AS organization, p.provider"
HOLDS = """(
                   SELECT o.external_id FROM applications_decision d
                     JOIN credits_grant g ON g.id = d.grant_id JOIN credits_organization o ON o.id = g.organization_id
                    WHERE d.application_id = {whose} AND d.state = 'released' ORDER BY d.id DESC LIMIT 1)"""
BEFORE = """coalesce(nullif(a.organization_id_text, ''), (
                   SELECT o.external_id FROM applications_decision d
                     JOIN credits_grant g ON g.id = d.grant_id JOIN credits_organization o ON o.id = g.organization_id
                    WHERE d.application_id = a.amends_id AND d.state = 'released'), '') AS organization, p.provider"""
NOW = (
    f"coalesce({HOLDS.format(whose='a.id')}, nullif(a.organization_id_text, ''), {HOLDS.format(whose='a.amends_id')}, '')"
    " AS organization, p.provider"
)
OTHERS = """        UNION
        SELECT 'organization', w.organization, w.provider, d.application_id"""
ITSELF = """        UNION
        SELECT 'organization', w.organization, w.provider, w.id FROM wanted w WHERE w.organization <> ''
"""
BEGIN = "BEGIN\n    SELECT a.reference INTO wrong"
ALONE = "BEGIN\n    PERFORM award_count_alone();\n    SELECT a.reference INTO wrong"


def _function(file: str, name: str, until: str) -> str:
    text = HERE.with_name(file).read_text(encoding="utf-8")
    body = text[text.index(f"CREATE FUNCTION {name}(") : text.index(until)]
    return body.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


def _functions(*, later: bool) -> str:
    """The functions of migrations 0010 and 0021; with `later` they count credit between the evaluations too, and look
    up the organization that holds an award before the one that was named in the application."""
    sums = _function("0010_four_eyes.sql", "award_totals", "CREATE FUNCTION decision_refuse(")
    sums = sums.replace(NAMED, NOW if later else BEFORE).replace(OTHERS, ITSELF + OTHERS)
    check = _function("0010_four_eyes.sql", "decision_release_check", "CREATE FUNCTION decision_released(")
    check = check.replace(BEGIN, ALONE, 1)
    fresh = _function("0010_four_eyes.sql", "decision_released", "CREATE TRIGGER decision_released_insert")
    total = _function(
        "0021_accepted_awards_counted.sql", "award_organization_total", "CREATE FUNCTION award_limit("
    )
    bound = _function("0021_accepted_awards_counted.sql", "grant_bound", "CREATE TRIGGER grant_bound")
    if not later:
        return sums + check + fresh + total + bound
    check = check.replace(
        "AND greatest(totals.total_cents, d.amount_cents) > least(limits.cents, d.four_eyes_above_cents)",
        "AND greatest(totals.total_cents, d.amount_cents) > least(limits.cents, d.four_eyes_above_cents)\n"
        "       AND NOT urgent_within_authority(d.id)",
    )
    return (sums + check + fresh + total + bound).replace("kind = 'award'", BOTH)


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0023_obligations_and_papers"),
        ("credits", "0007_second_halves"),
        ("programs", "0010_after_an_award"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
            ],
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
            ],
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
            ],
            options={
                "verbose_name": "credit between evaluations",
                "verbose_name_plural": "credit between evaluations",
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="decision",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="decision",
            name="update_update",
        ),
        migrations.RemoveConstraint(
            model_name="decision",
            name="one_decision_per_application",
        ),
        migrations.AlterField(
            model_name="decision",
            name="kind",
            field=models.CharField(
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
        migrations.AlterField(
            model_name="decisionevent",
            name="kind",
            field=models.CharField(
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
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
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
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        migrations.AddField(
            model_name="awardending",
            name="by",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the clock.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="awardending",
            name="decision",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="ending", to="applications.decision"
            ),
        ),
        migrations.AddField(
            model_name="awardmember",
            name="application",
            field=models.ForeignKey(
                help_text="The award; its updates are of the same pool.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="members",
                to="applications.application",
            ),
        ),
        migrations.AddField(
            model_name="awardmember",
            name="ended_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="awardmember",
            name="invited_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="awardmember",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="award_places",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="latercredit",
            name="application",
            field=models.ForeignKey(
                help_text="The award.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="later_credit",
                to="applications.application",
            ),
        ),
        migrations.AddField(
            model_name="latercredit",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="latercredit",
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
            model_name="latercredit",
            name="proposed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="latercredit",
            name="replaces",
            field=models.OneToOneField(
                blank=True,
                help_text="The decision whose grant came to nothing, where it is posted again.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="applications.decision",
            ),
        ),
        migrations.AddField(
            model_name="latercredit",
            name="request",
            field=models.OneToOneField(
                blank=True,
                help_text="The urgent request it answers.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="later_credit",
                to="applications.request",
            ),
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
        migrations.AddField(
            model_name="decisionevent",
            name="later",
            field=models.ForeignKey(
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
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ("pending", "released")), models.Q(("kind", "later"), _negated=True)
                ),
                fields=("application",),
                name="one_decision_per_application",
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
        migrations.AddConstraint(
            model_name="awardending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("by__isnull", False), ("kind", "declined")),
                    models.Q(("by__isnull", True), ("kind", "lapsed"), ("words", "")),
                    _connector="OR",
                ),
                name="award_ending_has_who",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="awardending",
            trigger=pgtrigger.compiler.Trigger(
                name="award_ending_stands",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="3208541819b6ba94ccee2db8f5fa6321f8ce8533",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_award_ending_stands_9fa93",
                    table="applications_awardending",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="awardmember",
            index=models.Index(fields=["invited_by", "invited_at"], name="member_by_inviter"),
        ),
        migrations.AddConstraint(
            model_name="awardmember",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("application", "email"),
                name="one_member_per_address",
                violation_error_message="This address is invited already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="awardmember",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), ("user__isnull", False)),
                fields=("application", "user"),
                name="one_place_per_member",
                violation_error_message="This person is a member already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="awardmember",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["view", "manage"])), name="member_role_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="awardmember",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("accepted_at__isnull", True), ("conduct_version", ""), ("user__isnull", True)),
                    models.Q(
                        ("accepted_at__isnull", False),
                        ("user__isnull", False),
                        models.Q(("conduct_version", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="member_accepted_the_conduct",
            ),
        ),
        migrations.AddConstraint(
            model_name="awardmember",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                    models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                    _connector="OR",
                ),
                name="member_ended_has_who",
            ),
        ),
        migrations.AddIndex(
            model_name="latercredit",
            index=models.Index(
                condition=models.Q(("state__in", ("asked", "proposed"))),
                fields=["asked_at"],
                name="later_credit_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ("asked", "proposed")), models.Q(("kind", "again"), _negated=True)
                ),
                fields=("application", "kind"),
                name="one_live_wish_per_award",
                violation_error_message="This award has one that is not answered yet.",
            ),
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["top_up", "urgent", "again"])), name="later_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["asked", "proposed", "given", "declined", "withdrawn"])),
                name="later_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
                condition=models.Q(("asked_cents__gt", 0)), name="later_asks_for_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "again"), ("replaces__isnull", False)),
                    models.Q(models.Q(("kind", "again"), _negated=True), ("replaces__isnull", True)),
                    _connector="OR",
                ),
                name="posted_again_replaces_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "urgent"), ("request__isnull", False)),
                    models.Q(models.Q(("kind", "urgent"), _negated=True), ("request__isnull", True)),
                    _connector="OR",
                ),
                name="urgent_credit_answers_a_request",
            ),
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
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
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
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
        ),
        migrations.AddConstraint(
            model_name="latercredit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "declined"), _negated=True),
                    models.Q(("answer", ""), _negated=True),
                    _connector="OR",
                ),
                name="later_decline_has_words",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="latercredit",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="latercredit",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="latercredit",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="latercredit",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
        migrations.RunSQL(_functions(later=True), _functions(later=False)),
    ]
