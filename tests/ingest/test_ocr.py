"""Words from pixels: what they say, where they stand, in which order; on pages that are not straight."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from core.types import Box, Page
from ingest import ocr
from ingest.layout import lay_out
from ingest.readers import pdfium
from tests.ingest.readers.papers import paper, prose, wrapped, write

SCALE = 200 / 72
HEADLINE = "Quarterly letter to the shareholders"


LEFT, RIGHT = f"{prose(18)} 1,234.5 here.", f"{prose(18, 13)} there."
EXPECTED = f"{HEADLINE} {LEFT} {RIGHT}".split()
WIDTH, HEIGHT = 600.0, 300.0


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> ocr.Picture:
    """A headline over two columns, whose lines do not stand at the same heights."""

    def page(canvas: Canvas) -> None:
        write(canvas, [HEADLINE], 150, HEIGHT - 60, font="Helvetica-Bold", size=20)
        write(canvas, wrapped(LEFT, 230, size=11), 50, HEIGHT - 120, size=11)
        write(canvas, wrapped(RIGHT, 230, size=11), 320, HEIGHT - 124, size=11)

    path = paper(tmp_path_factory.mktemp("ocr") / "a.pdf", page, size=(WIDTH, HEIGHT))
    with pdfium.open_page(pdfium.open_document(path), 0) as opened:
        picture, scale = pdfium.draw(opened, SCALE, 10_000_000)
    assert scale == SCALE
    return picture


@pytest.fixture(scope="module")
def straight(letter: ocr.Picture) -> Page:
    return read(letter)


def read(picture: ocr.Picture) -> Page:
    (page,) = lay_out([ocr.sheet_of(picture, 1, SCALE)])
    return page


def turned(picture: ocr.Picture, degrees: float) -> ocr.Picture:
    """Counterclockwise, the corners cut off."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(picture, turn, (width, height), borderValue=(255, 255, 255))


def words(page: Page) -> list[str]:
    return " ".join(block.text for block in page.blocks).split()


def box_of(page: Page, word: str) -> Box:
    (box,) = [
        span.box for block in page.blocks for span in block.spans if block.text[span.start : span.end] == word
    ]
    return box


def middle(box: Box) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def test_a_page_in_columns_is_read_word_by_word_in_order(straight: Page) -> None:
    assert words(straight) == EXPECTED
    assert straight.recognized


def test_boxes_stand_where_the_words_are_drawn(straight: Page) -> None:
    box = box_of(straight, "shareholders")
    before = stringWidth(HEADLINE.removesuffix("shareholders"), "Helvetica-Bold", 20)
    after = stringWidth(HEADLINE, "Helvetica-Bold", 20)
    expected = Box(150 + before, 60 - 0.75 * 20, 150 + after, 60 + 0.21 * 20)
    assert all(abs(one - other) < 2 for one, other in zip(box, expected))


def test_a_skewed_page_is_read_in_order_and_its_boxes_are_on_the_skewed_words(
    letter: ocr.Picture, straight: Page
) -> None:
    skewed = read(turned(letter, 1.7))
    assert words(skewed) == EXPECTED
    x, y = middle(box_of(straight, "shareholders"))
    x, y, angle = x - WIDTH / 2, y - HEIGHT / 2, math.radians(1.7)
    expected = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    found = middle(box_of(skewed, "shareholders"))
    assert math.dist(found, (WIDTH / 2 + expected[0], HEIGHT / 2 + expected[1])) < 2


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_page_that_lies_on_its_side_or_head_is_read(
    letter: ocr.Picture, straight: Page, quarters: int
) -> None:
    lying = read(np.ascontiguousarray(np.rot90(letter, quarters)))
    assert words(lying) == EXPECTED
    x, y = middle(box_of(straight, "shareholders"))
    expected = {1: (y, WIDTH - x), 2: (WIDTH - x, HEIGHT - y)}[quarters]
    assert math.dist(middle(box_of(lying, "shareholders")), expected) < 2


