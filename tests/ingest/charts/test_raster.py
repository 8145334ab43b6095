"""Charts as pictures: geometry in pixels, the numbers at the axis by OCR."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from bench.charts import blocks_of, judge
from core.types import Block
from ingest.charts.chart import SURE
from ingest.charts.raster import has_scale, shapes_of

INK, BLUE, RED = (40, 40, 40), (40, 90, 170), (200, 60, 40)


def canvas() -> tuple[Image.Image, ImageDraw.ImageDraw, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    image = Image.new("RGB", (760, 480), "white")
    return image, ImageDraw.Draw(image), ImageFont.load_default(20)


def axis(draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, top: int) -> None:
    """From 0 at y 400 to `top` at y 80, in four steps."""
    for step in range(5):
        y = 400 - 80 * step
        draw.line((95, y, 720, y), fill=(210, 210, 210))
        draw.text((85, y), str(top * step // 4), fill=INK, font=font, anchor="rm")


def bar_chart(path: Path, values: dict[str, int], *, top: int, labels: bool = False) -> list[Block]:
    image, draw, font = canvas()
    axis(draw, font, top)
    for index, (name, value) in enumerate(values.items()):
        x, y = 130 + 140 * index, 400 - round(320 * value / top)
        draw.rectangle((x, y, x + 80, 400), fill=BLUE)
        draw.text((x + 40, 420), name, fill=INK, font=font, anchor="mm")
        if labels:
            draw.text((x + 40, y - 14), str(value), fill=INK, font=font, anchor="mm")
    image.save(path)
    return [block for block in blocks_of(path) if block.readings]


def test_bars_are_measured_on_the_printed_axis(tmp_path: Path) -> None:
    values = {"North": 320, "South": 145, "East": 260, "West": 75}
    (chart,) = bar_chart(tmp_path / "a.png", values, top=400)
    assert [row[0] for row in chart.rows[1:]] == list(values)
    for reading, value in zip(chart.readings, values.values(), strict=True):
        assert float(reading.value) == pytest.approx(value, rel=0.03)
        assert reading.method == "chart-raster"
        assert reading.text.startswith("about ")
    assert chart.image


def test_a_printed_number_that_geometry_confirms_is_the_value(tmp_path: Path) -> None:
    values = {"North": 317, "South": 143, "East": 259, "West": 88}
    (chart,) = bar_chart(tmp_path / "a.png", values, top=400, labels=True)
    assert {reading.subject: reading.value for reading in chart.readings} == {
        name: str(value) for name, value in values.items()
    }
    assert min(reading.confidence for reading in chart.readings) > 0.95


def test_a_printed_number_that_geometry_contradicts_is_not_relied_on(tmp_path: Path) -> None:
    image, draw, font = canvas()
    axis(draw, font, 400)
    for index, (name, height, says) in enumerate(
        (("North", 300, 300), ("South", 200, 900), ("East", 100, 100))
    ):
        x, y = 130 + 180 * index, 400 - round(320 * height / 400)
        draw.rectangle((x, y, x + 90, 400), fill=BLUE)
        draw.text((x + 45, y - 14), str(says), fill=INK, font=font, anchor="mm")
        draw.text((x + 45, 420), name, fill=INK, font=font, anchor="mm")
    image.save(tmp_path / "a.png")
    (chart,) = [block for block in blocks_of(tmp_path / "a.png") if block.readings]
    south = next(reading for reading in chart.readings if reading.subject == "South")
    assert south.confidence < SURE
    assert float(south.value) == pytest.approx(200, rel=0.03)


def test_a_line_is_read_over_its_labels(tmp_path: Path) -> None:
    image, draw, font = canvas()
    axis(draw, font, 80)
    values = {"2019": 20, "2020": 55, "2021": 40, "2022": 70}
    points = [(150 + 160 * index, 400 - 4 * value) for index, value in enumerate(values.values())]
    draw.line(points, fill=RED, width=3)
    for (x, _), name in zip(points, values, strict=True):
        draw.text((x, 420), name, fill=INK, font=font, anchor="mm")
    image.save(tmp_path / "a.png")
    (chart,) = [block for block in blocks_of(tmp_path / "a.png") if block.readings]
    assert [reading.period for reading in chart.readings] == list(values)
    for reading, value in zip(chart.readings, values.values(), strict=True):
        assert float(reading.value) == pytest.approx(value, rel=0.05)


def test_a_chart_in_a_pdf_has_its_boxes_on_the_page(tmp_path: Path) -> None:
    values = {"North": 320, "South": 145, "East": 260, "West": 75}
    bar_chart(tmp_path / "a.png", values, top=400)
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(612, 792))
    canvas.drawString(72, 740, "Sales by region, in the year that ended in December 2023.")
    canvas.drawImage(str(tmp_path / "a.png"), 100, 300, 380, 240)  # from 252 to 492 from the top
    canvas.save()
    (chart,) = [block for block in blocks_of(tmp_path / "a.pdf") if block.readings]
    assert [row[0] for row in chart.rows[1:]] == list(values)
    for index, (reading, value) in enumerate(zip(chart.readings, values.values(), strict=True)):
        assert float(reading.value) == pytest.approx(value, rel=0.03)
        assert reading.box is not None
        assert reading.box.x0 == pytest.approx(100 + (130 + 140 * index) / 2, abs=1.5)
        assert reading.box.y1 == pytest.approx(252 + 400 / 2, abs=1.5)
    names = [span.box for span in chart.spans if chart.text[span.start : span.end] == "North"]
    assert names[0].y0 == pytest.approx(252 + 205, abs=6)


def test_a_pattern_in_the_colours_of_its_paper_is_no_line() -> None:
    image = Image.new("RGB", (1100, 260), (33, 51, 174))
    draw = ImageDraw.Draw(image)
    for start in range(-200, 1100, 40):
        draw.line((start, 0, start + 700, 260), fill=(48, 66, 190), width=4)
    draw.text((60, 80), "Quarterly Results", fill="white", font=ImageFont.load_default(90))
    assert shapes_of(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]), 2.0) is None


def test_frames_and_coarse_hatchings_are_no_chart() -> None:
    image, draw, font = canvas()
    draw.rectangle((2, 2, 757, 477), outline=INK)
    draw.text((380, 450), "Medication taken for symptoms of all kinds", fill=INK, font=font, anchor="mm")
    for left, top in ((150, 120), (350, 200), (550, 300)):
        for y in range(top, 400, 12):
            draw.line((left, y, left + 100, y), fill=INK, width=2)
    assert shapes_of(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]), 2.0) is None


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [(["0", "50", "100", "150", "200"], True), (["oil", "tin", "sea", "fog", "elm"], False), ([], False)],
)
def test_a_line_without_numbers_beside_it_is_not_read_on(labels: list[str], numbers: bool) -> None:
    image, draw, font = canvas()
    for step, label in enumerate(labels):
        draw.text((85, 400 - 80 * step), label, fill=INK, font=font, anchor="rm")
    draw.text((400, 440), "a title", fill=INK, font=font, anchor="mm")
    points = [(100, 300), (250, 180), (400, 260), (550, 110), (700, 200)]
    draw.line(points, fill=BLUE, width=4)
    picture = np.ascontiguousarray(np.asarray(image)[..., ::-1])
    shapes = shapes_of(picture, 1.0)
    assert shapes is not None
    assert has_scale(picture, shapes, 1.0) is numbers


@pytest.mark.parametrize(
    ("labels", "at", "numbers"),
    [
        ([], "bars", False),
        (["oil", "tin", "sea", "fog"], "bars", False),
        (["90", "200", "140", "260"], "bars", True),
        (["0", "100", "200", "300"], "axis", True),
    ],
)
def test_bars_without_numbers_at_or_beside_them_are_not_read_on(
    labels: list[str], at: str, numbers: bool
) -> None:
    image, draw, font = canvas()
    for bar, height in enumerate((90, 200, 140, 260)):
        draw.rectangle((120 + 150 * bar, 400 - height, 200 + 150 * bar, 400), fill=BLUE)
    for step, label in enumerate(labels):
        place = (85, 400 - 100 * step) if at == "axis" else (160 + 150 * step, (300, 190, 250, 130)[step])
        draw.text(place, label, fill=INK, font=font, anchor="rm" if at == "axis" else "mb")
    draw.text((400, 440), "a title", fill=INK, font=font, anchor="mm")
    picture = np.ascontiguousarray(np.asarray(image)[..., ::-1])
    shapes = shapes_of(picture, 1.0)
    assert shapes is not None
    assert has_scale(picture, shapes, 1.0) is numbers


def test_a_picture_of_text_is_no_chart(tmp_path: Path) -> None:
    image, draw, font = canvas()
    for row in range(5):
        draw.text(
            (60, 40 + 32 * row),
            f"Paragraph {row} says that the margin was {30 + row} percent",
            fill=INK,
            font=font,
        )
    image.save(tmp_path / "a.png")
    assert not [block for block in blocks_of(tmp_path / "a.png") if block.readings]


def test_the_set_at_hand_is_read_without_a_confident_error(data: Path) -> None:
    import json

    folder = data / "charts-synthetic"
    truth = json.loads((folder / "gt.json").read_text("utf-8"))
    names = ["s03", "s09"]
    vectors = [judge(blocks_of(folder / f"{name}.pdf"), truth[name]) for name in names]
    pictures = [judge(blocks_of(folder / f"{name}.png"), truth[name]) for name in names]
    assert all(one.exact for one in vectors)
    assert all(one.close for one in pictures)
    assert not sum(one.wrong for one in [*vectors, *pictures])


def test_a_picture_behind_a_page_of_text_is_not_looked_at(tmp_path: Path) -> None:
    bar_chart(tmp_path / "a.png", {"North": 320, "South": 145, "East": 260, "West": 75}, top=400)
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(612, 792))
    canvas.drawImage(str(tmp_path / "a.png"), 0, 0, 612, 792)
    for line in range(20):
        canvas.drawString(72, 740 - 30 * line, f"Line {line} of a letter that is printed on this paper.")
    canvas.save()
    assert not [block for block in blocks_of(tmp_path / "a.pdf") if block.readings]
