"""Video: seconds, shots, words and pictures of frames, from clips that the test makes."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.errors import TooLarge, UnreadableFile
from core.types import Content, Document
from ingest.chunk import chunks_of
from ingest.limits import Limits
from ingest.readers import AVI, MP4, REGISTRY, detect

RATE = 10.0
SIZE = (640, 360)
Pictures = dict[str, bytes]


def clip(path: Path, code: str, shots: list[tuple[float, tuple[int, int, int], str]]) -> Path:
    """Shots of so many seconds, a background, and words on it."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), RATE, SIZE)
    for seconds, color, words in shots:
        frame = np.full((SIZE[1], SIZE[0], 3), color, np.uint8)
        cv2.putText(frame, words, (60, 190), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (255, 255, 255), 3, cv2.LINE_AA)
        for _ in range(round(seconds * RATE)):
            writer.write(frame)
    writer.release()
    return path


def read(path: Path, pictures: Pictures, limits: Limits = Limits()) -> Content:  # noqa: B008 frozen
    def sink(image: bytes) -> str:
        pictures[key := f"{len(pictures):064x}"] = image
        return key

    return REGISTRY[detect(path, "anything")].reader(limits)(path, sink)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return {}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Content:
    shots = [(2.0, (160, 60, 20), ""), (2.5, (20, 60, 170), "Valve 42 is open"), (1.5, (30, 120, 40), "")]
    return read(clip(tmp_path_factory.mktemp("video") / "a.mp4", "mp4v", shots), pictures)


def test_frames_stand_at_each_second_and_where_shots_begin(content: Content) -> None:
    seconds = [page.second for page in content.pages]
    assert seconds == pytest.approx([0, 1, 2, 3, 4, 4.6, 5], abs=0.25)
    assert content.meta["shots"] == "0.0, 2.0, 4.6"
    assert float(content.meta["duration_seconds"]) == pytest.approx(6, abs=0.2)
    assert "10.00 frames per second" in content.pages[0].blocks[0].text


def test_every_frame_has_its_picture(content: Content, pictures: Pictures) -> None:
    assert [page.image for page in content.pages] == list(pictures)
    red = np.asarray(Image.open(io.BytesIO(pictures[content.pages[3].image or ""])))[5, 5]
    assert red[0] > 120 > red[2]


def test_words_are_indexed_once_where_they_come_with_their_second(content: Content) -> None:
    with_words = [
        page.second for page in content.pages if any("Valve" in block.text for block in page.blocks)
    ]
    assert with_words == pytest.approx([2.0], abs=0.25)
    document = Document("d", "t", "clip.mp4", 1, "clip", frozenset({"public"}), content)
    count: Callable[..., list[int]] = lambda texts: [len(text.split()) + 2 for text in texts]  # noqa: E731
    chunk = next(
        one for one in chunks_of(document, count_tokens=count, max_tokens=200) if "Valve" in one.text
    )
    start = chunk.text.index("42")
    (place,) = chunk.places_of(start, start + 2)
    assert place.second == pytest.approx(2.0, abs=0.25)
    assert place.image == chunk.image
    assert place.box is not None
    assert 60 < place.box.x0 < place.box.x1 < 640


def test_avi_is_told_by_its_content(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.avi", "MJPG", [(0.5, (0, 0, 200), "")])
    assert detect(path, "a.mp4") == AVI
    assert len(read(path, {}).pages) == 1


def test_a_cut_off_video_is_refused(tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mp4", "mp4v", [(1, (0, 0, 200), "")]).read_bytes()
    path = tmp_path / "b.mp4"
    path.write_bytes(whole[: len(whole) // 3])
    assert detect(path, "b.mp4") == MP4
    with pytest.raises(UnreadableFile, match="cannot be opened"):
        read(path, {})


def test_frames_over_the_limit_are_refused(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", "mp4v", [(0.3, (0, 0, 200), "")])
    with pytest.raises(TooLarge, match="640 x 360"):
        read(path, {}, Limits(max_pixels=100_000))
