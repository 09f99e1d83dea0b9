"""Preview, print view and PDF: the same answers, nothing of the staff side, hostile text as text."""

import io
from datetime import UTC, datetime

import pypdf
import pytest
from django.test import Client
from django.urls import reverse

from applications import intake, pdf, pdf_letters
from applications.models import Application
from applications.paper import Paper
from applications.presentation import Shown, ShownSection
from portal import clock
from tests.factories.applications import (
    BEFORE,
    FOR_SCREENERS,
    IDENTITY,
    make_draft,
    make_program,
    make_submitted,
)
from tests.factories.sharing import share


def url(name: str, application: Application) -> str:
    return reverse(f"applications:{name}", args=[application.public_id])


def get(user, address: str):
    client = Client()
    client.force_login(user)
    with clock.set_to(BEFORE):
        return client.get(address)


def paper(*texts: str, title: str = "A title") -> Paper:
    items = [Shown(key=str(number), label="Question", lines=[text]) for number, text in enumerate(texts)]
    return Paper(
        program="AI for Science",
        title=title,
        reference="AIS-2026-12-000001",
        facts=[("Applicant", "Ansa Merrow")],
        sections=[ShownSection("a", "The research", items)],
        dated=datetime(2026, 11, 20, 12, tzinfo=UTC),
    )


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


@pytest.mark.django_db
def test_the_file_holds_every_answer_and_the_dates() -> None:
    sent = make_submitted(make_program(name="AI for Science"))
    place = share(sent)

    answer = get(sent.applicant, url("pdf", sent))

    text = text_of(answer.content)
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="{str(sent.reference).lower()}.pdf"'
    for wanted in (sent.title, sent.reference, IDENTITY, "$6,000 USD", "Mon 7 Dec 2026", place.user.name):
        assert str(wanted) in text, wanted


@pytest.mark.django_db
def test_the_print_view_holds_the_same() -> None:
    draft = make_draft(make_program(), title="Corals")

    page = get(draft.applicant, url("printed", draft)).content.decode()

    assert "Corals" in page
    assert FOR_SCREENERS in page
    assert "not sent; saved" in page


@pytest.mark.django_db
def test_the_preview_is_what_a_reviewer_reads() -> None:
    draft = make_draft(make_program(blind_first_look=True))

    first = get(draft.applicant, url("preview", draft) + "?look=first").content.decode()
    second = get(draft.applicant, url("preview", draft)).content.decode()

    assert IDENTITY not in first
    assert "<li>Institution</li>" in first
    assert IDENTITY in second
    for page in (first, second):
        assert FOR_SCREENERS not in page
        assert "1 answer that only screeners or managers" in page


@pytest.mark.django_db
def test_a_program_without_a_blind_look_previews_none() -> None:
    draft = make_draft(make_program())

    assert IDENTITY in get(draft.applicant, url("preview", draft) + "?look=first").content.decode()


@pytest.mark.django_db
def test_markup_in_answers_is_text_everywhere() -> None:
    nasty = '<script>alert(1)</script> **b** [x](javascript:1) {nb} "><img src=x>'
    draft = make_draft(make_program())
    intake.save_answers(
        application_id=draft.pk, changes={"title": nasty}, version=None, by=draft.applicant, at=BEFORE
    )

    for name in ("preview", "printed", "people", "review_and_send"):
        page = get(draft.applicant, url(name, draft)).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "<script>alert(1)</script>" in text_of(get(draft.applicant, url("pdf", draft)).content)


@pytest.mark.django_db
def test_thirty_files_an_hour_then_the_print_view() -> None:
    draft = make_draft(make_program())
    client = Client()
    client.force_login(draft.applicant)

    with clock.set_to(BEFORE):
        answers = [client.get(url("pdf", draft)) for _ in range(31)]

    assert answers[29].status_code == 200
    assert answers[30].url == url("printed", draft)


@pytest.mark.parametrize(
    "text",
    [
        "Ölflächen, Größe, ñandú",
        "Ελληνικά και Кириллица",
        "中文：这是一个测试文本",
        "日本語のテキスト、カタカナ",
        "한국어 텍스트입니다",
        "தமிழ் உரை",
        "বাংলা লেখা",
        "😀 🐟 👩\u200d🔬",
        "ქართული ტექსტი",
        "∑ ≤ √ → ✓",
    ],
)
def test_many_scripts_can_be_read_back_or_stand_as_code_points(text: str) -> None:
    """Whatever fonts this machine has: each text is there, or the file says that it is not and where it is."""
    read = text_of(pdf.render(paper(text), site="Portal", page="https://portal.example.org/print"))

    flat = "".join(read.split())
    undrawn = pdf_letters.missing(text)
    if not undrawn:
        assert "".join(text.split()) in flat or pdf._JOINED.search(
            text
        )  # joined letters are glyphs, not characters
        assert "code point" not in read
        return
    assert f"[U+{ord(undrawn[0]):04X}" in flat
    assert "This file has no font" in read
    assert "https://portal.example.org/print" in flat
    assert pdf_letters.what(undrawn).split(",")[0] in read


