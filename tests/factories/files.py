"""Files for tests, good and hostile, and programs whose form takes them."""

import io
import zipfile
from typing import Any

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from applications import attachments
from applications.models import Application, Attachment
from programs import form_versions
from programs.models import Program
from tests.factories.applications import BEFORE, SECTIONS

# The harmless text that every scanner reports; put together here so that no scanner reports this file.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

FILES: dict[str, Any] = {"key": "files", "type": "file", "label": "Attachments", "max_files": 3, "max_mb": 2}
PLACE: dict[str, Any] = {
    "key": "place",
    "type": "organization",
    "label": "Place of work",
    "max_chars": 200,
    "blind": True,
}


def ask(program: Program, *questions: dict[str, Any], section: str = "you", at: Any = BEFORE) -> None:
    """Publish a form that asks more in one section: files and a place of work unless others are named."""
    sections = [
        {**part, "questions": [*part["questions"], *(questions or (PLACE, FILES))]}
        if part["key"] == section
        else part
        for part in SECTIONS
    ]
    version = form_versions.draft(program=program, sections=sections, by=None, at=at)
    form_versions.publish(form_version_id=version.pk, by=None, at=at)


def pdf(pages: int = 1, **metadata: str) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=200, height=200)
    if metadata:
        writer.add_metadata({f"/{name}": text for name, text in metadata.items()})
    return _written(writer)


def encrypted_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=200, height=200)
    writer.encrypt("secret", algorithm="RC4-128")
    return _written(writer)


def scripted_pdf() -> bytes:
    return _with_action("/JavaScript", JS="app.alert('hello');")


def launching_pdf() -> bytes:
    return _with_action("/Launch", F="cmd.exe")


def _with_action(kind: str, **entries: str) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=200, height=200)
    action = {NameObject(f"/{name}"): TextStringObject(text) for name, text in entries.items()}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(
        {NameObject("/S"): NameObject(kind)} | action
    )
    return _written(writer)


def pdf_with_a_file() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=200, height=200)
    writer.add_attachment("inside.exe", b"MZ")
    return _written(writer)


def _written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (20, 90, 120)).save(out, kind, **options)
    return out.getvalue()


def zip_bomb(megabytes: int = 20) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * megabytes * 1_000_000)
    return out.getvalue()


def make_attachment(
    application: Application,
    *,
    name: str = "map.png",
    content: bytes | None = None,
    key: str = "files",
    at: Any = BEFORE,
) -> Attachment:
    return attachments.add(
        application_id=application.pk,
        question_key=key,
        name=name,
        chunks=[picture() if content is None else content],
        by=application.applicant,
        at=at,
    )
