import pytest
from django.db import Error, transaction

from applications import decisions
from applications.models import Conflict, Decision, DecisionKind, DecisionState
from portal.models import AuditEvent
from portal.roles import Role
from programs.models import AwardMode
from tests.factories.applications import AFTER, BEFORE, make_batch, make_member, make_program, make_submitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def program():
    return make_program()


@pytest.fixture
def manager(program):
    return make_member(program, Role.MANAGER)


@pytest.fixture
def application(program):
    application = make_submitted(program)
    make_batch(program, submitted=[application])
    application.refresh_from_db()
    return application


def test_an_award_starts_from_what_was_asked(application, manager) -> None:
    decision = decisions.propose_award(application_id=application.pk, by=manager, at=AFTER)

    assert (decision.kind, decision.state) == (DecisionKind.AWARD, DecisionState.PENDING)
    assert (decision.amount_cents, decision.months) == (6_000_00, 6)
    assert decision.granted_models == ["standard", "large"]
    assert AuditEvent.objects.get(action="decision.propose_award").actor == manager


def test_a_new_proposal_replaces_the_pending_one(application, manager) -> None:
    decisions.propose_award(application_id=application.pk, by=manager, at=AFTER)
    decisions.propose_decline(application_id=application.pk, by=manager, at=AFTER)

    states = list(Decision.objects.order_by("pk").values_list("kind", "state"))
    assert states == [("award", "void"), ("decline", "pending")]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"amount_cents": 0}, "above zero"),
        ({"amount_cents": 20_000_01}, "cap of .* is \\$20,000"),
        ({"months": 7}, "from 1 to 6 months"),
        ({"granted_models": ["secret"]}, "does not offer secret"),
    ],
)
def test_an_award_outside_the_rules_is_refused(application, manager, facts, message) -> None:
    with pytest.raises(decisions.CannotDecide, match=message):
        decisions.propose_award(application_id=application.pk, by=manager, at=AFTER, **facts)
    assert not Decision.objects.exists()


def test_a_fixed_award_differs_only_with_a_reason() -> None:
    program = make_program(
        award_mode=AwardMode.FIXED, award_cap_cents=None, term_mode="none", term_months=None
    )
    manager, application = make_member(program, Role.MANAGER), make_submitted(program)
    make_batch(program, submitted=[application])

    assert (
        decisions.propose_award(application_id=application.pk, by=manager, at=AFTER).amount_cents == 1_000_00
    )
    with pytest.raises(decisions.CannotDecide, match="needs a reason"):
        decisions.propose_award(application_id=application.pk, by=manager, at=AFTER, amount_cents=2_000_00)
    special = decisions.propose_award(
        application_id=application.pk,
        by=manager,
        at=AFTER,
        amount_cents=2_000_00,
        reason="Needs the large model",
    )
    assert special.amount_cents == 2_000_00


def test_only_a_manager_of_the_program_without_conflict_decides(program, application, manager) -> None:
    reviewer, other = make_member(program), make_member(make_program(), Role.MANAGER)
    for person in (reviewer, other):
        with pytest.raises(decisions.CannotDecide, match="Only a manager"):
            decisions.propose_award(application_id=application.pk, by=person, at=AFTER)

    Conflict.objects.create(
        application=application, user=manager, reason="Adviser", declared_by=None, declared_at=BEFORE
    )
    with pytest.raises(decisions.CannotDecide, match="conflict of interest"):
        decisions.propose_decline(application_id=application.pk, by=manager, at=AFTER)


def test_a_second_person_approves_and_never_the_first(program, application, manager) -> None:
    decision = decisions.propose_award(
        application_id=application.pk, by=manager, at=AFTER, amount_cents=15_000_00
    )

    with pytest.raises(decisions.CannotDecide, match="second person"):
        decisions.approve(decision_id=decision.pk, by=manager, at=AFTER)
    with pytest.raises(decisions.CannotDecide, match="manager or a finance approver"):
        decisions.approve(decision_id=decision.pk, by=make_member(program), at=AFTER)
    finance = make_member(program, Role.FINANCE)
    decisions.approve(decision_id=decision.pk, by=finance, at=AFTER)

    decision.refresh_from_db()
    assert decision.approved_by == finance
    with pytest.raises(Error), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(approved_by=manager)


def test_the_database_refuses_a_large_release_without_a_second_person(application, manager) -> None:
    decision = decisions.propose_award(
        application_id=application.pk, by=manager, at=AFTER, amount_cents=15_000_00
    )

    with pytest.raises(Error, match="large_award_has_second_person"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(
            state="released", released_by=manager, released_at=AFTER
        )


def test_undo_returns_an_application_to_the_undecided(application, manager) -> None:
    decision = decisions.propose_decline(application_id=application.pk, by=manager, at=AFTER)

    decisions.undo(decision_id=decision.pk, by=manager, at=AFTER)

    decision.refresh_from_db()
    assert decision.state == DecisionState.VOID
    with pytest.raises(decisions.CannotDecide, match="undone"):
        decisions.undo(decision_id=decision.pk, by=manager, at=AFTER)
