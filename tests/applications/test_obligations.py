"""What holders owe: its beginning, its due day, reminders, handing in, judging, and what overdue means."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from applications import (
    decisions,
    intake,
    notices,
    obligation_desk,
    obligations,
    release,
    release_checks,
    summaries,
)
from applications.models import (
    Application,
    Conflict,
    Notice,
    NoticeState,
    Obligation,
    ObligationState,
    Summary,
)
from applications.states import State
from credits import checks, delivery, grants, organization_changes, usage
from credits.models import Grant, LedgerAccount, Stage
from portal.models import AuditEvent, User
from portal.roles import Role
from programs.models import MessageKind, Program
from programs.staff import desk_of
from tests.factories.amending import BEGUN, NEXT_REVIEW, POSTED, Awarded
from tests.factories.applications import make_many, make_member, make_program, make_submitted, make_user

pytestmark = pytest.mark.django_db

WANTED = {"summary_required": True, "summary_due_days": 14}
DAY = timedelta(days=1)


def posted(**fields: object) -> tuple[Awarded, Obligation]:
    """An award that is posted and owes a summary; the credit ends on 20 June 2027. Built in life's own steps."""
    world = Awarded(**{**WANTED, **fields})
    obligations.follow(at=POSTED)
    return world, Obligation.objects.get(application=world.application)


@dataclass
class Owing:
    """An awarded application as rows, for what needs no credit."""

    program: Program
    manager: User
    application: Application

    @property
    def holder(self) -> User:
        return self.application.applicant


def owed() -> tuple[Owing, Obligation]:
    program = make_program(**WANTED)
    (application,) = make_many(program, 1, state=State.AWARDED)
    owes = Obligation.objects.create(
        application=application, days_before=14, due_on=date(2027, 6, 6), created_at=POSTED
    )
    return Owing(program, make_member(program, Role.MANAGER), application), owes


World = Owing | Awarded


def at_noon(day: date) -> datetime:
    return datetime.combine(day, POSTED.timetz())


def hand_in(world: World, owes: Obligation, *, text: str = "We found it.", at: datetime = BEGUN) -> Summary:
    return summaries.hand_in(obligation_id=owes.pk, text=text, version=None, by=world.holder, at=at)


# --- Beginning and due day ------------------------------------------------------------------------------------------------


def test_it_begins_with_the_posting_once_and_follows_the_end_of_the_credit() -> None:
    world = Awarded(posted=False, **WANTED)
    assert obligations.follow(at=POSTED).begun == 0
    world.accept()
    world.post()

    assert obligations.follow(at=POSTED).begun == 1
    again = obligations.follow(at=POSTED + DAY)
    owes = Obligation.objects.get()

    assert (again.begun, again.moved, owes.due_on) == (0, 0, date(2027, 6, 6))


def test_more_credit_moves_the_due_day_and_owes_nothing_of_its_own() -> None:
    world, owes = posted()
    update = world.send(amount={"amount_cents": 2_000_00, "currency": "USD"})
    world.agree(update, 2_000_00)
    world.post(at=NEXT_REVIEW)

    done = obligations.follow(at=NEXT_REVIEW)

    owes.refresh_from_db()
    assert (done.begun, done.moved, owes.due_on) == (0, 1, date(2027, 6, 22))


@pytest.mark.parametrize(
    ("fields", "due_on"),
    [
        ({"summary_due_days": 300}, date(2027, 1, 3)),  # two weeks after the posting at the earliest
        ({"term_mode": "none", "term_months": None}, date(2027, 12, 20)),  # credit without an end: a year
        ({"term_mode": "months", "term_months": 1, "summary_due_days": 0}, date(2027, 1, 20)),
    ],
)
def test_due_days_at_the_edges(fields: dict[str, object], due_on: date) -> None:
    _world, owes = posted(**fields)

    assert owes.due_on == due_on


def test_the_due_day_waits_until_the_end_is_known() -> None:
    world = Awarded(term_starts="first_use", **WANTED)

    assert obligations.follow(at=POSTED).begun == 1
    assert world.grant.expires_on is None
    assert Obligation.objects.get().due_on is None
    assert overdue(world, BEGUN.replace(year=2029)) == ""


