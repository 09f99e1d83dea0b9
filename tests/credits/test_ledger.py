"""The one writer: what it posts, what it repeats, what it refuses."""

from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from credits import grants, ledger
from credits.models import Entry, LedgerAccount, Transfer
from credits.movements import LEGAL, MACHINE, AccountKind, Kind
from portal.models import AuditEvent
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

pytestmark = pytest.mark.django_db


def fund(amount_cents=500_00, key="fund:1", made_by=None, approved_by=None):
    return ledger.fund(
        program=PROGRAM,
        period=PERIOD,
        amount_cents=amount_cents,
        made_by=made_by or person(),
        approved_by=approved_by or person(),
        key=key,
        at=NOON,
    )


def hold(grant, amount_cents=None, key=None):
    return ledger.post(
        kind=Kind.HOLD,
        source=ledger.account(POOL),
        destination=account_of(grant, AccountKind.RESERVED),
        amount_cents=amount_cents or grant.amount_cents,
        key=key or f"other:{grant.pk}",
        by=None,
        at=NOON,
    )


def refused(error, match=None):
    """The savepoint keeps the test's own transaction alive after the database's refusal."""

    class Both:
        def __enter__(self):
            self.raises, self.atomic = pytest.raises(error, match=match), transaction.atomic()
            self.raises.__enter__()
            self.atomic.__enter__()

        def __exit__(self, *problem):
            self.atomic.__exit__(*problem)
            return self.raises.__exit__(*problem)

    return Both()


def test_funding_writes_two_entries_and_both_balances():
    asker, approver = person(), person()

    transfer = fund(500_00, made_by=asker, approved_by=approver)

    assert (transfer.made_by, transfer.approved_by) == (asker.subject_key, approver.subject_key)
    legs = Entry.objects.filter(transfer=transfer).order_by("amount_cents")
    assert [(e.account.code, e.version, e.amount_cents, e.balance_after_cents) for e in legs] == [
        (f"source:{PROGRAM}", 1, -500_00, -500_00),
        (POOL, 1, 500_00, 500_00),
    ]
    assert ledger.account(POOL).balance_cents == 500_00
    assert AuditEvent.objects.get(action="pool.fund").details["amount_cents"] == 500_00


def test_the_same_fact_posts_once():
    first = fund()
    again = fund()

    assert first.pk == again.pk
    assert Transfer.objects.count() == 1
    assert AuditEvent.objects.filter(action="pool.fund").count() == 1
    assert ledger.account(POOL).balance_cents == 500_00


def test_a_key_with_other_content_is_refused():
    fund(500_00)
    with pytest.raises(ledger.KeyReused, match="fund:1"):
        fund(500_01)
    assert Transfer.objects.count() == 1


def test_funding_needs_two_people():
    one = person()
    with refused(ledger.NeedsSecondPerson):
        fund(made_by=one, approved_by=one)
    with refused(ledger.NotAllowed, "two different people"):
        fund(approved_by=person(is_active=False))
    assert Transfer.objects.count() == 0


def test_nothing_is_posted_outside_a_transaction(monkeypatch):
    monkeypatch.setattr(ledger, "connection", SimpleNamespace(in_atomic_block=False))
    with pytest.raises(ledger.CannotPost, match="open a transaction"):
        ledger.post_many(movements=[ledger.Movement(Kind.HOLD, 1, 2, 1, "k")], by=None, at=NOON)


@pytest.mark.parametrize("amount", [0, -1, 1.5, True, None, 10**16])
def test_only_whole_cents_above_zero(amount):
    with pytest.raises(ledger.CannotPost, match="whole number of cents"):
        fund(amount)


@pytest.mark.parametrize("key", ["", "a b", "a,b", "a'b", "é", "x" * 161, "a\nb", '"'])
def test_a_key_is_plain(key):
    with pytest.raises(ledger.CannotPost, match="a key has"):
        fund(key=key)


def test_a_pool_gives_no_more_than_it_holds():
    funded_pool(1_000_00)
    with refused(
        ledger.NotEnoughCredit, r"^The pool holds \$1,000, which is less than the \$1,000\.01 needed\.$"
    ):
        reserved(amount_cents=1_000_01)
    assert ledger.account(POOL).balance_cents == 1_000_00
    assert reserved(amount_cents=1_000_00).stage == "reserved"
    assert ledger.account(POOL).balance_cents == 0


