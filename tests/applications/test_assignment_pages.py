"""Assignments from files, profiles of reviewers, and the pages for both."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import assignment, assignment_files, review, reviewers
from applications.models import (
    Application,
    Assignment,
    AssignmentPlan,
    AssignmentState,
    Conflict,
    ReviewerLimit,
    ReviewerProfile,
)
from portal import clock
from portal.models import User
from portal.roles import Role
from programs.models import Program
from tests.factories import applications as make
from tests.factories.staff import cast, signed_in


def _program(reviewers_: int = 3, **fields: Any) -> tuple[Program, list[User], User]:
    program = make.make_program(**fields)
    people = [make.make_member(program) for _ in range(reviewers_)]
    return program, people, make.make_member(program, Role.MANAGER)


# --- Files


def _csv(*lines: str) -> bytes:
    return ("reference,reviewer\n" + "\n".join(lines) + "\n").encode()


@pytest.mark.django_db
def test_a_good_file_becomes_a_proposal_and_then_assignments() -> None:
    program, people, manager = _program()
    sent = [make.make_submitted(program) for _ in range(2)]
    batch = make.make_batch(program, submitted=sent, assign=False)
    content = _csv(
        f"{sent[0].reference.lower()}, {people[0].email.upper()}", f"{sent[1].reference},{people[1].email}"
    )

    plan = assignment_files.propose(batch_id=batch.pk, content=content, by=manager, at=make.AFTER)
    assignment.apply(plan_id=plan.pk, by=manager, at=make.AFTER)
    again = assignment_files.propose(batch_id=batch.pk, content=content, by=manager, at=make.AFTER)

    pairs = set(Assignment.objects.values_list("application_id", "reviewer_id"))
    assert pairs == {(sent[0].pk, people[0].pk), (sent[1].pk, people[1].pk)}
    assert (again.looks, again.summary["known"]) == ([], 2)


@pytest.mark.django_db
def test_every_bad_line_of_a_file_is_named_and_nothing_is_taken() -> None:
    program, people, manager = _program()
    sent = [make.make_submitted(program) for _ in range(3)]
    stranger = make.make_submitted(make.make_program())
    batch = make.make_batch(program, submitted=sent, assign=False)
    Conflict.objects.create(application=sent[0], user=people[0], reason="x", declared_at=make.BEFORE)
    reviewers.set_limit(user=people[2], program=program, cycle=None, most=0, by=manager, at=make.BEFORE)
    good = f"{sent[1].reference},{people[1].email}"
    content = _csv(
        good,
        f"{stranger.reference},{people[1].email}",
        f"{sent[0].reference},nobody@example.org",
        f"{sent[0].reference},{people[0].email}",
        good,
        f"{sent[2].reference},{people[2].email}",
        "only one cell",
    )

    with pytest.raises(assignment_files.BadFile) as caught:
        assignment_files.propose(batch_id=batch.pk, content=content, by=manager, at=make.AFTER)

    assert [number for number, _ in caught.value.problems] == [3, 4, 5, 6, 7, 8]
    assert "conflict" in dict(caught.value.problems)[5]
    assert "line 2" in dict(caught.value.problems)[6]
    assert not AssignmentPlan.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"reference\nX",
        b"a,b\nc,d",
        b'reference,reviewer\n"x',
        b"reference,reviewer\nx\x00,y",
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(assignment_files.BadFile):
        assignment_files.read(content)


# --- Profiles and pages


@pytest.mark.django_db
def test_a_profile_is_kept_in_one_spelling_or_refused_whole() -> None:
    program, (one, *_), manager = _program()
    good = reviewers.Entered(
        tags=["Biology", " biology ", "Drug  discovery"],
        orcid="https://orcid.org/0000-0002-1825-0097",
        works=["https://doi.org/10.1234/ABC", "doi:10.1234/abc"],
        avoided_emails=["A@Example.org"],
    )
    reviewers.save_profile(user=one, entered=good, by=one, at=make.BEFORE)

    kept = ReviewerProfile.objects.get(user=one)
    assert kept.tags == ["biology", "drug discovery"]
    assert (kept.orcid, kept.works, kept.avoided_emails) == (
        "0000-0002-1825-0097",
        ["10.1234/abc"],
        ["a@example.org"],
    )
    bad = reviewers.Entered(
        orcid="1234",
        works=["not a doi"],
        ror_id="x",
        avoided_emails=["nobody"],
        absences=[(date(2026, 12, 9), date(2026, 12, 8))],
    )
    with pytest.raises(reviewers.BadProfile) as caught:
        reviewers.save_profile(user=one, entered=bad, by=one, at=make.AFTER)
    assert set(caught.value.problems) == {"orcid", "works", "ror_id", "avoided_emails", "absences"}
    kept.refresh_from_db()
    assert kept.saved_at == make.BEFORE
    with pytest.raises(reviewers.BadProfile, match="does not work"):
        reviewers.set_limit(
            user=make.make_user(), program=program, cycle=None, most=1, by=manager, at=make.BEFORE
        )


@pytest.mark.django_db
def test_people_edit_their_own_profile_and_managers_that_of_their_members() -> None:
    program, (one, other, _), manager = _program()
    stranger = make.make_member(make.make_program(), Role.MANAGER)
    asked = {"tags": "biology, physics", "absences": "2026-12-20 to 2027-01-04", f"most-{program.pk}": "5"}

    own = signed_in(one).post(reverse("admin:profile"), asked)
    theirs = signed_in(manager).post(
        reverse("admin:profile_of", args=[other.pk]), asked | {"works": "nonsense"}
    )
    pages = [
        signed_in(user).get(reverse("admin:profile_of", args=[one.pk])).status_code
        for user in (manager, stranger, other)
    ]

    assert (own.status_code, theirs.status_code) == (302, 422)
    assert "nonsense" in theirs.text
    assert ReviewerLimit.objects.get().most == 5
    assert ReviewerProfile.objects.get(user=one).tags == ["biology", "physics"]
    assert one.absences.get().until_on == date(2027, 1, 4)
    assert pages == [200, 404, 403]


@pytest.mark.django_db
def test_a_manager_proposes_and_applies_on_the_page_and_nobody_else_does() -> None:
    program, people, manager = _program(assigns_by_itself=False)
    batch = make.make_batch(program, applications=3, assign=False)
    client, cycle = signed_in(manager), batch.cycle_id
    with clock.set_to(make.AFTER):
        client.post(reverse("admin:dealing_propose", args=[cycle]))
        plan = AssignmentPlan.objects.get()
        page = client.get(reverse("admin:dealing_of", args=[cycle]))
        refused = signed_in(people[0]).post(reverse("admin:dealing_apply", args=[cycle, plan.pk]))
        other = make.make_member(make.make_program(), Role.MANAGER)
        missing = signed_in(other).post(reverse("admin:dealing_apply", args=[cycle, plan.pk]))
        bad = client.post(
            reverse("admin:dealing_import", args=[cycle]),
            {"file": SimpleUploadedFile("looks.csv", _csv("NO-SUCH,nobody@example.org"))},
        )
        before = Assignment.objects.count()
        client.post(reverse("admin:dealing_apply", args=[cycle, plan.pk]))

    assert "not in effect" in page.text
    assert (refused.status_code, missing.status_code, bad.status_code, before) == (403, 404, 422, 0)
    assert "is no application of this cycle" in bad.text
    assert Assignment.objects.count() == 6


@pytest.mark.django_db
def test_the_page_costs_the_same_at_any_size() -> None:
    counts = []
    for size in (2, 30):
        program, _, manager = _program(reviewers_=size)
        make.make_many(program, size * 5)
        batch = make.make_batch(
            program, submitted=[Application.objects.filter(program=program).first()], assign=False
        )
        assignment.propose(batch_id=batch.pk, by=manager, at=make.AFTER)
        client, page = signed_in(manager), reverse("admin:dealing_of", args=[batch.cycle_id])
        with clock.set_to(make.AFTER):
            client.get(page)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 15


@pytest.mark.django_db
def test_a_recusal_still_finds_the_next_reviewer() -> None:
    world = cast(applications=1, reviewers=3)
    row = Assignment.objects.select_related("reviewer").first()
    assert row is not None

    review.recuse(
        application_id=row.application_id, kind="personal", reason="Friend", by=row.reviewer, at=make.AFTER
    )

    rows = Assignment.objects.filter(application=row.application_id)
    assert Counter(rows.values_list("state", flat=True)) == {
        AssignmentState.RECUSED: 1,
        AssignmentState.TO_DO: 2,
    }
    assert world["rows"][0].pk == row.application_id
