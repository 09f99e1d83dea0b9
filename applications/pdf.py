"""Pure: an application as a PDF. Text is text here: nothing in it is read as markup, a link or a command.

fpdf2 sets the type, with HarfBuzz for scripts whose letters join. FiraGO has Latin, Greek, Cyrillic, Arabic, Hebrew,
Thai, Georgian and Devanagari; other scripts come from fonts of the machine, which are read only when they are needed
(applications.pdf_letters). What no font has stands as code points, and the file says so where it happens.
"""

import logging
import re
import unicodedata
from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from fpdf import FPDF

from applications import pdf_letters
from applications.paper import Paper

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it would log which characters the answers hold

LONGEST = 100_000  # characters of one file, about forty pages; what is over is left out and said so
MARGIN_MM = 20
SIZE = 10
LEADING = 5.2
GREY, INK = (92, 101, 116), (20, 24, 31)
_MARKS = frozenset(
    "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad"
)
# Scripts whose letters join, stack or run from the right; other text is set without HarfBuzz, which is faster.
_JOINED = re.compile(r"[\u0590-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufefe]")
_JOINED_COST = 4  # how much longer HarfBuzz takes for them
_NO_LETTERS = re.compile(r"[\W\d_]{150}")  # fpdf2 looks for the next letter by recursion, so one is never far


def render(paper: Paper, *, site: str, page: str = "") -> bytes:
    """The PDF file of one application; the same bytes for the same paper.

    site: the name of the portal. page: the address of the print view, which shows what no font here can.
    """
    left = LONGEST
    body: list[tuple[str, str]] = []
    for section in paper.sections:
        body.append(("h2", section.title))
        for item in section.items:
            text = "\n".join(str(line) for line in item.lines)
            body.append(("label", item.label))
            body.append(("text", text[: max(0, left)]))
            if undrawn := pdf_letters.missing(_plain(text[: max(0, left)])):
                body.append(("note", _undrawn(undrawn)))
            left -= len(text) * (_JOINED_COST if _JOINED.search(text) else 1)
    if left < 0:
        body.append(
            ("note", _("This file ends here: the rest is longer than a file may be. The page has all of it."))
        )
    everything = [paper.title, paper.program, paper.reference, site, *(text for _style, text in body)]
    everything += [part for fact in paper.facts for part in fact]
    whole = _plain("".join(everything))
    file = _Page(paper, site, fallback=pdf_letters.needed(whole))
    file.add_page()
    file.head()
    if undrawn := pdf_letters.missing(whole):
        file.write_block("note", _elsewhere(undrawn, page))
    for kind, text in body:
        file.write_block(kind, text)
    return bytes(file.output())


def _undrawn(letters: list[str]) -> str:
    """Said under an answer of which a part stands as code points."""
    return ngettext(
        "%(number)s character of this answer (%(kinds)s) stands as its code point; the print view shows it.",
        "%(number)s characters of this answer (%(kinds)s) stand as code points; the print view shows them.",
        len(letters),
    ) % {"number": f"{len(letters):,}", "kinds": pdf_letters.what(letters)}


def _elsewhere(letters: list[str], page: str) -> str:
    """Said at the top of a file that lacks letters anywhere."""
    text = _(
        "This file has no font for some of the letters (%(kinds)s). They stand as code points, such as %(example)s."
    ) % {"kinds": pdf_letters.what(letters), "example": f"[U+{ord(letters[0]):04X}]"}
    return f"{text} {_('Every letter is on the print view: %(page)s') % {'page': page}}" if page else text


class _Page(FPDF):
    def __init__(self, paper: Paper, site: str, *, fallback: Iterable[str]) -> None:
        super().__init__(format="A4")
        self.paper, self.site = paper, site
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 4)
        self.add_font("main", "", pdf_letters.font_file(pdf_letters.MAIN))
        self.add_font("main", "B", pdf_letters.font_file(pdf_letters.BOLD))
        names = []
        for number, name in enumerate(fallback):
            names.append(f"other{number}")
            self.add_font(names[-1], "", pdf_letters.font_file(name))
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
        shown = pdf_letters.drawable(_plain(text))
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


def _runs_from_the_right(text: str) -> bool:
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False