@pytest.mark.parametrize("degrees", [-6.0, -0.6, 0.0, 0.3, 4.0])
def test_the_skew_is_found_from_the_pixels(letter: ocr.Picture, degrees: float) -> None:
    grey = cv2.cvtColor(turned(letter, degrees), cv2.COLOR_BGR2GRAY)
    assert abs(ocr.skew(grey) + degrees) <= 0.1


def test_a_nearly_empty_page_is_read_too() -> None:
    """The detector alone overlooks it: its network averages over the whole page."""
    page = np.full((2200, 1700, 3), 255, np.uint8)
    cv2.putText(page, "Total 12,345", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    cv2.putText(page, "Page 7", (800, 2150), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    assert {text for text, _, _ in ocr.recognize(page).words} == {"Total", "12,345", "Page", "7"}


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_empty_page_has_no_words(shade: int) -> None:
    page = np.full((400, 300, 3), shade, np.uint8)
    assert ocr.is_blank(page)
    assert ocr.recognize(page).words == []


def test_light_words_on_dark_paper_have_boxes_on_the_words() -> None:
    page = np.full((300, 900, 3), 40, np.uint8)
    cv2.putText(page, "white on dark", (100, 150), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (250, 250, 250), 3)
    found = ocr.recognize(page).words
    assert [text for text, _, _ in found] == ["white", "on", "dark"]
    inked = np.flatnonzero((page[:, :, 0] > 128).any(axis=0))
    assert abs(found[0][1].x0 - inked[0]) < 4
    assert abs(found[-1][1].x1 - inked[-1]) < 4


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("１，２３４．５％", "1,234.5%"),
        ("共计1，234万元，其中", "共计1,234万元，其中"),
        ("增长１２：３０，以及", "增长12:30，以及"),
        ("ＡＢＣ公司（集团）", "ABC公司（集团）"),
        ("没有数字，也没有改变。", "没有数字，也没有改变。"),
    ],
)
def test_full_width_numbers_become_plain_and_prose_keeps_its_marks(printed: str, expected: str) -> None:
    assert ocr.half_width(printed) == expected


# ---------------------------------------------------------------- pages with known text


def similarity(one: str, other: str) -> float:
    """1 - edit distance / length, white space aside."""
    first, second = (np.array([ord(char) for char in text if not char.isspace()]) for text in (one, other))
    row = np.arange(len(second) + 1)
    steps = np.arange(len(second) + 1)
    for number, char in enumerate(first, 1):
        change = np.minimum(row[:-1] + (second != char), row[1:] + 1)
        row = np.minimum.accumulate(np.concatenate([[number], change]) - steps) + steps
    return 1 - int(row[-1]) / max(len(first), len(second))


def text_of(path: Path, height: int) -> str:
    """The text of the upper part of a page: what the lower part would add is time."""
    with Image.open(path) as image:
        picture = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:height, :, ::-1])
    text = "\n".join(block.text for block in read(picture).blocks).replace(" | ", " ")
    return text.replace("’", "'").replace("“", '"').replace("”", '"')


def test_a_real_scan_in_columns_is_read_in_order(data: Path) -> None:
    """Two columns around a picture, as far as both end with a sentence."""
    scan = data / "ocr" / "8087_054.3B.tif"
    truth = scan.with_suffix(".txt").read_text(errors="replace").replace("~", "").replace("-\n", "")
    left = truth[: truth.index("earlier.") + len("earlier.")]
    right = truth[truth.index("need receives") : truth.index("for the fall.") + len("for the fall.")]
    found = text_of(scan, height=1416)
    assert similarity(left + right, found[found.index("This is Greater") - 1 :]) > 0.97


def test_a_chinese_page_of_low_resolution_is_read_in_order(data: Path) -> None:
    items = json.loads((data / "ocr" / "ocr_set.json").read_text())
    truth = next(item["text"] for item in items if item["img"] == "zh_lowres110_0.png")
    found = text_of(data / "ocr" / "zh_lowres110_0.png", height=340)
    assert len(found) > 200
    assert similarity("".join(truth.split())[: len("".join(found.split()))], found) > 0.97
