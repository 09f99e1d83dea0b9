"""The program editor: a field for every setting, rules by kind, two people at once, versions, dates, pools."""

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django.urls import reverse

from credits import ledger
from portal import clock
from portal.roles import Role
from programs import form_edits, rulebook, shifts
from programs.admin.parts import ShowIfField
from programs.admin.program_form import FIELDSETS
from programs.models import Criterion, EligibilityRule, Program, RuleKind, ScheduleException
from tests.factories import applications as make
from tests.factories.pages import typed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def program() -> Program:
    return make.make_program()


@pytest.fixture
def client(program: Program) -> Client:
    found = Client()
    found.force_login(
        make.make_member(program, Role.MANAGER), backend="django.contrib.auth.backends.ModelBackend"
    )
    return found


def address(program: Program) -> str:
    return reverse("admin:programs_program_change", args=[program.pk])


def opened(client: Client, program: Program, query: str = "") -> dict[str, Any]:
    return typed(client.get(address(program) + query).text, "program_form")


def row_of(data: dict[str, Any], prefix: str, pk: int) -> str:
    """The prefix of the row that edits one record."""
    return next(
        name.removesuffix("-id")
        for name, value in data.items()
        if name.startswith(f"{prefix}-") and name.endswith("-id") and value == str(pk)
    )


def test_every_setting_of_a_program_has_its_field_with_words(client, program):
    listed = {
        name
        for _, options in FIELDSETS
        for entry in options["fields"]
        for name in (entry if isinstance(entry, tuple) else (entry,))
    }
    form = client.get(address(program)).context["adminform"].form

    assert listed == {field.name for field in Program._meta.concrete_fields} - {"id", "state"}
    without = {"never_funded"}
    assert {name for name, field in form.fields.items() if not field.help_text} - {"seen"} <= without
    assert "{title" not in client.get(address(program)).text


# --- Eligibility, a form for each kind


@pytest.mark.parametrize(
    ("kind", "fields", "parameters"),
    [
        ("country", {"list_is": "refused", "countries": ["AQ", "BV"]}, {"refused": ["AQ", "BV"]}),
        (
            "disposable_email",
            {"domains_also": "Mail.Example\nx.example", "domains_never": "kind.example"},
            {"also": ["mail.example", "x.example"], "never": ["kind.example"]},
        ),
        ("academic_email", {"domains_also": "@institute.example"}, {"also": ["institute.example"]}),
        ("amount_cap", {"most_cents": "12,500"}, {"cents": 12_500_00}),
        ("months_cap", {"most_months": "9"}, {"months": 9}),
        ("near_duplicate", {"alike_percent": "75"}, {"at_least": 0.75}),
        ("duplicate_person", {}, {}),
    ],
)
def test_a_rule_of_each_kind_is_added_with_its_own_fields(client, program, kind, fields, parameters):
    program.rules.all().delete()
    data = opened(client, program, "?add=rules")
    data |= {"rules-0-kind": kind, "rules-0-outcome": "flag", "rules-0-sentence": "Look at it."}
    data |= {f"rules-0-{name}": value for name, value in fields.items()}

    answer = client.post(address(program), data)

    assert answer.status_code == 302, list(answer.context["errors"])
    rule = program.rules.get()
    assert (rule.kind, rule.parameters) == (kind, parameters)
    again = client.post(address(program), opened(client, program))
    assert again.status_code == 302
    assert program.rules.get().parameters == parameters


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("country", {"list_is": "allowed"}, "Tick at least one country."),
        ("amount_cap", {"most_cents": "much"}, "Enter an amount in digits"),
        ("amount_cap", {}, "Enter the highest amount"),
        ("months_cap", {"most_months": "0"}, "greater than or equal to 1"),
        ("disposable_email", {"domains_also": "no domain"}, "Not a mail domain: no"),
        ("option", {}, "Select a valid choice"),
    ],
)
def test_a_rule_that_cannot_be_is_said_at_its_field(client, program, kind, fields, said):
    program.rules.all().delete()
    data = opened(client, program, "?add=rules")
    data |= {"rules-0-kind": kind, "rules-0-outcome": "flag", "rules-0-sentence": "My sentence."}
    data |= {f"rules-0-{name}": value for name, value in fields.items()}

    answer = client.post(address(program), data)

    assert answer.status_code == 200
    assert said in answer.text
    assert "My sentence." in answer.text
    assert not program.rules.exists()


def test_a_gate_hangs_on_the_answers_of_one_question(client, program):
    gate = Criterion.objects.create(
        program=program, key="g", name="Gate", description="x", kind="gate", position=9
    )
    data = opened(client, program)
    row = row_of(data, "criteria", gate.pk)
    values = [
        value
        for _, group in client.get(address(program))
        .context["inline_admin_formsets"][0]
        .formset.forms[0]
        .fields["show_if"]
        .choices
        for value, _ in group
    ]
    one = [value for value in values if value.split("=")[0] == values[0].split("=")[0]]

    client.post(address(program), data | {f"{row}-show_if": one})
    refused = client.post(address(program), opened(client, program) | {f"{row}-kind": "score"})

    assert "Only a gate can be for some" in refused.text
    mixed = ShowIfField()
    mixed.choices = [("A", [("a=1", "One")]), ("B", [("b=2", "Two")])]
    with pytest.raises(ValidationError, match="one question only"):
        mixed.clean(["a=1", "b=2"])
    gate.refresh_from_db()
    question = one[0].split("=")[0]
    assert gate.show_if == {"question": question, "any_of": [value.split("=", 1)[1] for value in one]}


