"""Random histories against a plain dictionary: after every step the ledger holds exactly what the dictionary holds.

The dictionary knows the rules of docs/ledger.md in words of its own: what a movement needs, which lot a day of usage
takes first, when a lot ends, what a hold freezes. Nothing in it is read back from the database.
"""

from collections import Counter
from copy import deepcopy
from datetime import timedelta

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

from credits import delivery, enforcement, expiry, grants, ledger, organization_changes, queries, usage
from credits.models import Delivery, EnforcementKind, Grant, LedgerAccount, Stage
from tests.factories.credits import NOON, PERIOD, PROGRAM, award, organization, person
from tests.sizes import sized

POOLS = (PERIOD, "2027")
amounts = st.integers(min_value=1, max_value=500)
picks = st.integers(min_value=0, max_value=1_000)


LATE_DAYS = 3


class Ledger(RuleBasedStateMachine):
    """Grants: reference -> facts. Balances: account code -> cents. Days: (place, day) -> cents told. Held: places."""

    begun = None
    """What every history starts with, as attributes; None builds it."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic._from_testcase = True  # so that operations which own their transaction may run inside
        self.atomic.__enter__()
        if self.begun is not None:
            vars(self).update(deepcopy(self.begun))
            return
        self.one, self.two, self.holder = person(), person(), person()
        self.places = [organization(), organization()]
        self.now = NOON
        self.balances, self.grants, self.fundings, self.awards = Counter(), {}, [], {}
        self.days, self.held = {}, {}
        for period in POOLS:
            self.fund(period, 3_000)
        for place in (0, 1):
            for months in (2, 1, None, 1):
                self.reserve(PERIOD, [300], place, months)
        self.reserve(PERIOD, [100, 100], None, 1)
        self.dispatch()
        for number in range(len(self.grants)):
            self.settle(number, number % 5 != 4)

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

    @precondition(lambda self: any(funding["open"] for funding in self.fundings))
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

    @rule(
        period=st.sampled_from(POOLS),
        sizes=st.lists(amounts, min_size=1, max_size=5),
        place=st.sampled_from([None, 0, 1]),
        months=st.sampled_from([None, 1, 2]),
    )
    def reserve(self, period, sizes, place, months):
        pool = ledger.pool_code(PROGRAM, period)
        where = None if place is None else self.places[place].pk
        awards = [
            award(holder=self.holder, amount_cents=cents, organization_id=where, term_months=months)
            for cents in sizes
        ]
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
                "place": place,
                "months": months,
                "stage": Stage.RESERVED,
            }
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
        ready = [
            g
            for g in self.grants.values()
            if g["stage"] == Stage.RESERVED and g["place"] is not None and g["place"] not in self.held
        ]
        assert delivery.dispatch(at=self.now) == len(ready)
        delivery.hand_over(by=self.one, at=self.now)
        for facts in ready:
            facts["stage"], facts["since"] = Stage.SENT, self.now.date()
            self.move(f"reserved:{facts['id']}", f"in_transit:{facts['id']}", facts["cents"])

    @rule(number=picks, confirmed=st.booleans())
    def settle(self, number, confirmed):
        if reference := self.pick(number, Stage.SENT, Stage.CONFIRMED, Stage.FAILED):
            facts = self.grants[reference]
            row = Delivery.objects.get(grant__reference=facts.get("moved_from", reference))
            wanted = Stage.CONFIRMED if confirmed else Stage.FAILED

            def work():
                if confirmed:
                    delivery.confirm(delivery_id=row.pk, at=self.now)
                else:
                    delivery.refuse(delivery_id=row.pk, reason="no", at=self.now)

            # What moved here was delivered where it came from, and settled there.
            self.attempt(facts["stage"] in (Stage.SENT, wanted), delivery.CannotSettle, work)
            if facts["stage"] == Stage.SENT:
                facts["stage"] = wanted
                to = f"granted:{facts['id']}" if confirmed else facts["pool"]
                self.move(f"in_transit:{facts['id']}", to, facts["cents"])
                facts["last"] = last_day(self.now.date(), facts["months"])
                if confirmed and facts["place"] in self.held:
                    self.move(f"granted:{facts['id']}", f"frozen:{facts['id']}", facts["cents"])

    # One month is 31 days here, and its credit is closed after three more: mostly to the days around that.
    @rule(days=st.sampled_from([1, 4, 31, 34, 35]) | st.integers(min_value=1, max_value=40))
    def time_passes(self, days):
        self.now += timedelta(days=days)

    def lots(self, place, day):
        """What a day of usage may take, in the order in which it takes: the earliest end first, then the oldest."""
        found = [
            facts
            for facts in self.grants.values()
            if facts["stage"] == Stage.CONFIRMED and facts["place"] == place and facts["since"] <= day
        ]
        found = [facts for facts in found if facts["last"] is None or day <= facts["last"]]
        return sorted(found, key=lambda facts: (facts["last"] is None, facts["last"], facts["id"]))

    def is_over(self, facts):
        """Whether the last day of a lot and the days for late usage are behind us."""
        return facts["last"] is not None and self.now.date() > facts["last"] + timedelta(days=LATE_DAYS)

    @rule(place=st.integers(0, 1), ago=st.integers(min_value=0, max_value=8), cents=amounts)
    def use(self, place, ago, cents):
        day = self.now.date() - timedelta(days=ago)
        alive = self.lots(place, day)
        usable = [facts for facts in alive if not self.is_over(facts)]
        told, posted = self.days.get((place, day), (0, 0))

        def work():
            usage.record(
                organization_id=self.places[place].pk,
                day=day,
                amount_cents=cents,
                currency="USD",
                source="event",
                key="told",
                by=self.one,
                at=self.now,
            )

        allowed = cents == told or (cents > told and bool(usable))
        self.attempt(allowed, usage.UsageRefused, work)
        if allowed and cents > told:
            left = cents - posted
            for facts in usable:
                part = min(left, self.balances[f"granted:{facts['id']}"])
                self.move(f"granted:{facts['id']}", f"consumed:{PROGRAM}", part)
                left -= part
            self.days[place, day] = (cents, cents - left)

    @rule()
    def expire(self):
        ended = 0
        for facts in self.grants.values():
            code = f"granted:{facts['id']}"
            if facts["stage"] == Stage.CONFIRMED and self.is_over(facts) and self.balances[code]:
                self.move(code, f"expired:{PROGRAM}", self.balances[code])
                ended += 1
        assert expiry.expire(at=self.now).lots == ended

    @rule(place=st.integers(0, 1))
    def hold(self, place):
        made = enforcement.impose(
            organization_id=self.places[place].pk,
            kind=EnforcementKind.HOLD,
            reason="Misuse.",
            by=self.one,
            at=self.now,
        )
        if place not in self.held:
            self.held[place] = made.pk
            self.shift(place, "granted", "frozen")

    @precondition(lambda self: self.held)
    @rule(number=picks)
    def lift(self, number):
        place = sorted(self.held)[number % len(self.held)]
        enforcement.lift(enforcement_id=self.held.pop(place), reason="Cleared.", by=self.one, at=self.now)
        self.shift(place, "frozen", "granted")

    def shift(self, place, source, destination):
        for facts in self.grants.values():
            if facts["place"] == place and facts["stage"] == Stage.CONFIRMED:
                cents = self.balances[f"{source}:{facts['id']}"]
                self.move(f"{source}:{facts['id']}", f"{destination}:{facts['id']}", cents)

    @rule(number=picks, by=st.sampled_from(["two", "same", "holder"]))
    def change_organization(self, number, by):
        if reference := self.pick(number, Stage.CONFIRMED):
            facts = self.grants[reference]
            to, left = 1 - facts["place"], self.balances[f"granted:{facts['id']}"]
            second = {"two": self.two, "same": self.one, "holder": self.holder}[by]
            made = []

            def work():
                change = organization_changes.ask(
                    grant_id=facts["id"],
                    organization_id=self.places[to].external_id,
                    format="anthropic-console",
                    reason="It moved.",
                    by=self.one,
                    at=self.now,
                )
                made.append(organization_changes.approve(change_id=change.pk, by=second, at=self.now))

            allowed = by == "two" and left > 0 and not self.held.keys() & {0, 1}
            self.attempt(allowed, (organization_changes.CannotChangeOrganization, ledger.NotAllowed), work)
            if allowed:
                new = made[0].new_grant
                first = facts.get("moved_from", reference)
                more = {
                    "moved_from": first,
                    "id": new.pk,
                    "place": to,
                    "cents": left,
                    "since": self.now.date(),
                }
                self.grants[new.reference] = facts | more
                self.move(f"granted:{facts['id']}", f"granted:{new.pk}", left)

    @invariant()
    def the_ledger_holds_what_the_model_holds(self):
        held = dict(LedgerAccount.objects.exclude(balance_cents=0).values_list("code", "balance_cents"))
        assert held == {code: cents for code, cents in self.balances.items() if cents}
        stages = dict(Grant.objects.values_list("reference", "stage"))
        assert stages == {reference: facts["stage"] for reference, facts in self.grants.items()}


@pytest.mark.django_db
def test_random_histories(monkeypatch):
    beginning = Ledger()
    names = (
        "one",
        "two",
        "holder",
        "places",
        "now",
        "balances",
        "grants",
        "fundings",
        "awards",
        "days",
        "held",
    )
    monkeypatch.setattr(Ledger, "begun", {name: getattr(beginning, name) for name in names})
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=sized(make_test=200, nightly=2_000),
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    beginning.teardown()


def last_day(start, months):
    """The same day so many months later, or the last of that month; written down here a second time on purpose."""
    if months is None:
        return None
    month = start.month - 1 + months
    for day in range(start.day, 0, -1):
        try:
            return start.replace(year=start.year + month // 12, month=month % 12 + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("a month without days")
