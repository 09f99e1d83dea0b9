"""Programs that had an urgent address get an urgent lane as a request form; the address goes on hearing of requests."""

from django.db import migrations

SECTIONS = [
    {
        "key": "matter",
        "title": "What is urgent",
        "questions": [
            {
                "key": "title",
                "type": "short_text",
                "label": "In one line",
                "required": True,
                "max_chars": 150,
                "maps_to": "title",
            },
            {
                "key": "text",
                "type": "long_text",
                "label": "What happened, and what do you need by when?",
                "required": True,
                "max_words": 300,
            },
        ],
    }
]


def make_lanes(apps, schema_editor):
    program_model = apps.get_model("programs", "Program")
    form_model = apps.get_model("programs", "RequestForm")
    for program in program_model.objects.exclude(urgent_contact="").order_by("pk"):
        form_model.objects.get_or_create(
            program=program,
            key="urgent",
            defaults={
                "kind": "urgent",
                "is_on": True,
                "title": "Urgent request about an award",
                "lead": "For people who hold an award of this program and cannot wait.",
                "senders": "holders",
                "answer_days": 3,
                "faq_first": True,
                "outcomes": ["answered"],
                "sections": SECTIONS,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("programs", "0004_request_forms")]

    operations = [migrations.RunPython(make_lanes, migrations.RunPython.noop)]
