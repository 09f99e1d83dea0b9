"""Credit between the evaluations: top-ups, urgent credit within an authority, and grants that are posted again."""

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from applications import (
    award_members,
    awards,
    four_eyes,
    later_credit,
    later_queue,
    notices,
    requests,
    top_ups,
)
from applications.models import (
    AwardLetter,
    AwardMember,
    Decision,
    DecisionKind,
    DecisionState,
    LaterCredit,
    LaterKind,
    LaterState,
    Notice,
)
from credits import checks, ledger, queries
from credits.models import Grant, Stage
from portal import clock
from portal.roles import Role
from programs.models import Cycle, Program
from programs.request_models import RequestKind
from programs.staff import desk_of
from tests.factories.applications import ORGANIZATION_ID, make_member, make_user
from tests.factories.later import ASKED, DAY, ask, client_of, give_urgent, propose, row, urgent_request, world

pytestmark = pytest.mark.django_db


# --- Top-up


def test_a_top_up_is_a_new_lot_on_the_same_organization() -> None:
    w = world()
    left = queries.pool_balance(w.grant.pool)
    wish = ask(w, months=3, runs_out_on=date(2027, 1, 10))
    assert ask(w, months=3).pk == wish.pk  # pressed twice

    given = propose(w, wish, 800_00)

    lot = given.decision.grant
    assert (given.state, lot.amount_cents, lot.term_months) == (LaterState.GIVEN, 800_00, 3)
    assert (lot.reference, lot.organization.external_id) == (f"{w.application.reference}-T1", ORGANIZATION_ID)
    assert queries.pool_balance(w.grant.pool) == left - 800_00
    assert given.decision.accepted_at == w.decision.accepted_at
    assert awards.of(w.application).granted_cents == 6_800_00
    assert awards.current(w.application) == w.decision  # the award itself is what it was
    letter = Notice.objects.get(kind=AwardLetter.LATER_GIVEN)
    assert "gives $800 more" in notices.render(letter)[1]
    w.post(at=ASKED + DAY)
    lot.refresh_from_db()
    assert lot.stage == Stage.CONFIRMED
    assert notices.queue_posted(at=ASKED + DAY) == 2  # one letter for the award, one for the top-up
    assert checks.ledger_problems() == []


def test_who_asked_sees_one_thing_until_it_is_answered_and_both_answers_after() -> None:
    w = world(four_eyes_above_cents=6_500_00)
    wish = ask(w)
    client = client_of(w.holder)
    address = reverse("applications:top_up", args=[w.application.public_id])

    def see() -> tuple[str, int]:
        with clock.set_to(ASKED + DAY):
            page = client.get(address).content.decode()
        return page[page.index("<h1") : page.index("</main>")].replace(
            _token(page), ""
        ), Notice.objects.count()

    asked = see()
    propose(w, wish)
    assert wish.state == LaterState.ASKED
    assert LaterCredit.objects.get().state == LaterState.PROPOSED
    assert see() == asked

    later_credit.decline(later_id=wish.pk, answer="The pool is\nsmall.", by=w.second, at=ASKED + DAY)
    told, letters = see()

    assert "The pool is" in told
    assert letters == asked[1] + 1
    assert "The pool is\nsmall." in notices.render(Notice.objects.get(kind=AwardLetter.LATER_DECLINED))[1]
    assert "Ask for more credit" in told  # and may ask again


def _token(page: str) -> str:
    """The token of forms, which differs at each answer."""
    found = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    return found or "no token"


@pytest.mark.parametrize("words", ["adds no credit", "have ended", "summary is overdue"])
def test_it_is_refused_in_words(monkeypatch, words: str) -> None:
    w = world(top_ups_allowed=words != "adds no credit")
    if words == "summary is overdue":
        monkeypatch.setattr(top_ups.obligations, "overdue", lambda **_: "Your summary is overdue.")
    at = ASKED + (200 * DAY if words == "have ended" else DAY)

    with pytest.raises(top_ups.CannotAsk, match=words):
        top_ups.ask(
            application_id=w.application.pk, use_case="More.", amount_cents=100_00, by=w.holder, at=at
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount_cents": 0}, "above zero"),
        ({"amount_cents": 14_000_01}, "at most \\$14,000 USD more"),
        ({"use_case": "  "}, "what the credits are for"),
        ({"months": 7}, "1 to 6 months"),
    ],
)
def test_bad_wishes_are_named(change: dict[str, object], words: str) -> None:
    w = world()
    said = {"use_case": "More.", "amount_cents": 100_00} | change

    with pytest.raises(top_ups.CannotAsk, match=words):
        top_ups.ask(application_id=w.application.pk, by=w.holder, at=ASKED, **said)
    with pytest.raises(top_ups.CannotAsk, match="Only the holder"):
        top_ups.ask(application_id=w.application.pk, by=make_user(), at=ASKED, use_case="x", amount_cents=1)
    assert not LaterCredit.objects.exists()


