"""S6: release the decisions of a cycle: checks, decisions, credit and letters, against the same rows by INSERT..SELECT."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import batch_sql, ledger, measure, verify, world
from bench.measure import CONTROL, REFERENCE, SERVICE, SQL, Variant

CENTS = 500_000
KEPT = ("applications_decision", "applications_application")


class Release:
    """One cycle in review with every application looked at twice and decided: four awards to one decline."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.awards, self.declines = size - size // 5, size // 5
        self.program = world.program()
        self.cycle = self.program.cycles.order_by("cut_off_at")[0]
        self.at = self.cycle.cut_off_at + timedelta(days=10)
        self.asks, self.approves = ledger.managers()

    def seed(self) -> None:
        from portal.roles import Role
        from programs import memberships

        memberships.give(program=self.program, user=self.asks, role=Role.MANAGER, by=None, at=world.EPOCH)
        world.reviewers(self.program)
        applicants = world.people(self.size, prefix="applicant")
        world.timed(
            f"{self.size:,} applications", lambda: world.applications(self.program, self.cycle, applicants)
        )
        # Countries that are not served any more block a release, so nobody here comes from one.
        world.sql("UPDATE applications_application SET country = 'US' WHERE country = %s", [world.REFUSED])
        plan = batch_sql.Plan(
            cycle_id=self.cycle.pk,
            program_id=self.program.pk,
            at=self.cycle.cut_off_at,
            due=self.cycle.review_due_at,
            refused=[],
            strange_domains=[],
            cap_cents=0,
        )
        batch = batch_sql.claim(plan, batch_sql.OURS)
        batch_sql.assign(plan, batch_sql.OURS, batch)
        values = {
            "cycle": self.cycle.pk,
            "at": self.at,
            "cents": CENTS,
            "limit": self.program.four_eyes_above_cents,
            "by": self.asks.pk,
            "program": self.program.pk,
        }
        for statement in SEED:
            world.sql(statement, values)
        world.sql(Path(__file__).with_name("reference.sql").read_text())
        world.sql(SEED_SMALL)
        world.tidy("applications_review", "applications_decision", "applications_gateresult", "ref.decision")

    # --- the service

    def run_service(self) -> None:
        from applications import release

        done = release.release(cycle_id=self.cycle.pk, by=self.asks, at=self.at)
        if (done.awards, done.declines) != (self.awards, self.declines):
            raise verify.Wrong(f"released {done}")

    def reset_ours(self) -> None:
        world.sql(
            """
            SET session_replication_role = replica;
            TRUNCATE applications_notice, portal_auditevent, applications_decisionevent, credits_fundingrequest, credits_organizationchange,
                ledger_entry, ledger_block, ledger_chain_head, ledger_transfer, ledger_account;
            DELETE FROM credits_delivery;
            ALTER TABLE credits_grant DISABLE TRIGGER append_only;
            DELETE FROM credits_grant;
            ALTER TABLE credits_grant ENABLE ALWAYS TRIGGER append_only;
            DELETE FROM credits_organization;
            UPDATE applications_decision SET state = 'pending', released_at = NULL, released_by_id = NULL, grant_id = NULL
             WHERE state <> 'pending';
            UPDATE applications_application SET state = 'in_review' WHERE state <> 'in_review';
            RESET session_replication_role
            """
        )
        self.pool = ledger.fund(str(self.cycle.evaluation_on.year), self.asks, self.approves)
        world.tidy("applications_decision", "applications_application", "credits_grant", "ledger_account")

    def verify_service(self) -> None:
        verify.released(cycle_id=self.cycle.pk, awards=self.awards, declines=self.declines)
        verify.holds(pool=self.pool.code, references=self.awards, cents=self.awards * CENTS)
        verify.ledger()
        verify.no_problems()

    # --- S and R

    def run_sql(self) -> None:
        from django.db import connection, transaction

        values = self._values()
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in OURS:
                cursor.execute(statement, values)

    def verify_sql(self) -> None:
        verify.released(cycle_id=self.cycle.pk, awards=self.awards, declines=self.declines)
        verify.holds(pool=self.pool.code, references=self.awards, cents=self.awards * CENTS)
        verify.ledger()

    def reset_small(self) -> None:
        world.sql(
            """
            TRUNCATE ref.letter, ref.event, ref.entry, ref.transfer, ref.account, ref.grant_;
            UPDATE ref.decision SET state = 'pending', grant_id = NULL, released_at = NULL WHERE state <> 'pending';
            UPDATE ref.application SET state = 'in_review' WHERE state <> 'in_review';
            INSERT INTO ref.account (code, currency, balance_cents) VALUES ('pool', 'USD', 1000000000000)
            """
        )
        world.tidy("ref.decision", "ref.application", "ref.account")

    def run_small(self) -> None:
        from django.db import connection, transaction

        values = self._values()
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in SMALL:
                cursor.execute(statement, values)

    def verify_small(self) -> None:
        facts = world.sql(
            "SELECT (SELECT count(*) FROM ref.decision WHERE state = 'released'), (SELECT count(*) FROM ref.letter),"
            " (SELECT count(*) FROM ref.entry), (SELECT count(*) FROM ref.event),"
            " (SELECT count(*) FROM ref.decision WHERE grant_id IS NOT NULL)"
        )[0]
        if facts != (self.size, self.awards, 2 * self.awards, self.size, self.awards):
            raise verify.Wrong(f"the reference did other work: {facts}")

    def _values(self) -> dict[str, Any]:
        return {
            "cycle": self.cycle.pk,
            "at": self.at,
            "by": self.asks.pk,
            "key": self.asks.subject_key,
            "pool": self.pool.code if hasattr(self, "pool") else "",
            "pool_id": self.pool.pk if hasattr(self, "pool") else 0,
            "program": self.program.pk,
            "slug": self.program.slug,
        }

    def figure(self, rounds: int) -> measure.Figure:
        times = measure.interleave(
            [
                Variant(SERVICE, self.run_service, self.reset_ours, self.verify_service),
                Variant(SQL, self.run_sql, self.reset_ours, self.verify_sql),
                Variant(REFERENCE, self.run_small, self.reset_small, self.verify_small),
                Variant(CONTROL, self.run_small, self.reset_small, self.verify_small),
            ],
            rounds=rounds,
        )
        return measure.compare(
            times, row="S6", name="release: check, decide, hold, letters", size=self.size, target=3.0
        )


