"""References of the ledger looked up for all rows of a statement at once; grants with fewer indexes (decision 0020)."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

HERE = Path(__file__)


def _before(file: str, *functions: str, end: str = "END $$;") -> str:
    """Functions as an earlier migration made them."""
    text = HERE.with_name(file).read_text(encoding="utf-8")
    found = []
    for function in functions:
        start = text.index(f"CREATE FUNCTION {function}")
        body = text[start : text.index(end, start)] + end
        found.append(body.replace("CREATE", "CREATE OR REPLACE", 1))
    return "\n".join(found)


UNDO = f"""
{_before("0002_ledger_trigger.sql", "ledger_write_one(", "ledger_write()")}
{_before("0002_ledger_trigger.sql", "ledger_gate(", end="    END;")}
{_before("0003_append_only.sql", "ledger_only_by_trigger()")}
DROP FUNCTION ledger_refuse_unknown_accounts(text, bigint, bigint, text);
DROP TRIGGER has_grant ON ledger_account;
DROP FUNCTION ledger_accounts_have_grants();
DROP TRIGGER grant_names_grants ON credits_grant;
DROP FUNCTION grant_names_grants();
DROP TRIGGER append_only ON credits_grant;
DROP TRIGGER no_truncate ON credits_grant;
ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_id_currency UNIQUE (id, currency);
ALTER TABLE ledger_transfer
    ADD CONSTRAINT ledger_transfer_source FOREIGN KEY (source_id, currency) REFERENCES ledger_account (id, currency),
    ADD CONSTRAINT ledger_transfer_destination FOREIGN KEY (destination_id, currency) REFERENCES ledger_account (id, currency);
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0013_usage_by_moment")]

    operations = [
        migrations.AlterField(
            model_name="grant",
            name="reference",
            field=models.CharField(max_length=64),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(
                fields=["reference"], opclasses=["varchar_pattern_ops"], name="one_grant_per_reference"
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="organization",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="grants",
                to="credits.organization",
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                fields=["organization"],
                condition=Q(organization__isnull=False),
                name="grants_by_organization",
            ),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="grant",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="accounts",
                to="credits.grant",
            ),
        ),
        migrations.RemoveIndex(model_name="grant", name="grants_by_program"),
        migrations.AlterField(
            model_name="grant",
            name="half_of",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                help_text="The grant whose award this is the second half of.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="halves",
                to="credits.grant",
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="moved_from",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                help_text="The grant whose rest came here when its organization was changed.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="moved_to",
                to="credits.grant",
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="first",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                help_text="After changes of organization: the grant that was decided.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="later_lots",
                to="credits.grant",
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="resolves",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                help_text="The hold it ends.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="endings",
                to="credits.transfer",
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="reverses",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reversals",
                to="credits.transfer",
            ),
        ),
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
    ]
