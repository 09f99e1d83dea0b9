"""Random changes to the ledger by whoever owns it, guards off: each one is found, the clever ones by the anchor.

One small ledger, a savepoint for each change. NIGHTLY=1 makes a thousand of them.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from credits import anchors, checks, delivery, ledger
from credits.models import Delivery
from tests.credits.test_checks import execute, unguarded
from tests.factories.credits import NOON, PROGRAM, funded_pool, person, reserved, sent
from tests.sizes import sized

pytestmark = pytest.mark.django_db
MUTATIONS = sized(make_test=66, nightly=1_000)

# Make entries, versions, balances and all blocks follow from the transfers again, as a patient attacker would.
REBUILD = [
    "DELETE FROM ledger_entry",
    """
    INSERT INTO ledger_entry (account_id, version, transfer_id, amount_cents, balance_after_cents)
    SELECT account_id, row_number() OVER lane, transfer_id, amount_cents, sum(amount_cents) OVER lane
    FROM (
        SELECT source_id AS account_id, id AS transfer_id, -amount_cents AS amount_cents FROM ledger_transfer
        UNION ALL SELECT destination_id, id, amount_cents FROM ledger_transfer
    ) leg WINDOW lane AS (PARTITION BY account_id ORDER BY transfer_id ROWS UNBOUNDED PRECEDING)
    """,
    """
    UPDATE ledger_account a SET
        balance_cents = coalesce((SELECT sum(amount_cents) FROM ledger_entry e WHERE e.account_id = a.id), 0),
        version = (SELECT count(*) FROM ledger_entry e WHERE e.account_id = a.id)
    """,
    "DELETE FROM ledger_block b WHERE NOT EXISTS (SELECT FROM ledger_transfer t WHERE t.id BETWEEN b.first_transfer AND b.last_transfer)",
    """
    DO $$
    DECLARE
        b ledger_block; before bytea; place bigint; last_chain smallint := -1; content bytea; members bigint;
    BEGIN
        FOR b IN SELECT * FROM ledger_block ORDER BY chain, sequence LOOP
            IF b.chain <> last_chain THEN before := sha256(int2send(b.chain)); place := 0; last_chain := b.chain; END IF;
            place := place + 1;
            SELECT sha256(string_agg(ledger_transfer_leaf(id, content_hash, happened_at, recorded_at, key, group_key,
                    made_by, approved_by), ''::bytea ORDER BY id))
                || (SELECT sha256(string_agg(ledger_entry_leaf(account_id, version, transfer_id, amount_cents,
                    balance_after_cents), ''::bytea ORDER BY account_id, version)) FROM ledger_entry
                    WHERE transfer_id BETWEEN b.first_transfer AND b.last_transfer), count(*)
                INTO content, members FROM ledger_transfer WHERE id BETWEEN b.first_transfer AND b.last_transfer;
            UPDATE ledger_block SET id = -id WHERE id = b.id;
            INSERT INTO ledger_block VALUES (place * 16 + b.chain, b.chain, place, b.first_transfer, b.last_transfer,
                members, NULL, before, ledger_block_hash(before, b.chain, place, members, content));
            before := ledger_block_hash(before, b.chain, place, members, content);
            UPDATE ledger_chain_head SET sequence = place, hash = before WHERE chain = b.chain;
        END LOOP;
        DELETE FROM ledger_block WHERE id < 0;
    END $$
    """,
]


@pytest.fixture
def anchor(tmp_path: Path) -> anchors.FileAnchors:
    """A small ledger with a movement of most kinds, each in a block of its own, and a copy of its heads."""
    boss, other = person(is_staff=True), person(is_staff=True)
    funded_pool()
    reserved()
    for _ in range(2):
        one = sent()
        Delivery.objects.filter(pk=one.pk).update(state="sent", sent_at=NOON)
        delivery.confirm(delivery_id=one.pk, at=NOON)
    with transaction.atomic():
        wrong = ledger.fund(
            program=PROGRAM,
            period="2026",
            amount_cents=7,
            made_by=boss,
            approved_by=other,
            key="fund:w",
            at=NOON,
        )
        ledger.reverse(transfer_id=wrong.pk, made_by=boss, approved_by=other, at=NOON)
    connection.check_constraints()
    kept = anchors.FileAnchors(tmp_path / "anchors.jsonl")
    anchors.write(kept, at=NOON)
    return kept


def drop_constraints() -> None:
    """An owner can; they come back with the transaction of the test."""
    found = execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype IN ('c', 'f') "
        "AND conrelid::regclass::text LIKE 'ledger\\_%' ORDER BY contype DESC"
    )
    for table, name in found:
        execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")


def rebuild() -> None:
    for statement in REBUILD:
        execute(statement)


def one_of(table: str, dice: random.Random, key: str = "id") -> int:
    return dice.choice([row[0] for row in execute(f"SELECT {key} FROM {table} ORDER BY 1")])


def edit_transfer(dice: random.Random) -> None:
    change = dice.choice(
        [
            "amount_cents = amount_cents + 1",
            "key = key || 'x'",
            "made_by = 'x'",
            "approved_by = 'y'",
            "group_key = group_key || 'x'",
            "happened_at = happened_at - interval '1 microsecond'",
            "recorded_at = recorded_at + interval '1 day'",
            "source_id = destination_id, destination_id = source_id",
            "currency = 'EUR'",
        ]
    )
    execute(f"UPDATE ledger_transfer SET {change} WHERE id = %s", [one_of("ledger_transfer", dice)])


def edit_entry(dice: random.Random) -> None:
    change = dice.choice(
        ["amount_cents = -amount_cents", "balance_after_cents = balance_after_cents + 1", "version = 90"]
    )
    which = one_of("ledger_entry", dice, "transfer_id")
    execute(f"UPDATE ledger_entry SET {change} WHERE transfer_id = %s AND amount_cents > 0", [which])


def edit_account(dice: random.Random) -> None:
    change = dice.choice(
        [
            "balance_cents = balance_cents + 1",
            "version = version + 1",
            "program = program || 'x'",
            "code = code || 'x', grant_id = NULL",
            "may_overdraw = NOT may_overdraw",
            "currency = 'EUR'",
        ]
    )
    execute(f"UPDATE ledger_account SET {change} WHERE id = %s", [one_of("ledger_account", dice)])


def edit_block(dice: random.Random) -> None:
    change = dice.choice(
        [
            "hash = sha256(hash)",
            "previous_hash = sha256(previous_hash)",
            "count = count + 1",
            "first_transfer = first_transfer - 1",
            "members = ARRAY[first_transfer, first_transfer - 1]",
        ]
    )
    execute(f"UPDATE ledger_block SET {change} WHERE id = %s", [one_of("ledger_block", dice)])


def edit_head(dice: random.Random) -> None:
    change = dice.choice(["hash = sha256(hash)", "sequence = sequence + 1", "sequence = 0"])
    execute(f"UPDATE ledger_chain_head SET {change} WHERE sequence > 0")


def insert(dice: random.Random) -> None:
    """A transfer that nobody made: bare, or with its entries and balances."""
    execute(
        """
        INSERT INTO ledger_transfer (key, kind, source_id, destination_id, currency, amount_cents, group_key, made_by,
            approved_by, happened_at)
        SELECT 'invented', kind, source_id, destination_id, currency, amount_cents, '', made_by, approved_by, happened_at
        FROM ledger_transfer WHERE kind = 'fund' LIMIT 1
        """
    )
    if dice.random() < 0.5:
        for statement in REBUILD[:3]:
            execute(statement)


def remove(dice: random.Random) -> None:
    which = one_of("ledger_transfer", dice)
    table, column = dice.choice(
        [("ledger_transfer", "id"), ("ledger_entry", "transfer_id"), ("ledger_block", "first_transfer")]
    )
    execute(f"DELETE FROM {table} WHERE {column} = %s", [which])


def reorder(dice: random.Random) -> None:
    """Two neighbours on one account, or two blocks, change places."""
    if dice.random() < 0.5:
        account = execute(
            "SELECT account_id FROM ledger_entry GROUP BY 1 HAVING count(*) > 2 ORDER BY 1 LIMIT 1"
        )[0][0]
        place = dice.choice([1, 2])
        for old, new in ((place, 91), (place + 1, place), (91, place + 1)):
            execute(
                "UPDATE ledger_entry SET version = %s WHERE account_id = %s AND version = %s",
                [new, account, old],
            )
        return
    first = one_of("ledger_block", dice)
    second = execute(
        "SELECT id FROM ledger_block WHERE id <> %s ORDER BY abs(id - %s) LIMIT 1", [first, first]
    )[0][0]
    execute(
        """
        UPDATE ledger_block b SET first_transfer = o.first_transfer, last_transfer = o.last_transfer
        FROM ledger_block o WHERE b.id = ANY (%s) AND o.id = ANY (%s) AND o.id <> b.id
        """,
        [[first, second]] * 2,
    )


def cut_tail(dice: random.Random) -> None:
    """Forget the newest movements and let everything else follow."""
    execute(
        "DELETE FROM ledger_transfer WHERE id IN (SELECT id FROM ledger_transfer ORDER BY id DESC LIMIT %s)",
        [dice.randint(1, 6)],
    )
    rebuild()


def recompute_edited(dice: random.Random) -> None:
    change = dice.choice(
        ["made_by = 'machine'", "happened_at = happened_at - interval '1 day'", "key = 'k' || id"]
    )
    execute(
        f"UPDATE ledger_transfer SET {change} WHERE id = %s AND kind <> 'fund' OR id = (SELECT max(id) FROM ledger_transfer)",
        [one_of("ledger_transfer", dice)],
    )
    rebuild()


def recompute_removed(dice: random.Random) -> None:
    execute("DELETE FROM ledger_transfer WHERE id = %s", [one_of("ledger_transfer", dice)])
    rebuild()


KINDS: list[Callable[[random.Random], None]] = [
    edit_transfer,
    edit_entry,
    edit_account,
    edit_block,
    edit_head,
    insert,
    remove,
    reorder,
    cut_tail,
    recompute_edited,
    recompute_removed,
]


def test_every_mutation_is_found(anchor, monkeypatch):
    # Whoever switches the guards off can switch them on again, so their absence is not what tells here.
    left = {name: query for name, query in checks.CHECKS.items() if "guards are in place" not in name}
    assert len(left) == len(checks.CHECKS) - 1
    monkeypatch.setattr(checks, "CHECKS", left)
    dice = random.Random(20261207)
    missed, by_anchor_alone = [], 0
    with unguarded():
        assert checks.ledger_problems(anchor=anchor) == []
        drop_constraints()
        for number in range(MUTATIONS):
            mutate = KINDS[number % len(KINDS)]
            undo = transaction.savepoint()
            mutate(dice)
            if not checks.ledger_problems(anchor=anchor):
                missed.append((number, mutate.__name__))
            elif mutate in (recompute_edited, cut_tail):
                by_anchor_alone += not checks.ledger_problems()
            transaction.savepoint_rollback(undo)
        assert checks.ledger_problems(anchor=anchor) == []

    assert missed == []
    assert by_anchor_alone >= MUTATIONS / len(KINDS)  # what was made to fit needs the copy outside


def test_copies_that_are_gone_from_the_store_open_a_case(settings, tmp_path):
    from credits import watch
    from credits.models import Case

    settings.LOCAL_DIR = tmp_path
    funded_pool()
    assert watch.check(at=NOON).problems == []
    anchors.FileAnchors().path.unlink()
    assert watch.check(at=NOON).problems == []
    assert "1 copies" in Case.objects.get().words


class OnPaper:
    """A store of somebody's own."""

    kept: list[str] = []

    def append(self, line: str) -> None:
        self.kept.append(line)

    def lines(self):
        yield from self.kept


def test_the_setting_names_another_store(settings):
    from credits import watch

    settings.ANCHOR_STORE = "tests.credits.test_mutations.OnPaper"
    funded_pool()
    assert watch.check(at=NOON).anchor in OnPaper.kept[0]
    OnPaper.kept[0] = OnPaper.kept[0].replace('"hash": "', '"hash": "0')
    assert "was changed" in watch.check(at=NOON).problems[0]
