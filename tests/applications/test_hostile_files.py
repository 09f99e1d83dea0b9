"""Files made to do harm: each is refused within the limits, or what is kept of it can do none (docs/security.md, "Files").

With those of test_attachments.py this is the set of at least sixty.
"""

import contextlib
import resource
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from applications import file_inspection, file_names, file_store
from applications.attachments import CannotAttach
from applications.models import Application, Attachment
from portal import clock
from tests.applications import test_attachments
from tests.factories import hostile_files as hostile
from tests.factories.applications import BEFORE, make_draft, make_program
from tests.factories.files import EICAR, ask, make_attachment, pdf, picture

pytestmark = pytest.mark.django_db

SLOW = ("too long to be checked", "too complicated", "damaged", "too large")

REFUSED = [
    # What a PDF can do when it is opened, clicked or filled in.
    ("page-action.pdf", hostile.page_with("/AA<</O<</S/JavaScript/JS(alert(1))>>>>"), "holds a script"),
    ("link-script.pdf", hostile.link_with("/JavaScript", JS="alert(1)"), "holds a script"),
    ("link-program.pdf", hostile.link_with("/Launch", F="cmd.exe"), "holds a script"),
    ("link-share.pdf", hostile.link_with("/GoToR", F="\\\\evil.example.org\\share"), "holds a script"),
    ("form-sends.pdf", hostile.link_with("/SubmitForm", F="https://evil.example.org/"), "holds a script"),
    ("form-xfa.pdf", hostile.catalogue_with("/AcroForm<</XFA(<xdp/>)/Fields[]>>"), "holds a script"),
    ("film.pdf", hostile.page_with("/Annots[<</Subtype/RichMedia/Rect[0 0 9 9]>>]"), "holds a script"),
    (
        "hung-on.pdf",
        hostile.page_with("/Annots[<</Subtype/FileAttachment/Rect[0 0 9 9]>>]"),
        "holds a script",
    ),
    # Trees and tables that have no end.
    ("pages.pdf", hostile.many_pages(100_000), ("50 are the most", *SLOW)),
    ("circle.pdf", hostile.pages_in_a_circle(), ("no pages", *SLOW)),
    (
        "count.pdf",
        hostile.raw_pdf(hostile.CATALOGUE, "<</Type/Pages/Count 999999999/Kids[]>>"),
        "50 are the most",
    ),
    ("itself.pdf", hostile.raw_pdf("1 0 R"), "damaged"),
    ("no-tree.pdf", hostile.raw_pdf("<</Type/Catalog>>"), "damaged"),
    ("table.pdf", hostile.xref_bomb(), SLOW),
    # Pictures that unpack to more than they are, or are not what they say.
    ("comment.png", hostile.text_bomb(), SLOW),
    ("data.png", hostile.png(width=0), "damaged"),
    ("size.png", hostile.png(width=2**31 - 1, height=2**31 - 1, data=b"\0"), ("points", *SLOW)),
    ("size.jpg", hostile.wide_jpeg(), ("points", *SLOW)),
    # Other kinds, whatever they are called.
    ("scan.tiff", hostile.other_picture("TIFF"), "Save it as PNG or JPEG"),
    ("photo.webp", hostile.other_picture("WEBP"), "Save it as PNG or JPEG"),
    ("photo.png", hostile.other_picture("WEBP"), "The name says PNG image"),
    ("icon.ico", hostile.other_picture("ICO"), "Only PDF, PNG and JPEG"),
    ("figure.eps", b"%!PS-Adobe-3.0 EPSF\nrun", "Save it as PNG or JPEG"),
    ("figure.pdf", b"%!PS-Adobe-3.0\n(%pipe%id) (w) file", "The name says PDF"),
    ("laughs.svg", hostile.BILLION_LAUGHS, "Save it as PNG or JPEG"),
    ("laughs.pdf", hostile.BILLION_LAUGHS, "The name says PDF"),
    ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Save it as a PDF"),
    ("plan.rtf", b"{\\rtf1\\object\\objdata 0105}", "Save it as a PDF"),
    ("climb.tar", hostile.tar_with("../../etc/passwd", b"x"), "Only PDF, PNG and JPEG"),
    ("packed.pdf", hostile.gzipped(pdf(1)), "The name says PDF"),
    ("run.png", b"#!/bin/sh\nrm -rf /\n", "The name says PNG image"),
    ("program.png", b"\x7fELF" + b"\0" * 60, "The name says PNG image"),
    ("short.lnk", b"L\0\0\0\x01\x14\x02\0", "Only PDF, PNG and JPEG"),
    ("page.pdf", b"\xef\xbb\xbf<!doctype html>" + hostile.SCRIPT, "The name says PDF"),
    ("wide.pdf", "%PDF-1.7 <script>".encode("utf-16"), "The name says PDF"),
    ("virus.png", EICAR, "The name says PNG image"),
]

