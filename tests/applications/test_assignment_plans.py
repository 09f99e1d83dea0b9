"""Plans before they take effect, demand by stage, limits, absences, expertise and moves."""

from collections import Counter
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from applications import assignment, dealing, rebalancing, review, reviewers
from applications.dealing import Reviewer, Subject
from applications.models import (
    Application,
    Assignment,
    AssignmentPlan,
    Batch,
    Conflict,
    GateDuty,
    Notice,
    PlanState,
    Recusal,
)
from applications.review import Look
from applications.tick import tick
from portal.models import AuditEvent, User
from portal.roles import Role
from programs.models import MessageKind, Program
from tests.factories import applications as make
from tests.factories.staff import cast

SCORES = {"merit": 4, "impact": 4, "feasibility": 4}


def spread(counts: Any) -> int:
    return max(counts.values()) - min(counts.values())


# --- The dealing itself


def test_bids_like_those_of_a_conference_are_dealt_evenly_and_without_one_conflict() -> None:
    """54 papers, 31 people, 45 conflicts, 3 looks each; the people's wishes become tags."""
    dice = Random(7)
    papers, people = range(1, 55), range(101, 132)
    barred: set[tuple[int, int]] = set()
    while len(barred) < 45:
        barred.add((dice.choice(papers), dice.choice(people)))
    wishes = {pk: frozenset(f"paper-{paper}" for paper in dice.sample(papers, 9)) for pk in people}

    dealt = dealing.deal(
        [Subject(paper, -1, "", frozenset({f"paper-{paper}"})) for paper in papers],
        [Reviewer(pk, "", tags=wishes[pk]) for pk in people],
        wanted=3,
        barred=barred,
        load={},
        seed=1,
    )

    counts = Counter(pk for _, pk in dealt.pairs)
    wished = sum(f"paper-{paper}" in wishes[pk] for paper, pk in dealt.pairs)
    assert not barred & set(dealt.pairs)
    assert dealt.short == {}
    assert len(set(dealt.pairs)) == 54 * 3
    assert spread(counts) <= 1
    assert wished >= 0.6 * len(dealt.pairs)  # by chance it would be one in six


def test_limits_are_kept_and_what_they_leave_over_is_named() -> None:
    people = [Reviewer(1, "", room=3), Reviewer(2, "", room=2), Reviewer(3, "", room=0)]

    dealt = dealing.deal(
        [Subject(pk, -1, "") for pk in range(10, 16)], people, wanted=1, barred=set(), load={}, seed=1
    )

    assert Counter(pk for _, pk in dealt.pairs) == {1: 3, 2: 2}
    assert [reason for _, reason in dealt.short.values()] == [dealing.LIMITS]


def test_a_chain_makes_room_where_limits_and_conflicts_cross() -> None:
    people = [Reviewer(1, "", room=1), Reviewer(2, "", room=1)]
    barred = {(12, 2)}  # 12 needs person 1, so 11 has to go to person 2, whatever came first

    for seed in range(20):
        dealt = dealing.deal(
            [Subject(11, -1, ""), Subject(12, -1, "")], people, wanted=1, barred=barred, load={}, seed=seed
        )
        assert set(dealt.pairs) == {(11, 2), (12, 1)}
        assert dealt.short == {}


def test_everybody_in_conflict_is_said_so() -> None:
    dealt = dealing.deal([Subject(11, 1, "")], [Reviewer(1, "")], wanted=1, barred=set(), load={}, seed=1)

    assert dealt.short == {11: (1, dealing.CONFLICTS)}
    assert dealing.deal([Subject(11, 1, "")], [], wanted=2, barred=set(), load={}, seed=1).short == {
        11: (2, dealing.NOBODY)
    }


def test_a_repeat_deals_the_same_and_another_seed_does_not() -> None:
    subjects = [Subject(pk, -1, "") for pk in range(100)]
    people = [Reviewer(pk, "") for pk in range(200, 206)]

    def pairs(seed: int) -> list[tuple[int, int]]:
        return dealing.deal(subjects, people, wanted=2, barred=set(), load={}, seed=seed).pairs

    assert pairs(1) == pairs(1)
    assert pairs(1) != pairs(2)


