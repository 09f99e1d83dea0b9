"""The staff pages of applications."""

import pytest

from tests.factories import applications as make

pytestmark = pytest.mark.django_db


def test_factories():
    program = make.make_program()
    for _ in range(3):
        make.make_member(program)
    batch = make.make_batch(program, applications=2)
    assert batch.applications_count == 2
