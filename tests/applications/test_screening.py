import pytest

from applications import screening
from applications.models import Application, CheckOutcome, ScreeningCheck
from applications.states import State
from programs.models import EligibilityRule, RuleKind
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    ORGANIZATION_ID,
    make_batch,
    make_program,
    make_submitted,
    make_user,
)

pytestmark = pytest.mark.django_db

TEXT = " ".join(f"word{number} of the study" for number in range(60))


def _found(kind: str) -> dict[int, ScreeningCheck]:
    return {check.application_id: check for check in ScreeningCheck.objects.filter(kind=kind)}


def test_near_duplicates_of_two_people_flag_each_other() -> None:
    program = make_program()
    one = make_submitted(program, abstract=TEXT)
    other = make_submitted(program, abstract=TEXT.replace("word7 ", "changed "))
    stranger = make_submitted(program)

    make_batch(program, submitted=[one, other, stranger])

    found = _found(RuleKind.NEAR_DUPLICATE)
    assert set(found) == {one.pk, other.pk}
    assert found[one.pk].outcome == CheckOutcome.FLAG
    assert [pair["application"] for pair in found[one.pk].details["applications"]] == [other.pk]


def test_a_mailbox_behind_two_accounts_is_flagged() -> None:
    program = make_program()
    EligibilityRule.objects.create(
        program=program, kind=RuleKind.DUPLICATE_PERSON, outcome="flag", sentence="Same mailbox."
    )
    one = make_submitted(program, applicant=make_user("ada.l@gmail.com"))
    other = make_submitted(program, applicant=make_user("adal+2@gmail.com"))

    make_batch(program, submitted=[one, other])

    assert set(_found(RuleKind.DUPLICATE_PERSON)) == {one.pk, other.pk}


def test_a_shared_organization_id_is_flagged() -> None:
    program = make_program()
    EligibilityRule.objects.create(
        program=program, kind=RuleKind.SHARED_ORGANIZATION, outcome="flag", sentence="Shared ID."
    )
    one = make_submitted(program, organization_id=ORGANIZATION_ID)
    other = make_submitted(program, organization_id=ORGANIZATION_ID.upper())
    make_submitted(program)

    make_batch(program, submitted=[one])

    assert set(_found(RuleKind.SHARED_ORGANIZATION)) == {one.pk, other.pk}


def test_column_rules_flag_their_rows_and_reject_nobody() -> None:
    program = make_program()
    EligibilityRule.objects.create(
        program=program, kind=RuleKind.DISPOSABLE_EMAIL, outcome="flag", sentence="Throw-away address."
    )
    EligibilityRule.objects.filter(program=program, kind=RuleKind.COUNTRY).update(parameters={"refused": []})
    thrown = make_submitted(program, applicant=make_user("x@mailinator.com"))
    abroad = make_submitted(program, country="KP")
    EligibilityRule.objects.filter(program=program, kind=RuleKind.COUNTRY).update(
        parameters={"refused": ["KP"]}
    )

    make_batch(program, submitted=[thrown, abroad])

    assert set(_found(RuleKind.DISPOSABLE_EMAIL)) == {thrown.pk}
    assert _found(RuleKind.COUNTRY)[abroad.pk].outcome == CheckOutcome.BLOCK
    assert set(Application.objects.values_list("state", flat=True)) == {State.IN_REVIEW}


def test_screening_again_adds_nothing() -> None:
    program = make_program()
    make_submitted(program, abstract=TEXT, at=BEFORE)
    make_submitted(program, abstract=TEXT, at=BEFORE)
    batch = make_batch(program, submitted=[Application.objects.get(pk=Application.objects.earliest("pk").pk)])
    before = ScreeningCheck.objects.count()

    assert screening.screen(batch_id=batch.pk, at=AFTER) == {}
    assert ScreeningCheck.objects.count() == before == 2
    batch.refresh_from_db()
    assert batch.screened_at == CUT_OFF
