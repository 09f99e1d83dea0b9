"""What must be true after a measured run. A fast wrong answer is no answer: each function raises Wrong.

They look at the database alone and know nothing of how it came about, so the tests can hand them a broken one.
"""

from typing import Any

from django.db import connection


class Wrong(AssertionError):
    """The work that was timed was not done right."""


def _one(statement: str, *parameters: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]


def _hold(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Wrong(f"{what}: {found}, not {wanted}")


def batch(*, cycle_id: int, applications: int) -> None:
    """Every application of the cycle is in review and stands once in the cycle's one batch."""
    _hold("batches", _one("SELECT count(*) FROM applications_batch WHERE cycle_id = %s", cycle_id), 1)
    entries = """
        SELECT count(*) FROM applications_batchentry e
          JOIN applications_batch b ON b.id = e.batch_id AND b.cycle_id = %s
          JOIN applications_application a ON a.id = e.application_id AND a.cycle_id = b.cycle_id AND a.state = 'in_review'
    """
    _hold("entries in review", _one(entries, cycle_id), applications)
    left = "SELECT count(*) FROM applications_application WHERE cycle_id = %s AND state = 'submitted'"
    _hold("applications left behind", _one(left, cycle_id), 0)
    twice = """
        SELECT count(*) FROM (SELECT 1 FROM applications_batchentry WHERE NOT deferred
                               GROUP BY application_id HAVING count(*) > 1) AS again
    """
    _hold("applications in two places", _one(twice), 0)


def manifest(*, cycle_id: int) -> None:
    """The batch's digest and number are those of its entries."""
    same = """
        SELECT b.applications_count = count(e.id) AND b.manifest_sha256 =
               encode(sha256(convert_to(coalesce(string_agg(a.reference, E'\\n' ORDER BY e.position), ''), 'UTF8')), 'hex')
          FROM applications_batch b
          LEFT JOIN applications_batchentry e ON e.batch_id = b.id
          LEFT JOIN applications_application a ON a.id = e.application_id
         WHERE b.cycle_id = %s GROUP BY b.id
    """
    _hold("manifest fits", _one(same, cycle_id), True)


def findings(*, cycle_id: int, expected: dict[str, int]) -> None:
    """As many findings of each kind as the data holds; kinds that are not named must be absent."""
    statement = """
        SELECT coalesce(jsonb_object_agg(kind, number), '{}') FROM (
            SELECT c.kind, count(*) AS number FROM applications_screeningcheck c
              JOIN applications_application a ON a.id = c.application_id AND a.cycle_id = %s GROUP BY c.kind) AS counted
    """
    found = _one(statement, cycle_id)
    if isinstance(found, str):
        import json

        found = json.loads(found)
    _hold("findings", found, {kind: number for kind, number in expected.items() if number})


def assignments(*, cycle_id: int, looks: int, most_spread: int | None = None) -> int:
    """Every application has its looks by different people, none barred; returns the distance of most and least load."""
    wrong = """
        SELECT count(*) FROM (
            SELECT a.id FROM applications_application a LEFT JOIN applications_assignment s ON s.application_id = a.id
             WHERE a.cycle_id = %s GROUP BY a.id HAVING count(DISTINCT s.reviewer_id) <> %s OR count(s.id) <> %s) AS short
    """
    _hold("applications without their looks", _one(wrong, cycle_id, looks, looks), 0)
    barred = """
        SELECT count(*) FROM applications_assignment s
          JOIN applications_application a ON a.id = s.application_id AND a.cycle_id = %s
          JOIN portal_user p ON p.id = s.reviewer_id
          LEFT JOIN applications_conflict c ON c.application_id = s.application_id AND c.user_id = s.reviewer_id
         WHERE c.id IS NOT NULL OR p.id = a.applicant_id OR split_part(p.email, '@', 2) = a.email_domain
    """
    _hold("assignments against a conflict", _one(barred, cycle_id), 0)
    spread = """
        SELECT max(load) - min(load) FROM (
            SELECT count(s.id) AS load FROM programs_membership m
              JOIN programs_cycle c ON c.program_id = m.program_id AND c.id = %s
              LEFT JOIN applications_application a ON a.cycle_id = c.id
              LEFT JOIN applications_assignment s ON s.reviewer_id = m.user_id AND s.application_id = a.id
             WHERE m.role = 'reviewer' AND m.ended_at IS NULL GROUP BY m.user_id) AS loads
    """
    found = int(_one(spread, cycle_id))
    if most_spread is not None and found > most_spread:
        raise Wrong(f"load spread: {found}, not at most {most_spread}")
    return found


def holds(*, pool: str, references: int, cents: int) -> None:
    """One grant, one hold and one reserved account for each award; the pool gave exactly their sum."""
    grants = "SELECT count(*) FROM credits_grant WHERE pool = %s AND stage = 'reserved'"
    _hold("grants", _one(grants, pool), references)
    held = """
        SELECT count(*) FROM credits_grant g
          JOIN ledger_account a ON a.code = 'reserved:' || g.id AND a.grant_id = g.id AND a.balance_cents = g.amount_cents
          JOIN ledger_transfer t ON t.destination_id = a.id AND t.kind = 'hold' AND t.key = 'grant:' || g.uuid || ':hold'
         WHERE g.pool = %s
    """
    _hold("holds", _one(held, pool), references)
    given = """
        SELECT coalesce(sum(e.amount_cents), 0) FROM ledger_entry e
          JOIN ledger_account a ON a.id = e.account_id AND a.code = %s WHERE e.amount_cents < 0
    """
    _hold("cents out of the pool", int(_one(given, pool)), -cents)


def ledger() -> None:
    """All balances add up to 0, every kept balance is the sum of its entries, and every transfer has two entries."""
    _hold("sum of all balances", int(_one("SELECT coalesce(sum(balance_cents), 0) FROM ledger_account")), 0)
    apart = """
        SELECT count(*) FROM ledger_account a
          LEFT JOIN (SELECT account_id, sum(amount_cents) AS cents, count(*) AS steps FROM ledger_entry GROUP BY 1) e
            ON e.account_id = a.id
         WHERE a.balance_cents <> coalesce(e.cents, 0) OR a.version <> coalesce(e.steps, 0)
    """
    _hold("accounts apart from their entries", _one(apart), 0)
    legs = """
        SELECT count(*) FROM ledger_transfer t
          LEFT JOIN (SELECT transfer_id, count(*) AS legs, sum(amount_cents) AS cents FROM ledger_entry GROUP BY 1) e
            ON e.transfer_id = t.id
         WHERE e.legs IS DISTINCT FROM 2 OR e.cents <> 0
    """
    _hold("transfers without two legs", _one(legs), 0)


def released(*, cycle_id: int, awards: int, declines: int) -> None:
    """Every decision is out, every award has its grant and its letter, a quiet decline has none."""
    states = """
        SELECT count(*) FROM applications_decision d JOIN applications_application a ON a.id = d.application_id
         WHERE a.cycle_id = %s AND d.kind = %s AND d.state = 'released' AND a.state = %s
           AND (d.grant_id IS NOT NULL) = (d.kind = 'award')
    """
    _hold("awards out", _one(states, cycle_id, "award", "awarded"), awards)
    _hold("declines out", _one(states, cycle_id, "decline", "declined"), declines)
    letters = """
        SELECT count(*) FROM applications_notice n JOIN applications_application a ON a.id = n.application_id
         WHERE a.cycle_id = %s AND n.kind = %s
    """
    _hold("award letters", _one(letters, cycle_id, "award"), awards)
    _hold("decline letters", _one(letters, cycle_id, "told_decline"), 0)
    trail = "SELECT count(*) FROM portal_auditevent WHERE action = 'decision.release'"
    _hold("events", _one(trail), awards + declines)


def no_problems(*, but: str = "") -> None:
    """The portal's own ledger checks find nothing; `but` names one that has no ground here."""
    from credits import queries

    problems = [problem for problem in queries.ledger_problems() if not but or not problem.startswith(but)]
    if problems:
        raise Wrong(f"ledger checks: {problems[:3]}")
