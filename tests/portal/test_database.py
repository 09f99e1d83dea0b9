"""Values that travel to PostgreSQL as one array literal."""

import pytest
from django.db import IntegrityError, connection, transaction

from portal.database import array_of_plain, array_of_texts, constraint_of
from portal.models import User
from tests.factories.credits import person

pytestmark = pytest.mark.django_db
TEXTS = ["plain", "", "a,b", 'a "quoted" one', "back\\slash", "{braces}", "NULL", "'", "é\n\t%s", " spaces "]


def read(literal, kind):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [literal])
        return cursor.fetchone()[0]


@pytest.mark.parametrize("texts", [TEXTS, [""], [], *[[text] for text in TEXTS]])
def test_any_text_arrives_as_it_was(texts):
    assert read(array_of_texts(texts), "text") == texts


@pytest.mark.parametrize("numbers", [[1, -2, None, 9_000_000_000], [None], []])
def test_numbers_and_nothing_arrive_as_they_were(numbers):
    assert read(array_of_plain(numbers), "bigint") == numbers


def test_a_refusal_names_its_constraint():
    known = person()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        User.objects.create(email=known.email)
    assert constraint_of(refused.value)
    assert constraint_of(IntegrityError("of nothing")) == ""
