"""Release pending decisions: check everything, then commit decisions, credit and letters together, or nothing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from applications import awards as all_awards
from applications import deferrals, notices, release_checks
from applications.awards import TakenOver
from applications.models import AGREED, CutLine, Decision, DecisionKind, DecisionState, Notice
from applications.release_checks import Checked, Refusal, Row
from applications.states import State
from credits import grants, ledger, organizations
from portal import audit, clock
from portal.crash_points import crash_here
from portal.database import allow_long_statements
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import memberships, rulebook
from programs.models import Cycle, MessageKind, OrganizationIdWhen, Program
from programs.rulebook import Rulebook

BECOMES = {
    DecisionKind.AWARD: State.AWARDED,
    DecisionKind.CHANGE: State.AWARDED,
    DecisionKind.DECLINE: State.DECLINED,
    DecisionKind.DEFER: State.DEFERRED,
}
"""What an application is once its decision is released. The waiting list is never released."""


@dataclass(frozen=True)
class Released:
    """What a release did. `awaiting_acceptance` counts awards that are posted once their holder has accepted.

    hidden: decisions left alone because this person has a conflict with their applications; another manager releases
    them. gone: named decisions that were not pending any more.
    """

    awards: int = 0
    declines: int = 0
    sum_cents: int = 0
    awaiting_acceptance: int = 0
    deferrals: int = 0
    changes: int = 0
    hidden: int = 0
    gone: int = 0


class CannotRelease(Refused):
    """Nothing was released. `refusals` lists every decision that stands in the way."""

    def __init__(self, text: str, refusals: Sequence[Refusal] = ()) -> None:
        self.refusals = list(refusals)
        super().__init__(text)


def pool_code(cycle: Cycle) -> str:
    """The pool that pays for a cycle: one for each program and calendar year of the evaluation."""
    return ledger.pool_code(cycle.program.slug, str(cycle.evaluation_on.year))


def check(*, cycle_id: int, by: User, at: datetime | None = None) -> list[Refusal]:
    """What stands in the way of releasing everything pending in a cycle, without changing anything.

    at: None is now.
    """
    cycle = Cycle.objects.select_related("program", "rules_version", "cut_line").get(pk=cycle_id)
    return release_checks.check(cycle=cycle, by=by, at=at or clock.now()).refusals


def release(
    *,
    cycle_id: int,
    by: User,
    at: datetime,
    decision_ids: Iterable[int] | None = None,
    whole_batch: bool = False,
) -> Released:
    """Release the pending decisions of a cycle, or the named ones among them. All of them or none.

    Checked again under lock: state, looks, gates, second person and sums of a year, line and flags, country, waiting
    time, amount, organization ID. Without names, or with whole_batch, nothing goes before every application of the batch
    had its look; a selection may. Awards reserve credit in the program's pool of the year; a told decline queues its
    letter, a quiet one and a deferral queue nothing.
    Raises CannotRelease with every refusal; nothing to release is not an error. Releasing twice changes nothing.
    """
    with transaction.atomic():
        allow_long_statements()
        cycle = _locked_cycle(cycle_id)
        if not memberships.holds(by, cycle.program, Role.MANAGER):
            raise CannotRelease("Only a manager of this program releases.")
        named = None if decision_ids is None else sorted(set(decision_ids))
        locked = _lock(cycle, named)
        gone = 0 if named is None else len(named) - len(locked)
        checked = release_checks.check(cycle=cycle, by=by, at=at, decision_ids=locked)
        _refuse(checked, cycle, by, whole=whole_batch or named is None)
        rows = checked.rows
        if not rows:
            return Released(hidden=checked.hidden, gone=gone)
        awards = [row for row in rows if row.kind == DecisionKind.AWARD]
        kept = _kept(awards, cycle)
        grant_ids, waiting = _reserve(awards, cycle, kept, by, at)
        _set_released(checked, grant_ids, cycle, by, at)
        _keep(kept, rows)
        _queue_letters(rows, cycle, at)
        _record(rows, by, at)
        crash_here("release.before_commit")
    return Released(
        awards=len(awards),
        declines=sum(row.kind == DecisionKind.DECLINE for row in rows),
        sum_cents=sum(row.amount_cents for row in awards),
        awaiting_acceptance=waiting,
        deferrals=sum(row.kind == DecisionKind.DEFER for row in rows),
        changes=sum(row.kind == DecisionKind.CHANGE for row in rows),
        hidden=checked.hidden,
        gone=gone,
    )


def _locked_cycle(cycle_id: int) -> Cycle:
    cycle = (
        Cycle.objects.select_for_update(of=("self",), no_key=True)
        .select_related("program", "rules_version")
        .get(pk=cycle_id)
    )
    # Read behind the lock, which the drawing of a line takes too.
    line = CutLine.objects.filter(cycle=cycle).first()
    if line is not None:
        cycle.cut_line = line
    return cycle


def _lock(cycle: Cycle, named: list[int] | None) -> list[int]:
    """Applications first, then decisions, both in id order (docs/architecture.md, "Locks"); ids of what is pending."""
    values = {"cycle": cycle.pk, "named": named}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_APPLICATIONS, values)
        cursor.execute(_LOCK_DECISIONS, values)
        return [pk for (pk,) in cursor.fetchall()]


_SCOPE = """
    d.state = 'pending' AND d.kind <> 'waitlist' AND (%(named)s::bigint[] IS NULL OR d.id = ANY (%(named)s::bigint[]))
