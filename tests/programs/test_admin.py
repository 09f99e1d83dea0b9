"""The staff pages of programs: editor, calendar, forms, letters, people."""

import json
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal import clock
from portal.models import AuditEvent
from portal.roles import Role
from programs import form_versions, presets
from programs.models import (
    FormVersion,
    Membership,
    MessageTemplate,
    Program,
    ProgramState,
    ScheduleException,
)
from tests.factories import applications as make
from tests.factories.pages import typed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def editor(program: Program) -> str:
    return reverse("admin:programs_program_change", args=[program.pk])


def as_posted(page: Any) -> dict[str, Any]:
    """The form of an editor page as a browser would send it back unchanged."""
    return typed(page.text, "program_form")


# --- Who sees what


def test_a_manager_edits_their_own_programs_only():
    program, other = make.make_program(), make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))

    page = client.get(reverse("admin:programs_program_changelist"))

    assert [row.pk for row in page.context["cl"].result_list] == [program.pk]
    assert client.get(editor(program)).status_code == 200
    assert client.get(editor(other)).status_code == 302
    state = reverse("admin:programs_program_state", args=[other.pk, "paused"])
    assert client.post(state).status_code == 404
    assert Program.objects.get(pk=other.pk).state == ProgramState.OPEN


def test_an_auditor_reads_and_a_reviewer_sees_nothing():
    program = make.make_program()
    auditor = signed_in(make.make_member(program, Role.AUDITOR))
    reviewer = signed_in(make.make_member(program))

    assert auditor.get(editor(program)).status_code == 200
    assert auditor.post(editor(program), {"name": "Mine"}).status_code == 403
    assert reviewer.get(editor(program)).status_code in (302, 403)
    assert reviewer.get(reverse("admin:programs_program_changelist")).status_code == 403


# --- The editor


def test_saving_unchanged_changes_nothing():
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    cycles = list(program.cycles.order_by("pk").values_list("pk", flat=True))
    before = presets.export(Program.objects.get(pk=program.pk))

    answer = client.post(editor(program), as_posted(client.get(editor(program))))

    assert answer.status_code == 302, list(answer.context["errors"])
    assert presets.export(Program.objects.get(pk=program.pk)) == before
    assert list(program.cycles.order_by("pk").values_list("pk", flat=True)) == cycles


def test_money_and_lists_are_typed_as_people_write_them():
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    data = as_posted(client.get(editor(program)))

    data |= {
        "award_cap_cents": "25,000.50",
        "never_funded-0-text": "Chat apps",
        "never_funded-1-text": "Fine-tuning",
        "priority_topics-0-title": "Soil",
        "priority_topics-0-text": "What lives in it",
        "models_offered-0-place": "2",
        "models_offered-1-place": "1",
        "models_offered-1-name": "Old model",
        "models_offered-1-slug": "old",
        "models_offered-1-limited": "1",
        "models_offered-1-condition": "Only for repeats",
    }
    assert client.post(editor(program), data).status_code == 302

    program.refresh_from_db()
    assert program.award_cap_cents == 25_000_50
    assert program.never_funded == ["Chat apps", "Fine-tuning"]
    assert program.priority_topics == [{"title": "Soil", "text": "What lives in it"}]
    assert program.models_offered[0] == {
        "slug": "old",
        "name": "Old model",
        "limited": True,
        "condition": "Only for repeats",
    }
    assert program.models_offered[1]["slug"] == "standard"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("award_cap_cents", "1,50", "Enter an amount in digits"),
        ("award_cap_cents", "", "A capped award needs its cap."),
        ("priority_topics-0-title", "No text here", "Entry 1, text: it is empty."),
        ("models_offered-0-slug", "No Blanks", "Model 1: the short name has small letters"),
        ("time_zone", "Mars/Olympus", "Mars/Olympus"),
        ("schedule_rule", "EVERY DAY", ""),
    ],
)
def test_a_bad_setting_is_said_at_its_field(field, value, said):
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    data = as_posted(client.get(editor(program))) | {field: value}

    answer = client.post(editor(program), data)

    assert answer.status_code == 200
    assert said in str(answer.context["errors"])


