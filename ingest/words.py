"""A word on a page, as readers hand it to layout and tables. Knows nothing of any file format."""

from typing import NamedTuple

from core.types import Box


class Word(NamedTuple):
    """`size` is the font size in points, 0 where it is not known (OCR)."""

    text: str
    box: Box
    size: float = 0.0
    bold: bool = False
