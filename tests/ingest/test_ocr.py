"""Words from pixels: what they say, where they stand, in which order; on pages that are not straight."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.types import Box
from ingest import ocr
from ingest.layout import lay_out
from ingest.readers import pdfium
from tests.ingest.readers.papers import paper, prose, wrapped, write

SCALE = 200 / 72


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> ocr.Picture:
    """A page in two columns under a headline, 600 x 800 points."""
    left, right = (
        wrapped(f"{prose(45)} 1,234.5 here.", 230, size=11),
        wrapped(f"{prose(45, 13)} there.", 230, size=11),
    )

    def page(canvas: object) -> None:
        write(canvas, ["Quarterly letter to the shareholders"], 150, 740, font="Helvetica-Bold", size=20)  # type: ignore[arg-type]
        write(canvas, left, 50, 680, size=11)  # type: ignore[arg-type]
        write(canvas, right, 320, 676, size=11)  # type: ignore[arg-type]

    document = pdfium.open_document(paper(tmp_path_factory.mktemp("ocr") / "a.pdf", page))
    with pdfium.open_page(document, 0) as opened:
        picture, scale = pdfium.draw(opened, SCALE, 10_000_000)
    assert scale == SCALE
    return picture


def turned(picture: ocr.Picture, degrees: float) -> ocr.Picture:
    """Counterclockwise, the corners cut off."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(picture, turn, (width, height), borderValue=(255, 255, 255))


def text_of(picture: ocr.Picture) -> str:
    (page,) = lay_out([ocr.sheet_of(picture, 1, SCALE)])
    return "\n".join(block.text for block in page.blocks)


EXPECTED = f"Quarterly letter to the shareholders {prose(45)} 1,234.5 here. {prose(45, 13)} there."


def boxes(picture: ocr.Picture, word: str) -> list[Box]:
    (page,) = lay_out([ocr.sheet_of(picture, 1, SCALE)])
    return [
        span.box for block in page.blocks for span in block.spans if block.text[span.start : span.end] == word
    ]


def test_a_page_in_columns_is_read_word_by_word_in_order(letter: ocr.Picture) -> None:
    assert text_of(letter).split() == EXPECTED.split()


def test_boxes_stand_where_the_words_are_drawn(letter: ocr.Picture) -> None:
    (box,) = boxes(letter, "shareholders")
    # "Quarterly letter to the " is 227 points long, "shareholders" 120; the baseline stands at 60.
    assert abs(box.x0 - 379) < 3
    assert abs(box.x1 - 498) < 3
    assert abs(box.y0 - 45) < 3
    assert abs(box.y1 - 64) < 3


def test_a_skewed_page_is_read_in_order_and_its_boxes_are_on_the_skewed_words(letter: ocr.Picture) -> None:
    skewed = turned(letter, 1.7)
    assert text_of(skewed).split() == EXPECTED.split()
    (straight,), (box,) = boxes(letter, "shareholders"), boxes(skewed, "shareholders")
    x, y = (straight.x0 + straight.x1) / 2 - 300, (straight.y0 + straight.y1) / 2 - 400
    angle = math.radians(1.7)
    expected = (
        300 + x * math.cos(angle) + y * math.sin(angle),
        400 - x * math.sin(angle) + y * math.cos(angle),
    )
    found = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    assert math.dist(found, expected) < 2


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_page_that_lies_on_its_side_or_head_is_read(letter: ocr.Picture, quarters: int) -> None:
    lying = np.ascontiguousarray(np.rot90(letter, quarters))
    assert text_of(lying).split()[:12] == EXPECTED.split()[:12]
    (upright,), (box,) = boxes(letter, "shareholders"), boxes(lying, "shareholders")
    if quarters == 2:
        assert math.dist((box.x0, box.y0), (600 - upright.x1, 800 - upright.y1)) < 4
    else:
        assert math.dist((box.x0, box.y0), (upright.y0, 600 - upright.x1)) < 4


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
    words = ocr.recognize(page).words
    assert [text for text, _, _ in words] == ["white", "on", "dark"]
    (ends,), (starts,) = (
        np.nonzero((page[:, :, 0] > 128).any(axis=0))[0][-1:],
        np.nonzero((page[:, :, 0] > 128).any(axis=0))[0][:1],
    )
    assert abs(words[0][1].x0 - starts) < 4
    assert abs(words[-1][1].x1 - ends) < 4


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
    return 1 - row[-1] / max(len(first), len(second))


def read(path: Path) -> str:
    with Image.open(path) as image:
        picture = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
    return text_of(picture).replace(" | ", " ").replace("’", "'")


def test_real_scans_are_read_in_order(data: Path) -> None:
    folder = data / "ocr"
    scan = folder / "8087_054.3B.tif"
    truth = scan.with_suffix(".txt").read_text(errors="replace").replace("~", "").replace("-\n", "")
    found = read(scan).replace("“", '"').replace("”", '"')
    assert similarity(truth[: truth.index("hurled")], found[: found.index("hurled at")]) > 0.97


@pytest.mark.parametrize("name", ["en_scan200_0.png", "zh_lowres110_0.png"])
def test_rendered_pages_are_read_in_order(data: Path, name: str) -> None:
    import json

    items = json.loads((data / "ocr" / "ocr_set.json").read_text())
    truth = next(item["text"] for item in items if item["img"] == name)
    assert similarity(truth.replace("’", "'"), read(data / "ocr" / name)) > 0.97
