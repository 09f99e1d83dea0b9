import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0006_assigning_and_reminders"),
    ]

    operations = [
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
    ]
