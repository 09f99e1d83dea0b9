"""The pages around the program editor take the same few queries with three entries of each kind and with sixty."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from credits import funding, ledger
from portal import clock
from portal.roles import Role
from programs import rulebook
from programs.models import (
    Criterion,
    Cycle,
    Door,
    DoorKind,
    FaqEntry,
    Program,
    ScheduleException,
)
from tests.factories import applications as make

pytestmark = pytest.mark.django_db

MOST = 15


@pytest.fixture(autouse=True)
def _now() -> Any:
    with clock.set_to(make.AFTER):
        yield


def fill(program: Program, numbers: range, by: Any, second: Any) -> None:
    """One more entry of each kind that the pages list, for each number."""
    for number in numbers:
        ScheduleException.objects.create(
            program=program, regular_on=date(2026, 12, 9) + timedelta(days=number), reason="A holiday."
        )
        Door.objects.create(
            program=program, key=f"d{number}", kind=DoorKind.OUTSIDE, title="Door", text="x", url="/"
        )
        FaqEntry.objects.create(program=program, key=f"q{number}", question="Why?", answer="So.")
        Criterion.objects.create(
            program=program, key=f"c{number}", name="More", description="x", position=number
        )
        program.priority_topics = [*program.priority_topics, {"title": f"Topic {number}", "text": "x"}]
        program.models_offered = [
            *program.models_offered,
            {"slug": f"m{number}", "name": f"Model {number}", "limited": False},
        ]
        program.never_funded = [*program.never_funded, f"Sentence {number}"]
        program.save()
        version = rulebook.keep(program_id=program.pk, by=by, at=make.AFTER)
        on = date(2024, 1, 1) + timedelta(days=number)
        Cycle.objects.create(
            program=program,
            evaluation_on=on,
            opens_at=make.BEFORE,
            cut_off_at=make.CUT_OFF,
            decided_by_on=on,
            review_due_at=make.AFTER,
            state="in_review",
            rules_version=version,
        )
        ledger.fund(
            program=program.slug,
            period=str(2020 + number),
            amount_cents=100,
            made_by=by,
            approved_by=second,
            key=f"fund:{program.slug}:{number}",
            at=make.AFTER,
        )
        funding.ask(
            program=program.slug,
            period="2026",
            currency="USD",
            amount_cents=100,
            reason=f"Reason {number}.",
            by=by,
            at=make.AFTER,
        )


def test_the_pages_of_the_editor_take_few_queries_at_any_size():
    program = make.make_program()
    manager, second = (make.make_member(program, Role.MANAGER) for _ in range(2))
    client = Client()
    client.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")
    fill(program, range(3), manager, second)
    one = program.schedule_exceptions.order_by("regular_on")[0]
    urls = [
        reverse("admin:programs_program_change", args=[program.pk]),
        reverse("admin:programs_program_versions", args=[program.pk]),
        reverse("admin:programs_program_shift", args=[program.pk]) + f"?on={one.regular_on:%Y-%m-%d}",
    ]

    def taken(url: str) -> list[str]:
        with CaptureQueriesContext(connection) as found:
            assert client.get(url).status_code == 200
        return [query["sql"] for query in found.captured_queries]

    client.get(urls[0])  # what a process asks once in its life
    few = [taken(url) for url in urls]
    fill(program, range(3, 60), manager, second)
    many = [taken(url) for url in urls]

    assert [len(queries) for queries in many] == [len(queries) for queries in few]
    assert [url for url, queries in zip(urls, many, strict=True) if len(queries) > MOST] == []