def test_many_are_all_or_none():
    funded_pool(2_500_00)
    by = person()
    with refused(ledger.NotEnoughCredit, r"holds \$2,500, which is less than the \$3,000 needed"):
        grants.reserve_many(awards=[award(holder=by) for _ in range(3)], pool_code=POOL, by=by, at=NOON)
    assert Transfer.objects.filter(kind=Kind.HOLD).count() == 0
    assert ledger.account(POOL).balance_cents == 2_500_00


def test_a_statement_of_many_gives_each_account_gapless_versions():
    pool = funded_pool(100_000_00)
    made = [reserved(amount_cents=n * 100) for n in range(1, 4)]
    moves = []
    for grant in made:
        in_transit = ledger.open_grant_accounts(kind=AccountKind.IN_TRANSIT, grant_ids=[grant.pk])[grant.pk]
        hold_id = ledger.transfer_id(grants.key_of(grant, "hold"))
        moves += [
            ledger.Movement(
                Kind.SEND,
                account_of(grant, AccountKind.RESERVED).pk,
                in_transit,
                grant.amount_cents,
                f"s{grant.pk}",
            ),
            ledger.Movement(
                Kind.VOID, in_transit, pool.pk, grant.amount_cents, f"v{grant.pk}", resolves_id=hold_id
            ),
        ]

    assert ledger.post_many(movements=moves, by=None, at=NOON) == ledger.Posted(new=6, replayed=0)

    assert ledger.account(POOL).balance_cents == 100_000_00
    entries = list(
        Entry.objects.filter(account=pool).order_by("version").values_list("version", "balance_after_cents")
    )
    assert entries == [
        (1, 100_000_00), (2, 99_999_00), (3, 99_997_00), (4, 99_994_00), (5, 99_995_00), (6, 99_997_00), (7, 100_000_00)
    ]  # fmt: skip
    assert ledger.post_many(movements=moves, by=None, at=NOON) == ledger.Posted(new=0, replayed=6)
    moves[0] = ledger.Movement(Kind.SEND, moves[0].source_id, moves[0].destination_id, 1, moves[0].key)
    with pytest.raises(ledger.KeyReused):
        ledger.post_many(movements=moves, by=None, at=NOON)


def test_no_step_of_a_statement_goes_below_the_floor():
    """Credit that arrives later in the same statement cannot be spent earlier in it."""
    funded_pool(1_000_00)
    grant = reserved()
    accounts = ledger.open_grant_accounts(kind=AccountKind.IN_TRANSIT, grant_ids=[grant.pk])
    source, in_transit = account_of(grant, AccountKind.RESERVED).pk, accounts[grant.pk]
    hold_id = ledger.transfer_id(grants.key_of(grant, "hold"))
    send = ledger.Movement(Kind.SEND, source, in_transit, 1_000_00, "send")
    void = ledger.Movement(
        Kind.VOID, in_transit, ledger.account(POOL).pk, 1_000_00, "void", resolves_id=hold_id
    )

    with refused(ledger.NotEnoughCredit):
        ledger.post_many(movements=[void, send], by=None, at=NOON)
    assert ledger.post_many(movements=[send, void], by=None, at=NOON).new == 2


def test_one_grant_is_reserved_once():
    funded_pool()
    grant = reserved()
    with refused(ledger.NotAllowed, "reserved before"):
        hold(grant)
    grants.cancel(grant_id=grant.pk, by=person(), at=NOON)
    with refused(ledger.NotAllowed, "reserved before"):
        hold(grant)
    pool_id, reserved_id = ledger.account(POOL).pk, account_of(grant, AccountKind.RESERVED).pk
    twice = [ledger.Movement(Kind.HOLD, pool_id, reserved_id, grant.amount_cents, key) for key in ("a", "b")]
    with refused(ledger.NotAllowed, "reserved before"):
        ledger.post_many(movements=twice, by=None, at=NOON)


def test_a_hold_has_the_amount_and_program_of_its_grant():
    funded_pool()
    other = funded_pool(program="other-program")
    grant = grants.Grant.objects.create(
        reference="X-1", program=PROGRAM, provider="anthropic", pool=POOL, holder=person(), amount_cents=500_00,
        created_at=NOON,
    )  # fmt: skip
    ledger.open_grant_accounts(kind=AccountKind.RESERVED, grant_ids=[grant.pk])
    with refused(ledger.NotAllowed, "amount differs"):
        hold(grant, amount_cents=500_01)
    with refused(ledger.NotAllowed, "different programs"):
        ledger.post(
            kind=Kind.HOLD,
            source=other,
            destination=account_of(grant, AccountKind.RESERVED),
            amount_cents=500_00,
            key="k",
            by=None,
            at=NOON,
        )