def test_a_first_use_at_another_organization_begins_the_term_that_counts() -> None:
    world = Awarded(term_starts="first_use", **WANTED)
    obligations.follow(at=POSTED)
    change = organization_changes.ask(
        grant_id=world.grant.pk,
        organization_id="5d7b4f52-1c3e-4a6b-9d8f-0a1b2c3d4e5f",
        format="anthropic-console",
        reason="The lab moved.",
        by=world.manager,
        at=POSTED,
    )
    moved = organization_changes.approve(change_id=change.pk, by=world.second, at=POSTED).new_grant
    assert moved is not None
    assert moved.organization_id is not None
    usage.record(
        organization_id=moved.organization_id,
        day=BEGUN.date(),
        amount_cents=1_00,
        currency="USD",
        source="event",
        key="first",
        by=None,
        at=BEGUN,
    )

    obligations.follow(at=BEGUN)

    moved.refresh_from_db()
    assert moved.expires_on == date(2027, 6, 27)
    assert Obligation.objects.get().due_on == date(2027, 6, 13)


def test_nothing_is_owed_where_the_program_wants_nothing() -> None:
    Awarded()

    assert obligations.follow(at=POSTED).begun == 0


# --- Reminders ------------------------------------------------------------------------------------------------------------


def test_reminders_come_once_each_and_say_nothing_once_it_is_handed_in() -> None:
    world, owes = owed()
    queued = {}
    for days in (40, 30, 29, 8, 7, 6, 1, 0, -1, -2, -30):
        at = at_noon(owes.due_on - days * DAY)
        queued[days] = (obligations.remind(at=at), obligations.remind(at=at))

    assert {days for days, count in queued.items() if count == (1, 0)} == {30, 7, 1, -1}
    assert all(count == (0, 0) for days, count in queued.items() if days not in (30, 7, 1, -1))
    letters = Notice.objects.filter(key__startswith="summary:").order_by("pk")
    assert [letter.kind for letter in letters] == [MessageKind.SUMMARY_REMINDER] * 3 + ["summary_overdue"]
    subject, body = notices.render(letters[0])
    assert world.application.reference in subject
    assert "Sunday 6 June 2027" in subject
    assert f"/applications/{world.application.public_id}/obligations/" in body

    hand_in(world, owes)
    late = Notice.objects.exclude(pk__in=letters).filter(state=NoticeState.WAITING)
    late.update(state=NoticeState.SENT, sent_at=POSTED)
    assert notices.send_due(limit=50, at=at_noon(owes.due_on + 60 * DAY)).sent == 0
    assert not letters.all().exists()


def test_a_reminder_waits_for_the_morning_and_follows_a_day_that_moves() -> None:
    _world, owes = posted()
    night = at_noon(owes.due_on - 30 * DAY).replace(hour=3)

    assert obligations.remind(at=night) == 0
    assert obligations.remind(at=at_noon(night.date())) == 1
    old = Notice.objects.get(key__startswith="summary:")
    Obligation.objects.update(days_before=5)
    assert obligations.follow_ends(at=night) == 1

    with pytest.raises(notices.NothingToSay):
        notices.render(old)
    assert obligations.remind(at=at_noon(date(2027, 6, 15) - 30 * DAY)) == 1


# --- Handing in -----------------------------------------------------------------------------------------------------------


def test_what_is_typed_is_kept_and_another_window_is_not_overwritten() -> None:
    world, owes = owed()

    def save(text: str, version: int | None) -> int:
        return summaries.save(obligation_id=owes.pk, text=text, version=version, by=world.holder, at=BEGUN)

    assert save("one \x00 two", 0) == 1
    assert save("one \x00 two", 0) == 1  # nothing new
    with pytest.raises(summaries.StaleSummary):
        save("from another window", 0)
    with pytest.raises(summaries.CannotHandIn, match="Only the holder"):
        summaries.save(obligation_id=owes.pk, text="x", version=None, by=make_user(), at=BEGUN)
    owes.refresh_from_db()
    assert owes.draft_text == "one \ufffd two"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write the summary"),
        (" \n ", "Write the summary"),
        ("word " * 601, "601 words; 600 are the most"),
    ],
)
def test_what_cannot_be_handed_in(text: str, words: str) -> None:
    world, owes = owed()

    with pytest.raises(summaries.CannotHandIn, match=words):
        hand_in(world, owes, text=text)
    owes.refresh_from_db()
    assert (owes.state, Summary.objects.count()) == (ObligationState.OPEN, 0)