CLEANED = [
    ("tail.pdf", hostile.PDF_AND_SCRIPT),
    ("author.pdf", pdf(1, Author="Canary", Title="<script>Canary")),
    ("tail.png", picture() + hostile.SCRIPT),
    ("tail.jpg", picture("JPEG") + b"<?php echo 'Canary'; ?>"),
    ("gif-behind.png", picture() + b"GIF89a/*Canary*/=1;"),
    ("pdf-behind.png", picture() + pdf(1, Title="Canary")),
    ("words.png", hostile.png(before=hostile.chunk(b"tEXt", b"Comment\0" + hostile.SCRIPT))),
    ("unknown.png", hostile.png(before=hostile.chunk(b"caNy", b"Canary"))),
    ("comment.jpg", hostile.jpeg_with(0xFE, b"<?php system('Canary'); ?>")),
    ("profile.jpg", hostile.jpeg_with(0xE2, b"ICC_PROFILE\0\1\1Canary")),
    ("place.jpg", hostile.jpeg_with(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>Canary</x:xmpmeta>")),
    ("moving.png", hostile.moving_png()),
]

BOUNDED = [
    ("content.pdf", hostile.stream_bomb()),
    ("profile.png", hostile.profile_bomb()),
    ("points.png", hostile.pixel_bomb()),
]
"""Taken or not, as the readers' own limits have it; within ours in any case."""

NAMES = [
    "../../../../etc/cron.d/evil.png",
    "..\\..\\Windows\\System32\\evil.png",
    "/absolute/evil.png",
    "C:\\evil.png",
    "nul\x00.png",
    "\u202egnp.exe.png",
    "line\r\nX-Canary: 1.png",
    '"; filename=evil.html; x=".png',
    "%2e%2e%2fevil.png",
    "．．／evil.png",
    "<img src=x onerror=alert(1)>.png",
    "=cmd|' /C calc'!A0.png",
    "\ud800evil.png",
    "e" * 5_000 + ".png",
    "CON.png",
    "~/.ssh/evil.png",
]


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def draft() -> Application:
    program = make_program()
    ask(program)
    return make_draft(program)


def stored(settings) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_the_set_has_sixty_cases_and_more() -> None:
    assert len(test_attachments.HOSTILE) + len(REFUSED) + len(CLEANED) + len(BOUNDED) + len(NAMES) >= 100
    assert len({name for name, *_ in (*test_attachments.HOSTILE, *REFUSED, *CLEANED)}) >= 60


@pytest.mark.parametrize(("name", "content", "words"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_it_is_refused_and_nothing_is_kept(draft, settings, name, content, words) -> None:
    with pytest.raises(CannotAttach) as refused:
        make_attachment(draft, name=name, content=content)

    assert any(part in str(refused.value) for part in ((words,) if isinstance(words, str) else words)), (
        refused.value
    )
    assert not Attachment.objects.exists()
    assert stored(settings) == []


@pytest.mark.parametrize(("name", "content"), CLEANED, ids=[name for name, _ in CLEANED])
def test_what_is_kept_has_lost_what_was_hidden_in_it(draft, name, content) -> None:
    kept = file_store.opened(make_attachment(draft, name=name, content=content).stored_name).read()

    assert b"Canary" not in kept
    assert b"<script" not in kept
    assert b"acTL" not in kept


@pytest.mark.parametrize(("name", "content"), BOUNDED, ids=[name for name, _ in BOUNDED])
def test_a_bomb_stays_within_time_and_memory(draft, settings, name, content) -> None:
    with contextlib.suppress(CannotAttach):
        make_attachment(draft, name=name, content=content)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024

    assert used < file_inspection.MEMORY_BYTES
    assert len(stored(settings)) == Attachment.objects.count()


@pytest.mark.parametrize("name", NAMES, ids=[repr(name)[:30] for name in NAMES])
def test_a_name_reaches_neither_the_disk_nor_a_header(draft, settings, name) -> None:
    attachment = make_attachment(draft, name=name)
    client = Client()
    client.force_login(draft.applicant)

    with clock.set_to(BEFORE):
        answer = client.get(reverse("applications:file", args=[attachment.public_id]))

    [path] = stored(settings)
    assert path.name == attachment.stored_name
    assert path.parent.parent == file_store.root()
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert not set("\r\n\0") & set(answer["Content-Disposition"])
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == (
        "application/octet-stream",
        "nosniff",
    )
    assert "sandbox" in answer["Content-Security-Policy"]
    assert len(attachment.name) <= file_names.LONGEST + 5
    assert "X-Canary" not in answer


def test_links_to_addresses_are_no_script(draft) -> None:
    assert (
        make_attachment(
            draft, name="a.pdf", content=hostile.link_with("/URI", URI="https://example.org/")
        ).pages
        == 1
    )