def test_a_grant_without_an_organization_is_not_sent():
    funded_pool()
    grant = reserved(bound=False)
    accounts = ledger.open_grant_accounts(kind=AccountKind.IN_TRANSIT, grant_ids=[grant.pk])
    with refused(ledger.NotAllowed, "no organization"):
        ledger.post(
            kind=Kind.SEND,
            source=account_of(grant, AccountKind.RESERVED),
            destination=LedgerAccount(pk=accounts[grant.pk]),
            amount_cents=grant.amount_cents,
            key="send",
            by=None,
            at=NOON,
        )


def end(grant, kind, source, destination, key, amount_cents=None, resolves=None):
    return ledger.post(
        kind=kind,
        source=source,
        destination=destination,
        amount_cents=amount_cents or grant.amount_cents,
        key=key,
        resolves_id=resolves or ledger.transfer_id(grants.key_of(grant, "hold")),
        by=None,
        at=NOON,
    )


def test_a_hold_ends_once():
    pool = funded_pool()
    grant = sent().grant
    in_transit = account_of(grant, AccountKind.IN_TRANSIT)
    ledger.open_grant_accounts(kind=AccountKind.GRANTED, grant_ids=[grant.pk])
    granted = account_of(grant, AccountKind.GRANTED)
    end(grant, Kind.POST, in_transit, granted, "post")

    sent()  # so that credit for a second ending would be there
    with refused(ledger.AlreadyEnded):
        end(grant, Kind.VOID, in_transit, pool, "void")
    with refused((ledger.AlreadyEnded, ledger.NotEnoughCredit)):
        end(grant, Kind.POST, in_transit, granted, "again")


def test_an_ending_belongs_to_the_hold_of_its_grant():
    pool = funded_pool()
    first, second = sent().grant, sent().grant
    other_hold = ledger.transfer_id(grants.key_of(second, "hold"))
    in_transit = account_of(first, AccountKind.IN_TRANSIT)
    other_pool = funded_pool(period="2027")
    with refused(ledger.NotAllowed, "another grant"):
        end(first, Kind.VOID, in_transit, pool, "v1", resolves=other_hold)
    with refused(ledger.NotAllowed, "another pool"):
        end(first, Kind.VOID, in_transit, other_pool, "v2")
    with refused(ledger.NotAllowed, "only a part"):
        end(first, Kind.VOID, in_transit, pool, "v3", amount_cents=1)
    with refused(ledger.CannotPost):
        ledger.post(
            kind=Kind.VOID, source=in_transit, destination=pool, amount_cents=1, key="v4", by=None, at=NOON
        )


def test_a_correction_is_exact_and_happens_once():
    first = fund(500_00)
    asker, approver = person(), person()

    transfer = ledger.reverse(transfer_id=first.pk, made_by=asker, approved_by=approver, at=NOON)

    assert (transfer.source_id, transfer.destination_id) == (first.destination_id, first.source_id)
    assert ledger.account(POOL).balance_cents == 0
    with pytest.raises(ledger.AlreadyReversed):
        ledger.reverse(transfer_id=first.pk, made_by=asker, approved_by=approver, at=NOON)
    with pytest.raises(ledger.NotAllowed, match="not corrected again"):
        ledger.reverse(transfer_id=transfer.pk, made_by=asker, approved_by=approver, at=NOON)
    assert AuditEvent.objects.filter(action="ledger.reverse").count() == 1


def test_a_correction_takes_no_more_than_is_left():
    first = fund(1_500_00)
    reserved(amount_cents=1_000_00)
    with refused(ledger.NotEnoughCredit):
        ledger.reverse(transfer_id=first.pk, made_by=person(), approved_by=person(), at=NOON)


def test_a_correction_needs_two_people_and_mirrors_the_whole():
    first, one = fund(500_00), person()
    with refused(ledger.NeedsSecondPerson):
        ledger.reverse(transfer_id=first.pk, made_by=one, approved_by=one, at=NOON)
    with refused(ledger.NotAllowed, "mirrors the whole"):
        ledger.post(
            kind=Kind.REVERSE,
            source=first.destination,
            destination=first.source,
            amount_cents=1,
            key="part",
            reverses_id=first.pk,
            by=one,
            approved_by=person(),
            at=NOON,
        )


