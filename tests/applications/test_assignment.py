from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from applications import assignment, review
from applications.assignment import Reviewer, Subject
from applications.models import Assignment, Conflict, Notice, RecusalKind
from programs.models import MessageKind
from tests.factories.applications import (
    AFTER,
    BEFORE,
    make_batch,
    make_member,
    make_program,
    make_submitted,
    make_user,
)
from tests.factories.staff import cast


@given(
    applications=st.integers(0, 60),
    reviewers=st.integers(0, 12),
    wanted=st.integers(1, 4),
    domains=st.integers(1, 6),
    seed=st.integers(0, 1_000),
)
def test_balance_never_breaks_a_rule(
    applications: int, reviewers: int, wanted: int, domains: int, seed: int
) -> None:
    people = [Reviewer(pk, f"d{pk % domains}" if pk % 3 else "") for pk in range(reviewers)]
    subjects = [Subject(pk, pk % 15, f"d{pk % domains}" if pk % 2 else "") for pk in range(applications)]
    barred = {(pk, (pk * 7) % max(reviewers, 1)) for pk in range(0, applications, 5)}

    pairs, short = assignment.balance(subjects, people, wanted=wanted, barred=barred, load={}, seed=seed)

    domain_of = {person.pk: person.domain for person in people}
    by_application = Counter(application for application, _ in pairs)
    assert len(pairs) == len(set(pairs))
    for application, reviewer in pairs:
        subject = subjects[application]
        assert reviewer != subject.applicant_pk
        assert not subject.domain or subject.domain != domain_of[reviewer]
        assert (application, reviewer) not in barred
    assert {pk for pk in range(applications) if by_application[pk] < wanted} == set(short)


def test_balance_without_conflicts_spreads_by_one_at_most() -> None:
    people = [Reviewer(pk, "") for pk in range(7)]
    subjects = [Subject(pk, -1, "") for pk in range(1_000)]

    pairs, short = assignment.balance(subjects, people, wanted=2, barred=set(), load={}, seed=3)

    counts = Counter(reviewer for _, reviewer in pairs)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert short == []


@given(seed=st.integers(0, 1_000), applications=st.integers(20, 80))
def test_balance_with_conflicts_at_the_end_of_the_list_still_spreads_by_one(
    seed: int, applications: int
) -> None:
    people = [Reviewer(pk, "") for pk in range(6)]
    subjects = [Subject(pk, -1, "") for pk in range(applications)]
    barred = {(pk, reviewer) for pk in range(applications - 3, applications) for reviewer in (0, 1, 2)}

    pairs, short = assignment.balance(subjects, people, wanted=2, barred=barred, load={}, seed=seed)

    counts = Counter(reviewer for _, reviewer in pairs)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert not barred & set(pairs)
    assert short == []


def test_balance_counts_the_work_people_already_have() -> None:
    people = [Reviewer(1, ""), Reviewer(2, "")]
    subjects = [Subject(pk, -1, "") for pk in range(10)]

    pairs, _ = assignment.balance(subjects, people, wanted=1, barred=set(), load={1: 6}, seed=0)

    assert Counter(reviewer for _, reviewer in pairs) == {1: 2, 2: 8}


@pytest.mark.django_db
def test_a_batch_goes_to_members_without_conflict_and_each_gets_one_letter() -> None:
    program, elsewhere = make_program(), make_program()
    free, colleague, declared = (
        make_member(program),
        make_member(program, email="colleague@lab.uni.example.org"),
        make_member(program),
    )
    make_member(elsewhere)
    application = make_submitted(program, applicant=make_user("ada@uni.example.org"))
    Conflict.objects.create(
        application=application, user=declared, reason="Co-author", declared_by=None, declared_at=BEFORE
    )

    batch = make_batch(program, submitted=[application])

    assert list(Assignment.objects.values_list("reviewer_id", flat=True)) == [free.pk]
    assert Notice.objects.get(kind=MessageKind.ASSIGNMENT).recipient == free
    assert colleague.pk != free.pk
    assert assignment.assign(batch_id=batch.pk, at=AFTER) == assignment.Assigned()
    assert Assignment.objects.count() == 1


@pytest.mark.django_db
def test_an_applicant_never_reviews_their_own() -> None:
    program = make_program()
    reviewer = make_member(program)
    own = make_submitted(program, applicant=reviewer)

    make_batch(program, submitted=[own])

    assert not Assignment.objects.exists()


@pytest.mark.django_db
def test_whoever_takes_over_after_a_recusal_is_told() -> None:
    world = cast(applications=1, reviewers=3, reviews_wanted=2)
    row = world["rows"][0]
    first = row.assignments.order_by("pk").first().reviewer
    before = set(Notice.objects.values_list("pk", flat=True))

    taken = review.recuse(application_id=row.pk, kind=RecusalKind.OTHER, reason="", by=first, at=AFTER)

    letter = Notice.objects.exclude(pk__in=before).get(kind=MessageKind.ASSIGNMENT)
    assert taken is not None
    assert (letter.recipient, letter.values["count"]) == (taken.reviewer, 1)
