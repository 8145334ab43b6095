"""ZIP archives: a document of parts, each read as what it is. Places are "part 2: name.pdf, line 3".

Folders inside of it are parts of the names; what systems put beside files (__MACOSX, .DS_Store) is left
out. Nothing is unpacked under its own name. DICOM files of one study are read together, at the place of
the first of them: `dicom_series.py`.
"""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from core.errors import SightlineError, UnreadableFile
from core.ports import ImageSink
from core.types import Content, Page
from ingest.limits import Limits
from ingest.readers.package import DAMAGE, open_package, read_member
from ingest.readers.parts import Parts, failed, shown_name

if TYPE_CHECKING:
    from ingest.readers.dicom_series import Member

ZIP = "application/zip"
_CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_DICOM_AT, _DICOM = 128, b"DICM"


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    return read_parts(path, Parts(sink, limits))


def read_parts(path: Path, parts: Parts) -> Content:
    """Raises UnreadableFile for an empty or damaged archive, LockedFile for one with a password, TooLarge."""
    with parts.deeper(), open_package(path, parts.limits) as package:
        members = [member for member in package.infolist() if _is_wanted(member)]
        if not members:
            raise UnreadableFile("the archive is empty")
        with TemporaryDirectory(dir=Path.cwd(), prefix="slices-") as folder:
            return _Archive(package, members, parts, Path(folder)).content()


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    return not member.is_dir() and not any(clutter in member.filename for clutter in _CLUTTER)


class _Archive:
    def __init__(
        self, package: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], parts: Parts, folder: Path
    ) -> None:
        self._package = package
        self._members = members
        self._parts = parts
        self._folder = folder
        self._names = {number: member.filename for number, member in enumerate(members)}

    def content(self) -> Content:
        studies = self._studies()
        pages = tuple(self._pages(studies))
        if len(studies) != 1 or len(studies[0]) != len(self._members):
            return Content(ZIP, pages)
        from ingest.readers import dicom_series

        return Content(ZIP, pages, dicom_series.title_of(list(studies[0].values())), {
            "study": next(iter(studies[0].values())).told("StudyInstanceUID"),
        })  # fmt: skip

    def _pages(self, studies: Sequence[Mapping[int, "Member"]]) -> Iterator[Page]:
        page = 0
        for number in range(len(self._members)):
            study = next((study for study in studies if number in study), {})
            if study and number != min(study):
                continue  # it was read with the first of its study
            found = self._study(studies, study, page + 1) if study else self._part(number, page + 1)
            for one in found:
                yield one
                page = one.number

    def _part(self, number: int, first: int) -> tuple[Page, ...]:
        name = self._names[number]
        try:
            data = self._unpacked(number)
        except SightlineError as error:
            return (failed(f"part {number + 1}: {shown_name(name)}", error.message, first),)
        return self._parts.pages(data, name, number + 1, first)

    def _unpacked(self, number: int) -> bytes:
        kept = self._path(number)
        if kept.exists():
            return kept.read_bytes()
        data = read_member(self._package, self._members[number], self._parts.room)
        self._parts.count(data)
        return data

    # ------------------------------------------------------------ DICOM

    def _study(
        self, studies: Sequence[Mapping[int, "Member"]], study: Mapping[int, "Member"], first: int
    ) -> Iterator[Page]:
        from ingest.readers import dicom_series

        within = f"study {list(studies).index(study) + 1}, " if len(studies) > 1 else ""
        return dicom_series.pages(list(study.values()), self._parts.sink, self._parts.limits, first, within)

    def _studies(self) -> list[dict[int, "Member"]]:
        """The studies that several members belong to: their files by number, unpacked into the folder."""
        numbers = [number for number in range(len(self._members)) if self._is_dicom(number)]
        if not numbers:
            return []
        from ingest.readers import dicom_series

        found: dict[int, Member] = {}
        for number in numbers:
            try:
                self._path(number).write_bytes(self._unpacked(number))
            except SightlineError:
                continue  # told of when it is its turn
            one = dicom_series.member(self._path(number), shown_name(self._members[number].filename))
            if one:
                found[number] = one
                self._names[number] = one.name
        return [
            {number: one for number, one in found.items() if one.told("StudyInstanceUID") == study}
            for study in dicom_series.studies(list(found.values()))
        ]

    def _is_dicom(self, number: int) -> bool:
        try:
            with self._package.open(self._members[number]) as file:
                return file.read(_DICOM_AT + len(_DICOM))[_DICOM_AT:] == _DICOM
        except DAMAGE:
            return False  # what is wrong with it is told of when it is its turn

    def _path(self, number: int) -> Path:
        return self._folder / str(number)