def test_one_live_wish_for_an_award_and_it_can_be_taken_back() -> None:
    w = world()
    wish = ask(w)
    with pytest.raises(top_ups.CannotAsk, match="answer that first"):
        ask(w, 2_000_00)
    with pytest.raises(IntegrityError), transaction.atomic():
        LaterCredit.objects.create(
            kind=LaterKind.TOP_UP,
            application=w.application,
            asked_by=w.holder,
            asked_at=ASKED,
            use_case="x",
            asked_cents=1,
        )
    with pytest.raises(top_ups.CannotWithdraw):
        top_ups.withdraw(later_id=wish.pk, by=make_user(), at=ASKED)

    for _ in range(2):
        top_ups.withdraw(later_id=wish.pk, by=w.holder, at=ASKED)

    assert ask(w, 2_000_00).pk != wish.pk
    with pytest.raises(later_credit.CannotGive, match="withdrawn already"):
        propose(w, wish)


def test_above_the_limit_of_a_year_a_second_person_gives_it() -> None:
    w = world(four_eyes_above_cents=6_500_00)
    finance = make_member(w.program, Role.FINANCE)
    wish = propose(w, ask(w))
    assert wish.state == LaterState.PROPOSED
    assert later_queue.waiting(desk_of(w.manager)).count() == 0
    assert later_queue.waiting(desk_of(finance)).get() == wish

    for person, words in (
        (w.manager, "second person"),
        (w.holder, "Only a"),
        (make_user(), "Only a"),
    ):
        with pytest.raises(later_credit.CannotGive, match=words):
            later_credit.approve(later_id=wish.pk, by=person, at=ASKED)
    given = later_credit.approve(later_id=wish.pk, by=finance, at=ASKED)

    assert (given.decision.proposed_by, given.decision.approved_by) == (w.manager, finance)
    assert Decision.objects.get(later=given).approved_binding is not None
    assert given.decision.counted_cents == 7_000_00
    totals = four_eyes.totals(application_ids=[w.application.pk], at=ASKED, pending_ids=[])
    assert totals == {w.application.pk: 7_000_00}


def test_a_proposal_can_be_taken_back_and_made_anew() -> None:
    w = world(four_eyes_above_cents=6_500_00)
    wish = propose(w, ask(w))

    later_credit.take_back(later_id=wish.pk, by=w.manager, at=ASKED)
    given = propose(w, wish, 400_00)

    assert (given.state, given.amount_cents) == (LaterState.GIVEN, 400_00)


def test_the_pool_the_cap_and_the_people_bound_it() -> None:
    w = world(four_eyes_above_cents=60_000_00, award_cap_cents=200_000_00)
    friend = make_member(w.program, Role.MANAGER)
    AwardMember.objects.create(
        application=w.application,
        email=friend.email,
        role="view",
        user=friend,
        invited_by=w.holder,
        invited_at=ASKED,
        accepted_at=ASKED,
        conduct_version=award_members.CONDUCT_VERSION,
    )
    wish = ask(w, 95_000_00)

    with pytest.raises(later_credit.CannotGive, match="share the credits"):
        propose(w, wish, by=friend)
    with pytest.raises(later_credit.CannotGive, match="Give the reason"):
        later_credit.propose(later_id=wish.pk, amount_cents=1_00, reason=" ", by=w.manager, at=ASKED)
    proposed = propose(w, wish)
    with pytest.raises(later_credit.CannotGive, match="pool"), transaction.atomic():
        later_credit.approve(later_id=proposed.pk, by=w.second, at=ASKED)

    assert LaterCredit.objects.get().state == LaterState.PROPOSED
    assert Grant.objects.count() == 1


# --- Past the code: the database keeps the rules


def test_no_row_past_the_code_gives_credit() -> None:
    w = world(four_eyes_above_cents=6_500_00)
    wish = propose(w, ask(w))
    wish.refresh_from_db()
    attempts = [
        {},  # nobody approved it, and the year is above the limit
        {"four_eyes_above_cents": 10**9},
        {"amount_cents": 1_00},
        {"proposed_by": w.second},
        {"released_by": w.holder},
        {"approved_by": w.manager, "approved_at": ASKED},  # who proposed it
        {"approved_by": w.holder, "approved_at": ASKED},
        {"approved_by": make_user(), "approved_at": ASKED},
        {"state": DecisionState.PENDING},
        {"later": None},
        {"kind": DecisionKind.AWARD},
        {"months": 99},
    ]

    for change in attempts:
        with pytest.raises(DatabaseError), transaction.atomic():
            row(w, wish, **change)
    row(w, wish, approved_by=w.second, approved_at=ASKED)

    assert Decision.objects.filter(kind=DecisionKind.LATER).count() == 1


