"""Short video (MP4, MOV, WebM, AVI): frames as pages, each with its second, its picture and its words.

A frame is kept where a shot begins and once a second; of a long video fewer, evenly spread. Shots part
where the histogram of hue and saturation changes at once. Words are read (OCR) where the picture has
changed since they were last read: what stays on the screen is indexed once, at the second where it
comes. A shot in which no words are found is looked at less and less often, but at least every
`_LONGEST_PAUSE` seconds. Sound is not heard. One point is one pixel of the kept picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.errors import TooLarge, UnreadableFile
from core.ports import ImageSink
from core.text import clock
from core.types import Block, Box, Content, Page
from ingest.limits import Limits, exhausted
from ingest.readers.image import with_figure

_EVERY = 1.0  # seconds
_MOST_FRAMES = 300  # that are kept
_LOOKS = 5  # frames a second that are compared
_WIDEST = 1920  # pixels of a kept picture
_THUMBNAIL = (96, 54)
_NEW_SHOT = 0.6  # correlation of histograms below which a shot begins
_CHANGED = 6.0  # of 255, mean difference of thumbnails: another picture for the reader of words
_LONGEST_PAUSE = 4.0  # seconds without a look for words
_JPEG_QUALITY = 85


class _Frame(NamedTuple):
    second: float
    picture: Any
    thumbnail: Any
    begins_shot: bool


class _Film(NamedTuple):
    """What the file says of itself; `duration` in seconds, 0.0 where it does not say."""

    capture: Any
    frames_per_second: float
    duration: float
    width: int
    height: int


def read(path: Path, sink: ImageSink, *, limits: Limits, media_type: str) -> Content:
    """Raises UnreadableFile where no frame can be decoded, TooLarge for frames over `limits.max_pixels`."""
    film = _opened(path, limits)
    pages: list[Page] = []
    shots: list[float] = []
    watch = _Watch()
    unread = ""
    for frame in _kept(film):
        if frame.begins_shot:
            shots.append(frame.second)
        unread = unread or exhausted(limits)
        words = watch.is_due(frame) and not unread
        pages.append(_page(frame, len(pages) + 1, sink, words=words))
        if words:
            watch.note(frame, found=any(block.text for block in pages[-1].blocks))
    if not pages:
        raise UnreadableFile("no frame of the video can be decoded: it is damaged, or in an unknown format")
    duration = max(film.duration, pages[-1].second or 0.0)
    lines = list(_about(film, duration, shots, len(pages)))
    if unread:
        lines.append(f"Words of the last frames {unread}")
    first = pages[0]
    pages[0] = replace(first, blocks=(Block("record", "\n".join(lines)), *first.blocks))
    meta = {
        "duration_seconds": f"{duration:.2f}",
        "frames_per_second": f"{film.frames_per_second:.3f}",
        "shots": ", ".join(f"{second:.1f}" for second in shots),
    }
    return Content(media_type, tuple(pages), "", meta)


def _opened(path: Path, limits: Limits) -> _Film:
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise UnreadableFile("the video cannot be opened: it is damaged, cut off, or holds no pictures")
    width, height = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > limits.max_pixels:
        raise TooLarge(
            f"the video has frames of {width} x {height} = {width * height:,} pixels; "
            f"at most {limits.max_pixels:,} are read"
        )
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    rate = rate if 0 < rate < 1000 else 25.0
    duration = count / rate if 0 < count < 1e9 else 0.0
    return _Film(capture, rate, duration, width, height)


def _about(film: _Film, duration: float, shots: list[float], kept: int) -> Iterator[str]:
    yield f"Video: {clock(duration)} ({duration:.1f} seconds), {film.frames_per_second:.2f} frames per second"
    yield f"Frame size: {film.width} x {film.height} pixels"
    yield f"Shots begin at: {', '.join(clock(second) for second in shots)}"
    yield f"Frames kept: {kept}"


# ---------------------------------------------------------------- which frames


def _kept(film: _Film) -> Iterator[_Frame]:
    """The first frame, where shots begin, and one for each second."""
    every = max(_EVERY, film.duration / _MOST_FRAMES)
    due, count = 0.0, 0
    before: Any = None
    for second, picture in _looked_at(film):
        histogram = _histogram(picture)
        begins = before is None or _correlation(before, histogram) < _NEW_SHOT
        before = histogram
        if begins or second >= due:
            yield _Frame(second, picture, _thumbnail(picture), begins)
            due = (second // every + 1) * every
            count += 1
            if count >= 2 * _MOST_FRAMES:  # a film that flickers, or one that hid its length
                return


def _looked_at(film: _Film) -> Iterator[tuple[float, Any]]:
    """Second and pixels of `_LOOKS` frames a second."""
    import cv2

    step = max(1, round(film.frames_per_second / _LOOKS))
    number = 0
    while film.capture.grab():
        if number % step == 0:
            decoded, picture = film.capture.retrieve()
            if decoded and picture is not None and picture.size:
                told = film.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                yield told if told > 0 or number == 0 else number / film.frames_per_second, picture
        number += 1


def _histogram(picture: Any) -> Any:
    import cv2

    small = cv2.resize(picture, (160, 90), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    return cv2.calcHist([hsv], [0, 1, 2], None, [16, 8, 8], [0, 180, 0, 256, 0, 256])


def _correlation(one: Any, other: Any) -> float:
    import cv2

    return float(cv2.compareHist(one, other, cv2.HISTCMP_CORREL))


def _thumbnail(picture: Any) -> Any:
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.int16)


def _difference(one: Any, other: Any) -> float:
    return float(np.abs(one - other).mean())


# ---------------------------------------------------------------- a frame as a page


@dataclass(slots=True)
class _Watch:
    """When words are looked for again."""

    last: Any = None  # the thumbnail of the frame that was read last
    due: float = 0.0
    pause: float = 0.0

    def is_due(self, frame: _Frame) -> bool:
        if self.last is None or frame.begins_shot:
            return True
        return frame.second >= self.due and _difference(frame.thumbnail, self.last) > _CHANGED

    def note(self, frame: _Frame, *, found: bool) -> None:
        self.last = frame.thumbnail
        self.pause = 0.0 if found or frame.begins_shot else min(_LONGEST_PAUSE, 2 * self.pause + _EVERY)
        self.due = frame.second + self.pause


def _page(frame: _Frame, number: int, sink: ImageSink, *, words: bool) -> Page:
    import cv2

    from ingest import ocr
    from ingest.layout import lay_out

    picture = frame.picture
    height, width = picture.shape[:2]
    if width > _WIDEST:
        size = _WIDEST, max(1, round(height * _WIDEST / width))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        height, width = picture.shape[:2]
    image = sink(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes())
    label = clock(frame.second)
    if not words:
        figure = Block("figure", "", Box(0.0, 0.0, float(width), float(height)), image=image, anchor=label)
        return Page(number, (figure,), float(width), float(height), label, image, second=frame.second)
    sheet = ocr.sheet_of(picture, number, 1.0)
    sheet.image, sheet.label = image, label
    (page,) = lay_out([sheet])
    return replace(with_figure(page), second=frame.second)