"""
_LOCK_APPLICATIONS = f"""
    SELECT FROM applications_application WHERE cycle_id = %(cycle)s AND id IN (
        SELECT d.application_id FROM applications_decision d WHERE {_SCOPE}
    ) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - put together from two constants
_LOCK_DECISIONS = f"""
    SELECT d.id FROM applications_decision d WHERE {_SCOPE} AND d.application_id IN (
        SELECT id FROM applications_application WHERE cycle_id = %(cycle)s
    ) ORDER BY d.id FOR NO KEY UPDATE
"""  # noqa: S608 - as above


def _refuse(checked: Checked, cycle: Cycle, by: User, *, whole: bool) -> None:
    refusals = list(checked.refusals)
    if whole and checked.rows:
        number, unseen = release_checks.unseen(cycle, by)
        decided = {refusal.application_id for refusal in refusals}
        refusals += [refusal for refusal in unseen if refusal.application_id not in decided]
        if number and not checked.refusals:
            plural = "s" if number > 1 else ""
            raise CannotRelease(
                f"{number:,} application{plural} of this batch nobody has looked at. Have {'them' if plural else 'it'} "
                "looked at first, or release a selection.",
                refusals,
            )
    if refusals:
        raise CannotRelease(
            f"{len(checked.refusals):,} of {len(checked.rows):,} decisions cannot be released.", refusals
        )


def _kept(awards: list[Row], cycle: Cycle) -> dict[int, TakenOver]:
    """What amendments keep of their award, by application; nothing is asked where there is none."""
    updates = [row.decision_id for row in awards if row.amends_id is not None]
    if not updates:
        return {}
    found = Decision.objects.filter(pk__in=updates).select_related("application").order_by("pk")
    return all_awards.taken_over(list(found), rulebook.for_cycle(cycle))


def _keep(kept: dict[int, TakenOver], rows: list[Row]) -> None:
    """The holder of an award has accepted for its amendments too."""
    for row in rows:
        taken = kept.get(row.application_id)
        if taken is not None:
            Decision.objects.filter(pk=row.decision_id).update(
                accepted_at=taken.accepted_at, accepted_terms_version=taken.terms_version
            )


def _reserve(
    awards: list[Row], cycle: Cycle, kept: dict[int, TakenOver], by: User, at: datetime
) -> tuple[dict[int, int], int]:
    """Reserve the credit: grant ids by decision, and how many wait for their holder."""
    if not awards:
        return {}, 0
    rules = rulebook.for_cycle(cycle)
    known = _organizations(awards, cycle, at) | {pk: taken.organization_id for pk, taken in kept.items()}
    models: dict[str, list[str]] = {text: json.loads(text) for text in {row.granted_models for row in awards}}
    reserving = [
        grants.AwardToReserve(
            reference=row.reference,
            program=cycle.program.slug,
            provider=rules.provider,
            holder_id=row.applicant_id,
            organization_id=known.get(row.application_id),
            amount_cents=row.amount_cents,
            currency=rules.currency,
            models=models[row.granted_models],
            term_months=row.months,
            held_back_cents=_held_back(row, rules),
            term_starts=rules.term_starts,
            latest_end_on=rules.term_ends_on,
            late_usage_days=rules.late_usage_days,
        )
        for row in awards
    ]
    try:
        made = grants.reserve_many(awards=reserving, pool_code=pool_code(cycle), by=by, at=at)
    except (
        ledger.NotEnoughCredit,
        ledger.NoSuchAccount,
        ledger.PostingStopped,
        grants.EndsTooEarly,
    ) as error:
        raise CannotRelease(str(error)) from error
    grant_ids = dict(zip((row.decision_id for row in awards), made, strict=True))
    return grant_ids, sum(row.application_id not in known for row in awards)