def test_anchors_are_rows_and_end_with_the_scale(client, program):
    criterion = program.criteria.filter(kind="score").order_by("pk").first()
    data = opened(client, program)
    row = row_of(data, "criteria", criterion.pk)
    data = {name: value for name, value in data.items() if not name.startswith(f"{row}-anchors-")}
    typed_in = {f"{row}-anchors-0-value": "9", f"{row}-anchors-0-text": "Far above"}

    over = client.post(address(program), data | typed_in)
    client.post(address(program), data | typed_in | {f"{row}-anchors-0-value": "4"})

    assert "The scale ends at" in over.text
    assert "Far above" in over.text
    criterion.refresh_from_db()
    assert criterion.anchors == {"4": "Far above"}


# --- Two people at once


def test_what_two_people_change_is_refused_with_words_and_nothing_is_lost(client, program):
    data = opened(client, program)
    Program.objects.filter(pk=program.pk).update(summary="Theirs.", decided_by_days=20)

    refused = client.post(address(program), data | {"summary": "Mine.", "purpose": "My purpose."})
    again = typed(refused.text, "program_form")
    saved = client.post(address(program), again)

    assert refused.status_code == 200
    assert "Somebody else saved this meanwhile" in refused.text
    assert "it stands as “Theirs.”" in refused.text.replace("&#x27;", "'")
    assert (again["summary"], again["purpose"], again["decided_by_days"]) == ("Mine.", "My purpose.", "20")
    assert saved.status_code == 302
    program.refresh_from_db()
    assert (program.summary, program.purpose, program.decided_by_days) == ("Mine.", "My purpose.", 20)


def test_a_list_entry_that_somebody_else_changed_is_not_overwritten(client, program):
    rule = program.rules.create(
        kind=RuleKind.AMOUNT_CAP, outcome="flag", sentence="Old.", parameters={"cents": 100}
    )
    data = opened(client, program)
    EligibilityRule.objects.filter(pk=rule.pk).update(parameters={"cents": 900})

    refused = client.post(address(program), data | {"summary": "Mine."})
    saved = client.post(address(program), typed(refused.text, "program_form"))

    assert "Somebody else saved this meanwhile" in refused.text
    assert saved.status_code == 302
    rule.refresh_from_db()
    program.refresh_from_db()
    assert (rule.parameters, program.summary) == ({"cents": 900}, "Mine.")


# --- Versions


def test_the_editor_says_which_evaluation_keeps_which_version(client, program):
    make.make_batch(program, applications=1)
    data = opened(client, program)

    saved = client.post(address(program), data | {"award_cap_cents": "5000"}, follow=True)
    page = client.get(reverse("admin:programs_program_versions", args=[program.pk])).text

    assert "December 2026 keeps the rules of version 1; version 2 applies from January 2027." in saved.text
    assert "What you change applies from January 2027" in client.get(address(program)).text
    assert "$20,000 USD" in page
    assert "$5,000 USD" in page
    assert program.versions.count() == 2


def test_a_scored_criterion_can_leave_the_rubric(client, program):
    make.make_batch(program, applications=1)
    criterion = program.criteria.filter(kind="score").order_by("pk").first()
    data = opened(client, program)

    client.post(address(program), data | {f"{row_of(data, 'criteria', criterion.pk)}-DELETE": "on"})

    criterion.refresh_from_db()
    assert (criterion.program_id, criterion.left_id) == (None, program.pk)


# --- Dates and pools


def test_an_evaluation_is_moved_and_left_out_from_the_preview(client, program):
    url = reverse("admin:programs_program_shift", args=[program.pk])
    move = {"regular_on": "2027-09-06", "what": "move", "moved_to_on": "2027-09-07", "reason": "Labor Day"}

    page = client.get(address(program)).text
    assert client.post(url, move).status_code == 302
    assert client.post(url, {"regular_on": "2027-03-01", "what": "skip", "reason": "Move"}).status_code == 302
    after = client.get(address(program)).text

    assert "Labor Day" in page  # the holiday itself is noted
    assert "shifted from 6 Sep: Labor Day" in after
    assert "1 Mar is left out: Move" in after
    assert program.cycles.filter(evaluation_on=date(2027, 9, 7), shifted_from_on=date(2027, 9, 6)).exists()
    assert not program.cycles.filter(evaluation_on=date(2027, 3, 1)).exists()
    assert client.post(url, {"regular_on": "2027-03-01", "what": "back"}).status_code == 302
    assert not ScheduleException.objects.filter(regular_on=date(2027, 3, 1)).exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"regular_on": "2027-03-01", "what": "move", "moved_to_on": "2027-04-05", "reason": "x"},
            "already has",
        ),
        (
            {"regular_on": "2027-03-01", "what": "move", "moved_to_on": "2020-01-01", "reason": "x"},
            "has passed",
        ),
        ({"regular_on": "2027-03-02", "what": "skip", "reason": "x"}, "is not an evaluation day"),
        ({"regular_on": "2027-03-01", "what": "skip", "reason": ""}, "Give a reason."),
        ({"regular_on": "2027-03-01", "what": "move", "reason": "x"}, "Say on which day."),
        ({"regular_on": "2027-03-01", "reason": "x"}, "Choose what happens."),
    ],
)
def test_a_move_that_cannot_be_is_refused_with_words(client, program, fields, said):
    answer = client.post(reverse("admin:programs_program_shift", args=[program.pk]), fields)

    assert answer.status_code == 422
    assert said in answer.text
    assert not ScheduleException.objects.exists()


