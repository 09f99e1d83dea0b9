"""The comparison with the provider's list: what is equal, what differs, and that nothing is ever put right by itself."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from credits import delivery, provider_lists, reconcile
from credits.models import Case, Delivery, ProviderLine, Reconciliation
from credits.providers.base import CannotList, Listed
from portal import clock
from tests.credits.test_append_only import snapshot
from tests.factories.credits import NOON, funded_pool, person, sent

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(hours=1)


class Listing:
    """A provider that lists these."""

    automatic = True

    def __init__(self, rows):
        self.rows = rows

    def list_grants(self):
        yield from self.rows


def confirmed() -> Delivery:
    one = sent()
    Delivery.objects.filter(pk=one.pk).update(state="sent", sent_at=NOON)
    delivery.confirm(delivery_id=one.pk, at=NOON)
    return Delivery.objects.select_related("grant__organization").get(pk=one.pk)


def as_listed(one: Delivery, **changes) -> Listed:
    grant = one.grant
    fields = {
        "key": one.key,
        "organization": grant.organization.external_id,
        "amount_cents": grant.amount_cents,
        "currency": grant.currency,
    }
    return Listed(**(fields | changes))


def compare(*rows: Listed, at=LATER) -> Reconciliation:
    run = reconcile.take_list(theirs=iter(rows), name="list.csv", by=None, at=at)
    return reconcile.carry_out(run=run, at=at)


def counts(run: Reconciliation) -> tuple[int, ...]:
    return (run.equal, run.unsettled, run.ours_only, run.theirs_only, run.differing)


def test_each_kind_of_difference_is_found_once_and_changes_nothing():
    funded_pool()
    equal, missing, more, elsewhere, other, twice = (confirmed() for _ in range(6))
    waiting, failed = sent(), sent()
    Delivery.objects.filter(pk=failed.pk).update(state="sent", sent_at=NOON)
    delivery.refuse(delivery_id=failed.pk, reason="No.", at=NOON)
    before = snapshot()
    rows = [
        as_listed(equal),
        as_listed(more, amount_cents=1_000_01),
        as_listed(elsewhere, organization="0b0c9a64-7a56-4a39-9f5e-ffffffffffff"),
        as_listed(other, currency="EUR"),
        as_listed(twice),
        as_listed(twice),
        as_listed(waiting),
        as_listed(failed),
        Listed("nobody", equal.grant.organization.external_id, 5, "USD"),
    ]

    run = compare(*rows)

    assert counts(run) == (1, 1, 1, 2, 4)
    assert (run.state, run.listed, run.new_cases) == ("done", 9, 7)
    words = {case.grant_id: case.words for case in Case.objects.all()}
    assert "does not list it" in words[missing.grant_id]
    assert "$1,000 USD here, $1,000.01 USD at the provider" in words[more.grant_id]
    assert "at the provider" in words[elsewhere.grant_id]
    assert "organization" not in words[more.grant_id]
    assert "EUR" in words[other.grant_id]
    assert "2 times" in words[twice.grant_id]
    assert "ended here" in words[failed.grant_id]
    assert "nobody" in words[None]
    assert Case.objects.get(grant=None).organization == equal.grant.organization
    assert snapshot() == before
    assert not ProviderLine.objects.exists()

    again = compare(*rows)
    assert (counts(again), again.new_cases) == (counts(run), 0)


def test_what_was_confirmed_while_the_list_was_written_is_no_difference():
    funded_pool()
    confirmed()

    assert counts(compare(Listed("x", "y", 1, "USD"), at=NOON + timedelta(minutes=5)))[1:3] == (1, 0)
    assert counts(compare(Listed("x", "y", 1, "USD"), at=NOON + timedelta(minutes=11)))[1:3] == (0, 1)


def test_a_wrong_file_does_not_bury_the_cases(monkeypatch):
    monkeypatch.setattr(reconcile, "MOST_CASES", 3)

    run = compare(*(Listed(f"key{number}", "org", 1, "USD") for number in range(10)))

    assert (run.theirs_only, Case.objects.count()) == (10, 4)
    assert Case.objects.get(key=f"reconcile:more:{run.pk}").words.startswith("7 more differences")


def test_the_providers_list_comes_page_by_page_and_not_in_part(provider, monkeypatch):
    monkeypatch.setattr("credits.providers.http.LISTED_AT_ONCE", 2)
    funded_pool()
    adapter = provider.adapter()
    for _ in range(5):
        sent()
    delivery.send_due(limit=9, at=NOON, provider=adapter)
    monkeypatch.setattr("credits.providers.get", lambda: adapter)
    asked = reconcile.ask(by=person(), at=LATER)
    assert reconcile.ask(by=None, at=LATER) == asked

    done = reconcile.run_waiting(at=LATER)

    assert [run.pk for run in done] == [asked.pk]
    assert (done[0].listed, counts(done[0])) == (5, (5, 0, 0, 0, 0))
    assert reconcile.ask_daily(at=LATER + timedelta(hours=23)) is None
    provider.kill()
    monkeypatch.setattr("credits.providers.http.LIST_TRIES", 1)
    assert reconcile.ask_daily(at=LATER + timedelta(hours=25)) is not None
    failed = reconcile.run_waiting(at=LATER + timedelta(hours=25))[0]
    assert (failed.state, failed.differences) == ("failed", 0)
    assert "did not come whole" in failed.failure
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    "row",
    [Listed("a\0b", "org", 1, "USD"), Listed("key", "o\nrg", 1, "USD"), Listed("key", "org", 10**19, "USD")],
)
def test_a_list_that_no_table_can_hold_fails_once_and_is_not_begun_for_ever(row, monkeypatch):
    monkeypatch.setattr("credits.providers.get", lambda: Listing([row]))
    reconcile.ask(by=None, at=NOON)

    (failed,) = reconcile.run_waiting(at=NOON)

    assert (failed.state, ProviderLine.objects.count()) == ("failed", 0)
    assert "cannot be" in failed.failure
    assert reconcile.run_waiting(at=LATER) == []


def test_days_without_a_finished_comparison_are_told_once(monkeypatch):
    class Silent(Listing):
        def list_grants(self):
            raise CannotList("The provider's list did not come whole: 503.")

    monkeypatch.setattr("credits.providers.get", lambda: Listing([Listed("nobody", "org", 5, "USD")]))
    days = [NOON + timedelta(hours=25 * number) for number in range(8)]
    reconcile.ask_daily(at=days[0])
    reconcile.run_waiting(at=days[0])
    monkeypatch.setattr("credits.providers.get", lambda: Silent([]))
    told = []
    for at in days[1:]:
        reconcile.ask_daily(at=at)
        reconcile.run_waiting(at=at)
        told.append(Case.objects.filter(key__startswith="reconcile:silent:").count())

    assert told == [0, 0, 1, 1, 1, 1, 1]
    words = Case.objects.get(key__startswith="reconcile:silent:").words
    assert "since 2026-12-08" in words
    assert "503" in words


def test_a_run_whose_worker_died_is_begun_again(monkeypatch):
    provider = Listing([Listed("nobody", "org", 5, "USD")])
    monkeypatch.setattr("credits.providers.get", lambda: provider)
    run = reconcile.ask(by=None, at=NOON)
    Reconciliation.objects.filter(pk=run.pk).update(state="listing")
    ProviderLine.objects.create(
        reconciliation=run, key="half", organization="o", amount_cents=1, currency="USD"
    )

    assert reconcile.run_waiting(at=NOON + timedelta(minutes=14)) == []
    assert reconcile.run_waiting(at=NOON + timedelta(minutes=16))[0].theirs_only == 1


@pytest.mark.parametrize(
    "text, why",
    [
        ("key,amount\n", "no column organization_id and no column currency"),
        ("key,organization_id,amount,currency\na,b,lots,USD\n", "Line 2"),
        ("key,organization_id,amount,currency\na,b,1,USD\nb,,1,USD\n", "Line 3"),
        (
            "key,organization_id,amount,currency\na,b,1.50,USD\ntotal,,1.51,USD\n",
            "total does not match.*1.50",
        ),
        ("key,organization_id,amount,currency\na,b,1,USD\ntotal,,1,USD\nb,b,1,USD\n", "below the total"),
        ("key,organization_id,amount,currency\na,b\n", "Line 2: a cell is missing"),
        ("key,organization_id,amount,currency\na,\0,1,USD\n", "Line 2"),
        ('key,organization_id,amount,currency\n"a,b,1,USD\n', "readable"),
        ("key,organization_id,amount,currency\n", "lists no grant"),
    ],
)
def test_a_list_with_a_hole_is_refused_as_a_whole(text, why, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text(text)

    with pytest.raises(CommandError, match=why):
        call_command("reconcile", file=file)
    assert not Reconciliation.objects.exists()


def test_the_command_says_what_it_found_and_exits_1_on_a_difference(tmp_path, capsys):
    funded_pool()
    one = confirmed()
    file = tmp_path / "list.csv"
    heading = "\ufeffCurrency,key,note,amount,organization_id\n"
    line = f'usd,{one.key},"a, b","1,000.00",\'{one.grant.organization.external_id}\n'
    file.write_text(f"{heading}{line}\nusd,total,,1000,\n", encoding="utf-8")

    with clock.set_to(LATER):
        call_command("reconcile", "--json", file=file)
        assert json.loads(capsys.readouterr().out) | {"run": 0} == {
            "ok": True, "run": 0, "failure": "", "listed": 1, "equal": 1, "unsettled": 0,
            "ours_only": 0, "theirs_only": 0, "differing": 0, "new_cases": 0,
        }  # fmt: skip
        file.write_text(heading + line.replace("1,000.00", "999"))
        with pytest.raises(SystemExit, match="1"):
            call_command("reconcile", file=file)
        with pytest.raises(CommandError, match="comes as a CSV"):
            call_command("reconcile")
    assert "differing  1" in capsys.readouterr().out


def test_lines_are_read_without_keeping_the_file():
    lines = (f"key{n},org,1,USD\n" if n else "key,organization_id,amount,currency\n" for n in range(10**9))
    rows = provider_lists.read(lines)
    assert [next(rows).key for _ in range(3)] == ["key1", "key2", "key3"]
    with pytest.raises(CannotList, match="no column"):
        next(provider_lists.read(["nothing"]))
