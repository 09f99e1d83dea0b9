"""Tell the provider about grants, each exactly once.

Three phases, so that no transaction is open during a call: dispatch() moves the credit to in_transit and writes the
Delivery row; a worker claims the row and calls; the answer is settled by a post or a void. When the outcome is unknown
the worker asks first and then repeats with the same key. Nothing is returned to the pool without a clear refusal.
"""

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import QuerySet

from credits import cases, delivery_cases, enforcement, grants, ledger, providers
from credits.models import Delivery, DeliveryState, Grant, Organization, Stage
from credits.models.grant import MAY_BECOME, SETTLED, UNSETTLED
from credits.movements import AccountKind, Kind
from credits.providers import manual
from credits.providers.base import Answer, Order, Outcome, Provider
from portal import audit
from portal.crash_points import crash_here
from portal.database import with_retries
from portal.models import User
from portal.refusals import Refused

logger = logging.getLogger(__name__)

DISPATCH_AT_ONCE = 500
CLAIM_AT_ONCE = 5  # small, so that several workers share the work evenly
LEASE = timedelta(minutes=5)  # longer than any call; after it another worker takes over
FIRST_WAIT_SECONDS = 15
LONGEST_WAIT_SECONDS = 3600
LONGEST_RUN_SECONDS = 150  # well below the time limit of the task, so that no run ends by being killed
LONGEST_SILENCE_SECONDS = 20  # spent on calls without an outcome; other work needs the worker more
ALERT_AFTER = timedelta(hours=24)


class CannotSettle(Refused):
    """The delivery has the other ending already, or has not been sent."""


@dataclass
class Report:
    """What one run of send_due did. sent: orders taken up; failed: our own errors, logged and tried again."""

    sent: int = 0
    confirmed: int = 0
    refused: int = 0
    unknown: int = 0
    failed: int = 0


@dataclass
class Imported:
    """What a file of confirmations did. problems: (line, what is wrong with it)."""

    confirmed: int = 0
    refused: int = 0
    repeated: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def order_of(grant: Grant, organization: Organization, key: str) -> Order:
    """The order that tells the provider about a grant."""
    return Order(
        key=key,
        reference=grant.reference,
        program=grant.program,
        organization=organization.external_id,
        amount_cents=grant.amount_cents,
        currency=grant.currency,
        models=tuple(grant.models),
        term_months=grant.term_months,
        expires_on=grants.dates_of(grant, confirmed_at=grant.sent_at or grant.created_at)[1],
        latest_end_on=grant.latest_end_on,
    )


def dispatch(*, at: datetime, limit: int = 5_000) -> int:
    """Put reserved grants that have an organization on their way: credit to in_transit, and a Delivery row for each.

    A second half that still waits (Grant.waits_for) is left alone. Set-based, in transactions of up to 500 grants; several workers share them. Returns how many went on their way.
    When a batch is refused its grants go one by one, so that one of them cannot hold up the others; each refused one
    becomes a case and waits until a person has settled it. Organizations on hold get nothing.
    Raises ledger.PostingStopped. Source: docs/ledger.md, "Movements": send.
    """
    moved = 0
    while moved < limit:
        asked = min(DISPATCH_AT_ONCE, limit - moved)
        try:
            found = with_retries(partial(_dispatch_batch, at, asked))
        except (ledger.NotAllowed, ledger.NotEnoughCredit):
            logger.exception("dispatch: a batch was refused; its grants go one by one")
            return moved + _dispatch_singly(at, limit - moved)
        crash_here("dispatch.after_commit")
        moved += found
        if found < asked:
            break
    return moved


