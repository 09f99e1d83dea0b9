"""Random histories against a plain dictionary: after every step the ledger holds exactly what the dictionary holds."""

from collections import Counter

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from credits import delivery, grants, ledger, queries
from credits.models import Delivery, Grant, LedgerAccount, Stage, Transfer
from credits.movements import AccountKind, Kind
from tests.factories.credits import NOON, PERIOD, PROGRAM, account_of, award, organization, person

POOLS = (PERIOD, "2027")
amounts = st.integers(min_value=1, max_value=500)
picks = st.integers(min_value=0, max_value=1_000)


class Ledger(RuleBasedStateMachine):
    """Holds: reference -> (pool, amount, stage, bound). Balances: account code -> cents."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic._from_testcase = True  # so that operations which own their transaction may run inside
        self.atomic.__enter__()
        self.one, self.two, self.where = person(), person(), organization()
        self.balances, self.grants, self.fundings, self.awards = Counter(), {}, [], {}
        for period in POOLS:
            self.fund(period, 1_000)

    def teardown(self):
        assert queries.ledger_problems() == []
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def move(self, source, destination, cents):
        self.balances[source] -= cents
        self.balances[destination] += cents

    def attempt(self, allowed, errors, work):
        """Run work; it must succeed exactly when the model allows it."""
        refusal = None
        try:
            with transaction.atomic():
                work()
        except errors as error:
            refusal = error
        assert (refusal is None) == allowed, (
            f"allowed by the model: {allowed}; by the ledger: {refusal or 'yes'}"
        )

    def pick(self, number, *stages):
        found = sorted(r for r, g in self.grants.items() if g["stage"] in stages)
        return found[number % len(found)] if found else None

    def grant(self, reference):
        return Grant.objects.get(reference=reference)

    @rule(period=st.sampled_from(POOLS), cents=amounts)
    def fund(self, period, cents):
        key = f"fund:{len(self.fundings)}"
        transfer = ledger.fund(
            program=PROGRAM,
            period=period,
            amount_cents=cents,
            made_by=self.one,
            approved_by=self.two,
            key=key,
            at=NOON,
        )
        self.fundings.append(
            {"id": transfer.pk, "pool": ledger.pool_code(PROGRAM, period), "cents": cents, "open": True}
        )
        self.move(f"source:{PROGRAM}", ledger.pool_code(PROGRAM, period), cents)

    @rule(number=picks)
    def take_funding_back(self, number):
        funding = self.fundings[number % len(self.fundings)]
        enough = self.balances[funding["pool"]] >= funding["cents"]

        def work():
            ledger.reverse(transfer_id=funding["id"], made_by=self.one, approved_by=self.two, at=NOON)

        refusals = (ledger.NotEnoughCredit, ledger.AlreadyReversed)
        self.attempt(funding["open"] and enough, refusals, work)
        if funding["open"] and enough:
            funding["open"] = False
            self.move(funding["pool"], f"source:{PROGRAM}", funding["cents"])

    @rule(period=st.sampled_from(POOLS), sizes=st.lists(amounts, min_size=1, max_size=5), bound=st.booleans())
    def reserve(self, period, sizes, bound):
        pool = ledger.pool_code(PROGRAM, period)
        where = self.where.pk if bound else None
        awards = [award(holder=self.one, amount_cents=cents, organization_id=where) for cents in sizes]
        enough = self.balances[pool] >= sum(sizes)

        def work():
            grants.reserve_many(awards=awards, pool_code=pool, by=self.one, at=NOON)

        self.attempt(enough, ledger.NotEnoughCredit, work)
        for made in awards if enough else []:
            grant = self.grant(made.reference)
            self.awards[made.reference] = (made, pool)
            self.grants[made.reference] = {
                "id": grant.pk,
                "pool": pool,
                "cents": made.amount_cents,
                "bound": bound,
            }
            self.grants[made.reference]["stage"] = Stage.RESERVED
            self.move(pool, f"reserved:{grant.pk}", made.amount_cents)

    @precondition(lambda self: self.awards)
    @rule(number=picks)
    def reserve_again(self, number):
        made, pool = self.awards[sorted(self.awards)[number % len(self.awards)]]
        grants.reserve(award=made, pool_code=pool, by=self.two, at=NOON)

    @rule(number=picks)
    def cancel(self, number):
        if reference := self.pick(number, *Stage):
            facts = self.grants[reference]

            def work():
                grants.cancel(grant_id=facts["id"], by=self.one, at=NOON)

            allowed = facts["stage"] in (Stage.RESERVED, Stage.VOID)
            self.attempt(allowed, grants.CannotChangeGrant, work)
            if facts["stage"] == Stage.RESERVED:
                facts["stage"] = Stage.VOID
                self.move(f"reserved:{facts['id']}", facts["pool"], facts["cents"])

    @rule()
    def dispatch(self):
        ready = [g for g in self.grants.values() if g["stage"] == Stage.RESERVED and g["bound"]]
        assert delivery.dispatch(at=NOON) == len(ready)
        delivery.hand_over(by=self.one, at=NOON)
        for facts in ready:
            facts["stage"] = Stage.SENT
            self.move(f"reserved:{facts['id']}", f"in_transit:{facts['id']}", facts["cents"])

    @rule(number=picks, confirmed=st.booleans())
    def settle(self, number, confirmed):
        if reference := self.pick(number, Stage.SENT, Stage.CONFIRMED, Stage.FAILED):
            facts = self.grants[reference]
            row = Delivery.objects.get(grant=facts["id"])
            wanted = Stage.CONFIRMED if confirmed else Stage.FAILED

            def work():
                if confirmed:
                    delivery.confirm(delivery_id=row.pk, at=NOON)
                else:
                    delivery.refuse(delivery_id=row.pk, reason="no", at=NOON)

            self.attempt(facts["stage"] in (Stage.SENT, wanted), delivery.CannotSettle, work)
            if facts["stage"] == Stage.SENT:
                facts["stage"] = wanted
                to = f"granted:{facts['id']}" if confirmed else facts["pool"]
                self.move(f"in_transit:{facts['id']}", to, facts["cents"])

    @rule(number=picks, cents=amounts, kind=st.sampled_from([Kind.USE, Kind.EXPIRE]))
    def spend(self, number, cents, kind):
        if reference := self.pick(number, Stage.CONFIRMED):
            facts = self.grants[reference]
            target = AccountKind.CONSUMED if kind == Kind.USE else AccountKind.EXPIRED
            source = account_of(self.grant(reference), AccountKind.GRANTED)
            destination = ledger.open_account(code=f"{target}:{PROGRAM}", kind=target, program=PROGRAM)
            key = f"spend:{Transfer.objects.count()}"

            def work():
                ledger.post(
                    kind=kind, source=source, destination=destination, amount_cents=cents, key=key, by=None, at=NOON
                )  # fmt: skip

            enough = self.balances[source.code] >= cents
            self.attempt(enough, ledger.NotEnoughCredit, work)
            if enough:
                self.move(source.code, destination.code, cents)
                assert facts["stage"] == Stage.CONFIRMED

    @invariant()
    def the_ledger_holds_what_the_model_holds(self):
        held = dict(LedgerAccount.objects.exclude(balance_cents=0).values_list("code", "balance_cents"))
        assert held == {code: cents for code, cents in self.balances.items() if cents}
        stages = dict(Grant.objects.values_list("reference", "stage"))
        assert stages == {reference: facts["stage"] for reference, facts in self.grants.items()}


@pytest.mark.django_db
def test_random_histories():
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
