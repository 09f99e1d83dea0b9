"""The trigger that turns each transfer into entries, balances and a link of the hash chain (docs/ledger.md)."""

from pathlib import Path

from django.db import migrations

UNDO = """
DROP TRIGGER ledger_write ON ledger_transfer;
DROP FUNCTION ledger_write();
DROP FUNCTION ledger_append_block(bigint, bigint, bigint, bigint[], bytea);
DROP FUNCTION ledger_write_one(ledger_transfer);
DROP FUNCTION ledger_two_people(text, text, text);
DROP FUNCTION ledger_refuse_transfer(text, text);
DROP FUNCTION ledger_refuse_overdraft(bigint, bigint);
DROP FUNCTION ledger_block_hash(bytea, smallint, bigint, bigint, bytea);
DROP FUNCTION ledger_entry_leaf(bigint, bigint, bigint, bigint, bigint);
DROP FUNCTION ledger_transfer_leaf(bigint, bytea, timestamptz, timestamptz, text, text, text, text);
DROP FUNCTION ledger_gate(
    text, bigint, bigint, bigint, text, text, bigint, text, text, bigint, bigint, bigint, text, bigint, bigint, bigint, bigint
);
DROP FUNCTION ledger_legal(text, text, text);
ALTER TABLE ledger_chain_head RESET (fillfactor);
ALTER TABLE ledger_account RESET (fillfactor);
ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_source, DROP CONSTRAINT ledger_transfer_destination;
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_id_currency;
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_tables")]

    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), UNDO),
    ]
