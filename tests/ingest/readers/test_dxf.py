"""DXF: texts with their boxes on the picture, dimensions, attributes, tables."""

import io
from pathlib import Path

import numpy as np
import pytest
from ezdxf.filemanagement import new
from PIL import Image

from core.errors import UnreadableFile
from core.types import Block, Content
from ingest.limits import Limits
from ingest.readers import DXF, REGISTRY, detect
from ingest.sandbox import read_file

Pictures = dict[str, bytes]


@pytest.fixture(scope="module")
def bracket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plate with a dimension, a label on a layer of its own, and a title block."""
    drawing = new("R2010", setup=True)
    drawing.header["$INSUNITS"] = 4
    drawing.layers.add("NOTES")
    model = drawing.modelspace()
    model.add_lwpolyline([(0, 0), (120, 0), (120, 80), (0, 80)], close=True)
    model.add_text("Chamfer all edges", height=5, dxfattribs={"layer": "NOTES", "insert": (10, 60)})
    model.add_mtext(
        r"Material: \C1;steel {\fArial|b1;S355}", dxfattribs={"layer": "NOTES", "insert": (10, 40)}
    )
    model.add_linear_dim(base=(0, -20), p1=(0, 0), p2=(120, 0)).render()
    frame = drawing.blocks.new("TITLEBLOCK")
    frame.add_attdef("TITLE", (0, 0))
    frame.add_attdef("SCALE", (0, -10))
    model.add_blockref("TITLEBLOCK", (130, 0)).add_auto_attribs({"TITLE": "Bracket 17", "SCALE": "1:2"})
    path = tmp_path_factory.mktemp("dxf") / "bracket.dxf"
    drawing.saveas(path)
    return path


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return {}


@pytest.fixture(scope="module")
def content(bracket: Path, pictures: Pictures) -> Content:
    return read(bracket, pictures)


def read(path: Path, pictures: Pictures) -> Content:
    def sink(image: bytes) -> str:
        pictures[key := f"{len(pictures):064x}"] = image
        return key

    assert detect(path, "anything") == DXF
    return REGISTRY[DXF].reader(Limits())(path, sink)


def block(content: Content, anchor: str) -> Block:
    return next(one for one in content.pages[0].blocks if one.anchor == anchor)


def test_texts_stand_by_layer_without_their_codes(content: Content) -> None:
    assert block(content, "layer NOTES").text == "Chamfer all edges\nMaterial: steel S355"
    assert "unit millimeters" in content.pages[0].blocks[0].text


def test_the_box_of_a_text_lies_on_its_ink(content: Content, pictures: Pictures) -> None:
    page, notes = content.pages[0], block(content, "layer NOTES")
    picture = np.asarray(Image.open(io.BytesIO(pictures[page.image or ""])).convert("L"))
    assert picture.shape == (page.height, page.width)
    box = notes.spans[0].box
    inside = picture[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
    assert (inside < 128).mean() > 0.05
    above = picture[
        int(box.y0 - 1.5 * box.height) : int(box.y0 - 0.5 * box.height), int(box.x0) : int(box.x1)
    ]
    assert above.min() > 128


def test_a_dimension_says_what_it_measures(content: Content) -> None:
    found = block(content, "dimensions")
    assert found.text.startswith("Linear dimension: 120 millimeters")
    (reading,) = found.readings
    assert (reading.attribute, reading.value, reading.unit) == ("linear dimension", "120", "millimeters")
    assert reading.box is not None


def test_the_title_block_is_a_record(content: Content) -> None:
    found = block(content, "block TITLEBLOCK")
    assert found.kind == "record"
    assert found.text == "Title block TITLEBLOCK\nTITLE: Bracket 17\nSCALE: 1:2"


def test_it_is_read_in_the_limited_process(bracket: Path, tmp_path: Path) -> None:
    content = read_file(bracket, name="bracket.dxf", limits=Limits(), scratch=tmp_path)
    assert (tmp_path / (content.pages[0].image or "")).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "content", [b"  0\nSECTION\n  2\nHEADER\nrubbish", b"AutoCAD Binary DXF\r\n\x1a\x00\x01"]
)
def test_damaged_drawings_fail(tmp_path: Path, content: bytes, pictures: Pictures) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile):
        read(path, pictures)


@pytest.mark.data
def test_the_samples_are_read(data: Path, pictures: Pictures) -> None:
    table = read(data / "dxf" / "acad_table_with_blk_ref.dxf", pictures)
    rows = next(one.rows for one in table.pages[0].blocks if one.kind == "table")
    assert rows[3][:2] == ("3", "12")
    house = read(data / "dxf" / "recover01.dxf", pictures)
    assert "Thornhill Farmhouse" in block(house, "layer 0").text