# --- Plans


def _program(reviewers_: int = 3, **fields: Any) -> tuple[Program, list[User], User]:
    program = make.make_program(**fields)
    people = [make.make_member(program) for _ in range(reviewers_)]
    return program, people, make.make_member(program, Role.MANAGER)


@pytest.mark.django_db
def test_a_plan_is_shown_before_it_takes_effect_and_applied_once() -> None:
    program, people, manager = _program()
    batch = make.make_batch(program, applications=6, assign=False)

    plan = assignment.propose(batch_id=batch.pk, by=manager, at=make.AFTER)

    assert not Assignment.objects.exists()
    assert plan.summary["reviewers"] == {str(person.pk): 4 for person in people}
    assert plan.summary["short_count"] == 0
    done = assignment.apply(plan_id=plan.pk, by=manager, at=make.AFTER)
    again = assignment.apply(plan_id=plan.pk, by=manager, at=make.AFTER)
    assert (done.assignments, again.assignments, Assignment.objects.count()) == (12, 12, 12)
    assert Notice.objects.filter(kind=MessageKind.ASSIGNMENT).count() == 3
    batch.refresh_from_db()
    assert batch.assigned_at == make.AFTER
    with pytest.raises(assignment.CannotPlan, match="dealt already"):
        assignment.propose(batch_id=batch.pk, by=manager, at=make.AFTER)
    assert AuditEvent.objects.filter(action="plan.propose").count() == 1


@pytest.mark.django_db
def test_what_changed_since_a_plan_was_drawn_wins() -> None:
    program, people, manager = _program(reviewers_=2, reviews_wanted=2)
    sent = [make.make_submitted(program) for _ in range(3)]
    batch = make.make_batch(program, submitted=sent, assign=False)
    plan = assignment.propose(batch_id=batch.pk, by=manager, at=make.AFTER)
    Recusal.objects.create(application=sent[0], reviewer=people[0], kind="personal", at=make.AFTER)
    Conflict.objects.create(application=sent[1], user=people[1], reason="x", declared_at=make.AFTER)
    Application.objects.filter(pk=sent[2].pk).update(state="withdrawn", withdrawn_at=make.AFTER)

    done = assignment.apply(plan_id=plan.pk, by=manager, at=make.AFTER)

    pairs = set(Assignment.objects.values_list("application_id", "reviewer_id"))
    assert pairs == {(sent[0].pk, people[1].pk), (sent[1].pk, people[0].pk)}
    assert done.assignments == 2


@pytest.mark.django_db
def test_a_newer_proposal_sets_the_older_one_aside() -> None:
    program, _, manager = _program()
    batch = make.make_batch(program, assign=False)
    old = assignment.propose(batch_id=batch.pk, by=manager, at=make.AFTER)
    new = assignment.propose(batch_id=batch.pk, by=manager, at=make.AFTER)

    with pytest.raises(assignment.CannotPlan, match="set aside"):
        assignment.apply(plan_id=old.pk, by=manager, at=make.AFTER)
    assignment.set_aside(plan_id=new.pk, by=manager, at=make.AFTER)
    assert set(AssignmentPlan.objects.values_list("state", flat=True)) == {PlanState.VOID}


@pytest.mark.django_db
@pytest.mark.parametrize("by_itself", [True, False])
def test_a_program_says_whether_its_batch_is_dealt_without_a_yes(by_itself: bool) -> None:
    program, _, manager = _program(assigns_by_itself=by_itself)
    make.make_submitted(program)

    for minutes in (1, 2):
        done = tick(at=make.CUT_OFF + timedelta(minutes=minutes))

    assert Assignment.objects.exists() is by_itself
    assert done.proposals == 0
    plan = AssignmentPlan.objects.get()
    assert plan.state == (PlanState.APPLIED if by_itself else PlanState.PROPOSED)
    if not by_itself:
        assignment.apply(plan_id=plan.pk, by=manager, at=make.AFTER)
        assert Assignment.objects.count() == 2


