"""Before credit leaves: decision and second person, binding, country, gates, holds, organization. The database asks."""

from collections.abc import Callable
from itertools import product

import pytest
from django.db import DatabaseError, connection, transaction

from applications import acceptance, decisions, eligibility, review
from applications.models import Application, Decision, GateOutcome, HeldAcceptance
from credits import cases, delivery, enforcement, ledger, organization_changes
from credits.checks import ledger_problems
from credits.models import Case, Delivery, EnforcementKind, Grant
from credits.movements import AccountKind, Kind
from programs.models import EligibilityRule, RuleKind
from tests.applications.test_release import World
from tests.factories.applications import AFTER, ORGANIZATION_ID
from tests.factories.credits import account_of

pytestmark = pytest.mark.django_db

OTHER_ID = "1c1d0b75-8b67-4b4a-8f6f-2e3d4c5b6a79"


class Released(World):
    """One award above the limit, approved by a second person, with a gate passed and its organization named."""

    def __init__(self, *, terms: str = "") -> None:
        answers = {"organization_id": ORGANIZATION_ID, "field": "biology", "country": "KE"}
        super().__init__(answers=answers, terms=terms)
        self.application = self.applications[0]
        rule, _ = EligibilityRule.objects.get_or_create(
            program=self.program,
            kind=RuleKind.COUNTRY,
            defaults={"outcome": "block", "sentence": "Not there."},
        )
        self.rule = rule
        self.allow("KE", "DE")
        for gate in self.program.criteria.filter(kind="gate"):
            review.answer_gate(
                application_id=self.application.pk,
                criterion_key=gate.key,
                outcome=GateOutcome.PASSED,
                note="Fine.",
                by=self.screener,
                at=AFTER,
            )
        self.decision = self.award(self.application, amount_cents=12_000_00)
        decisions.approve(decision_id=self.decision.pk, by=self.second, at=AFTER)
        self.release()
        self.decision.refresh_from_db()
        self.grant: Grant = self.decision.grant

    def allow(self, *countries: str) -> None:
        EligibilityRule.objects.filter(pk=self.rule.pk).update(
            outcome="block", parameters={"allowed": list(countries)}
        )

    def send(self) -> None:
        """The movement itself, past every operation."""
        ledger.open_grant_accounts(kind=AccountKind.IN_TRANSIT, grant_ids=[self.grant.pk])
        ledger.post(
            kind=Kind.SEND,
            source=account_of(self.grant, AccountKind.RESERVED),
            destination=account_of(self.grant, AccountKind.IN_TRANSIT),
            amount_cents=self.grant.amount_cents,
            key=f"try:{self.grant.pk}",
            by=None,
            at=AFTER,
        )

    def past_the_guards(self, statement: str, *values: object) -> None:
        """As the owner of the tables with the triggers of the application asleep."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an ALTER waits for nothing that is deferred
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement, values)
            cursor.execute("SET LOCAL session_replication_role = origin")


def _no_country(world: Released) -> None:
    world.allow("DE")


def _no_gate(world: Released) -> None:
    world.past_the_guards(
        "DELETE FROM applications_gateresult WHERE application_id = %s", world.application.pk
    )


def _on_hold(world: Released) -> None:
    enforcement.impose(
        organization_id=world.grant.organization_id, kind=EnforcementKind.HOLD, reason="x", by=world.manager, at=AFTER
    )  # fmt: skip


def _no_approval(world: Released) -> None:
    world.past_the_guards("ALTER TABLE applications_decision DROP CONSTRAINT large_award_has_second_person")
    world.past_the_guards(
        "UPDATE applications_decision SET approved_by_id = NULL, approved_at = NULL, approved_binding = NULL"
        " WHERE id = %s",
        world.decision.pk,
    )


def _no_organization(world: Released) -> None:
    world.past_the_guards("ALTER TABLE credits_grant DISABLE TRIGGER grant_is_fixed")
    world.past_the_guards("UPDATE credits_grant SET organization_id = NULL WHERE id = %s", world.grant.pk)
    world.past_the_guards("ALTER TABLE credits_grant ENABLE ALWAYS TRIGGER grant_is_fixed")


MISSING = (_on_hold, _no_country, _no_gate, _no_approval, _no_organization)


def test_every_incomplete_combination_is_refused() -> None:
    """2^5 - 1 of 2^5: whatever one of the five lacks, alone or together, nothing leaves. Complete, it does."""
    world = Released()
    passed = []
    for picked in product((False, True), repeat=len(MISSING)):
        names = [lack.__name__ for lack, chosen in zip(MISSING, picked, strict=True) if chosen]
        with transaction.atomic():
            for lack, chosen in zip(MISSING, picked, strict=True):
                if chosen:
                    lack(world)
            try:
                with transaction.atomic():
                    world.send()
                passed.append(names)
            except ledger.NotAllowed:
                pass
            transaction.set_rollback(True)

    assert passed == [[]]


def _raised(world: Released) -> None:
    world.past_the_guards("UPDATE applications_decision SET amount_cents = amount_cents + 1")


def _other_applicant(world: Released) -> None:
    world.past_the_guards("UPDATE applications_application SET applicant_id = %s", world.manager.pk)


def _other_program(world: Released) -> None:
    other = Released().program
    world.past_the_guards("UPDATE applications_application SET program_id = %s WHERE id = %s",
                          other.pk, world.application.pk)  # fmt: skip


def _other_organization_wished(world: Released) -> None:
    world.past_the_guards("UPDATE applications_application SET organization_id_text = %s", OTHER_ID)


def _other_months(world: Released) -> None:
    world.past_the_guards("UPDATE applications_decision SET months = 11")


def _taken_back(world: Released) -> None:
    world.past_the_guards("UPDATE applications_decision SET state = 'void'")


def _an_override(world: Released) -> None:
    _no_approval(world)
    world.past_the_guards("UPDATE applications_decision SET overrides = 'flagged', reason = 'x'")


def _hash_of_something_else(world: Released) -> None:
    world.past_the_guards("UPDATE applications_decision SET approved_binding = sha256('x')")


def _answers_changed(world: Released) -> None:
    Application.objects.filter(pk=world.application.pk).update(answers={"field": "biology", "title": "Other"})


def _country_refused_by_name(world: Released) -> None:
    EligibilityRule.objects.filter(pk=world.rule.pk).update(parameters={"refused": ["KE"]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_raised, "amount differs"),
        (_other_applicant, "another person or program"),
        (_other_program, "another person or program"),
        (_other_organization_wished, "changed after it was approved"),
        (_other_months, "changed after it was approved"),
        (_hash_of_something_else, "changed after it was approved"),
        (_taken_back, "no released decision"),
        (_an_override, "second person"),
        (_answers_changed, "gate"),
        (_country_refused_by_name, "country is not served"),
    ],
)
def test_a_frozen_fact_that_changed_keeps_the_credit_back(
    change: Callable[[Released], None], said: str
) -> None:
    world = Released()
    change(world)

    with pytest.raises(ledger.NotAllowed, match=said), transaction.atomic():
        world.send()


def test_what_is_refused_becomes_a_case_and_goes_once_the_reason_is_gone() -> None:
    world = Released()
    world.allow("DE")

    assert delivery.dispatch(at=AFTER) == 0
    assert delivery.dispatch(at=AFTER) == 0
    case = Case.objects.get()
    assert "country is not served" in case.words
    assert (case.grant_id, case.program) == (world.grant.pk, world.program.slug)

    world.allow("KE")
    cases.settle(case=case, by=world.manager, at=AFTER, reason="The list is right again.")
    assert delivery.dispatch(at=AFTER) == 1


def test_sql_and_python_agree_about_countries() -> None:
    world = World()
    rule, _ = EligibilityRule.objects.get_or_create(
        program=world.program, kind=RuleKind.COUNTRY, defaults={"outcome": "block", "sentence": "Not there."}
    )
    lists = [{}, {"allowed": ["KE"]}, {"allowed": []}, {"refused": ["KE", "DE"]}, {"allowed": None, "refused": []},
             {"allowed": ["KE", "DE"], "refused": ["DE"]}]  # fmt: skip
    for outcome, parameters, country in product(("block", "flag"), lists, ("KE", "DE", "")):
        rule.outcome, rule.parameters = outcome, parameters
        rule.save()
        with connection.cursor() as cursor:
            cursor.execute("SELECT country_is_refused(%s, %s)", [world.program.pk, country])
            in_sql = cursor.fetchone()[0]
        in_python = bool(eligibility.blocks_now([rule], {"country": country}))
        assert in_sql == in_python, (outcome, parameters, country)


def test_an_approval_for_one_organization_is_none_for_another() -> None:
    """Named with the application, approved with it, and another one named at acceptance: a second person looks again."""
    world = Released(terms="Use it well.")
    holder = world.application.applicant

    acceptance.accept(application_id=world.application.pk, organization_id=OTHER_ID, terms_accepted=True, by=holder, at=AFTER)  # fmt: skip

    held = HeldAcceptance.objects.get()
    assert Grant.objects.get(pk=world.grant.pk).organization is None
    with pytest.raises(DatabaseError), transaction.atomic():
        Grant.objects.filter(pk=world.grant.pk).update(organization=held.organization)
    acceptance.approve(held_id=held.pk, by=world.second, at=AFTER)
    assert delivery.dispatch(at=AFTER) == 1


def test_a_change_of_organization_asks_the_same_gates() -> None:
    """The lot that takes over follows the decision of the first: country, gates and binding are asked again."""
    world = Released()
    delivery.dispatch(at=AFTER)
    Delivery.objects.update(state="sent", sent_at=AFTER)
    grant = delivery.confirm(delivery_id=Delivery.objects.get().pk, at=AFTER)
    change = organization_changes.ask(
        grant_id=grant.pk, organization_id=OTHER_ID, format="anthropic-console", reason="Moved.", by=world.manager, at=AFTER
    )  # fmt: skip
    world.allow("DE")
    with pytest.raises(ledger.NotAllowed, match="country is not served"):
        organization_changes.approve(change_id=change.pk, by=world.second, at=AFTER)
    assert Grant.objects.count() == 1

    world.allow("KE")
    done = organization_changes.approve(change_id=change.pk, by=world.second, at=AFTER)
    assert done.new_grant is not None
    assert done.new_grant.first == grant
    assert ledger_problems() == []


def test_many_leave_with_one_look_at_the_gates(django_assert_max_num_queries: Callable) -> None:
    world = World(
        applications=6, answers={"organization_id": ORGANIZATION_ID}, four_eyes_above_cents=100_000_00
    )
    for application in world.applications:
        world.award(application, amount_cents=1_000_00)
    world.release()

    with django_assert_max_num_queries(12):
        assert delivery.dispatch(at=AFTER) == 6
    assert Decision.objects.filter(grant__stage="sent").count() == 6
