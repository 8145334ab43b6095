"""The scores of the OCR bench by hand, and a run over a page that the test draws."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from bench.ocr import plain, run, similarity, truths_of


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("abcd", "abcd", 1.0),
        ("abd", "abcd", 0.75),
        ("", "abcd", 0.0),
        ("cdab", "abcd", 0.5),
        ("axcd", "abcd", 0.75),
    ],
)
def test_similarity_is_the_edit_distance_over_the_length(found: str, wanted: str, expected: float) -> None:
    assert similarity(found, wanted) == pytest.approx(expected)


def test_what_stands_behind_the_end_of_the_truth_costs_nothing() -> None:
    assert similarity("abcd and more of the page", "abcd") == 1.0


def test_a_hyphen_at_the_end_of_a_line_is_no_mistake() -> None:
    assert plain("weath-\nered ４２％ “so”") == 'weathered 42% "so"'


def test_a_set_is_a_list_and_texts_beside_pictures(tmp_path: Path) -> None:
    font = ImageFont.load_default(size=40)
    picture = Image.new("RGB", (900, 200), "white")
    ImageDraw.Draw(picture).text((40, 60), "Total revenue 1,234.5 million", "black", font)
    picture.save(tmp_path / "listed.png")
    picture.save(tmp_path / "beside.png")
    (tmp_path / "ocr_set.json").write_text(
        json.dumps([{"img": "listed.png", "text": "Total revenue 1,234.5 million"}])
    )
    (tmp_path / "beside.txt").write_text("Total revenue 1,234.6 million")
    metrics = run(Namespace(data=tmp_path, limit=None, show=False)).metrics
    assert metrics["files"] == 2
    assert metrics["word_accuracy"] == pytest.approx(7 / 8)
    assert metrics["number_accuracy"] == 0.5
    assert metrics["lowest_order_similarity"] == pytest.approx(25 / 26)


def test_a_listed_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "ocr_set.json").write_text('[{"img": "gone.png", "text": ""}]')
    with pytest.raises(ValueError, match=r"gone\.png"):
        list(truths_of(tmp_path))