@pytest.mark.django_db
def test_shortfalls_are_counted_and_named_with_their_reason() -> None:
    program, people, manager = _program(reviewers_=1)
    reviewers.set_limit(user=people[0], program=program, cycle=None, most=1, by=manager, at=make.BEFORE)
    batch = make.make_batch(program, applications=2, assign=False, field="biology")

    plan = assignment.propose(batch_id=batch.pk, by=manager, at=make.AFTER)

    assert plan.summary["short_count"] == 2
    assert set(plan.summary["short_reasons"]) == {dealing.LIMITS, dealing.CONFLICTS}
    assert plan.summary["gates_short_reasons"] == {dealing.NOBODY: 2}


# --- Demand by stage


@pytest.mark.django_db
def test_a_clear_decline_needs_one_look_and_anything_else_gets_the_second() -> None:
    program, *_ = _program(first_looks=1)
    sent = [make.make_submitted(program) for _ in range(4)]
    make.make_batch(program, submitted=sent)
    assert Assignment.objects.count() == 4

    for number, row in enumerate(Assignment.objects.select_related("reviewer").order_by("application_id")):
        look = (
            Look(scores={}, clear_decline=True, decline_code="out_of_scope")
            if number < 2
            else Look(scores=SCORES)
        )
        review.send_in(application_id=row.application_id, look=look, by=row.reviewer, at=make.AFTER)
    later = make.AFTER + timedelta(minutes=5)
    done, again = tick(at=later), tick(at=later)

    looks = Counter(Assignment.objects.values_list("application_id", flat=True))
    assert [looks[row.pk] for row in sent] == [1, 1, 2, 2]
    assert (done.assignments, again.assignments) == (2, 0)


@pytest.mark.django_db
def test_gated_applications_go_to_screeners_evenly() -> None:
    program, _, _ = _program()
    screeners = [make.make_member(program, Role.SCREENER) for _ in range(2)]
    biology = [make.make_submitted(program, field="biology") for _ in range(4)]
    make.make_submitted(program)
    Conflict.objects.create(application=biology[0], user=screeners[0], reason="x", declared_at=make.BEFORE)

    make.make_batch(program, submitted=biology)

    duties = dict(GateDuty.objects.values_list("application_id", "screener_id"))
    assert set(duties) == {row.pk for row in biology}
    assert duties[biology[0].pk] == screeners[1].pk
    assert spread(Counter(duties.values())) == 0


# --- Limits, absences, expertise


@pytest.mark.django_db
def test_limits_of_a_cycle_stand_before_those_of_the_program() -> None:
    program, people, manager = _program(reviewers_=3, reviews_wanted=1)
    cycle = make.next_cycle(program)
    for person, of_cycle, most in ((people[0], None, 1), (people[1], None, 0), (people[1], cycle, 2)):
        reviewers.set_limit(
            user=person, program=program, cycle=of_cycle, most=most, by=manager, at=make.BEFORE
        )

    make.make_batch(program, applications=9)

    counts = Counter(Assignment.objects.values_list("reviewer_id", flat=True))
    assert counts == {people[0].pk: 1, people[1].pk: 2, people[2].pk: 6}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("from_on", "until_on", "works"),
    [
        (date(2026, 12, 7), date(2026, 12, 7), False),  # away on the day
        (date(2026, 12, 8), date(2026, 12, 14), False),  # away for more than half of the days
        (date(2026, 12, 13), date(2026, 12, 20), True),  # back soon enough
        (date(2026, 11, 20), date(2026, 12, 6), True),
    ],
)
def test_who_is_away_gets_nothing_new(from_on: date, until_on: date, works: bool) -> None:
    program, (one, other), _ = _program(reviewers_=2, reviews_wanted=1)
    entered = reviewers.Entered(absences=[(from_on, until_on)])
    reviewers.save_profile(user=one, entered=entered, by=one, at=make.BEFORE)

    make.make_batch(program, applications=4)

    counts = Counter(Assignment.objects.values_list("reviewer_id", flat=True))
    assert counts == ({one.pk: 2, other.pk: 2} if works else {other.pk: 4})


