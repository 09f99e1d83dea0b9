"""Give the cycles that are frozen already the version of the rules that they would keep today."""

import json
from hashlib import sha256

from django.db import migrations, models
from django.db.models import Max

COLUMNS = (
    "currency",
    "award_mode",
    "award_default_cents",
    "award_cap_cents",
    "four_eyes_above_cents",
    "term_mode",
    "term_months",
    "models_offered",
    "terms",
    "terms_version",
    "provider",
    "organization_id_format",
    "organization_id_when",
    "time_zone",
    "decided_by_days",
    "decline_mode",
    "reviews_wanted",
    "review_days",
    "blind_first_look",
    "reapply_after_on",
    "reapply_wait_days",
)
CRITERION = (
    "key",
    "name",
    "description",
    "kind",
    "weight_percent",
    "scale_max",
    "anchors",
    "show_if",
    "position",
)
RULE = ("kind", "outcome", "sentence", "parameters", "as_of", "position")


def plain(value):
    return value.isoformat() if hasattr(value, "isoformat") else value


def freeze(apps, schema_editor):
    """The batch's own copy counts for what it held; the rest comes from the program as it stands."""
    Batch = apps.get_model("applications", "Batch")
    ProgramVersion = apps.get_model("programs", "ProgramVersion")
    for batch in Batch.objects.select_related("cycle__program").order_by("formed_at", "pk").iterator():
        program, cycle = batch.cycle.program, batch.cycle
        content = {column: plain(getattr(program, column)) for column in COLUMNS}
        content |= {column: value for column, value in batch.rules.items() if column in COLUMNS}
        published = program.form_versions.filter(published_at__lte=batch.formed_at)
        content["form_version"] = published.aggregate(number=Max("number"))["number"]
        content["criteria"] = [
            {"id": row.pk} | {column: getattr(row, column) for column in CRITERION}
            for row in program.criteria.order_by("position", "pk")
        ]
        weights = {row["key"]: row for row in batch.rules.get("rubric", ())}
        for row in content["criteria"]:
            row.update(weights.get(row["key"], {}))
        content["rules"] = [
            {column: plain(getattr(row, column)) for column in RULE}
            for row in program.rules.order_by("position", "pk")
        ]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = sha256(text.encode()).hexdigest()
        last = ProgramVersion.objects.filter(program=program).order_by("-number").first()
        if last is None or last.content_sha256 != digest:
            last = ProgramVersion.objects.create(
                program=program,
                number=last.number + 1 if last else 1,
                content=content,
                content_sha256=digest,
                made_at=batch.formed_at,
            )
        cycle.rules_version = last
        cycle.save(update_fields=["rules_version"])


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0007_late_entries"),
        ("programs", "0003_rules_versions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="batch",
            name="rules",
            field=models.JSONField(
                default=dict, help_text="Number and SHA-256 of the version of the rules (programs.rulebook)."
            ),
        ),
        migrations.RunPython(freeze, migrations.RunPython.noop),
    ]
