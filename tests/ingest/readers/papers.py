"""PDF files that tests draw themselves, so that it is known where each word stands."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pikepdf
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from core.types import Box, Content, Span

WIDTH, HEIGHT = 600.0, 800.0
WORDS = (
    "the quarterly figures of this company show that revenue rose while costs fell and that margins "
    "widened in every region except the north where prices came under pressure from new rivals and "
    "where two factories stood still for most of the summer because a supplier had failed to deliver "
)


def paper(
    path: Path, *pages: Callable[[Canvas], object], size: tuple[float, float] = (WIDTH, HEIGHT)
) -> Path:
    """A PDF with one page for each drawing function. Positions count from the bottom left."""
    canvas = Canvas(str(path), pagesize=size, invariant=True)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return path


def prose(words: int, start: int = 0) -> str:
    source = WORDS.split()
    return " ".join(source[(start + at) % len(source)] for at in range(words))


def wrapped(text: str, width: float, font: str = "Helvetica", size: float = 10) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if stringWidth(longer, font, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def write(
    canvas: Canvas, lines: Sequence[str], x: float, y: float, *, font: str = "Helvetica", size: float = 10
) -> float:
    """Writes lines downwards from baseline `y`; returns the baseline of the line that would follow."""
    canvas.setFont(font, size)
    for line in lines:
        canvas.drawString(x, y, line)
        y -= 1.25 * size
    return y


def changed(
    path: Path, change: Callable[[pikepdf.Pdf], object], *, encryption: pikepdf.Encryption | None = None
) -> Path:
    """The file rewritten after `change`."""
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        change(pdf)
        pdf.save(path, encryption=encryption)
    return path


def picture(width: int, height: int) -> ImageReader:
    """A picture without words: a blue that fades."""
    fading = Image.linear_gradient("L").resize((width, height))
    return in_page(Image.merge("RGB", (fading, fading, Image.new("L", (width, height), 160))))


def in_page(image: Image.Image) -> ImageReader:
    target = io.BytesIO()
    image.save(target, "PNG")
    target.seek(0)
    return ImageReader(target)


def nowhere(_image: bytes) -> str:
    """An image sink for files without images."""
    raise AssertionError("no image was expected")


def texts(content: Content) -> list[str]:
    return [block.text for page in content.pages for block in page.blocks]


def boxes_of(content: Content, word: str) -> list[Box]:
    """Where `word` stands, by the spans of its blocks."""
    return [
        span.box
        for page in content.pages
        for block in page.blocks
        for span in block.spans
        if block.text[span.start : span.end] == word
    ]


def spans_are_sound(text: str, spans: Sequence[Span]) -> bool:
    """Ascending, not empty, not overlapping, within the text, and on words."""
    ends = [0, *(span.end for span in spans)]
    return all(
        before <= span.start < span.end <= len(text) and not text[span.start : span.end].isspace()
        for before, span in zip(ends, spans)
    )