def test_a_calendar_change_plans_again_and_keeps_cycles_in_use():
    program = make.make_program()
    make.make_submitted(program)
    client = signed_in(make.make_member(program, Role.MANAGER))
    data = as_posted(client.get(editor(program))) | {"schedule_rule": "FREQ=MONTHLY;BYDAY=2WE"}

    answer = client.post(editor(program), data, follow=True)

    assert "planned again" in answer.text
    days = list(program.cycles.order_by("evaluation_on").values_list("evaluation_on", flat=True)[:3])
    assert days[0] == date(2026, 12, 7)
    assert {day.weekday() for day in days[1:]} == {2}


def test_a_shifted_date_reaches_the_calendar():
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    data = as_posted(client.get(editor(program)))
    data |= {
        "schedule_exceptions-TOTAL_FORMS": "1",
        "schedule_exceptions-0-regular_on": "2027-01-04",
        "schedule_exceptions-0-moved_to_on": "2027-01-05",
        "schedule_exceptions-0-reason": "Holiday",
        "schedule_exceptions-0-program": str(program.pk),
    }

    assert client.post(editor(program), data).status_code == 302

    assert ScheduleException.objects.get().reason == "Holiday"
    assert program.cycles.filter(evaluation_on=date(2027, 1, 5), shifted_from_on=date(2027, 1, 4)).exists()
    assert "shifted from 4 Jan" in client.get(editor(program)).text


@pytest.mark.parametrize(
    ("regular", "moved", "said"),
    [
        ("2026-11-02", "2026-11-03", "has passed"),
        ("2027-01-04", "2026-12-01", "has passed"),
        ("2027-01-05", "2027-01-06", "is not an evaluation day of this rule"),
        ("2027-01-04", "2027-02-01", "already has an evaluation"),
        ("2027-01-04", "2027-01-04", "moves to itself"),
    ],
)
def test_a_date_that_cannot_move_is_refused_with_words(regular, moved, said):
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    data = as_posted(client.get(editor(program)))
    data |= {
        "schedule_exceptions-TOTAL_FORMS": "1",
        "schedule_exceptions-0-regular_on": regular,
        "schedule_exceptions-0-moved_to_on": moved,
        "schedule_exceptions-0-reason": "Holiday",
        "schedule_exceptions-0-program": str(program.pk),
    }

    answer = client.post(editor(program), data)

    assert answer.status_code == 200
    assert said in answer.text
    assert not ScheduleException.objects.exists()


def test_open_and_pause_say_what_is_missing():
    program = make.make_program(open_it=False)
    MessageTemplate.objects.filter(program=program, kind="award").delete()
    client = signed_in(make.make_member(program, Role.MANAGER))

    page = client.get(editor(program)).text
    refused = client.post(reverse("admin:programs_program_state", args=[program.pk, "open"]), follow=True)
    MessageTemplate.objects.create(program=program, kind="award", subject="Award", body="Hello {name}")
    client.post(reverse("admin:programs_program_state", args=[program.pk, "open"]))
    opened = Program.objects.get().state
    client.post(reverse("admin:programs_program_state", args=[program.pk, "paused"]))

    assert "1 thing is missing" in page
    assert "Write the message" in refused.text
    assert (opened, Program.objects.get().state) == (ProgramState.OPEN, ProgramState.PAUSED)


# --- Cycles


def test_only_the_decided_by_date_of_a_cycle_moves():
    program = make.make_program()
    cycle = make.next_cycle(program)
    client = signed_in(make.make_member(program, Role.MANAGER))
    url = reverse("admin:programs_cycle_change", args=[cycle.pk])

    client.post(url, {"decided_by_on": "2026-12-30", "evaluation_on": "2027-01-01", "state": "closed"})

    cycle.refresh_from_db()
    assert (cycle.decided_by_on, cycle.evaluation_on, cycle.state) == (
        date(2026, 12, 30),
        date(2026, 12, 7),
        "planned",
    )


# --- Forms


