"""Pages as pictures, with the cited words marked."""

import io
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.errors import LockedFile, NotFound
from core.types import Box
from ingest.limits import Limits
from ingest.readers import pdf
from ingest.render import render_page
from tests.ingest.readers.papers import boxes_of, changed, nowhere, paper, write

LIMITS = Limits()
Pixels = NDArray[np.int64]


def pixels(png: bytes) -> Pixels:
    assert png.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def marked(picture: Pixels) -> NDArray[np.bool_]:
    """Where the picture is neither grey nor white."""
    colored: NDArray[np.bool_] = picture.max(axis=2) - picture.min(axis=2) > 40
    return colored


def test_the_marks_are_on_the_words_and_nowhere_else(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["Gross margin fell"], 100, 600, size=20))
    (box,) = boxes_of(pdf.read(path, nowhere, limits=LIMITS), "margin")
    seen = pixels(render_page(path, name="a.pdf", page=1, boxes=[box], limits=LIMITS, width=600))
    assert seen.shape == (800, 600, 3)
    rows, columns = np.nonzero(marked(seen))
    hull = columns.min(), rows.min(), columns.max(), rows.max()
    assert all(abs(one - other) <= 3 for one, other in zip(hull, box))
    inside = seen[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
    assert inside.min() < 60, "the letters show through the mark"


def test_without_boxes_it_is_the_plain_page(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["words"], 100, 600, size=20))
    seen = pixels(render_page(path, name="a.pdf", page=1, boxes=[], limits=LIMITS, width=300))
    assert seen.shape == (400, 300, 3)
    assert not marked(seen).any()
    assert seen.min() < 100


def test_boxes_over_the_edge_are_cut(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["words"], 100, 600))
    boxes = [Box(-50, -50, 10, 10), Box(590, 790, 900, 900), Box(5000, 10, 6000, 20)]
    seen = pixels(render_page(path, name="a.pdf", page=1, boxes=boxes, limits=LIMITS, width=600))
    assert marked(seen)[:10, :10].all()
    assert marked(seen)[-8:, -8:].any()


def test_a_turned_page_is_drawn_as_it_is_seen(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["words"], 100, 600))

    def turn(document: pikepdf.Pdf) -> None:
        document.pages[0].Rotate = 90

    changed(path, turn)
    (box,) = boxes_of(pdf.read(path, nowhere, limits=LIMITS), "words")
    seen = pixels(render_page(path, name="a.pdf", page=1, boxes=[box], limits=LIMITS, width=800))
    assert seen.shape == (600, 800, 3)
    rows, columns = np.nonzero(marked(seen))
    assert abs(columns.mean() - (box.x0 + box.x1) / 2) < 3
    assert abs(rows.mean() - (box.y0 + box.y1) / 2) < 3


def test_an_image_is_drawn_with_its_boxes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (400, 200), 255).save(path, dpi=(72, 72))
    seen = pixels(
        render_page(path, name="a.png", page=1, boxes=[Box(100, 50, 200, 100)], limits=LIMITS, width=800)
    )
    assert seen.shape == (400, 800, 3)
    assert marked(seen)[110:190, 210:390].all()
    assert not marked(seen)[:90].any()


def test_the_size_is_capped_by_pixels(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["words"], 100, 600), size=(14_400, 14_400))
    limits = Limits(max_pixels=250_000)
    seen = pixels(render_page(path, name="a.pdf", page=1, boxes=[], limits=limits, width=5000))
    assert seen.shape[0] * seen.shape[1] <= 250_000


@pytest.mark.parametrize("page", [0, 2, 99])
def test_a_page_that_does_not_exist_is_not_found(tmp_path: Path, page: int) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["words"], 100, 600))
    with pytest.raises(NotFound, match="pages 1 to 1"):
        render_page(path, name="a.pdf", page=page, boxes=[], limits=LIMITS)


def test_a_text_has_no_page_to_show(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# Title")
    with pytest.raises(NotFound, match=r"'a\.md' is Markdown"):
        render_page(path, name="a.md", page=1, boxes=[], limits=LIMITS)


def test_a_locked_file_stays_locked(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["secret"], 100, 600))
    changed(path, lambda _: None, encryption=pikepdf.Encryption(owner="owner", user="secret"))
    with pytest.raises(LockedFile):
        render_page(path, name="a.pdf", page=1, boxes=[], limits=LIMITS)
