"""A program that leaves a language out reads in English there; the others say how far they are translated."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from portal import clock
from portal.roles import Role
from programs import form_versions, preset_files, presets, translation_progress, translations
from programs.models import Program
from tests.factories import applications as make
from tests.factories.pages import typed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Any:
    with clock.set_to(make.AFTER):
        yield


@pytest.fixture
def program() -> Program:
    return make.make_program(summary="Two short sentences.")


@pytest.fixture
def client(program: Program) -> Client:
    found = Client()
    user = make.make_member(program, Role.MANAGER)
    found.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return found


def translate(program: Program) -> None:
    version = form_versions.current(program)
    assert version is not None
    texts = {"summary": "Dos frases cortas.", "form.title.label": "El nombre"}
    translations.save(
        program_id=program.pk,
        language="es",
        texts=texts,
        sections=version.sections,
        by=make.make_user(),
        at=make.AFTER,
    )


def test_texts_stay_in_english_where_a_language_is_left_out(program):
    other = make.make_program(summary="Two short sentences.")
    translate(program), translate(other)
    Program.objects.filter(pk=program.pk).update(languages_left_out=["es"])

    with translation.override("es"):
        left, read = translations.shown_all([Program.objects.get(pk=program.pk), other])
        form = translations.shown_version(form_versions.current(program), Program.objects.get(pk=program.pk))

    assert left.summary == "Two short sentences."
    assert read.summary == "Dos frases cortas."
    assert "El nombre" not in str(form.sections)


def test_the_page_of_a_program_follows(client, program):
    translate(program)
    url = reverse("programs:program", args=[program.slug])

    offered = Client(headers={"accept-language": "es"}).get(url).text
    Program.objects.filter(pk=program.pk).update(languages_left_out=["es"])
    left_out = Client(headers={"accept-language": "es"}).get(url).text

    assert "Dos frases cortas." in offered
    assert "Two short sentences." in left_out
    assert '<html lang="es"' in left_out  # the switch of the site is not the program's


def test_the_editor_offers_languages_by_ticks(client, program):
    url = reverse("admin:programs_program_change", args=[program.pk])
    data = typed(client.get(url).text, "program_form")
    assert data["languages_left_out"] in ("es", ["es"])  # ticked: offered

    del data["languages_left_out"]
    assert client.post(url, data).status_code == 302
    program.refresh_from_db()
    assert program.languages_left_out == ["es"]

    data = typed(client.get(url).text, "program_form")
    assert "languages_left_out" not in data
    assert client.post(url, data | {"languages_left_out": ["xx"]}).status_code == 200
    assert client.post(url, data | {"languages_left_out": ["es"]}).status_code == 302
    program.refresh_from_db()
    assert program.languages_left_out == []


def test_the_readiness_list_says_how_much_is_translated(client, program):
    url = reverse("admin:programs_program_change", args=[program.pk])
    translate(program)
    version = form_versions.current(program)
    assert version is not None
    lines = translations.of_program(program, "es", version.sections)

    (found,) = translation_progress.of(program, version.sections)
    page = client.get(url).text
    Program.objects.filter(pk=program.pk).update(languages_left_out=["es"])

    assert (found.done, found.total) == (2, len(lines))
    assert f"Español: 2 of {len(lines)} texts are translated" in page
    assert "texts are translated" not in client.get(url).text


def test_a_file_carries_the_languages_left_out_and_refuses_others(program):
    Program.objects.filter(pk=program.pk).update(languages_left_out=["es"])
    text = presets.export_text(Program.objects.get(pk=program.pk))
    Program.objects.filter(pk=program.pk).update(languages_left_out=[])

    presets.load(text=text, name="the file", by=None, at=make.AFTER)

    program.refresh_from_db()
    assert program.languages_left_out == ["es"]
    assert "languages_left_out: [es]" in text
    assert preset_files.write(preset_files.read(text)[0]) == text
    wrong = text.replace("languages_left_out: [es]", "languages_left_out: [xx]")
    with pytest.raises(preset_files.BadPreset, match="no language of this site"):
        presets.load(text=wrong, name="the file", by=None, at=make.AFTER)
