"""Texts of programs in other languages: fallback, what counts as stale, the page of the editor, the file."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from portal.roles import Role
from programs import fields, form_versions, presets, queries, translations
from programs.models import Program
from programs.translation_models import Translation
from tests.factories.applications import make_member, make_program, make_user
from tests.factories.staff import signed_in

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def program() -> Program:
    made = make_program()
    made.summary, made.notices = "Two short sentences.", ["Bring a pen.", "Bring paper."]
    made.save()
    return made


def translated(program: Program, **texts: str) -> int:
    version = form_versions.current(program)
    return translations.save(
        program_id=program.pk,
        language="es",
        texts={place.replace("__", "."): text for place, text in texts.items()},
        sections=version.sections if version else [],
        by=make_user(),
        at=NOON,
    )


def lines(program: Program) -> dict[str, translations.Line]:
    version = form_versions.current(program)
    found = translations.of_program(program, "es", version.sections if version else [])
    return {line.place: line for line in found}


def test_each_text_falls_back_to_the_original(program: Program) -> None:
    translated(program, summary="Dos frases cortas.", notices__2="Traiga papel.")

    with translation.override("es"):
        reading = translations.shown(program)

    assert reading.summary == "Dos frases cortas."
    assert reading.notices == ["Bring a pen.", "Traiga papel."]
    assert reading.name == program.name != ""


def test_the_original_is_read_without_a_query(program: Program, django_assert_num_queries) -> None:
    translated(program, summary="Dos frases cortas.")
    with django_assert_num_queries(0):
        assert translations.shown(program) is program


def test_a_language_that_is_not_offered_reads_the_original(program: Program) -> None:
    translated(program, summary="Dos frases cortas.")
    with translation.override("fr"):
        assert translations.shown(program).summary == program.summary


def test_a_translated_copy_cannot_be_saved(program: Program) -> None:
    with translation.override("es"), pytest.raises(TypeError):
        translations.shown(program).save()


def test_a_changed_original_makes_its_translation_stale_and_shows_itself(program: Program) -> None:
    translated(program, summary="Dos frases cortas.")
    program.summary = "Three sentences."
    program.save()

    line = lines(program)["summary"]
    with translation.override("es"):
        shown = translations.shown(program).summary

    assert shown == "Three sentences."
    assert (line.stale, line.text, line.before) == (True, "Dos frases cortas.", "Two short sentences.")


def test_a_text_that_only_moved_keeps_its_translation(program: Program) -> None:
    translated(program, notices__1="Traiga un bolígrafo.")
    program.notices = ["Come early.", "Bring a pen."]
    program.save()

    found = lines(program)

    assert (found["notices.2"].text, found["notices.2"].stale) == ("Traiga un bolígrafo.", False)
    assert (found["notices.1"].text, found["notices.1"].stale) == ("", False)


def test_an_empty_text_takes_a_translation_away_and_unknown_places_are_left_out(program: Program) -> None:
    translated(program, summary="Dos frases cortas.")

    assert translated(program, summary="", nowhere="Nada") == 1
    assert not Translation.objects.exists()


def test_a_form_reads_translated_but_its_values_and_conditions_stay(program: Program) -> None:
    sections = [
        {
            "key": "a",
            "title": "About",
            "questions": [
                {
                    "key": "model",
                    "type": "multiple_choice",
                    "label": "Model",
                    "choices": [{"value": "x", "label": "Open one", "condition": "Only for good."}],
                }
            ],
        }
    ]
    words = {
        "About": "Sobre",
        "Model": "Modelo",
        "Open one": "Uno abierto",
        "Only for good.": "Solo para el bien.",
    }

    reading = translations.shown_sections(sections, lambda text: words.get(text, text))

    english, spanish = list(fields.expanded(sections[0])), list(fields.expanded(reading[0]))
    assert spanish[0]["choices"][0]["label"] == "Uno abierto"
    assert spanish[0]["choices"][0]["value"] == "x"
    assert spanish[1]["policy"]["text"] == "Solo para el bien."
    assert spanish[1]["policy"]["version"] == english[1]["policy"]["version"]
    assert [question["key"] for question in spanish] == [question["key"] for question in english]


def test_a_text_of_the_page_that_a_form_repeats_is_translated_in_both(program: Program) -> None:
    version = form_versions.current(program)
    question = version.sections[0]["questions"][0]
    program.notices = [question["label"]]
    program.save()
    translated(program, notices__1="El mismo texto.")
    with translation.override("es"):
        shown = translations.shown_version(version, program).sections[0]["questions"][0]

    assert shown["label"] == "El mismo texto."
    assert "notices.1" in lines(program)


def test_a_directory_costs_one_query_more(program: Program) -> None:
    make_program(slug="second")
    translated(program, name="Primer programa")
    with CaptureQueriesContext(connection) as english:
        queries.cards(at=NOON)
    with translation.override("es"), translations.remembered(), CaptureQueriesContext(connection) as spanish:
        names = [card.program.name for card in queries.cards(at=NOON)]

    assert "Primer programa" in names
    assert len(spanish) == len(english) + 1


def test_questions_are_found_by_the_words_that_are_read(program: Program) -> None:
    program.faq.create(key="when", question="When do credits end?", answer="After six months.", position=0)
    translated(program, faq__when__question="¿Cuándo caducan los créditos?")

    with translation.override("es"):
        assert [entry.question for entry in queries.faq(q="caducan")] == ["¿Cuándo caducan los créditos?"]
        assert queries.faq_matches("mis créditos caducan pronto")[0].key == "when"
        assert queries.faq(q="CREDITOS cuando") == queries.faq(q="créditos") != []
        assert queries.faq_matches("creditos")[0].key == "when"
        assert queries.faq(q="nothing like this") == []


def test_the_three_programs_are_whole_in_spanish() -> None:
    for path in presets.shipped():
        presets.load(text=path.read_text(), name=path.name, by=None, at=NOON)

    for made in Program.objects.all():
        same = {line.original for line in lines(made).values() if not line.text}
        assert not any(line.stale for line in lines(made).values())
        assert all(
            not any(sign.islower() for sign in text) or text in ("GPT-4 base", "Codex") for text in same
        ), same
        assert {letter.kind for letter in made.message_templates.filter(language="es")} >= {
            "receipt", "withdrawn", "award", "posted", "told_decline", "invitation"
        }  # fmt: skip


# --- The page of the editor ---------------------------------------------------------------------------------------------


def page(program: Program, language: str = "es") -> str:
    return reverse("admin:programs_program_texts", args=[program.pk, language])


def test_a_manager_translates_and_sees_how_far_it_is(program: Program) -> None:
    client = signed_in(make_member(program, Role.MANAGER))

    before = client.get(page(program)).content.decode()
    client.post(page(program), {"text:summary": "Dos frases cortas.", "text:notices.1": ""})
    after = client.get(page(program)).content.decode()

    total = len(lines(program))
    assert f"0 of {total} texts" in before
    assert f"1 of {total} texts" in after
    assert "Dos frases cortas." in after
    assert "Dos frases cortas." not in client.get(page(program), {"only": "open"}).content.decode()


def test_a_stale_text_stays_stale_until_somebody_says_otherwise(program: Program) -> None:
    client = signed_in(make_member(program, Role.MANAGER))
    translated(program, summary="Dos frases cortas.")
    program.summary = "Three sentences."
    program.save()

    client.post(page(program), {"text:summary": "Dos frases cortas."})
    assert lines(program)["summary"].stale

    client.post(page(program), {"text:summary": "Dos frases cortas.", "holds:summary": "1"})
    assert not lines(program)["summary"].stale


def test_only_managers_write_and_only_offered_languages_have_a_page(program: Program) -> None:
    auditor = signed_in(make_member(program, Role.AUDITOR))
    stranger = signed_in(make_member(make_program(slug="second"), Role.MANAGER))

    assert auditor.get(page(program)).status_code == 200
    assert auditor.post(page(program), {"text:summary": "No"}).status_code == 403
    assert stranger.get(page(program)).status_code == 404
    assert auditor.get(page(program, "en")).status_code == 404
    assert auditor.get(page(program, "fr")).status_code == 404
    assert not Translation.objects.exists()


# --- The file -----------------------------------------------------------------------------------------------------------


def test_translations_travel_with_the_file_stale_ones_with_what_they_translate(program: Program) -> None:
    translated(program, summary="Dos frases cortas.", notices__1="Traiga un bolígrafo.")
    program.summary = "Three sentences."
    program.save()

    document = presets.export(program)
    text = presets.export_text(program)
    Translation.objects.all().delete()
    loaded = presets.load(text=text, name="file", by=None, at=NOON)

    assert document["translations"] == [
        {"language": "es", "place": "notices.1", "text": "Traiga un bolígrafo."},
        {
            "language": "es",
            "place": "summary",
            "original": "Two short sentences.",
            "text": "Dos frases cortas.",
        },
    ]
    assert loaded.changes
    assert presets.export_text(program) == text
    assert presets.load(text=text, name="file", by=None, at=NOON).changes == []


def test_a_translation_of_no_text_is_refused_with_its_line(program: Program) -> None:
    translated(program, summary="Dos frases cortas.")
    text = presets.export_text(program).replace("place: summary", "place: nowhere")

    with pytest.raises(presets.BadPreset, match=r"line \d+: translations\.1\.original"):
        presets.load(text=text, name="file", by=None, at=NOON)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("summary", "Summary"),
        ("priority_topics.2.title", "Priority topics, 2, title"),
        ("form.areas.early-group.help", "Areas, early group, help"),
        ("form.retired-model/why.label", "Retired model, why, label"),
    ],
)
def test_a_place_is_said_in_words(place: str, words: str) -> None:
    assert translations.Line(place, "Text").where == words
