"""Events of the provider: only authentic ones, each once, in their own order, and none that does not fit has an effect."""

import json
import random
from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, transaction

from credits import checks, delivery, enforcement, inbound, ledger
from credits.models import Case, Delivery, Enforcement, Entry, EventOutcome, Grant, InboundEvent, Transfer
from portal import clock
from tests.credits.fake_provider import FakeProvider
from tests.factories.credits import KEY, NOON, balances, funded_pool, organization, person, reserved, sent
from tests.factories.events import (
    DOOR,
    EVENT_KEY,
    NEXT_EVENT_KEY,
    body_of,
    call,
    headers_of,
    signature,
    tell,
)
from tests.sizes import sized

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def door(settings):
    settings.PROVIDER_EVENT_KEYS = [EVENT_KEY]
    with clock.set_to(NOON):
        yield


@pytest.fixture
def on_its_way():
    """A delivery that was called and has no answer yet."""
    funded_pool(100_000_00)
    row = sent()
    Delivery.objects.filter(pk=row.pk).update(state="unknown", sent_at=NOON)
    return Delivery.objects.select_related("grant__organization").get(pk=row.pk)


def facts(row, **changes):
    grant = row.grant
    return {
        "key": row.key,
        "organization": grant.organization.external_id,
        "amount_cents": grant.amount_cents,
        "currency": grant.currency,
        **changes,
    }


def effects():
    """Everything an event could have changed."""
    return (
        Transfer.objects.count(),
        Entry.objects.count(),
        list(Grant.objects.order_by("pk").values_list("stage", "expires_on")),
        list(Delivery.objects.order_by("pk").values_list("state", "settled_at")),
        Enforcement.objects.count(),
    )


# --- What gets in ---------------------------------------------------------------------------------------------------------


def test_a_confirmation_posts_the_credit_once(on_its_way):
    first = tell("grant.confirmed", NOON, event_id="evt_once", **facts(on_its_way))
    before = effects()
    again = tell("grant.confirmed", NOON, event_id="evt_once", **facts(on_its_way))
    told_anew = tell("grant.confirmed", NOON, **facts(on_its_way))

    assert [first.status_code, again.status_code, told_anew.status_code] == [200, 200, 200]
    assert [first.json()["outcome"], again.json()["outcome"]] == ["done", "repeated"]
    assert balances(on_its_way.grant) == {"granted": 1_000_00}
    assert effects() == before
    assert not Case.objects.exists()
    assert checks.ledger_problems() == []
    assert "Set-Cookie" not in first.headers


def test_a_refusal_brings_the_credit_back(on_its_way):
    answer = tell("grant.refused", NOON, key=on_its_way.key, reason="This account is closed.")

    on_its_way.grant.refresh_from_db()
    assert answer.status_code == 200
    assert (on_its_way.grant.stage, on_its_way.grant.failure) == ("failed", "This account is closed.")
    assert balances(on_its_way.grant) == {}


def test_usage_arrives_and_what_does_not_fit_stays_with_its_case(on_its_way):
    tell("grant.confirmed", NOON, **facts(on_its_way))
    figures = {
        "organization": facts(on_its_way)["organization"],
        "currency": "USD",
        "day": f"{NOON:%Y-%m-%d}",
    }

    first = tell("usage.reported", NOON, amount_cents=250_00, **figures)
    same = tell("usage.reported", NOON, amount_cents=250_00, **figures)
    lower = tell("usage.reported", NOON, amount_cents=100_00, **figures)
    other = tell("usage.reported", NOON, amount_cents=300_00, **figures | {"currency": "EUR"})
    above = tell("usage.reported", NOON, amount_cents=1_200_00, **figures)

    assert [a.status_code for a in (first, same, lower, other, above)] == [200, 200, 202, 202, 200]
    assert balances(on_its_way.grant) == {}  # the whole grant; the rest of the figure is a case
    assert Case.objects.filter(kind="usage").count() == 3
    assert checks.ledger_problems() == []