def send_due(*, limit: int, at: datetime, provider: Provider | None = None) -> Report:
    """Call the provider for up to `limit` deliveries that are due, and settle each by its answer.

    Safe with any number of workers and after a kill at any point. An unclear answer waits, longer each time, and is put
    before a person after 24 hours. A provider that does not answer ends the run early; the next one goes on.
    provider: the configured one unless given; with the manual one nothing happens.
    """
    provider = provider or providers.get()
    report = Report()
    if not provider.automatic:
        return report
    _alert(at)  # before any call: a run against a provider that hangs may not reach its end
    started, silent = time.monotonic(), 0.0
    while report.sent < limit:
        # `at` may be a rehearsed moment, so only the time that passed since then comes from a clock.
        passed = time.monotonic() - started
        if passed > LONGEST_RUN_SECONDS or silent > LONGEST_SILENCE_SECONDS:
            logger.warning("send_due: stopped after %d calls in %d seconds", report.sent, passed)
            break
        moment = at + timedelta(seconds=passed)
        claimed = _claim(min(CLAIM_AT_ONCE, limit - report.sent), moment)
        if not claimed:
            break
        crash_here("deliver.after_claim")
        for delivery, is_first in claimed:
            report.sent += 1
            settled, began = report.confirmed + report.refused, time.monotonic()
            try:
                _deliver(provider, delivery, is_first, moment, report)
            except Exception:
                logger.exception("delivery %s failed here; it will be tried again", delivery.pk)
                report.failed += 1
                _postpone(delivery, "an error on our side; see the log", moment)
            if report.confirmed + report.refused == settled:
                silent += time.monotonic() - began
    return report


@transaction.atomic
def confirm(*, delivery_id: int, at: datetime, by: User | None = None) -> Grant:
    """Record that the provider has given the credit: post it, and start the term on this day in UTC.

    by: the person who brought the confirmation; None when the provider answered. Confirming again changes nothing.
    Raises CannotSettle when the delivery was refused or never sent, and the ledger's own refusals.
    """
    grant, delivery = _lock(delivery_id)
    if delivery.state == DeliveryState.CONFIRMED:
        return grant
    _check_settle(grant, delivery, Stage.CONFIRMED)
    ledger.post(
        kind=Kind.POST,
        source=ledger.account(ledger.code_of(AccountKind.IN_TRANSIT, grant.pk)),
        destination=ledger.open_account(
            code=ledger.code_of(AccountKind.GRANTED, grant.pk),
            kind=AccountKind.GRANTED,
            program=grant.program,
            grant_id=grant.pk,
            currency=grant.currency,
        ),
        amount_cents=grant.amount_cents,
        key=grants.key_of(grant, "post"),
        resolves_id=ledger.transfer_id(grants.key_of(grant, "hold")),
        by=by,
        at=at,
    )
    grant.stage, grant.confirmed_at = Stage.CONFIRMED, at
    grant.starts_on, grant.expires_on = grants.dates_of(grant, confirmed_at=at)
    grant.save(update_fields=["stage", "confirmed_at", "starts_on", "expires_on"])
    _settle(delivery, DeliveryState.CONFIRMED, "", at)
    enforcement.settle_grant(grant_id=grant.pk, organization_id=grant.organization_id, at=at)
    if by is not None:
        audit.record(action="delivery.confirm", subject=grant, by=by, at=at, amount_cents=grant.amount_cents)
    crash_here("confirm.before_commit")
    return grant


@transaction.atomic
def refuse(*, delivery_id: int, reason: str, at: datetime, by: User | None = None) -> Grant:
    """Record that the provider refused for good: the credit goes back to its pool and the grant fails with the reason.

    Only for a clear refusal; an unknown outcome is never refused. Refusing again changes nothing.
    Raises CannotSettle when the delivery was confirmed or never sent.
    """
    grant, delivery = _lock(delivery_id)
    if delivery.state == DeliveryState.REFUSED:
        return grant
    _check_settle(grant, delivery, Stage.FAILED)
    grants.return_to_pool(grant=grant, kind=AccountKind.IN_TRANSIT, by=by, at=at)
    grant.stage, grant.ended_at, grant.failure = Stage.FAILED, at, reason[:300]
    grant.save(update_fields=["stage", "ended_at", "failure"])
    _settle(delivery, DeliveryState.REFUSED, reason, at)
    if by is not None:
        audit.record(action="delivery.refuse", subject=grant, by=by, at=at, amount_cents=grant.amount_cents)
    return grant


