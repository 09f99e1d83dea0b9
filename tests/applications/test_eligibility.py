"""The rules as they are asked: at the start, at the sending, in the batch, at release and at acceptance."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from applications import acceptance, decisions, eligibility, fit, intake, release, review
from applications.acceptance import CannotAccept
from applications.models import Application, CheckOutcome, ScreeningCheck
from applications.review import Look
from credits import ledger
from portal.roles import Role
from programs import descriptions, fields, form_versions
from programs.models import EligibilityRule, Program, RuleKind
from tests.factories.applications import (
    AFTER,
    BEFORE,
    ORGANIZATION_ID,
    SECTIONS,
    answers,
    make_batch,
    make_draft,
    make_many,
    make_member,
    make_program,
    make_submitted,
    make_user,
)

CONDITION = "I will use it for alignment research and for nothing else."
FLAG = "Asks for the base model. Look at the tie to alignment."
MODELS = {
    "key": "models",
    "type": "multiple_choice",
    "label": "Models",
    "choices": [
        {"value": "standard", "label": "Standard"},
        {"value": "gpt-4-base", "label": "Base", "condition": CONDITION, "flag": FLAG},
    ],
}
KIND = {
    "key": "kind",
    "type": "single_choice",
    "label": "Kind of institution",
    "maps_to": "institution_kind",
    "choices": [{"value": "university", "label": "University"}, {"value": "company", "label": "Company"}],
}
AGREE = "models_agree_gpt_4_base"


def sections() -> list[dict[str, Any]]:
    made = copy.deepcopy(SECTIONS)
    made[0]["questions"].append(copy.deepcopy(KIND))
    made[1]["questions"].append(copy.deepcopy(MODELS))
    return made


def program_with_options(**more) -> Program:
    program = make_program(**more)
    version = form_versions.draft(program=program, sections=sections(), by=None, at=BEFORE)
    form_versions.publish(form_version_id=version.pk, by=None, at=BEFORE)
    return program


def rule(program: Program, kind: str, **parameters: Any) -> EligibilityRule:
    return EligibilityRule.objects.create(
        program=program, kind=kind, outcome="block", sentence=f"No {kind}.", parameters=parameters
    )


# --- Conditions of options -------------------------------------------------------------------------------------------------


def test_a_condition_is_asked_of_those_who_choose_the_option() -> None:
    keys = [question["key"] for question in fields.expanded(sections()[1])]
    chosen = [q["key"] for q in fields.visible_questions(sections(), {"models": ["gpt-4-base"]})]
    others = [q["key"] for q in fields.visible_questions(sections(), {"models": ["standard"]})]

    assert keys[-2:] == ["models", AGREE]
    assert AGREE in chosen
    assert AGREE not in others


def test_another_wording_has_to_be_accepted_anew() -> None:
    changed = sections()
    changed[1]["questions"][-1]["choices"][1]["condition"] = "Something else."

    versions = {
        question["policy"]["version"]
        for made in (sections(), changed)
        for question in fields.questions(made)
        if question["key"] == AGREE
    }

    assert len(versions) == 2


@pytest.mark.parametrize(
    "choice",
    [
        {"condition": 7},
        {"condition": "x" * 2_001},
        {"flag": "x" * 301},
        {"flag": ["a"]},
        {"condition": "a\x00"},
        {"consequence": "x"},
    ],
)
def test_wrong_conditions_are_refused_in_a_form(choice: dict[str, Any]) -> None:
    made = sections()
    made[1]["questions"][-1]["choices"][0] |= choice

    assert descriptions.problems(made)


def test_a_question_may_not_take_the_key_of_a_condition() -> None:
    made = sections()
    made[1]["questions"].append({"key": AGREE, "type": "short_text", "label": "Mine"})

    assert any("condition" in problem for problem in descriptions.problems(made))


@pytest.mark.django_db
def test_an_option_is_sent_only_with_its_condition_accepted() -> None:
    draft = make_draft(program_with_options(), models=["gpt-4-base"], kind="university")

    with pytest.raises(intake.CannotSubmit) as refused:
        intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    version = next(q["policy"]["version"] for q in fields.questions(sections()) if q["key"] == AGREE)
    agreed = {AGREE: {"version": version, "accepted": True}}
    intake.save_answers(application_id=draft.pk, changes=agreed, version=None, by=draft.applicant, at=BEFORE)
    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    assert list(refused.value.problems) == [AGREE]
    assert sent.answers[AGREE]["accepted"] is True


@pytest.mark.django_db
def test_a_marked_option_is_flagged_in_the_batch_and_stops_nothing() -> None:
    program = program_with_options()
    plain, marked = make_many(program, 2)
    Application.objects.filter(pk=marked.pk).update(answers=answers(models=["standard", "gpt-4-base"]))
    make_batch(program, submitted=[plain, marked], assign=False)

    check = ScreeningCheck.objects.get(kind=RuleKind.OPTION)

    assert check.application == marked
    assert (check.outcome, check.sentence) == (CheckOutcome.FLAG, FLAG)
    assert check.details == {"options": ["gpt-4-base"]}


@pytest.mark.django_db
def test_a_single_choice_is_flagged_as_well() -> None:
    program = make_program()
    made = sections()
    made[0]["questions"][-1]["choices"][1]["flag"] = "A company."
    version = form_versions.draft(program=program, sections=made, by=None, at=BEFORE)
    form_versions.publish(form_version_id=version.pk, by=None, at=BEFORE)
    application = make_many(program, 1)[0]
    Application.objects.filter(pk=application.pk).update(answers=answers(kind="company"))
    make_batch(program, submitted=[application], assign=False)

    assert ScreeningCheck.objects.get(kind=RuleKind.OPTION).sentence == "A company."


# --- Kind of institution, amounts, months, waiting time ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "parameters", "column", "good", "bad"),
    [
        (RuleKind.COUNTRY, {"allowed": ["DE"]}, "country", "DE", "US"),
        (RuleKind.COUNTRY, {"refused": ["KP"]}, "country", "DE", "KP"),
        (RuleKind.INSTITUTION_KIND, {"allowed": ["university"]}, "institution_kind", "university", "company"),
        (RuleKind.AMOUNT_CAP, {"cents": 100}, "requested_cents", 100, 101),
        (RuleKind.MONTHS_CAP, {"months": 6}, "requested_months", 6, 7),
        (RuleKind.WAITING_TIME, {}, "wait_until", None, "2027-01-01"),
    ],
)
@pytest.mark.parametrize("outcome", ["flag", "block"])
def test_each_kind_passes_flags_or_blocks(kind, parameters, column, good, bad, outcome) -> None:
    made = EligibilityRule(kind=kind, outcome=outcome, sentence="No.", parameters=parameters)

    passed = eligibility.findings([made], {column: good})
    found = eligibility.findings([made], {column: bad})

    assert passed == []
    assert [(finding.outcome, finding.sentence) for finding in found] == [(outcome, "No.")]
    assert bool(eligibility.blocks(found)) == (outcome == "block")


@pytest.mark.django_db
def test_the_kind_of_institution_is_judged_at_start_and_submit_and_in_the_batch() -> None:
    program = program_with_options()
    made = rule(program, RuleKind.INSTITUTION_KIND, allowed=["university"])
    version = form_versions.current(program)

    at_start = fit.blocks(program, version, {"kind": "company", "country": "DE"}, make_user(), at=BEFORE)
    with pytest.raises(intake.CannotStart):
        make_draft(program, kind="company")
    sent = make_submitted(program, kind="university")
    EligibilityRule.objects.filter(pk=made.pk).update(parameters={"allowed": ["company"]}, outcome="flag")
    make_batch(program, submitted=[sent], assign=False)

    assert [finding.kind for finding in at_start] == [RuleKind.INSTITUTION_KIND]
    assert sent.institution_kind == "university"
    assert ScreeningCheck.objects.get(kind=RuleKind.INSTITUTION_KIND).application == sent


@pytest.mark.django_db
def test_an_application_that_came_too_early_by_a_file_is_flagged() -> None:
    program = make_program(reapply_wait_days=90)
    EligibilityRule.objects.create(
        program=program, kind=RuleKind.WAITING_TIME, outcome="flag", sentence="Too early."
    )
    first_cycle, second_cycle = program.cycles.order_by("cut_off_at")[:2]
    first = make_many(program, 1, cycle=first_cycle)[0]
    early = make_many(program, 1, cycle=second_cycle)[0]
    Application.objects.filter(pk=first.pk).update(submitted_at=datetime(2026, 11, 20, tzinfo=UTC))
    Application.objects.filter(pk=early.pk).update(
        submitted_at=datetime(2026, 12, 28, tzinfo=UTC), applicant=first.applicant
    )
    from applications import batches, screening

    formed = batches.form(cycle_id=second_cycle.pk, at=second_cycle.cut_off_at)
    screening.screen(batch_id=formed.batch_id, at=second_cycle.cut_off_at)

    check = ScreeningCheck.objects.get(kind=RuleKind.WAITING_TIME)
    assert (check.application_id, check.details) == (early.pk, {"applications": [first.pk]})


# --- Before credit is given ---------------------------------------------------------------------------------------------------


def decided(program: Program) -> tuple[Application, Any]:
    """An application with a pending award, reviewed and funded."""
    reviewers = [make_member(program) for _ in range(2)]
    manager, second = (make_member(program, Role.MANAGER) for _ in range(2))
    sent = make_submitted(program, kind="university")
    make_batch(program, submitted=[sent])
    for reviewer in reviewers:
        look = Look(scores={"merit": 4, "impact": 4, "feasibility": 4})
        review.send_in(application_id=sent.pk, look=look, by=reviewer, at=AFTER)
    ledger.fund(
        program=program.slug,
        period="2026",
        amount_cents=100_000_00,
        made_by=manager,
        approved_by=second,
        key="fund",
        at=AFTER,
    )
    decisions.propose_award(application_id=sent.pk, by=manager, at=AFTER)
    return sent, manager


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [(RuleKind.COUNTRY, {"refused": ["US"]}), (RuleKind.INSTITUTION_KIND, {"allowed": ["hospital"]})],
)
def test_a_list_that_changed_stops_the_release(kind: str, parameters: dict[str, Any]) -> None:
    program = program_with_options()
    sent, manager = decided(program)
    EligibilityRule.objects.update_or_create(
        program=program,
        kind=kind,
        defaults={"outcome": "block", "sentence": "Not any more.", "parameters": parameters},
    )

    with pytest.raises(release.CannotRelease) as refused:
        release.release(cycle_id=sent.cycle_id, by=manager, at=AFTER)

    assert [refusal.reason for refusal in refused.value.refusals] == ["Not any more."]


@pytest.mark.django_db
def test_a_list_that_changed_stops_the_acceptance_and_keeps_the_award() -> None:
    program = program_with_options(terms="The terms.")
    sent, manager = decided(program)
    release.release(cycle_id=sent.cycle_id, by=manager, at=AFTER)
    EligibilityRule.objects.filter(program=program, kind=RuleKind.COUNTRY).update(
        parameters={"refused": ["US"]}
    )
    accepting = {
        "application_id": sent.pk,
        "organization_id": ORGANIZATION_ID,
        "terms_accepted": True,
        "by": sent.applicant,
        "at": AFTER,
    }

    with pytest.raises(CannotAccept, match="not offered in this country"):
        acceptance.accept(**accepting)
    EligibilityRule.objects.filter(program=program, kind=RuleKind.COUNTRY).update(parameters={})

    assert acceptance.accept(**accepting).accepted_at == AFTER