@pytest.mark.parametrize("kind", [kind for kind in RequestKind if kind != RequestKind.URGENT])
def test_a_request_of_another_kind_never_leads_to_credit(kind: RequestKind) -> None:
    w = world()
    request = urgent_request(w, kind)

    with pytest.raises(later_credit.CannotGive, match="Only an urgent request"):
        give_urgent(w, 100_00, request=request.pk)
    for kind_of_credit in LaterKind:
        with pytest.raises(DatabaseError), transaction.atomic():
            LaterCredit.objects.create(
                kind=kind_of_credit,
                application=w.application,
                request=request,
                asked_by=w.holder,
                asked_at=ASKED,
                use_case="x",
                asked_cents=1,
            )
    assert Grant.objects.count() == 1


# --- Urgent


def test_urgent_credit_within_the_authority_needs_one_person_and_counts_everywhere() -> None:
    w = world(four_eyes_above_cents=6_000_00)  # the award alone is at the limit
    finance = make_member(w.program, Role.FINANCE)
    request = urgent_request(w)

    given = give_urgent(w, 300_00, request=request.pk, by=finance)
    again = give_urgent(w, 300_00, request=request.pk, by=finance)
    second = give_urgent(w, 200_00)
    above = give_urgent(w, 1_00)

    assert given.pk == again.pk
    assert [given.state, second.state, above.state] == [
        LaterState.GIVEN,
        LaterState.GIVEN,
        LaterState.PROPOSED,
    ]
    assert given.decision.approved_by is None
    assert later_credit.urgent_cents(w.application, at=ASKED) == 500_00
    totals = four_eyes.totals(application_ids=[w.application.pk], at=ASKED, pending_ids=[])
    assert totals == {w.application.pk: 6_500_00}
    cycle = Cycle.objects.filter(program=w.program).order_by("evaluation_on")[1]
    between = later_queue.between(cycle)
    assert (between.urgent, between.urgent_cents, between.asked) == (2, 500_00, 1)
    # The database counts by itself: the same row, written past the code.
    above.refresh_from_db()
    with pytest.raises(DatabaseError, match="above the limit"), transaction.atomic():
        row(w, above)
    # Raising the authority and putting it back gains nothing: the rules of the award's cycle count too.
    Program.objects.update(urgent_authority_cents=5_000_00)
    with pytest.raises(DatabaseError, match="above the limit"), transaction.atomic():
        row(w, above)
    assert checks.ledger_problems() == []


def test_who_is_on_call_and_for_what() -> None:
    w = world()
    closed = world(urgent_authority_cents=None)
    request = urgent_request(w)

    for person in (w.holder, make_member(w.program, Role.REVIEWER), make_user()):
        with pytest.raises(later_credit.CannotGive, match="Only a"):
            give_urgent(w, 100_00, request=request.pk, by=person)
    with pytest.raises(later_credit.CannotGive, match="gives no credit"):
        give_urgent(closed, 100_00)
    requests.withdraw(request_id=request.pk, by=w.holder, at=ASKED)
    assert Grant.objects.filter(program=w.program.slug).count() == 1


def test_credit_given_meanwhile_counts_against_the_cap() -> None:
    """A top-up waits for its second person; urgent credit is given on the same award; together they are too much."""
    w = world(four_eyes_above_cents=6_500_00, award_cap_cents=7_000_00)
    waiting = propose(w, ask(w))
    give_urgent(w, 500_00)

    with pytest.raises(later_credit.CannotGive, match="at most \\$500 more"):
        later_credit.approve(later_id=waiting.pk, by=w.second, at=ASKED)

    assert LaterCredit.objects.get(pk=waiting.pk).state == LaterState.PROPOSED
    assert awards.of(w.application).granted_cents == 6_500_00


def test_a_request_that_was_taken_back_brings_no_credit() -> None:
    w = world()
    asked = urgent_request(w)
    requests.withdraw(request_id=asked.pk, by=w.holder, at=ASKED)

    with pytest.raises(later_credit.CannotGive, match="taken back"):
        give_urgent(w, 100_00, request=asked.pk)


def test_while_posting_is_stopped_nothing_is_given_and_it_is_said() -> None:
    w = world()
    wish = ask(w)
    ledger.stop_posting()

    with pytest.raises(later_credit.CannotGive, match="Posting is stopped"), transaction.atomic():
        propose(w, wish)

    assert LaterCredit.objects.get().state == LaterState.ASKED
