"""Two people in one form: what merges, what clashes, and that nothing is replaced unseen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from applications import intake, merging
from tests.factories.applications import BEFORE, SECTIONS, make_draft, make_program, make_submitted

YOU, RESEARCH = SECTIONS


def marks(answers: dict[str, Any], section: dict[str, Any] = RESEARCH) -> dict[str, str]:
    return merging.marks(section, answers)


def test_what_was_not_touched_stays_as_the_other_left_it() -> None:
    base = marks({"title": "Old", "months": 6})

    merged = merging.merge(
        current={"title": "Theirs", "months": 6}, changes={"title": "Old", "months": 9}, base=base
    )

    assert merged == merging.Merge({"months": 9}, [])


def test_the_same_answer_changed_twice_clashes() -> None:
    base = marks({"title": "Old"})

    merged = merging.merge(current={"title": "Theirs"}, changes={"title": "Mine"}, base=base)

    assert merged.clashes == ["title"]


def test_the_same_change_made_twice_is_no_clash() -> None:
    merged = merging.merge(current={"title": "New"}, changes={"title": "New"}, base=marks({"title": "Old"}))

    assert merged.clashes == []


def test_a_page_that_remembers_nothing_may_fill_empty_answers_only() -> None:
    merged = merging.merge(current={"title": "Theirs"}, changes={"title": "Mine", "months": 3}, base={})

    assert merged.clashes == ["title"]


values = st.one_of(
    st.none(), st.text(max_size=3), st.integers(0, 3), st.lists(st.text(max_size=1), max_size=2)
)
answers = st.dictionaries(st.sampled_from("abcd"), values)


@given(drawn=answers, current=answers, typed=answers)
def test_no_answer_is_ever_replaced_that_the_page_did_not_show(drawn, current, typed) -> None:
    base = {key: merging.mark(drawn.get(key)) for key in "abcd"}

    merged = merging.merge(current=current, changes=typed, base=base)

    for key, value in merged.changes.items():
        seen = merging.mark(current.get(key)) == merging.mark(drawn.get(key))
        assert seen or value == current.get(key) or key in merged.clashes


@pytest.mark.parametrize("text", [None, "", "{", "[]", '"x"', "[" * 100_000, '{"a": 1}', b"\xff", 7])
def test_whatever_comes_back_as_marks_is_read(text: object) -> None:
    assert merging.marks_from(text) == {}


@pytest.mark.django_db
def test_two_people_save_different_answers_of_one_version() -> None:
    draft = make_draft(make_program())
    base = marks(draft.answers)
    people = {"by": draft.applicant, "at": BEFORE, "version": 0, "application_id": draft.pk}

    intake.save_answers(changes={"title": "Hers", "months": 6}, base=base, **people)
    intake.save_answers(changes={"title": draft.answers["title"], "months": 9}, base=base, **people)

    draft.refresh_from_db()
    assert (draft.answers["title"], draft.answers["months"], draft.answers_version) == ("Hers", 9, 2)


@pytest.mark.django_db
def test_the_second_of_two_changes_to_one_answer_is_refused_whole() -> None:
    draft = make_draft(make_program())
    base = marks(draft.answers)
    people = {"by": draft.applicant, "at": BEFORE, "version": 0, "application_id": draft.pk}
    intake.save_answers(changes={"title": "Hers"}, base=base, **people)

    with pytest.raises(intake.StaleTab) as stale:
        intake.save_answers(changes={"title": "His", "months": 9}, base=base, **people)

    draft.refresh_from_db()
    assert stale.value.clashes == ["title"]
    assert (draft.answers["title"], draft.answers["months"]) == ("Hers", 6)


@pytest.mark.django_db
def test_a_save_that_changes_nothing_makes_no_version_and_no_revision() -> None:
    sent = make_submitted(make_program())
    version = sent.answers_version

    kept = intake.save_answers(
        application_id=sent.pk,
        changes={"title": sent.answers["title"]},
        base=marks(sent.answers),
        version=None,
        by=sent.applicant,
        at=BEFORE,
    )

    assert kept == version
    assert sent.revisions.count() == 1


@pytest.mark.django_db
def test_without_marks_the_number_of_the_page_decides() -> None:
    draft = make_draft(make_program())
    people = {"by": draft.applicant, "at": BEFORE, "application_id": draft.pk}
    intake.save_answers(changes={"title": "Hers"}, version=0, **people)

    with pytest.raises(intake.StaleTab):
        intake.save_answers(changes={"months": 9}, version=0, **people)
