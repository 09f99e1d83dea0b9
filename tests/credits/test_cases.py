"""Cases: told once, settled once by somebody else than the holder, and never changed by anybody."""

import pytest
from django.db import DatabaseError, transaction

from credits import cases
from credits.models import Case
from tests.factories import credits as make

pytestmark = pytest.mark.django_db


def told(**fields: object) -> Case:
    return cases.open_case(
        **{"kind": "event", "key": "event:1", "words": "An event  for\nno grant.", "at": make.NOON} | fields
    )


def test_a_fact_is_told_once_and_takes_the_program_of_its_grant():
    make.funded_pool()
    grant = make.reserved()

    first = told(grant_id=grant.pk)
    again = told(grant_id=None, words="Other words.")

    assert again == first
    assert again.program == make.PROGRAM
    assert again.words == "An event for no grant."
    assert told(key="k" * 300) == told(key="k" * 300) != told(key="k" * 301)
    assert (
        cases.open_many(
            told=[cases.Told("usage", "event:1", "x"), cases.Told("usage", "b", "x")] * 2, at=make.NOON
        )
        == 1
    )
    assert cases.words_of("reconcile") == "Differs from the provider"
    assert cases.words_of("late-usage") == "Late usage"


def test_a_case_is_settled_once_with_a_reason_and_not_by_the_holder():
    make.funded_pool()
    holder, person = make.person(), make.person()
    case = told(grant_id=make.reserved(by=holder).pk)

    for by, reason in [(person, "  "), (holder, "Mine.")]:
        with pytest.raises(cases.CannotSettle):
            cases.settle(case=case, by=by, at=make.NOON, reason=reason)
    settled = cases.settle(case=case, by=person, at=make.NOON, reason="The provider  sent it twice.")
    assert cases.settle(case=case, by=person, at=make.NOON, reason="The provider sent it twice.") == settled
    with pytest.raises(cases.CannotSettle):
        cases.settle(case=case, by=person, at=make.NOON, reason="Another one.")
    assert not told().is_open


@pytest.mark.parametrize(
    "change",
    [
        {"words": "Nothing."},
        {"key": "other"},
        {"program": "other"},
        {"settled_at": make.NOON},
        {"reason": "No person."},
    ],
)
def test_the_database_keeps_what_was_told(change):
    case = told()

    with pytest.raises(DatabaseError), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Case.objects.filter(pk=case.pk).delete()


def test_the_database_keeps_a_settled_case():
    case = cases.settle(case=told(), by=make.person(), at=make.NOON, reason="Done.")

    with pytest.raises(DatabaseError), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(reason="Something else.")