@pytest.mark.django_db
def test_people_read_what_they_know_as_far_as_an_even_load_allows() -> None:
    program, (biologist, physicist), _ = _program(reviewers_=2, reviews_wanted=1)
    for person, tag in ((biologist, "Biology"), (physicist, "physics")):
        reviewers.save_profile(user=person, entered=reviewers.Entered(tags=[tag]), by=person, at=make.BEFORE)
    fields = ["biology", "physics"] * 5
    for field in fields:
        make.make_submitted(program, field=field)

    make.make_batch(program, submitted=[Application.objects.first()])

    rows = Assignment.objects.values_list("reviewer_id", "application__field")
    assert Counter(rows) == {(biologist.pk, "biology"): 5, (physicist.pk, "physics"): 5}


# --- Moves


def _dealt(**fields: Any) -> dict[str, Any]:
    world = cast(applications=9, reviewers=3, **fields)
    world["batch"] = Batch.objects.get(cycle=world["cycle"])
    return world


@pytest.mark.django_db
def test_who_is_late_gives_up_what_is_not_begun_and_the_rest_stays() -> None:
    world = _dealt(reviews_wanted=1)
    late, *others = world["reviewers"]
    mine = list(Assignment.objects.filter(reviewer=late).order_by("application_id"))
    review.save(application_id=mine[0].application_id, look=Look(scores={"merit": 3}), by=late, at=make.AFTER)

    plan = rebalancing.propose(
        batch_id=world["batch"].pk, by=world["manager"], at=make.AFTER, relieve=(late.pk,)
    )

    assert Counter(Assignment.objects.values_list("reviewer_id", flat=True))[late.pk] == 3
    assert plan.summary["moves"] == 2
    assignment.apply(plan_id=plan.pk, by=world["manager"], at=make.AFTER)
    assignment.apply(plan_id=plan.pk, by=world["manager"], at=make.AFTER)
    counts = Counter(Assignment.objects.values_list("reviewer_id", flat=True))
    assert counts == {late.pk: 1, others[0].pk: 4, others[1].pk: 4}
    assert Assignment.objects.get(reviewer=late).application_id == mine[0].application_id
    assert set(Counter(Assignment.objects.values_list("application_id", flat=True)).values()) == {1}


@pytest.mark.django_db
def test_what_was_begun_after_the_proposal_stays_too() -> None:
    world = _dealt(reviews_wanted=1)
    late = world["reviewers"][0]
    plan = rebalancing.propose(
        batch_id=world["batch"].pk, by=world["manager"], at=make.AFTER, relieve=(late.pk,)
    )
    begun = Assignment.objects.filter(reviewer=late).first()
    assert begun is not None
    review.save(application_id=begun.application_id, look=Look(scores={"merit": 3}), by=late, at=make.AFTER)

    done = assignment.apply(plan_id=plan.pk, by=world["manager"], at=make.AFTER)

    assert done.assignments == 2
    assert Assignment.objects.filter(application=begun.application_id).count() == 1


@pytest.mark.django_db
def test_a_new_colleague_takes_a_share_with_as_few_moves_as_that_needs() -> None:
    world = _dealt(reviews_wanted=1)
    make.make_member(world["program"])

    plan = rebalancing.propose(batch_id=world["batch"].pk, by=world["manager"], at=make.AFTER)
    assignment.apply(plan_id=plan.pk, by=world["manager"], at=make.AFTER)

    assert plan.summary["moves"] == 2
    assert sorted(Counter(Assignment.objects.values_list("reviewer_id", flat=True)).values()) == [2, 2, 2, 3]


@pytest.mark.django_db
def test_a_batch_that_is_even_has_nothing_to_move() -> None:
    world = _dealt()

    plan = rebalancing.propose(batch_id=world["batch"].pk, by=world["manager"], at=make.AFTER)

    assert plan.looks == []
    assert plan.summary["short_count"] == 0
