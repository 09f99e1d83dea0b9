"""Release pending decisions: check everything, then commit decisions, credit and letters together, or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.expressions import RawSQL

from applications import eligibility, notices
from applications.models import (
    Application,
    Collaborator,
    Decision,
    DecisionKind,
    DecisionState,
    GateOutcome,
    GateResult,
    Notice,
    ReviewState,
)
from applications.states import State
from credits import grants, ledger, organizations
from credits.money import format_money
from portal import audit
from portal.crash_points import crash_here
from portal.database import allow_long_statements
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs import fields, memberships
from programs.models import (
    Criterion,
    CriterionKind,
    Cycle,
    DeclineMode,
    MessageKind,
    OrganizationIdWhen,
)


@dataclass(frozen=True)
class Refusal:
    """Why one decision cannot be released, and for which application."""

    decision_id: int
    reference: str
    reason: str


@dataclass(frozen=True)
class Released:
    """What a release did. `awaiting_acceptance` counts awards that are posted once their holder has accepted."""

    awards: int = 0
    declines: int = 0
    sum_cents: int = 0
    awaiting_acceptance: int = 0


class CannotRelease(Refused):
    """Nothing was released. `refusals` lists every decision that stands in the way."""

    def __init__(self, text: str, refusals: Sequence[Refusal] = ()) -> None:
        self.refusals = list(refusals)
        super().__init__(text)


def pool_code(cycle: Cycle) -> str:
    """The pool that pays for a cycle: one for each program and calendar year of the evaluation."""
    return ledger.pool_code(cycle.program.slug, str(cycle.evaluation_on.year))


def check(*, cycle_id: int, by: User) -> list[Refusal]:
    """What stands in the way of releasing everything pending in a cycle, without changing anything."""
    return _refusals(_pending(cycle_id, None), Cycle.objects.select_related("program").get(pk=cycle_id), by)


def release(*, cycle_id: int, by: User, at: datetime, decision_ids: Iterable[int] | None = None) -> Released:
    """Release the pending decisions of a cycle, or the named ones among them. All of them or none.

    Checked again under lock: state, looks, gates, second person, country, amount. Awards reserve credit in the
    program's pool of the year; a told decline queues its letter, a quiet one queues nothing.
    Raises CannotRelease with every refusal; nothing to release is not an error. Releasing twice changes nothing.
    """
    with transaction.atomic():
        allow_long_statements()
        cycle = (
            Cycle.objects.select_for_update(of=("self",), no_key=True)
            .select_related("program")
            .get(pk=cycle_id)
        )
        if not memberships.holds(by, cycle.program, Role.MANAGER):
            raise CannotRelease("Only a manager of this program releases.")
        decisions = list(_lock(_pending(cycle_id, decision_ids)))
        refusals = _refusals(_pending(cycle_id, [decision.pk for decision in decisions]), cycle, by)
        if refusals:
            raise CannotRelease(
                f"{len(refusals)} of {len(decisions)} decisions cannot be released.", refusals
            )
        awards = [decision for decision in decisions if decision.kind == DecisionKind.AWARD]
        declines = [decision for decision in decisions if decision.kind == DecisionKind.DECLINE]
        waiting = _reserve(awards, cycle, by, at)
        _set_released(decisions, by, at)
        _queue_letters(awards, declines, cycle, at)
        _record(decisions, by, at)
        crash_here("release.before_commit")
    return Released(
        awards=len(awards),
        declines=len(declines),
        sum_cents=sum(decision.amount_cents or 0 for decision in awards),
        awaiting_acceptance=waiting,
    )


def _pending(cycle_id: int, decision_ids: Iterable[int] | None):  # type: ignore[no-untyped-def]
    pending = Decision.objects.filter(application__cycle_id=cycle_id, state=DecisionState.PENDING)
    if decision_ids is not None:
        # One array instead of a placeholder for each id: the checks ask for the same ten thousand ids again and again.
        pending = pending.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [list(decision_ids)]))
    return pending


def _lock(pending):  # type: ignore[no-untyped-def]
    """Applications first, then decisions, both in id order (docs/architecture.md, "Locks")."""
    list(
        Application.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=pending.values("application_id"))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    return (
        pending.select_for_update(of=("self",), no_key=True)
        .select_related("application")
        .defer("application__answers")
        .order_by("pk")
    )


def _refusals(pending, cycle: Cycle, by: User) -> list[Refusal]:  # type: ignore[no-untyped-def]
    found: dict[int, Refusal] = {}

    def refuse(queryset, reason: str) -> None:  # type: ignore[no-untyped-def]
        for pk, reference in queryset.values_list("pk", "application__reference"):
            found.setdefault(pk, Refusal(pk, reference, reason))

    awards = pending.filter(kind=DecisionKind.AWARD)
    refuse(pending.exclude(application__state=State.IN_REVIEW), "It is not in review any more.")
    refuse(pending.filter(application__applicant=by), "It is your own application.")
    refuse(pending.filter(application__conflicts__user=by), "You have a conflict of interest.")
    refuse(_close_to(pending, by), "You or a colleague of yours are a co-investigator.")
    for who in ("proposed_by", "approved_by"):
        refuse(
            pending.filter(application__collaborators__user=F(who)),
            "A co-investigator took part in the decision.",
        )
    looks = Count("application__reviews", filter=Q(application__reviews__state=ReviewState.IN), distinct=True)
    wanted = cycle.program.reviews_wanted
    refuse(
        awards.annotate(looks=looks).filter(looks__lt=wanted),
        f"An award needs {wanted} reviews; some are missing.",
    )
    refuse(
        pending.filter(kind=DecisionKind.DECLINE).annotate(looks=looks).filter(looks__lt=1),
        "Nobody has looked at it yet.",
    )
    refuse(
        awards.filter(approved_by__isnull=True, amount_cents__gt=F("four_eyes_above_cents")),
        f"Above {format_money(cycle.program.four_eyes_above_cents, cycle.program.currency)} a second person approves.",
    )
    if cycle.program.award_cap_cents:
        refuse(
            awards.filter(amount_cents__gt=cycle.program.award_cap_cents), "It is above the program's cap."
        )
    _refuse_ineligible(awards, cycle, refuse)
    _refuse_gates(awards, cycle, refuse)
    _refuse_organizations(awards, cycle, refuse)
    return sorted(found.values(), key=lambda refusal: refusal.reference)


def _close_to(pending, by: User):  # type: ignore[no-untyped-def]
    close = Collaborator.objects.close_to(by).filter(application=OuterRef("application"))
    return pending.filter(Exists(close))


def _refuse_ineligible(awards, cycle: Cycle, refuse) -> None:  # type: ignore[no-untyped-def]
    """The lists may have changed since the application was sent; they are asked again now."""
    for rule in cycle.program.rules.filter(outcome="block").order_by("position", "pk"):
        kind = eligibility.COLUMN_RULES.get(rule.kind)
        if kind not in eligibility.JUDGED_AGAIN:
            continue
        judge, column = kind(rule), f"application__{kind.column}"
        values = awards.order_by().values_list(column, flat=True).distinct()
        failing = [value for value in values if value and judge.fails(value)]
        refuse(awards.filter(**{f"{column}__in": failing}), rule.sentence)


def _refuse_gates(awards, cycle: Cycle, refuse) -> None:  # type: ignore[no-untyped-def]
    gates = list(cycle.program.criteria.filter(kind=CriterionKind.GATE))
    for gate in gates:
        passed = GateResult.objects.filter(criterion=gate, outcome=GateOutcome.PASSED).values(
            "application_id"
        )
        open_awards = awards.exclude(application_id__in=passed)
        if gate.show_if:
            open_awards = awards.filter(pk__in=_that_meet(gate, open_awards))
        refuse(open_awards, f"The gate “{gate.name}” is not passed.")


def _that_meet(gate: Criterion, awards) -> list[int]:  # type: ignore[no-untyped-def]
    question = gate.show_if["question"]
    rows = awards.values_list("pk", f"application__answers__{question}")
    return [
        pk for pk, answer in rows.iterator() if fields.visible({"show_if": gate.show_if}, {question: answer})
    ]


def _refuse_organizations(awards, cycle: Cycle, refuse) -> None:  # type: ignore[no-untyped-def]
    if cycle.program.organization_id_when != OrganizationIdWhen.APPLY:
        return
    with_id = awards.exclude(application__organization_id_text="")
    bad = []
    for pk, text in with_id.values_list("pk", "application__organization_id_text").iterator():
        try:
            organizations.clean_external_id(cycle.program.organization_id_format, text)
        except organizations.WrongOrganizationId:
            bad.append(pk)
    refuse(awards.filter(pk__in=bad), "The organization ID does not have the provider's form.")


def _reserve(awards: list[Decision], cycle: Cycle, by: User, at: datetime) -> int:
    """Reserve the credit and tie each grant to its decision; returns how many wait for their holder."""
    if not awards:
        return 0
    program = cycle.program
    known = _organizations(awards, cycle, at)
    reserving = [
        grants.AwardToReserve(
            reference=str(decision.application.reference),
            program=program.slug,
            provider=program.provider,
            holder_id=decision.application.applicant_id,
            organization_id=known.get(decision.application_id),
            amount_cents=decision.amount_cents or 0,  # the database holds that an award has an amount
            currency=program.currency,
            models=decision.granted_models,
            term_months=decision.months,
        )
        for decision in awards
    ]
    try:
        made = grants.reserve_many(awards=reserving, pool_code=pool_code(cycle), by=by, at=at)
    except (ledger.NotEnoughCredit, ledger.NoSuchAccount) as error:
        raise CannotRelease(str(error)) from error
    by_reference = {grant.reference: grant for grant in made}
    for decision in awards:
        decision.grant = by_reference[str(decision.application.reference)]
    return sum(decision.application_id not in known for decision in awards)


def _organizations(awards: list[Decision], cycle: Cycle, at: datetime) -> dict[int, int]:
    """Application id -> organization id, for the awards that are posted without waiting for their holder.

    Where a program has terms, they are accepted and the organization is confirmed first (applications.acceptance).
    """
    program = cycle.program
    if program.terms or program.organization_id_when != OrganizationIdWhen.APPLY:
        return {}
    texts = {
        decision.application_id: organizations.clean_external_id(
            program.organization_id_format, decision.application.organization_id_text
        )
        for decision in awards
        if decision.application.organization_id_text
    }
    registered = organizations.register_many(
        provider=program.provider, external_ids=set(texts.values()), at=at
    )
    return {application_id: registered[text] for application_id, text in texts.items()}


def _set_released(decisions: list[Decision], by: User, at: datetime) -> None:
    grant_of = [decision.grant_id for decision in decisions]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE applications_decision decision
               SET state = %s, released_by_id = %s, released_at = %s, grant_id = fresh.grant_id
              FROM unnest(%s::bigint[], %s::bigint[]) AS fresh (id, grant_id)
             WHERE decision.id = fresh.id
            """,
            [DecisionState.RELEASED, by.pk, at, [decision.pk for decision in decisions], grant_of],
        )
        for kind, state in ((DecisionKind.AWARD, State.AWARDED), (DecisionKind.DECLINE, State.DECLINED)):
            ids = [decision.application_id for decision in decisions if decision.kind == kind]
            cursor.execute("UPDATE applications_application SET state = %s WHERE id = ANY(%s)", [state, ids])


