import pytest
from django.db import Error, transaction

from programs import catalogue, form_versions
from programs.models import Criterion, MessageKind, MessageTemplate, ProgramState
from tests.factories.applications import BEFORE, SECTIONS, make_program, make_user

pytestmark = pytest.mark.django_db


def test_an_unready_program_names_everything_that_is_missing() -> None:
    program = make_program(open_it=False)
    Criterion.objects.filter(program=program, key="merit").update(weight_percent=10)
    MessageTemplate.objects.filter(program=program, kind=MessageKind.AWARD).delete()

    with pytest.raises(catalogue.CannotOpen) as refusal:
        catalogue.open_program(program_id=program.pk, by=None, at=BEFORE)

    assert refusal.value.missing == [
        "Let the weights of the rubric add up to 100 %; they make 70 %, so ranks would be wrong.",
        "Write the message “Award, to the applicant at release”: people hear with it that they were chosen.",
    ]


def test_open_pause_and_open_again() -> None:
    program = make_program()

    paused = catalogue.close_program(program_id=program.pk, state=ProgramState.PAUSED, by=None, at=BEFORE)
    assert paused.state == ProgramState.PAUSED
    assert catalogue.open_program(program_id=program.pk, by=None, at=BEFORE).state == ProgramState.OPEN
    with pytest.raises(ValueError, match="does not close"):
        catalogue.close_program(program_id=program.pk, state=ProgramState.OPEN, by=None, at=BEFORE)


def test_a_published_form_never_changes() -> None:
    program, by = make_program(), make_user()
    version = form_versions.current(program)

    with pytest.raises(form_versions.FormIsPublished):
        form_versions.change(form_version_id=version.pk, sections=[], by=by, at=BEFORE)
    for attack in (
        lambda: type(version).objects.filter(pk=version.pk).update(sections=[]),
        lambda: type(version).objects.filter(pk=version.pk).update(published_at=None),
        lambda: type(version).objects.filter(pk=version.pk).delete(),
    ):
        with pytest.raises(Error), transaction.atomic():
            attack()


def test_a_new_version_is_drafted_changed_and_published() -> None:
    program, by = make_program(), make_user()

    draft = form_versions.draft(program=program, sections=SECTIONS[:1], by=by, at=BEFORE)
    assert form_versions.current(program).number == 1
    with pytest.raises(form_versions.BadForm) as refusal:
        form_versions.change(form_version_id=draft.pk, sections=[{"key": "x"}], by=by, at=BEFORE)
    assert refusal.value.problems
    form_versions.change(form_version_id=draft.pk, sections=SECTIONS, by=by, at=BEFORE)
    form_versions.publish(form_version_id=draft.pk, by=by, at=BEFORE)
    form_versions.publish(form_version_id=draft.pk, by=by, at=BEFORE)

    assert form_versions.current(program).number == 2


@pytest.mark.parametrize(
    "facts",
    [{"award_mode": "fixed", "award_default_cents": None}, {"award_cap_cents": None}, {"term_months": None}],
)
def test_the_database_refuses_half_a_rule(facts: dict[str, object]) -> None:
    with pytest.raises(Error), transaction.atomic():
        make_program(**facts)
