"""Which letters a PDF file can draw, with which font, and what stands in the place of those it cannot.

FiraGO, from a package, has Latin, Greek, Cyrillic, Arabic, Hebrew, Thai, Georgian and Devanagari. Other scripts come from
fonts that the machine happens to have; no package holds them all. What no font has is written as its code points, and the
file says so beside it: never a row of boxes.
"""

import atexit
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pymupdf_fonts
from django.utils.translation import gettext as _
from fontTools.ttLib import TTFont, TTLibError

MAIN, BOLD = "figo", "figbo"
SIGNS = ("symbol2", "math")
FOLDERS = (
    Path("/usr/share/fonts-droid-fallback"),
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
)
PATTERNS = (
    "DroidSansFallback*.ttf",
    "NotoSans[A-Z]*-Regular.ttf",
    "NotoEmoji-Regular.ttf",
    "Lohit-*.ttf",
    "FreeSans.ttf",
    "unifont*.ttf",
)
"""Files of common font packages, in the order in which they are asked: one broad font first, then one for each script."""
MOST_FONTS = 80
SHOWN = 12  # code points of one run; the rest of it is counted
MOST_RUNS = 300  # in one text; a file is for reading, and the print view has it all
INVISIBLE = frozenset(
    {0x200C, 0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)}
)
"""Joiners, variants, skin tones, tags: they change a letter that is drawn, and are nothing beside one that is not."""


@cache
def machine_fonts() -> tuple[str, ...]:
    """The fonts of this machine that may help, as paths."""
    found: list[str] = []
    for pattern in PATTERNS:
        for folder in FOLDERS:
            if folder.is_dir():
                found += [str(path) for path in sorted(folder.rglob(pattern)) if str(path) not in found]
    return tuple(found[:MOST_FONTS])


def needed(text: str) -> list[str]:
    """The fonts beside the main one that this text takes, in the order in which they are asked."""
    missing = _code_points(text) - letters(MAIN)
    names = []
    for name in (*machine_fonts(), *SIGNS):
        if not missing:
            break
        if missing & letters(name):
            names.append(name)
            missing -= letters(name)
    return names


def missing(text: str) -> list[str]:
    """The characters of a text that no font has, each as often as it stands there."""
    candidates = _code_points(text) - letters(MAIN)
    for name in (*machine_fonts(), *SIGNS):
        if not candidates:
            break
        candidates -= letters(name)
    return [letter for letter in text if ord(letter) in candidates and ord(letter) not in INVISIBLE]


def drawable(text: str) -> str:
    """The text with the code points of what cannot be drawn in its place, in brackets: [U+0BA4 U+0BAE]."""
    gone = frozenset(missing(text))
    if not gone and not any(ord(letter) in INVISIBLE for letter in text):
        return text
    known = letters(MAIN)
    parts: list[str] = []
    run: list[str] = []
    runs = 0
    for letter in text:
        if letter in gone:
            run.append(letter)
            continue
        if ord(letter) in INVISIBLE and (run or ord(letter) not in known):
            continue
        if run:
            runs += 1
            parts.append(_in_code_points(run) if runs <= MOST_RUNS else "[…]")
            run = []
        parts.append(letter)
    if run:
        parts.append(_in_code_points(run))
    return "".join(parts)


def what(letters_: Iterable[str]) -> str:
    """What kinds of letters these are, for a sentence: Bengali, Tamil, signs."""
    return ", ".join(sorted({_kind(letter) for letter in letters_}))


def _kind(letter: str) -> str:
    if not unicodedata.category(letter).startswith(("L", "M", "N")):
        return _("signs")
    first = unicodedata.name(letter, "").partition(" ")[0]
    if first in ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "KANGXI"):
        return _("Chinese or Japanese")
    if first == "HANGUL":
        return _("Korean")
    return first.capitalize() or _("signs")


def _in_code_points(run: list[str]) -> str:
    words = [f"U+{ord(letter):04X}" for letter in run[:SHOWN]]
    more = len(run) - len(words)
    return f"[{' '.join(words)}{f' +{more}' if more else ''}]"


def _code_points(text: str) -> set[int]:
    return {ord(letter) for letter in text if not letter.isspace()}


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def font_file(name: str) -> Path:
    """The file of a font; those of the package are unpacked once for each process."""
    if name.startswith("/"):
        return Path(name)
    path = _folder() / f"{name}.ttf"
    path.write_bytes(pymupdf_fonts.myfont(name))
    return path


@cache
def letters(name: str) -> frozenset[int]:
    """The characters that a font has; none of a file that cannot be read."""
    try:
        with TTFont(font_file(name), lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError, KeyError):
        return frozenset()