def test_what_a_post_returns_is_what_was_written():
    posted = fund(500_00)
    read = Transfer.objects.get(pk=posted.pk)
    fields = [field.attname for field in Transfer._meta.concrete_fields]
    assert {name: getattr(posted, name) for name in fields if name != "content_hash"} == {
        name: getattr(read, name) for name in fields if name != "content_hash"
    }
    assert bytes(posted.content_hash) == bytes(read.content_hash)
    assert not posted._state.adding


def test_a_grant_is_held_once():
    pool, grant = funded_pool(), reserved()
    for grant_id, words in ((grant.pk, "held already"), (999_999, "do not exist")):
        with refused(ledger.CannotPost, words):
            ledger.hold_many(pool=pool, grant_ids=[grant_id], by=None, at=NOON)


def test_two_currencies_do_not_meet():
    pool = funded_pool()
    with pytest.raises(ledger.CannotPost, match="currency"):
        ledger.open_account(code=pool.code, kind=AccountKind.POOL, program=PROGRAM, currency="EUR")
    euros = ledger.open_account(code="source:euros", kind=AccountKind.SOURCE, program=PROGRAM, currency="EUR")
    with refused(ledger.CannotPost):
        ledger.post(
            kind=Kind.FUND, source=euros, destination=pool, amount_cents=1, key="k", by=person(), approved_by=person(),
            at=NOON,
        )  # fmt: skip
        connection.check_constraints()


def test_the_machine_signs_what_no_person_asked_for():
    funded_pool()
    sent()
    assert Transfer.objects.get(kind=Kind.SEND).made_by == MACHINE


def test_posting_stops_and_resumes():
    funded_pool()
    ledger.stop_posting()
    with refused(ledger.PostingStopped):
        fund(key="later")
    with refused(ledger.PostingStopped):
        reserved()
    ledger.resume_posting(by=person(), at=NOON)
    assert fund(key="later").amount_cents == 500_00
    assert AuditEvent.objects.filter(action="ledger.resume").count() == 1


def test_an_account_that_nobody_opened():
    with pytest.raises(ledger.NoSuchAccount, match="pool:nowhere:2026"):
        ledger.account("pool:nowhere:2026")


def test_the_database_knows_the_same_legal_movements():
    kinds = [*Kind, "nonsense"]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT k, s, d FROM unnest(%s::text[]) k, unnest(%s::text[]) s, unnest(%s::text[]) d
            WHERE ledger_legal(k, s, d)
            """,
            [[str(kind) for kind in kinds], AccountKind.values, AccountKind.values],
        )
        known = set(cursor.fetchall())
    assert known == {(str(k), str(s), str(d)) for k, pairs in LEGAL.items() for s, d in pairs}


def test_later_kinds_run_between_their_accounts():
    """Use, expiry, freeze and thaw have no operation yet; the database is ready for them and keeps their rules."""
    funded_pool()
    grant = sent().grant
    ledger.open_grant_accounts(kind=AccountKind.GRANTED, grant_ids=[grant.pk])
    ledger.open_grant_accounts(kind=AccountKind.FROZEN, grant_ids=[grant.pk])
    granted, frozen = account_of(grant, AccountKind.GRANTED), account_of(grant, AccountKind.FROZEN)
    end(grant, Kind.POST, account_of(grant, AccountKind.IN_TRANSIT), granted, "post")
    consumed = ledger.open_account(code=f"consumed:{PROGRAM}", kind=AccountKind.CONSUMED, program=PROGRAM)
    steps = [
        (Kind.USE, granted, consumed, 300_00),
        (Kind.FREEZE, granted, frozen, 700_00),
        (Kind.THAW, frozen, granted, 700_00),
    ]
    for kind, source, destination, cents in steps:
        ledger.post(
            kind=kind,
            source=source,
            destination=destination,
            amount_cents=cents,
            key=str(kind),
            by=None,
            at=NOON,
        )
    with refused(ledger.NotAllowed, "does not run from granted to pool"):
        ledger.post(
            kind=Kind.USE,
            source=granted,
            destination=ledger.account(POOL),
            amount_cents=1,
            key="x",
            by=None,
            at=NOON,
        )
    assert account_of(grant, AccountKind.GRANTED).balance_cents == 700_00
