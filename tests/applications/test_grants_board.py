"""What the grants board adds up: alarms, retries, holds, what expires, commitment and burn; and the file that comes back."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import posting
from credits import burn, delivery, enforcement, pools
from credits.models import Case, Delivery, EnforcementKind, Grant
from portal import clock
from portal.roles import Role
from tests.applications.test_statements import use
from tests.factories import applications as make
from tests.factories.credits import NOON, PROGRAM, funded_pool, person, reserved, sent
from tests.factories.staff import signed_in

pytestmark = pytest.mark.django_db


def on_its_way(state: str = "sent", **fields: Any) -> Delivery:
    one = sent()
    Delivery.objects.filter(pk=one.pk).update(**{"state": state, "sent_at": NOON, **fields})
    return Delivery.objects.select_related("grant").get(pk=one.pk)


def confirmed(at: datetime = NOON) -> Grant:
    return delivery.confirm(delivery_id=on_its_way().pk, at=at)


def test_amber_from_14_days_and_red_from_21():
    funded_pool()
    grant = on_its_way().grant
    tones = {}
    for days in (0, 13, 14, 20, 21, 40):
        at = NOON + timedelta(days=days)
        (row,) = [row for row in posting.stages(Grant.objects.all(), at=at) if row.key == "sent"]
        assert (
            row.tone == posting.urgency(grant, at=at) == posting.retries(Grant.objects.all(), at=at)[0].tone
        )
        tones[days] = row.tone
    assert tones == {0: "", 13: "", 14: "warning", 20: "warning", 21: "danger", 40: "danger"}
    reserved()
    stages = {row.key: row.tone for row in posting.stages(Grant.objects.all(), at=NOON + timedelta(days=2))}
    assert stages["reserved"] == "danger"


def test_what_expires_shows_what_is_left_and_spent_credit_is_not_shown():
    funded_pool()
    some, none = confirmed(), confirmed()
    use(some, 300_00, NOON + timedelta(days=1))
    use(none, 1_000_00, NOON + timedelta(days=1))
    assert some.expires_on is not None
    at = datetime.combine(some.expires_on - timedelta(days=10), datetime.min.time(), UTC)

    (found,) = posting.expiring(Grant.objects.all(), at=at)

    assert (found, found.left_cents) == (some, 700_00)


def burned_at(today: date) -> list[burn.Burn]:
    return burn.of(pools.lines(programs=[PROGRAM], today=today, burned_since=burn.since(today)), today=today)


def test_commitment_and_burn_by_month():
    funded_pool()
    reserved()
    grant = confirmed()
    for month, cents in ((1, 100_00), (2, 200_00), (3, 300_00), (4, 60_00)):
        use(grant, cents, datetime(2027, month, 5, tzinfo=UTC))
    at = datetime(2027, 4, 20, tzinfo=UTC)

    (row,) = burned_at(at.date())

    assert (row.funded_cents, row.committed_cents, row.used_cents) == (10_000_00, 2_000_00, 660_00)
    assert row.months[-4:] == [
        (date(2027, 1, 1), 100_00),
        (date(2027, 2, 1), 200_00),
        (date(2027, 3, 1), 300_00),
        (date(2027, 4, 1), 60_00),
    ]
    assert (row.rate_cents, row.months_left, row.committed_share) == (200_00, 1.7, 20)
    assert burn.of([], today=at.date()) == []
    (idle,) = burned_at(date(2026, 3, 1))
    assert (idle.rate_cents, idle.months_left) == (0, None)


def test_the_board_shows_tries_holds_and_burn_within_its_queries():
    funded_pool()
    on_its_way("unknown", attempts=4, last_error="503 busy", alerted_at=NOON + timedelta(days=1))
    held = confirmed()
    assert held.organization_id is not None
    manager = signed_in(make.make_member(make.make_program(slug=PROGRAM), Role.MANAGER))
    enforcement.impose(
        organization_id=held.organization_id,
        kind=EnforcementKind.HOLD,
        reason="A look at its use.",
        by=person(is_staff=True),
        at=NOON,
    )
    with (
        clock.set_to(NOON + timedelta(days=15)),
        CaptureQueriesContext(
            connection,
        ) as asked,
    ):
        page = manager.get(reverse("admin:grants_board"))
    assert len(asked) <= 15
    for words in (
        "503 busy",
        "put before a person",
        "Enforcement",
        "Hold",
        "$1,000",
        "Commitment and burn",
        "red 21 d",
    ):
        assert words in page.text
    (hold,) = posting.holds(Grant.objects.all())
    assert hold.frozen == {"USD": 1_000_00}
    assert posting.holds(Grant.objects.none()) == []


def test_a_file_that_comes_back_is_checked_as_a_whole_and_each_bad_line_is_named(settings):
    settings.PROVIDER_ADAPTER = "manual"
    funded_pool()
    one, two = on_its_way(), on_its_way()
    operator = signed_in(make.make_member(make.make_program(slug=PROGRAM), Role.OPERATOR))

    def bring(*lines: str) -> Any:
        text = "\n".join(["key,status,reason,amount", *lines])
        file = SimpleUploadedFile("back.csv", text.encode())
        return operator.post(reverse("admin:confirmations"), {"file": file})

    for lines, why in [
        ([f"{one.key},confirmed,,1000", "total,,,999.99"], "Line 3: the total does not match"),
        (["total,,,0", f"{one.key},confirmed,,1000"], "Line 2: something stands below"),
        ([f"{one.key},confirmed,,", "total,,,1000"], "Line 2 has no amount"),
    ]:
        answer = bring(*lines)
        assert (answer.status_code, why in answer.text, "Nothing was taken" in answer.text) == (
            422,
            True,
            True,
        )
    assert not Grant.objects.filter(stage="confirmed").exists()

    answer = bring(
        f"{one.key},confirmed,,1000", f"{two.key},maybe,,", "grant:nobody,confirmed,,", "total,,,1000"
    )

    assert answer.status_code == 422  # the third line has no amount for the total
    answer = bring(
        f"{one.key},confirmed,,1000", f"{two.key},maybe,,", "grant:nobody,confirmed,,5", "total,,,1005"
    )
    assert "1 confirmed, 0 refused" in answer.text
    assert "it must be confirmed or refused" in answer.text
    assert "No delivery has the key grant:nobody" in answer.text
    opened = Case.objects.filter(kind="confirmation")
    assert {case.grant_id for case in opened} == {two.grant_id, None}
    assert bring(f"{two.key},refused,Unknown account,").status_code == 302
