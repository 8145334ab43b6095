"""Many DICOM files of one study: its series, each with its slices in order.

A series of single pictures is told once: what all of its slices say of themselves stands in one record, what they
differ in on the page of each. Slices are ordered by their position along the normal of their plane, else by
instance number, else by name; a picture that came twice is shown once. Other series (reports,
plans, films) keep a part for each file. Places are pages: "series 2, slice 7 of 40, IM0007.dcm".

What leaves a header is `dicom.py`'s to say. Knows files and not where they came from.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.errors import SightlineError, UnreadableFile
from core.ports import ImageSink
from core.types import Block, Box, Page
from ingest.limits import Limits, exhausted
from ingest.readers import dicom
from ingest.readers.identifiers import identifying, names, private_count, struck

_ALIKE = 1e-3  # of a direction: planes that are turned less are the same


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One file of a study: where it lies, how its owner calls it (patients aside), its header without pixels."""

    path: Path
    name: str
    header: Any

    def told(self, keyword: str) -> str:
        return dicom.value_of(self.header, keyword)

    @property
    def is_slice(self) -> bool:
        """One picture; what has several frames is a series of its own."""
        return bool(self.told("Rows") and self.told("Columns")) and _number(self, "NumberOfFrames") in {
            1.0,
            float("inf"),
        }