SEED = (
    """
    INSERT INTO applications_review (application_id, reviewer_id, state, clear_decline, confidence, note, total,
        started_at, saved_at, submitted_at)
    SELECT s.application_id, s.reviewer_id, 'in', false, 'fair', '', 3.5, %(at)s, %(at)s, %(at)s
      FROM applications_assignment s
    """,
    "UPDATE applications_assignment SET state = 'done'",
    """
    INSERT INTO applications_gateresult (application_id, criterion_id, outcome, note, decided_by_id, decided_at,
        judged_sha256)
    SELECT a.id, c.id, 'passed', '', %(by)s, %(at)s, answers_digest(a.answers) FROM applications_application a
      JOIN programs_criterion c ON c.program_id = a.program_id AND c.kind = 'gate' WHERE a.cycle_id = %(cycle)s
    """,
    """
    INSERT INTO applications_decision (application_id, kind, state, amount_cents, months, granted_models, reason,
        four_eyes_above_cents, proposed_by_id, proposed_at, accepted_terms_version)
    SELECT id, CASE WHEN id %% 5 = 0 THEN 'decline' ELSE 'award' END, 'pending',
           CASE WHEN id %% 5 = 0 THEN NULL ELSE %(cents)s END, CASE WHEN id %% 5 = 0 THEN NULL ELSE 6 END,
           CASE WHEN id %% 5 = 0 THEN '[]'::jsonb ELSE '["standard"]' END, '', %(limit)s, %(by)s, %(at)s, ''
      FROM applications_application WHERE cycle_id = %(cycle)s ORDER BY id
    """,
)
SEED_SMALL = """
    INSERT INTO ref.application SELECT id, cycle_id, applicant_id, state, email_domain, country, requested_cents,
        email_key, organization_id_text FROM applications_application;
    INSERT INTO ref.decision SELECT id, application_id, kind, state, amount_cents FROM applications_decision
"""

