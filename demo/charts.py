"""The charts of the demo's reports: as vectors (reportlab) and as pictures (Pillow).

Both kinds exist on purpose: a reader of documents finds the numbers of a vector chart in the
page's text, those of a picture only by looking at it.
"""

from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont
from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib.colors import HexColor

from demo.books import EFFECTS_2025, Y2024, Y2025, Year, at_last_margin, signed

INK, QUIET, RULE = "#16324F", "#5B6B7B", "#C9D2DB"
COLOURS = ("#1F7A8C", "#D98E04", "#6B5CA5")
UP, DOWN = "#3C8D5A", "#B5403A"


def margin_drawing(year: Year, *, width: float, height: float = 190) -> Drawing:
    """Gross margin by segment as vector bars."""
    drawing = Drawing(width, height)
    left, floor, top = 34.0, 26.0, height - 14
    scale = (top - floor) / 60
    for percent in range(0, 61, 20):
        y = floor + percent * scale
        drawing.add(Line(left, y, width - 6, y, strokeColor=HexColor(RULE), strokeWidth=0.5))
        drawing.add(_text(left - 6, y - 3, f"{percent}%", anchor="end", colour=QUIET, size=8))
    slot = (width - left - 6) / len(year.segments)
    for number, segment in enumerate(year.segments):
        x, tall = left + slot * (number + 0.25), float(segment.margin) * scale
        drawing.add(Rect(x, floor, slot / 2, tall, fillColor=HexColor(COLOURS[number]), strokeColor=None))
        drawing.add(_text(x + slot / 4, floor + tall + 5, f"{segment.margin}%", size=10, bold=True))
        drawing.add(_text(x + slot / 4, floor - 14, segment.name, size=9))
    return drawing


def bridge_drawing(*, width: float, height: float = 215) -> Drawing:
    """The waterfall from gross profit at last year's margins to this year's gross profit."""
    start = sum((at_last_margin(*pair) for pair in zip(Y2025.segments, Y2024.segments)), Decimal())
    steps = [
        ("2025 revenue at", "2024 margins", start, None),
        *((*_two_lines(effect.cause), effect.amount, effect.segment) for effect in EFFECTS_2025),
        ("Gross profit", "2025", Y2025.group.gross_profit, None),
    ]
    drawing = Drawing(width, height)
    floor, lowest, highest = 44.0, 200.0, 215.0
    scale = (height - floor - 18) / (highest - lowest)
    drawing.add(Line(0, floor, width, floor, strokeColor=HexColor(RULE), strokeWidth=0.8))
    slot, level = width / len(steps), float(start)
    for number, (first, second, amount, segment) in enumerate(steps):
        low, high = (lowest, float(amount)) if segment is None else sorted((level, level + float(amount)))
        level = float(amount) if segment is None else level + float(amount)
        colour = INK if segment is None else UP if amount > 0 else DOWN
        x, y = slot * (number + 0.16), floor + (low - lowest) * scale
        tall = (high - low) * scale
        drawing.add(Rect(x, y, slot * 0.68, tall, fillColor=HexColor(colour), strokeColor=None))
        printed = str(amount) if segment is None else signed(amount)
        middle = slot * (number + 0.5)
        drawing.add(_text(middle, y + tall + 4, printed, size=9, bold=True))
        drawing.add(_text(middle, floor - 13, first, size=6.6))
        drawing.add(_text(middle, floor - 22, second, size=6.6))
        if segment:
            drawing.add(_text(middle, floor - 33, segment, size=6.2, colour=QUIET))
    return drawing


def margin_picture(year: Year, *, width: int = 1500, height: int = 640) -> bytes:
    """Gross margin by segment as a PNG: no letter of it is in the page's text."""
    image = Image.new("RGB", (width, height), "#F7F9FB")
    draw = ImageDraw.Draw(image)
    left, right, floor, top = 110, width - 40, height - 90, 70
    per_percent = (floor - top) / 60
    for percent in range(0, 61, 10):
        y = floor - percent * per_percent
        draw.line((left, y, right, y), fill=RULE, width=2)
        draw.text((left - 16, y), f"{percent}%", fill=QUIET, font=load_font(26), anchor="rm")
    slot = (right - left) / len(year.segments)
    for number, segment in enumerate(year.segments):
        middle, tall = left + slot * (number + 0.5), float(segment.margin) * per_percent
        draw.rectangle((middle - slot / 4, floor - tall, middle + slot / 4, floor), fill=COLOURS[number])
        draw.text(
            (middle, floor - tall - 12), f"{segment.margin}%", fill=INK, font=load_font(36), anchor="mb"
        )
        draw.text((middle, floor + 20), segment.name, fill=INK, font=load_font(30), anchor="mt")
    draw.text((left, 14), f"Gross margin by segment, {year.year}", fill=INK, font=load_font(32))
    return png(image)


def revenue_drawing(years: Sequence[Year], *, width: float, height: float = 120) -> Drawing:
    """Revenue of the group as horizontal bars, one for each year."""
    drawing = Drawing(width, height)
    slot = height / len(years)
    longest = max(float(year.group.revenue) for year in years)
    for number, year in enumerate(years):
        y, value = height - slot * (number + 0.8), year.group.revenue
        wide = (width - 90) * float(value) / longest
        drawing.add(_text(0, y + slot * 0.2, str(year.year), anchor="start", size=9))
        drawing.add(Rect(34, y, wide, slot * 0.6, fillColor=HexColor(COLOURS[0]), strokeColor=None))
        drawing.add(_text(40 + wide, y + slot * 0.2, f"{value}", anchor="start", size=9, bold=True))
    return drawing


def png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def load_font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)  # comes inside Pillow: no font file is needed


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "middle",
    colour: str = INK,
    size: float = 9,
    bold: bool = False,
) -> String:
    font = "Helvetica-Bold" if bold else "Helvetica"
    return String(x, y, text, textAnchor=anchor, fillColor=HexColor(colour), fontName=font, fontSize=size)


def _two_lines(label: str) -> tuple[str, str]:
    """Breaks a label at the space that makes its longer line shortest."""
    words = label.split()
    cuts = [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, len(words))]
    return min(cuts, key=lambda lines: max(map(len, lines)))