def test_handed_in_returned_and_accepted_keeps_every_version() -> None:
    world, owes = owed()
    first = hand_in(world, owes)
    assert hand_in(world, owes, text="pressed twice").pk == first.pk
    with pytest.raises(summaries.CannotHandIn, match="with us now"):
        summaries.save(obligation_id=owes.pk, text="later", version=None, by=world.holder, at=BEGUN)

    summaries.give_back(obligation_id=owes.pk, number=1, words="Which gene?", by=world.manager, at=BEGUN)
    late_at = at_noon(owes.due_on + DAY)
    second = hand_in(world, owes, text="Gene 17.", at=late_at)
    done = summaries.accept(obligation_id=owes.pk, number=2, words="", by=world.manager, at=late_at)
    again = summaries.accept(obligation_id=owes.pk, number=2, words="", by=world.manager, at=late_at)

    owes.refresh_from_db()
    kept = list(Summary.objects.order_by("number").values_list("text", "outcome", "is_late", "answer"))
    assert kept == [("We found it.", "returned", False, "Which gene?"), ("Gene 17.", "accepted", True, "")]
    assert (owes.state, owes.late_at, second.number) == (ObligationState.ACCEPTED, late_at, 2)
    assert (done.half_goes, again.half_goes) == (False, False)
    told = {
        notice.kind: notices.render(notice)[1] for notice in Notice.objects.filter(kind__contains="summary")
    }
    assert "Which gene?" in told[MessageKind.SUMMARY_RETURNED]
    assert f"award {world.application.reference})" in told[MessageKind.SUMMARY_ACCEPTED]
    steps = AuditEvent.objects.filter(action__startswith="summary.").order_by("pk")
    assert [step.action for step in steps] == [
        "summary.hand_in",
        "summary.return",
        "summary.hand_in",
        "summary.accept",
    ]


@pytest.mark.parametrize(
    ("who", "number", "words", "refused"),
    [
        ("stranger", 1, "x", "Only a manager"),
        ("reviewer", 1, "x", "Only a manager"),
        ("holder", 1, "x", "your own award"),
        ("conflicted", 1, "x", "."),
        ("manager", 2, "x", "newer version"),
        ("manager", 1, "  ", "what you ask for"),
        ("manager", 1, "x" * 4_001, "At most 4,000"),
    ],
)
def test_who_may_return_it_and_how(who: str, number: int, words: str, refused: str) -> None:
    world, owes = owed()
    hand_in(world, owes)
    people = {
        "stranger": make_user,
        "reviewer": lambda: make_member(world.program),
        "holder": lambda: make_member(world.program, Role.MANAGER, user=world.holder),
        "conflicted": lambda: _conflicted(world),
        "manager": lambda: world.manager,
    }

    with pytest.raises(summaries.CannotJudge, match=refused):
        summaries.give_back(obligation_id=owes.pk, number=number, words=words, by=people[who](), at=BEGUN)
    owes.refresh_from_db()
    assert owes.state == ObligationState.HANDED_IN


def _conflicted(world: World) -> User:
    person = make_member(world.program, Role.MANAGER)
    Conflict.objects.create(application=world.application, user=person, kind="avoided", declared_at=BEGUN)
    return person


def test_waiving_needs_a_reason_and_settles() -> None:
    world, owes = owed()
    waive = {"obligation_id": owes.pk, "by": world.manager, "at": BEGUN}

    with pytest.raises(summaries.CannotJudge, match="Say why"):
        summaries.waive(reason=" ", **waive)
    summaries.waive(reason="The project ended early.", **waive)
    summaries.waive(reason="Twice.", **waive)

    owes.refresh_from_db()
    assert (owes.state, owes.waived_reason) == (ObligationState.WAIVED, "The project ended early.")
    with pytest.raises(summaries.CannotHandIn, match="Nothing is owed"):
        hand_in(world, owes)


