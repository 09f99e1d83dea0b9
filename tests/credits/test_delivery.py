"""Telling the provider: each answer, each wait, each file. Kills and races are in test_delivery_races.py."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from credits import cases, delivery, delivery_cases, grants, ledger, queries
from credits.models import Case, Delivery, DeliveryState, Stage
from credits.movements import AccountKind, Kind
from credits.providers import manual
from credits.providers.base import Answer, Outcome
from portal.models import AuditEvent
from tests.factories.credits import (
    NOON,
    POOL,
    PROGRAM,
    account_of,
    balances,
    funded_pool,
    organization,
    person,
    reserved,
    sent,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


class Told:
    """An adapter that answers what it is told, and notes what it was asked."""

    automatic = True

    def __init__(self, grant=(), lookup=()):
        self.answers = {"grant": list(grant), "lookup": list(lookup)}
        self.asked = []

    def _answer(self, call, order):
        self.asked.append((call, order.key))
        answer = self.answers[call].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer, "detail")

    def grant(self, order):
        return self._answer("grant", order)

    def lookup(self, order):
        return self._answer("lookup", order)

    def reverse(self, order):
        raise NotImplementedError


def send(provider, at=NOON, limit=100):
    return delivery.send_due(limit=limit, at=at, provider=provider)


def one() -> Delivery:
    return Delivery.objects.select_related("grant").get()


class TestDispatch:
    def test_credit_and_delivery_go_together(self):
        funded_pool()
        grant = reserved()

        assert delivery.dispatch(at=NOON) == 1
        assert delivery.dispatch(at=NOON) == 0

        grant.refresh_from_db()
        assert (grant.stage, grant.sent_at) == (Stage.SENT, NOON)
        assert balances(grant) == {"in_transit": 1_000_00}
        row = one()
        assert (row.key, row.state, row.attempts) == (f"grant:{grant.uuid}", DeliveryState.PENDING, 0)
        assert queries.in_transit() == queries.Transit(count=1, sum_cents=1_000_00, alerted=0)

    def test_a_grant_without_organization_waits(self):
        funded_pool()
        grant = reserved(bound=False)
        assert delivery.dispatch(at=NOON) == 0
        grants.bind_organization(grant_id=grant.pk, organization_id=organization().pk, by=person(), at=NOON)
        assert delivery.dispatch(at=NOON) == 1

    def test_a_grant_that_the_ledger_refuses_does_not_hold_up_the_others(self, caplog):
        funded_pool()
        bad, good = reserved(), reserved()
        to = ledger.open_grant_accounts(kind=AccountKind.IN_TRANSIT, grant_ids=[bad.pk])[bad.pk]
        row = ledger.Movement(
            Kind.SEND, account_of(bad, AccountKind.RESERVED).pk, to, bad.amount_cents, "stray"
        )
        ledger.post_many(movements=[row], by=None, at=NOON)
        assert delivery.dispatch(at=NOON) == 1
        bad.refresh_from_db()
        good.refresh_from_db()
        assert (bad.stage, good.stage) == (Stage.RESERVED, Stage.SENT)
        assert f"grant {bad.pk} is refused" in caplog.text

    @pytest.mark.parametrize(
        "terms",
        [{"term_starts": "decision"}, {"latest_end_on": date(2027, 6, 7)}],
        ids=["decision", "program"],
    )
    def test_what_ended_while_it_waited_is_not_sent_to_expire_there(self, terms):
        funded_pool()
        grant, good = reserved(**terms), reserved()
        late = NOON.replace(year=2027, month=6)  # the day on which it ends

        assert (delivery.dispatch(at=late), delivery.dispatch(at=late)) == (1, 0)

        grant.refresh_from_db()
        good.refresh_from_db()
        assert (grant.stage, good.stage) == (Stage.RESERVED, Stage.SENT)
        case = Case.objects.get()
        assert (case.grant, case.kind) == (grant, "transfer")
        assert "would end on 2027-06-07, which is not ahead" in case.words
        cases.settle(case=case, by=person(), at=late, reason="Tried once more.")
        assert delivery.dispatch(at=late) == 0
        assert Case.objects.filter(settled_at=None).count() == 1
        assert delivery.dispatch(at=late - timedelta(days=1)) == 0  # while the case is open
        grants.cancel(grant_id=grant.pk, by=person(), at=late)
        assert balances(grant) == {}

    def test_the_limit(self):
        funded_pool()
        for _ in range(3):
            reserved()
        assert delivery.dispatch(at=NOON, limit=2) == 2
        assert delivery.dispatch(at=NOON) == 1


class TestAnswers:
    def test_granted(self):
        funded_pool()
        sent()

        report = send(Told(grant=[Outcome.GRANTED]))

        assert (report.sent, report.confirmed) == (1, 1)
        row = one()
        assert (row.state, row.settled_at.date(), row.attempts) == (DeliveryState.CONFIRMED, NOON.date(), 1)
        grant = row.grant
        assert (grant.stage, grant.starts_on, grant.expires_on) == (
            Stage.CONFIRMED,
            date(2026, 12, 7),
            date(2027, 6, 7),
        )
        assert balances(grant) == {"granted": 1_000_00}
        assert queries.grant_balance(grant) == 1_000_00
        assert queries.ledger_problems() == []

    def test_refused_goes_back_to_the_pool(self):
        funded_pool(1_000_00)
        sent()

        report = send(Told(grant=[Answer(Outcome.REFUSED, "422 organization_refused")]))

        assert report.refused == 1
        grant = one().grant
        assert (grant.stage, grant.failure) == (Stage.FAILED, "422 organization_refused")
        assert balances(grant) == {}
        assert queries.pool_balance(POOL) == 1_000_00
        assert queries.ledger_problems() == []

    def test_unknown_is_looked_up_before_it_is_repeated(self):
        funded_pool()
        sent()
        first = Told(grant=[Outcome.UNKNOWN])
        assert send(first).unknown == 1
        assert one().state == DeliveryState.UNKNOWN
        assert balances(one().grant) == {"in_transit": 1_000_00}

        second = Told(lookup=[Outcome.ABSENT], grant=[Outcome.UNKNOWN])
        send(second, at=NOON + HOUR)
        third = Told(lookup=[Outcome.GRANTED])
        assert send(third, at=NOON + 2 * HOUR).confirmed == 1

        key = one().key
        assert second.asked == [("lookup", key), ("grant", key)]
        assert third.asked == [("lookup", key)]
        assert one().attempts == 3

    def test_without_an_answer_nothing_is_ever_returned(self, caplog):
        funded_pool()
        sent()
        send(Told(grant=[Outcome.UNKNOWN]))
        for hours in range(1, 60):
            send(Told(lookup=[Outcome.UNKNOWN]), at=NOON + hours * HOUR)
        row = one()
        assert row.state == DeliveryState.UNKNOWN
        assert balances(row.grant) == {"in_transit": 1_000_00}
        assert timedelta(hours=24) <= row.alerted_at - NOON < timedelta(hours=25)
        assert caplog.text.count("no outcome for 24 hours") == 1

    def test_waits_grow_to_an_hour_and_differ(self):
        funded_pool()
        sent()
        send(Told(grant=[Outcome.UNKNOWN]))
        waits, at = [], NOON
        for _ in range(10):
            at = one().next_attempt_at + timedelta(seconds=1)
            send(Told(lookup=[Outcome.UNKNOWN]), at=at)
            waits.append((one().next_attempt_at - at).total_seconds())
        assert 15 <= waits[0] <= 31
        assert all(1_800 <= wait <= 3_601 for wait in waits[-2:])
        assert len(set(waits)) == len(waits)

    def test_not_before_it_is_due(self):
        funded_pool()
        sent()
        send(Told(grant=[Outcome.UNKNOWN]))
        assert send(Told()).sent == 0

    def test_a_conflict_goes_to_a_person(self, caplog):
        funded_pool()
        sent()
        send(Told(grant=[Answer(Outcome.CONFLICT, "the provider has another amount_cents")]))
        row = one()
        assert (row.state, row.alerted_at) == (DeliveryState.UNKNOWN, row.alerted_at)
        assert row.alerted_at is not None
        assert "needs a person" in caplog.text
        assert balances(row.grant) == {"in_transit": 1_000_00}
        case = Case.objects.get(kind="delivery", grant=row.grant)
        assert "the provider has another amount_cents" in case.words
        assert row.key in case.words
        send(Told(lookup=[Outcome.CONFLICT]), at=NOON + 2 * HOUR)
        assert Case.objects.count() == 1

    def test_our_own_error_is_logged_and_tried_again(self, caplog):
        funded_pool()
        for _ in range(2):
            sent()
        report = send(Told(grant=[RuntimeError("bug"), Outcome.GRANTED]))
        assert (report.failed, report.confirmed) == (1, 1)
        assert "bug" in caplog.text
        assert send(Told(lookup=[Outcome.ABSENT], grant=[Outcome.GRANTED]), at=NOON + HOUR).confirmed == 1

    def test_while_posting_is_stopped_the_answer_waits(self):
        funded_pool()
        sent()
        ledger.stop_posting()
        assert send(Told(grant=[Outcome.GRANTED])).failed == 1
        ledger.resume_posting(by=person(), at=NOON)
        assert send(Told(lookup=[Outcome.GRANTED]), at=NOON + HOUR).confirmed == 1

    def test_the_limit(self):
        funded_pool(100_000_00)
        for _ in range(7):
            sent()
        assert send(Told(grant=[Outcome.GRANTED] * 7), limit=6).sent == 6
        assert send(Told(grant=[Outcome.GRANTED]), limit=6).sent == 1


class TestWithoutAnswer:
    def test_a_person_is_told_before_a_provider_that_hangs_is_called(self):
        funded_pool()
        sent()
        send(Told(grant=[Outcome.UNKNOWN]))

        class Hangs(Told):
            def lookup(self, order):
                raise KeyboardInterrupt  # as the worker is killed at its time limit

        with pytest.raises(KeyboardInterrupt):
            send(Hangs(), at=NOON + 25 * HOUR)

        case = Case.objects.get(kind="delivery")
        assert (one().alerted_at, case.grant) == (NOON + 25 * HOUR, one().grant)
        assert "no outcome for 24 hours (detail)" in case.words

    def test_many_of_them_do_not_bury_the_cases(self, monkeypatch):
        monkeypatch.setattr(delivery_cases, "MOST", 2)
        funded_pool(100_000_00)
        for _ in range(5):
            sent()

        for later in (24, 25):
            send(Told(grant=[Outcome.UNKNOWN] * 5, lookup=[Outcome.UNKNOWN] * 5), at=NOON + later * HOUR)

        words = [case.words for case in Case.objects.order_by("pk")]
        assert len(words) == 3
        assert words[-1].startswith("3 more deliveries")
        assert not Delivery.objects.filter(alerted_at=None).exists()

    def test_a_provider_that_is_silent_gives_the_worker_back_and_a_slow_one_goes_on(self, monkeypatch):
        funded_pool(100_000_00)
        for _ in range(12):
            sent()
        now = [0.0]
        monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: now[0]))

        class Slow(Told):
            def _answer(self, call, order):
                now[0] += 13
                return super()._answer(call, order)

        silent = send(Slow(grant=[Outcome.UNKNOWN] * 12))
        slow = send(Slow(grant=[Outcome.GRANTED] * 7, lookup=[Outcome.GRANTED] * 5))

        assert (silent.sent, silent.unknown) == (5, 5)
        assert (slow.sent, slow.confirmed) == (12, 12)


class TestSettle:
    def test_confirming_again_changes_nothing(self):
        funded_pool()
        row = sent()
        send(Told(grant=[Outcome.GRANTED]))
        again = delivery.confirm(delivery_id=row.pk, at=NOON + HOUR)
        assert again.confirmed_at < NOON + HOUR
        with pytest.raises(delivery.CannotSettle, match="confirmed already"):
            delivery.refuse(delivery_id=row.pk, reason="late", at=NOON)
        assert balances(again) == {"granted": 1_000_00}

    def test_refusing_again_changes_nothing(self):
        funded_pool()
        row = sent()
        send(Told(grant=[Outcome.REFUSED]))
        delivery.refuse(delivery_id=row.pk, reason="again", at=NOON + HOUR)
        assert one().grant.failure == "detail"
        with pytest.raises(delivery.CannotSettle, match="refused already"):
            delivery.confirm(delivery_id=row.pk, at=NOON)

    def test_what_was_not_sent_has_no_outcome(self):
        funded_pool()
        row = sent()
        with pytest.raises(delivery.CannotSettle, match="not been sent"):
            delivery.confirm(delivery_id=row.pk, at=NOON)


class TestByHand:
    def test_orders_go_out_and_confirmations_come_back(self):
        funded_pool()
        by = person()
        first, second = sent(), sent()
        assert delivery.send_due(limit=10, at=NOON).sent == 0

        orders = delivery.hand_over(by=by, at=NOON)
        assert [order.key for order in orders] == [first.key, second.key]
        assert delivery.hand_over(by=by, at=NOON) == []
        assert len(delivery.hand_over(by=by, at=NOON, again=True)) == 2

        lines = (
            f"key,status,reason,amount\n{first.key},confirmed,,1000.00\n{second.key},refused,No such org,\n"
        )
        rows = manual.read_confirmations(lines.encode())
        result = delivery.take_confirmations(confirmations=rows, by=by, at=NOON + HOUR)
        assert (result.confirmed, result.refused, result.problems) == (1, 1, [])
        again = delivery.take_confirmations(confirmations=rows, by=by, at=NOON + 2 * HOUR)
        assert (again.confirmed, again.refused, again.repeated) == (0, 0, 2)

        assert queries.grant_balance(first.grant) == 1_000_00
        assert queries.pool_balance(POOL) == 9_000_00
        assert queries.ledger_problems() == []
        actions = sorted(
            AuditEvent.objects.filter(actor=by, action__startswith="delivery").values_list(
                "action", flat=True
            )
        )
        assert actions == ["delivery.confirm", "delivery.hand_over", "delivery.hand_over", "delivery.refuse"]

    def test_while_posting_is_stopped_the_file_waits_and_opens_no_cases(self):
        funded_pool()
        keys, by = [sent().key for _ in range(3)], person()
        delivery.hand_over(by=by, at=NOON)
        file = "key,status\nnobody,confirmed\n" + "".join(f"{key},confirmed\n" for key in keys)
        rows = manual.read_confirmations(file.encode())
        ledger.stop_posting()

        stopped = delivery.take_confirmations(confirmations=rows, by=by, at=NOON)
        ledger.resume_posting(by=by, at=NOON)
        done = delivery.take_confirmations(confirmations=rows, by=by, at=NOON)

        assert [line for line, _ in stopped.problems] == [2, 3]
        assert "bring the file again" in stopped.problems[1][1]
        assert (stopped.confirmed, done.confirmed, Case.objects.count()) == (0, 3, 1)

    def test_each_bad_line_is_named(self):
        funded_pool()
        by, row = person(), sent()
        lines = [
            "key,status,reason,amount",
            "grant:unknown,confirmed,,",
            f"{row.key},confirmed,,999.99",
            f"{row.key},confirmed,,",
            f"{row.key},later,,",
        ]
        rows = manual.read_confirmations("\n".join(lines).encode())
        result = delivery.take_confirmations(confirmations=rows, by=by, at=NOON)
        assert [line for line, _ in result.problems] == [2, 3, 4, 5]
        assert result.problems[2][1].endswith("has not been sent yet.")
        assert one().state == DeliveryState.PENDING


def test_the_page_of_a_grant():
    funded_pool()
    holder = person()
    grant = reserved(by=holder)
    page = queries.grant_page(grant.uuid, holder)
    assert (page.granted_cents, page.left_cents, page.stage) == (0, 0, Stage.RESERVED)
    delivery.dispatch(at=NOON)
    send(Told(grant=[Outcome.GRANTED]))
    page = queries.grant_page(grant.uuid, holder)
    assert (page.granted_cents, page.used_cents, page.left_cents) == (1_000_00, 0, 1_000_00)
    assert [step.name for step in page.timeline if step.at] == ["reserved", "sent", "confirmed"]
    assert queries.grant_page(grant.uuid, person()) is None
    assert account_of(grant, AccountKind.GRANTED).program == PROGRAM


class TestTryNow:
    def test_a_waiting_delivery_goes_with_the_next_sweep(self):
        funded_pool()
        delivery_row = sent()
        send(Told(grant=[Outcome.UNKNOWN]))
        assert one().next_attempt_at > NOON

        delivery.try_now(grant_id=delivery_row.grant_id, by=person(), at=NOON)
        report = send(Told(lookup=[Outcome.GRANTED]))

        assert report.confirmed == 1
        assert AuditEvent.objects.filter(action="delivery.try_now").count() == 1

    def test_an_answered_one_has_nothing_to_try(self):
        funded_pool()
        delivery_row = sent()
        send(Told(grant=[Outcome.GRANTED]))

        with pytest.raises(delivery.CannotSettle, match="nothing to try again"):
            delivery.try_now(grant_id=delivery_row.grant_id, by=person(), at=NOON)

    def test_a_call_under_way_keeps_its_lease(self):
        funded_pool()
        delivery_row = sent()
        lease = NOON + delivery.LEASE
        Delivery.objects.filter(pk=delivery_row.pk).update(
            state=DeliveryState.SENT, sent_at=NOON, next_attempt_at=lease
        )

        delivery.try_now(grant_id=delivery_row.grant_id, by=person(), at=NOON)

        assert one().next_attempt_at == lease