OURS = (
    """
    INSERT INTO credits_organization (provider, external_id, name, created_at)
    SELECT DISTINCT 'anthropic', a.organization_id_text, '', %(at)s FROM applications_decision d
      JOIN applications_application a ON a.id = d.application_id WHERE d.kind = 'award'
    """,
    """
    INSERT INTO credits_grant (reference, uuid, program, provider, holder_id, organization_id, amount_cents, currency,
        models, term_months, pool, stage, failure, created_at)
    SELECT a.reference, gen_random_uuid(), %(slug)s, 'anthropic', a.applicant_id, o.id, d.amount_cents, 'USD',
        '{standard}', 6, %(pool)s, 'reserved', '', %(at)s
      FROM applications_decision d JOIN applications_application a ON a.id = d.application_id
      LEFT JOIN credits_organization o ON o.external_id = a.organization_id_text WHERE d.kind = 'award'
    """,
    """
    INSERT INTO ledger_account (code, kind, program, grant_id, currency, may_overdraw, balance_cents, version)
    SELECT 'reserved:' || id, 'reserved', program, id, currency, false, 0, 0 FROM credits_grant
    """,
    """
    INSERT INTO ledger_transfer (kind, source_id, destination_id, currency, amount_cents, key, group_key, made_by,
        happened_at)
    SELECT 'hold', %(pool_id)s, l.id, g.currency, g.amount_cents, 'grant:' || g.uuid || ':hold', '', %(key)s, %(at)s
      FROM credits_grant g JOIN ledger_account l ON l.code = 'reserved:' || g.id ORDER BY g.id
    """,
    """
    UPDATE applications_decision d SET state = 'released', released_by_id = %(by)s, released_at = %(at)s, grant_id = g.id
      FROM applications_application a LEFT JOIN credits_grant g ON g.reference = a.reference
     WHERE a.id = d.application_id AND a.cycle_id = %(cycle)s
    """,
    """
    UPDATE applications_application a SET state = CASE d.kind WHEN 'award' THEN 'awarded' ELSE 'declined' END
      FROM applications_decision d WHERE d.application_id = a.id AND a.cycle_id = %(cycle)s
    """,
    """
    INSERT INTO applications_notice (key, kind, program_id, application_id, recipient_id, address, values, state,
        attempts, next_attempt_at, last_error, created_at)
    SELECT 'award:' || a.id || ':' || a.applicant_id, 'award', %(program)s, a.id, a.applicant_id, '',
        jsonb_build_object('amount_cents', d.amount_cents, 'currency', 'USD', 'months', d.months), 'waiting', 0, %(at)s,
        '', %(at)s
      FROM applications_decision d JOIN applications_application a ON a.id = d.application_id WHERE d.kind = 'award'
    """,
    """
    INSERT INTO portal_auditevent (at, recorded_at, actor_id, action, subject_type, subject_id, details)
    SELECT %(at)s, now(), %(by)s, 'decision.release', 'applications.decision', id::text,
        jsonb_build_object('application', application_id, 'kind', kind, 'amount_cents', amount_cents)
      FROM applications_decision
    """,
)
SMALL = (
    """
    INSERT INTO ref.grant_ (reference, program, holder_id, amount_cents, currency, stage, created_at)
    SELECT 'AIS-' || a.id, %(slug)s, a.applicant_id, d.amount_cents, 'USD', 'reserved', %(at)s
      FROM ref.decision d JOIN ref.application a ON a.id = d.application_id WHERE d.kind = 'award'
    """,
    """
    WITH opened AS (
        INSERT INTO ref.account (code, currency, balance_cents)
        SELECT 'reserved:' || id, currency, amount_cents FROM ref.grant_ ORDER BY id RETURNING id, code, balance_cents
    ), posted AS (
        INSERT INTO ref.transfer (key, kind, source_id, destination_id, amount_cents, happened_at)
        SELECT 'hold:' || o.code, 'hold', p.id, o.id, o.balance_cents, %(at)s
          FROM opened o CROSS JOIN (SELECT id FROM ref.account WHERE code = 'pool') p
        RETURNING id, source_id, destination_id, amount_cents
    ), entered AS (
        INSERT INTO ref.entry (transfer_id, account_id, amount_cents, balance_after_cents)
        SELECT id, source_id, -amount_cents,
               1000000000000 - sum(amount_cents) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM posted
        UNION ALL
        SELECT id, destination_id, amount_cents, amount_cents FROM posted
    )
    UPDATE ref.account SET balance_cents = balance_cents - (SELECT sum(amount_cents) FROM posted) WHERE code = 'pool'
    """,
    """
    UPDATE ref.decision d SET state = 'released', released_at = %(at)s, grant_id = g.id
      FROM ref.decision same LEFT JOIN ref.grant_ g ON g.reference = 'AIS-' || same.application_id WHERE same.id = d.id
    """,
    """
    UPDATE ref.application a SET state = CASE d.kind WHEN 'award' THEN 'awarded' ELSE 'declined' END
      FROM ref.decision d WHERE d.application_id = a.id
    """,
    """
    INSERT INTO ref.letter (key, application_id, details, next_attempt_at)
    SELECT 'award:' || application_id, application_id, jsonb_build_object('amount_cents', amount_cents, 'currency', 'USD'),
        %(at)s FROM ref.decision WHERE kind = 'award'
    """,
    """
    INSERT INTO ref.event (at, action, subject_id, details)
    SELECT %(at)s, 'decision.release', id, jsonb_build_object('application', application_id, 'kind', kind,
        'amount_cents', amount_cents) FROM ref.decision
    """,
)


def main() -> None:
    options = world.options(quick=(2_000,), full=(10_000,))
    world.setup()
    release = Release(options.sizes[0])
    release.seed()
    print(release.figure(options.rounds or 7).as_json(), flush=True)


if __name__ == "__main__":
    main()