def test_an_evaluation_that_somebody_entered_stands(program):
    make.make_submitted(program)
    manager = make.make_member(program, Role.MANAGER)

    with clock.set_to(make.BEFORE), pytest.raises(shifts.CannotShift, match="receipts"):
        shifts.shift(
            program_id=program.pk,
            regular_on=date(2026, 12, 7),
            moved_to_on=None,
            reason="x",
            by=manager,
            at=make.BEFORE,
        )


def test_dates_of_other_programs_are_not_found(client):
    other = make.make_program()

    assert client.get(reverse("admin:programs_program_shift", args=[other.pk])).status_code == 404
    assert client.get(reverse("admin:programs_program_versions", args=[other.pk])).status_code == 404


def test_the_pools_of_the_coming_evaluations_are_shown(client, program):
    with transaction.atomic():
        ledger.fund(
            program=program.slug,
            period="2027",
            amount_cents=70_000_00,
            made_by=make.make_user(),
            approved_by=make.make_user(),
            key="fund",
            at=make.AFTER,
        )

    pools = client.get(address(program)).context["pools"]

    assert [(pool.period, pool.funded_cents, pool.left_cents, pool.is_there) for pool in pools] == [
        ("2026", 0, 0, False),
        ("2027", 70_000_00, 70_000_00, True),
    ]
    assert pools[1].evaluations == 11


def test_what_is_missing_leads_to_its_field(client):
    program = make.make_program(open_it=False)
    program.message_templates.filter(kind="award").delete()
    program.criteria.update(weight_percent=0)
    client.force_login(
        make.make_member(program, Role.MANAGER), backend="django.contrib.auth.backends.ModelBackend"
    )

    missing = client.get(address(program)).context["missing"]

    assert [check.url for check in missing] == [
        "#criteria-group",
        f"{reverse('admin:programs_messagetemplate_changelist')}?program={program.pk}",
    ]


# --- Order of questions


def test_questions_and_sections_are_put_at_a_place():
    sections = [
        {"key": "a", "title": "A", "questions": [{"key": "one"}, {"key": "two"}, {"key": "three"}]},
        {"key": "b", "title": "B", "questions": []},
    ]

    moved = form_edits.place_question(sections, key="one", section="b", at=5)
    moved = form_edits.place_question(moved, key="three", section="a", at=0)
    turned = form_edits.place_section(moved, key="b", at=0)

    assert [part["key"] for part in turned] == ["b", "a"]
    assert [[question["key"] for question in part["questions"]] for part in turned] == [
        ["one"],
        ["three", "two"],
    ]


def test_the_rules_of_a_program_that_is_set_up_are_not_versioned_yet(client):
    program = make.make_program(open_it=False)

    assert rulebook.of_program(program).version is None
    assert not program.versions.exists()


def test_who_only_reads_sees_lists_and_amounts_as_text(program):
    auditor = Client()
    auditor.force_login(
        make.make_member(program, Role.AUDITOR), backend="django.contrib.auth.backends.ModelBackend"
    )
    Program.objects.filter(pk=program.pk).update(
        priority_topics=[{"title": "Soil", "text": "What lives in it."}],
        never_funded=["Chat apps", "Travel"],
        models_offered=[{"slug": "x", "name": "Large", "limited": True, "condition": "With a lead."}],
        award_cap_cents=12_345_00,
    )
    gate = {"question": "field", "any_of": ["biology"]}
    Criterion.objects.filter(program=program, kind="gate").update(show_if=gate)
    Criterion.objects.filter(program=program, key="merit").update(anchors={"1": "Weak", "5": "Strong"})

    text = auditor.get(address(program)).text

    for said in (
        "Soil: What lives in it.",
        "Chat apps<br>Travel",
        "Large: x, limited, With a lead.",
        "$12,345",
        "1: Weak<br>5: Strong",
        "Biology and life sciences",
    ):
        assert said in text
    assert "&#x27;title&#x27;" not in text
    assert "any_of" not in text
    assert 'name="criteria-0-name"' not in text
    assert 'name="_save"' not in text
