"""Four eyes: what one person or organization gets in a year, approvals bound to what was approved, and every try around it."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, transaction

from applications import bulk, decisions, release
from applications.models import (
    Application,
    Collaborator,
    Decision,
    DecisionState,
    Right,
)
from applications.states import State
from credits.models import Grant
from portal.models import User
from portal.refusals import Refused
from portal.roles import Role
from programs.models import Program
from tests.applications.test_release import World
from tests.factories.applications import (
    AFTER,
    ORGANIZATION_ID,
    make_member,
    make_program,
    make_submitted,
    make_user,
)
from tests.sizes import sized

pytestmark = pytest.mark.django_db

LIMIT = 10_000_00
OTHER_ID = "1c1d0b75-8b67-4b4a-8f6f-2e3d4c5b6a79"


class Two(World):
    """Two applications of one organization, each below the limit and together above it."""

    def __init__(self, **fields: object) -> None:
        super().__init__(applications=2, answers={"organization_id": ORGANIZATION_ID}, **fields)
        self.first, self.other = self.applications

    def approve(self, decision: Decision) -> Decision:
        return decisions.approve(decision_id=decision.pk, by=self.second, at=AFTER)


def fresh(decision: Decision) -> Decision:
    return Decision.objects.get(pk=decision.pk)


# --- Counting


def test_awards_of_one_organization_count_together() -> None:
    world = Two()

    alone = world.award(world.first)
    together = world.award(world.other)

    assert (alone.counted_cents, alone.needs_second_person) == (6_000_00, False)
    assert (together.counted_cents, together.needs_second_person) == (12_000_00, True)
    assert fresh(alone).counted_cents == 12_000_00
    assert set(world.refusals()) == {
        (
            "With the other awards of this person or organization in twelve months it is above $10,000, so a second person "
            "approves."
        )
    }


def test_an_undone_award_no_longer_counts() -> None:
    world = Two()
    alone = world.award(world.first)
    together = world.award(world.other)

    decisions.undo(decision_id=together.pk, by=world.manager, at=AFTER)

    assert fresh(alone).counted_cents == 6_000_00
    assert world.refusals() == []


def test_the_same_person_counts_over_programs_of_the_same_provider() -> None:
    world = World()
    person = world.applications[0].applicant
    other_program = make_program(slug="second-door")
    manager = make_member(other_program, Role.MANAGER)
    sent = make_submitted(other_program, applicant=person)
    Application.objects.filter(pk=sent.pk).update(state=State.IN_REVIEW)
    decisions.propose_award(application_id=sent.pk, amount_cents=7_000_00, by=manager, at=AFTER)

    here = world.award(world.applications[0])

    assert here.counted_cents == 13_000_00
    assert here.needs_second_person


def test_another_provider_counts_apart() -> None:
    world = World()
    other_program = make_program(provider="elsewhere")
    manager = make_member(other_program, Role.MANAGER)
    sent = make_submitted(other_program, applicant=world.applications[0].applicant)
    Application.objects.filter(pk=sent.pk).update(state=State.IN_REVIEW)
    decisions.propose_award(application_id=sent.pk, amount_cents=7_000_00, by=manager, at=AFTER)

    assert world.award(world.applications[0]).counted_cents == 6_000_00


def test_after_twelve_months_an_award_counts_no_more() -> None:
    world = Two()
    world.award(world.first)
    world.release()
    year = timedelta(days=365)

    for later, counted in ((AFTER + year - timedelta(days=1), 12_000_00), (AFTER + year * 2, 6_000_00)):
        award = decisions.propose_award(application_id=world.other.pk, by=world.manager, at=later)
        assert award.counted_cents == counted


def test_credit_that_came_back_counts_no_more() -> None:
    world = Two()
    world.award(world.first)
    world.release()
    Grant.objects.update(stage="void", ended_at=AFTER)

    assert world.award(world.other).counted_cents == 6_000_00


# --- The table of tries: each must leave the award unreleased. -----------------------------------------------------------


def _own_approval(world: Two, large: Decision) -> None:
    decisions.approve(decision_id=large.pk, by=world.manager, at=AFTER)


def _own_approval_by_orm(world: Two, large: Decision) -> None:
    Decision.objects.filter(pk=large.pk).update(approved_by=world.manager, approved_at=AFTER)


def _approved_by_the_applicant(world: Two, large: Decision) -> None:
    person = make_member(world.program, Role.MANAGER, user=large.application.applicant)
    Decision.objects.filter(pk=large.pk).update(approved_by=person, approved_at=AFTER)


def _approved_by_a_co_applicant(world: Two, large: Decision) -> None:
    person = make_member(world.program, Role.MANAGER)
    _share(large.application, person)
    Decision.objects.filter(pk=large.pk).update(approved_by=person, approved_at=AFTER)


def _approver_joins_afterwards(world: Two, large: Decision) -> None:
    world.approve(large)
    _share(large.application, world.second)


def _approved_by_a_stranger(world: Two, large: Decision) -> None:
    Decision.objects.filter(pk=large.pk).update(approved_by=make_user(), approved_at=AFTER)


def _approved_by_a_reviewer(world: Two, large: Decision) -> None:
    decisions.approve(decision_id=large.pk, by=world.reviewers[0], at=AFTER)


def _limit_of_the_decision_raised(world: Two, large: Decision) -> None:
    Decision.objects.filter(pk=large.pk).update(four_eyes_above_cents=LIMIT * 10)


def _limit_raised_and_put_back(world: Two, large: Decision) -> None:
    Program.objects.filter(pk=world.program.pk).update(four_eyes_above_cents=LIMIT * 10)
    decisions.undo(decision_id=large.pk, by=world.manager, at=AFTER)
    decisions.propose_award(
        application_id=large.application_id, amount_cents=15_000_00, by=world.manager, at=AFTER
    )
    Program.objects.filter(pk=world.program.pk).update(four_eyes_above_cents=LIMIT)


def _limit_raised_for_the_release(world: Two, large: Decision) -> None:
    Program.objects.filter(pk=world.program.pk).update(four_eyes_above_cents=LIMIT * 10)


def _amount_raised_after_approval(world: Two, large: Decision) -> None:
    world.approve(large)
    Decision.objects.filter(pk=large.pk).update(amount_cents=18_000_00)


def _amount_raised_and_put_back(world: Two, large: Decision) -> None:
    world.approve(large)
    Decision.objects.filter(pk=large.pk).update(amount_cents=18_000_00)
    Decision.objects.filter(pk=large.pk).update(amount_cents=15_000_00)


def _months_after_approval(world: Two, large: Decision) -> None:
    world.approve(large)
    Decision.objects.filter(pk=large.pk).update(months=1)


def _models_after_approval(world: Two, large: Decision) -> None:
    world.approve(large)
    Decision.objects.filter(pk=large.pk).update(granted_models=["large"])


def _organization_after_approval(world: Two, large: Decision) -> None:
    world.approve(large)
    Application.objects.filter(pk=large.application_id).update(organization_id_text=OTHER_ID)


def _applicant_after_approval(world: Two, large: Decision) -> None:
    world.approve(large)
    Application.objects.filter(pk=large.application_id).update(applicant=make_user())


def _binding_written_by_hand(world: Two, large: Decision) -> None:
    world.approve(large)
    Decision.objects.filter(pk=large.pk).update(amount_cents=18_000_00, approved_binding=b"x" * 32)


def _moved_to_another_application(world: Two, large: Decision) -> None:
    world.approve(large)
    Decision.objects.filter(pk=large.pk).update(application=world.other)


def _approval_without_a_moment(world: Two, large: Decision) -> None:
    Decision.objects.filter(pk=large.pk).update(approved_by=world.second)


def _by_bulk(world: Two, large: Decision) -> None:
    decisions.undo(decision_id=large.pk, by=world.manager, at=AFTER)
    ids = [application.pk for application in world.applications]
    bulk.decide(kind="award", application_ids=ids, reason="", by=world.manager, at=AFTER)


def _counted_written_by_hand(world: Two, large: Decision) -> None:
    Decision.objects.filter(pk=large.pk).update(amount_cents=6_000_00, counted_cents=0)
    world.award(world.other)
    Decision.objects.update(counted_cents=0)


def _released_by_orm(world: Two, large: Decision) -> None:
    Decision.objects.filter(pk=large.pk).update(
        state=DecisionState.RELEASED, released_at=AFTER, released_by=world.manager
    )


def _called_a_decline(world: Two, large: Decision) -> None:
    Decision.objects.filter(pk=large.pk).update(kind="decline")
    world.release()
    Decision.objects.filter(pk=large.pk).update(kind="award")


TRIES: list[Callable[[Two, Decision], None]] = [
    _own_approval,
    _own_approval_by_orm,
    _approved_by_the_applicant,
    _approved_by_a_co_applicant,
    _approver_joins_afterwards,
    _approved_by_a_stranger,
    _approved_by_a_reviewer,
    _limit_of_the_decision_raised,
    _limit_raised_and_put_back,
    _limit_raised_for_the_release,
    _amount_raised_after_approval,
    _amount_raised_and_put_back,
    _months_after_approval,
    _models_after_approval,
    _organization_after_approval,
    _applicant_after_approval,
    _binding_written_by_hand,
    _moved_to_another_application,
    _approval_without_a_moment,
    _by_bulk,
    _counted_written_by_hand,
    _released_by_orm,
    _called_a_decline,
]


@pytest.mark.parametrize("attempt", TRIES, ids=lambda attempt: attempt.__name__.strip("_"))
def test_no_way_around_the_second_person(attempt: Callable[[Two, Decision], None]) -> None:
    world = Two()
    large = world.award(world.first, amount_cents=15_000_00)

    for step in (lambda: attempt(world, large), world.release):
        try:
            with transaction.atomic():
                step()
        except (decisions.CannotDecide, release.CannotRelease, DatabaseError):
            pass

    assert not Decision.objects.filter(kind="award", state=DecisionState.RELEASED).exists()
    assert not Grant.objects.exists()


def test_nor_do_two_of_these_in_a_row() -> None:
    """Pairs by chance, each from the same start: what one try leaves behind may not help the next.

    A pair may end in credit that one person may give, or that a second one did approve; anything above is a way around.
    """
    world, dice = Two(), random.Random(20261207)
    large = world.award(world.first, amount_cents=15_000_00)
    passed = []

    for _ in range(sized(make_test=170, nightly=1_000)):
        pair = dice.sample(TRIES, 2)
        with transaction.atomic():
            for attempt in (*pair, lambda world, _: world.release()):
                try:
                    with transaction.atomic():
                        attempt(world, Decision.objects.get(pk=large.pk))
                except (Refused, DatabaseError, ObjectDoesNotExist):
                    pass
            if _is_above_and_alone(world):
                passed.append([attempt.__name__ for attempt in pair])
            transaction.set_rollback(True)

    assert passed == []


def _is_above_and_alone(world: Two) -> bool:
    """Whether one person or organization got more than the limit, and no second person stands behind a part of it."""
    got: dict[object, list[tuple[int, bool]]] = {}
    released = Decision.objects.filter(kind="award", state=DecisionState.RELEASED)
    for decision in released.select_related("application"):
        application = decision.application
        stands_behind = (
            decision.approved_by_id in (world.manager.pk, world.second.pk)
            and decision.approved_by_id not in (decision.proposed_by_id, application.applicant_id)
            and not application.collaborators.filter(user=decision.approved_by_id).exists()
        )
        for who in (application.applicant_id, application.organization_id_text):
            got.setdefault(who, []).append((decision.amount_cents or 0, stands_behind))
    return any(
        sum(cents for cents, _ in parts) > LIMIT and not all(stands for _, stands in parts)
        for parts in got.values()
    )


@pytest.mark.parametrize("attempt", ["at once", "one after the other", "by statement"])
def test_splitting_into_two_small_grants_does_not_pass(attempt: str) -> None:
    world = Two()
    first, other = world.award(world.first), world.award(world.other)

    if attempt == "one after the other":
        decisions.undo(decision_id=other.pk, by=world.manager, at=AFTER)
        world.release(decision_ids=[first.pk])
        other = world.award(world.other)
        with pytest.raises(release.CannotRelease):
            world.release()
    elif attempt == "at once":
        with pytest.raises(release.CannotRelease):
            world.release()
    else:
        Decision.objects.update(counted_cents=0)
        for application, decision in ((world.first, first), (world.other, other)):
            grant = Grant.objects.create(
                reference=application.reference,
                program=world.program.slug,
                provider="anthropic",
                pool="pool",
                holder=application.applicant,
                amount_cents=6_000_00,
                created_at=AFTER,
            )
            Decision.objects.filter(pk=decision.pk).update(grant=grant)
        with pytest.raises(DatabaseError, match="above the limit"), transaction.atomic():
            Decision.objects.update(
                state=DecisionState.RELEASED, released_at=AFTER, released_by=world.manager
            )

    assert Decision.objects.get(pk=other.pk).state == DecisionState.PENDING


def test_approved_by_a_second_person_it_passes() -> None:
    world = Two()
    for decision in (world.award(world.first, amount_cents=15_000_00), world.award(world.other)):
        world.approve(decision)

    assert world.release().sum_cents == 21_000_00


def test_what_was_released_does_not_change() -> None:
    world = World()
    decision = world.award(world.applications[0])
    world.release()

    changes = (
        {"amount_cents": 1},
        {"approved_by": world.second},
        {"state": "pending"},
        {"months": 60},
        {"released_at": AFTER - timedelta(days=400)},
    )
    for change in changes:
        with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
            Decision.objects.filter(pk=decision.pk).update(**change)


def _share(application: Application, person: User) -> None:
    Collaborator.objects.create(
        application=application,
        email=person.email,
        user=person,
        right=Right.VIEW,
        invited_by=application.applicant,
        invited_at=AFTER,
        accepted_at=AFTER,
    )