def _queue_letters(awards: list[Decision], declines: list[Decision], cycle: Cycle, at: datetime) -> None:
    letters = [_letter(MessageKind.AWARD, decision, cycle, at) for decision in awards]
    if cycle.program.decline_mode == DeclineMode.TOLD:
        letters += [_letter(MessageKind.TOLD_DECLINE, decision, cycle, at) for decision in declines]
    notices.queue_many(letters)


def _letter(kind: MessageKind, decision: Decision, cycle: Cycle, at: datetime) -> Notice:
    values: dict[str, object] = {}
    if decision.kind == DecisionKind.AWARD:
        values = {"amount_cents": decision.amount_cents, "currency": cycle.program.currency}
        if decision.months:
            values["months"] = decision.months
    return Notice(
        key=f"{kind}:{decision.application_id}:{decision.application.applicant_id}",
        kind=kind,
        program=cycle.program,
        application_id=decision.application_id,
        recipient_id=decision.application.applicant_id,
        values=values,
        next_attempt_at=at,
        created_at=at,
    )


def _record(decisions: list[Decision], by: User, at: datetime) -> None:
    audit.record_many(
        action="decision.release",
        subjects=Decision,
        details={
            decision.pk: {
                "application": decision.application_id,
                "kind": decision.kind,
                "amount_cents": decision.amount_cents,
            }
            for decision in decisions
        },
        by=by,
        at=at,
    )