@pytest.mark.parametrize(
    ("text", "said", "kind"),
    [
        ("中文 and more", "[U+4E2DU+6587]andmore", "Chinese or Japanese"),
        ("한국", "[U+D55CU+AD6D]", "Korean"),
        ("தமிழ்", "[U+0BA4U+0BAEU+0BBFU+0BB4U+0BCD]", "Tamil"),
        ("বাংলা", "[U+09ACU+09BEU+0982U+09B2U+09BE]", "Bengali"),
        ("A 🐟 B", "A[U+1F41F]B", "signs"),
        ("👩\u200d🔬\ufe0f", "[U+1F469U+1F52C]", "signs"),
        ("中" * 40, "U+4E2D+28]", "Chinese or Japanese"),
    ],
)
def test_without_a_font_there_are_code_points_and_a_sentence_never_boxes(
    text: str, said: str, kind: str, monkeypatch
) -> None:
    monkeypatch.setattr(pdf_letters, "machine_fonts", lambda: ())
    monkeypatch.setattr(pdf_letters, "SIGNS", ())

    read = text_of(pdf.render(paper(text, "Plain words"), site="Portal"))

    flat = "".join(read.split())
    assert said in flat
    assert kind in read
    assert "as its code point" in read or "as code points; the print view" in " ".join(read.split())
    assert "\u25a1" not in read


def test_a_file_that_lacks_nothing_says_nothing() -> None:
    assert "code point" not in text_of(pdf.render(paper("Größe, Кириллица"), site="Portal"))


def test_a_font_of_the_machine_is_found_and_used(monkeypatch, tmp_path) -> None:
    """Stands for any font of the machine: the one that the package brings, under a name that is looked for."""
    font = tmp_path / "fonts" / "NotoSansSample-Regular.ttf"
    font.parent.mkdir()
    font.write_bytes(pdf_letters.font_file("symbol2").read_bytes())
    monkeypatch.setattr(pdf_letters, "FOLDERS", (tmp_path,))
    monkeypatch.setattr(pdf_letters, "SIGNS", ())
    monkeypatch.setattr(pdf_letters, "machine_fonts", pdf_letters.machine_fonts.__wrapped__)

    assert pdf_letters.machine_fonts() == (str(font),)
    letter = chr(min(pdf_letters.letters(str(font)) - pdf_letters.letters(pdf_letters.MAIN) - {32}))
    assert pdf_letters.needed(letter) == [str(font)]
    assert pdf_letters.missing(letter) == []


def test_a_broken_font_of_the_machine_is_passed_over(monkeypatch, tmp_path) -> None:
    broken = tmp_path / "FreeSans.ttf"
    broken.write_bytes(b"no font")

    assert pdf_letters.letters(str(broken)) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "العربية: نص تجريبي 123",
        "עברית: טקסט",
        "हिन्दी: परीक्षण पाठ",
        "ไทย: ข้อความ",
        "தமிழ் বাংলা",
        "😀 🐟",
        "\ud800 x",
    ],
)
def test_scripts_that_join_or_are_missing_make_a_file(text: str) -> None:
    assert pdf.render(paper(text, title=text), site="Portal").startswith(b"%PDF")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 20_000,
        "中" * 20_000,
        "ௐx" * 20_000,
        "\n" * 5_000,
        "\u0301" * 5_000,
        "(" * 50_000,
        "١ . " * 3_000 + "ع",
        "\u202e\u2066" * 2_000 + "abc",
        "",
    ],
)
def test_hostile_texts_end_in_a_file_of_bounded_size(text: str) -> None:
    content = pdf.render(paper(text, title=text[:300]), site="Portal")

    assert len(content) < 2_000_000
    assert len(pypdf.PdfReader(io.BytesIO(content)).pages) < 120


def test_what_is_too_long_is_left_out_and_said_so() -> None:
    read = text_of(pdf.render(paper(*["word " * 3_000] * 10), site="Portal"))

    assert "This file ends here" in read


def test_the_same_application_is_the_same_file() -> None:
    assert pdf.render(paper("One", "中"), site="P") == pdf.render(paper("One", "中"), site="P")


def test_the_file_holds_no_action_no_link_and_no_script() -> None:
    content = pdf.render(paper("https://example.org/x javascript:alert(1) /OpenAction"), site="P")

    catalog = pypdf.PdfReader(io.BytesIO(content)).root_object
    assert "/OpenAction" not in catalog or "/JavaScript" not in str(catalog)
    assert b"/URI" not in content
    assert b"/JS" not in content