def test_a_draft_is_copied_changed_checked_and_published():
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    first = form_versions.current(program)
    client.post(reverse("admin:programs_formversion_copy", args=[first.pk]))
    fresh = FormVersion.objects.get(number=2)
    url = reverse("admin:programs_formversion_source", args=[fresh.pk])
    changed = [*fresh.sections, {"key": "more", "title": "More", "lead": "", "questions": []}]
    changed[-1]["questions"] = [{"key": "extra", "type": "short_text", "label": "Anything else?"}]

    not_json = client.post(url, {"sections": "[{"})
    bad = client.post(url, {"sections": json.dumps([{"key": "x"}])})
    client.post(url, {"sections": json.dumps(changed)})
    client.post(reverse("admin:programs_formversion_publish", args=[fresh.pk]))
    late = client.post(url, {"sections": json.dumps(first.sections)})

    assert (not_json.status_code, bad.status_code, late.status_code) == (422, 422, 404)
    assert "This is not JSON" in not_json.text
    fresh.refresh_from_db()
    assert fresh.sections == changed
    assert form_versions.current(program) == fresh
    assert "Anything else?" in client.get(reverse("admin:programs_formversion_change", args=[fresh.pk])).text


def test_forms_of_other_programs_are_not_found():
    program, other = make.make_program(), make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    foreign = form_versions.current(other)

    assert client.get(reverse("admin:programs_formversion_change", args=[foreign.pk])).status_code == 404
    assert client.post(reverse("admin:programs_formversion_copy", args=[foreign.pk])).status_code == 404
    assert FormVersion.objects.count() == 2


# --- Letters


def test_a_letter_with_an_unknown_placeholder_is_refused():
    program = make.make_program()
    letter = MessageTemplate.objects.get(program=program, kind="award")
    client = signed_in(make.make_member(program, Role.MANAGER))
    url = reverse("admin:programs_messagetemplate_change", args=[letter.pk])

    bad = client.post(url, {"subject": "Dear {nmae}", "body": "x"})
    good = client.post(url, {"subject": "Dear {name}", "body": "You have {amount}."})

    assert "{nmae} is not a placeholder" in bad.text
    assert good.status_code == 302
    assert "You have $6,000." in client.get(url).text


# --- People


def test_a_role_is_given_and_ended_through_the_operations():
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    person = make.make_user("new@hill.example.org")
    client = signed_in(manager)
    url = reverse("admin:programs_membership_add")

    nobody = client.post(url, {"program": program.pk, "role": "reviewer", "email": "ghost@hill.example.org"})
    client.post(url, {"program": program.pk, "role": "reviewer", "email": "New@hill.example.org"})
    person.refresh_from_db()
    held = person.is_staff
    membership = Membership.objects.get(user=person)
    client.post(reverse("admin:programs_membership_end", args=[membership.pk]))

    assert "Nobody has an account" in nobody.text
    membership.refresh_from_db()
    person.refresh_from_db()
    assert (held, membership.ended_at, person.is_staff) == (True, make.AFTER, False)
    assert set(AuditEvent.objects.filter(actor=manager).values_list("action", flat=True)) == {
        "membership.give",
        "membership.end",
    }


@pytest.mark.parametrize("role", ["finance", "auditor", "operator"])
def test_a_manager_does_not_give_roles_that_watch_over_them(role):
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    make.make_user("new@hill.example.org")
    data = {"program": program.pk, "role": role, "email": "new@hill.example.org"}

    answer = client.post(reverse("admin:programs_membership_add"), data)

    assert answer.status_code == 200
    assert not Membership.objects.filter(role=role).exists()


def test_a_manager_gives_no_role_in_another_program():
    program, other = make.make_program(), make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    stranger = make.make_member(other)
    data = {"program": other.pk, "role": "manager", "email": stranger.email}

    client.post(reverse("admin:programs_membership_add"), data)
    end = reverse("admin:programs_membership_end", args=[stranger.memberships.get().pk])

    assert client.post(end).status_code == 404
    assert list(Membership.objects.filter(program=other).values_list("role", "ended_at")) == [
        ("reviewer", None)
    ]


def test_accounts_are_for_superusers_and_nobody_raises_themselves():
    program = make.make_program()
    operator = make.make_member(program, Role.OPERATOR)
    url = reverse("admin:portal_user_change", args=[operator.pk])

    assert signed_in(make.make_member(program, Role.MANAGER)).get(url).status_code == 403
    assert signed_in(operator).post(url, {"is_superuser": "on"}).status_code == 403
    operator.refresh_from_db()
    assert not operator.is_superuser
    assert signed_in(make.make_superuser()).get(url).status_code == 200
