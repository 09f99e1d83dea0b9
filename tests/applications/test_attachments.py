"""Attached files: what is taken and what is not, who may read them, and what stays when they are taken out."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from applications import attachments, file_access, file_inspection, file_names, file_store, fit, intake
from applications.attachments import CannotAttach
from applications.models import Application, Attachment, AttachmentState
from portal.models import AuditEvent
from tests.factories import files
from tests.factories.applications import (
    AFTER,
    BEFORE,
    CUT_OFF,
    make_draft,
    make_program,
)
from tests.factories.files import FILES, ask, make_attachment, pdf, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def draft() -> Application:
    program = make_program()
    ask(program)
    return make_draft(program)


@pytest.fixture
def scanner(settings, tmp_path) -> Iterator[Path]:
    """A scanner that knows one harmful text and can be told to break: its answer stands in the file beside it."""
    script = tmp_path / "scanner.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        "broken = Path(__file__).with_name('broken')\n"
        "if broken.exists():\n    sys.exit(2)\n"
        "sys.exit(1 if b'EICAR-STANDARD-ANTIVIRUS' in Path(sys.argv[1]).read_bytes() else 0)\n"
    )
    settings.SCANNER_COMMAND = f"{sys.executable} {script} {{file}}"
    return tmp_path / "broken"


def stored(settings) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def refusal(draft: Application, name: str, content: bytes) -> str:
    with pytest.raises(CannotAttach) as refused:
        make_attachment(draft, name=name, content=content)
    return str(refused.value)


# --- What is taken ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "kind", "what"),
    [
        ("plan.pdf", pdf(3), "application/pdf", "PDF, "),
        ("map.PNG", picture(), "image/png", "PNG, "),
        ("photo.jpeg", picture("JPEG"), "image/jpeg", "JPEG, "),
        ("figure", picture(), "image/png", "PNG, "),
    ],
)
def test_a_good_file_is_attached(draft, settings, name, content, kind, what):
    attachment = make_attachment(draft, name=name, content=content)

    draft.refresh_from_db()
    assert draft.answers["files"] == [str(attachment.public_id)]
    assert attachments.by_question(draft) == {"files": [attachment]}
    assert (attachment.content_type, attachment.state, attachment.scanned_at) == (kind, "clean", None)
    assert attachment.what.startswith(what)
    [path] = stored(settings)
    assert path.name == attachment.stored_name
    assert attachment.name not in str(path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert AuditEvent.objects.filter(action="attachment.add").count() == 1


def test_pages_are_counted(draft):
    assert make_attachment(draft, name="a.pdf", content=pdf(3)).what.endswith(", 3 pages")


def test_a_name_without_an_ending_gets_one(draft):
    assert make_attachment(draft, name="figure").name == "figure.png"


def test_a_picture_keeps_what_is_seen_and_nothing_else(draft):
    made = io.BytesIO()
    image = Image.new("RGB", (40, 30))
    exif = image.getexif()
    exif[0x010F], exif[0x0112] = "Canary Camera", 6  # maker, and turned by a quarter
    image.save(made, "JPEG", exif=exif, comment=b"Canary comment")
    attachment = make_attachment(draft, name="a.jpg", content=made.getvalue() + b"<script>Canary()</script>")

    kept = file_store.opened(attachment.stored_name).read()

    assert b"Canary" in made.getvalue()
    assert b"Canary" not in kept
    assert Image.open(io.BytesIO(kept)).size == (30, 40)


def test_a_pdf_does_not_tell_its_author(draft):
    content = pdf(1, Author="Canary Author", Title="Plan") + b"<html>Canary tail</html>"
    attachment = make_attachment(draft, name="a.pdf", content=content)

    kept = file_store.opened(attachment.stored_name).read()

    assert b"Canary" not in kept
    assert len(PdfReader(io.BytesIO(kept)).pages) == 1


# --- What is not --------------------------------------------------------------------------------------------------------------

GIF_JS = b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//"
PNG_BOMB = picture(size=(5_100, 5_000))
HOSTILE = [
    ("empty.pdf", b"", "is empty"),
    ("large.pdf", b"%PDF-1.7" + b"0" * 2_000_001, "larger than 2 MB"),
    ("bomb.pdf", files.zip_bomb(), "The name says PDF"),
    ("bomb.zip", files.zip_bomb(), "Only PDF, PNG and JPEG"),
    ("locked.pdf", files.encrypted_pdf(), "password"),
    ("script.pdf", files.scripted_pdf(), "holds a script"),
    ("launch.pdf", files.launching_pdf(), "holds a script"),
    ("inside.pdf", files.pdf_with_a_file(), "holds other files"),
    ("long.pdf", pdf(51), "51 pages; 50 are the most"),
    ("none.pdf", pdf(0), "no pages"),
    ("cut.pdf", pdf(2)[:120], "damaged"),
    ("words.pdf", b"%PDF-1.7 and then nothing of the kind", "damaged"),
    ("deep.pdf", b"%PDF-1.7\n" + b"[" * 200_000, "damaged"),
    ("two.pdf", pdf(1) + files.zip_bomb(1), "two files in one"),
    ("two.png", picture() + files.zip_bomb(1), "two files in one"),
    ("text.pdf", files.EICAR, "The name says PDF"),
    ("page.pdf", b"<html><script>alert(1)</script>", "The name says PDF"),
    ("late.pdf", b"\n\n" + pdf(1), "The name says PDF"),
    ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "Save it as PNG or JPEG"),
    ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "The name says PNG image"),
    ("moving.gif", GIF_JS, "Save it as PNG or JPEG"),
    ("moving.png", GIF_JS, "The name says PNG image"),
    ("plan.docx", files.zip_bomb(1), "Save it as a PDF"),
    ("table.xlsx", files.zip_bomb(1), "Save it as a PDF"),
    ("program.exe", b"MZ" + b"\0" * 100, "Only PDF, PNG and JPEG"),
    ("map.pdf", picture(), "ends in .pdf, but the content is a PNG image"),
    ("map.png", pdf(1), "ends in .png, but the content is a PDF"),
    ("invoice.pdf.exe", pdf(1), "ends in .exe, but the content is a PDF"),
    ("page.html", picture(), "ends in .html, but the content is a PNG image"),
    ("wide.png", PNG_BOMB, "25 million are the most"),
    ("cut.png", picture()[:60], "damaged"),
    ("cut.jpg", picture("JPEG", (400, 300))[:300], "damaged"),
    ("header.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "damaged"),
    ("header.jpg", b"\xff\xd8\xff" + b"\0" * 64, "damaged"),
]


@pytest.mark.parametrize(("name", "content", "words"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_a_hostile_file_is_refused_and_nothing_is_kept(draft, settings, name, content, words):
    assert words in refusal(draft, name, content)

    draft.refresh_from_db()
    assert draft.answers.get("files") is None
    assert not Attachment.objects.exists()
    assert stored(settings) == []


def test_a_hundred_thousand_pages_are_refused_in_time(draft):
    kids = " ".join(["3 0 R"] * 100_000)
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count 1/Kids[{kids}]>>",
        "<</Type/Page/Parent 2 0 R>>",
    ]
    body, places = "%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj{text}endobj\n"
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    body += (
        f"xref\n0 4\n0000000000 65535 f \n{rows}trailer<</Size 4/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF"
    )

    words = refusal(draft, "many.pdf", body.encode())

    assert "50 are the most" in words or "too long" in words or "damaged" in words


def test_the_inspection_has_limits_of_its_own(tmp_path):
    code = (
        f"import runpy; made = runpy.run_path({file_inspection.__file__!r}); made['limit_this_process']();"
        "bytearray(900_000_000)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=False, text=True)

    assert "MemoryError" in done.stderr


def test_an_inspection_that_dies_refuses_the_file(draft, monkeypatch, tmp_path):
    dying = tmp_path / "dies.py"
    dying.write_text("import os; os.kill(os.getpid(), 9)")
    monkeypatch.setattr(file_inspection, "__file__", str(dying))

    assert "too long to be checked" in refusal(draft, "a.png", picture())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("..\\..\\windows\\a.png", "a.png"),
        ("\u202egnp.exe\u202c.png", "gnp.exe.png"),
        ("nul\x00byte.png", "nulbyte.png"),
        ("line\r\nSet-Cookie: a=b.png", "lineSet-Cookie: a=b.png"),
        ("  ..hidden.png", "hidden.png"),
        ("a\u200bb\ufeff.png", "ab.png"),
        ("e\u0301tude.png", "étude.png"),
        ('"quoted";x.png', '"quoted";x.png'),
        ("\ud800.png", "file.png"),
        (".png", "file.png"),
        ("", "file"),
        ("/", "file"),
        ("x" * 500 + ".png", "x" * 116 + ".png"),
        ("地図.png", "地図.png"),
    ],
)
def test_a_name_is_made_safe(name, shown):
    assert file_names.cleaned(name) == shown
    assert len(file_names.for_kind(file_names.cleaned(name), "image/png")) <= 125


def test_a_question_takes_only_so_many(draft):
    for number in range(FILES["max_files"]):
        make_attachment(draft, name=f"{number}.png")

    assert "3 files are the most" in refusal(draft, "4.png", picture())
    assert Attachment.objects.count() == 3


def test_only_a_question_for_files_takes_them(draft):
    for key in ("title", "nothing"):
        with pytest.raises(CannotAttach, match="takes no files"):
            make_attachment(draft, key=key)


# --- The scanner --------------------------------------------------------------------------------------------------------------


def test_the_scanner_passes_a_file(draft, scanner):
    assert make_attachment(draft).scanned_at == BEFORE


def test_what_the_scanner_finds_is_refused_and_noted(draft, scanner, settings):
    content = pdf(1, Title="a") + b"\n%" + files.EICAR

    assert "something harmful" in refusal(draft, "a.pdf", content)

    noted = Attachment.objects.get()
    assert (noted.state, noted.stored_name, stored(settings)) == ("refused", "", [])
    assert not file_access.may_read(draft.applicant, noted)
    assert AuditEvent.objects.filter(action="attachment.refuse").count() == 1
    draft.refresh_from_db()
    assert "files" not in draft.answers


def test_without_an_answer_of_the_scanner_nobody_reads_the_file(draft, scanner):
    scanner.touch()
    attachment = make_attachment(draft)
    assert attachment.state == AttachmentState.WAITING
    assert not file_access.may_read(draft.applicant, attachment)
    assert attachments.scan_waiting(limit=10, at=AFTER) == 0

    scanner.unlink()

    assert attachments.scan_waiting(limit=10, at=AFTER) == 1
    attachment.refresh_from_db()
    assert (attachment.state, attachment.scanned_at) == ("clean", AFTER)
    assert file_access.may_read(draft.applicant, attachment)
    assert attachments.scan_waiting(limit=10, at=AFTER) == 0


def test_a_file_found_harmful_later_leaves_its_draft(
    draft, scanner, settings, django_capture_on_commit_callbacks
):
    scanner.touch()
    attachment = make_attachment(draft)
    file_store.path_of(attachment.stored_name).write_bytes(files.EICAR)
    scanner.unlink()

    with django_capture_on_commit_callbacks(execute=True):
        attachments.scan_waiting(limit=10, at=AFTER)

    attachment.refresh_from_db()
    draft.refresh_from_db()
    assert (attachment.state, stored(settings), draft.answers["files"]) == ("refused", [], None)


def test_a_scanner_that_cannot_be_started_is_no_answer(draft, settings):
    settings.SCANNER_COMMAND = "/nonexistent/scanner"
    assert make_attachment(draft).state == AttachmentState.WAITING


def test_a_scanner_that_hangs_is_no_answer(draft, settings):
    settings.SCANNER_TIMEOUT_SECONDS = 1
    settings.SCANNER_COMMAND = f"{sys.executable} -c 'import time; time.sleep(30)'"
    assert make_attachment(draft).state == AttachmentState.WAITING


# --- Taking out, sending, revisions --------------------------------------------------------------------------------------------


def test_a_file_taken_out_of_a_draft_is_gone(draft, settings, django_capture_on_commit_callbacks):
    attachment = make_attachment(draft)

    with django_capture_on_commit_callbacks(execute=True):
        attachments.remove(attachment_id=attachment.pk, by=draft.applicant, at=BEFORE)

    draft.refresh_from_db()
    assert (draft.answers["files"], Attachment.objects.count(), stored(settings)) == (None, 0, [])


def test_a_file_that_was_sent_stays_with_its_revision(draft, settings, django_capture_on_commit_callbacks):
    attachment = make_attachment(draft)
    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            attachments.remove(attachment_id=attachment.pk, by=draft.applicant, at=BEFORE)

    sent.refresh_from_db()
    first, last = sent.revisions.order_by("number")
    assert attachments.by_question(sent) == {"files": []}
    assert attachments.by_question(sent, first.answers) == {"files": [attachment]}
    assert "files" not in last.answers
    assert len(stored(settings)) == 1


def test_files_of_a_sent_application_change_until_the_cut_off(draft):
    sent = intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    attachment = make_attachment(sent)

    sent.refresh_from_db()
    assert sent.revisions.count() == 2
    assert sent.revisions.latest("number").answers["files"] == [str(attachment.public_id)]
    for late in (CUT_OFF, AFTER):
        with pytest.raises(intake.CannotEdit):
            make_attachment(sent, at=late)
        with pytest.raises(intake.CannotEdit):
            attachments.remove(attachment_id=attachment.pk, by=sent.applicant, at=late)


def test_a_closed_application_takes_no_file(draft, settings):
    intake.withdraw(application_id=draft.pk, by=draft.applicant, at=BEFORE)

    with pytest.raises(intake.CannotEdit):
        make_attachment(draft)
    assert stored(settings) == []


def test_a_required_file_stops_a_submit():
    program = make_program()
    ask(program, FILES | {"required": True})
    draft = make_draft(program)
    with pytest.raises(intake.CannotSubmit) as refused:
        intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE)
    assert refused.value.problems == {"files": "Attach at least one file."}

    make_attachment(draft)

    assert intake.submit(application_id=draft.pk, by=draft.applicant, at=BEFORE).submitted_at == BEFORE


def test_saving_the_page_cannot_touch_the_list_of_files(draft):
    attachment = make_attachment(draft)
    from applications import answers as answering
    from applications.forms import section_form

    part = draft.form_version.sections[0]
    form = section_form(part, answers={}, data={"files": "x", "institution": "Place", "country": "US"})
    form.is_valid()
    changes = answering.store(part, form.cleaned_data)
    assert "files" not in changes
    intake.save_answers(application_id=draft.pk, changes=changes, version=None, by=draft.applicant, at=BEFORE)

    draft.refresh_from_db()
    assert draft.answers["files"] == [str(attachment.public_id)]


def test_files_do_not_go_along_into_the_next_application(draft):
    make_attachment(draft)
    draft.refresh_from_db()

    assert "files" not in fit.reusable(draft)


def test_the_ids_of_others_lead_nowhere(draft):
    foreign = make_attachment(draft)
    program = draft.program
    other = make_draft(program, files=[str(foreign.public_id)])

    assert attachments.by_question(other) == {"files": []}
