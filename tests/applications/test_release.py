from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from applications import acceptance, decisions, release, review
from applications.models import (
    Application,
    Decision,
    DecisionState,
    GateOutcome,
    Notice,
)
from applications.review import Look
from applications.states import State
from credits import ledger
from credits.models import Grant, LedgerAccount
from portal.roles import Role
from programs.models import EligibilityRule, MessageKind, RuleKind
from tests.factories.applications import (
    AFTER,
    ORGANIZATION_ID,
    make_batch,
    make_member,
    make_program,
    make_submitted,
    make_user,
)

pytestmark = pytest.mark.django_db

SCORES = {"merit": 4, "impact": 5, "feasibility": 3}


class World:
    """A program in review: two reviewers, two managers, a pool, and its applications looked at twice."""

    def __init__(
        self, *, applications: int = 1, pool_cents: int = 100_000_00, looks: int = 2, **fields
    ) -> None:
        answers = fields.pop("answers", {})
        self.program = make_program(**fields)
        self.reviewers = [make_member(self.program) for _ in range(2)]
        self.manager, self.second = (make_member(self.program, Role.MANAGER) for _ in range(2))
        self.screener = make_member(self.program, Role.SCREENER)
        self.applications = [make_submitted(self.program, **answers) for _ in range(applications)]
        self.cycle = make_batch(self.program, submitted=self.applications).cycle
        for application in self.applications:
            for reviewer in self.reviewers[:looks]:
                review.send_in(application_id=application.pk, look=Look(scores=SCORES), by=reviewer, at=AFTER)
        with transaction.atomic():
            ledger.fund(
                program=self.program.slug,
                period="2026",
                amount_cents=pool_cents,
                made_by=self.manager,
                approved_by=self.second,
                key=f"fund:{self.program.slug}:2026",
                at=AFTER,
            )

    def award(self, application: Application, **facts) -> Decision:
        return decisions.propose_award(application_id=application.pk, by=self.manager, at=AFTER, **facts)

    def decline(self, application: Application) -> Decision:
        return decisions.propose_decline(application_id=application.pk, by=self.manager, at=AFTER)

    def release(self, **options) -> release.Released:
        return release.release(cycle_id=self.cycle.pk, by=self.manager, at=AFTER, **options)

    def pool_cents(self) -> int:
        return LedgerAccount.objects.get(code=f"pool:{self.program.slug}:2026").balance_cents

    def refusals(self) -> list[str]:
        return [refusal.reason for refusal in release.check(cycle_id=self.cycle.pk, by=self.manager)]


def test_release_commits_decisions_credit_and_letters_together() -> None:
    world = World(applications=3, answers={"organization_id": ORGANIZATION_ID})
    world.award(world.applications[0])
    world.award(world.applications[1], amount_cents=2_000_00)
    world.decline(world.applications[2])

    released = world.release()

    assert released == release.Released(awards=2, declines=1, sum_cents=8_000_00, awaiting_acceptance=0)
    assert list(Application.objects.order_by("pk").values_list("state", flat=True)) == [
        State.AWARDED,
        State.AWARDED,
        State.DECLINED,
    ]
    assert world.pool_cents() == 92_000_00
    assert set(Grant.objects.values_list("organization__external_id", flat=True)) == {ORGANIZATION_ID}
    assert Notice.objects.filter(kind=MessageKind.AWARD).count() == 2
    assert (
        not Notice.objects.filter(application=world.applications[2])
        .exclude(kind=MessageKind.RECEIPT)
        .exists()
    )


def test_releasing_again_changes_nothing() -> None:
    world = World()
    world.award(world.applications[0])
    world.release()

    assert world.release() == release.Released()
    assert world.pool_cents() == 94_000_00
    assert Grant.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_on_release_are_one_release() -> None:
    world = World(applications=3)
    for application in world.applications:
        world.award(application)
    barrier, results = Barrier(4), []

    def click() -> None:
        barrier.wait()
        results.append(world.release())
        connection.close()

    threads = [Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(result.awards for result in results) == [0, 0, 0, 3]
    assert Grant.objects.count() == 3
    assert world.pool_cents() == 82_000_00


def test_a_told_decline_gets_a_letter() -> None:
    world = World(decline_mode="told")
    world.decline(world.applications[0])

    world.release()

    assert Notice.objects.filter(kind=MessageKind.TOLD_DECLINE).count() == 1


def test_everything_in_the_way_is_listed_and_nothing_is_released() -> None:
    world = World(applications=2, looks=1)
    world.award(world.applications[0])
    world.award(world.applications[1], amount_cents=15_000_00)

    with pytest.raises(release.CannotRelease, match="2 of 2 decisions") as refusal:
        world.release()

    assert {one.reason for one in refusal.value.refusals} == {"An award needs 2 reviews; some are missing."}
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.PENDING}
    assert world.pool_cents() == 100_000_00


