"""Updated applications: the way from an award to a second lot or an agreed change, and what stands in it."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, InternalError, transaction

from applications import amendments, awards, decisions, intake, notices, release, standing
from applications.models import (
    Application,
    Decision,
    DecisionKind,
    DecisionState,
    Notice,
    ScreeningCheck,
)
from applications.standing import Phase
from applications.states import State
from credits import checks, delivery, grants
from credits.models import Delivery, Grant, Stage
from programs.models import Program, ProgramState
from tests.factories.amending import BEGUN, NEXT_END, NEXT_REVIEW, Awarded
from tests.factories.applications import (
    AFTER,
    ORGANIZATION_ID,
    make_program,
    make_submitted,
    make_user,
)

pytestmark = pytest.mark.django_db

OTHER_ID = "1c1d9a64-7a56-4a39-9f5e-1d2c3b4a5968"
MORE = {"amount": {"amount_cents": 2_000_00, "currency": "USD"}}


# --- Beginning ----------------------------------------------------------------------------------------------------------


def test_it_starts_from_the_awarded_answers_without_the_amount() -> None:
    world = Awarded()

    draft, is_new = amendments.start(application_id=world.application.pk, by=world.holder, at=BEGUN)

    assert is_new
    assert (draft.amends, draft.earlier, draft.state) == (world.application, world.application, State.DRAFT)
    kept = {key: value for key, value in world.application.answers.items() if key != "amount"}
    assert draft.answers == {**kept, "organization_id": ORGANIZATION_ID}


def test_beginning_twice_gives_the_same_draft_as_it_is() -> None:
    world = Awarded()
    draft = world.begin()
    intake.save_answers(
        application_id=draft.pk, changes={"title": "B"}, version=None, by=world.holder, at=BEGUN
    )

    again, is_new = amendments.start(application_id=world.application.pk, by=world.holder, at=BEGUN)

    assert (again.pk, again.answers["title"], is_new) == (draft.pk, "B", False)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("not accepted", "not posted yet"),
        ("sent", "not posted yet"),
        ("cancelled", "was cancelled"),
        ("refused", "refused to post"),
        ("expired", "ended on Sunday 20 June 2027"),
        ("paused", "does not take applications now"),
        ("declined", "no award"),
    ],
)
def test_it_is_refused_in_words(spoil: str, words: str) -> None:
    world = Awarded(posted=spoil in ("expired", "paused"))
    at = BEGUN
    if spoil == "sent":
        world.accept()
        delivery.dispatch(at=AFTER)
    elif spoil == "cancelled":
        grants.cancel(grant_id=world.grant.pk, by=world.manager, at=AFTER)
    elif spoil == "refused":
        world.accept()
        delivery.dispatch(at=AFTER)
        delivery.hand_over(by=world.manager, at=AFTER)
        delivery.refuse(delivery_id=Delivery.objects.get().pk, reason="unknown organization", at=AFTER)
    elif spoil == "expired":
        at = BEGUN + timedelta(days=400)
    elif spoil == "paused":
        Program.objects.filter(pk=world.program.pk).update(state=ProgramState.PAUSED)
    application = world.application if spoil != "declined" else make_submitted(world.program, at=BEGUN)

    with pytest.raises(amendments.CannotAmend, match=words):
        amendments.start(application_id=application.pk, by=application.applicant, at=at)

    assert not Application.objects.filter(amends__isnull=False).exists()


def test_a_country_that_is_served_no_more_stops_it_at_the_start() -> None:
    world = Awarded()
    world.program.rules.filter(kind="country").update(parameters={"refused": ["US"]})

    with pytest.raises(amendments.CannotAmend, match="not offered in this country"):
        world.begin()


# --- One at a time ------------------------------------------------------------------------------------------------------


def test_one_that_is_with_us_stops_the_next_until_its_date_whatever_was_decided() -> None:
    world = Awarded()
    amendment = world.send()
    sentences = set()
    for step in ("sent", "in review", "declined"):
        if step == "in review":
            world.evaluate(amendment)
        if step == "declined":
            decisions.propose_decline(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)
            world.release_next(amendment)
        with pytest.raises(amendments.CannotAmend) as refused:
            world.begin(at=NEXT_END - timedelta(hours=2))
        sentences.add(str(refused.value))

    assert len(sentences) == 1
    assert "Mon 18 Jan 2027" in sentences.pop()
    assert world.begin(at=NEXT_END).state == State.DRAFT


def test_an_evaluation_that_runs_late_does_not_tell_itself_by_a_refusal() -> None:
    world = Awarded()
    world.evaluate(world.send())

    assert world.begin(at=NEXT_END).state == State.DRAFT


def test_the_database_holds_one_live_amendment_for_an_award() -> None:
    world = Awarded()
    draft = world.begin()
    copy = {
        "program": world.program,
        "applicant": world.holder,
        "form_version": draft.form_version,
        "amends": world.application,
        "created_at": NEXT_REVIEW,
        "saved_at": NEXT_REVIEW,
    }
    with pytest.raises(IntegrityError, match="one_live_amendment_per_award"), transaction.atomic():
        Application.objects.create(**copy)
    intake.save_answers(application_id=draft.pk, changes=MORE, version=None, by=world.holder, at=BEGUN)
    sent = intake.submit(application_id=draft.pk, by=world.holder, at=BEGUN)
    with pytest.raises(IntegrityError, match="one_live_amendment_per_award"), transaction.atomic():
        Application.objects.create(**copy)
    world.evaluate(sent)
    with pytest.raises(InternalError, match="under evaluation"), transaction.atomic():
        Application.objects.create(**copy)


@pytest.mark.parametrize("wrong", ["person", "program", "state", "chain", "moved"])
def test_the_database_ties_an_amendment_to_an_award_of_its_own(wrong: str) -> None:
    world = Awarded()
    draft = world.begin()
    fields = {
        "program": world.program,
        "applicant": world.holder,
        "form_version": draft.form_version,
        "amends": world.application,
        "created_at": BEGUN,
        "saved_at": BEGUN,
    }
    if wrong == "moved":
        with pytest.raises(InternalError, match="Cannot update"), transaction.atomic():
            Application.objects.filter(pk=draft.pk).update(amends=None)
        return
    fields |= {
        "person": {"applicant": make_user()},
        "program": {"program": make_program(at=BEGUN)},
        "state": {"amends": make_submitted(world.program, applicant=world.holder, at=BEGUN)},
        "chain": {"amends": draft},
    }[wrong]
    with pytest.raises(InternalError, match="updates an award of the same person"), transaction.atomic():
        Application.objects.create(**fields)


def test_the_rules_of_a_new_application_do_not_stop_it_nor_it_them() -> None:
    """A live application, the waiting time and the revision date concern new awards; an amendment is none."""
    world = Awarded(reapply_wait_days=300, reapply_after_on=date(2028, 1, 1))
    Program.objects.filter(pk=world.program.pk).update(reapply_wait_days=0, reapply_after_on=None)
    fresh = make_submitted(world.program, applicant=world.holder, at=BEGUN)
    Program.objects.filter(pk=world.program.pk).update(
        reapply_wait_days=300, reapply_after_on=date(2028, 1, 1)
    )

    amendment = world.send(**MORE)

    assert amendment.cycle_id == fresh.cycle_id
    assert amendment.state == State.SUBMITTED


def test_a_live_amendment_leaves_room_for_a_new_application() -> None:
    world = Awarded()
    amendment = world.send(**MORE)

    fresh = make_submitted(world.program, applicant=world.holder, at=BEGUN)

    assert (fresh.cycle_id, fresh.state) == (amendment.cycle_id, State.SUBMITTED)


def test_screening_does_not_hold_the_waiting_time_against_it() -> None:
    from programs.models import EligibilityRule, RuleKind

    world = Awarded(reapply_wait_days=300)
    EligibilityRule.objects.create(
        program=world.program, kind=RuleKind.WAITING_TIME, outcome="flag", sentence="Early."
    )
    amendment = world.send(**MORE)
    world.evaluate(amendment)

    assert not ScreeningCheck.objects.filter(application=amendment, kind=RuleKind.WAITING_TIME).exists()


# --- Sending ------------------------------------------------------------------------------------------------------------


def test_the_amount_may_be_left_out_and_everything_else_may_not() -> None:
    world = Awarded()
    draft = world.begin()
    intake.save_answers(
        application_id=draft.pk, changes={"title": None}, version=None, by=world.holder, at=BEGUN
    )

    with pytest.raises(intake.CannotSubmit) as refused:
        intake.submit(application_id=draft.pk, by=world.holder, at=BEGUN)

    assert set(refused.value.problems) == {"title"}


def test_what_it_asks_is_asked_on_top() -> None:
    world = Awarded()

    assert world.send(**MORE).requested_cents == 2_000_00


def test_an_award_that_lapsed_meanwhile_refuses_the_sending_and_keeps_the_draft() -> None:
    world = Awarded()
    draft = world.begin()

    with pytest.raises(intake.CannotSubmit, match="ended on"):
        intake.submit(application_id=draft.pk, by=world.holder, at=BEGUN + timedelta(days=400))

    draft.refresh_from_db()
    assert draft.state == State.DRAFT


# --- More credit --------------------------------------------------------------------------------------------------------


def test_more_credit_is_a_second_lot_on_the_same_organization_with_nothing_to_accept() -> None:
    world = Awarded()
    before = Grant.objects.values().get(pk=world.grant.pk)

    decision = world.agree(world.send(**MORE))
    world.post(at=NEXT_REVIEW)

    lot = Grant.objects.get(pk=decision.grant_id)
    assert (lot.amount_cents, lot.organization, lot.stage) == (
        2_000_00,
        world.grant.organization,
        Stage.CONFIRMED,
    )
    assert lot.reference != world.grant.reference
    assert decision.accepted_at == AFTER
    assert decision.accepted_terms_version == "2026-11"
    assert Grant.objects.values().get(pk=world.grant.pk) == before
    assert checks.ledger_problems() == []


def test_new_terms_are_accepted_anew() -> None:
    world = Awarded()
    amendment = world.send(**MORE)
    Program.objects.filter(pk=world.program.pk).update(terms_version="2027-01", terms="New words.")

    decision = world.agree(amendment)

    assert decision.accepted_at is None
    assert decision.grant.organization is None
    world.accept(amendment, at=NEXT_REVIEW)
    assert Grant.objects.get(pk=decision.grant_id).organization == world.grant.organization


def test_another_organization_is_confirmed_by_the_holder() -> None:
    world = Awarded()

    decision = world.agree(world.send(**MORE, organization_id=OTHER_ID))

    assert (decision.grant.organization, decision.accepted_at) == (None, None)


def test_the_cap_counts_the_award_and_its_updates_together() -> None:
    world = Awarded(award_cap_cents=7_000_00)
    amendment = world.send(**MORE)
    world.evaluate(amendment)

    with pytest.raises(decisions.CannotDecide, match=r"at most \$1,000"):
        decisions.propose_award(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)

    decision = decisions.propose_award(
        application_id=amendment.pk, amount_cents=1_000_00, by=world.manager, at=NEXT_REVIEW
    )
    assert decision.kind == DecisionKind.AWARD
    Decision.objects.filter(pk=decision.pk).update(amount_cents=1_500_00)
    assert [refusal.reason for refusal in release.check(cycle_id=amendment.cycle_id, by=world.manager)] == [
        "With what was granted before it is above the program's cap."
    ]


# --- A change without credit --------------------------------------------------------------------------------------------


def test_a_change_of_plan_is_agreed_to_without_credit() -> None:
    world = Awarded()
    amendment = world.send(title="Reading frames of lake archaea")
    before = Grant.objects.values().get()

    decision = world.agree(amendment)

    assert (decision.kind, decision.state) == (DecisionKind.CHANGE, DecisionState.RELEASED)
    assert (decision.amount_cents, decision.grant) == (None, None)
    assert amendment.state == State.AWARDED
    assert Grant.objects.values().get() == before
    letter = Notice.objects.get(application=amendment, kind="award")
    subject, body = notices.render(letter)
    assert "approved" in subject
    assert "no more credit" in body


def test_only_an_amendment_is_agreed_to_without_credit() -> None:
    world = Awarded()
    fresh = make_submitted(world.program, at=BEGUN)
    world.evaluate(fresh)

    with pytest.raises(decisions.CannotDecide, match="Only an updated application"):
        decisions.propose_change(application_id=fresh.pk, by=world.manager, at=NEXT_REVIEW)
    with pytest.raises(decisions.CannotDecide, match="above zero"):
        decisions.propose_award(application_id=fresh.pk, amount_cents=0, by=world.manager, at=NEXT_REVIEW)
    with pytest.raises(InternalError, match="only an amendment"), transaction.atomic():
        Decision.objects.create(
            application=fresh,
            kind=DecisionKind.CHANGE,
            four_eyes_above_cents=0,
            proposed_by=world.manager,
            proposed_at=NEXT_REVIEW,
        )


def test_the_database_keeps_credit_out_of_a_change() -> None:
    world = Awarded()
    amendment = world.send()
    world.evaluate(amendment)
    decision = decisions.propose_change(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)

    with pytest.raises(IntegrityError, match="change_has_no_credit"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(amount_cents=1)
    with pytest.raises(IntegrityError, match="change_has_no_credit"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(grant=world.grant)


def test_a_change_passes_the_same_gates_as_an_award() -> None:
    world = Awarded()
    amendment = world.send(field="biology")
    world.evaluate(amendment)
    decisions.propose_change(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)

    with pytest.raises(release.CannotRelease) as refused:
        world.release_next(amendment)

    assert [refusal.reason for refusal in refused.value.refusals] == ["The gate “Biosecurity” is not passed."]


# --- One after the other ------------------------------------------------------------------------------------------------


def test_a_newer_update_takes_the_place_of_one_that_was_left_open() -> None:
    world = Awarded()
    late = world.send(**MORE)
    world.evaluate(late)
    world.fund_next()
    decisions.propose_award(application_id=late.pk, by=world.manager, at=NEXT_REVIEW)
    world.send(at=NEXT_END)

    assert [refusal.reason for refusal in release.check(cycle_id=late.cycle_id, by=world.manager)] == [
        "A newer update of the same award was sent."
    ]


def test_the_next_one_starts_from_what_was_agreed_last() -> None:
    world = Awarded()
    changed = world.send(title="Lakes")
    world.agree(changed)

    draft = world.begin(at=NEXT_END)

    assert (draft.amends, draft.earlier, draft.answers["title"]) == (world.application, changed, "Lakes")


def test_it_says_what_was_granted_before() -> None:
    world = Awarded()
    amendment = world.send(**MORE)

    assert awards.granted_before(amendment) == [
        f"{world.application.reference}: $6,000 USD for 6 months (standard, large), confirmed, last day Sun 20 Jun 2027"
    ]


def test_withdrawing_gives_the_place_free() -> None:
    world = Awarded()
    amendment = world.send(**MORE)
    intake.withdraw(application_id=amendment.pk, by=world.holder, at=BEGUN)

    assert world.begin().state == State.DRAFT


def test_the_words_of_its_standing() -> None:
    world = Awarded()
    amendment = world.send()
    world.agree(amendment)

    loaded = Application.objects.select_related("program", "cycle__program", "applicant").get(pk=amendment.pk)
    told = standing.of(loaded, at=NEXT_REVIEW)
    assert (told.phase, told.word) == (Phase.AWARDED, "Approved")
