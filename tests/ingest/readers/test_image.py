"""Images: kept as they are seen, read by OCR, refused before decoding when too large."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from core.errors import TooLarge, UnreadableFile
from core.types import Box, Content
from ingest import ocr
from ingest.limits import Limits
from ingest.readers import image, pdf
from tests.ingest.readers.papers import in_page, paper, picture

LIMITS = Limits(max_pixels=2_000_000)


class Kept:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}

    def __call__(self, data: bytes) -> str:
        key = hashlib.sha256(data).hexdigest()
        self.images[key] = data
        return key

    def only(self) -> Image.Image:
        (data,) = self.images.values()
        return Image.open(io.BytesIO(data))


def sign(width: int = 480, height: int = 160, text: str = "Exit 42") -> Image.Image:
    found = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(found).text((60, 50), text, "black", ImageFont.load_default(48))
    return found


def read(path: Path, kept: Callable[[bytes], str] | None = None) -> Content:
    return image.read(path, kept or Kept(), limits=LIMITS)


def test_a_picture_with_few_words_is_one_figure_with_them(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    sign().save(path, dpi=(144, 144))
    kept = Kept()
    content = read(path, kept)
    (page,) = content.pages
    (figure,) = page.blocks
    assert (content.media_type, figure.kind, figure.text) == ("image/png", "figure", "Exit 42")
    assert figure.image == page.image
    assert kept.images[str(page.image)] == path.read_bytes()
    assert (page.width, page.height) == pytest.approx((240, 80), abs=0.02)
    assert figure.box == Box(0, 0, page.width, page.height)
    assert figure.text[slice(*figure.spans[0][:2])] == "Exit"
    assert 28 < figure.spans[0].box.x0 < 36


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    """Orientation 6: the picture lies on its side and must be turned clockwise to be seen."""
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    sign().rotate(90, expand=True).save(path, exif=exif, quality=95)
    kept = Kept()
    content = read(path, kept)
    assert content.pages[0].blocks[0].text == "Exit 42"
    assert content.pages[0].width > content.pages[0].height
    assert kept.only().size == (480, 160)
    assert kept.only().getexif().get(0x0112, 1) == 1


def test_every_picture_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    frames = [
        Image.new("1", (200, 300), 1),
        Image.new("L", (300, 200), 255),
        Image.new("RGB", (100, 100), "white"),
    ]
    frames[0].save(path, save_all=True, append_images=frames[1:], dpi=(100, 100))
    kept = Kept()
    content = read(path, kept)
    assert [(page.number, page.width, page.height) for page in content.pages] == [
        (1, 144, 216),
        (2, 216, 144),
        (3, 72 * 11, 72 * 11),  # an inch wide cannot be a page: the claim is not believed
    ]
    assert all(Image.open(io.BytesIO(data)).format == "PNG" for data in kept.images.values())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F"])
def test_pixels_of_every_kind_become_paper_and_ink(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode in {"CMYK", "F", "I"} else "a.png")
    shades = np.tile(np.where(np.arange(64) < 32, 0, 255).astype(np.uint8), (48, 1))
    grey = Image.fromarray(shades)
    if mode in {"I;16", "I", "F"}:
        deep = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        made = Image.fromarray((shades.astype(deep) * 257).astype(deep))
    else:
        made = grey.convert("RGB").convert(mode) if mode in {"CMYK", "P"} else grey.convert(mode)
    made.save(path)
    ((seen, _, _),) = image.pictures(path, LIMITS)
    assert seen.shape == (48, 64, 3)
    assert seen[:, :28].max() < 40
    assert seen[:, 36:].min() > 215


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (64, 48), (0, 0, 0, 0)).save(path)
    ((seen, _, _),) = image.pictures(path, LIMITS)
    assert seen.min() == 255


def bomb(side: int) -> bytes:
    """A PNG of `side` x `side` pixels in black and white: some kilobytes that would fill gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(side // 8 + 1) * 64)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [1_500, 20_000, 100_000])
def test_too_many_pixels_are_refused_before_any_is_decoded(tmp_path: Path, side: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bomb(side))
    with pytest.raises(TooLarge, match=f"{side} x {side}"):
        read(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_picture_that_is_cut_off_is_an_error(tmp_path: Path, kind: str, share: float) -> None:
    target = io.BytesIO()
    Image.effect_noise((300, 200), 80).convert("RGB").save(target, kind)
    path = tmp_path / "a"
    path.write_bytes(target.getvalue()[: int(share * len(target.getvalue()))])
    with pytest.raises(UnreadableFile, match="damaged or cut off"):
        read(path)


def test_a_large_picture_is_made_smaller_for_reading_and_its_boxes_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (6000, 4000), 255).save(path, dpi=(300, 300))
    ((seen, scale, _),) = image.pictures(path, Limits())
    assert seen.shape[0] * seen.shape[1] <= ocr.MOST_PIXELS
    assert seen.shape[1] / scale == pytest.approx(6000 / 300 * 72, rel=1e-3)


def test_a_scanned_page_of_a_pdf_is_read_from_its_pixels(tmp_path: Path) -> None:
    words = [f"Invoice number {number} for {number * 100 + 7} dollars" for number in range(41, 49)]
    scan = Image.new("L", (1240, 1754), 255)
    for at, text in enumerate(words):
        ImageDraw.Draw(scan).text((150, 200 + 80 * at), text, 0, ImageFont.load_default(36))
    path = paper(
        tmp_path / "a.pdf", lambda canvas: canvas.drawImage(in_page(scan), 0, 0, 600, 848), size=(600, 848)
    )
    content = pdf.read(path, Kept(), limits=LIMITS)
    (found,) = content.pages
    assert found.recognized
    assert " ".join(block.text for block in found.blocks).split() == " ".join(words).split()
    first = found.blocks[0].spans[0].box
    assert abs(first.x0 - 150 * 600 / 1240) < 3
    assert abs(first.y0 - 205 * 600 / 1240) < 6


def test_a_page_that_is_a_picture_without_words_is_a_figure(tmp_path: Path) -> None:
    kept = Kept()
    path = paper(tmp_path / "a.pdf", lambda canvas: canvas.drawImage(picture(30, 40), 0, 0, 600, 800))
    (page,) = pdf.read(path, kept, limits=LIMITS).pages
    (figure,) = page.blocks
    assert figure.kind == "figure"
    assert str(figure.image) in kept.images
    assert kept.only().format == "PNG"


def test_pages_left_when_the_time_is_up_say_so(tmp_path: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: canvas.drawImage(picture(30, 40), 0, 0, 600, 800))
    with pytest.raises(UnreadableFile, match="limit of 0 CPU seconds"):
        pdf.read(path, Kept(), limits=Limits(cpu_seconds=0))
