"""Every check that the ledger can make of itself (docs/ledger.md, "Checks"). Reads only; a check returns sentences.

All checks look at one snapshot of the database, so that postings during the run cannot look like differences. At most
twenty findings are listed per check, and the first ones by id.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction

from credits import anchors

LISTED = 20


# Each check: a name, and a query whose rows are findings. The first column is the sentence.
CHECKS: dict[str, str] = {
    "entries add up to zero in each currency": """
        SELECT format('%s: the entries add up to %s cents', t.currency, sum(e.amount_cents))
        FROM ledger_entry e JOIN ledger_transfer t ON t.id = e.transfer_id
        GROUP BY t.currency HAVING sum(e.amount_cents) <> 0
    """,
    "each transfer has its two entries": """
        SELECT format('transfer %s: its entries do not match it', t.id)
        FROM ledger_transfer t LEFT JOIN (
            SELECT transfer_id, count(*) AS legs,
                min(account_id) FILTER (WHERE amount_cents < 0) AS source, min(amount_cents) AS given,
                min(account_id) FILTER (WHERE amount_cents > 0) AS destination, max(amount_cents) AS received
            FROM ledger_entry GROUP BY transfer_id
        ) e ON e.transfer_id = t.id
        WHERE e.legs IS DISTINCT FROM 2 OR e.source IS DISTINCT FROM t.source_id OR e.given <> -t.amount_cents
            OR e.destination IS DISTINCT FROM t.destination_id OR e.received <> t.amount_cents
        ORDER BY t.id LIMIT 20
    """,
    "each entry has its transfer": """
        SELECT format('entry %s/%s: there is no transfer %s', e.account_id, e.version, e.transfer_id)
        FROM ledger_entry e LEFT JOIN ledger_transfer t ON t.id = e.transfer_id
        WHERE t.id IS NULL ORDER BY e.account_id, e.version LIMIT 20
    """,
    "the stored balance is the sum of the entries": """
        SELECT format('account %s: balance %s, version %s; its entries say %s and %s',
            a.code, a.balance_cents, a.version, coalesce(e.cents, 0), coalesce(e.entries, 0))
        FROM ledger_account a LEFT JOIN (
            SELECT account_id, sum(amount_cents) AS cents, count(*) AS entries, max(version) AS version
            FROM ledger_entry GROUP BY account_id
        ) e ON e.account_id = a.id
        WHERE a.balance_cents <> coalesce(e.cents, 0) OR a.version <> coalesce(e.entries, 0)
            OR a.version <> coalesce(e.version, 0)
        ORDER BY a.id LIMIT 20
    """,
    "each entry follows the one before it": """
        SELECT format('entry %s/%s: version or balance does not follow the entry before it', account_id, version)
        FROM (
            SELECT account_id, version, amount_cents, balance_after_cents,
                lag(version, 1, 0) OVER lane AS before, lag(balance_after_cents, 1, 0) OVER lane AS balance
            FROM ledger_entry WINDOW lane AS (PARTITION BY account_id ORDER BY version)
        ) e
        WHERE version <> before + 1 OR balance_after_cents <> balance + amount_cents
        ORDER BY account_id, version LIMIT 20
    """,
    "no account is below its floor": """
        SELECT format('account %s/%s: %s cents', a.code, e.version, e.balance_after_cents)
        FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
        WHERE e.balance_after_cents < 0 AND NOT a.may_overdraw ORDER BY a.id, e.version LIMIT 20
    """,
    "each movement runs between the right accounts": """
        SELECT format('transfer %s: %s does not run from %s to %s', t.id, t.kind, s.code, d.code)
        FROM ledger_transfer t JOIN ledger_account s ON s.id = t.source_id JOIN ledger_account d ON d.id = t.destination_id
        WHERE t.kind <> 'reverse' AND NOT ledger_legal(t.kind, s.kind, d.kind) ORDER BY t.id LIMIT 20
    """,
    "each movement has both accounts, in its currency": """
        SELECT format('transfer %s: its accounts are missing or of another currency', t.id)
        FROM ledger_transfer t LEFT JOIN ledger_account s ON s.id = t.source_id AND s.currency = t.currency
        LEFT JOIN ledger_account d ON d.id = t.destination_id AND d.currency = t.currency
        WHERE s.id IS NULL OR d.id IS NULL ORDER BY t.id LIMIT 20
    """,
    "each account of a grant has its grant": """
        SELECT format('account %s: there is no grant %s', a.code, a.grant_id)
        FROM ledger_account a LEFT JOIN credits_grant g ON g.id = a.grant_id
        WHERE a.grant_id IS NOT NULL AND g.id IS NULL ORDER BY a.id LIMIT 20
    """,
    "each grant names grants that exist": """
        SELECT format('grant %s: it names a grant that does not exist', g.reference)
        FROM credits_grant g CROSS JOIN unnest(ARRAY[g.half_of_id, g.moved_from_id, g.first_id]) AS named (id)
        WHERE (g.half_of_id IS NOT NULL OR g.moved_from_id IS NOT NULL) AND named.id IS NOT NULL
            AND NOT EXISTS (SELECT FROM credits_grant o WHERE o.id = named.id)
        ORDER BY g.id LIMIT 20
    """,
    "a hold has one ending": """
        SELECT format('hold %s: %s endings', resolves_id, count(*)) FROM ledger_transfer
        WHERE resolves_id IS NOT NULL GROUP BY resolves_id HAVING count(*) > 1 ORDER BY resolves_id LIMIT 20
    """,
    "an ending belongs to a hold of the same grant and amount": """
        SELECT format('transfer %s: it does not match the hold that it ends', t.id)
        FROM ledger_transfer t
        JOIN ledger_account s ON s.id = t.source_id
        LEFT JOIN ledger_transfer h ON h.id = t.resolves_id AND h.kind = 'hold' AND h.amount_cents = t.amount_cents
        LEFT JOIN ledger_account r ON r.id = h.destination_id
        WHERE t.kind IN ('post', 'void') AND r.grant_id IS DISTINCT FROM s.grant_id ORDER BY t.id LIMIT 20
    """,
    "a correction is exact and happens once": """
        SELECT format('transfer %s: it is not the single mirror of transfer %s', t.id, t.reverses_id)
        FROM (SELECT *, count(*) OVER (PARTITION BY reverses_id) AS times FROM ledger_transfer WHERE kind = 'reverse') t
        LEFT JOIN ledger_transfer f ON f.id = t.reverses_id
        WHERE f.id IS NULL OR t.times > 1 OR f.source_id <> t.destination_id OR f.destination_id <> t.source_id
            OR f.amount_cents <> t.amount_cents
        ORDER BY t.id LIMIT 20
    """,
    "two people stand behind funding and corrections": """
        SELECT format('transfer %s: %s without a second person', id, kind) FROM ledger_transfer
        WHERE kind IN ('fund', 'move', 'reverse') AND (approved_by IS NULL OR approved_by = made_by) ORDER BY id LIMIT 20
    """,
    "the stage of a grant is where its credit is": """
        SELECT format('grant %s is %s, but the ledger has %s reserved, %s in transit, %s posted',
            g.reference, g.stage, m.reserved, m.in_transit, m.posted)
        FROM credits_grant g CROSS JOIN LATERAL (
            SELECT coalesce(sum(a.balance_cents) FILTER (WHERE a.kind = 'reserved'), 0) AS reserved,
                coalesce(sum(a.balance_cents) FILTER (WHERE a.kind = 'in_transit'), 0) AS in_transit,
                coalesce(sum((SELECT e.amount_cents FROM ledger_entry e WHERE e.account_id = a.id AND e.version = 1))
                    FILTER (WHERE a.kind = 'granted'), 0) AS posted
            FROM ledger_account a
            WHERE a.code IN ('reserved:' || g.id, 'in_transit:' || g.id, 'granted:' || g.id)
        ) m
        WHERE m.reserved <> CASE WHEN g.stage = 'reserved' THEN g.amount_cents ELSE 0 END
            OR m.in_transit <> CASE WHEN g.stage = 'sent' THEN g.amount_cents ELSE 0 END
            OR m.posted <> CASE WHEN g.stage = 'confirmed' THEN g.amount_cents ELSE 0 END
        ORDER BY g.id LIMIT 20
    """,
    "each grant has its reservation, in its own pool": """
        SELECT format('grant %s: no reservation of its amount in %s', g.reference, g.pool)
        FROM credits_grant g
        LEFT JOIN ledger_transfer h ON h.key = 'grant:' || g.uuid || ':hold'
        LEFT JOIN ledger_account p ON p.id = h.source_id
        WHERE g.moved_from_id IS NULL
            AND (h.amount_cents IS DISTINCT FROM g.amount_cents OR p.code IS DISTINCT FROM g.pool)
        ORDER BY g.id LIMIT 20
    """,
    "each lot of a changed organization came from the lot before it": """
        SELECT format('grant %s: its credit did not come from the grant it follows', g.reference)
        FROM credits_grant g
        LEFT JOIN ledger_transfer t ON t.key = 'grant:' || g.uuid || ':move' AND t.kind = 'move'
        LEFT JOIN ledger_account s ON s.id = t.source_id
        LEFT JOIN ledger_account d ON d.id = t.destination_id
        WHERE g.moved_from_id IS NOT NULL AND (t.amount_cents, s.grant_id, d.grant_id)
            IS DISTINCT FROM (g.amount_cents, g.moved_from_id, g.id)
        ORDER BY g.id LIMIT 20
    """,
    "only the credit of an enforced organization is frozen": """
        SELECT format('grant %s: %s cents are frozen and nothing stands against its organization since %s',
            g.reference, a.balance_cents, e.lifted_at)
        FROM ledger_account a JOIN credits_grant g ON g.id = a.grant_id
        CROSS JOIN LATERAL (
            SELECT max(lifted_at) AS lifted_at, bool_or(lifted_at IS NULL) AS stands FROM credits_enforcement
            WHERE organization_id = g.organization_id AND kind IN ('hold', 'suspend')
        ) e
        WHERE a.kind = 'frozen' AND a.balance_cents > 0 AND e.stands IS NOT TRUE
            AND e.lifted_at < clock_timestamp() - interval '1 hour'
        ORDER BY g.id LIMIT 20
    """,
    "credit in transit is the credit of unsettled deliveries": """
        SELECT format('in transit are %s cents, unsettled deliveries are %s cents', ledger.cents, deliveries.cents)
        FROM (SELECT coalesce(sum(balance_cents), 0) AS cents FROM ledger_account WHERE kind = 'in_transit') ledger
        CROSS JOIN (
            SELECT coalesce(sum(g.amount_cents), 0) AS cents
            FROM credits_delivery d JOIN credits_grant g ON g.id = d.grant_id
            WHERE d.state IN ('pending', 'sent', 'unknown')
        ) deliveries
        WHERE ledger.cents <> deliveries.cents
    """,
    "a delivery and its grant tell the same": """
        SELECT format('delivery %s is %s, its grant is %s', d.id, d.state, g.stage)
        FROM credits_delivery d JOIN credits_grant g ON g.id = d.grant_id
        WHERE g.stage <> CASE d.state WHEN 'confirmed' THEN 'confirmed' WHEN 'refused' THEN 'failed' ELSE 'sent' END
        ORDER BY d.id LIMIT 20
    """,
    "usage is what was used, for each organization and day": """
        SELECT format('%s: %s cents counted, %s cents moved', coalesce(u.name, m.name),
            coalesce(u.posted_cents, 0), coalesce(m.cents, 0))
        FROM (
            SELECT 'usage:' || organization_id || ':' || to_char(day, 'YYYY-MM-DD') || ':' || currency AS name,
                posted_cents FROM credits_usage
        ) u
        FULL JOIN (
            SELECT substring(t.key FROM 'usage:\\d+:[0-9-]+:[A-Z]+') AS name,
                sum(CASE t.kind WHEN 'use' THEN t.amount_cents WHEN 'reverse' THEN -t.amount_cents END) AS cents
            FROM ledger_transfer t
            WHERE (t.kind = 'use' AND t.key LIKE 'usage:%') OR (t.kind = 'reverse' AND t.key LIKE 'reverse:usage:%')
            GROUP BY 1
        ) m ON m.name = u.name
        WHERE coalesce(u.posted_cents, 0) <> coalesce(m.cents, 0) ORDER BY 1 LIMIT 20
    """,
    "the content hash is the hash of the content": """
        SELECT format('transfer %s: its content differs from its hash', id) FROM ledger_transfer
        WHERE content_hash IS DISTINCT FROM ledger_content_hash(
            kind, currency, source_id, destination_id, amount_cents, resolves_id, reverses_id)
        ORDER BY id LIMIT 20
    """,
    "each transfer is in one block": """
        SELECT format('transfer %s is in %s blocks', coalesce(t.id, m.transfer_id), count(m.block_id))
        FROM ledger_transfer t FULL JOIN (
            SELECT b.id AS block_id, unnest(b.members) AS transfer_id FROM ledger_block b WHERE b.members IS NOT NULL
            UNION ALL
            SELECT b.id, generate_series(b.first_transfer, b.last_transfer) FROM ledger_block b
            WHERE b.members IS NULL AND b.count = b.last_transfer - b.first_transfer + 1
                AND b.count <= (SELECT count(*) FROM ledger_transfer)
        ) m ON m.transfer_id = t.id
        GROUP BY coalesce(t.id, m.transfer_id), t.id HAVING t.id IS NULL OR count(m.block_id) <> 1
        ORDER BY 1 LIMIT 20
    """,
    "each block hashes what is there now": """
        WITH member AS (
            SELECT b.id AS block_id, unnest(b.members) AS transfer_id FROM ledger_block b WHERE b.members IS NOT NULL
            UNION ALL
            SELECT b.id, generate_series(b.first_transfer, b.last_transfer) FROM ledger_block b
            WHERE b.members IS NULL AND b.count = b.last_transfer - b.first_transfer + 1
                AND b.count <= (SELECT count(*) FROM ledger_transfer)
        ), transfers AS (
            SELECT m.block_id, count(*) AS count, sha256(string_agg(ledger_transfer_leaf(
                t.id, t.content_hash, t.happened_at, t.recorded_at, t.key, t.group_key, t.made_by, t.approved_by),
                ''::bytea ORDER BY t.id)) AS digest
            FROM member m JOIN ledger_transfer t ON t.id = m.transfer_id GROUP BY m.block_id
        ), entries AS (
            SELECT m.block_id, sha256(string_agg(ledger_entry_leaf(
                e.account_id, e.version, e.transfer_id, e.amount_cents, e.balance_after_cents),
                ''::bytea ORDER BY e.account_id, e.version)) AS digest
            FROM member m JOIN ledger_entry e ON e.transfer_id = m.transfer_id GROUP BY m.block_id
        )
        SELECT format('block %s/%s: its content was changed', b.chain, b.sequence)
        FROM ledger_block b LEFT JOIN transfers t ON t.block_id = b.id LEFT JOIN entries e ON e.block_id = b.id
        WHERE b.count IS DISTINCT FROM t.count OR b.hash IS DISTINCT FROM ledger_block_hash(
            b.previous_hash, b.chain, b.sequence, b.count, t.digest || e.digest)
        ORDER BY b.id LIMIT 20
    """,
    "each chain is unbroken": """
        SELECT format('block %s/%s: it does not follow the block before it', chain, sequence)
        FROM (
            SELECT chain, sequence, previous_hash, lag(sequence, 1, 0::bigint) OVER lane AS before,
                lag(hash, 1, sha256(int2send(chain))) OVER lane AS hash_before
            FROM ledger_block WINDOW lane AS (PARTITION BY chain ORDER BY sequence)
        ) b
        WHERE sequence <> before + 1 OR previous_hash <> hash_before ORDER BY chain, sequence LIMIT 20
    """,
    "each chain ends at its head": """
        SELECT format('chain %s: the head says block %s, the last block is %s',
            coalesce(h.chain, b.chain), coalesce(h.sequence, 0), coalesce(b.sequence, 0))
        FROM ledger_chain_head h FULL JOIN (
            SELECT DISTINCT ON (chain) chain, sequence, hash FROM ledger_block ORDER BY chain, sequence DESC
        ) b ON b.chain = h.chain
        WHERE h.sequence IS DISTINCT FROM coalesce(b.sequence, 0)
            OR (b.chain IS NOT NULL AND h.hash IS DISTINCT FROM b.hash)
        ORDER BY 1 LIMIT 20
    """,
    "the ledger's guards are in place": """
        SELECT format('the trigger %s on %s is missing or switched off', w.name, w.tbl)
        FROM (VALUES
            ('ledger_transfer', 'ledger_write'), ('ledger_transfer', 'ledger_gates'), ('ledger_transfer', 'append_only'),
            ('ledger_transfer', 'no_truncate'),
            ('ledger_entry', 'append_only'), ('ledger_entry', 'no_truncate'), ('ledger_entry', 'by_trigger'),
            ('ledger_block', 'append_only'), ('ledger_block', 'no_truncate'), ('ledger_block', 'by_trigger'),
            ('ledger_account', 'append_only'), ('ledger_account', 'no_truncate'), ('ledger_account', 'by_trigger'),
            ('ledger_account', 'empty_at_first'), ('ledger_chain_head', 'append_only'),
            ('ledger_chain_head', 'no_truncate'), ('ledger_chain_head', 'by_trigger'),
            ('ledger_account', 'has_grant'), ('credits_grant', 'append_only'), ('credits_grant', 'no_truncate'),
            ('credits_grant', 'grant_names_grants'), ('credits_grant', 'grant_is_fixed'), ('credits_grant', 'grant_term_is_set_once')
        ) AS w (tbl, name)
        LEFT JOIN pg_trigger t ON t.tgrelid = w.tbl::regclass AND t.tgname = w.name
        WHERE t.tgenabled IS DISTINCT FROM 'A' ORDER BY 1
    """,
}


def ledger_problems(*, anchor: Path | anchors.AnchorStore | None = None) -> list[str]:
    """Run every check; returns a sentence for each difference, empty when all is well.

    anchor: the outside copy of chain heads; each copy in it must still be in the chain, which makes a cut tail visible.
    Takes seconds per million transfers. Source: docs/ledger.md, "Checks".
    """
    problems: list[str] = []
    with _snapshot():
        for name, query in CHECKS.items():
            with connection.cursor() as cursor:
                cursor.execute(query)
                problems += [f"{name}: {row[0]}" for row in cursor.fetchmany(LISTED)]
        if anchor is not None:
            problems += anchors.problems(anchors.FileAnchors(anchor) if isinstance(anchor, Path) else anchor)
    return problems


@contextmanager
def _snapshot() -> Iterator[None]:
    """One read-only snapshot without a time limit. Inside a transaction of the caller, that transaction's view."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL work_mem = '64MB'")
        yield