def member(path: Path, name: str) -> Member | None:
    """None for a file that does not say which study and series it belongs to, or is damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header = dicom.opened(path, header=True)
        except SightlineError:
            return None
        found = Member(path, _harmless(name, header), header)
        return found if found.told("StudyInstanceUID") and found.told("SeriesInstanceUID") else None


def _harmless(name: str, header: Any) -> str:
    """The name of a file without what its header says of the patient: folders are often called so."""
    told = names(header)
    parted = name.replace("_", " ")
    cleared = struck(parted, told)
    return name if cleared == parted else cleared


def studies(members: Sequence[Member]) -> dict[str, list[Member]]:
    """The files of each study that has more than one, by its UID."""
    found: dict[str, list[Member]] = defaultdict(list)
    for one in members:
        found[one.told("StudyInstanceUID")].append(one)
    return {study: files for study, files in found.items() if len(files) > 1}


def series_of(files: Sequence[Member]) -> list[list[Member]]:
    """The files of each series of a study, by the numbers that the series have."""
    series: dict[str, list[Member]] = defaultdict(list)
    for one in files:
        series[one.told("SeriesInstanceUID")].append(one)
    return sorted(series.values(), key=_series_number)


def pages(
    files: Sequence[Member], sink: ImageSink, limits: Limits, first: int, within: str = ""
) -> Iterator[Page]:
    """The pages of one study, counted on from `first`; `within` stands before all of its places."""
    series = series_of(files)
    study = f"Study {files[0].told('StudyInstanceUID')}"
    heading = Block("heading", f"{study}, {len(series)} series", level=1, anchor=f"{within}header")
    page = first
    for number, members in enumerate(series, 1):
        for found in _series(members, f"{within}series {number}", sink, limits, page):
            blocks = (heading, *found.blocks) if found.number == first and not found.problem else found.blocks
            yield replace(found, blocks=blocks)
            page = found.number + 1


def title_of(files: Sequence[Member]) -> str:
    """What the files of one study are called together."""
    series = series_of(files)
    titles = dict.fromkeys(dicom.title_of(members[0].header) for members in series)
    return (
        f"{'; '.join(titles)}: {len(series)} series, {len(files)} files"
        if len(series) > 1
        else (f"{next(iter(titles))}: {len(files)} files")
    )


def _series_number(members: Sequence[Member]) -> tuple[float, str]:
    return _number(members[0], "SeriesNumber"), members[0].told("SeriesInstanceUID")


def _series(
    members: Sequence[Member], anchor: str, sink: ImageSink, limits: Limits, first: int
) -> Iterator[Page]:
    with warnings.catch_warnings():
        # Values that break a rule of the standard are warned about; they are shown as they are.
        warnings.simplefilter("ignore")
        if len(members) > 1 and all(one.is_slice for one in members):
            yield from _Series(members, anchor, sink, limits).pages(first)
            return
        for one in members:
            for page in _alone(one, anchor, sink, limits, first):
                yield page
                first = page.number + 1


def _alone(one: Member, anchor: str, sink: ImageSink, limits: Limits, first: int) -> Iterator[Page]:
    """A file that is no slice of many: as it is read by itself."""
    where = f"{anchor}, {one.name}"
    try:
        if problem := exhausted(limits):
            raise UnreadableFile(problem)
        content = dicom.read(one.path, sink, limits=limits)
    except SightlineError as error:
        yield Page(first, (), label=where, problem=f"{where}: {error.message}")
        return
    for at, page in enumerate(content.pages):
        blocks = tuple(
            replace(
                block,
                anchor=", ".join(filter(None, (where, block.anchor))),
                level=block.level + 1 if block.kind == "heading" else 0,
            )
            for block in page.blocks
        )
        label = f"{where}, frame {page.label}" if page.label else where
        yield replace(page, number=first + at, blocks=blocks, label=label)


class _Series:
    """The slices of one series, in order."""

    def __init__(self, members: Sequence[Member], anchor: str, sink: ImageSink, limits: Limits) -> None:
        self._anchor = anchor
        self._sink = sink
        self._limits = limits
        unlike = {one.told("SOPInstanceUID") or one.name: one for one in reversed(members)}
        self._twice = len(members) - len(unlike)
        self._slices, self._order = ordered(list(unlike.values()))
        self._lines = [list(dicom.lines_of(one.header)) for one in self._slices]
        self._word = "slice" if all(one.told("ImagePositionPatient") for one in self._slices) else "picture"

    def pages(self, first: int) -> Iterator[Page]:
        told = Counter(line.text for lines in self._lines for line in lines)
        alike = [line for line in self._lines[0] if told[line.text] == len(self._slices)]
        shown = set(dicom.spread(len(self._slices), dicom.MOST_FRAMES))
        heading = Block("heading", self._title(), level=2, anchor=self._anchor)
        record = "\n".join([*(line.text for line in alike), *self._about(len(shown))])
        readings = tuple(line.reading for line in alike if line.reading)
        common = (heading, Block("record", record, anchor=f"{self._anchor}, header", readings=readings))
        for at, (one, lines) in enumerate(zip(self._slices, self._lines)):
            own = [line for line in lines if told[line.text] != len(self._slices)]
            page = self._page(at, one, own, first, is_shown=at in shown)
            blocks = (*common, *page.blocks) if at == 0 and not page.problem else page.blocks
            yield replace(page, blocks=blocks)

    def _title(self) -> str:
        return f"{dicom.title_of(self._slices[0].header)}: {len(self._slices)} {self._word}s"

    def _about(self, shown: int) -> Iterator[str]:
        yield f"{len(self._slices)} {self._word}s, ordered by {self._order}"
        if spacing := _spacing(self._slices):
            yield f"Distance between neighbouring slices: {spacing}"
        if shown < len(self._slices):
            yield f"Of {len(self._slices)} {self._word}s {shown} are kept as pictures"
        if self._twice:
            yield f"{self._twice} files hold a picture that is there already"
        removed = set[str]().union(*(identifying(one.header) for one in self._slices))
        most_private = max(self._slices, key=lambda one: private_count(one.header))
        yield from dicom.left_out(most_private.header, sorted(removed))

    def _page(self, at: int, one: Member, own: Sequence[dicom.Line], first: int, *, is_shown: bool) -> Page:
        """A slice with what it alone says."""
        where = f"{self._anchor}, {self._word} {at + 1} of {len(self._slices)}, {one.name}"
        number = first + at
        if problem := exhausted(self._limits):
            return Page(number, (), label=where, problem=f"{where}: {problem}")
        lines = [f"{self._word.capitalize()} {at + 1} of {len(self._slices)}", *(line.text for line in own)]
        frames: list[dicom.Frame] = []
        if is_shown:
            frames, about = dicom.frames_of(dicom.opened(one.path), self._sink, self._limits, most=1)
            lines += about
        readings = tuple(line.reading for line in own if line.reading)
        record = Block("record", "\n".join(lines), anchor=where, readings=readings)
        if not frames:
            return Page(number, (record,), label=where)
        size = float(frames[0].width), float(frames[0].height)
        figure = Block("figure", "", Box(0.0, 0.0, *size), image=frames[0].image, anchor=where)
        return Page(number, (record, figure), *size, where, frames[0].image)


# ---------------------------------------------------------------- order


def ordered(members: Sequence[Member]) -> tuple[list[Member], str]:
    """The slices in order, and by what they were ordered."""
    along = _along(members)
    if along:
        return sorted(members, key=lambda one: (along[one.path], _number(one, "InstanceNumber"))), "position"
    if len({one.told("InstanceNumber") for one in members}) > 1:
        by_number = sorted(members, key=lambda one: (_number(one, "InstanceNumber"), one.name))
        return by_number, "instance number"
    return sorted(members, key=lambda one: one.name), "name"


def _along(members: Sequence[Member]) -> Mapping[Path, float]:
    """How far each slice lies along the normal of their common plane, in mm; nothing where they have none."""
    planes = [_numbers(one, "ImageOrientationPatient") for one in members]
    positions = [_numbers(one, "ImagePositionPatient") for one in members]
    first = planes[0]
    if len(first) != 6 or any(len(position) != 3 for position in positions):
        return {}
    if any(len(plane) != 6 or max(abs(a - b) for a, b in zip(plane, first)) > _ALIKE for plane in planes):
        return {}
    (a, b, c), (d, e, f) = first[:3], first[3:]
    normal = b * f - c * e, c * d - a * f, a * e - b * d
    return {
        one.path: sum(n * p for n, p in zip(normal, position)) for one, position in zip(members, positions)
    }


def _spacing(slices: Sequence[Member]) -> str:
    """In mm, where it is the same between all of them, else from the smallest to the largest."""
    along = _along(slices)
    steps = [abs(along[two.path] - along[one.path]) for one, two in pairwise(slices)] if along else []
    if not steps or max(steps) == 0:
        return ""
    small, large = f"{min(steps):.4g}", f"{max(steps):.4g}"
    return f"{small} mm" if small == large else f"{small} to {large} mm"


def _number(one: Member, keyword: str) -> float:
    found = _numbers(one, keyword)
    return found[0] if found else float("inf")


def _numbers(one: Member, keyword: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in one.told(keyword).split(", ") if part)
    except ValueError:
        return ()
