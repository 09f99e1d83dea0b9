"""Look into an uploaded file and write a clean copy. Runs as a program of its own, within limits of memory and time.

    python file_inspection.py SOURCE TARGET

Prints one JSON object: {"content_type", "pages"} when TARGET was written, else {"refused": why}. A file that breaks the
reader takes only this process with it. It imports nothing of the portal, so that it starts fast.
"""

import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_PAGES = 50
MOST_PIXELS = 25_000_000
MEMORY_BYTES = 512 * 1024 * 1024
SECONDS = 10
ACTIVE_KEYS = frozenset({"/JS", "/AA", "/XFA", "/RichMediaContent"})
ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/GoToE",
        "/GoToR",
        "/Rendition",
        "/Movie",
        "/Sound",
    }
)
MOVING = frozenset({"/RichMedia", "/3D", "/Movie", "/Sound", "/Screen", "/FileAttachment"})
SIGNATURES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Refused(Exception):
    """The file is not taken. The message is shown to whoever uploaded it; "" when its kind is not known.

    The process that asked translates it, and puts the numbers into it.
    """

    def __init__(self, text: str, **numbers: str) -> None:
        self.numbers = numbers
        super().__init__(text)


def gettext_noop(text: str) -> str:
    """Marks a text for translation; this process knows no language."""
    return text


def inspect(source: Path, target: Path) -> dict[str, Any]:
    """Check one file and write the copy that is kept. Raises Refused."""
    with source.open("rb") as file:
        start = file.read(16)
    content_type = next((kind for sign, kind in SIGNATURES.items() if start.startswith(sign)), "")
    if not content_type:
        raise Refused("")
    if zipfile.is_zipfile(source):
        raise Refused(gettext_noop("The file is two files in one. Save it again and add the new copy."))
    if content_type == "application/pdf":
        return {"content_type": content_type, "pages": _pdf(source, target)}
    _image(source, target, content_type)
    return {"content_type": content_type, "pages": None}


def _pdf(source: Path, target: Path) -> int:
    """Read all of it and write it anew, without what it says about its author and its making."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(source, strict=False)
        if reader.is_encrypted:
            raise Refused(
                gettext_noop("The PDF is protected with a password. Save it without one and add that.")
            )
        root: Any = reader.root_object
        declared = root["/Pages"].get("/Count", 0)
        if isinstance(declared, int) and declared > MOST_PAGES:
            raise _too_many(declared)
        pages = len(reader.pages)
        if pages > MOST_PAGES:
            raise _too_many(pages)
        if not pages:
            raise Refused(gettext_noop("The PDF has no pages."))
        _refuse_active(root)
        _refuse_hidden_actions(root)
        writer = PdfWriter(clone_from=reader)
        writer.metadata = None
        writer.root_object.pop("/Metadata", None)
        with target.open("wb") as file:
            writer.write(file)
        return len(PdfReader(target).pages)
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        ArithmeticError,
        OSError,
    ):
        raise Refused(
            gettext_noop("The PDF is damaged and cannot be read. Save it again and add the new copy.")
        ) from None


def _too_many(pages: int) -> Refused:
    text = gettext_noop(
        "The PDF has %(pages)s pages; %(most)s are the most. Leave out what reviewers do not need."
    )
    return Refused(text, pages=f"{pages:,}", most=str(MOST_PAGES))


def _refuse_active(root: Any) -> None:
    """Scripts, programs to start and files inside have no place in an attachment."""
    names = root.get("/Names")
    names = names.get_object() if names is not None else {}
    if "/EmbeddedFiles" in names:
        raise Refused(
            gettext_noop("The PDF holds other files. Save it without them, or print it to a new PDF.")
        )
    action = root.get("/OpenAction")
    action = action.get_object() if action is not None else None
    does = action.get("/S") if isinstance(action, Mapping) else None
    if "/JavaScript" in names or "/AA" in root or does in ("/JavaScript", "/Launch"):
        raise Refused(gettext_noop("The PDF holds a script. Print it to a new PDF and add that."))


def _refuse_hidden_actions(root: Any) -> None:
    """The same wherever it hangs: on a page, a link, a field of a form. Every object is visited once."""
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if hasattr(value, "idnum"):  # a reference to an object elsewhere in the file
            if (value.idnum, value.generation) in seen:
                continue
            seen.add((value.idnum, value.generation))
            value = value.get_object()
        if isinstance(value, Mapping):
            if ACTIVE_KEYS & value.keys() or value.get("/S") in ACTIONS or value.get("/Subtype") in MOVING:
                raise Refused(gettext_noop("The PDF holds a script. Print it to a new PDF and add that."))
            # Not .values(): pypdf would follow the references, and a page refers to its parent.
            waiting += [dict.__getitem__(value, key) for key in value] if isinstance(value, dict) else []
        elif isinstance(value, list):
            waiting += list.__iter__(value)


def _image(source: Path, target: Path, content_type: str) -> None:
    """Decode all of it and encode only what is seen: no place, camera or comment, and nothing hung on behind."""
    from PIL import Image, ImageOps

    kind = "PNG" if content_type == "image/png" else "JPEG"
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with Image.open(source, formats=[kind]) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                limit = MOST_PIXELS // 1_000_000
                raise Refused(
                    gettext_noop(
                        "The picture has %(width)s × %(height)s points; %(most)s million are the most. Make it smaller."
                    ),
                    width=f"{width:,}",
                    height=f"{height:,}",
                    most=str(limit),
                )
            image.load()
            seen: Any = ImageOps.exif_transpose(image)
        if seen.mode == "CMYK":
            seen = seen.convert("RGB")
        seen.info = {name: value for name, value in seen.info.items() if name == "transparency"}
        if kind == "JPEG":
            seen.save(target, kind, quality=90, optimize=True)
        else:
            seen.save(target, kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(gettext_noop("The picture is too large. Make it smaller.")) from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        ArithmeticError,
    ):
        raise Refused(
            gettext_noop("The picture is damaged and cannot be read. Save it again and add the new copy.")
        ) from None


def limit_this_process() -> None:
    """Memory and computing time for what follows; where the system knows no such limits, the caller's clock remains."""
    import resource

    for name, most in (("RLIMIT_AS", MEMORY_BYTES), ("RLIMIT_CPU", SECONDS)):
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (ValueError, OSError, AttributeError):
            continue


def run(arguments: list[str]) -> int:
    """Inspect the file of a command line and print what was found."""
    source, target = map(Path, arguments)
    limit_this_process()
    try:
        found = inspect(source, target)
    except Refused as error:
        found = {"refused": str(error), "numbers": error.numbers}
    except (MemoryError, RecursionError):
        found = {
            "refused": gettext_noop(
                "The file is too complicated to be checked. Save a simpler copy and add that."
            )
        }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
