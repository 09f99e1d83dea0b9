"""Published forms and frozen rules in memory: asked for once, never a draft, never another row's, never changed."""

import copy
import json
import pickle
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from programs import kept
from programs.models import FormVersion, Program, ProgramVersion
from tests.factories.applications import AFTER, make_program

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_in_memory() -> None:
    kept.forget()


@pytest.fixture
def program() -> Program:
    return make_program()


def read(version: FormVersion) -> FormVersion:
    return kept.form(FormVersion.objects.defer("sections").get(pk=version.pk))


def published(program: Program) -> FormVersion:
    return program.form_versions.filter(published_at__isnull=False).get()


def test_a_published_form_is_asked_for_once(
    program: Program, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    version = published(program)
    with django_assert_num_queries(2):
        first = read(version)
        assert first.sections == version.sections
    with django_assert_num_queries(1):
        assert read(version).sections is first.sections


def test_a_draft_is_read_from_the_database_each_time(program: Program) -> None:
    draft = FormVersion.objects.create(program=program, number=9, sections=[{"key": "one"}])
    assert read(draft).sections == [{"key": "one"}]

    FormVersion.objects.filter(pk=draft.pk).update(sections=[{"key": "two"}])

    assert read(draft).sections == [{"key": "two"}]


def test_another_row_of_the_same_number_is_another_form(program: Program) -> None:
    version = published(program)
    read(version)
    like_it = FormVersion(
        pk=version.pk, published_at=version.published_at, created_at=timezone.now(), program=program, number=1
    )
    del like_it.__dict__["sections"]
    before = len(kept._memory)

    kept.form(like_it)

    assert len(kept._memory) == before + 1


def test_frozen_rules_are_asked_for_once(
    program: Program, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    version = ProgramVersion.objects.create(
        program=program, number=1, content={"rules": [1]}, content_sha256="a" * 64, made_at=AFTER
    )
    rows = ProgramVersion.objects.defer("content")
    assert kept.rules(rows.get(pk=version.pk)).content == {"rules": [1]}
    with django_assert_num_queries(1):
        assert kept.rules(rows.get(pk=version.pk)).content == {"rules": [1]}


@pytest.mark.parametrize(
    "change",
    [
        lambda sections: sections.append({}),
        lambda sections: sections.clear(),
        lambda sections: sections.sort(),
        lambda sections: sections.__setitem__(0, {}),
        lambda sections: sections[0].update(key="other"),
        lambda sections: sections[0].__setitem__("key", "other"),
        lambda sections: sections[0].pop("key"),
        lambda sections: sections[0].__ior__({"key": "other"}),
        lambda sections: sections[0]["questions"][0].setdefault("more", 1),
    ],
)
def test_nobody_changes_what_is_shared(program: Program, change: Any) -> None:
    sections = read(published(program)).sections

    with pytest.raises(TypeError):
        change(sections)


def test_copies_are_plain_and_equal(program: Program) -> None:
    sections = read(published(program)).sections

    for made in (
        copy.deepcopy(sections),
        pickle.loads(pickle.dumps(sections)),
        json.loads(json.dumps(sections)),
    ):
        assert made == sections
        assert type(made) is list
        assert type(made[0]) is dict
        assert type(made[0]["questions"][0]) is dict
    assert type(copy.copy(sections)) is list
    assert type({**sections[0]}) is dict


def test_the_one_that_was_not_asked_for_longest_goes(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    versions = [
        ProgramVersion.objects.create(
            program=program,
            number=number,
            content={"n": number},
            content_sha256=str(number) * 64,
            made_at=AFTER,
        )
        for number in (1, 2, 3)
    ]
    for version in versions:
        kept.rules(ProgramVersion.objects.defer("content").get(pk=version.pk))

    assert len(kept._memory) == 2
    assert versions[0].content_sha256 not in str(list(kept._memory))
