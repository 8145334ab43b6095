"""House style of the demo's reports: paper, running heads, headings, tables, captions.

Knows how a report looks and nothing of what it says (`demo/report.py`). Bytes are the same on
every run: no dates, no random identifiers.
"""

from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    FrameBreak,
    Image,
    ListFlowable,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from demo.charts import INK, QUIET, RULE

WIDTH, HEIGHT = A4
SIDE, HEAD, FOOT = 20 * mm, 24 * mm, 20 * mm
MEASURE = WIDTH - 2 * SIDE

Page = list[Flowable]

_BODY = ParagraphStyle(
    "body",
    fontName="Times-Roman",
    fontSize=10.4,
    leading=14.2,
    spaceAfter=6.5,
    alignment=TA_JUSTIFY,
)
_STYLES = {
    "body": _BODY,
    "lead": ParagraphStyle("lead", parent=_BODY, fontSize=12, leading=16.5, textColor=HexColor(INK)),
    "h1": ParagraphStyle(
        "h1", fontName="Helvetica-Bold", fontSize=19, leading=23, spaceAfter=9, textColor=HexColor(INK)
    ),
    "h2": ParagraphStyle(
        "h2",
        fontName="Helvetica-Bold",
        fontSize=12,
        leading=15,
        spaceBefore=7,
        spaceAfter=4,
        textColor=HexColor("#1F7A8C"),
    ),
    "caption": ParagraphStyle(
        "caption",
        fontName="Helvetica-Oblique",
        fontSize=8.6,
        leading=11,
        spaceAfter=9,
        textColor=HexColor(QUIET),
    ),
    "table title": ParagraphStyle(
        "table title",
        fontName="Helvetica-Bold",
        fontSize=9.4,
        leading=12,
        spaceBefore=5,
        spaceAfter=3,
        textColor=HexColor(INK),
    ),
}


def h1(text: str) -> Flowable:
    return Paragraph(text, _STYLES["h1"])


def h2(text: str) -> Flowable:
    return Paragraph(text, _STYLES["h2"])


def lead(text: str) -> Flowable:
    return Paragraph(text, _STYLES["lead"])


def body(*paragraphs: str) -> Page:
    return [Paragraph(text, _STYLES["body"]) for text in paragraphs]


def bullets(*items: str) -> Flowable:
    return ListFlowable(
        [Paragraph(item, _STYLES["body"]) for item in items],
        bulletType="bullet",
        start="\u2022",
        leftIndent=14,
        bulletFontSize=9,
    )


def caption(text: str) -> Flowable:
    return Paragraph(text, _STYLES["caption"])


def gap(points: float = 8) -> Flowable:
    return Spacer(1, points)


def picture(data: bytes, *, ratio: float) -> Flowable:
    """`ratio`: height over width."""
    return Image(BytesIO(data), width=MEASURE, height=MEASURE * ratio)


def next_column() -> Flowable:
    return FrameBreak()


def table(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    widths: Sequence[float],
    totals: Sequence[int] = (),
    words: int = 1,
) -> Page:
    """A ruled table. `widths` are shares of the measure, `totals` the rows that stand bold under
    a line, `words` how many columns from the left hold words; the others hold numbers.
    """
    style: list[tuple[Any, ...]] = [
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 8.8),
        ("FONT", (0, 1), (-1, -1), "Helvetica", 8.8),
        ("ALIGN", (words, 0), (-1, -1), "RIGHT"),
        ("TEXTCOLOR", (0, 0), (-1, -1), HexColor(INK)),
        ("LINEBELOW", (0, 0), (-1, 0), 1.0, HexColor(INK)),
        ("LINEBELOW", (0, 1), (-1, -1), 0.3, HexColor(RULE)),
        ("TOPPADDING", (0, 0), (-1, -1), 2.6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
    ]
    for row in totals:
        style.append(("FONT", (0, row + 1), (-1, row + 1), "Helvetica-Bold", 8.8))
        style.append(("LINEABOVE", (0, row + 1), (-1, row + 1), 0.8, HexColor(INK)))
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    grid = Table(cells, colWidths=[MEASURE * width for width in widths], style=TableStyle(style))
    return [Paragraph(title, _STYLES["table title"]), grid, gap(7)]


def print_report(pages: Sequence[Page], *, company: str, title: str, columns: Sequence[int]) -> bytes:
    """Sets `pages` (the first is the cover) and returns the PDF.

    `columns` are the numbers of the pages that are set in two columns. Raises ValueError where
    the text of a page does not fit on it.
    """
    out = BytesIO()
    document = BaseDocTemplate(
        out, pagesize=A4, title=f"{company}, {title}", author=company, subject=title, invariant=1
    )
    furniture = partial(_furniture, company=company, title=title, total=len(pages))
    document.addPageTemplates(
        [
            PageTemplate("cover", [_frame()], onPage=partial(_cover, company=company, title=title)),
            PageTemplate("one", [_frame()], onPage=furniture),
            PageTemplate("two", [_frame(0, 2), _frame(1, 2)], onPage=furniture),
        ]
    )
    story: Page = [gap(178)]
    for number, page in enumerate(pages, 1):
        story += page
        if number < len(pages):
            story += [NextPageTemplate("two" if number + 1 in columns else "one"), PageBreak()]
    document.build(story)
    if document.page != len(pages):
        raise ValueError(f"{title}: {len(pages)} pages were written but {document.page} printed")
    return out.getvalue()


def _frame(column: int = 0, of: int = 1) -> Frame:
    gutter = 8 * mm if of > 1 else 0
    width = (MEASURE - gutter * (of - 1)) / of
    x = SIDE + column * (width + gutter)
    return Frame(x, FOOT, width, HEIGHT - HEAD - FOOT, leftPadding=0, rightPadding=0, topPadding=0)


def _furniture(canvas: Any, _document: BaseDocTemplate, *, company: str, title: str, total: int) -> None:
    canvas.setFillColor(HexColor(QUIET))
    canvas.setStrokeColor(HexColor(RULE))
    canvas.setFont("Helvetica", 8)
    canvas.drawString(SIDE, HEIGHT - 15 * mm, company)
    canvas.drawRightString(WIDTH - SIDE, HEIGHT - 15 * mm, title)
    canvas.line(SIDE, HEIGHT - 17 * mm, WIDTH - SIDE, HEIGHT - 17 * mm)
    canvas.drawString(SIDE, 11 * mm, "Amounts in millions of US dollars unless stated")
    canvas.drawRightString(WIDTH - SIDE, 11 * mm, f"Page {canvas.getPageNumber()} of {total}")


def _cover(canvas: Any, _document: BaseDocTemplate, *, company: str, title: str) -> None:
    canvas.setFillColor(HexColor(INK))
    canvas.rect(0, HEIGHT - 78 * mm, WIDTH, 78 * mm, stroke=0, fill=1)
    canvas.setFillColor(HexColor("#FFFFFF"))
    canvas.setFont("Helvetica", 15)
    canvas.drawString(SIDE, HEIGHT - 34 * mm, company)
    canvas.setFont("Helvetica-Bold", 34)
    canvas.drawString(SIDE, HEIGHT - 52 * mm, title)
    canvas.setFillColor(HexColor("#D98E04"))
    canvas.rect(SIDE, HEIGHT - 60 * mm, 42 * mm, 1.6 * mm, stroke=0, fill=1)