@transaction.atomic
def hand_over(*, by: User, at: datetime, again: bool = False) -> list[Order]:
    """The orders for a person to carry to the provider; they count as sent from now on.

    again: also those handed over before and not settled, for a file that was lost. Orders come oldest first.
    """
    states = UNSETTLED if again else (DeliveryState.PENDING,)
    deliveries = list(
        Delivery.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        .filter(~enforcement.held("grant__organization"), state__in=states)
        .select_related("grant__organization")
        .order_by("id")
    )
    pending = [delivery for delivery in deliveries if delivery.state == DeliveryState.PENDING]
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in pending]).update(
        state=DeliveryState.SENT, sent_at=at
    )
    if deliveries:
        audit.record(
            action="delivery.hand_over",
            subject=deliveries[0],
            by=by,
            at=at,
            orders=len(deliveries),
            amount_cents=sum(delivery.grant.amount_cents for delivery in deliveries),
        )
    return [_order(delivery) for delivery in deliveries]


@transaction.atomic
def try_now(*, grant_id: int, by: User, at: datetime) -> Delivery:
    """Let a delivery that waits for its next try go with the next sweep; a call under way keeps its lease.

    Raises CannotSettle when the grant has no delivery or it has its ending.
    """
    delivery = Delivery.objects.select_for_update(of=("self",), no_key=True).filter(grant_id=grant_id).first()
    if delivery is None or delivery.state in SETTLED:
        raise CannotSettle("There is nothing to try again: the provider has answered, or was never asked.")
    if delivery.state == DeliveryState.UNKNOWN and delivery.next_attempt_at > at:
        delivery.next_attempt_at = at
        delivery.save(update_fields=["next_attempt_at"])
    audit.record(action="delivery.try_now", subject=delivery, by=by, at=at, grant=grant_id)
    return delivery


def take_confirmations(*, confirmations: Sequence[manual.Confirmation], by: User, at: datetime) -> Imported:
    """Settle deliveries by a file that a person brought back. Each line is its own transaction; a repeat is counted.

    A line with an unknown key, an amount that differs, or the other ending already becomes a problem and changes
    nothing. Raises nothing for a bad line. While posting is stopped the rest of the file waits to be brought again.
    """
    result = Imported()
    stopped: list[tuple[int, str]] = []
    for row in confirmations:
        if row.problem:
            result.problems.append((row.line, row.problem))
            continue
        try:
            done = with_retries(partial(_take, row, by, at))
        except ledger.PostingStopped as error:
            stopped = [(row.line, f"{error} From this line on, bring the file again afterwards.")]
            break
        except Refused as error:
            result.problems.append((row.line, str(error)))
        else:
            setattr(result, done, getattr(result, done) + 1)
    _open_cases(confirmations, result, at)
    result.problems += stopped
    return result


def _open_cases(confirmations: Sequence[manual.Confirmation], result: Imported, at: datetime) -> None:
    """What a file said and could not be done stays visible to those who were not at the screen."""
    rows = {row.line: row for row in confirmations}
    found = [(rows[line], problem) for line, problem in result.problems]
    grants_by_key = dict(
        Delivery.objects.filter(key__in=[row.key for row, _ in found]).values_list("key", "grant_id")
    )
    cases.open_many(
        told=[
            cases.Told(
                "confirmation",
                f"confirmation:{row.key}:{row.status}:{row.amount_cents}:{problem}",
                f"Line {row.line} of a file of confirmations ({row.key[:80] or 'no key'}): {problem}",
                grants_by_key.get(row.key),
            )
            for row, problem in found
        ],
        at=at,
    )


def _take(row: manual.Confirmation, by: User, at: datetime) -> str:
    """Settle by one line; returns which count of Imported it adds to."""
    delivery = Delivery.objects.select_related("grant").filter(key=row.key).first()
    if delivery is None:
        raise CannotSettle(f"No delivery has the key {row.key[:80]}.")
    if row.amount_cents not in (None, delivery.grant.amount_cents):
        raise CannotSettle("The amount differs from the amount of the grant.")
    if row.status == "confirmed":
        confirm(delivery_id=delivery.pk, at=at, by=by)
        return "repeated" if delivery.state == DeliveryState.CONFIRMED else "confirmed"
    refuse(delivery_id=delivery.pk, reason=row.reason, at=at, by=by)
    return "repeated" if delivery.state == DeliveryState.REFUSED else "refused"


