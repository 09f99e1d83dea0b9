"""Pure: a statement of credits as a PDF, set as the other files are (applications.pdf)."""

from datetime import UTC, datetime

from django.utils.translation import gettext as _
from fpdf import FPDF

from applications import pdf_letters
from credits.money import format_money
from credits.statements import Row, Statement
from portal import texts

MARGIN_MM, SIZE, LINE_MM = 18, 8.5, 5.4
GREY, INK, RULE = (92, 101, 116), (20, 24, 31), (205, 210, 218)
WIDTHS = (24, 62, 34, 18, 18, 18)  # of 174 mm
MOST_ROWS = 3_000


def render(
    statements: list[Statement], *, title: str, facts: list[tuple[str, str]], site: str, at: datetime
) -> bytes:
    """The PDF file; the same bytes for the same statement. facts: name and value, above the figures."""
    file = _Page(title, site, at)
    file.add_page()
    file.put(site, size=SIZE, colour=GREY)
    file.put(title, size=16, style="B", leading=8)
    for name, value in facts:
        file.put(f"{name}: {value}", size=9)
    for found in statements:
        file.figures(found)
    file.ln(3)
    file.put(_("Made on %(when)s. Days are days in UTC.") % {"when": texts.moment(at)}, size=8, colour=GREY)
    return bytes(file.output())


class _Page(FPDF):
    def __init__(self, title: str, site: str, at: datetime) -> None:
        super().__init__(format="A4")
        self.site, self.name = site, title
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM)
        self.add_font("main", "", pdf_letters.font_file(pdf_letters.MAIN))
        self.add_font("main", "B", pdf_letters.font_file(pdf_letters.BOLD))
        self.set_title(_drawn(title))
        self.set_creator(_drawn(site))
        self.set_producer(_drawn(site))
        self.set_creation_date(at.astimezone(UTC))

    def footer(self) -> None:
        self.set_y(-MARGIN_MM + 4)
        self.set_font("main", "", 8)
        self.set_text_color(*GREY)
        self.cell(0, 5, _drawn(f"{self.site}, {self.name}")[:110])
        self.set_x(self.l_margin)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")

    def put(
        self,
        text: str,
        *,
        size: float = SIZE,
        style: str = "",
        colour: tuple[int, int, int] = INK,
        leading: float = LINE_MM,
    ) -> None:
        self.set_font("main", style, size)
        self.set_text_color(*colour)
        self.multi_cell(0, leading, _drawn(text) or " ", new_x="LMARGIN", new_y="NEXT")

    def figures(self, found: Statement) -> None:
        """The opening balance, every movement, the closing balance."""
        self.ln(4)
        span = f"{texts.day(found.first)} – {texts.day(found.last)}"
        self.put(f"{found.currency}, {span}", size=11, style="B", leading=6.4)
        heads = (_("Date (UTC)"), _("What happened"), _("Grant"), _("In"), _("Out"), _("Balance"))
        self._row(heads, style="B", colour=GREY)
        self._row(("", _("Opening balance"), "", "", "", _figure(found.opening_cents, found)), style="B")
        for row in found.rows[:MOST_ROWS]:
            self._row(_cells(row, found))
        if found.is_cut or len(found.rows) > MOST_ROWS:
            self.put(
                _(
                    "The file ends here: the period has more lines. The CSV has them, and the sums count them all."
                ),
                colour=GREY,
            )
        sums = (_figure(found.in_cents, found), _figure(found.out_cents, found))
        self._row(("", _("Sum of the movements"), "", *sums, ""), style="B")
        self._row(("", _("Closing balance"), "", "", "", _figure(found.closing_cents, found)), style="B")
        if any(row.is_late for row in found.rows):
            self.put(
                _("* Entered after the period ended; an older statement of these days lacks it."),
                size=8,
                colour=GREY,
            )

    def _row(self, cells: tuple[str, ...], *, style: str = "", colour: tuple[int, int, int] = INK) -> None:
        if self.will_page_break(LINE_MM):
            self.add_page()
        self.set_font("main", style, SIZE)
        self.set_text_color(*colour)
        self.set_draw_color(*RULE)
        for place, (text, width) in enumerate(zip(cells, WIDTHS, strict=True)):
            fitted = self._fitted(_drawn(text), width - 2)
            self.cell(width, LINE_MM, fitted, border="B", align="R" if place > 2 else "L")
        self.ln(LINE_MM)

    def _fitted(self, text: str, width: float) -> str:
        while text and self.get_string_width(text) > width:
            text = f"{text[:-2]}…" if len(text) > 2 else ""
        return text


def _cells(row: Row, found: Statement) -> tuple[str, ...]:
    label = row.label if row.number == 1 else f"{row.label} ({row.number:,})"
    return (
        f"{row.at.astimezone(UTC):%Y-%m-%d}",
        f"{label}{' *' if row.is_late else ''}",
        row.reference,
        _figure(row.in_cents, found) if row.in_cents else "",
        _figure(row.out_cents, found) if row.out_cents else "",
        _figure(row.balance_cents, found),
    )


def _figure(cents: int, found: Statement) -> str:
    """An amount without its sign of currency, which stands above the table."""
    return (
        format_money(cents, found.currency, always_cents=True).replace(f"{found.currency} ", "").lstrip("$€£")
    )


def _drawn(text: str) -> str:
    return pdf_letters.drawable("".join(character for character in text if character.isprintable()))