def test_above_the_limit_a_second_person_is_needed() -> None:
    world = World()
    decision = world.award(world.applications[0], amount_cents=15_000_00)

    assert world.refusals() == ["Above $10,000 a second person approves."]
    decisions.approve(decision_id=decision.pk, by=world.second, at=AFTER)
    assert world.refusals() == []
    assert world.release().awards == 1


def test_a_gate_has_to_be_passed() -> None:
    world = World(answers={"field": "biology"})
    world.award(world.applications[0])
    answer = {
        "application_id": world.applications[0].pk,
        "criterion_key": "biosecurity",
        "note": "",
        "by": world.screener,
        "at": AFTER,
    }

    assert world.refusals() == ["The gate “Biosecurity” is not passed."]
    review.answer_gate(outcome=GateOutcome.FAILED, **answer)
    assert world.refusals() == ["The gate “Biosecurity” is not passed."]
    review.answer_gate(outcome=GateOutcome.PASSED, **answer)
    assert world.refusals() == []


def test_the_country_list_is_asked_again_at_release() -> None:
    world = World()
    world.award(world.applications[0])
    EligibilityRule.objects.filter(program=world.program, kind=RuleKind.COUNTRY).update(
        parameters={"refused": ["US"]}
    )

    assert world.refusals() == ["The service is not offered in this country."]


def test_a_decline_needs_one_look() -> None:
    world = World(looks=0)
    world.decline(world.applications[0])

    assert world.refusals() == ["Nobody has looked at it yet."]


def test_an_empty_pool_refuses_the_whole_release() -> None:
    world = World(applications=2, pool_cents=9_000_00)
    for application in world.applications:
        world.award(application)

    with pytest.raises(release.CannotRelease):
        world.release()

    assert set(Application.objects.values_list("state", flat=True)) == {State.IN_REVIEW}
    assert not Grant.objects.exists()
    assert world.pool_cents() == 9_000_00


def test_only_a_manager_of_the_program_releases() -> None:
    world = World()
    world.award(world.applications[0])

    with pytest.raises(release.CannotRelease, match="Only a manager"):
        release.release(cycle_id=world.cycle.pk, by=make_user(), at=AFTER)


def test_an_award_without_organization_waits_for_its_holder() -> None:
    world = World(terms="Use it for the research you described.")
    application = world.applications[0]
    world.award(application)
    assert world.release().awaiting_acceptance == 1
    accept = {"application_id": application.pk, "by": application.applicant, "at": AFTER}

    with pytest.raises(acceptance.CannotAccept, match="accept them first"):
        acceptance.accept(organization_id=ORGANIZATION_ID, terms_accepted=False, **accept)
    with pytest.raises(acceptance.CannotAccept):
        acceptance.accept(organization_id="org-nonsense", terms_accepted=True, **accept)
    acceptance.accept(organization_id=ORGANIZATION_ID, terms_accepted=True, **accept)
    acceptance.accept(organization_id=ORGANIZATION_ID, terms_accepted=True, **accept)
    with pytest.raises(acceptance.CannotAccept, match="organization already"):
        acceptance.accept(organization_id=ORGANIZATION_ID.replace("0", "1"), terms_accepted=True, **accept)

    decision = Decision.objects.get()
    assert decision.accepted_at == AFTER
    assert Grant.objects.get().organization.external_id == ORGANIZATION_ID


def test_there_is_nothing_to_accept_without_an_award() -> None:
    world = World()
    application = world.applications[0]

    with pytest.raises(acceptance.CannotAccept, match="no award"):
        acceptance.accept(
            application_id=application.pk,
            organization_id=ORGANIZATION_ID,
            terms_accepted=True,
            by=application.applicant,
            at=AFTER,
        )


def test_terms_come_before_the_organization_even_if_the_application_named_it() -> None:
    world = World(
        terms="Use it for the research you described.", answers={"organization_id": ORGANIZATION_ID}
    )
    world.award(world.applications[0])

    assert world.release().awaiting_acceptance == 1
    assert Grant.objects.get().organization is None


def test_while_posting_is_stopped_a_release_is_refused_in_words() -> None:
    world = World()
    world.award(world.applications[0])
    ledger.stop_posting()

    with pytest.raises(release.CannotRelease, match="Posting is stopped"):
        world.release()

    assert not Grant.objects.exists()
