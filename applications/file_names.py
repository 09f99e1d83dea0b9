"""Pure: what a file calls itself, made safe to show and to write into a header. It never becomes a path."""

import re
import unicodedata

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

LONGEST = 120
ENDINGS = {
    "application/pdf": ("pdf",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
}
KINDS = {
    "application/pdf": gettext_noop("PDF"),
    "image/png": gettext_noop("PNG image"),
    "image/jpeg": gettext_noop("JPEG image"),
}
_WORD_PROCESSORS = ("doc", "docx", "odt", "rtf", "pages", "tex", "txt", "md")
_SLIDES_AND_TABLES = ("ppt", "pptx", "odp", "key", "xls", "xlsx", "ods", "csv")
_PICTURES = ("gif", "svg", "webp", "heic", "heif", "bmp", "tif", "tiff", "avif", "eps", "ai")


def cleaned(name: str) -> str:
    """The last part of a name in NFC, without control, invisible and direction signs, at most LONGEST characters.

    The ending is kept when a long name is cut. "file" when nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name[:10_000]))[-1]
    plain = "".join(
        " " if sign.isspace() else sign for sign in last if unicodedata.category(sign) not in _UNSHOWN
    )
    plain = " ".join(plain.split()).rstrip(". ")
    stem, dot, end = plain.rpartition(".")
    if dot and len(end) <= 10:
        return f"{stem[: LONGEST - len(end) - 1].strip('. ') or 'file'}.{end}"
    return plain[:LONGEST].strip(". ") or "file"


_UNSHOWN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def ending(name: str) -> str:
    """What stands after the last dot, in small letters; "" without a dot."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def for_kind(name: str, content_type: str) -> str:
    """The name with an ending that fits its content; one without any gets it."""
    if ending(name) in ENDINGS[content_type]:
        return name
    return f"{name[: LONGEST - 5]}.{ENDINGS[content_type][0]}"


def contradicts(name: str, content_type: str) -> bool:
    """Whether the name promises another kind of file than the content is. A name without an ending promises nothing."""
    return bool(ending(name)) and ending(name) not in ENDINGS[content_type]


def why_not(name: str) -> str:
    """Why a file of an unknown kind is not taken, by what its name says that it is."""
    end = ending(name)
    if end in _WORD_PROCESSORS:
        return _("Documents of this kind are not accepted. Save it as a PDF and add that.")
    if end in _SLIDES_AND_TABLES:
        return _("Slides and tables are not accepted. Save it as a PDF and add that.")
    if end in _PICTURES:
        return _("Pictures of this kind are not accepted. Save it as PNG or JPEG and add that.")
    kinds = {ending: KINDS[kind] for kind, endings in ENDINGS.items() for ending in endings}
    if end in kinds:
        return _("The name says %(kind)s, but the content is something else.") % {"kind": _(kinds[end])}
    return _("Only PDF, PNG and JPEG files are accepted.")
