"""Pure: an application as a PDF. Text is text here: nothing in it is read as markup, a link or a command.

fpdf2 sets the type, with HarfBuzz for scripts whose letters join. FiraGO has Latin, Greek, Cyrillic, Arabic, Hebrew,
Thai, Georgian and Devanagari; Chinese, Japanese, Korean and signs come from other fonts, which are read only when they
are needed. A character that no font has is drawn as a box.
"""

import atexit
import logging
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pymupdf_fonts
from django.utils.translation import gettext as _
from fontTools.ttLib import TTFont
from fpdf import FPDF

from applications.paper import Paper

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it would log which characters the answers hold

LONGEST = 100_000  # characters of one file, about forty pages; what is over is left out and said so
MARGIN_MM = 20
SIZE = 10
LEADING = 5.2
BOX = "\u25a1"
GREY, INK = (92, 101, 116), (20, 24, 31)
_MARKS = frozenset(
    "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad"
)
# Scripts whose letters join, stack or run from the right; other text is set without HarfBuzz, which is faster.
_JOINED = re.compile(r"[\u0590-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufefe]")
_JOINED_COST = 4  # how much longer HarfBuzz takes for them
_NO_LETTERS = re.compile(r"[\W\d_]{150}")  # fpdf2 looks for the next letter by recursion, so one is never far
_MAIN, _BOLD = "figo", "figbo"
# Chinese, Japanese and Korean letters come from the machine's own font (Debian: fonts-droid-fallback), where it has one.
CJK = Path("/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf")
_FALLBACK = (*(("cjk",) if CJK.is_file() else ()), "symbol2", "math")


def render(paper: Paper, *, site: str) -> bytes:
    """The PDF file of one application; the same bytes for the same paper. site: the name of the portal."""
    left = LONGEST
    body: list[tuple[str, str]] = []
    for section in paper.sections:
        body.append(("h2", section.title))
        for item in section.items:
            text = "\n".join(str(line) for line in item.lines)
            body.append(("label", item.label))
            body.append(("text", text[: max(0, left)]))
            left -= len(text) * (_JOINED_COST if _JOINED.search(text) else 1)
    if left < 0:
        body.append(
            ("note", _("This file ends here: the rest is longer than a file may be. The page has all of it."))
        )
    everything = [paper.title, paper.program, paper.reference, site, *(text for _style, text in body)]
    everything += [part for fact in paper.facts for part in fact]
    page = _Page(paper, site, fallback=_needed("".join(everything)))
    page.add_page()
    page.head()
    for kind, text in body:
        page.write_block(kind, text)
    return bytes(page.output())


class _Page(FPDF):
    def __init__(self, paper: Paper, site: str, *, fallback: Iterable[str]) -> None:
        super().__init__(format="A4")
        self.paper, self.site = paper, site
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 4)
        self.add_font("main", "", _font_file(_MAIN))
        self.add_font("main", "B", _font_file(_BOLD))
        names = list(fallback)
        for name in names:
            self.add_font(name, "", _font_file(name))
        self.set_fallback_fonts(names, exact_match=False)
        self.set_title(_plain(paper.title))
        self.set_creator(_plain(site))
        self.set_producer(_plain(site))
        self.set_creation_date(paper.dated)
        self.set_lang("en")

    def head(self) -> None:
        self._line(self.paper.program, size=SIZE, colour=GREY)
        self.ln(1)
        self._line(self.paper.title, size=17, style="B", leading=7.6)
        self.ln(2)
        if self.paper.reference:
            self._fact(_("Reference"), self.paper.reference)
        for name, value in self.paper.facts:
            self._fact(name, value)
        self.ln(2)

    def write_block(self, kind: str, text: str) -> None:
        """One heading, label or answer. A heading is not left alone at the foot of a page."""
        if kind == "h2":
            if self.will_page_break(30):
                self.add_page()
            self.ln(5)
            self._line(text, size=13, style="B", leading=6.4)
            self.set_draw_color(*GREY)
            self.line(self.l_margin, self.get_y() + 1, self.w - self.r_margin, self.get_y() + 1)
            self.ln(3)
        elif kind == "label":
            if self.will_page_break(16):
                self.add_page()
            self.ln(1.6)
            self._line(text, size=9, style="B", colour=GREY, leading=4.6)
        else:
            for paragraph in text.split("\n"):
                self._line(paragraph, colour=GREY if kind == "note" else INK)

    def footer(self) -> None:
        self.set_y(-MARGIN_MM + 4)
        self.set_font("main", "", 8)
        self.set_text_color(*GREY)
        name = self.paper.reference or _("Draft")
        self.cell(0, 5, _plain(f"{self.site}, {name}"))
        self.set_x(self.l_margin)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")

    def _fact(self, name: str, value: str) -> None:
        top = self.get_y()
        self._line(name, size=9, colour=GREY)
        self.set_y(top)
        self.set_left_margin(MARGIN_MM + 38)
        self._line(value, size=9)
        self.set_left_margin(MARGIN_MM)

    def _line(
        self,
        text: str,
        *,
        size: float = SIZE,
        style: str = "",
        colour: tuple[int, int, int] = INK,
        leading: float = LEADING,
    ) -> None:
        self.set_font("main", style, size)
        self.set_text_color(*colour)
        self.set_x(self.l_margin)
        shown = _drawable(_plain(text))
        self.set_text_shaping(use_shaping_engine=bool(_JOINED.search(shown)))
        align = "R" if _runs_from_the_right(shown) else "L"
        for part in _NO_LETTERS.sub(r"\g<0>\n", shown).split("\n"):
            self.multi_cell(0, leading, part or " ", align=align, new_x="LMARGIN", new_y="NEXT")


# --- Text -----------------------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Text without anything that is not drawn: controls, marks of direction, lone surrogates; braces of ours kept apart."""
    return "".join(
        " " if character in "\t\r\v\f" else character
        for character in unicodedata.normalize("NFC", text).replace("{nb}", "{ nb}")
        if character in "\n\t\r\v\f"
        or (unicodedata.category(character) not in ("Cc", "Cs", "Co") and character not in _MARKS)
    )


def _drawable(text: str) -> str:
    known = _letters(_MAIN)
    if all(ord(character) in known or character.isspace() for character in text):
        return text
    known = known.union(*(_letters(name) for name in _FALLBACK))
    return "".join(character if ord(character) in known or character.isspace() else BOX for character in text)


def _needed(text: str) -> list[str]:
    """The fonts beside the main one that this text takes, in the order in which they are asked."""
    missing = {ord(character) for character in text if not character.isspace()} - _letters(_MAIN)
    names = []
    for name in _FALLBACK:
        if missing and (missing & _letters(name) or missing - _all_letters()):
            names.append(name)
            missing -= _letters(name)
    return names


def _runs_from_the_right(text: str) -> bool:
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


# --- Fonts ----------------------------------------------------------------------------------------------------------------


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _font_file(name: str) -> Path:
    """The file of a font; those of the package are unpacked once for each process."""
    if name == "cjk":
        return CJK
    path = _folder() / f"{name}.ttf"
    path.write_bytes(pymupdf_fonts.myfont(name))
    return path


@cache
def _letters(name: str) -> frozenset[int]:
    """The characters that a font has."""
    with TTFont(_font_file(name), lazy=True) as font:
        return frozenset(font.getBestCmap())


@cache
def _all_letters() -> frozenset[int]:
    return _letters(_MAIN).union(*(_letters(name) for name in _FALLBACK))
