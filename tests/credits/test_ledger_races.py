"""Many processes on one ledger: no overspend, one ending, one effect, no deadlock. Real processes, real PostgreSQL."""

import random
import time
from collections import Counter
from functools import partial
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection, transaction

from credits import delivery, grants, ledger, queries
from credits.models import Block, Grant, LedgerAccount, Transfer
from credits.movements import AccountKind, Kind
from portal.database import with_retries
from portal.models import User
from tests.credits.races import together
from tests.factories.credits import (
    NOON,
    PERIOD,
    POOL,
    PROGRAM,
    account_of,
    award,
    funded_pool,
    person,
    reserved,
    sent,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def approve(by_id: int, numbers: range) -> Counter:
    by, outcome = User.objects.get(pk=by_id), Counter()
    for number in numbers:
        decided = award(holder=by, reference=f"RACE-{number}")
        try:
            with_retries(partial(grants.reserve, award=decided, pool_code=POOL, by=by, at=NOON))
            outcome["reserved"] += 1
        except ledger.NotEnoughCredit:
            outcome["refused"] += 1
    return outcome


def test_640_approvals_race_for_100_grants():
    funded_pool(100 * 1_000_00)
    by = person()

    results = together(*[partial(approve, by.pk, range(n * 40, n * 40 + 40)) for n in range(16)])

    assert sum(results, Counter()) == {"reserved": 100, "refused": 540}
    assert Grant.objects.count() == Transfer.objects.filter(kind=Kind.HOLD).count() == 100
    assert queries.pool_balance(POOL) == 0
    assert queries.ledger_problems() == []


def test_the_same_approvals_race_and_each_is_reserved_once():
    funded_pool(100 * 1_000_00)
    by = person()

    together(*[partial(approve, by.pk, range(20)) for _ in range(4)])

    assert Transfer.objects.filter(kind=Kind.HOLD).count() == 20
    assert queries.pool_balance(POOL) == 80 * 1_000_00


def end(kind: Kind, grant_ids: list[int]) -> list[str]:
    """Straight at the ledger, without the lock on the grant, so that the database alone decides."""
    outcome = []
    for grant in Grant.objects.filter(pk__in=grant_ids).order_by("pk"):
        destination = ledger.account(POOL) if kind == Kind.VOID else account_of(grant, AccountKind.GRANTED)
        try:
            with transaction.atomic():
                ledger.post(
                    kind=kind,
                    source=account_of(grant, AccountKind.IN_TRANSIT),
                    destination=destination,
                    amount_cents=grant.amount_cents,
                    key=f"{kind}:{grant.pk}",
                    resolves_id=ledger.transfer_id(grants.key_of(grant, "hold")),
                    by=None,
                    at=NOON,
                )
            outcome.append(str(kind))
        except (ledger.AlreadyEnded, ledger.NotEnoughCredit):
            outcome.append("late")
    return outcome


def test_a_hold_has_one_ending():
    funded_pool(100 * 1_000_00)
    ids = [reserved().pk for _ in range(40)]
    delivery.dispatch(at=NOON)
    ledger.open_grant_accounts(kind=AccountKind.GRANTED, grant_ids=ids)

    results = together(
        partial(end, Kind.POST, ids), partial(end, Kind.VOID, ids), partial(end, Kind.VOID, ids)
    )

    for grant_id in ids:
        endings = Transfer.objects.filter(resolves__key=grants.key_of(Grant.objects.get(pk=grant_id), "hold"))
        assert endings.count() == 1
    posted = results[0].count("post")
    assert queries.pool_balance(POOL) == (60 + 40 - posted) * 1_000_00
    assert LedgerAccount.objects.filter(kind=AccountKind.IN_TRANSIT, balance_cents__gt=0).count() == 0


def settle(how: str, delivery_ids: list[int]) -> Counter:
    outcome = Counter()
    for delivery_id in delivery_ids:
        try:
            if how == "confirm":
                with_retries(partial(delivery.confirm, delivery_id=delivery_id, at=NOON))
            else:
                with_retries(partial(delivery.refuse, delivery_id=delivery_id, reason="no", at=NOON))
            outcome[how] += 1
        except delivery.CannotSettle:
            outcome["late"] += 1
    return outcome


def test_a_delivery_is_confirmed_or_refused():
    funded_pool(100 * 1_000_00)
    ids = [sent().pk for _ in range(30)]
    delivery.hand_over(by=person(), at=NOON)

    confirmed, refused = together(partial(settle, "confirm", ids), partial(settle, "refuse", ids))

    assert confirmed["confirm"] + refused["refuse"] == 30
    assert queries.ledger_problems() == []


def replay(ids: tuple[int, int], times: int) -> set[int]:
    asker, approver = User.objects.get(pk=ids[0]), User.objects.get(pk=ids[1])
    source, pool = ledger.account(f"source:{PROGRAM}"), ledger.account(POOL)
    seen = set()
    for _ in range(times):
        with transaction.atomic():
            transfer = ledger.post(
                kind=Kind.FUND,
                source=source,
                destination=pool,
                amount_cents=7,
                key="told",
                by=asker,
                approved_by=approver,
                at=NOON,
            )
        seen.add(transfer.pk)
    return seen


def test_a_fact_told_a_thousand_times_has_one_effect():
    funded_pool(100)
    ids = (person().pk, person().pk)

    seen = together(*[partial(replay, ids, 250) for _ in range(4)])

    assert len(set.union(*seen)) == 1
    assert queries.pool_balance(POOL) == 107


def swap(seed: int, pairs: list[tuple[int, int]], rounds: int) -> int:
    """Freeze and thaw in an order of its own; a deadlock would come out as an error."""
    chance, deadlocks = random.Random(seed), 0
    for number in range(rounds):
        order = chance.sample(pairs, len(pairs))
        moves = [
            ledger.Movement(kind, source, destination, 1, f"{seed}:{number}:{kind}:{granted}")
            for granted, frozen in order
            for kind, source, destination in ((Kind.FREEZE, granted, frozen), (Kind.THAW, frozen, granted))
        ]
        try:
            with transaction.atomic():
                ledger.post_many(movements=moves, by=None, at=NOON)
        except OperationalError:
            deadlocks += 1
    return deadlocks


def test_statements_over_the_same_accounts_do_not_deadlock():
    funded_pool(100 * 1_000_00)
    ids = [sent().grant_id for _ in range(12)]
    delivery.hand_over(by=person(), at=NOON)
    settle("confirm", list(Grant.objects.filter(pk__in=ids).values_list("delivery", flat=True)))
    granted = dict(LedgerAccount.objects.filter(kind=AccountKind.GRANTED).values_list("grant_id", "id"))
    frozen = ledger.open_grant_accounts(kind=AccountKind.FROZEN, grant_ids=ids)
    pairs = [(granted[grant_id], frozen[grant_id]) for grant_id in ids]

    assert together(*[partial(swap, seed, pairs, 25) for seed in range(4)]) == [0, 0, 0, 0]

    assert Transfer.objects.filter(kind=Kind.THAW).count() == 4 * 25 * 12
    assert queries.ledger_problems() == []


def test_each_of_many_chains_is_used_when_one_is_held():
    """A poster that waits for its commit must not keep the others waiting at the end of a chain."""
    funded_pool()

    people = [(person(), person()) for _ in range(3)]

    def slowly(number: int) -> None:
        made_by, approved_by = people[number]
        with transaction.atomic():
            ledger.fund(
                program=f"program-{number}",
                period=PERIOD,
                amount_cents=1,
                made_by=made_by,
                approved_by=approved_by,
                key=f"slow:{number}",
                at=NOON,
            )
            time.sleep(0.5)

    together(*[partial(slowly, number) for number in range(3)])

    used = Block.objects.filter(
        first_transfer__in=Transfer.objects.filter(key__startswith="slow:").values("pk")
    )
    assert used.values("chain").distinct().count() == 3
    assert queries.ledger_problems() == []


def test_posting_is_stopped_although_somebody_posts_for_longer_than_a_page_would_wait():
    funded_pool()
    posted = Event()

    def post_slowly():
        with transaction.atomic():
            reserved()
            posted.set()
            time.sleep(0.6)
        connection.close()

    slow = Thread(target=post_slowly)
    slow.start()
    assert posted.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        ledger.stop_posting()
    finally:
        slow.join()
        connection.close()  # and with it the short time

    with pytest.raises(ledger.PostingStopped), transaction.atomic():
        reserved()
    assert Grant.objects.count() == 1