def _dispatch_batch(at: datetime, limit: int, only: int | None = None) -> int:
    waiting = ready_to_send() if only is None else ready_to_send().filter(pk=only)
    found = list(
        waiting.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("id")[:limit]
    )
    found = [grant for grant in found if not _is_over(grant, at)]
    if not found:
        return 0
    ids = [grant.pk for grant in found]
    reserved = ledger.open_grant_accounts(kind=AccountKind.RESERVED, grant_ids=ids)
    in_transit = ledger.open_grant_accounts(kind=AccountKind.IN_TRANSIT, grant_ids=ids)
    ledger.post_many(
        movements=[
            ledger.Movement(
                kind=Kind.SEND,
                source_id=reserved[grant.pk],
                destination_id=in_transit[grant.pk],
                amount_cents=grant.amount_cents,
                currency=grant.currency,
                key=grants.key_of(grant, "send"),
            )
            for grant in found
        ],
        by=None,
        at=at,
    )
    Delivery.objects.bulk_create(
        [
            Delivery(grant=grant, key=f"grant:{grant.uuid}", created_at=at, next_attempt_at=at)
            for grant in found
        ]
    )
    Grant.objects.filter(pk__in=ids).update(stage=Stage.SENT, sent_at=at)
    crash_here("dispatch.before_commit")
    return len(found)


def _is_over(grant: Grant, at: datetime) -> bool:
    """Whether its last day came while it waited, as for a summary. It would expire as soon as the provider has it."""
    _, last = grants.dates_of(grant, confirmed_at=at)
    if last is None or last > at.astimezone(UTC).date():
        return False
    delivery_cases.refused_to_send(grant, f"{grant} would end on {last:%Y-%m-%d}, which is not ahead.", at=at)
    return True


def _dispatch_singly(at: datetime, limit: int) -> int:
    """After a refused batch: each grant in a transaction of its own; the refused ones stay reserved, with a case."""
    moved = 0
    for grant in ready_to_send().order_by("id")[:limit]:
        try:
            moved += with_retries(partial(_dispatch_batch, at, 1, only=grant.pk))
        except (ledger.NotAllowed, ledger.NotEnoughCredit) as error:
            delivery_cases.refused_to_send(grant, str(error), at=at)
    return moved


def ready_to_send() -> QuerySet[Grant]:
    """Reserved grants that nothing keeps back: organization named, not on hold, no open case about sending."""
    ready = Grant.objects.filter(stage=Stage.RESERVED, organization__isnull=False, waits_for="")
    return ready.filter(~enforcement.held(), ~delivery_cases.open_about_sending())


def _claim(limit: int, at: datetime) -> list[tuple[Delivery, bool]]:
    """Take due deliveries for the time of a lease; each comes with whether this is its first call.

    The state is committed before the call: after a crash the next worker knows that a call may have gone out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (  -- read once: a join may scan a plain subquery again and lock more than the limit
                SELECT id, state FROM credits_delivery
                WHERE state IN ('pending', 'sent', 'unknown') AND next_attempt_at <= %(at)s
                    AND (state <> 'pending' OR NOT EXISTS (
                        SELECT FROM credits_grant g JOIN credits_enforcement e ON e.organization_id = g.organization_id
                        WHERE g.id = grant_id AND e.lifted_at IS NULL AND e.kind IN ('hold', 'suspend')))
                ORDER BY next_attempt_at, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE credits_delivery d
            SET state = CASE WHEN d.state = 'pending' THEN 'sent' ELSE d.state END,
                attempts = d.attempts + 1, sent_at = coalesce(d.sent_at, %(at)s), next_attempt_at = %(lease)s
            FROM due
            WHERE d.id = due.id RETURNING d.id, due.state = 'pending'
            """,
            {"at": at, "lease": at + LEASE, "limit": limit},
        )
        is_first = dict(cursor.fetchall())
    deliveries = Delivery.objects.select_related("grant__organization").filter(pk__in=is_first).order_by("id")
    return [(delivery, is_first[delivery.pk]) for delivery in deliveries]


