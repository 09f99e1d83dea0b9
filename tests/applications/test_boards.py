"""The boards of a cycle: what they say, how few queries they take at any size, and what they say when things changed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import batch_board, boards, bulk, decisions, groups, review, what_if
from applications.amounts import AmountRule, ByRule
from applications.models import (
    Application,
    Assignment,
    Conflict,
    Decision,
    DecisionState,
    Link,
    LinkKind,
    Reminder,
    ReminderStage,
    Review,
)
from applications.review import Look
from applications.states import State
from credits import pools
from credits.models import Grant
from portal import clock
from portal.roles import Role
from programs import rulebook, staff
from tests.applications.test_release import SCORES, World
from tests.factories.applications import AFTER, make_batch, make_many, make_member, make_program
from tests.factories.staff import fund, signed_in
from tests.sizes import sized

pytestmark = pytest.mark.django_db

MOST_QUERIES = 15
PAGES = ("decide_of", "money_board_of", "release", "batch_board_of", "waiting_list")


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(AFTER):
        yield


def page_of(world: Any, name: str) -> str:
    return reverse(f"admin:{name}", args=[world.cycle.pk])


# --- Queries


class Crowd:
    """A cycle of many: reviewed twice, half awards, half declines pending."""

    def __init__(self, number: int) -> None:
        self.program = make_program()
        self.manager = make_member(self.program, Role.MANAGER)
        reviewers = [make_member(self.program) for _ in range(2)]
        rows = make_many(self.program, number)
        self.cycle = make_batch(self.program, submitted=rows, screen=False, assign=False).cycle
        fund(self.program, 1_000_000_000_00)
        Review.objects.bulk_create(
            Review(
                application=row,
                reviewer=reviewer,
                state="in",
                total=1 + place % 4,
                started_at=AFTER,
                saved_at=AFTER,
                submitted_at=AFTER,
            )
            for place, row in enumerate(rows)
            for reviewer in reviewers
        )
        Decision.objects.bulk_create(
            Decision(
                application=row,
                kind="award" if place % 2 else "decline",
                amount_cents=6_000_00 if place % 2 else None,
                counted_cents=6_000_00 if place % 2 else 0,
                four_eyes_above_cents=10_000_00,
                proposed_by=self.manager,
                proposed_at=AFTER,
            )
            for place, row in enumerate(rows)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # in life autovacuum has told the planner about new rows by now

    def queries(self, url: str) -> int:
        client = signed_in(self.manager)
        client.get(url)
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(url)
        assert answer.status_code == 200
        return len(seen)


@pytest.mark.parametrize("number", [10, sized(make_test=500, nightly=5_000)])
def test_no_board_needs_more_queries_for_more_rows(number: int) -> None:
    crowd = Crowd(number)
    urls = [reverse(f"admin:{name}", args=[crowd.cycle.pk]) for name in PAGES]
    urls += [f"{urls[0]}?cut=5", f"{urls[1]}?cut=5", reverse("admin:index"), reverse("admin:grants_board")]

    counts = {url: crowd.queries(url) for url in urls}

    assert {url: number for url, number in counts.items() if number > MOST_QUERIES} == {}


def test_somebody_with_every_role_waits_for_no_more_queries() -> None:
    crowd = Crowd(10)
    for role in (Role.REVIEWER, Role.SCREENER, Role.FINANCE, Role.AUDITOR, Role.OPERATOR):
        make_member(crowd.program, role, user=crowd.manager)
    Application.objects.update(state=State.IN_REVIEW)
    Assignment.objects.bulk_create(
        Assignment(application=row, reviewer=crowd.manager, due_at=AFTER, assigned_at=AFTER)
        for row in Application.objects.filter(cycle=crowd.cycle)
    )

    assert crowd.queries(reverse("admin:index")) <= MOST_QUERIES
    assert crowd.queries(page_of(crowd, "batch_board_of")) <= MOST_QUERIES


# --- Batch


def test_the_batch_board_says_how_fast_reviews_come_in() -> None:
    world = World(applications=4, looks=1)
    due = world.cycle.review_due_at
    at = due - timedelta(days=2)
    Review.objects.update(submitted_at=at - timedelta(hours=1))

    pace = batch_board.board(staff.desk_of(world.manager), world.cycle, at=at).pace

    assert (pace.days[-1].on, pace.days[-1].number, pace.left) == (at.date(), 4, 4)
    assert (pace.needed, pace.is_slow, pace.is_overdue) == (2.0, True, False)
    late = batch_board.board(staff.desk_of(world.manager), world.cycle, at=due + timedelta(hours=1)).pace
    assert (late.needed, late.is_overdue) == (None, True)


def test_the_batch_board_counts_groups_and_reminders() -> None:
    world = World(applications=3)
    one, other, _ = (row.pk for row in world.applications)
    Link.objects.all().delete()
    Link.objects.create(one_id=one, other_id=other, kind=LinkKind.TEXT, share_percent=90, found_at=AFTER)
    Reminder.objects.create(
        user=world.reviewers[0], cycle=world.cycle, stage=ReminderStage.SOON, on=AFTER.date()
    )
    desk = staff.desk_of(world.manager)

    board = batch_board.board(desk, world.cycle, at=AFTER)

    assert board.alike == groups.Counted(groups=1, applications=2, largest=2)
    assert len(groups.of_cycle(desk, world.cycle)) == 1
    assert dict(board.reminders)[ReminderStage.SOON.label] == 1
    page = signed_in(world.manager).get(page_of(world, "batch_board_of")).text
    assert "with 2 applications of this batch" in page
    Conflict.objects.create(application_id=one, user=world.manager, reason="Friend", declared_at=AFTER)
    assert batch_board.board(desk, world.cycle, at=AFTER).alike.groups == 0


# --- Money


def test_every_cent_of_a_pool_is_somewhere() -> None:
    world = World(applications=3)
    world.award(world.applications[0])
    world.award(world.applications[1], amount_cents=2_000_00)
    world.release(decision_ids=[Decision.objects.order_by("pk")[0].pk])

    line = pools.lines(programs=[world.program.slug], today=AFTER.date())[0]

    assert (line.period, line.funded_cents, line.left_cents, line.reserved_cents, line.grants) == (
        "2026",
        100_000_00,
        94_000_00,
        6_000_00,
        1,
    )
    assert (
        line.funded_cents == line.left_cents + line.reserved_cents + line.in_transit_cents + line.posted_cents
    )
    assert boards.pending_by_period(world.program) == {"2026": 2_000_00}


def test_what_if_adds_up_as_one_by_one() -> None:
    world = World(applications=6)
    for place, application in enumerate(world.applications):
        Review.objects.filter(application=application).update(total=5 - place // 2)
        Application.objects.filter(pk=application.pk).update(
            requested_cents=(place + 1) * 5_000_00, country="US" if place % 2 else "DE"
        )
    world.award(world.applications[0], amount_cents=1_234_00)
    desk = staff.desk_of(world.manager)

    plan = what_if.draw(world.cycle, desk, 5)

    rows = list(boards.ranking(world.cycle, desk).select_related("program")[:5])
    rules = rulebook.for_cycle(world.cycle)
    alone = sum(decisions.default_amount_cents(row, rules) for row in rows[1:]) + 1_234_00
    assert (plan.number, plan.cents, plan.lowest) == (5, alone, rows[-1].mean)
    assert sum(part.cents for part in plan.parts["country"]) == alone
    assert [(part.name, part.number) for part in plan.parts["country"]] == [("DE", 3), ("US", 2)]
    assert what_if.draw(world.cycle, desk, 0).number == 0
    assert what_if.draw(world.cycle, desk, 100).number == 6


def test_a_conflict_stays_out_of_the_sums() -> None:
    world = World(applications=3)
    Conflict.objects.create(
        application=world.applications[0], user=world.manager, reason="Friend", declared_at=AFTER
    )

    assert what_if.draw(world.cycle, staff.desk_of(world.manager), 3).number == 2


@pytest.mark.parametrize(
    ("by_rule", "asked", "cents"),
    [
        (ByRule(), 6_000_00, 6_000_00),
        (ByRule(), 60_000_00, 20_000_00),
        (ByRule(), None, 1_000_00),
        (ByRule(AmountRule.ASKED), 7_000_50, 7_000_50),
        (ByRule(AmountRule.SHARE, 50), 7_001_00, 3_500_00),
        (ByRule(AmountRule.SHARE, 90), 60_000_00, 20_000_00),
        (ByRule(AmountRule.SHARE, 100), 7_001_50, 7_001_50),
    ],
)
def test_amounts_by_rule(by_rule: ByRule, asked: int | None, cents: int) -> None:
    rules = rulebook.of_program(make_program())

    assert by_rule.cents(requested_cents=asked, is_update=False, rules=rules) == cents


def test_the_preview_is_what_bulk_then_does() -> None:
    world = World(applications=4)
    rule = ByRule(AmountRule.SHARE, 25)
    rows = Application.objects.filter(cycle=world.cycle)

    preview = bulk.preview(rows, rule)
    report = bulk.decide(
        kind="award",
        application_ids=[row.pk for row in world.applications],
        reason="",
        by=world.manager,
        at=AFTER,
        by_rule=rule,
    )

    assert (preview.number, preview.cents, preview.lowest_cents) == (4, 6_000_00, 1_500_00)
    assert report.done == 4
    assert sum(Decision.objects.values_list("amount_cents", flat=True)) == preview.cents


# --- Bad input: what changed meanwhile is said in words


def test_a_manager_decides_while_a_reviewer_types() -> None:
    world = World(applications=1)
    world.award(world.applications[0])
    world.release()

    with pytest.raises(review.CannotReview, match="reviews are closed"):
        review.save(
            application_id=world.applications[0].pk, look=Look(scores=SCORES), by=world.reviewers[0], at=AFTER
        )


def test_the_second_click_says_that_it_is_done() -> None:
    world = World(applications=2)
    for application in world.applications:
        world.award(application)
    client = signed_in(world.manager)
    url = page_of(world, "release")
    drawn = client.get(url)
    click = {"sure": "yes", "reach": "free", "stamp": drawn.context["stamp"]}

    first, second = client.post(url, click), client.post(url, click)

    assert first.context["done"].awards == 2
    assert (second.status_code, second.context["done"]) == (200, None)
    assert "released or undone meanwhile" in second.text
    assert Grant.objects.count() == 2


def test_decisions_that_changed_since_the_page_was_drawn_are_not_released() -> None:
    world = World(applications=2)
    world.award(world.applications[0])
    client = signed_in(world.manager)
    url = page_of(world, "release")
    stamp = client.get(url).context["stamp"]
    decisions.propose_award(
        application_id=world.applications[1].pk, amount_cents=9_000_00, by=world.second, at=AFTER
    )

    answer = client.post(url, {"sure": "yes", "reach": "free", "stamp": stamp})

    assert answer.status_code == 422
    assert "changed since this page was drawn" in answer.text
    assert not Grant.objects.exists()


def test_a_selection_goes_and_the_rest_stays() -> None:
    world = World(applications=3, looks=2)
    for application in world.applications:
        world.award(application)
    client = signed_in(world.manager)
    url = page_of(world, "release")

    none = client.post(url, {"sure": "yes", "reach": "ticked"})
    one = client.post(url, {"sure": "yes", "reach": "ticked", "row": [str(world.applications[1].pk)]})

    assert none.status_code == 422
    assert one.context["done"].awards == 1
    assert Decision.objects.get(state=DecisionState.RELEASED).application == world.applications[1]


def test_one_unseen_application_stops_the_batch_but_not_a_selection() -> None:
    world = World(applications=2)
    unseen = make_many(world.program, 1, cycle=world.cycle, state=State.IN_REVIEW)[0]
    world.award(world.applications[0])
    client = signed_in(world.manager)
    url = page_of(world, "release")

    whole = client.post(url, {"sure": "yes", "reach": "free"})
    part = client.post(url, {"sure": "yes", "reach": "ticked", "row": [str(world.applications[0].pk)]})

    assert whole.status_code == 422
    assert "nobody has looked at" in whole.text
    assert str(unseen.reference) in whole.text
    assert part.context["done"].awards == 1


def test_a_pool_that_just_ran_dry_is_said_in_words() -> None:
    world = World(applications=2, pool_cents=7_000_00)
    for application in world.applications:
        world.award(application)
    client = signed_in(world.manager)

    page = client.get(page_of(world, "release"))
    answer = client.post(page_of(world, "release"), {"sure": "yes", "reach": "free"})

    assert "The pool is too small for all of it" in page.text
    assert answer.status_code == 422
    assert "Nothing was released." in answer.text
    assert not Grant.objects.exists()


def test_a_bulk_action_over_rows_that_changed_meanwhile() -> None:
    world = World(applications=3)
    drawn = AFTER
    later = AFTER.replace(hour=13)
    decisions.propose_decline(application_id=world.applications[0].pk, by=world.second, at=later)
    Application.objects.filter(pk=world.applications[1].pk).update(state="withdrawn", withdrawn_at=later)

    report = bulk.decide(
        kind="award",
        application_ids=[row.pk for row in world.applications],
        reason="",
        by=world.manager,
        at=later,
        drawn_at=drawn,
    )

    assert report.done == 1
    assert [refusal.reason.split(":")[0] for refusal in report.refused] == [
        f"{world.second} decided it meanwhile",
        f"{world.applications[1]} is withdrawn, not in review.",
    ]
    assert Decision.objects.get(application=world.applications[0]).kind == "decline"


def test_a_conflicted_manager_sees_a_number_and_no_name() -> None:
    world = World(applications=2)
    for application in world.applications:
        world.award(application)
    hidden = world.applications[0]
    Conflict.objects.create(application=hidden, user=world.second, reason="Friend", declared_at=AFTER)
    client = signed_in(world.second)

    page = client.get(page_of(world, "release"))
    done = client.post(page_of(world, "release"), {"sure": "yes", "reach": "free"})

    assert "1 decision of this cycle is about people you have a conflict of interest with." in page.text
    assert hidden.title not in page.text
    assert str(hidden.reference) not in page.text
    assert (done.context["done"].awards, done.context["hidden"]) == (1, 1)
    hidden.refresh_from_db()
    assert hidden.state == State.IN_REVIEW


def test_who_decided_and_then_had_a_conflict_stops_the_release() -> None:
    world = World(applications=1)
    world.award(world.applications[0])
    Conflict.objects.create(
        application=world.applications[0], user=world.manager, reason="Friend", declared_at=AFTER
    )

    page = signed_in(world.second).get(page_of(world, "release"))

    assert "Another manager has to decide it." in page.text


def test_the_second_person_approves_what_was_seen() -> None:
    world = World(applications=1)
    seen = world.award(world.applications[0], amount_cents=12_000_00)
    world.award(world.applications[0], amount_cents=19_000_00)
    url = reverse("admin:applications_application_decide", args=[world.applications[0].pk])

    answer = signed_in(world.second).post(url, {"do": "approve", "decision": str(seen.pk)})

    assert answer.status_code == 422
    assert "took its place" in answer.text
    assert Decision.objects.get(state=DecisionState.PENDING).approved_by is None
