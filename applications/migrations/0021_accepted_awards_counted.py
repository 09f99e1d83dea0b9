"""An organization named at acceptance counts for the award that is being accepted."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

HERE = Path(__file__)
UNDO = """
DROP TRIGGER released_award_keeps_grant ON applications_decision;
DROP FUNCTION released_award_keeps_grant();
DROP TRIGGER held_approval ON applications_heldacceptance;
DROP FUNCTION held_approval();
DROP TRIGGER grant_bound ON credits_grant;
DROP FUNCTION grant_bound();
DROP FUNCTION award_limit(bigint);
DROP FUNCTION award_organization_total(bigint, bigint);
"""
NAMED = "a.organization_id_text AS organization, p.provider"
KEPT = """coalesce(nullif(a.organization_id_text, ''), (
                   SELECT o.external_id FROM applications_decision d
                     JOIN credits_grant g ON g.id = d.grant_id JOIN credits_organization o ON o.id = g.organization_id
                    WHERE d.application_id = a.amends_id AND d.state = 'released'), '') AS organization, p.provider"""
OTHERS = """        UNION
        SELECT 'organization', w.organization, w.provider, d.application_id"""
ITSELF = """        UNION
        SELECT 'organization', w.organization, w.provider, w.id FROM wanted w WHERE w.organization <> ''
"""
BEGIN = "BEGIN\n    SELECT a.reference INTO wrong"
ALONE = "BEGIN\n    PERFORM award_count_alone();\n    SELECT a.reference INTO wrong"


def _function(name: str, until: str) -> str:
    text = HERE.with_name("0010_four_eyes.sql").read_text(encoding="utf-8")
    body = text[text.index(f"CREATE FUNCTION {name}(") : text.index(until)]
    return body.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


def _sums(*, kept: bool) -> str:
    """The sums of migration 0010; an amendment that names no organization counts for that of its award."""
    body = _function("award_totals", "CREATE FUNCTION decision_refuse(")
    return body.replace(NAMED, KEPT).replace(OTHERS, ITSELF + OTHERS) if kept else body


def _release(*, alone: bool) -> str:
    """The check of migration 0010; releases and acceptances count one after the other."""
    body = _function("decision_release_check", "CREATE FUNCTION decision_released(")
    return body.replace(BEGIN, ALONE, 1) if alone else body


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0020_narrower_updates"),
        ("credits", "0005_funding_requests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HeldAcceptance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "counted_cents",
                    models.BigIntegerField(
                        help_text="With the other awards of the organization in twelve months."
                    ),
                ),
                ("limit_cents", models.BigIntegerField()),
                ("named_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="held",
                        to="applications.decision",
                    ),
                ),
                (
                    "named_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="credits.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at__isnull", True), ("approved_by__isnull", True)),
                            models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="held_approval_has_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("counted_cents__gt", 0)), name="held_counts_something"
                    ),
                ],
            },
        ),
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
        migrations.RunSQL(_sums(kept=True), _sums(kept=False)),
        migrations.RunSQL(_release(alone=True), _release(alone=False) + "DROP FUNCTION award_count_alone();"),
    ]