def _deliver(provider: Provider, delivery: Delivery, is_first: bool, at: datetime, report: Report) -> None:
    """One delivery: ask if it may have happened before, give if it did not, and settle by the answer."""
    may_give = is_first or not enforcement.is_held(delivery.grant.organization_id)
    answer = _call(provider, _order(delivery), is_first, may_give)
    crash_here("deliver.after_call")
    if answer.outcome == Outcome.GRANTED:
        with_retries(partial(confirm, delivery_id=delivery.pk, at=at))
        report.confirmed += 1
    elif answer.outcome == Outcome.REFUSED:
        with_retries(partial(refuse, delivery_id=delivery.pk, reason=answer.detail, at=at))
        report.refused += 1
    else:
        _postpone(delivery, answer.detail, at, needs_person=answer.outcome == Outcome.CONFLICT)
        report.unknown += 1
    crash_here("deliver.after_commit")


def _call(provider: Provider, order: Order, is_first: bool, may_give: bool) -> Answer:
    """may_give: no while the organization is on hold; then an earlier call is only asked about."""
    if not is_first:
        found = provider.lookup(order)
        if found.outcome != Outcome.ABSENT:
            return found
    if not may_give:
        return Answer(Outcome.UNKNOWN, "The organization is on hold; it is sent when the hold is lifted.")
    crash_here("deliver.before_call")
    return provider.grant(order)


def _order(delivery: Delivery) -> Order:
    organization = delivery.grant.organization
    assert organization is not None  # the database refuses a sent grant without one
    return order_of(delivery.grant, organization, delivery.key)


def _postpone(delivery: Delivery, error: str, at: datetime, *, needs_person: bool = False) -> None:
    """Wait before the next try: twice as long each time up to an hour, and never exactly the same."""
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(delivery.attempts - 1, 12), LONGEST_WAIT_SECONDS)
    wait_seconds = LONGEST_WAIT_SECONDS if needs_person else wait * random.uniform(0.5, 1.0)
    Delivery.objects.filter(pk=delivery.pk, state__in=UNSETTLED).update(
        state=DeliveryState.UNKNOWN,
        next_attempt_at=at + timedelta(seconds=wait_seconds),
        last_error=error[:300],
    )
    if needs_person:
        Delivery.objects.filter(pk=delivery.pk, alerted_at__isnull=True).update(alerted_at=at)
        delivery_cases.other_content(delivery, error, at=at)


@transaction.atomic
def _alert(at: datetime) -> None:
    """Put deliveries without an outcome for 24 hours before a person, once."""
    late = list(
        Delivery.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        .filter(state__in=UNSETTLED, alerted_at__isnull=True, created_at__lte=at - ALERT_AFTER)
        .select_related("grant")
        .order_by("pk")
    )
    if late:
        delivery_cases.without_outcome(late, at=at)
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in late]).update(alerted_at=at)


def _lock(delivery_id: int) -> tuple[Grant, Delivery]:
    """The grant first, then its delivery (docs/architecture.md, "Locks")."""
    grant = Grant.objects.select_for_update(of=("self",), no_key=True).get(delivery=delivery_id)
    delivery = Delivery.objects.select_for_update(of=("self",), no_key=True).get(pk=delivery_id)
    return grant, delivery


def _check_settle(grant: Grant, delivery: Delivery, stage: Stage) -> None:
    if delivery.state in SETTLED:
        raise CannotSettle(f"{grant} is {delivery.get_state_display().lower()} already.")
    if delivery.state == DeliveryState.PENDING or stage not in MAY_BECOME[grant.stage]:
        raise CannotSettle(f"{grant} has not been sent yet.")


def _settle(delivery: Delivery, state: DeliveryState, error: str, at: datetime) -> None:
    delivery.state, delivery.settled_at, delivery.last_error = state, at, error[:300]
    delivery.save(update_fields=["state", "settled_at", "last_error"])
