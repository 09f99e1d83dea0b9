"""A second person may refuse an accepted award."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0029_sponsors"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="awardending",
            name="award_ending_has_who",
        ),
        migrations.AlterField(
            model_name="awardending",
            name="kind",
            field=models.CharField(
                choices=[
                    ("declined", "Declined by its holder"),
                    ("lapsed", "Not accepted in time"),
                    ("refused", "Refused by the second person who looked at its organization"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="awardending",
            name="words",
            field=models.CharField(
                blank=True,
                help_text="What the holder wrote, or the second person to the holder.",
                max_length=500,
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
                    ("award_refused", "Award refused by its second person, to its holder"),
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
        migrations.AddConstraint(
            model_name="awardending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("by__isnull", False), ("kind", "declined")),
                    models.Q(("by__isnull", True), ("kind", "lapsed"), ("words", "")),
                    models.Q(
                        ("by__isnull", False), ("kind", "refused"), models.Q(("words", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="award_ending_has_who",
            ),
        ),
    ]