def _held_back(row: Row, rules: Rulebook) -> int:
    """What an award keeps back until its summary is accepted, in cents. An update of an award owes no summary itself."""
    if not (rules.summary_required and rules.second_half_after_summary) or row.amends_id is not None:
        return 0
    return row.amount_cents // 2


def _organizations(awards: list[Row], cycle: Cycle, at: datetime) -> dict[int, int]:
    """Application id -> organization id, for the awards that are posted without waiting for their holder.

    Where a program has terms, they are accepted and the organization is confirmed first (applications.acceptance).
    """
    rules = rulebook.for_cycle(cycle)
    if rules.terms or rules.organization_id_when != OrganizationIdWhen.APPLY:
        return {}
    texts = {
        row.application_id: organizations.clean_external_id(
            rules.organization_id_format, row.organization_id_text
        )
        for row in awards
        if row.organization_id_text
    }
    registered = organizations.register_many(provider=rules.provider, external_ids=set(texts.values()), at=at)
    return {application_id: registered[text] for application_id, text in texts.items()}


def _set_released(checked: Checked, grant_ids: dict[int, int], cycle: Cycle, by: User, at: datetime) -> None:
    rows = checked.rows
    deferred = any(row.kind == DecisionKind.DEFER for row in rows)
    goes_to = deferrals.target(cycle, at=at).pk if deferred else None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE applications_decision decision
               SET state = %s, released_by_id = %s, released_at = %s, grant_id = fresh.grant_id,
                   counted_cents = fresh.counted,
                   to_cycle_id = CASE WHEN decision.kind = 'defer' THEN %s::bigint END
              FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS fresh (id, grant_id, counted)
             WHERE decision.id = fresh.id
            """,
            [
                DecisionState.RELEASED,
                by.pk,
                at,
                goes_to,
                [row.decision_id for row in rows],
                [grant_ids.get(row.decision_id) for row in rows],
                [checked.counted.get(row.application_id, 0) for row in rows],
            ],
        )
        for state in sorted({BECOMES[DecisionKind(row.kind)] for row in rows}):
            ids = [row.application_id for row in rows if BECOMES[DecisionKind(row.kind)] == state]
            cursor.execute("UPDATE applications_application SET state = %s WHERE id = ANY(%s)", [state, ids])


def _queue_letters(rows: list[Row], cycle: Cycle, at: datetime) -> None:
    rules = rulebook.for_cycle(cycle)
    told = [(MessageKind.AWARD, row) for row in rows if row.kind in AGREED]
    if not rules.is_quiet:
        told += [(MessageKind.TOLD_DECLINE, row) for row in rows if row.kind == DecisionKind.DECLINE]
    notices.queue_many([_letter(kind, row, cycle.program, rules.currency, at) for kind, row in told])


def _letter(kind: MessageKind, row: Row, program: Program, currency: str, at: datetime) -> Notice:
    values: dict[str, object] = {"change": True} if row.kind == DecisionKind.CHANGE else {}
    if row.kind == DecisionKind.AWARD:
        values = {"amount_cents": row.amount_cents, "currency": currency}
        if row.months:
            values["months"] = row.months
    return Notice(
        key=f"{kind}:{row.application_id}:{row.applicant_id}",
        kind=kind,
        program=program,
        application_id=row.application_id,
        recipient_id=row.applicant_id,
        values=values,
        next_attempt_at=at,
        created_at=at,
    )


def _record(rows: list[Row], by: User, at: datetime) -> None:
    audit.record_many(
        action="decision.release",
        subjects=Decision,
        details={
            row.decision_id: {
                "application": row.application_id,
                "kind": row.kind,
                "amount_cents": row.amount_cents or None,
            }
            for row in rows
        },
        by=by,
        at=at,
    )
