"""The page on which usage is entered, read from files and corrected: who may, what is refused, what is kept."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from credits.models import Usage, UsageCorrection
from portal import clock
from portal.roles import Role
from tests.factories import applications as make
from tests.factories import credits as money
from tests.factories.usage import DAY, evening, left, lot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with clock.set_to(evening(DAY)):
        yield


@pytest.fixture
def grant():
    # Before its program is known, because credit of a known one needs a released decision.
    return lot(money.organization(), program="drawn-program")


@pytest.fixture
def program(grant):
    return make.make_program(slug=grant.program)


def signed_in(program, role):
    client, user = Client(), make.make_member(program, role)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(program):
    return reverse("admin:programs_program_usage", args=[program.pk])


def day(grant, amount="12.50", **fields):
    typed = {"do": "record", "organization_id": grant.organization.external_id, "day": str(DAY)}
    return typed | {"amount_cents": amount} | fields


def test_a_day_is_entered_and_put_right_by_two_people(program, grant):
    manager, finance = signed_in(program, Role.MANAGER), signed_in(program, Role.FINANCE)

    for _ in range(2):
        assert manager.post(page(program), day(grant)).status_code == 302
    assert left(grant) == 87_50
    lower = manager.post(page(program), day(grant, "2"))
    assert (lower.status_code, "Two people correct it" in lower.text) == (422, True)
    assert 'value="2"' in lower.text  # what was typed is kept
    row = Usage.objects.get()
    ask = {"do": "ask", "usage_id": row.pk, "amount_cents": "2", "reason": "Told twice"}
    assert manager.post(page(program), ask).status_code == 302
    wish = UsageCorrection.objects.get()
    assert wish.case is not None
    own = manager.post(page(program), {"do": "approve", "row": wish.pk})
    assert (own.status_code, "Another person decides" in own.text) == (409, True)
    assert finance.post(page(program), {"do": "approve", "row": wish.pk}).status_code == 302

    assert left(grant) == 98_00


def test_a_file_is_tried_then_read_and_its_bad_lines_are_named(program, grant):
    manager = signed_in(program, Role.MANAGER)
    stranger = lot(money.organization(), program="external-researcher-access")

    def send(*lines, **fields):
        text = "organization_id,day,amount,currency\n" + "\n".join(lines)
        file = SimpleUploadedFile("usage.csv", text.encode())
        return manager.post(page(program), {"do": "file", "file": file} | fields)

    good = f"{grant.organization.external_id},{DAY},5,USD"
    other = f"{stranger.organization.external_id},{DAY},5,USD"
    assert "What the file would do" in send(good, dry_run="on").text
    assert left(grant) == 100_00
    wrong = send(good, "total,,6,USD")
    assert (wrong.status_code, "says a total of $6.00" in wrong.text) == (422, True)
    done = send(good, other)

    assert (done.status_code, "No organization with this ID" in done.text) == (422, True)
    assert (left(grant), left(stranger)) == (95_00, 100_00)


def test_who_sees_usage_and_who_counts_it(program, grant):
    answers = {}
    for role in (Role.MANAGER, Role.FINANCE, Role.AUDITOR, Role.REVIEWER):
        client = signed_in(program, role)
        answers[role] = (
            client.get(page(program)).status_code,
            client.post(page(program), day(grant)).status_code,
        )

    assert answers == {
        Role.MANAGER: (200, 302), Role.FINANCE: (200, 302), Role.AUDITOR: (200, 404), Role.REVIEWER: (404, 404),
    }  # fmt: skip
    other = make.make_program(slug="another", short_code="ANO")
    assert signed_in(program, Role.MANAGER).get(page(other)).status_code == 404


def test_rows_of_another_program_are_not_there_and_the_page_asks_few_questions(program, grant):
    manager = signed_in(program, Role.MANAGER)
    elsewhere = lot(money.organization(), program="external-researcher-access")
    told = day(elsewhere)
    assert "No organization with this ID" in manager.post(page(program), told).text
    for index in range(6):
        manager.post(page(program), day(grant, f"{index + 1}00", day="2026-12-07"))

    with CaptureQueriesContext(connection) as captured:
        text = manager.get(page(program)).text

    assert len(captured) <= 15
    assert "Used without credit" in text
    assert manager.post(page(program), {"do": "cover", "row": "999999"}).status_code == 404
    assert manager.post(page(program), {"do": "cover", "row": Usage.objects.get().pk}).status_code == 302


def test_the_grants_board_says_where_posted_credit_is_in_its_life(program, grant):
    manager = signed_in(program, Role.MANAGER)
    with clock.set_to(evening(grant.expires_on, 9)):
        text = manager.get(reverse("admin:grants_board"), {"stage": "confirmed"}).text

    assert grant.reference in text
    assert "Converted to a standard account" in text
