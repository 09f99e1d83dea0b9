"""The rules that a cycle keeps: versions, what they hold, and who may change them."""

import pytest
from django.db import DatabaseError, transaction

from programs import rule_differences, rulebook
from programs.models import Criterion, Cycle, Program, ProgramVersion
from tests.factories import applications as make

pytestmark = pytest.mark.django_db


def test_every_rule_of_a_program_is_in_a_version_or_named_as_live():
    live = {
        "id", "slug", "name", "short_code", "state", "accent", "position", "summary", "purpose", "priority_topics",
        "process", "never_funded", "notices", "data_note", "schedule_rule", "cut_off_time", "holidays_of", "opens_on",
        "urgent_contact", "first_looks", "assigns_by_itself", "remind_half_time", "remind_soon", "remind_overdue",
        "languages_left_out",
    }  # fmt: skip

    columns = {field.name for field in Program._meta.concrete_fields}

    assert set(rulebook.COLUMNS) == columns - live


def test_a_version_is_made_when_the_rules_differ_and_only_then():
    program = make.make_program()

    first = rulebook.keep(program_id=program.pk, by=None, at=make.BEFORE)
    same = rulebook.keep(program_id=program.pk, by=None, at=make.AFTER)
    Program.objects.filter(pk=program.pk).update(award_cap_cents=1_000_00, summary="Another sentence.")
    second = rulebook.keep(program_id=program.pk, by=None, at=make.AFTER)

    assert (first.pk, first.number, second.number) == (same.pk, 1, 2)
    assert first.content_sha256 == rulebook.hash_of(first.content)
    found = rule_differences.between(first.content, second.content)
    assert [(row.where, row.before, row.after) for row in found] == [("Cap", "$20,000 USD", "$1,000 USD")]


def test_forming_a_batch_freezes_the_rules_and_the_database_keeps_them():
    program = make.make_program()
    batch = make.make_batch(program, applications=1)
    version = ProgramVersion.objects.get()
    batch.cycle.refresh_from_db()

    assert batch.cycle.rules_version == version
    assert batch.rules == {"version": 1, "sha256": version.content_sha256}
    with pytest.raises(DatabaseError), transaction.atomic():
        ProgramVersion.objects.update(number=9)
    with pytest.raises(DatabaseError), transaction.atomic():
        Cycle.objects.update(rules_version=None)


def test_a_frozen_rulebook_answers_as_the_program_did():
    program = make.make_program()
    before = rulebook.of_program(program)
    rubric, rules = [row.pk for row in before.criteria], [row.kind for row in before.rules]
    batch = make.make_batch(program, applications=1)
    Program.objects.update(award_cap_cents=1, decline_mode="told", reviews_wanted=5, four_eyes_above_cents=1)
    Criterion.objects.update(name="Other", weight_percent=0)
    program.rules.all().delete()
    batch.cycle.refresh_from_db()

    kept = rulebook.for_cycle(batch.cycle)

    assert {name: getattr(kept, name) for name in rulebook.COLUMNS} == {
        name: getattr(before, name) for name in rulebook.COLUMNS
    }
    assert [row.pk for row in kept.criteria] == rubric
    assert sum(row.weight_percent for row in kept.scores) == 100
    assert [row.kind for row in kept.rules] == rules
    assert rulebook.for_cycle(Cycle.objects.order_by("-evaluation_on")[0]).award_cap_cents == 1


def test_a_criterion_leaves_the_rubric_and_stays_for_the_rules_that_name_it():
    program = make.make_program()
    batch = make.make_batch(program, applications=1)
    named = program.criteria.order_by("pk").first()
    fresh = Criterion.objects.create(program=program, key="new", name="New", description="x")

    rulebook.retire(named)
    rulebook.retire(fresh)

    named.refresh_from_db()
    batch.cycle.refresh_from_db()
    assert (named.program_id, named.left_id) == (None, program.pk)
    assert not Criterion.objects.filter(pk=fresh.pk).exists()
    assert named.pk in [row.pk for row in rulebook.for_cycle(batch.cycle).criteria]
