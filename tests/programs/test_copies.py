"""Copies of programs, programs from files, and what a new one begins with."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal import clock
from portal.roles import Role
from programs import catalogue, copies, form_versions, memberships, preset_files, presets
from programs.models import DeclineMode, Membership, MessageTemplate, Program, ProgramState
from tests.factories import applications as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _days_of_review() -> Any:
    with clock.set_to(make.AFTER):
        yield


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def clone(program: Program, by: Any, **changes: str) -> Program:
    given = {"slug": "copy", "name": "A copy", "short_code": "COP"} | changes
    return copies.clone(program_id=program.pk, by=by, at=make.AFTER, **given)


def test_a_copy_has_everything_but_cycles_people_and_applications():
    program = make.make_program()
    make.make_submitted(program)
    manager = make.make_member(program, Role.MANAGER)
    make.make_member(program)

    copy = clone(program, manager)

    assert presets.export(copy) | {"slug": "", "name": "", "short_code": "", "state": ""} == presets.export(
        program
    ) | {"slug": "", "name": "", "short_code": "", "state": ""}
    assert copy.state == ProgramState.DRAFT
    assert (copy.cycles.count(), copy.applications.count()) == (0, 0)
    assert list(copy.memberships.values_list("user_id", "role")) == [(manager.pk, Role.MANAGER)]
    assert form_versions.current(copy).number == 1


def test_a_form_that_was_never_published_comes_along_as_a_draft():
    program = make.make_program(open_it=False)
    fresh = Program.objects.create(
        slug="fresh",
        name="Fresh",
        short_code="FR",
        summary="s",
        purpose="p",
        award_mode="undisclosed",
        provider="anthropic",
        organization_id_format="any",
    )
    form_versions.draft(program=fresh, sections=make.SECTIONS, by=None, at=make.BEFORE)

    copy = clone(fresh, make.make_member(program, Role.MANAGER))

    assert [version.published_at for version in copy.form_versions.all()] == [None]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"slug": "taken"}, "already"), ({"short_code": "TAK"}, "belongs to"), ({"slug": "Not a slug"}, "slug")],
)
def test_a_copy_needs_names_of_its_own(changes, said):
    program = make.make_program(slug="taken", short_code="TAK")
    manager = make.make_member(program, Role.MANAGER)

    with pytest.raises(Exception, match=said):
        clone(program, manager, **changes)

    assert Program.objects.count() == 1


def test_the_pages_copy_export_and_import_with_the_differences_first():
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))

    made = client.post(
        reverse("admin:programs_program_clone", args=[program.pk]),
        {"name": "Second", "slug": "second", "short_code": "SEC"},
    )
    exported = client.get(reverse("admin:programs_program_export", args=[program.pk]))
    text = exported.content.decode().replace("summary: Credits for", "summary: Much credit for")
    url = reverse("admin:programs_program_import")
    shown = client.post(url, {"file": SimpleUploadedFile("p.yaml", text.encode())})
    before = Program.objects.get(pk=program.pk).summary
    seen = shown.context["proposal"].seen
    done = client.post(url, {"text": text.replace("\n", "\r\n"), "seen": seen, "apply": "1"})

    assert Program.objects.get(slug="second").state == ProgramState.DRAFT
    assert made.status_code == done.status_code == 302
    assert exported["Content-Disposition"] == f'attachment; filename="{program.slug}.yaml"'
    assert "summary: Credits for" in shown.text
    assert before.startswith("Credits for")
    assert Program.objects.get(pk=program.pk).summary.startswith("Much credit for")


def test_an_import_that_was_overtaken_is_shown_again():
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    text = presets.export_text(program).replace("Credits for research.", "Other purpose.")
    url = reverse("admin:programs_program_import")
    seen = client.post(url, {"text": text}).context["proposal"].seen
    Program.objects.filter(pk=program.pk).update(summary="Changed by somebody else.")

    answer = client.post(url, {"text": text, "seen": seen, "apply": "1"})

    assert answer.status_code == 422
    assert "changed since this was shown" in answer.text
    assert Program.objects.get(pk=program.pk).summary == "Changed by somebody else."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "Choose a file"),
        ({"text": "preset: 1\nslug: [\n"}, "line"),
        ({"text": "preset: 1\ncolour: red\n"}, "colour is not known"),
        ({"file": b"x" * 1_100_000}, "too large"),
        ({"file": b"\xff\xfe\x00bad"}, "UTF-8"),
        ({"file": b""}, "empty"),
        ({"text": "a: &a [1]\nb: *a\n"}, "anchors"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(data, said):
    program = make.make_program()
    client = signed_in(make.make_member(program, Role.MANAGER))
    if "file" in data:
        data = {"file": SimpleUploadedFile("p.yaml", data["file"])}

    answer = client.post(reverse("admin:programs_program_import"), data)

    assert answer.status_code == 422
    assert said in answer.text
    assert Program.objects.count() == 1


def test_nobody_reaches_into_another_program():
    program, other = make.make_program(), make.make_program()
    manager, auditor = make.make_member(program, Role.MANAGER), make.make_member(program, Role.AUDITOR)
    text = presets.export_text(other).replace("Credits for research.", "Mine now.")

    refused = signed_in(manager).post(reverse("admin:programs_program_import"), {"text": text})

    assert "that you do not manage" in refused.text
    assert (
        signed_in(manager).get(reverse("admin:programs_program_export", args=[other.pk])).status_code == 404
    )
    assert signed_in(manager).get(reverse("admin:programs_program_clone", args=[other.pk])).status_code == 404
    assert (
        signed_in(auditor).get(reverse("admin:programs_program_clone", args=[program.pk])).status_code == 403
    )
    assert signed_in(auditor).get(reverse("admin:programs_program_import")).status_code == 403
    assert (
        signed_in(auditor).get(reverse("admin:programs_program_export", args=[program.pk])).status_code == 200
    )


def test_a_new_program_from_a_file_belongs_to_who_brought_it():
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    document = presets.export(program) | {"slug": "brought", "short_code": "BR", "name": "Brought"}
    text = preset_files.write(document)
    proposal = copies.propose(text=text, name="x", at=make.AFTER)

    done = copies.import_file(text=text, name="x", seen=proposal.seen, by=manager, at=make.AFTER)

    assert done.created
    assert memberships.holds(manager, Program.objects.get(slug="brought"), Role.MANAGER)


def test_a_new_program_starts_with_a_form_a_rubric_and_letters():
    program = make.make_program()
    manager = make.make_member(program, Role.MANAGER)
    client = signed_in(manager)
    url = reverse("admin:programs_program_add")
    page = client.get(url)
    data = {
        bound.html_name: bound.value()
        for bound in page.context["adminform"].form
        if bound.value() is not None and bound.value() is not False and bound.value() != []
    }
    data |= {
        bound.html_name: bound.value()
        for formset in page.context["inline_admin_formsets"]
        for bound in formset.formset.management_form
    }
    data |= {
        "name": "Fresh",
        "slug": "fresh",
        "short_code": "FRE",
        "summary": "Short.",
        "purpose": "Long.",
        "award_mode": "capped",
        "award_cap_cents": "5,000",
        "four_eyes_above_cents": "2,000",
        "provider": "anthropic",
        "organization_id_format": "any",
        "decline_mode": "told",
        "priority_topics": "",
        "process": "",
        "never_funded": "",
        "notices": "",
        "models_offered": "",
    }

    answer = client.post(url, data, follow=True)

    assert answer.redirect_chain, answer.context["errors"]
    fresh = Program.objects.get(slug="fresh")
    assert answer.redirect_chain[-1][0] == reverse("admin:programs_program_change", args=[fresh.pk])
    assert catalogue.missing_for_opening(fresh) == ["Publish a form: without one nobody can begin."]
    assert "Build the form" in answer.text
    assert Membership.objects.filter(program=fresh, user=manager, role=Role.MANAGER).exists()
    version = fresh.form_versions.get()
    form_versions.publish(form_version_id=version.pk, by=manager, at=make.AFTER)
    assert catalogue.open_program(program_id=fresh.pk, by=manager, at=make.AFTER).cycles.exists()


def test_readiness_names_the_reason():
    program = make.make_program(open_it=False, decline_mode=DeclineMode.TOLD)
    MessageTemplate.objects.filter(program=program, kind__in=["receipt", "told_decline"]).delete()
    program.criteria.filter(key="merit").update(weight_percent=10)

    missing = catalogue.missing_for_opening(program)

    assert [text.split(":")[0].split("“")[0].strip() for text in missing] == [
        "Let the weights of the rubric add up to 100 %; they make 70 %, so ranks would be wrong.",
        "Write the message",
        "Write the message",
    ]
    assert "applicants get it when they send" in missing[1]
    assert "tells people that they were not chosen" in missing[2]
    assert any("role of reviewer" in text for text in catalogue.advice(program))
