"""What the page of a grant shows: its state, what is left day by day, the lots beside it, and the drawing of it."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from credits import balances, burn_chart, expiry, ledger, lots
from credits.forecast import Outlook
from credits.movements import AccountKind, Kind
from portal import clock
from tests.factories import credits as make
from tests.factories.usage import DAY, evening, lot, told

pytestmark = pytest.mark.django_db
END = date(2027, 6, 7)


def used_for(grant, days, cents=1_00):
    for number in range(days):
        told(grant.organization, cents, DAY + timedelta(days=number))


def shown(grant, at, name="credits:grant", holder=None):
    client = Client()
    client.force_login(holder or grant.holder)
    with clock.set_to(at):
        return client.get(reverse(name, args=[grant.uuid] if name != "credits:mine" else []))


def state(grant, at):
    return balances.state_of(balances.of([grant])[grant.pk], at=at).key


def test_a_grant_goes_through_its_states():
    grant = lot(make.organization())
    assert state(grant, evening(DAY)) == "active"
    told(grant.organization, 60_00)
    ice = ledger.open_account(
        code=f"frozen:{grant.pk}", kind=AccountKind.FROZEN, program=grant.program, grant_id=grant.pk
    )
    granted = make.account_of(grant, AccountKind.GRANTED)
    move = {"amount_cents": 40_00, "by": None, "at": evening(DAY)}
    ledger.post(kind=Kind.FREEZE, source=granted, destination=ice, key="f", **move)
    assert state(grant, evening(DAY)) == "held"
    ledger.post(kind=Kind.THAW, source=ice, destination=granted, key="t", **move)
    assert state(grant, evening(END)) == "active"
    assert state(grant, evening(END, 3)) == "closing"
    assert state(grant, evening(END, 4)) == "converted"
    expiry.expire(at=evening(END, 4))
    other = lot(make.organization(), cents=5_00)
    told(other.organization, 5_00)

    assert state(grant, evening(END, 4)) == "converted"
    assert state(other, evening(DAY)) == "used_up"
    held = balances.of([grant])[grant.pk]
    figures = (held.granted_cents, held.used_cents, held.expired_cents, held.left_cents, held.frozen_cents)
    assert figures == (100_00, 60_00, 40_00, 0, 0)


def test_the_page_shows_the_drawing_the_forecast_and_its_table_in_few_questions():
    grant = lot(make.organization())
    used_for(grant, 14, 2_00)

    client = Client()
    client.force_login(grant.holder)
    with clock.set_to(evening(DAY, 14)), CaptureQueriesContext(connection) as captured:
        page = client.get(reverse("credits:grant", args=[grant.uuid])).content.decode()

    assert len(captured) <= 15
    assert "they run out about <b>" in page
    assert '<polyline class="left" points="0.0,0.0 ' in page
    assert "style=" not in page.split("<main")[1].split("</main")[0]
    assert "reported up to 21 Dec" in page
    assert "What was left at the end of some days" in page
    assert "72.00" in page
    assert "in the order of use" not in page


def test_without_enough_use_the_page_says_so_and_after_the_end_what_became_of_it():
    grant = lot(make.organization())
    told(grant.organization, 10_00)
    assert "There was not enough use lately" in shown(grant, evening(DAY, 1)).content.decode()
    expiry.expire(at=evening(END, 4))

    page = shown(grant, evening(END, 4)).content.decode()

    assert "Converted to a standard account" in page
    assert "$90 USD was not used and has expired." in page
    assert 'class="ahead"' not in page


def test_lots_of_one_organization_stand_in_their_order_and_those_of_others_do_not():
    where, holder = make.organization(), make.person()
    late, endless = lot(where, months=12, holder=holder), lot(where, months=None, holder=holder)
    early = lot(where, months=3, holder=holder)
    stranger = lot(where, months=1)

    page = shown(endless, evening(DAY), holder=holder).content.decode()
    listed = shown(endless, evening(DAY), "credits:mine", holder).content.decode()

    part = page[page.index("in the order of use") :]
    places = [part.index(one.reference) for one in (early, late, endless)]
    assert places == sorted(places)
    assert stranger.reference not in page
    assert "$300 on this organization" in page
    assert listed.count("$100.00 of $100 USD left") == 3
    assert [row.grant_id for row in lots.siblings(endless)] == [stranger.pk, early.pk, late.pk, endless.pk]


def test_the_page_speaks_the_language_of_its_reader():
    grant = lot(make.organization(), term_starts="first_use")
    grant.holder.language = "es"
    grant.holder.save(update_fields=["language"])
    client = Client(headers={"accept-language": "es"})
    client.force_login(grant.holder)
    with clock.set_to(evening(DAY)), translation.override("es"):
        page = client.get(reverse("credits:grant", args=[grant.uuid])).content.decode()

    assert "Tras su primer uso" in page
    assert "6 meses desde el día del primer uso" in page


def test_the_drawing_keeps_to_its_frame_and_falls_with_the_balance():
    grant = lot(make.organization())
    told(grant.organization, 25_00)
    told(grant.organization, 25_00, DAY + timedelta(days=10))
    held, at = balances.of([grant])[grant.pk], evening(DAY, 20)
    outlook = Outlook(grant.pk, at.date(), date(2027, 3, 1), 0)

    chart = burn_chart.of(held, outlook, at=at)

    line = [tuple(map(float, point.split(","))) for point in chart.line.split()]
    heights = [y for _, y in line]
    assert heights == sorted(heights)
    assert (heights[0], heights[-1]) == (0.0, burn_chart.HEIGHT / 2)
    assert all(0 <= x <= burn_chart.WIDTH for x, _ in line)
    assert chart.outlook.endswith(f",{float(burn_chart.HEIGHT)}")
    assert chart.end_x == burn_chart.WIDTH
    assert chart.rows[0] == (at.date(), 50_00)
    assert chart.rows[-1] == (date(2026, 12, 7), 100_00)
    assert len(chart.rows) <= burn_chart.MOST_ROWS + 1