# --- Overdue --------------------------------------------------------------------------------------------------------------


def overdue(world: World, at: datetime) -> str:
    return obligations.overdue(holder_id=world.holder.pk, program_id=world.program.pk, at=at)


def test_overdue_begins_the_day_after_and_ends_with_handing_in_while_the_mark_stays() -> None:
    world, owes = owed()
    last, after = at_noon(owes.due_on), at_noon(owes.due_on + DAY)
    other = make_program()

    assert overdue(world, last) == ""
    assert obligations.mark_late(at=last) == 0
    assert "was due on Sunday 6 June 2027" in overdue(world, after)
    assert (obligations.mark_late(at=after), obligations.mark_late(at=after + DAY)) == (1, 0)
    assert obligations.overdue(holder_id=world.holder.pk, program_id=other.pk, at=after) == ""
    assert obligations.overdue(holder_id=world.manager.pk, program_id=world.program.pk, at=after) == ""

    hand_in(world, owes, at=after)
    assert overdue(world, after) == ""
    summaries.give_back(obligation_id=owes.pk, number=1, words="More?", by=world.manager, at=after)
    assert overdue(world, after) != ""
    owes.refresh_from_db()
    assert owes.late_at == after


def test_overdue_blocks_a_new_application_and_an_update_that_asks_for_credit_but_not_the_past() -> None:
    world, _owes = posted()
    plan, more = world.begin(), {"amount": {"amount_cents": 2_000_00, "currency": "USD"}}
    fresh = make_submitted(world.program, applicant=make_user(), at=BEGUN)
    Obligation.objects.update(due_on=BEGUN.date() - DAY)

    with pytest.raises(intake.CannotStart, match="was due on"):
        intake.start(program_id=world.program.pk, answers={}, by=world.holder, at=BEGUN)
    intake.save_answers(application_id=plan.pk, changes=more, version=None, by=world.holder, at=BEGUN)
    with pytest.raises(intake.CannotSubmit, match="was due on"):
        intake.submit(application_id=plan.pk, by=world.holder, at=BEGUN)
    intake.save_answers(
        application_id=plan.pk, changes={"amount": None}, version=None, by=world.holder, at=BEGUN
    )
    intake.submit(application_id=plan.pk, by=world.holder, at=BEGUN)

    assert fresh.pk
    assert world.grant.stage == Stage.CONFIRMED


def test_overdue_stops_a_draft_that_was_begun_before_and_an_award_at_its_release() -> None:
    world, owes = posted()
    sent = make_submitted(world.program, applicant=world.holder, at=BEGUN)
    Obligation.objects.update(due_on=BEGUN.date())
    world.evaluate(sent)
    world.fund_next()
    decisions.propose_award(application_id=sent.pk, amount_cents=1_000_00, by=world.manager, at=NEXT_REVIEW)

    found = release_checks.check(cycle=sent.cycle, by=world.manager, at=NEXT_REVIEW).refusals
    assert [refusal.reason[:46] for refusal in found] == ["The summary of an earlier award is overdue. It"]
    with pytest.raises(release.CannotRelease):
        release.release(cycle_id=sent.cycle_id, by=world.manager, at=NEXT_REVIEW)

    hand_in(world, owes, at=NEXT_REVIEW)
    assert release.release(cycle_id=sent.cycle_id, by=world.manager, at=NEXT_REVIEW).awards == 1


# --- Half now, half after the report --------------------------------------------------------------------------------------

HALVES = {**WANTED, "second_half_after_summary": True}


def in_pool() -> int:
    return LedgerAccount.objects.get(kind="pool").balance_cents


