"""Reserve, bind, cancel; and when credit expires."""

from datetime import date
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from credits import grants, ledger, queries
from credits.models import Grant, Stage, Transfer
from credits.models.grant import MAY_BECOME
from credits.movements import Kind
from portal.models import AuditEvent
from tests.factories.credits import (
    NOON,
    PERIOD,
    POOL,
    PROGRAM,
    award,
    balances,
    funded_pool,
    organization,
    person,
    reserved,
    sent,
)


@pytest.mark.parametrize(
    "starts_on, months, last_day",
    [
        (date(2026, 12, 7), 6, date(2027, 6, 7)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
        (date(2026, 12, 7), None, None),
    ],
)
def test_expiry(starts_on, months, last_day):
    assert grants.expiry(starts_on, months) == last_day


@pytest.mark.django_db
class TestReserve:
    def test_credit_is_held_and_the_change_is_in_the_trail(self):
        funded_pool(3_000_00)
        by, holder = person(), person()

        grant = grants.reserve(award=award(holder=holder, models=("a", "b")), pool_code=POOL, by=by, at=NOON)

        assert (grant.stage, grant.holder, grant.models, grant.pool) == (
            Stage.RESERVED,
            holder,
            ["a", "b"],
            POOL,
        )
        assert isinstance(grant.uuid, UUID)
        assert balances(grant) == {"reserved": 1_000_00}
        assert queries.pool_balance(POOL) == 2_000_00
        assert Transfer.objects.get(kind=Kind.HOLD).made_by == by.subject_key
        event = AuditEvent.objects.get(action="grant.reserve")
        assert (event.actor, event.subject_id, event.details["amount_cents"]) == (by, str(grant.pk), 1_000_00)

    def test_the_same_award_is_reserved_once(self):
        funded_pool(1_500_00)
        by = person()
        decided = award(holder=by)

        first = grants.reserve(award=decided, pool_code=POOL, by=by, at=NOON)
        again = grants.reserve(award=decided, pool_code=POOL, by=by, at=NOON)

        assert first == again
        assert Transfer.objects.filter(kind=Kind.HOLD).count() == 1
        assert AuditEvent.objects.filter(action="grant.reserve").count() == 1

    @pytest.mark.parametrize(
        "change", [{"amount_cents": 1}, {"term_months": 7}, {"models": ("x",)}, {"provider": "other"}]
    )
    def test_a_reference_with_other_terms_is_refused(self, change):
        funded_pool()
        by = person()
        grants.reserve(award=award(holder=by, reference="R-1"), pool_code=POOL, by=by, at=NOON)
        with pytest.raises(ledger.KeyReused, match="R-1"):
            grants.reserve(award=award(holder=by, reference="R-1", **change), pool_code=POOL, by=by, at=NOON)

    def test_without_a_pool(self):
        by = person()
        with pytest.raises(ledger.NoSuchAccount):
            grants.reserve(award=award(holder=by), pool_code=POOL, by=by, at=NOON)

    def test_many_take_as_many_statements_as_one(self):
        funded_pool(100_000_00)
        by = person()

        def statements(number):
            awards = [award(holder=by, models=(), term_months=None) for _ in range(number)]
            with CaptureQueriesContext(
                connection,
            ) as captured:
                made = grants.reserve_many(awards=awards, pool_code=POOL, by=by, at=NOON)
            references = dict(Grant.objects.values_list("pk", "reference"))
            assert [references[pk] for pk in made] == [one.reference for one in awards]
            return len(captured)

        assert statements(2) == statements(60)
        assert queries.pool_balance(POOL) == 38_000_00
        assert Grant.objects.values_list("models", flat=True).distinct().get() == []

    def test_a_pool_pays_in_its_own_currency(self):
        funded_pool()
        by = person()
        with pytest.raises((ledger.CannotPost, IntegrityError)), transaction.atomic():
            grants.reserve(award=award(holder=by, currency="EUR"), pool_code=POOL, by=by, at=NOON)


@pytest.mark.django_db
class TestBind:
    def test_once_to_one_organization(self):
        funded_pool()
        grant, by, first = reserved(bound=False), person(), organization()

        bound = grants.bind_organization(grant_id=grant.pk, organization_id=first.pk, by=by, at=NOON)
        again = grants.bind_organization(grant_id=grant.pk, organization_id=first.pk, by=by, at=NOON)

        assert bound.organization == again.organization == first
        assert AuditEvent.objects.filter(action="grant.bind").count() == 1
        with pytest.raises(grants.OtherOrganization):
            grants.bind_organization(grant_id=grant.pk, organization_id=organization().pk, by=by, at=NOON)

    def test_not_to_another_provider(self):
        funded_pool()
        grant = reserved(bound=False, provider="openai")
        with pytest.raises(grants.CannotChangeGrant, match="another provider"):
            grants.bind_organization(
                grant_id=grant.pk, organization_id=organization().pk, by=person(), at=NOON
            )

    def test_not_after_the_end(self):
        funded_pool()
        grant = reserved(bound=False)
        grants.cancel(grant_id=grant.pk, by=person(), at=NOON)
        with pytest.raises(grants.CannotChangeGrant, match="cancelled"):
            grants.bind_organization(
                grant_id=grant.pk, organization_id=organization().pk, by=person(), at=NOON
            )


@pytest.mark.django_db
class TestCancel:
    def test_credit_goes_back_once(self):
        funded_pool(1_000_00)
        grant, by = reserved(), person()

        for _ in range(2):
            cancelled = grants.cancel(grant_id=grant.pk, by=by, at=NOON, reason="Declined by the holder")

        assert (cancelled.stage, cancelled.ended_at, cancelled.failure) == (
            Stage.VOID,
            NOON,
            "Declined by the holder",
        )
        assert queries.pool_balance(POOL) == 1_000_00
        assert balances(grant) == {}
        assert AuditEvent.objects.filter(action="grant.cancel").count() == 1

    def test_not_once_it_is_sent(self):
        funded_pool()
        grant = sent().grant
        with pytest.raises(grants.CannotChangeGrant, match="is sent"):
            grants.cancel(grant_id=grant.pk, by=person(), at=NOON)
        assert balances(grant) == {"in_transit": 1_000_00}


@pytest.mark.django_db
def test_pool_summary_shows_where_the_credit_is():
    funded_pool(10_000_00)
    sent(amount_cents=2_000_00)
    reserved()
    cancelled = reserved()
    grants.cancel(grant_id=cancelled.pk, by=person(), at=NOON)

    summary = queries.pool_summary(PROGRAM, PERIOD)

    assert summary == queries.PoolSummary(
        code=POOL,
        currency="USD",
        funded_cents=10_000_00,
        reserved_cents=1_000_00,
        in_transit_cents=2_000_00,
        granted_cents=0,
        available_cents=7_000_00,
        grants=2,
    )
    assert queries.pool_summary("nobody", "2026").available_cents == 0


@pytest.mark.django_db
def test_a_correction_of_funding_leaves_the_summary_consistent():
    funded_pool(10_000_00)
    extra = funded_pool(5_000_00).entries.order_by("-version").first().transfer_id
    ledger.reverse(transfer_id=extra, made_by=person(), approved_by=person(), at=NOON)
    assert queries.pool_summary(PROGRAM, PERIOD).funded_cents == 10_000_00


@pytest.mark.django_db
class TestTheDatabaseKeepsWhatWasDecided:
    @pytest.mark.parametrize(
        "change",
        [
            {"amount_cents": 1},
            {"currency": "EUR"},
            {"program": "other"},
            {"provider": "other"},
            {"pool": "pool:other:2026"},
            {"reference": "other"},
            {"term_months": 12},
            {"term_months": None},
            {"models": ["more"]},
            {"organization": None},
        ],
    )
    def test_terms(self, change):
        funded_pool()
        grant = reserved()
        with pytest.raises(IntegrityError, match="is fixed"), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).update(**change)

    def test_holder_and_organization(self):
        funded_pool()
        grant = reserved()
        for change in ({"holder": person()}, {"organization": organization()}):
            with pytest.raises(IntegrityError, match="is fixed"), transaction.atomic():
                Grant.objects.filter(pk=grant.pk).update(**change)

    @pytest.mark.parametrize("stage", Stage)
    @pytest.mark.parametrize("then", Stage)
    def test_stages(self, stage, then):
        """Every pair is tried on a row that fits each stage's own conditions; only the order can refuse it."""
        funded_pool()
        grant = reserved()
        facts = {
            Stage.RESERVED: {"sent_at": None, "confirmed_at": None, "starts_on": None, "ended_at": None},
            Stage.SENT: {"sent_at": NOON, "confirmed_at": None, "starts_on": None, "ended_at": None},
            Stage.CONFIRMED: {
                "sent_at": NOON,
                "confirmed_at": NOON,
                "starts_on": NOON.date(),
                "ended_at": None,
            },
            Stage.FAILED: {"sent_at": NOON, "confirmed_at": None, "starts_on": None, "ended_at": NOON},
            Stage.VOID: {"sent_at": None, "confirmed_at": None, "starts_on": None, "ended_at": NOON},
        }
        for step in (Stage.SENT, stage) if stage in (Stage.CONFIRMED, Stage.FAILED) else (stage,):
            Grant.objects.filter(pk=grant.pk).update(stage=step, **facts[step])
        if then == stage or then in MAY_BECOME[stage]:
            assert Grant.objects.filter(pk=grant.pk).update(stage=then, **facts[then]) == 1
        else:
            with pytest.raises(IntegrityError, match="does not go from"), transaction.atomic():
                Grant.objects.filter(pk=grant.pk).update(stage=then, **facts[then])
