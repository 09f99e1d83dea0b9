"""Updated applications: the way from an award to a second lot or an agreed change, and what stands in it."""

import re
from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.test import Client
from django.urls import reverse

from applications import amendments, awards, decisions, dossier, intake, notices, release, standing
from applications.models import (
    Application,
    Assignment,
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
from portal import clock
from portal.models import User
from programs import staff
from programs.models import Program, ProgramState
from tests.factories.amending import BEGUN, NEXT_END, NEXT_REVIEW, Awarded
from tests.factories.applications import (
    AFTER,
    ORGANIZATION_ID,
    make_member,
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


# --- Pages --------------------------------------------------------------------------------------------------------------


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, name: str, application: Application, at: datetime = BEGUN) -> str:
    with clock.set_to(at):
        return (
            signed_in(user)
            .get(reverse(f"applications:{name}", args=[application.public_id]))
            .content.decode()
        )


def test_the_award_page_offers_it_and_the_button_begins_it() -> None:
    world = Awarded()
    assert "Start an updated application" in page(world.holder, "award", world.application)
    assert "Update this application" in page(world.holder, "status", world.application)

    with clock.set_to(BEGUN):
        answer = signed_in(world.holder).post(
            reverse("applications:amend", args=[world.application.public_id]), follow=True
        )

    draft = Application.objects.get(amends=world.application)
    assert answer.redirect_chain[-1][0].startswith(f"/applications/{draft.public_id}/")
    assert f"Update of {world.application.reference}" in answer.text
    assert "Go on with the updated application" in page(world.holder, "award", world.application)


def test_the_award_page_says_why_not() -> None:
    world = Awarded(posted=False)
    world.accept()

    text = page(world.holder, "award", world.application)

    assert "not posted yet" in text
    assert "Start an updated application" not in text


def test_the_way_from_the_credits_leads_to_the_award() -> None:
    world = Awarded()

    answer = signed_in(world.holder).get(reverse("applications:award_of", args=[world.grant.uuid]))

    assert answer.url == reverse("applications:award", args=[world.application.public_id]) + "#update"


def test_the_amount_is_optional_on_its_page_and_says_what_it_means() -> None:
    world = Awarded()
    draft = world.begin()

    with clock.set_to(BEGUN):
        text = (
            signed_in(world.holder)
            .get(reverse("applications:section", args=[draft.public_id, "research"]))
            .text
        )

    assert "on top of what was granted" in text
    assert "Read through and send" in page(world.holder, "review_and_send", draft)
    assert "before you can send it" not in page(world.holder, "review_and_send", draft)


def test_a_change_leads_back_to_the_award_where_it_is_listed() -> None:
    world = Awarded()
    amendment = world.send(title="Lakes")
    world.agree(amendment)

    with clock.set_to(NEXT_REVIEW):
        answer = signed_in(world.holder).get(
            reverse("applications:award", args=[amendment.public_id]), follow=True
        )

    assert answer.redirect_chain == [
        (reverse("applications:award", args=[world.application.public_id]) + "#update", 302)
    ]
    assert str(amendment.reference) in answer.text
    assert "asks for no more credit" in answer.text
    assert "Approved" in page(world.holder, "status", amendment, NEXT_REVIEW)


def test_silence_holds_at_every_page_of_an_award_and_its_amendment() -> None:
    """In review, declined and approved but not released read the same, to the byte, until the decided-by date."""
    world = Awarded()
    amendment = world.send(**MORE)
    world.evaluate(amendment)
    seen = []
    for step in ("in review", "approved", "declined"):
        if step == "approved":
            decisions.propose_award(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)
        if step == "declined":
            decisions.propose_decline(application_id=amendment.pk, by=world.manager, at=NEXT_REVIEW)
            world.release_next(amendment)
        client = signed_in(world.holder)
        pages = {}
        with clock.set_to(NEXT_END - timedelta(hours=2)):
            for name, application in (
                ("status", amendment),
                ("award", world.application),
                ("award", amendment),
                ("withdraw", amendment),
                ("pdf", amendment),
            ):
                answer = client.get(reverse(f"applications:{name}", args=[application.public_id]))
                pages[name, application.pk] = (
                    answer.status_code,
                    re.sub(rb'value="[^"]{64}"', b"", answer.content),
                )
            for path in (reverse("applications:mine"), f"/api/v1/applications/{amendment.public_id}"):
                answer = client.get(path)
                pages[path] = (answer.status_code, re.sub(rb'value="[^"]{64}"', b"", answer.content))
            answer = client.post(
                reverse("applications:amend", args=[world.application.public_id]), follow=True
            )
            pages["amend"] = (answer.status_code, re.sub(rb'value="[^"]{64}"', b"", answer.content))
        seen.append(pages)

    assert seen[0] == seen[1] == seen[2]
    assert "was not selected" in page(world.holder, "status", amendment, NEXT_END)


# --- For staff ----------------------------------------------------------------------------------------------------------


def test_reviewers_see_the_difference_and_what_was_granted() -> None:
    world = Awarded()
    amendment = world.send(title="Reading frames of lakes", **MORE)
    world.evaluate(amendment)

    found = dossier.of(staff.desk_of(world.reviewers[0]), amendment)

    facts = dict(found.facts)
    assert facts["Granted before"].startswith(f"{world.application.reference}: $6,000 USD for 6 months")
    assert facts["Asked"] == "$2,000 USD more over 6 months"
    assert [change.label for change in found.earlier[0].changes] == ["Title"]


def test_a_blind_look_compares_what_tells_nothing_about_the_person() -> None:
    world = Awarded(blind_first_look=True)
    draft = world.begin()
    changes = {"title": "Lakes", "institution": "Somewhere else"}
    intake.save_answers(application_id=draft.pk, changes=changes, version=None, by=world.holder, at=BEGUN)
    amendment = intake.submit(application_id=draft.pk, by=world.holder, at=BEGUN)
    Application.objects.filter(pk=amendment.pk).update(state=State.IN_REVIEW)
    other = make_member(world.program)
    Assignment.objects.create(application=amendment, reviewer=other, assigned_at=NEXT_REVIEW, due_at=NEXT_END)
    amendment.refresh_from_db()

    found = dossier.of(staff.desk_of(other), amendment)

    assert found.access.blind
    assert [(earlier.linked, earlier.outcome) for earlier in found.earlier] == [(False, "")]
    assert [change.label for change in found.earlier[0].changes] == ["Title"]


def test_the_queue_and_the_page_mark_it_and_the_manager_agrees_without_credit() -> None:
    world = Awarded()
    amendment = world.send(title="Lakes")
    world.evaluate(amendment)
    client = signed_in(world.manager)
    with clock.set_to(NEXT_REVIEW):
        queue = client.get(reverse("admin:applications_application_changelist")).text
        before = client.get(reverse("admin:applications_application_change", args=[amendment.pk])).text
        answer = client.post(
            reverse("admin:applications_application_decide", args=[amendment.pk]),
            {"do": "award", "amount": "0", "granted_models": ["standard"]},
            follow=True,
        ).text

    assert "update of an award" in queue
    assert "update of an award" in before
    assert "0 agrees to the change without more credit" in before
    assert "Change without more credit" in answer
    assert Decision.objects.get(application=amendment).kind == DecisionKind.CHANGE
