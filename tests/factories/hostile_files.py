"""Hostile files, built here byte by byte so that none lies in the repository."""

import gzip
import io
import struct
import tarfile
import zlib
from typing import Any

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

from tests.factories.files import pdf, picture

SCRIPT = b"<script>alert('Canary')</script>"


def raw_pdf(*objects: str | bytes, tail: str = "") -> bytes:
    """A PDF of these objects; the first is the catalogue."""
    body, places = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        content = text if isinstance(text, bytes) else text.encode("latin-1")
        body += f"{number} 0 obj".encode() + content + b"endobj\n"
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{rows}trailer<</Size {size}/Root 1 0 R{tail}>>\nstartxref\n{len(body)}\n%%EOF"
    return body + end.encode()


CATALOGUE = "<</Type/Catalog/Pages 2 0 R>>"
ONE_PAGE = "<</Type/Pages/Count 1/Kids[3 0 R]>>"


def page_with(extra: str) -> bytes:
    """One page whose dictionary says something more."""
    return raw_pdf(CATALOGUE, ONE_PAGE, f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]{extra}>>")


def catalogue_with(extra: str) -> bytes:
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    return raw_pdf(f"<</Type/Catalog/Pages 2 0 R{extra}>>", ONE_PAGE, page)


def many_pages(number: int) -> bytes:
    """One page that the tree names again and again."""
    kids = " ".join(["3 0 R"] * number)
    page = "<</Type/Page/Parent 2 0 R>>"
    return raw_pdf(CATALOGUE, f"<</Type/Pages/Count 1/Kids[{kids}]>>", page)


def pages_in_a_circle() -> bytes:
    return raw_pdf(CATALOGUE, "<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Pages/Count 1/Kids[2 0 R]>>")


def stream_bomb(megabytes: int = 600) -> bytes:
    """A page whose content unpacks to far more memory than an inspection may take."""
    packer = zlib.compressobj(9)
    block = b"\0" * 1_000_000
    packed = b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()
    content = f"<</Length {len(packed)}/Filter/FlateDecode>>stream\n".encode() + packed + b"\nendstream "
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>"
    return raw_pdf(CATALOGUE, ONE_PAGE, page, content)


def xref_bomb(megabytes: int = 600) -> bytes:
    """The table of objects itself is the bomb: no reader gets past it without unpacking."""
    packer = zlib.compressobj(9)
    block = b"\0" * 1_000_000
    packed = b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()
    head = b"%PDF-1.7\n"
    words = f"1 0 obj<</Type/XRef/Size 9999999/W[1 2 1]/Root 2 0 R/Length {len(packed)}/Filter/FlateDecode>>stream\n"
    return head + words.encode() + packed + f"\nendstream endobj\nstartxref\n{len(head)}\n%%EOF".encode()


def link_with(action: str, **entries: str) -> bytes:
    """A page with a link that does something else than to open an address."""
    writer = PdfWriter()
    page = writer.add_blank_page(width=200, height=200)
    does = {NameObject(f"/{name}"): TextStringObject(text) for name, text in entries.items()}
    link = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Link"),
            NameObject("/Rect"): ArrayObject([NumberObject(n) for n in (0, 0, 200, 200)]),
            NameObject("/A"): DictionaryObject({NameObject("/S"): NameObject(action), **does}),
        }
    )
    page[NameObject("/Annots")] = ArrayObject([link])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*, width: int = 4, height: int = 4, before: bytes = b"", data: bytes | None = None) -> bytes:
    """A PNG of which every part can be wrong."""
    rows = b"".join(b"\0" + b"\1\2\3" * width for _ in range(min(height, 64))) if data is None else data
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    packed = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A comment of a PNG that unpacks to two hundred megabytes."""
    return png(before=chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 200_000_000, 9)))


def profile_bomb() -> bytes:
    return png(before=chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"\0" * 200_000_000, 9)))


def pixel_bomb() -> bytes:
    """A PNG of sixteen points whose data unpacks to two hundred megabytes."""
    return png(data=b"\0" * 200_000_000)


def moving_png(frames: int = 2_000) -> bytes:
    """A PNG that says it has so many pictures."""
    return png(before=chunk(b"acTL", struct.pack(">II", frames, 0)))


def jpeg_with(marker: int, data: bytes) -> bytes:
    """A JPEG with one more segment, right behind its start."""
    made = picture("JPEG")
    return made[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data + made[2:]


def wide_jpeg() -> bytes:
    """A small JPEG whose header says 65,000 by 65,000 points."""
    made = bytearray(picture("JPEG"))
    place = made.index(b"\xff\xc0")
    made[place + 5 : place + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(made)


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def tar_with(name: str, content: bytes) -> bytes:
    """An archive whose file wants to lie somewhere else."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def other_picture(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (1, 2, 3)).save(out, kind, **options)
    return out.getvalue()


BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "Canary">'
    + b"".join(
        f'<!ENTITY a{n} "{"&a" + str(n - 1) + ";" if n > 1 else "&a;"}'.encode() * 1 + b'">'
        for n in range(1, 9)
    )
    + b"]><l>&a8;</l>"
)
PDF_AND_SCRIPT = pdf(1) + b"\n" + SCRIPT