def test_hold_suspension_label_and_clearing(on_its_way):
    org, grant = on_its_way.grant.organization, on_its_way.grant
    tell("grant.confirmed", NOON, **facts(on_its_way))
    enforcement.impose(organization_id=org.pk, kind="label", reason="By hand.", by=person(), at=NOON)

    answers = [
        tell("organization.held", NOON, organization=org.external_id, reason="Unusual."),
        tell("organization.suspended", NOON, organization=org.external_id),
        tell("organization.labelled", NOON, organization=org.external_id, label="Red team"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert balances(grant) == {"frozen": 1_000_00}
    later = NOON + timedelta(seconds=5)
    tell("organization.cleared", NOON, happened_at=later, organization=org.external_id)

    assert balances(grant) == {"granted": 1_000_00}
    standing = enforcement.of_organization(org.pk)
    assert [(row.kind, row.stands) for row in standing] == [
        ("label", True),
        ("label", True),
        ("suspend", False),
        ("hold", False),
    ]


def test_what_staff_imposed_is_not_lifted_by_the_provider(on_its_way):
    org = on_its_way.grant.organization
    enforcement.impose(
        organization_id=org.pk, kind=enforcement.EnforcementKind.HOLD, reason="Ours.", by=person(), at=NOON
    )

    assert tell("organization.cleared", NOON, organization=org.external_id).json()["outcome"] == "done"
    assert enforcement.is_held(org.pk)


def test_an_older_event_does_not_undo_a_newer_one(on_its_way):
    org = on_its_way.grant.organization
    earlier = NOON - timedelta(hours=3)

    tell("organization.held", NOON, happened_at=NOON, organization=org.external_id)
    late = tell("organization.cleared", NOON, happened_at=earlier, organization=org.external_id)
    assert (late.status_code, late.json()["outcome"]) == (202, "ignored")
    assert enforcement.is_held(org.pk)

    after = NOON + timedelta(seconds=30)
    tell("organization.cleared", NOON, happened_at=after, organization=org.external_id)
    late = tell("organization.suspended", NOON, happened_at=NOON, organization=org.external_id)
    assert late.status_code == 202
    assert not enforcement.is_held(org.pk)
    assert not Case.objects.exists()


def test_an_organization_nobody_named_yet_is_remembered_when_its_provider_is_named():
    organization()  # the provider is known here
    new = "3c9f0f5e-9f4b-4ac1-8a51-1f2e3d4c5b6a"

    assert tell("organization.held", NOON, organization=new).json()["outcome"] == "case"
    assert tell("organization.held", NOON, organization=new, provider="elsewhere").json()["outcome"] == "case"
    assert tell("organization.held", NOON, organization=new, provider="anthropic").status_code == 200

    assert enforcement.freezing().get().organization.external_id == new


def test_an_unknown_type_is_kept_and_left_alone():
    answer = tell("invoice.paid", NOON, anything=1)

    assert (answer.status_code, answer.json()["outcome"]) == (202, "ignored")
    row = InboundEvent.objects.get()
    assert (row.type, row.outcome) == ("invoice.paid", EventOutcome.IGNORED)
    assert not Case.objects.exists()


# --- Authentic, and it does not fit: no effect, and a case --------------------------------------------------------------


MISFITS = {
    "unknown grant": lambda row: ("grant.confirmed", facts(row, key="grant:unknown")),
    "another amount": lambda row: ("grant.confirmed", facts(row, amount_cents=1_000_01)),
    "another currency": lambda row: ("grant.confirmed", facts(row, currency="EUR")),
    "another organization": lambda row: ("grant.confirmed", facts(row, organization=organization().external_id)),
    "no amount": lambda row: ("grant.confirmed", {"key": row.key}),
    "an amount as a number with a point": lambda row: ("grant.confirmed", facts(row, amount_cents=100000.0)),
    "an amount as true": lambda row: ("grant.confirmed", facts(row, amount_cents=True)),
    "a refusal without a reason": lambda row: ("grant.refused", {"key": row.key}),
    "a refusal of another amount": lambda row: ("grant.refused", {"key": row.key, "reason": "x", "amount_cents": 1}),
    "a hold of nobody": lambda row: ("organization.held", {"organization": "nobody"}),
    "a clearing of nobody": lambda row: ("organization.cleared", {"organization": "nobody"}),
    "a label without words": lambda row: ("organization.labelled", {"organization": facts(row)["organization"]}),
    "a name that is a list": lambda row: ("organization.held", {"organization": ["a"]}),
    "a name with a NUL": lambda row: ("organization.held", {"organization": "a\0b"}),
    "usage of nobody": lambda row: ("usage.reported", {"organization": "nobody", "day": "2026-12-06"}),
    "usage of no day": lambda row: ("usage.reported", facts(row, day="2026-13-40")),
}  # fmt: skip


def test_what_does_not_fit_changes_nothing_and_becomes_a_case(on_its_way):
    before = effects()
    for number, (name, make) in enumerate(MISFITS.items(), 1):
        what, data = make(on_its_way)
        event_id = f"evt_misfit_{number}"

        first = tell(what, NOON, event_id=event_id, **data)
        again = tell(what, NOON, event_id=event_id, **data)

        assert (first.status_code, first.json()["outcome"]) == (202, "case"), name
        assert (again.status_code, again.json()["outcome"]) == (200, "repeated"), name
        assert Case.objects.count() == number, name
        assert effects() == before, name


def test_confirmations_of_what_has_ended_are_cases(on_its_way):
    tell("grant.refused", NOON, key=on_its_way.key, reason="No.")
    before = effects()

    assert tell("grant.confirmed", NOON, **facts(on_its_way)).status_code == 202
    assert effects() == before
    case = Case.objects.get()
    assert (case.kind, case.grant_id) == ("confirmation", on_its_way.grant_id)


def test_an_event_of_the_future_and_an_id_with_another_content_are_cases(on_its_way):
    org = on_its_way.grant.organization.external_id
    tell("organization.held", NOON, happened_at=NOON + timedelta(days=900), organization=org)
    assert not enforcement.freezing().exists()

    tell("organization.labelled", NOON, event_id="evt_same", organization=org, label="One")
    other = tell("organization.labelled", NOON, event_id="evt_same", organization=org, label="Two")

    assert (other.status_code, other.json()["outcome"]) == (200, "repeated")
    assert Enforcement.objects.get().reason == "One"
    assert Case.objects.count() == 2


@pytest.mark.parametrize(
    "body",
    [b" ", b"null", b"[]", b'{"type":"grant.confirmed"}', b"\xff\xfe", b"[" * 60_000, b'{"type":1,"data":{}}',
     b'{"type":"a b","timestamp":"2026-12-07T12:00:00Z","data":{}}', b'{"type":"a","timestamp":"today","data":{}}',
     b'{"type":"a","timestamp":"2026-12-07T12:00:00","data":{}}', b'{"type":"a","timestamp":"0001-01-01T00:00:00+14:00","data":{}}',
     b'{"type":"a","timestamp":"2026-12-07T12:00:00Z","data":{"n":' + b"9" * 5000 + b"}}"],
)  # fmt: skip
def test_an_authentic_body_that_is_no_event_is_refused_and_a_case(body):
    answer = call(body, headers_of(body, NOON))

    assert answer.status_code == 400
    assert Case.objects.count() == 1
    assert not InboundEvent.objects.exists()


# --- Not authentic: counted, and nothing else ------------------------------------------------------------------------------


def hostile_calls(number, body, good):
    """Forged, stale and replayed calls by chance, each with what makes it one."""
    dice = random.Random(number)
    event_id, stamp = good["webhook-id"], good["webhook-timestamp"]
    for _ in range(number):
        turn = dice.randrange(8)
        made, content = dict(good), body
        if turn == 0:  # one bit of the body
            at = dice.randrange(len(body))
            content = body[:at] + bytes([body[at] ^ (1 << dice.randrange(8))]) + body[at + 1 :]
        elif turn == 1:  # one letter of the signature
            at = dice.randrange(3, len(made["webhook-signature"]) - 2)
            letter = "B" if made["webhook-signature"][at] == "A" else "A"
            made["webhook-signature"] = (
                made["webhook-signature"][:at] + letter + made["webhook-signature"][at + 1 :]
            )
        elif turn == 2:  # signed with a key of somebody else
            made["webhook-signature"] = signature(
                body, event_id, stamp, key=dice.choice([NEXT_EVENT_KEY, KEY])
            )
        elif turn == 3:  # stale or ahead, rightly signed
            moved = int(stamp) + dice.choice([-1, 1]) * dice.randrange(301, 10_000_000)
            made["webhook-timestamp"] = str(max(moved, 0))
            made["webhook-signature"] = signature(body, event_id, made["webhook-timestamp"])
        elif turn == 4:  # the right signature for another moment or id
            made[dice.choice(["webhook-timestamp", "webhook-id"])] = str(dice.randrange(10**9))
        elif turn == 5:  # no signature at all, or another scheme
            made["webhook-signature"] = dice.choice(
                ["", " ", "v1", "v1,", "v0," + good["webhook-signature"][3:], "v1a,xx", "v1,é", "," * 500]
            )
        elif turn == 6:  # the parts put together differently
            made["webhook-id"], made["webhook-timestamp"] = event_id + "." + stamp, stamp
        else:  # a timestamp that int() would take
            made["webhook-timestamp"] = dice.choice(
                ["+" + stamp, " " + stamp, stamp + ".0", "1_8", "٣", "", "-1", "9" * 40]
            )
        yield made, content


def test_no_forged_or_stale_call_verifies():
    body = body_of("organization.held", NOON, organization="x")
    good, keys = headers_of(body, NOON), inbound.decoded_keys([EVENT_KEY])

    def verify(headers, content):
        inbound.verify(
            keys=keys,
            event_id=headers["webhook-id"],
            stamp=headers["webhook-timestamp"],
            signatures=headers["webhook-signature"],
            body=content,
            at=NOON,
        )

    verify(good, body)
    passed = 0
    for headers, content in hostile_calls(sized(make_test=4_000, nightly=10_000), body, good):
        try:
            verify(headers, content)
            passed += 1
        except inbound.NotAuthentic:
            pass
    assert passed == 0


def test_nothing_hostile_has_an_effect_at_the_door(on_its_way, caplog):
    body = body_of("grant.confirmed", NOON, **facts(on_its_way))
    good = headers_of(body, NOON, event_id="evt_good")
    before = effects()
    tries = sized(make_test=60, nightly=1_000)

    statuses = {call(content, headers).status_code for headers, content in hostile_calls(tries, body, good)}

    assert statuses == {401}
    assert effects() == before
    assert not Case.objects.exists()
    assert not InboundEvent.objects.exists()
    assert sum(inbound.refused_calls(at=NOON).values()) == tries
    assert len(caplog.records) == 1  # one line, however many calls

    assert call(body, good).status_code == 200
    after = effects()
    for _ in range(20):  # the same call played back
        assert call(body, good).json()["outcome"] == "repeated"
    assert effects() == after != before


def test_five_minutes_to_the_second():
    body, keys = b"{}", inbound.decoded_keys([EVENT_KEY])
    good = headers_of(body, NOON)

    def fresh(seconds):
        try:
            inbound.verify(
                keys=keys,
                event_id=good["webhook-id"],
                stamp=good["webhook-timestamp"],
                signatures=good["webhook-signature"],
                body=body,
                at=NOON + timedelta(seconds=seconds),
            )
        except inbound.NotAuthentic as error:
            return error.why
        return "in"

    assert [fresh(s) for s in (-301, -300, 0, 300, 301)] == ["stale", "in", "in", "in", "stale"]


def test_two_keys_are_valid_while_one_is_changed(settings):
    body = body_of("a.b", NOON)
    old, new = headers_of(body, NOON), headers_of(body, NOON, key=NEXT_EVENT_KEY)
    both = {**old, "webhook-id": "evt_both"}
    stamp = both["webhook-timestamp"]
    both["webhook-signature"] = " ".join(
        signature(body, "evt_both", stamp, key=key) for key in (NEXT_EVENT_KEY, EVENT_KEY)
    )

    settings.PROVIDER_EVENT_KEYS = [NEXT_EVENT_KEY, EVENT_KEY]
    assert [call(body, headers).status_code for headers in (old, new, both)] == [202, 202, 202]
    settings.PROVIDER_EVENT_KEYS = [NEXT_EVENT_KEY]
    assert [call(body, headers).status_code for headers in (old, new, both)] == [401, 200, 200]


def test_the_door_itself(settings, client):
    body = body_of("a.b", NOON)
    large = b" " * (inbound.LARGEST_BODY_BYTES + 1)

    assert client.get(DOOR).status_code == 405
    assert call(large, headers_of(large, NOON)).status_code == 413
    assert call(body, {**headers_of(body, NOON), "content-length": "x1"}).status_code == 400
    assert call(body, headers_of(body, NOON), content_type="text/plain").status_code == 415
    assert call(body, {}).status_code == 401
    assert inbound.refused_calls(at=NOON) == {"too large": 1, "unreadable": 2, "forged": 1}
    settings.PROVIDER_EVENT_KEYS = []
    assert call(body, headers_of(body, NOON)).status_code == 404
    assert not InboundEvent.objects.exists()


def test_an_oversized_body_is_refused_before_it_is_read(rf):
    from credits import api

    class Unreadable:
        def read(self, *_size):
            raise AssertionError("the body was read")

    request = rf.post(DOOR, b"{}", content_type="application/json")
    request.META["CONTENT_LENGTH"] = str(10**9 - 1)
    request._stream = request._read_started = None
    request._stream, request._read_started = Unreadable(), False

    assert api.provider_events(request).status_code == 413


def test_while_posting_is_stopped_the_provider_is_asked_to_come_again(on_its_way):
    ledger.stop_posting()
    body = body_of("grant.confirmed", NOON, **facts(on_its_way))
    headers = headers_of(body, NOON)

    answer = call(body, headers)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    assert not InboundEvent.objects.exists()
    assert not Case.objects.exists()
    ledger.resume_posting(by=person(), at=NOON)
    assert call(body, headers).json()["outcome"] == "done"


def test_the_database_keeps_events_as_they_were_taken_in():
    tell("invoice.paid", NOON)
    for change in ({"outcome": "done"}, {"words": "x"}, {"event_id": "y"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            InboundEvent.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        InboundEvent.objects.all().delete()


def test_keys_that_cannot_be_read_or_serve_both_directions_stop_the_start(settings):
    def found():
        return [error.id for error in run_checks() if error.id.startswith("credits.E00")]

    assert found() == []
    for bad in ("whsec_kurz", "whsec_###", "x"):
        settings.PROVIDER_EVENT_KEYS = [bad]
        assert found() == ["credits.E003"]
    settings.PROVIDER_EVENT_KEYS = settings.PROVIDER_SIGNING_KEYS = [EVENT_KEY]
    assert found() == ["credits.E004"]


@pytest.mark.django_db(transaction=True)
def test_the_stand_in_provider_tells_the_portal(on_its_way, live_server, tmp_path):
    """Over HTTP: the provider of the demo emits a signed event, and the portal's door takes it in."""
    provider = FakeProvider(
        tmp_path, "--events-url", live_server.url + DOOR, "--event-key", EVENT_KEY, "--event-key", NEXT_EVENT_KEY
    )  # fmt: skip
    try:
        wish = {"type": "grant.confirmed", "data": facts(on_its_way), "signed_at": int(NOON.timestamp()),
                "timestamp": NOON.isoformat()}  # fmt: skip
        said = provider.emit(**wish)
    finally:
        provider.kill()

    assert (said["status"], json.loads(said["body"])) == (200, {"outcome": "done"})
    assert balances(on_its_way.grant) == {"granted": 1_000_00}


def test_a_delivery_that_was_not_called_yet_is_not_confirmed():
    funded_pool()
    reserved()
    delivery.dispatch(at=NOON)
    row = Delivery.objects.select_related("grant__organization").get()
    before = effects()

    assert tell("grant.confirmed", NOON, **facts(row)).json()["outcome"] == "case"
    assert effects() == before
