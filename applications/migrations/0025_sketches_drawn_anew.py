"""Sketches of texts get more bins and give long words more weight; old ones would never meet new ones."""

from django.db import migrations

from applications import similarity
from programs import fields

AT_ONCE = 1_000


def draw_anew(apps, schema_editor):
    sketches = apps.get_model("applications", "TextSketch").objects.using(schema_editor.connection.alias)
    ids = list(sketches.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        chosen = sketches.filter(pk__in=ids[start : start + AT_ONCE])
        rows = list(chosen.select_related("application__form_version"))
        for row in rows:
            application = row.application
            texts = (
                application.answers.get(question["key"])
                for question in fields.questions(application.form_version.sections)
                if question["type"] == "long_text"
            )
            row.signature = similarity.signature(text for text in texts if isinstance(text, str))
            row.bands = similarity.bands(row.signature)
        sketches.bulk_update(rows, ["signature", "bands"])


class Migration(migrations.Migration):
    dependencies = [("applications", "0024_awards_after_release")]

    operations = [migrations.RunPython(draw_anew, migrations.RunPython.noop, elidable=True)]
