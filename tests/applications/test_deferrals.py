"""Deferral: silent until the decided-by date, then into the next evaluation with its reviews; the waiting list; overrides."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from applications import (
    again,
    batches,
    bulk,
    decisions,
    deferrals,
    export_rows,
    intake,
    overrides,
    release,
    standing,
    tick,
    waiting_list,
)
from applications.export_shapes import Wanted
from applications.models import (
    Application,
    Assignment,
    BatchEntry,
    CheckOutcome,
    Decision,
    DecisionKind,
    DecisionState,
    ExportKind,
    Notice,
    Override,
    Review,
    ReviewState,
    ScreeningCheck,
)
from applications.standing import Phase
from applications.states import State
from portal.roles import Role
from programs import cycles, staff
from programs.models import Cycle, RuleKind
from tests.applications.test_release import World
from tests.factories.applications import AFTER, make_member

pytestmark = pytest.mark.django_db

WHY = "The lab should see the pilot first."


def load(application: Application) -> Application:
    return Application.objects.select_related("program", "cycle__program", "applicant").get(pk=application.pk)


class Deferred(World):
    """One application, looked at twice, whose deferral is released."""

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.application = self.applications[0]
        self.end = cycles.end_of_decided_by(self.cycle)
        self.decision = decisions.propose_deferral(
            application_id=self.application.pk, reason=WHY, by=self.manager, at=AFTER
        )
        self.done = self.release()

    @property
    def next(self) -> Cycle:
        return deferrals.target(self.cycle, at=AFTER)


# --- Deferral


def test_a_deferral_is_released_with_its_cycle_and_without_a_word() -> None:
    world = Deferred()
    application = load(world.application)
    decision = Decision.objects.get()

    assert (world.done.deferrals, world.done.awards) == (1, 0)
    assert (application.state, application.cycle) == (State.DEFERRED, world.cycle)
    assert (decision.state, decision.to_cycle, decision.reason) == ("released", world.next, WHY)
    assert world.next.cut_off_at >= world.end
    assert set(Notice.objects.filter(application=application).values_list("kind", flat=True)) == {"receipt"}


def test_until_the_date_it_stands_where_every_other_stands() -> None:
    world, other = Deferred(), World()
    last = world.end - timedelta(seconds=1)

    assert deferrals.carry_over(at=last) == 0
    assert (load(world.application).cycle, load(world.application).came_from) == (world.cycle, None)
    one, two = (
        standing.of(load(application), at=last) for application in (world.application, other.applications[0])
    )
    assert (one.phase, one.word, one.can_withdraw, one.apply_again_on) == (
        two.phase,
        two.word,
        two.can_withdraw,
        two.apply_again_on,
    )


def test_after_the_date_it_goes_into_the_next_evaluation() -> None:
    world = Deferred()

    assert [deferrals.carry_over(at=world.end) for _ in range(2)] == [1, 0]
    application = load(world.application)
    now = standing.of(application, at=world.end)

    assert (application.cycle, application.came_from, application.state) == (
        world.next,
        world.cycle,
        State.DEFERRED,
    )
    assert (now.phase, now.can_edit, now.can_withdraw) == (Phase.FROZEN, False, True)
    assert [step.title for step in now.steps][1] == "Goes into the next evaluation"
    assert Decision.objects.get().state == DecisionState.CARRIED
    assert again.before(program=world.program, person=application.applicant, at=world.end).live == application
    assert WHY not in str(now)


def test_the_next_batch_takes_it_with_its_reviews_to_other_people() -> None:
    world = Deferred()
    first = set(Assignment.objects.values_list("reviewer_id", flat=True))
    fresh = {make_member(world.program).pk for _ in range(2)}
    goes_to = world.next

    tick.tick(at=goes_to.cut_off_at)

    application = load(world.application)
    entries = BatchEntry.objects.filter(application=application).order_by("pk")
    assert (application.state, application.cycle) == (State.IN_REVIEW, goes_to)
    assert [entry.deferred for entry in entries] == [True, False]
    assert Review.objects.filter(application=application, state=ReviewState.IN).count() == 2
    again_asked = set(
        Assignment.objects.filter(application=application, state="to_do").values_list(
            "reviewer_id", flat=True
        )
    )
    assert again_asked == fresh
    assert not again_asked & first
    # The old decision is history, and the new evaluation decides for itself.
    late = goes_to.cut_off_at + timedelta(days=1)
    award = decisions.propose_award(application_id=application.pk, by=world.manager, at=late)
    assert (award.state, award.application.cycle) == ("pending", goes_to)


def test_a_carried_deferral_hides_no_new_decision_from_an_export() -> None:
    world = World()
    application = world.applications[0]
    award = world.award(application)
    Decision.objects.create(
        application=application,
        kind="defer",
        state=DecisionState.CARRIED,
        reason=WHY,
        to_cycle=world.cycle,
        four_eyes_above_cents=0,
        proposed_by=world.manager,
        proposed_at=AFTER,
    )
    desk = staff.desk_of(world.manager)
    kind = export_rows.KINDS[ExportKind.APPLICATIONS]
    rows = list(kind.rows(desk, Wanted(program=world.program, cycle_id=world.cycle.pk)))

    kind.prepare(rows)

    assert [row.decided for row in rows] == [award]


def test_a_withdrawn_one_is_carried_nowhere() -> None:
    world = Deferred()
    intake.withdraw(application_id=world.application.pk, by=world.application.applicant, at=AFTER)

    assert deferrals.carry_over(at=world.end) == 0


def test_a_late_clock_takes_the_first_evaluation_that_is_still_open() -> None:
    world = Deferred()
    missed = world.next
    for _ in range(2):
        make_member(world.program)
    batches.form(cycle_id=missed.pk, at=missed.cut_off_at)

    assert deferrals.carry_over(at=missed.cut_off_at) == 1
    assert load(world.application).cycle.cut_off_at > missed.cut_off_at


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_deferral_needs_a_reason(reason: str) -> None:
    world = World()

    with pytest.raises(decisions.CannotDecide, match="needs a reason"):
        decisions.propose_deferral(
            application_id=world.applications[0].pk, reason=reason, by=world.manager, at=AFTER
        )


def test_nothing_is_deferred_after_the_date() -> None:
    world = World()
    pk = world.applications[0].pk
    decisions.propose_deferral(application_id=pk, reason=WHY, by=world.manager, at=AFTER)
    end = cycles.end_of_decided_by(world.cycle)

    with pytest.raises(release.CannotRelease) as refused:
        release.release(cycle_id=world.cycle.pk, by=world.manager, at=end)
    with pytest.raises(decisions.CannotDecide, match="Decline instead"):
        decisions.propose_deferral(application_id=pk, reason=WHY, by=world.manager, at=end)

    assert "decided-by date is over" in refused.value.refusals[0].reason


def test_a_deferral_needs_a_look() -> None:
    world = World(looks=0)
    decisions.propose_deferral(
        application_id=world.applications[0].pk, reason=WHY, by=world.manager, at=AFTER
    )

    assert world.refusals() == ["Nobody has looked at it yet."]


def test_the_database_wants_cycle_and_reason_of_a_deferral() -> None:
    Deferred()

    with pytest.raises(IntegrityError, match="released_deferral"), transaction.atomic():
        Decision.objects.update(to_cycle=None)


# --- Waiting list


class Waiting(World):
    def __init__(self, **fields: object) -> None:
        super().__init__(**{"applications": 3, **fields})
        self.rows = [
            waiting_list.add(application_id=application.pk, by=self.manager, at=AFTER)
            for application in self.applications
        ]

    def order(self) -> list[int]:
        return [row.application_id for row in waiting_list.of(self.cycle)]

    def ids(self, *places: int) -> list[int]:
        return [self.applications[place].pk for place in places]


def test_the_list_keeps_its_order() -> None:
    world = Waiting()

    waiting_list.move(decision_id=world.rows[2].pk, up=True, by=world.manager, at=AFTER)
    waiting_list.move(decision_id=world.rows[0].pk, up=True, by=world.manager, at=AFTER)

    assert world.order() == world.ids(0, 2, 1)


def test_who_waits_is_never_released() -> None:
    world = Waiting()

    assert world.release() == release.Released()
    assert world.release(decision_ids=[row.pk for row in world.rows]) == release.Released(gone=3)
    with pytest.raises(IntegrityError, match="waiting_list"), transaction.atomic():
        Decision.objects.update(state="released", released_by=world.manager, released_at=AFTER)


def test_promoting_proposes_the_award_while_the_pool_has_it() -> None:
    world = Waiting(pool_cents=13_000_00)

    for row in world.rows[:2]:
        award = waiting_list.promote(decision_id=row.pk, by=world.manager, at=AFTER)
        assert (award.kind, award.state) == (DecisionKind.AWARD, DecisionState.PENDING)
    with pytest.raises(decisions.CannotDecide, match=r"has \$1,000 left .* needs \$6,000"):
        waiting_list.promote(decision_id=world.rows[2].pk, by=world.manager, at=AFTER)

    assert world.order() == world.ids(2)


def test_the_rest_is_declined_or_deferred_by_the_managers_word() -> None:
    world = Waiting()

    report = bulk.decide(
        kind="defer", application_ids=world.order(), reason="Room next month", by=world.manager, at=AFTER
    )

    assert (report.done, world.order()) == (3, [])
    assert world.release().deferrals == 3


def test_only_managers_move_the_list() -> None:
    world = Waiting()

    for by in (world.reviewers[0], make_member(world.program, Role.FINANCE)):
        with pytest.raises(decisions.CannotDecide):
            waiting_list.move(decision_id=world.rows[1].pk, up=True, by=by, at=AFTER)


# --- The line, and what goes against it


def _score(application: Application, total: str) -> None:
    Review.objects.filter(application=application).update(total=total)


def test_below_the_line_a_reason_and_a_second_person() -> None:
    world = World(applications=3)
    for application, total in zip(world.applications, ("4.5", "4.0", "2.0"), strict=True):
        _score(application, total)
    line = overrides.draw(cycle_id=world.cycle.pk, place=2, by=world.manager, at=AFTER)
    low = world.applications[2]

    assert (line.place, str(line.lowest_mean)) == (2, "4.0000")
    assert world.award(world.applications[1]).overrides == ""
    with pytest.raises(decisions.CannotDecide, match="below the line"):
        world.award(low)
    against = world.award(low, reason="A field that nobody else covers.")
    assert (against.overrides, against.needs_second_person) == (Override.BELOW_LINE, True)
    assert world.refusals() == ["It is an override, so a second person approves."]
    decisions.approve(decision_id=against.pk, by=world.second, at=AFTER)
    assert world.release().awards == 2


def test_a_line_drawn_later_counts_at_release() -> None:
    world = World(applications=2)
    _score(world.applications[0], "4.5")
    _score(world.applications[1], "2.0")
    world.award(world.applications[1])

    overrides.draw(cycle_id=world.cycle.pk, place=1, by=world.manager, at=AFTER)
    before = world.refusals()
    overrides.erase(cycle_id=world.cycle.pk, by=world.manager, at=AFTER)

    assert before == ["It is below the line. Propose it again with a reason, for a second person to approve."]
    assert world.refusals() == []


def test_despite_a_flag_too() -> None:
    world = World()
    pk = world.applications[0].pk
    world.award(world.applications[0])
    ScreeningCheck.objects.create(
        application_id=pk,
        kind=RuleKind.DUPLICATE_PERSON,
        outcome=CheckOutcome.FLAG,
        sentence="The same person applied twice.",
        checked_at=AFTER,
    )

    assert world.refusals() == [
        "It was flagged. Propose it again with a reason, for a second person to approve."
    ]
    with pytest.raises(decisions.CannotDecide, match="despite a flag"):
        world.award(world.applications[0])
    assert world.award(world.applications[0], reason="Two labs, one name.").overrides == Override.FLAGGED


def test_a_flag_that_informs_is_no_override() -> None:
    world = World()
    ScreeningCheck.objects.create(
        application=world.applications[0],
        kind=RuleKind.NEAR_DUPLICATE,
        outcome=CheckOutcome.FLAG,
        sentence="Alike.",
        checked_at=AFTER,
    )

    assert world.award(world.applications[0]).overrides == ""


def test_the_database_keeps_overrides_to_reason_and_second_person() -> None:
    world = World()
    decision = world.award(world.applications[0])

    with pytest.raises(IntegrityError, match="override_has_reason"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(overrides=Override.BELOW_LINE)
    Decision.objects.filter(pk=decision.pk).update(overrides=Override.BELOW_LINE, reason="Because.")
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(
            state="released", released_by=world.manager, released_at=AFTER
        )
    with pytest.raises(release.CannotRelease):
        world.release()


@pytest.mark.parametrize("place", [0, 4])
def test_a_line_lies_in_the_ranking(place: int) -> None:
    world = World(applications=3)

    with pytest.raises(overrides.CannotDraw, match="after a place"):
        overrides.draw(cycle_id=world.cycle.pk, place=place, by=world.manager, at=AFTER)
    with pytest.raises(overrides.CannotDraw, match="Only a manager"):
        overrides.draw(cycle_id=world.cycle.pk, place=1, by=world.reviewers[0], at=AFTER)