def test_the_second_half_is_reserved_waits_and_is_posted_when_the_summary_is_accepted() -> None:
    world, owes = posted(**HALVES)
    first, second = Grant.objects.order_by("pk")
    assert (first.amount_cents, second.amount_cents) == (3_000_00, 3_000_00)
    assert (first.stage, second.stage, second.waits_for) == (Stage.CONFIRMED, Stage.RESERVED, "summary")
    assert LedgerAccount.objects.get(kind="reserved", grant_id=second.pk).balance_cents == 3_000_00
    assert delivery.dispatch(at=BEGUN) == 0
    assert checks.ledger_problems() == []

    hand_in(world, owes)
    done = summaries.accept(obligation_id=owes.pk, number=1, words="Good.", by=world.manager, at=BEGUN)
    world.post(at=BEGUN)

    second.refresh_from_db()
    assert done.half_goes
    assert (second.stage, second.organization_id) == (Stage.CONFIRMED, first.organization_id)
    assert checks.ledger_problems() == []
    letter = Notice.objects.get(kind=MessageKind.SUMMARY_ACCEPTED)
    assert "second half of your credits, $3,000" in notices.render(letter)[1]


def test_the_second_half_goes_back_when_the_summary_never_comes_and_is_not_given_twice() -> None:
    world, owes = posted(**HALVES)
    before = in_pool()
    kept = obligations.KEPT_DAYS * DAY

    assert obligations.return_halves(at=at_noon(owes.due_on + kept)) == 0
    at = at_noon(owes.due_on + kept + DAY)
    assert (obligations.return_halves(at=at), obligations.return_halves(at=at)) == (1, 0)
    assert in_pool() == before + 3_000_00
    hand_in(world, owes, at=at)
    done = summaries.accept(obligation_id=owes.pk, number=1, words="", by=world.manager, at=at)

    assert not done.half_goes
    assert checks.ledger_problems() == []


def test_the_second_half_goes_back_with_a_first_half_that_came_to_nothing() -> None:
    world = Awarded(posted=False, **HALVES)
    first, second = Grant.objects.order_by("pk")
    with pytest.raises(grants.CannotChangeGrant, match="not posted"):
        grants.let_go(grant_id=second.pk, by=world.manager, at=BEGUN)
    grants.cancel(grant_id=first.pk, by=world.manager, at=BEGUN)

    assert obligations.follow(at=BEGUN).halves_returned == 1
    second.refresh_from_db()
    assert second.stage == Stage.VOID


def test_an_odd_cent_is_given_at_once_and_a_release_repeated_reserves_nothing_again() -> None:
    world = Awarded(posted=False, **HALVES)
    award = grants.AwardToReserve(
        reference="ODD",
        program=world.program.slug,
        provider="anthropic",
        holder_id=world.holder.pk,
        organization_id=None,
        amount_cents=5,
        currency="USD",
        models=[],
        term_months=6,
        held_back_cents=2,
    )
    pool = LedgerAccount.objects.get(kind="pool").code

    once, twice = (
        grants.reserve_many(awards=[award], pool_code=pool, by=world.manager, at=BEGUN) for _ in range(2)
    )

    halves = Grant.objects.filter(reference__startswith="ODD").order_by("pk")
    assert once == twice == [halves[0].pk]
    assert [grant.amount_cents for grant in halves] == [3, 2]


# --- What staff see -------------------------------------------------------------------------------------------------------


def test_staff_see_the_obligations_of_their_programs_without_conflicts() -> None:
    world, owes = owed()
    hand_in(world, owes)
    people = {
        "manager": world.manager,
        "auditor": make_member(world.program, Role.AUDITOR),
        "reviewer": make_member(world.program),
        "elsewhere": make_member(make_program(), Role.MANAGER),
        "conflicted": _conflicted(world),
    }

    seen = {name: obligation_desk.visible(desk_of(person)).count() for name, person in people.items()}

    assert seen == {"manager": 1, "auditor": 1, "reviewer": 0, "elsewhere": 0, "conflicted": 0}
    assert obligation_desk.waiting(desk_of(world.manager), at=BEGUN) == {"to_read": 1, "late": 0}
    assert obligation_desk.waiting(desk_of(people["auditor"]), at=BEGUN) == {"to_read": 0, "late": 0}
